import type { TypeState } from './type-state';
import { prepareListener, type ProxyResources } from '../../../src/evaluator';
import { Cluster_DiscoveryType as Type, type Cluster } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Listener } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';

/** The four conversations. */
export interface States {
  readonly CDS: TypeState<'CDS'>;
  readonly EDS: TypeState<'EDS'>;
  readonly LDS: TypeState<'LDS'>;
  readonly RDS: TypeState<'RDS'>;
}

/** What can be put in force now. */
export interface Effective {
  readonly resources: ProxyResources;
  /** Clusters without endpoints yet, and listeners without routes yet: the version before stays in force. */
  readonly warmingClusters: readonly string[];
  readonly warmingListeners: readonly string[];
}

/** Name of the assignment that a cluster waits for; undefined if it waits for none. */
export function endpointName(cluster: Cluster): string | undefined {
  const { clusterDiscoveryType: type } = cluster;
  return type.case === 'type' && type.value === Type.EDS ? cluster.edsClusterConfig?.serviceName || cluster.name : undefined;
}

/** Names of the route configurations that a listener waits for. */
export function routeNames(listener: Listener): string[] {
  const { chains, fallback } = prepareListener(listener);
  return (fallback === undefined ? chains : [...chains, fallback])
    .flatMap(({ terminal }) => (terminal.kind === 'http' && terminal.inline === undefined && terminal.rdsName !== '' ? [terminal.rdsName] : []));
}

/**
 * Joins the four types into one consistent configuration, as Envoy's warming does: a cluster is used once its endpoints are there, a
 * listener once its routes are; until then its predecessor in `before` stays, if it has one.
 */
export function effective(states: States, before: ProxyResources): Effective {
  const { CDS, EDS, LDS, RDS } = states;
  const warmingClusters: string[] = [];
  const warmingListeners: string[] = [];
  const oldClusters = new Map(before.clusters.map(cluster => [cluster.name, cluster]));
  const oldListeners = new Map(before.listeners.map(listener => [listener.name, listener]));
  const clusters = CDS.messages.flatMap(cluster => {
    const name = endpointName(cluster);
    if (name === undefined || EDS.accepted.has(name)) return [cluster];
    warmingClusters.push(cluster.name);
    const old = oldClusters.get(cluster.name);
    return old === undefined ? [] : [old];
  });
  const listeners = LDS.messages.flatMap(listener => {
    if (routeNames(listener).every(name => RDS.accepted.has(name))) return [listener];
    warmingListeners.push(listener.name);
    const old = oldListeners.get(listener.name);
    return old === undefined ? [] : [old];
  });
  return { resources: { clusters, endpoints: EDS.messages, listeners, routes: RDS.messages }, warmingClusters, warmingListeners };
}
