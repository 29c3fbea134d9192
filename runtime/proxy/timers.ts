/** Monotonic milliseconds and one timer: all that the proxy needs of time, so that a test can move it. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Calls `run` once after `ms`. Must not keep the process alive. */
  after(ms: number, run: () => void): { cancel(): void };
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A deadline; link of the queue of its duration. */
export interface Deadline {
  at: number;
  run: (() => void) | undefined;
  before: Deadline | undefined;
  after: Deadline | undefined;
  queue: Queue;
}

interface Queue {
  readonly ms: number;
  first: Deadline | undefined;
  last: Deadline | undefined;
}

/** Deadlines are met up to this much late, which lets one wake-up serve many. */
const COARSE_MS = 4;

const NOWHERE: Queue = { ms: 0, first: undefined, last: undefined };

/**
 * Many deadlines on one timer of the clock. Requests of one route share a duration, so each duration keeps a queue that is in order
 * by itself: setting and cancelling a deadline cost a few assignments, and no timer object is made per request.
 */
export class Timers {
  private readonly queues = new Map<number, Queue>();
  private wake: { cancel(): void } | undefined;
  private wakeAt = Infinity;

  public constructor(public readonly clock: Clock) {}

  public set(ms: number, run: () => void): Deadline {
    const queue = this.queueOf(ms);
    const deadline: Deadline = { at: this.clock.now() + ms, run, before: queue.last, after: undefined, queue };
    if (queue.last === undefined) queue.first = deadline;
    else queue.last.after = deadline;
    queue.last = deadline;
    if (deadline.at < this.wakeAt) this.wakeUp(deadline.at);
    return deadline;
  }

  public cancel(deadline: Deadline | undefined): void {
    if (deadline?.run === undefined) return;
    deadline.run = undefined;
    this.unlink(deadline);
  }

  public close(): void {
    this.wake?.cancel();
    this.wake = undefined;
    this.wakeAt = Infinity;
    this.queues.clear();
  }

  private queueOf(ms: number): Queue {
    let queue = this.queues.get(ms);
    if (queue === undefined) this.queues.set(ms, queue = { ms, first: undefined, last: undefined });
    return queue;
  }

  private unlink(deadline: Deadline): void {
    const { before, after, queue } = deadline;
    if (before === undefined) queue.first = after;
    else before.after = after;
    if (after === undefined) queue.last = before;
    else after.before = before;
    // One due deadline may cancel another that is due too: it must find nothing left to unlink.
    deadline.before = undefined;
    deadline.after = undefined;
    deadline.queue = NOWHERE;
  }

  private wakeUp(at: number): void {
    this.wake?.cancel();
    this.wakeAt = at;
    this.wake = this.clock.after(Math.max(1, Math.ceil(at - this.clock.now()) + COARSE_MS - 1), () => this.expire());
  }

  private expire(): void {
    this.wake = undefined;
    this.wakeAt = Infinity;
    const now = this.clock.now();
    const due: Deadline[] = [];
    let next = Infinity;
    for (const queue of this.queues.values()) {
      for (let deadline = queue.first; deadline !== undefined && deadline.at <= now; deadline = queue.first) {
        this.unlink(deadline);
        due.push(deadline);
      }
      if (queue.first !== undefined) next = Math.min(next, queue.first.at);
      else this.queues.delete(queue.ms);
    }
    if (next < this.wakeAt) this.wakeUp(next);
    for (const deadline of due) {
      const { run } = deadline;
      deadline.run = undefined;
      run?.();
    }
  }
}
