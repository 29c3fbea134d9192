import { Cluster_DiscoveryType as Type, Cluster_LbPolicy, type Cluster } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Address } from '../xds/gen/envoy/config/core/v3/address_pb';
import { HealthStatus } from '../xds/gen/envoy/config/core/v3/health_check_pb';
import type { LbEndpoint, LocalityLbEndpoints } from '../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { ClusterLoadAssignment } from '../xds/gen/envoy/config/endpoint/v3/endpoint_pb';

/** One host of a cluster. */
export interface Host {
  /** IP, DNS name, or path of a unix socket. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly weight: number;
  readonly healthy: boolean;
  readonly priority: number;
  /** `region/zone/subzone`, parts may be empty. */
  readonly locality: string;
  readonly message: LbEndpoint;
}

/** A cluster with its hosts, prepared. */
export interface ClusterTable {
  readonly name: string;
  readonly message: Cluster;
  /** How hosts are found: from the configuration, or the address the caller dialled. */
  readonly kind: 'hosts' | 'original-destination';
  /** Envoy's name of the policy: `LEAST_REQUEST`. */
  readonly lbPolicy: string;
  readonly hosts: readonly Host[];
  /** Hosts that take traffic now, with their exact share. */
  readonly shares: readonly { readonly host: Host; readonly percent: number }[];
  /** Too few healthy hosts: all take traffic. */
  readonly panic: boolean;
  /** The same cluster where hosts have another state than the assignment gives them. */
  readonly rebalanced: (stateOf: (host: Host) => HostState) => ClusterTable;
}

/** Whether a host may take traffic; an absent one is not even counted. */
export type HostState = 'healthy' | 'unhealthy' | 'absent';

const DEFAULT_PANIC_PERCENT = 50;
const DEFAULT_OVERPROVISIONING = 140;
const NO_ASSIGNMENT = {};

const tables = new WeakMap<Cluster, WeakMap<object, ClusterTable>>();

/** Prepares a cluster and the assignment that belongs to it, once for the same two messages. */
export function prepareCluster(cluster: Cluster, assignment: ClusterLoadAssignment | undefined): ClusterTable {
  let perAssignment = tables.get(cluster);
  if (perAssignment === undefined) tables.set(cluster, perAssignment = new WeakMap());
  let table = perAssignment.get(assignment ?? NO_ASSIGNMENT);
  if (table === undefined) {
    table = build(cluster, assignment ?? cluster.loadAssignment);
    perAssignment.set(assignment ?? NO_ASSIGNMENT, table);
  }
  return table;
}

/** Name under which EDS brings the hosts of a cluster; undefined for other kinds of cluster. */
export function assignmentName(cluster: Cluster): string | undefined {
  const { clusterDiscoveryType: type } = cluster;
  if (type.case !== 'type' || type.value !== Type.EDS) return undefined;
  return cluster.edsClusterConfig?.serviceName || cluster.name;
}

function build(message: Cluster, assignment: ClusterLoadAssignment | undefined): ClusterTable {
  const { clusterDiscoveryType: type } = message;
  const common = { name: message.name, message, lbPolicy: Cluster_LbPolicy[message.lbPolicy] ?? '' };
  if (type.case === 'type' && type.value === Type.ORIGINAL_DST) {
    const table: ClusterTable = { ...common, kind: 'original-destination', hosts: [], shares: [], panic: false, rebalanced: () => table };
    return table;
  }
  const localities = assignment?.endpoints ?? [];
  const hosts = localities.flatMap(group => group.lbEndpoints.map(endpoint => prepareHost(endpoint, group)));
  const threshold = message.commonLbConfig?.healthyPanicThreshold;
  const panicPercent = threshold === undefined ? DEFAULT_PANIC_PERCENT : threshold.value;
  const overprovisioning = assignment?.policy?.overprovisioningFactor ?? DEFAULT_OVERPROVISIONING;
  const byLocality = message.commonLbConfig?.localityConfigSpecifier.case === 'localityWeightedLbConfig';
  const rebalanced = (stateOf: (host: Host) => HostState): ClusterTable => {
    const there = hosts.filter(host => stateOf(host) !== 'absent');
    const balance = { panicPercent, overprovisioning, byLocality, isHealthy: (host: Host) => stateOf(host) === 'healthy' };
    return { ...common, kind: 'hosts', hosts: there, ...share(there, localities, balance), rebalanced };
  };
  return rebalanced(({ healthy }) => (healthy ? 'healthy' : 'unhealthy'));
}

