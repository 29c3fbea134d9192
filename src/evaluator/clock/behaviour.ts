import type { Clock } from './clock';

/** What an application does with one request. */
export type Reaction =
  | { readonly kind: 'answer'; readonly status: number; readonly takesMs: number; readonly headers: Readonly<Record<string, string>> }
  /** It ends the connection without an answer. */
  | { readonly kind: 'reset'; readonly takesMs: number }
  /** It never answers. */
  | { readonly kind: 'hang' }
  /** Nothing listens: connections are refused at once. */
  | { readonly kind: 'refuse' }
  /** Nothing replies: connections never open. */
  | { readonly kind: 'unreachable' };

/** A reaction for a while: for so many requests, or until a time after the declaration, or for good. */
export interface Phase {
  readonly reaction: Reaction;
  readonly requests?: number;
  readonly untilMs?: number;
}

export const HEALTHY: Reaction = { kind: 'answer', status: 200, takesMs: 0, headers: {} };

/** A declared behaviour: one phase after another. After the last it answers 200 at once. */
export class Behaviour {
  private readonly since: number;
  private phase = 0;
  private taken = 0;

  public constructor(private readonly phases: readonly Phase[], private readonly clock: Clock) {
    this.since = clock.now;
  }

  /** What happens to a connection, or a request, now. A request counts, a connection does not. */
  public now(): Reaction {
    for (let phase = this.phases[this.phase]; phase !== undefined; phase = this.phases[++this.phase], this.taken = 0) {
      const { requests = Infinity, untilMs = Infinity } = phase;
      if (this.taken < requests && this.clock.now - this.since < untilMs) return phase.reaction;
    }
    return HEALTHY;
  }

  /** Takes a request. */
  public take(): Reaction {
    const reaction = this.now();
    this.taken++;
    return reaction;
  }
}
