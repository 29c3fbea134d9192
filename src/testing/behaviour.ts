import type { Duration } from 'cdk8s';
import type { Phase, Reaction } from '../evaluator';
import { guarded } from '../private/arguments';
import { requireInteger } from '../private/check';
import { wholeMillis } from '../private/duration';

/** What an application answers. */
export interface AnswerOptions {
  /**
   * How long it takes.
   * @default - no time
   */
  readonly takes?: Duration;
  /**
   * Headers of the answer, such as `grpc-status`.
   * @default - none
   */
  readonly headers?: { [name: string]: string };
}

/**
 * What an application does with requests, declared for a test: real ones answer in their own way. Immutable: each verb returns another behaviour.
 * @example
 * Behaviour.answer(503).times(2).followedBy(Behaviour.answer(200, { takes: Duration.millis(30) }));
 */
export class Behaviour {
  /** Answers with this status. Throws MESH_STATUS_INVALID for one outside 200 to 599, MESH_DURATION_INVALID. */
  public static answer(status: number, options: AnswerOptions = {}): Behaviour {
    requireInteger(undefined, 'MESH_STATUS_INVALID', 'the status of an answer', status, 200, 599);
    const headers = Object.fromEntries(Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
    return Behaviour.ever({ kind: 'answer', status, takesMs: timeOf(options.takes), headers });
  }
  /** Ends the connection without an answer, after so long; at once by default. Throws MESH_DURATION_INVALID for a part of a millisecond. */
  public static reset(takes?: Duration): Behaviour { return Behaviour.ever({ kind: 'reset', takesMs: timeOf(takes) }); }
  /** Takes requests and never answers. */
  public static hang(): Behaviour { return Behaviour.ever({ kind: 'hang' }); }
  /** Listens no more: connections to the application are refused. A sidecar in its Pod still runs, and answers 503. */
  public static refuse(): Behaviour { return Behaviour.ever({ kind: 'refuse' }); }
  /** The whole Pod, or host, is away: connections to it never open. */
  public static unreachable(): Behaviour { return Behaviour.ever({ kind: 'unreachable' }); }

  private static ever(reaction: Reaction): Behaviour { return new Behaviour([{ reaction }]); }

  private readonly phases: readonly Phase[];

  private constructor(phases: readonly Phase[]) {
    this.phases = phases;
  }

  /** The same for the next `count` requests only; then what follows, or 200 at once. Throws MESH_COUNT_INVALID for a number outside 1 to 1,000,000. */
  public times(count: number): Behaviour {
    requireInteger(undefined, 'MESH_COUNT_INVALID', 'times()', count, 1, 1_000_000);
    return this.limited({ requests: count });
  }

  /** The same until so long after it was declared; then what follows, or 200 at once. Throws MESH_DURATION_INVALID. */
  public until(time: Duration): Behaviour { return this.limited({ untilMs: wholeMillis('until()', time) }); }

  /** What comes after `times()` or `until()`. */
  public followedBy(next: Behaviour): Behaviour { return new Behaviour([...this.phases, ...next.phases]); }

  /** @internal */
  public _phases(): readonly Phase[] { return this.phases; }

  private limited(limit: Pick<Phase, 'requests' | 'untilMs'>): Behaviour {
    const last = this.phases[this.phases.length - 1];
    return new Behaviour([...this.phases.slice(0, -1), { ...last, ...limit }]);
  }
}

guarded('Behaviour', Behaviour);

function timeOf(takes: Duration | undefined): number { return takes === undefined ? 0 : wholeMillis('takes', takes); }
