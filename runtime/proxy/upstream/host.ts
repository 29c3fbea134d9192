import { ClientConnection, type Keeper } from '../http1/client-connection';
import type { Timers } from '../timers';

/** Someone who waits for a connection. */
export interface Waiter {
  onConnection(connection: ClientConnection): void;
  onNoConnection(detail: string): void;
}

/** What all hosts of one cluster share: limits, counts, and how to connect. */
export interface ClusterLimits {
  connectTimeoutMs: number;
  maxConnections: number;
  maxPending: number;
  maxRequests: number;
  maxRetries: number;
  /** 0: no limit. */
  maxRequestsPerConnection: number;
  connections: number;
  pending: number;
  requests: number;
  retries: number;
  readonly stats: ClusterStats;
}

/** Counts of one cluster, under Envoy's names. */
export interface ClusterStats {
  upstream_cx_total: number;
  upstream_cx_connect_fail: number;
  upstream_cx_overflow: number;
  upstream_rq_total: number;
  upstream_rq_2xx: number;
  upstream_rq_3xx: number;
  upstream_rq_4xx: number;
  upstream_rq_5xx: number;
  upstream_rq_pending_overflow: number;
  upstream_rq_retry: number;
  upstream_rq_retry_success: number;
  upstream_rq_retry_limit_exceeded: number;
  upstream_rq_retry_overflow: number;
  upstream_rq_timeout: number;
  upstream_rq_per_try_timeout: number;
  upstream_rq_rx_reset: number;
  upstream_cx_none_healthy: number;
}

export function clusterStats(): ClusterStats {
  return {
    upstream_cx_total: 0,
    upstream_cx_connect_fail: 0,
    upstream_cx_overflow: 0,
    upstream_rq_total: 0,
    upstream_rq_2xx: 0,
    upstream_rq_3xx: 0,
    upstream_rq_4xx: 0,
    upstream_rq_5xx: 0,
    upstream_rq_pending_overflow: 0,
    upstream_rq_retry: 0,
    upstream_rq_retry_success: 0,
    upstream_rq_retry_limit_exceeded: 0,
    upstream_rq_retry_overflow: 0,
    upstream_rq_timeout: 0,
    upstream_rq_per_try_timeout: 0,
    upstream_rq_rx_reset: 0,
    upstream_cx_none_healthy: 0,
  };
}

/** Counts a response. */
export function countUpstream(stats: ClusterStats, status: number): void {
  if (status < 300) stats.upstream_rq_2xx++;
  else if (status < 400) stats.upstream_rq_3xx++;
  else if (status < 500) stats.upstream_rq_4xx++;
  else stats.upstream_rq_5xx++;
}

export type Health = 'healthy' | 'unhealthy' | 'draining';

/** What the endpoint list says of a host. */
export interface HostFacts {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly health: Health;
  readonly priority: number;
  readonly locality: string;
  /** The transport socket that matches this endpoint is TLS. */
  readonly tls: boolean;
}

/** One upstream host with its keep-alive pool. It outlives changes of the endpoint list as long as its address stays. */
export class Host implements Keeper {
  public readonly key: string;
  /** Requests under way: what least-request compares. */
  public active = 0;
  public readonly stats = { rqTotal: 0, rqSuccess: 0, rqError: 0, rqTimeout: 0, cxTotal: 0, cxConnectFail: 0 };
  private readonly idle: ClientConnection[] = [];
  private readonly all = new Set<ClientConnection>();
  private readonly waiting: Waiter[] = [];
  private connecting = 0;
  private removed = false;

  public constructor(public facts: HostFacts, private readonly limits: ClusterLimits, private readonly timers: Timers) {
    this.key = hostKey(facts);
  }

  public get connections(): number {
    return this.all.size;
  }

  /** A free connection at once, or 'waiting', or 'overflow' when the cluster's limits forbid to wait. */
  public acquire(waiter: Waiter): ClientConnection | 'waiting' | 'overflow' {
    for (let connection = this.idle.pop(); connection !== undefined; connection = this.idle.pop()) {
      if (connection.usable) return connection;
      connection.close();
    }
    const { limits } = this;
    const full = limits.connections >= limits.maxConnections;
    // Envoy always allows a host its first connection, or a request could wait for ever.
    const open = !full || this.all.size === 0;
    if (limits.pending >= limits.maxPending) {
      limits.stats.upstream_rq_pending_overflow++;
      return 'overflow';
    }
    if (full) limits.stats.upstream_cx_overflow++;
    this.waiting.push(waiter);
    limits.pending++;
    if (open) this.connect();
    return 'waiting';
  }

  /** Stops waiting. */
  public forget(waiter: Waiter): void {
    const index = this.waiting.indexOf(waiter);
    if (index < 0) return;
    this.waiting.splice(index, 1);
    this.limits.pending--;
  }

  /** The host left the cluster: idle connections end now, busy ones with their request. */
  public remove(): void {
    this.removed = true;
    this.idle.splice(0).forEach(connection => connection.close());
  }

  /** Ends everything at once. */
  public destroy(): void {
    this.removed = true;
    for (const connection of [...this.all]) connection.close();
    this.failWaiting('cluster_removed');
  }

  /** Closes idle connections that must not be used any more. */
  public sweep(): void {
    for (let i = this.idle.length - 1; i >= 0; i--) {
      if (!this.idle[i].usable) this.idle.splice(i, 1)[0].close();
    }
  }

  public onConnected(connection: ClientConnection): void {
    this.connecting--;
    this.serve(connection);
  }

  public onConnectFailure(connection: ClientConnection, detail: string): void {
    this.connecting--;
    this.dropped(connection);
    this.stats.cxConnectFail++;
    this.limits.stats.upstream_cx_connect_fail++;
    this.failWaiting(detail);
  }

  public onFree(connection: ClientConnection): void {
    const { maxRequestsPerConnection } = this.limits;
    const worn = maxRequestsPerConnection > 0 && connection.requests >= maxRequestsPerConnection;
    if (this.removed || worn) connection.close();
    else this.serve(connection);
  }

  public onClosed(connection: ClientConnection): void {
    const index = this.idle.indexOf(connection);
    if (index >= 0) this.idle.splice(index, 1);
    if (!connection.connected && this.all.has(connection)) this.connecting--;
    this.dropped(connection);
    if (this.waiting.length > this.connecting && !this.removed) this.connect();
  }

  private serve(connection: ClientConnection): void {
    const waiter = this.waiting.shift();
    if (waiter === undefined) {
      if (this.removed) connection.close();
      else this.idle.push(connection);
      return;
    }
    this.limits.pending--;
    waiter.onConnection(connection);
  }

  private connect(): void {
    const { address, port } = this.facts;
    this.connecting++;
    this.stats.cxTotal++;
    this.limits.stats.upstream_cx_total++;
    this.limits.connections++;
    this.all.add(new ClientConnection({ address, port, connectTimeoutMs: this.limits.connectTimeoutMs }, this, this.timers));
  }

  private dropped(connection: ClientConnection): void {
    if (this.all.delete(connection)) this.limits.connections--;
  }

  /** As Envoy: a failed connection fails all that wait for this host; each may be retried elsewhere. */
  private failWaiting(detail: string): void {
    for (const waiter of this.waiting.splice(0)) {
      this.limits.pending--;
      waiter.onNoConnection(detail);
    }
  }
}

/** What identifies a host in its cluster. */
export function hostKey({ address, port }: Pick<HostFacts, 'address' | 'port'>): string {
  return address.startsWith('/') ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