function prepareHost(endpoint: LbEndpoint, group: LocalityLbEndpoints): Host {
  const address = endpoint.hostIdentifier.case === 'endpoint' ? endpoint.hostIdentifier.value.address : undefined;
  const { region = '', zone = '', subZone = '' } = group.locality ?? {};
  return {
    ...addressOf(address),
    weight: endpoint.loadBalancingWeight ?? 1,
    healthy: endpoint.healthStatus === HealthStatus.UNKNOWN || endpoint.healthStatus === HealthStatus.HEALTHY,
    priority: group.priority,
    locality: [region, zone, subZone].join('/').replace(/\/+$/, ''),
    message: endpoint,
  };
}

function addressOf(address: Address | undefined): { address: string; port: number } {
  const known = address?.address;
  if (known?.case === 'socketAddress') {
    return { address: known.value.address, port: known.value.portSpecifier.case === 'portValue' ? known.value.portSpecifier.value : 0 };
  }
  if (known?.case === 'pipe') return { address: known.value.path, port: 0 };
  return { address: known?.case === 'envoyInternalAddress' ? known.value.addressNameSpecifier.value ?? '' : '', port: 0 };
}

interface Balance {
  readonly panicPercent: number;
  readonly overprovisioning: number;
  readonly byLocality: boolean;
  readonly isHealthy: (host: Host) => boolean;
}

/** Envoy's load of each priority, then of each host in it, without what is known only at run time (open requests, ejections). */
function share(
  hosts: readonly Host[], localities: readonly LocalityLbEndpoints[], balance: Balance,
): Pick<ClusterTable, 'shares' | 'panic'> {
  const priorities = [...new Set(hosts.map(({ priority }) => priority))].sort((a, b) => a - b);
  const levels = priorities.map(priority => {
    const all = hosts.filter(host => host.priority === priority);
    const healthy = all.filter(balance.isHealthy);
    // Whole percents, as Envoy counts.
    const health = Math.min(100, Math.floor(balance.overprovisioning * healthy.length / all.length));
    return { all, healthy, health, healthyPercent: 100 * healthy.length / all.length };
  });
  const total = Math.min(100, levels.reduce((sum, { health }) => sum + health, 0));
  const panicking = (healthyPercent: number): boolean => total < 100 && healthyPercent < balance.panicPercent;
  const panic = levels.some(({ healthyPercent }) => panicking(healthyPercent));
  const loads = loadsOf(levels.map(({ health }) => health), total, panic);
  const shares = levels.flatMap(({ all, healthy, healthyPercent }, i) => {
    if (loads[i]! <= 0) return [];
    // In panic Envoy takes no notice of localities.
    if (panicking(healthyPercent)) return split(all, loads[i]!, host => host.weight);
    return split(healthy, loads[i]!, balance.byLocality ? localityWeights(all, healthy, localities, balance.overprovisioning) : host => host.weight);
  });
  return { shares, panic };
}

/** Percent of each priority: what it is healthy enough for, and what rounding leaves goes to the first that takes any. */
function loadsOf(healths: readonly number[], total: number, panic: boolean): number[] {
  if (total === 0) return healths.map((_, i) => (i === 0 && panic ? 100 : 0));
  let left = 100;
  const loads = healths.map(health => {
    const load = Math.min(left, Math.floor(health * 100 / total));
    left -= load;
    return load;
  });
  const first = loads.findIndex(load => load > 0);
  return loads.map((load, i) => (i === first ? load + left : load));
}

function split(hosts: readonly Host[], percent: number, weightOf: (host: Host) => number): ClusterTable['shares'][number][] {
  const weights = hosts.map(weightOf);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return sum === 0 ? [] : hosts.map((host, i) => ({ host, percent: percent * weights[i]! / sum }));
}

/** A host's part of its locality's weight, which counts in full while the locality is healthy enough. */
function localityWeights(
  all: readonly Host[], healthy: readonly Host[], localities: readonly LocalityLbEndpoints[], overprovisioning: number,
): (host: Host) => number {
  const groupOf = new Map<LbEndpoint, LocalityLbEndpoints>();
  localities.forEach(group => group.lbEndpoints.forEach(endpoint => groupOf.set(endpoint, group)));
  const within = (hosts: readonly Host[], { locality }: Host): readonly Host[] => hosts.filter(host => host.locality === locality);
  return host => {
    const own = within(healthy, host);
    const availability = Math.min(1, overprovisioning / 100 * own.length / within(all, host).length);
    const weight = (groupOf.get(host.message)?.loadBalancingWeight ?? 0) * availability;
    return weight * host.weight / own.reduce((sum, each) => sum + each.weight, 0);
  };
}
