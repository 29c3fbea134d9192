import { Duration } from 'cdk8s';
import type { MeshRequest } from './mesh-request';
import type { Simulator } from './simulator';
import type { PlayedRequest } from '../analysis/play';
import { MeshError } from '../model/error';
import { guarded } from '../private/arguments';
import { millisOf } from '../private/duration';
import type { IRouteDestination } from '../route';

/** One attempt to get an answer: the first, or a retry. */
export interface MeshAttempt {
  /** When it began, on the clock. */
  readonly at: Duration;
  /** Until it ended. */
  readonly took: Duration;
  /** `10.0.0.1:9080`. */
  readonly endpoint: string;
  /** The Pod behind the endpoint, `reviews-v1-0.default`; undefined for one outside the mesh. */
  readonly pod?: string;
  /** `answer`, `reset`, `connect-failure`, `connect-timeout`, `per-try-timeout`, `timeout` or `overflow`. */
  readonly outcome: string;
  /** Status of an answer; undefined where there is none. */
  readonly status?: number;
}

/** A copy of a request that a mirror got. */
export interface MeshCopy {
  /** `reviews/v2`. */
  readonly target: string;
  /** What the mirror answered; undefined until it has. The caller never sees it. */
  readonly status?: number;
}

/**
 * What one request got in the course of time. The `expect…` verbs return the answer itself, and throw MESH_EXPECTATION with all attempts where it
 * is otherwise.
 */
export class MeshAnswer {
  /** @internal */
  public static _of(request: MeshRequest, from: string, played: PlayedRequest, simulator: Simulator): MeshAnswer {
    return new MeshAnswer(request, from, played, simulator);
  }

  private readonly request: MeshRequest;
  private readonly from: string;
  private readonly played: PlayedRequest;
  private readonly simulator: Simulator;

  private constructor(request: MeshRequest, from: string, played: PlayedRequest, simulator: Simulator) {
    this.request = request;
    this.from = from;
    this.played = played;
    this.simulator = simulator;
  }

  /** Whether the request is over. One that was begun stays open until the clock gets to its answer. */
  public get done(): boolean { return this.played.elapsedMs !== undefined; }
  /** Status that the caller gets; undefined while the request is open, and where the connection ends without an answer. */
  public get status(): number | undefined { return this.played.status; }
  /** Envoy's response flags, as in its access log: `URX`, `UF`; none for a plain answer. */
  public get flags(): string[] { return [...this.played.flags]; }
  /** Envoy's details of the answer: `via_upstream`, `response_timeout`, `upstream_reset_before_response_started{overflow}`. */
  public get details(): string { return this.played.details; }
  /** When the request was sent, on the clock. */
  public get sentAt(): Duration { return ms(this.played.atMs); }
  /** From sending the request until its answer; undefined while it is open. */
  public get elapsed(): Duration | undefined { return this.played.elapsedMs === undefined ? undefined : ms(this.played.elapsedMs); }
  /** Where the deciding rule sent it: `reviews/v1`; undefined where the mesh answers by itself. */
  public get target(): string | undefined { return this.played.target && this.nameOf(this.played.target); }
  /** What was tried, in order; none where the mesh answers by itself. */
  public get attempts(): MeshAttempt[] {
    return this.played.attempts.map(({ atMs, tookMs, ...attempt }) => ({ ...attempt, at: ms(atMs), took: ms(tookMs) }));
  }
  /** Copies that mirrors got. */
  public get copies(): MeshCopy[] {
    return this.played.mirrors.map((copy) => ({ target: this.nameOf(copy), ...(copy.status !== undefined && { status: copy.status }) }));
  }

  /** The caller gets this status. */
  public expectStatus(status: number): MeshAnswer {
    return this.require(this.status === status, `the caller must get ${status}, got ${this.toString()}`);
  }

  /** The access log of the caller's proxy has these response flags, in any order, and no others. */
  public expectFlags(...flags: string[]): MeshAnswer {
    const right = [...flags].sort().join() === this.flags.sort().join();
    return this.require(right, `the flags must be ${flags.length === 0 ? 'none' : flags.join(', ')}, got ${this.toString()}`);
  }

  /** So many attempts were made, the first among them. */
  public expectAttempts(count: number): MeshAnswer {
    return this.require(this.played.attempts.length === count, `there must be ${count} attempts, got ${this.played.attempts.length}`);
  }

  /** It takes at least so long, and at most so long: exactly `least` where `most` is left out. Pauses between attempts are drawn, so they need a range. */
  public expectElapsed(least: Duration, most: Duration = least): MeshAnswer {
    const { elapsedMs = -1 } = this.played;
    const wanted = least === most ? text(least) : `${text(least)} to ${text(most)}`;
    const right = elapsedMs >= millisOf(least) && elapsedMs <= millisOf(most);
    return this.require(right, `the answer must take ${wanted}, got ${elapsedMs < 0 ? 'none yet' : text(ms(elapsedMs))}`);
  }

  /** This service or version answers; a service stands for all its versions. */
  public expectTarget(target: IRouteDestination): MeshAnswer {
    const wanted = this.simulator.fullHost(target.hostFrom(undefined), undefined);
    const { target: got, attempts } = this.played;
    const answered = attempts[attempts.length - 1]?.outcome === 'answer';
    const right = answered && got?.host === wanted && (target.subset === undefined || target.subset === got.subset);
    return this.require(right, `${wanted}${target.subset === undefined ? '' : ` ${target.subset}`} must answer, got ${this.toString()}`);
  }

  /** `504 UT after 1 s from reviews/v1`. */
  public toString(): string {
    const { elapsedMs } = this.played;
    if (elapsedMs === undefined) return 'no answer yet';
    const told = [this.status ?? 'a closed connection', ...(this.flags.length > 0 ? [this.flags.join()] : [])].join(' ');
    return `${told} after ${text(ms(elapsedMs))}${this.target === undefined ? '' : ` from ${this.target}`}`;
  }

  /** What happened, attempt by attempt. */
  public trace(): string {
    const { atMs, proxy, details } = this.played;
    return [
      `at ${text(ms(atMs))} by ${proxy}: ${this.toString()}${details === '' ? '' : ` (${details})`}`,
      ...this.played.attempts.map(({ atMs: start, tookMs, endpoint, pod, outcome, status }, i) =>
        `  ${i + 1}. at ${text(ms(start))} ${endpoint}${pod === undefined ? '' : ` ${pod}`}: ${outcome}${status === undefined ? '' : ` ${status}`} after ${text(ms(tookMs))}`),
    ].join('\n');
  }

  private nameOf({ host, subset }: { readonly host: string; readonly subset: string }): string {
    const { proxy } = this.played;
    const short = this.simulator.shortHost(host, proxy.slice(proxy.lastIndexOf('.') + 1));
    return subset === '' ? short : `${short}/${subset}`;
  }

  private require(right: boolean, rule: string): MeshAnswer {
    if (right) return this;
    throw new MeshError('MESH_EXPECTATION', `${rule}; see why below\n\n${this.trace()}\n`, `${this.request.method} ${this.request.url} from ${this.from}`);
  }
}

guarded('MeshAnswer', MeshAnswer);

/** Durations are whole milliseconds. */
function ms(milliseconds: number): Duration { return Duration.millis(Math.round(milliseconds)); }

function text(duration: Duration): string { return `${millisOf(duration) / 1000} s`; }
