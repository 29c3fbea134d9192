import type { DateLine } from './http1/dates';
import type { Timers } from './timers';
import type { UpstreamCluster } from './upstream/cluster';
import type { Draw } from '../../src/evaluator';

/** One finished request, for people and tests. */
export interface RequestReport {
  readonly method: string;
  /** Path as the client sent it, normalized. */
  readonly path: string;
  readonly authority: string;
  /** 0: the client left before there was a response. */
  readonly status: number;
  /** Envoy's response flags, comma-separated, or ''. */
  readonly flags: string;
  readonly details: string;
  readonly cluster: string;
  readonly upstreamHost: string;
  readonly routeName: string;
  readonly virtualHost: string;
  readonly durationMs: number;
  readonly attempts: number;
  /** Name of the listener. */
  readonly listener: string;
  requestHeader(name: string): string | undefined;
  responseHeader(name: string): string | undefined;
}

/** What all connections of one proxy share. */
export interface Environment {
  readonly timers: Timers;
  readonly dates: DateLine;
  readonly draw: Draw;
  /** Uniform in [0, 1): jitter of retries. */
  readonly random: () => number;
  readonly newRequestId: () => string;
  /** The proxy's own address, which stands in for loopback clients in X-Forwarded-For. */
  readonly ownAddress: string;
  readonly cluster: (name: string) => UpstreamCluster | undefined;
  readonly accessLog: ((line: string) => void) | undefined;
  readonly onRequest: ((report: RequestReport) => void) | undefined;
}
