import type { Clock, Timer } from './clock';
import type { Connecting, PoolFailure } from './pool';
import type { RunningCluster, RunningHost } from './running-cluster';
import type { Draw, Forward, Retry } from '../decision';
import { backOffBoundMs, retriesFailure, retriesResponse, type AttemptFailure } from '../retry';

/** What comes of an attempt that reached its host. */
export type UpstreamEnd =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'reset' };

/** Sends one attempt to a host; `done` is called at most once. Returns how to give it up. */
export type SendUpstream = (host: RunningHost, done: (end: UpstreamEnd) => void) => () => void;

/** One attempt of a request. */
export interface PlayedAttempt {
  /** When it began, in milliseconds of the clock. */
  readonly atMs: number;
  /** Until it ended. */
  readonly tookMs: number;
  /** `10.0.0.1:9080`. */
  readonly endpoint: string;
  readonly address: string;
  readonly outcome: 'answer' | 'reset' | 'connect-failure' | 'connect-timeout' | 'per-try-timeout' | 'timeout' | 'overflow';
  /** Status of an answer. */
  readonly status?: number;
}

/** How a request ended at the proxy that routed it. */
export interface Routed {
  readonly status: number;
  /** Envoy's response flags in the order that they were set, as its access log has them: `URX`, `UF`. */
  readonly flags: readonly string[];
  readonly details: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly attempts: readonly PlayedAttempt[];
}

/** What a request is routed with. */
export interface Route {
  readonly clock: Clock;
  readonly draw: Draw;
  readonly cluster: RunningCluster;
  /** Where the cluster has no hosts of its own, the one that was dialled. */
  readonly dialled?: RunningHost;
  readonly connect: (host: RunningHost) => Connecting;
  readonly send: SendUpstream;
}

type Order = Pick<Forward, 'timeoutMs' | 'retry' | 'hash'>;

const DETAILS: Readonly<Record<AttemptFailure | PoolFailure, string>> = {
  'reset': 'upstream_reset_before_response_started{connection_termination}',
  'connect-failure': 'upstream_reset_before_response_started{remote_connection_failure}',
  'connect-timeout': 'upstream_reset_before_response_started{connection_timeout}',
  'overflow': 'upstream_reset_before_response_started{overflow}',
  'per-try-timeout': 'upstream_per_try_timeout',
};
const FAILURE_FLAGS: Readonly<Record<AttemptFailure | PoolFailure, string>> = {
  'reset': 'UC', 'connect-failure': 'UF', 'connect-timeout': 'UF', 'overflow': 'UO', 'per-try-timeout': 'UT',
};

/** Sends a request through a cluster as Envoy's router does: timeout, attempts, pauses between them, circuit breakers. */
export function route(how: Route, order: Order, done: (routed: Routed) => void): void {
  new Run(how, order, done).start();
}

/** An attempt under way. */
interface Under {
  readonly host: RunningHost;
  readonly atMs: number;
  /** The request was sent, so an answer may come. */
  sent: boolean;
  /** Gives it up, or its place in the queue. */
  cancel: () => void;
}

class Run {
  private readonly flags = new Set<string>();
  private readonly attempts: PlayedAttempt[] = [];
  private readonly tried: RunningHost[] = [];
  private retries = 0;
  private retrying = false;
  private total?: Timer;
  private pause?: Timer;
  private under?: Under;

  public constructor(private readonly how: Route, private readonly order: Order, private readonly done: (routed: Routed) => void) {}

  public start(): void {
    const { clock } = this.how;
    if (this.order.timeoutMs > 0) this.total = clock.after(this.order.timeoutMs, () => this.timedOut());
    this.attempt();
  }

  private attempt(): void {
    const { cluster, dialled, clock } = this.how;
    const host = dialled ?? cluster.pick(this.order.hash, this.tried, this.order.retry);
    if (host === undefined) return this.finish(503, 'UH', 'no_healthy_upstream');
    const under: Under = { host, atMs: clock.now, sent: false, cancel: () => undefined };
    this.under = under;
    const forget = host.acquire({
      connect: () => this.how.connect(host),
      ready: release => this.send(under, release),
      failed: failure => this.poolFailed(under, failure),
    });
    if (this.under === under && !under.sent) under.cancel = forget;
  }

