import { randomUUID } from 'crypto';
import { networkInterfaces } from 'os';
import type { Environment, RequestReport } from './environment';
import { DateLine } from './http1/dates';
import type { HttpHandler } from './listener/handler';
import { httpStats, prepareHttp, type HttpConfig, type HttpRoutes, type HttpStats } from './listener/http-config';
import { RunningListener } from './listener/listener';
import { SYSTEM_CLOCK, Timers, type Clock } from './timers';
import { UpstreamCluster } from './upstream/cluster';
import { SYSTEM_RESOLVE, type Resolve } from './upstream/dns';
import { prepareListener, prepareRoutes, type Chain, type Draw, type ListenerTable, type ProxyResources } from '../../src/evaluator';
import type { Cluster } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterLoadAssignment } from '../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { RouteConfiguration } from '../../src/xds/gen/envoy/config/route/v3/route_pb';

/** What a data plane is given. Everything has a real default; tests put their own in. */
export interface DataPlaneOptions {
  /** Takes each access log line, its newline included. Without it no line is made. */
  readonly accessLog?: (line: string) => void;
  /** Takes each finished request. */
  readonly onRequest?: (report: RequestReport) => void;
  /** Weighted choices, fault shares, endpoints. */
  readonly draw?: Draw;
  /** Jitter of retries, uniform in [0, 1). */
  readonly random?: () => number;
  readonly clock?: Clock;
  readonly resolve?: Resolve;
  readonly log?: (message: string) => void;
}

/** What became of a configuration. */
export interface Applied {
  /** Listeners that could not be opened, with the reason. The others are in force. */
  readonly failed: readonly { readonly name: string; readonly error: string }[];
}

const SWEEP_MS = 1000;
/** Connections of a removed listener get this long to finish; then idle ones are closed. */
const DRAIN_MS = 5000;
/** A new DNS cluster is waited for at most this long before routes may use it. */
const WARM_MS = 5000;

export const EMPTY: ProxyResources = { listeners: [], clusters: [], routes: [], endpoints: [] };

export function createDataPlane(options: DataPlaneOptions = {}): DataPlane {
  return new DataPlane(options);
}

/** Listeners, routes and clusters that move bytes. Knows nothing of where its configuration comes from. */
export class DataPlane {
  public readonly clusters = new Map<string, UpstreamCluster>();
  public readonly listeners = new Map<string, RunningListener>();
  public readonly stats = new Map<string, HttpStats>();
  /** The configuration in force. */
  public resources: ProxyResources = EMPTY;

  private readonly timers: Timers;
  private readonly env: Environment;
  private readonly leaving = new Set<RunningListener>();
  private configs = new WeakMap<Chain, HttpConfig>();
  private readonly routes = new WeakMap<RouteConfiguration, HttpRoutes>();
  private readonly log: (message: string) => void;
  private readonly resolve: Resolve;
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;

  public constructor(options: DataPlaneOptions) {
    const random = options.random ?? Math.random;
    this.timers = new Timers(options.clock ?? SYSTEM_CLOCK);
    this.log = options.log ?? (() => undefined);
    this.resolve = options.resolve ?? SYSTEM_RESOLVE;
    this.env = {
      timers: this.timers,
      dates: new DateLine(this.timers.clock),
      draw: options.draw ?? ((_, bound) => Math.floor(random() * bound)),
      random,
      newRequestId: () => randomUUID(),
      ownAddress: ownAddress(),
      cluster: name => this.clusters.get(name),
      accessLog: options.accessLog,
      onRequest: options.onRequest,
    };
    this.sweep();
  }

