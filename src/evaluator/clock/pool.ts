import type { Clock } from './clock';
import type { Limits } from './limits';

/** Why a request did not get a connection. */
export type PoolFailure = 'overflow' | 'connect-failure' | 'connect-timeout';

/** What becomes of a connection that is opened. */
export type Connecting = 'connected' | 'connect-failure' | 'connect-timeout';

/** Someone who wants a connection. */
export interface Waiter {
  /** Opens a new one, where one is needed. */
  connect(): Connecting;
  /** The request may be sent; `release` gives the connection back, or ends it. */
  ready(release: (broken: boolean) => void): void;
  failed(failure: PoolFailure): void;
}

interface PooledConnection {
  streams: number;
  carried: number;
}

/**
 * Connections to one host, as Envoy pools them: a request that finds none free waits, a connection is opened while there are more who wait
 * than connections under way, and a host without any may always open its first.
 */
export class Pool {
  /** Who waits, the longest first. */
  private readonly waiting = new Set<Waiter>();
  private readonly connections = new Set<PooledConnection>();
  /** Those that carry nothing now; some may be out of use. */
  private readonly idle: PooledConnection[] = [];
  private connecting = 0;

  public constructor(private readonly limits: Limits, private readonly clock: Clock, private readonly connected: () => void) {}

  /** Asks for a connection; the answer may come at once. Returns how to stop waiting. */
  public acquire(waiter: Waiter): () => void {
    const free = this.free();
    if (free !== undefined) {
      this.attach(free, waiter);
      return () => undefined;
    }
    const { limits } = this;
    if (limits.pending >= limits.maxPending) {
      waiter.failed('overflow');
      return () => undefined;
    }
    this.waiting.add(waiter);
    limits.pending++;
    this.openIfNeeded();
    return () => this.forget(waiter);
  }

  private free(): PooledConnection | undefined {
    if (this.limits.multiplexed) return this.connections.values().next().value;
    for (let connection = this.idle.pop(); connection !== undefined; connection = this.idle.pop()) {
      if (this.connections.has(connection)) return connection;
    }
    return undefined;
  }

  private attach(connection: PooledConnection, waiter: Waiter): void {
    const { limits } = this;
    if (limits.requests >= limits.maxRequests) {
      this.idle.push(connection);
      waiter.failed('overflow');
      return;
    }
    limits.requests++;
    connection.streams++;
    connection.carried++;
    const worn = limits.maxRequestsPerConnection > 0 && connection.carried >= limits.maxRequestsPerConnection;
    if (worn) this.drop(connection);
    let released = false;
    waiter.ready(broken => {
      if (released) return;
      released = true;
      limits.requests--;
      connection.streams--;
      if (broken && !limits.multiplexed) this.drop(connection);
      if (worn && connection.streams === 0) limits.connections--;
      if (connection.streams === 0) this.idle.push(connection);
      this.serve();
    });
  }

  /** Takes a connection out of use; one that is worn still carries its last request, and counts. */
  private drop(connection: PooledConnection): void {
    if (this.connections.delete(connection) && connection.streams === 0) this.limits.connections--;
  }

  private serve(): void {
    for (const waiter of this.waiting) {
      const free = this.free();
      if (free === undefined) break;
      this.limits.pending--;
      this.waiting.delete(waiter);
      this.attach(free, waiter);
    }
    this.openIfNeeded();
  }

  private openIfNeeded(): void {
    const { limits } = this;
    for (;;) {
      const capacity = limits.multiplexed ? this.connecting * Infinity : this.connecting;
      if (this.waiting.size === 0 || (this.connecting > 0 && this.waiting.size <= capacity)) return;
      if (limits.connections >= limits.maxConnections && this.connections.size + this.connecting > 0) return;
      this.open();
    }
  }

  private open(): void {
    const { limits, clock } = this;
    limits.connections++;
    this.connecting++;
    const [waiter] = this.waiting;
    const outcome = waiter!.connect();
    clock.after(outcome === 'connect-timeout' ? limits.connectTimeoutMs : 0, () => {
      this.connecting--;
      if (outcome === 'connected') {
        const connection = { streams: 0, carried: 0 };
        this.connections.add(connection);
        this.idle.push(connection);
        this.connected();
        this.serve();
        return;
      }
      limits.connections--;
      // As Envoy: a failed connection fails all that wait for this host; each may be tried again elsewhere.
      const failed = [...this.waiting];
      this.waiting.clear();
      for (const each of failed) {
        each.failed(outcome);
        limits.pending--; // it counts until it is told
      }
    });
  }

  private forget(waiter: Waiter): void {
    if (this.waiting.delete(waiter)) this.limits.pending--;
  }
}
