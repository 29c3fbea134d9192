/** Something that will happen, unless it is cancelled before. */
export interface Timer {
  cancel(): void;
}

interface Event {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Virtual time in milliseconds. What is due happens in order of time; what is due at once, in the order it was asked for. */
export class Clock {
  private time = 0;
  private asked = 0;
  /** A binary heap: the next event first. */
  private readonly heap: Event[] = [];

  public get now(): number { return this.time; }

  public after(delayMs: number, run: () => void): Timer {
    const event: Event = { at: this.time + Math.max(0, delayMs), order: this.asked++, run };
    this.push(event);
    return { cancel: () => { event.run = undefined; } };
  }

  /** Lets everything happen until `done`; false where nothing is left to happen before. */
  public runUntil(done: () => boolean): boolean {
    while (!done()) {
      if (!this.step(Infinity)) return false;
    }
    return true;
  }

  /** Lets so much time go by, with all that happens in it. */
  public advance(ms: number): void {
    const end = this.time + ms;
    while (this.step(end)) { /* one event after another */ }
    this.time = end;
  }

  /** The next event that is due by `end`. */
  private step(end: number): boolean {
    for (let next = this.heap[0]; next !== undefined && next.at <= end; next = this.heap[0]) {
      this.pop();
      if (next.run === undefined) continue;
      this.time = next.at;
      next.run();
      return true;
    }
    return false;
  }

  private push(event: Event): void {
    const { heap } = this;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = Math.floor((i - 1) / 2);
      if (before(heap[parent]!, event)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = event;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
