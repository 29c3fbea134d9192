import type { Clock } from '../../../runtime/proxy';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Time that moves only when told to. */
export class ManualClock implements Clock {
  private time = 0;
  private readonly timers = new Set<Timer>();

  public now(): number {
    return this.time;
  }

  public wall(): number {
    return Date.UTC(2026, 0, 1) + this.time;
  }

  public after(ms: number, run: () => void): { cancel(): void } {
    const timer = { at: this.time + ms, run };
    this.timers.add(timer);
    return { cancel: () => this.timers.delete(timer) };
  }

  /** Moves time on and runs what is due, in order. */
  public advance(ms: number): void {
    const end = this.time + ms;
    for (let next = this.next(end); next !== undefined; next = this.next(end)) {
      this.timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }

  private next(end: number): Timer | undefined {
    return [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}
