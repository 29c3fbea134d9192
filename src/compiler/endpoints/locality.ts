import type { Endpoint, Service } from '../../model/service';
import { clusterLocal } from '../cluster-local';
import type { LocalityLbSetting, PolicyBlocks } from '../istio-api';
import type { View } from '../view';

/** Endpoints of one locality, and of one priority where a locality is split. */
export interface LocalityGroup {
  readonly locality: string;
  readonly endpoints: readonly Endpoint[];
  readonly priority: number;
  readonly weight: number;
}

/** The locality setting in force for a cluster (istio-behaviour D5). */
interface Setting {
  readonly setting: LocalityLbSetting;
  /** A service that asks for close endpoints fails over without outlier detection. */
  readonly forced: boolean;
}

const NETWORK = 'topology.istio.io/network';
const CLOSE = [NETWORK, 'topology.kubernetes.io/region', 'topology.kubernetes.io/zone'];
const CLOSER = [...CLOSE, 'topology.istio.io/subzone', 'kubernetes.io/hostname'];
const DISTRIBUTION: Readonly<Record<string, readonly string[]>> = { PreferSameZone: CLOSE, PreferSameNode: CLOSER };

/** The first that says anything: the DestinationRule, the service, the mesh. A rule that says no is the last word. */
function settingFor(view: View, policy: PolicyBlocks, service: Service): Setting | undefined {
  const own = policy.loadBalancer?.localityLbSetting;
  if (own !== undefined) return own.enabled === false ? undefined : { setting: own, forced: false };
  const failoverPriority = DISTRIBUTION[service.trafficDistribution ?? ''];
  if (failoverPriority !== undefined) return { setting: { failoverPriority }, forced: true };
  const mesh = view.mesh.model.config.raw.localityLbSetting as LocalityLbSetting | undefined;
  return mesh?.enabled === false ? undefined : { setting: mesh ?? {}, forced: false };
}

const isFilled = (list: readonly unknown[] | undefined): boolean => list !== undefined && list.length > 0;

const failsOver = (policy: PolicyBlocks, { forced }: Setting): boolean => forced || policy.outlierDetection !== undefined;

/** Whether localities carry weights, so that Envoy must look at them. */
export function localityWeighted(view: View, policy: PolicyBlocks, service: Service): boolean {
  const found = settingFor(view, policy, service);
  if (found === undefined) return false;
  const { distribute, failover, failoverPriority } = found.setting;
  return isFilled(distribute) || (failsOver(policy, found) && (isFilled(failover) || isFilled(failoverPriority)));
}

/** Whether an assignment may differ between callers in different places. */
export function dependsOnPlace(view: View, policy: PolicyBlocks, service: Service): boolean {
  const found = settingFor(view, policy, service);
  return nodeLocal(service) || view.mesh.model.networkGateways.length > 0 || clusterLocal(view.mesh, service.hostname)
    || (found !== undefined && (isFilled(found.setting.distribute) || failsOver(policy, found)));
}

/** Whether only endpoints on the caller's own node may be used. */
export const nodeLocal = (service: Service): boolean => service.registry === 'Kubernetes' && service.resource.spec.internalTrafficPolicy === 'Local';

/** Gives groups their weights or priorities as this proxy sees them. */
export function localityBalance(view: View, policy: PolicyBlocks, service: Service): (groups: readonly LocalityGroup[]) => readonly LocalityGroup[] {
  const found = settingFor(view, policy, service);
  if (found === undefined) return groups => groups;
  const { distribute, failover, failoverPriority } = found.setting;
  if (isFilled(distribute)) return groups => distributed(view, distribute ?? [], groups);
  if (!failsOver(policy, found)) return groups => groups;
  return (groups) => {
    const split = isFilled(failoverPriority) ? byLabels(view, failoverPriority ?? [], groups) : undefined;
    if (split !== undefined && !isFilled(failover)) return withoutGaps(split);
    const target = failover?.find(rule => rule.from === regionOf(view.locality))?.to;
    const offset = split === undefined ? 0 : 5;
    return withoutGaps((split ?? groups).map(group => ({
      ...group, priority: group.priority * offset + closeness(view.locality, group.locality, target),
    })));
  };
}

