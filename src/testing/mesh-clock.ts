import { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import type { Behaviour } from './behaviour';
import { MeshAnswer } from './mesh-answer';
import type { MeshRequest, SendOptions } from './mesh-request';
import { answererNames, requestSpec, senderName } from './sender';
import type { Simulator } from './simulator';
import type { MeshPlay } from '../analysis/play';
import { MeshError } from '../model/error';
import { guarded } from '../private/arguments';
import { requireInteger } from '../private/check';
import { wholeMillis } from '../private/duration';

/** Options of `MeshTesting.clock()`. */
export interface MeshClockOptions {
  /**
   * Where the numbers begin that stand for chance: weights, shares of faults, the choice of an endpoint, pauses between retries. The same seed gives
   * the same answers; a whole number from 1.
   * @default 1
   */
  readonly seed?: number;
}

/** An endpoint that a proxy sends no requests to for a while. */
export interface EjectedEndpoint {
  /** The proxy that ejected it: `productpage-v1.default`. Each judges for itself. */
  readonly proxy: string;
  /** `10.0.0.1:9080`. */
  readonly endpoint: string;
  /** The Pod behind it; undefined for one outside the mesh. */
  readonly pod?: string;
}

/**
 * A mesh in the course of time. Nothing waits: the clock is a virtual one, so thirty seconds of ejection take no time. What Envoy does over time is
 * played as real Envoy does it: timeouts, retries with their pauses, injected faults, mirrors, circuit breakers, outlier detection, failover.
 * Controllers with several replicas have as many Pods. Applications answer 200 at once, unless their behaviour is declared.
 * @example
 * const clock = MeshTesting.of(chart).clock();
 * clock.behave(v1, Behaviour.answer(503));
 * clock.send(MeshRequest.get('http://reviews:9080/'), { from: productpage }).expectStatus(503).expectFlags('URX').expectAttempts(3);
 */
export class MeshClock {
  /** @internal */
  public static _of(simulator: Simulator, play: MeshPlay): MeshClock { return new MeshClock(simulator, play); }

  private readonly simulator: Simulator;
  private readonly play: MeshPlay;

  private constructor(simulator: Simulator, play: MeshPlay) {
    this.simulator = simulator;
    this.play = play;
  }

  /** Time since the clock was made. */
  public get now(): Duration { return Duration.millis(Math.round(this.play.clock.now)); }

  /**
   * Declares what an application does from now on: a `MeshService` (all its versions), a `MeshVersion`, an `ExternalService`, or a workload of
   * cdk8s-plus. Throws MESH_CALLER_UNKNOWN for anything else.
   */
  public behave(target: IConstruct, behaviour: Behaviour): MeshClock {
    for (const name of answererNames(target, this.simulator)) this.play.behave(name, undefined, behaviour._phases());
    return this;
  }

  /** The same by name: a workload, a Pod, the host of a service or of an outside one, or an IP address. Throws MESH_WORKLOAD_UNKNOWN where nothing has it. */
  public behaveNamed(name: string, behaviour: Behaviour): MeshClock {
    this.play.behave(name, undefined, behaviour._phases());
    return this;
  }

  /** Declares whether Pods are ready from now on, as readiness probes would find: `reviews-v1`, or one Pod of it, `reviews-v1-0`. */
  public setReady(name: string, ready: boolean): MeshClock {
    this.play.setReady(name, undefined, ready);
    return this;
  }

  /** Lets time go by, with all that happens in it. Throws MESH_DURATION_INVALID for a part of a millisecond. */
  public advance(time: Duration): MeshClock {
    this.play.clock.advance(wholeMillis('advance()', time));
    return this;
  }

  /** Sends a request and lets time go by until it is answered. Throws MESH_EXPECTATION where it never is: then `begin()` it, and advance the clock. */
  public send(request: MeshRequest, options: SendOptions = {}): MeshAnswer {
    return this.sendAtOnce(1, request, options)[0];
  }

  /**
   * Sends many requests at the same moment, and lets time go by until all are answered. Throws MESH_COUNT_INVALID for a number outside 1 to 1,000,000,
   * and MESH_EXPECTATION where one is never answered.
   */
  public sendAtOnce(count: number, request: MeshRequest, options: SendOptions = {}): MeshAnswer[] {
    requireInteger(undefined, 'MESH_COUNT_INVALID', 'sendAtOnce()', count, 1, 1_000_000);
    const answers = Array.from({ length: count }, () => this.begin(request, options));
    let over = 0;
    const all = (): boolean => {
      while (over < count && answers[over].done) over++;
      return over === count;
    };
    if (this.play.clock.runUntil(all)) return answers;
    const rule = 'a request that is sent must be answered at some time, got one that nobody answers and no timeout ends';
    throw new MeshError('MESH_EXPECTATION', `${rule}; give its route a timeout, or begin() it and advance the clock`, `${request.method} ${request.url}`);
  }

  /** Sends a request and does not wait for its answer: `advance()` the clock until it is `done`. */
  public begin(request: MeshRequest, options: SendOptions = {}): MeshAnswer {
    const from = senderName(options, this.simulator);
    return MeshAnswer._of(request, from, this.play.send(requestSpec(request, options, from)), this.simulator);
  }

  /** Endpoints that are ejected now. */
  public ejected(): EjectedEndpoint[] { return this.play.ejected(); }
}

guarded('MeshClock', MeshClock);