  /**
   * Puts a configuration in force. New clusters are warmed and new sockets opened first; then everything changes between two requests.
   * Listeners whose addresses stay keep sockets and connections, hosts whose address stays keep theirs.
   */
  public apply(resources: ProxyResources): Promise<Applied> {
    const result = this.turn.then(() => this.change(resources));
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Ends everything now. */
  public async close(): Promise<void> {
    this.closed = true;
    await this.turn;
    for (const listener of [...this.listeners.values(), ...this.leaving]) listener.destroy();
    for (const cluster of this.clusters.values()) cluster.destroy();
    this.listeners.clear();
    this.leaving.clear();
    this.clusters.clear();
    this.timers.close();
  }

  /** Stops taking connections; those that are open finish. */
  public drain(): void {
    for (const listener of this.listeners.values()) listener.drain();
  }

  private async change(resources: ProxyResources): Promise<Applied> {
    if (this.closed) return { failed: [] };
    const next = this.plan(resources);
    const fresh = [...next.clusters].filter(([name]) => !this.clusters.has(name))
      .map(([, { message, assignment }]) => new UpstreamCluster(message, assignment, this.timers, this.resolve));
    await this.warm(fresh);
    const opened: RunningListener[] = [];
    const failed: { name: string; error: string }[] = [];
    for (const table of next.listeners.values()) {
      if (this.listeners.has(addressOf(table))) continue;
      const listener = new RunningListener(table, next.handlerOf, this.env, this.log);
      try {
        await listener.open();
        opened.push(listener);
      } catch (error) {
        failed.push({ name: table.name, error: (error as Error).message });
      }
    }
    this.swap(resources, next, fresh, opened, new Set(failed.map(({ name }) => name)));
    return { failed };
  }

  /** Everything that can fail happens here, before anything changes. */
  private plan(resources: ProxyResources): Plan {
    const routeByName = new Map(resources.routes.map(route => [route.name, route]));
    const assignments = new Map(resources.endpoints.map(assignment => [assignment.clusterName, assignment]));
    const clusters = new Map<string, { message: Cluster; assignment: ClusterLoadAssignment | undefined }>();
    for (const message of resources.clusters) {
      if (!clusters.has(message.name)) {
        clusters.set(message.name, { message, assignment: assignments.get(message.edsClusterConfig?.serviceName || message.name) });
      }
    }
    for (const route of resources.routes) prepareRoutes(route);
    const listeners = new Map<string, ListenerTable>();
    for (const message of resources.listeners) {
      const table = prepareListener(message);
      if (table.binds && table.keys.length > 0) listeners.set(addressOf(table), table);
    }
    const handlers = new Map<Chain, HttpHandler | undefined>();
    const handlerOf = (chain: Chain): HttpHandler | undefined => {
      if (!handlers.has(chain)) handlers.set(chain, this.handler(chain, routeByName));
      return handlers.get(chain);
    };
    for (const { chains, fallback } of listeners.values()) [...chains, ...(fallback === undefined ? [] : [fallback])].forEach(handlerOf);
    return { clusters, listeners, handlerOf };
  }

  private handler(chain: Chain, routeByName: ReadonlyMap<string, RouteConfiguration>): HttpHandler | undefined {
    const { terminal } = chain;
    if (terminal.kind !== 'http') return undefined;
    let config = this.configs.get(chain);
    if (config === undefined) this.configs.set(chain, config = prepareHttp(terminal, prefix => this.statsOf(prefix)));
    const route = config.inline ?? routeByName.get(config.rdsName);
    return { config, routes: route && this.routesOf(route) };
  }

  private routesOf(message: RouteConfiguration): HttpRoutes {
    let routes = this.routes.get(message);
    if (routes === undefined) {
      const counting = message.virtualHosts.filter(({ includeRequestAttemptCount }) => includeRequestAttemptCount).map(({ name }) => name);
      this.routes.set(message, routes = { table: prepareRoutes(message), attemptCount: new Set(counting) });
    }
    return routes;
  }

  private statsOf(prefix: string): HttpStats {
    let stats = this.stats.get(prefix);
    if (stats === undefined) this.stats.set(prefix, stats = httpStats());
    return stats;
  }

  private async warm(clusters: readonly UpstreamCluster[]): Promise<void> {
    const warming = Promise.all(clusters.map(cluster => cluster.warm()));
    let limit: { cancel(): void } | undefined;
    await Promise.race([warming, new Promise<void>(resolve => limit = this.timers.clock.after(WARM_MS, resolve))]);
    limit?.cancel();
  }

  /** The one moment of change: nothing in here waits. */
  private swap(
    resources: ProxyResources, next: Plan, fresh: readonly UpstreamCluster[], opened: readonly RunningListener[], failed: ReadonlySet<string>,
  ): void {
    for (const cluster of fresh) this.clusters.set(cluster.name, cluster);
    for (const [name, { message, assignment }] of next.clusters) this.clusters.get(name)?.update(message, assignment);
    for (const [address, table] of next.listeners) this.listeners.get(address)?.update(table, next.handlerOf);
    for (const listener of opened) this.listeners.set(listener.keys.join(), listener);
    for (const [address, listener] of this.listeners) {
      // A listener whose new address cannot be had stays at its old one.
      if (!next.listeners.has(address) && !failed.has(listener.name)) this.retire(address, listener);
    }
    for (const [name, cluster] of this.clusters) {
      if (next.clusters.has(name)) continue;
      this.clusters.delete(name);
      cluster.remove();
    }
    this.resources = resources;
  }

  private retire(address: string, listener: RunningListener): void {
    this.listeners.delete(address);
    this.leaving.add(listener);
    listener.drain();
    this.timers.set(DRAIN_MS, () => listener.closeIdle());
  }

  private sweep(): void {
    if (this.closed) return;
    const now = this.timers.clock.now();
    for (const listener of this.listeners.values()) listener.sweep(now);
    for (const listener of this.leaving) {
      listener.sweep(now);
      if (listener.connections === 0) this.leaving.delete(listener);
    }
    for (const cluster of this.clusters.values()) cluster.sweep();
    this.timers.set(SWEEP_MS, () => this.sweep());
  }
}

/** A configuration worked out, not yet in force. */
interface Plan {
  readonly clusters: ReadonlyMap<string, { readonly message: Cluster; readonly assignment: ClusterLoadAssignment | undefined }>;
  /** By their addresses: what a running listener is recognised by. */
  readonly listeners: ReadonlyMap<string, ListenerTable>;
  readonly handlerOf: (chain: Chain) => HttpHandler | undefined;
}

function addressOf({ keys }: ListenerTable): string {
  return keys.join();
}

/** First address of this machine that is not loopback. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap(entries => entries ?? []);
  return all.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
}
