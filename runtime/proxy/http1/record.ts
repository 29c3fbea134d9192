import type { Decision, Forward } from '../../../src/evaluator';
import type { RequestReport } from '../environment';
import type { RequestHead } from './request-head';
import type { ResponseHead } from './response-head';
import type { LogEntry } from '../filters/access-log';
import type { HttpStats } from '../listener/http-config';
import type { UpstreamCluster } from '../upstream/cluster';
import type { Host } from '../upstream/host';

/** Where a request came in. */
export interface Arrival {
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly listenerName: string;
}

/** What is known of one request in the end: for the access log and for whoever watches. Filled in by its exchange as it goes. */
export class RequestRecord implements LogEntry {
  public readonly protocol = 'HTTP/1.1';
  public readonly terminationDetails = '';
  public readonly serverName = '';
  public status = 0;
  public flags = '';
  public details = '';
  public transportFailure = '';
  public bytesReceived = 0;
  public bytesSent = 0;
  public durationMs = 0;
  public attempts = 0;
  public upstreamLocal = '';
  public serviceTimeMs = -1;
  public decision: Decision | undefined;
  public cluster: UpstreamCluster | undefined;
  public host: Host | undefined;
  public response: ResponseHead | undefined;
  /** Headers of an answer that the proxy made. */
  public ownHeaders: readonly (readonly [string, string])[] | undefined;

  public constructor(private readonly arrival: Arrival, private readonly head: RequestHead, public readonly startTime: number) {}

  public get upstreamHost(): string {
    return this.host?.key ?? '';
  }

  public get clusterName(): string {
    return this.cluster === undefined ? '' : this.cluster.name;
  }

  public get downstreamLocal(): string {
    return this.arrival.localAddress;
  }

  public get downstreamRemote(): string {
    return this.arrival.remoteAddress;
  }

  public get downstreamDirectRemote(): string {
    return this.arrival.remoteAddress;
  }

  public get routeName(): string {
    return this.decision?.routeName ?? '';
  }

  public get virtualHost(): string {
    return this.decision?.virtualHost ?? '';
  }

  public get route(): Forward | undefined {
    return this.decision?.kind === 'forward' ? this.decision : undefined;
  }

  /** Adds a response flag, in the order in which things happened. */
  public flag(flag: string): void {
    this.flags = this.flags === '' ? flag : `${this.flags},${flag}`;
  }

  public requestHeader(name: string): string | undefined {
    const { head, route } = this;
    switch (name) {
      case ':method': return head.method;
      case ':path': return route?.path ?? head.path;
      case ':authority': return route?.authority ?? head.authority;
      case ':scheme': return head.scheme;
      default: return route?.requestHeaders.add.find(added => added.name === name)?.value ?? head.get(name);
    }
  }

  public responseHeader(name: string): string | undefined {
    if (name === ':status') return String(this.status);
    if (name === 'x-envoy-upstream-service-time') return this.serviceTimeMs < 0 ? undefined : String(this.serviceTimeMs);
    if (this.response !== undefined) return this.response.get(name);
    return this.ownHeaders?.find(([known]) => known === name)?.[1];
  }

  public report(): RequestReport {
    const { head: { method, path, authority } } = this;
    return {
      method,
      path,
      authority,
      status: this.status,
      flags: this.flags,
      details: this.details,
      cluster: this.clusterName,
      upstreamHost: this.upstreamHost,
      routeName: this.routeName,
      virtualHost: this.virtualHost,
      durationMs: this.durationMs,
      attempts: this.attempts,
      listener: this.arrival.listenerName,
      requestHeader: name => this.requestHeader(name),
      responseHeader: name => this.responseHeader(name),
    };
  }
}

/** Counts a finished request in its connection manager. */
export function countDownstream(stats: HttpStats, status: number): void {
  if (status >= 500) stats.rq5xx++;
  else if (status >= 400) stats.rq4xx++;
  else if (status >= 300) stats.rq3xx++;
  else if (status >= 200) stats.rq2xx++;
  else if (status >= 100) stats.rq1xx++;
}