  private send(under: Under, release: (broken: boolean) => void): void {
    const { clock, send } = this.how;
    under.sent = true;
    const perTryMs = this.order.retry?.perTryTimeoutMs ?? 0;
    const perTry = perTryMs > 0 ? clock.after(perTryMs, () => {
      under.cancel();
      under.host.record({ local: 'timeout' });
      this.failed(under, 'per-try-timeout', 504);
    }) : undefined;
    let over = false;
    const stop = (broken: boolean): void => {
      over = true;
      perTry?.cancel();
      release(broken);
    };
    const giveUp = send(under.host, end => {
      if (over) return;
      const { retry } = this.order;
      if (end.kind === 'reset') {
        under.host.record({ local: 'connect-failure' });
        this.failed(under, 'reset', 503, () => stop(true));
        return;
      }
      under.host.record({ status: end.status });
      const wants = retry !== undefined && retriesResponse(retry, { status: end.status, get: name => end.headers[name] });
      this.ended(under, 'answer', end.status);
      const again = wants && this.mayRetry(retry);
      stop(false);
      if (again) this.retry(retry);
      else this.finish(end.status, '', 'via_upstream', end.headers);
    });
    under.cancel = () => {
      giveUp();
      stop(true);
    };
  }

  private poolFailed(under: Under, failure: PoolFailure): void {
    // What this proxy's own limits do says nothing about the host.
    if (failure !== 'overflow') under.host.record({ local: 'connect-failure' });
    this.failed(under, failure, 503);
  }

  /** An attempt ended without an answer. What it held is given back after the decision, as in Envoy. */
  private failed(under: Under, failure: AttemptFailure | PoolFailure, status: number, release: () => void = () => undefined): void {
    const { retry } = this.order;
    this.ended(under, failure);
    const kind = failure === 'connect-timeout' ? 'connect-failure' : failure;
    const wants = retry !== undefined && kind !== 'overflow' && retriesFailure(retry, kind);
    const again = wants && this.mayRetry(retry);
    release();
    if (again) return this.retry(retry);
    this.finish(status, FAILURE_FLAGS[failure], DETAILS[failure]);
  }

  private ended({ host, atMs }: Under, outcome: PlayedAttempt['outcome'], status?: number): void {
    this.tried.push(host);
    const where = { endpoint: host.name, address: host.host.address };
    this.attempts.push({ atMs, tookMs: this.how.clock.now - atMs, ...where, outcome, ...(status !== undefined && { status }) });
    this.under = undefined;
  }

  /** Takes one more retry from what the policy and the cluster allow. */
  private mayRetry(retry: Retry): boolean {
    const { limits } = this.how.cluster;
    this.endRetry();
    if (this.retries >= retry.numRetries) {
      this.flags.add('URX');
      return false;
    }
    this.retries++;
    if (!limits.mayRetry) {
      this.flags.add('UO');
      return false;
    }
    this.retrying = true;
    limits.retries++;
    return true;
  }

  private retry(retry: Retry): void {
    const bound = backOffBoundMs(retry, this.retries);
    this.pause = this.how.clock.after(bound <= 1 ? 0 : this.how.draw('backOff', bound), () => this.attempt());
  }

  private endRetry(): void {
    if (this.retrying) this.how.cluster.limits.retries--;
    this.retrying = false;
  }

  private timedOut(): void {
    const { under } = this;
    this.pause?.cancel();
    if (under !== undefined) {
      if (under.sent) under.host.record({ local: 'timeout' });
      under.cancel();
      this.ended(under, 'timeout');
    }
    this.finish(504, 'UT', 'response_timeout');
  }

  private finish(status: number, flag: string, details: string, headers: Readonly<Record<string, string>> = {}): void {
    this.total?.cancel();
    this.endRetry();
    if (flag !== '') this.flags.add(flag);
    this.done({ status, flags: [...this.flags], details, headers, attempts: this.attempts });
  }
}