const partsOf = (locality: string): readonly [string, string, string] => {
  const [region = '', zone = '', ...subzone] = locality.split('/');
  return [region, zone, subzone.join('/')];
};

const regionOf = (locality: string): string => partsOf(locality)[0];

function closeness(own: string, other: string, target: string | undefined): number {
  const [region, zone, subzone] = partsOf(own);
  const [otherRegion, otherZone, otherSubzone] = partsOf(other);
  if (region === otherRegion) return zone !== otherZone ? 2 : subzone !== otherSubzone ? 1 : 0;
  return target === undefined || target === otherRegion ? 3 : 4;
}

/** Counts how many of the labels, from the first on, caller and endpoint share. */
function byLabels(view: View, names: readonly string[], groups: readonly LocalityGroup[]): LocalityGroup[] | undefined {
  const { labels } = view.proxy;
  if (Object.keys(labels).length === 0) return undefined;
  const wanted = names.map((name) => {
    const [key, ...values] = name.split('=');
    return { key, value: values.length === 1 ? values[0] : labels[key] ?? '' };
  });
  const priorityOf = (endpoint: Endpoint): number => {
    let rest = wanted;
    let far = 0;
    if (names[0] === NETWORK) {
      // Another network is always farther than anything in the own one.
      if ((endpoint.labels[NETWORK] ?? '') !== wanted[0].value) far = wanted.length;
      rest = wanted.slice(1);
    }
    const mismatch = rest.findIndex(({ key, value }) => (endpoint.labels[key] ?? '') !== value);
    return far + (mismatch < 0 ? 0 : rest.length - mismatch);
  };
  return groups.flatMap((group) => {
    const split = new Map<number, Endpoint[]>();
    for (const endpoint of group.endpoints) {
      const priority = priorityOf(endpoint);
      split.set(priority, [...split.get(priority) ?? [], endpoint]);
    }
    return [...split].sort(([a], [b]) => a - b).map(([priority, endpoints]) => ({ ...group, endpoints, priority, weight: weightOf(endpoints) }));
  });
}

/** Envoy wants priorities 0, 1, 2 … without a gap. */
function withoutGaps(groups: readonly LocalityGroup[]): LocalityGroup[] {
  const used = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b);
  return groups.map(group => ({ ...group, priority: used.indexOf(group.priority) }));
}

function distributed(view: View, rules: NonNullable<LocalityLbSetting['distribute']>, groups: readonly LocalityGroup[]): LocalityGroup[] {
  const rule = rules.find(({ from }) => covers(from ?? '', view.locality));
  if (rule === undefined) return [...groups];
  const result = new Map<LocalityGroup, LocalityGroup>();
  // The more specific pattern takes its localities first.
  for (const [pattern, share] of Object.entries(rule.to ?? {}).sort(([a], [b]) => b.length - a.length || (a < b ? -1 : 1))) {
    const mine = groups.filter(group => !result.has(group) && covers(pattern, group.locality));
    const total = mine.reduce((sum, { weight }) => sum + weight, 0);
    for (const group of mine) result.set(group, { ...group, weight: total === 0 ? 0 : Math.ceil(group.weight * share / total) });
  }
  return groups.map(group => result.get(group) ?? { ...group, endpoints: [] });
}

/** Whether `region/zone/subzone`, where `*` stands for anything and what is missing as well, takes a locality. */
function covers(pattern: string, locality: string): boolean {
  const [region, zone, subzone] = partsOf(pattern);
  const [otherRegion, otherZone, otherSubzone] = partsOf(locality);
  return (region === '*' || region === otherRegion)
    && (zone === '*' || zone === '' || zone === otherZone)
    && (subzone === '*' || subzone === '' || subzone === otherSubzone);
}

export const weightOf = (endpoints: readonly Endpoint[]): number => endpoints.reduce((sum, { weight }) => sum + weight, 0);
