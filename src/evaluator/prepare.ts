import { assignmentName, prepareCluster, type ClusterTable, type Host } from './clusters';
import type { Draw } from './decision';
import { chooseByHash, choosesByHash } from './hash/choose';
import { indexListeners, type ListenerIndex } from './listeners';
import type { HttpTerminal } from './network-filters';
import { prepareRoutes, type RouteTable } from './route-table';
import type { TraceSink } from './trace';
import type { Cluster } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterLoadAssignment } from '../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Listener } from '../xds/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '../xds/gen/envoy/config/route/v3/route_pb';

/** All that one proxy is sent. */
export interface ProxyResources {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  readonly routes: readonly RouteConfiguration[];
  readonly endpoints: readonly ClusterLoadAssignment[];
}

/** A proxy's resources, ready to be asked. Each message is prepared when it is first needed, and only once. */
export interface PreparedProxy {
  readonly listeners: ListenerIndex;
  /** The route table of an HTTP connection manager; undefined while RDS has not brought it. */
  readonly routesOf: (terminal: HttpTerminal) => RouteTable | undefined;
  readonly cluster: (name: string) => ClusterTable | undefined;
}

const prepared = new WeakMap<ProxyResources, PreparedProxy>();

export function prepare(resources: ProxyResources): PreparedProxy {
  let proxy = prepared.get(resources);
  if (proxy === undefined) prepared.set(resources, proxy = build(resources));
  return proxy;
}

function build({ listeners, clusters, routes, endpoints }: ProxyResources): PreparedProxy {
  const routeByName = new Map(routes.map(route => [route.name, route]));
  const clusterByName = new Map<string, Cluster>();
  // Of two clusters of one name Envoy keeps the first.
  for (const cluster of clusters) {
    if (!clusterByName.has(cluster.name)) clusterByName.set(cluster.name, cluster);
  }
  const tables = new Map<string, ClusterTable>();
  const assignmentByName = new Map(endpoints.map(assignment => [assignment.clusterName, assignment]));
  return {
    listeners: indexListeners(listeners),
    routesOf: ({ inline, rdsName }) => {
      const route = inline ?? routeByName.get(rdsName);
      return route && prepareRoutes(route);
    },
    cluster: name => {
      let table = tables.get(name);
      if (table !== undefined) return table;
      const cluster = clusterByName.get(name);
      if (cluster === undefined) return undefined;
      const service = assignmentName(cluster);
      table = prepareCluster(cluster, service === undefined ? undefined : assignmentByName.get(service));
      tables.set(name, table);
      return table;
    },
  };
}

/** What becomes of a request once its cluster is known. */
export type ClusterOutcome =
  | { readonly kind: 'endpoints'; readonly cluster: ClusterTable }
  | { readonly kind: 'original-destination'; readonly cluster: ClusterTable }
  | { readonly kind: 'failed'; readonly status: 503; readonly flag: 'NC' | 'UH'; readonly details: string; readonly because: string };

/** Whether a cluster can take a request: unknown (503, NC), without a healthy host (503, UH), or ready. */
export function clusterOutcome(proxy: PreparedProxy, name: string, trace?: TraceSink): ClusterOutcome {
  const cluster = proxy.cluster(name);
  if (cluster === undefined) return failed(name, 'NC', 'cluster_not_found', 'the proxy has no cluster of this name', trace);
  if (cluster.kind === 'original-destination') {
    trace?.({ step: 'cluster', name, outcome: 'chosen', because: 'connects to the address that was dialled' });
    return { kind: 'original-destination', cluster };
  }
  if (cluster.shares.length === 0) {
    const because = cluster.hosts.length === 0 ? 'it has no endpoint' : `none of its ${cluster.hosts.length} endpoints is healthy`;
    return failed(name, 'UH', 'no_healthy_upstream', because, trace);
  }
  if (trace !== undefined) {
    trace({ step: 'cluster', name, outcome: 'chosen', detail: cluster.lbPolicy });
    for (const host of cluster.hosts) traceHost(cluster, host, trace);
  }
  return { kind: 'endpoints', cluster };
}

function failed(name: string, flag: 'NC' | 'UH', details: string, because: string, trace: TraceSink | undefined): ClusterOutcome {
  trace?.({ step: 'cluster', name, outcome: 'failed', because });
  return { kind: 'failed', status: 503, flag, details, because };
}

function traceHost(cluster: ClusterTable, host: Host, trace: TraceSink): void {
  const taken = cluster.shares.some(share => share.host === host);
  const because = taken ? undefined : host.healthy ? `priority ${host.priority} is not needed` : 'unhealthy';
  trace({ step: 'endpoint', name: `${host.address}:${host.port}`, outcome: taken ? 'chosen' : 'skipped', ...(because && { because }) });
}

/** The host that a request's hash leads to, or one by its share, as an idle cluster would choose it. `undefined` where no host takes traffic. */
export function pickEndpoint(cluster: ClusterTable, draw: Draw, hash?: bigint): Host | undefined {
  if (hash !== undefined && choosesByHash(cluster)) return chooseByHash(cluster, hash);
  const { shares } = cluster;
  if (shares.length <= 1) return shares[0]?.host;
  let rest = draw('endpoint', SHARE_BOUND) * 100 / SHARE_BOUND;
  for (const { host, percent } of shares) {
    if (rest < percent) return host;
    rest -= percent;
  }
  return shares[shares.length - 1]!.host;
}

const SHARE_BOUND = 2 ** 31;
