import type { MeshRequest } from './mesh-request';
import type { TargetShare } from './mesh-result';
import { guarded } from '../private/arguments';

/** What one request gets in one state. */
type Send = (state: string, from: string, request?: MeshRequest) => Sent;

interface Sent {
  readonly outcome: string;
  readonly because?: string;
  readonly distribution: TargetShare[];
}

/** A request that is not served in one state of a rollout. */
export interface RolloutFailure {
  /** The state: `step 1: weight 20 %`. */
  readonly state: string;
  /** Who sends the request: `productpage-v1.default`. */
  readonly from: string;
  /** What the caller gets: `routed` where only a share fails, else `failed`, `denied` … */
  readonly outcome: string;
  /** Why, e.g. `none of its 2 endpoints is healthy`. */
  readonly because: string;
}

/** What callers get in one state of a rollout. */
export interface RolloutStage {
  /** The state: `step 1: weight 20 %`. */
  readonly state: string;
  /** Every destination with its exact share, the largest first. */
  readonly distribution: TargetShare[];
}

/**
 * A rollout in each state that it passes through: the step that is emitted does not matter, each step is tried with the rest of the mesh as it is.
 */
export class RolloutTesting {
  /** @internal */
  public static _of(states: readonly string[], callers: readonly string[], send: Send): RolloutTesting {
    return new RolloutTesting(states, callers, send);
  }

  private readonly states: readonly string[];
  private readonly callers: readonly string[];
  private readonly send: Send;

  private constructor(states: readonly string[], callers: readonly string[], send: Send) {
    this.states = states;
    this.callers = callers;
    this.send = send;
  }

  /**
   * Every request that would fail in some state, sent from each workload of the mesh; none for a rollout that loses nothing. The request is
   * `GET /` to the service, unless another is given.
   * @example
   * expect(MeshTesting.of(chart).rollout(rollout).failures()).toEqual([]);
   */
  public failures(request?: MeshRequest): RolloutFailure[] {
    return this.states.flatMap((state) => this.callers.flatMap((from) => {
      const { outcome, because } = this.send(state, from, request);
      return because === undefined ? [] : [{ state, from, outcome, because }];
    }));
  }

  /** Where requests of one caller go in each state; the request is `GET /` to the service, unless another is given. */
  public stages(from: string, request?: MeshRequest): RolloutStage[] {
    return this.states.map((state) => ({ state, distribution: this.send(state, from, request).distribution }));
  }
}

guarded('RolloutTesting', RolloutTesting);
