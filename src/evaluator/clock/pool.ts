import type { Clock } from './clock';
import type { Limits } from './limits';

/** Why a request did not get a connection. */
export type PoolFailure = 'overflow' | 'connect-failure' | 'connect-timeout';

/** Someone who wants a connection. */
export interface Waiter {
  /** The request may be sent; `release` gives the connection back, or ends it. */
  ready(release: (broken: boolean) => void): void;
  failed(failure: PoolFailure): void;
}

/** What happens when a connection to the host is opened; nothing where it never opens. */
export type Connect = () => 'connected' | 'connect-failure' | 'connect-timeout';

interface PooledConnection {
  streams: number;
  carried: number;
}

/**
 * Connections to one host, as Envoy pools them: a request that finds none free waits, a connection is opened while there are more who wait
 * than connections under way, and a host without any may always open its first.
 */
export class Pool {
  private readonly waiting: Waiter[] = [];
  private readonly connections = new Set<PooledConnection>();
  private connecting = 0;

  public constructor(
    private readonly limits: Limits, private readonly clock: Clock, private readonly connect: Connect, private readonly connected: () => void,
  ) {}

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
    this.waiting.push(waiter);
    limits.pending++;
    this.openIfNeeded();
    return () => this.forget(waiter);
  }

  private free(): PooledConnection | undefined {
    for (const connection of this.connections) {
      if (this.limits.multiplexed || connection.streams === 0) return connection;
    }
    return undefined;
  }

  private attach(connection: PooledConnection, waiter: Waiter): void {
    const { limits } = this;
    if (limits.requests >= limits.maxRequests) {
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
      this.serve();
    });
  }

  /** Takes a connection out of use; one that is worn still carries its last request, and counts. */
  private drop(connection: PooledConnection): void {
    if (this.connections.delete(connection) && connection.streams === 0) this.limits.connections--;
  }

  private serve(): void {
    while (this.waiting.length > 0) {
      const free = this.free();
      if (free === undefined) break;
      this.limits.pending--;
      this.attach(free, this.waiting.shift()!);
    }
    this.openIfNeeded();
  }

  private openIfNeeded(): void {
    const { limits } = this;
    for (;;) {
      const capacity = limits.multiplexed ? this.connecting * Infinity : this.connecting;
      if (this.waiting.length === 0 || (this.connecting > 0 && this.waiting.length <= capacity)) return;
      if (limits.connections >= limits.maxConnections && this.connections.size + this.connecting > 0) return;
      this.open();
    }
  }

  private open(): void {
    const { limits, clock } = this;
    limits.connections++;
    this.connecting++;
    const outcome = this.connect();
    clock.after(outcome === 'connect-timeout' ? limits.connectTimeoutMs : 0, () => {
      this.connecting--;
      if (outcome === 'connected') {
        this.connections.add({ streams: 0, carried: 0 });
        this.connected();
        this.serve();
        return;
      }
      limits.connections--;
      // As Envoy: a failed connection fails all that wait for this host; each may be tried again elsewhere.
      for (const waiter of this.waiting.splice(0)) {
        waiter.failed(outcome);
        limits.pending--; // it counts until it is told
      }
    });
  }

  private forget(waiter: Waiter): void {
    const index = this.waiting.indexOf(waiter);
    if (index < 0) return;
    this.waiting.splice(index, 1);
    this.limits.pending--;
  }
}
