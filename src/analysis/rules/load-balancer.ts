import type { ConsistentHash, LoadBalancer, LocalityLbSetting } from '../../compiler/istio-api';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { quote, rangeRules } from './common';
import type { Reporter } from './context';

const TOPOLOGY = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone', 'topology.istio.io/subzone'];

/** With a field that the compiler does not read. */
export type Balancer = LoadBalancer & { readonly zoneAwareLbSetting?: Pick<LocalityLbSetting, 'enabled' | 'failover' | 'failoverPriority'> };

/** loadBalancer of a trafficPolicy (istio-validation §1.3), or of the whole mesh. */
export function loadBalancerRules(at: Reporter, balancer: Balancer, path: Path, outlierDetection: boolean): void {
  if (balancer.zoneAwareLbSetting !== undefined) zoneAwareRules(at, balancer, path, outlierDetection);
  if (balancer.consistentHash !== undefined) hashRules(at, balancer.consistentHash, [...path, 'consistentHash']);
  if (balancer.localityLbSetting !== undefined) localityRules(at, balancer.localityLbSetting, [...path, 'localityLbSetting'], outlierDetection);
  const { warmup } = balancer;
  if (warmup === undefined) return;
  const place = [...path, 'warmup'];
  if (warmup.duration === undefined) at.invalid(place, 'MESH_FIELD_REQUIRED', 'warmup has a duration, got none', 'add duration');
  rangeRules(at, warmup.minimumPercent, 0, 100, [...place, 'minimumPercent'], 'MESH_PERCENT_INVALID');
  if (warmup.aggression !== undefined && warmup.aggression <= 0) at.invalid([...place, 'aggression'], 'MESH_LIMIT_INVALID', `aggression is more than 0, got ${warmup.aggression}`, 'use 1 for a straight line');
}

function hashRules(at: Reporter, hash: ConsistentHash, path: Path): void {
  if (hash.httpCookie !== undefined) {
    if (hash.httpCookie.name === '') at.invalid([...path, 'httpCookie', 'name'], 'MESH_NAME_INVALID', 'a cookie has a name, got ""', 'name it');
    const seen = new Set<string>();
    hash.httpCookie.attributes?.forEach(({ name }, index) => {
      if (name === '' || seen.has(name)) at.invalid([...path, 'httpCookie', 'attributes', index], 'MESH_NAME_INVALID', `attributes of a cookie have names that differ, got ${quote(name)}`, 'rename or remove it');
      seen.add(name);
    });
  }
  if (hash.minimumRingSize !== undefined) {
    const place = [...path, 'minimumRingSize'];
    if (hash.ringHash !== undefined || hash.maglev !== undefined) at.invalid(place, 'MESH_FIELD_EXCLUSIVE', 'minimumRingSize excludes ringHash and maglev, got both', 'move it into ringHash');
    else if (hash.minimumRingSize !== 0) at.doubtful(place, 'MESH_FIELD_DEPRECATED', `minimumRingSize is deprecated, got ${hash.minimumRingSize}`, `write ringHash: {minimumRingSize: ${hash.minimumRingSize}}`);
  }
  const size = hash.maglev === undefined ? undefined : Number(hash.maglev.tableSize ?? 0);
  if (size !== undefined && !(size > 1 && size < 5_000_011 && isPrime(size))) {
    at.invalid([...path, 'maglev', 'tableSize'], 'MESH_LIMIT_INVALID', `a Maglev table has a prime size below 5000011, got ${size}`, 'use 65537');
  }
}

function zoneAwareRules(at: Reporter, balancer: Balancer, path: Path, outlierDetection: boolean): void {
  const place = [...path, 'zoneAwareLbSetting'];
  const { enabled, failover = [], failoverPriority = [] } = balancer.zoneAwareLbSetting!;
  if (balancer.localityLbSetting !== undefined) {
    at.invalid(place, 'MESH_FIELD_EXCLUSIVE', 'zoneAwareLbSetting and localityLbSetting exclude each other, got both', 'keep one of them');
  }
  const topology = failoverPriority.find(isTopology);
  if (topology !== undefined) {
    at.invalid([...place, 'failoverPriority'], 'MESH_LOCALITY_INVALID', `zoneAwareLbSetting knows regions and zones by itself, got the label ${topology}`, 'remove it');
  }
  failoverRules(at, failover, place);
  if ((failover.length > 0 || failoverPriority.length > 0) && !outlierDetection && enabled !== false) inert(at, place);
}

const isTopology = (label: string): boolean => TOPOLOGY.includes(label.split('=')[0]);

const inert = (at: Reporter, path: Path) => at.doubtful(path, 'MESH_FAILOVER_INERT', 'failover needs outlierDetection to see that a locality fails, got none',
  'add outlierDetection beside loadBalancer');

function failoverRules(at: Reporter, failover: NonNullable<LocalityLbSetting['failover']>, path: Path): void {
  failover.forEach(({ from = '', to = '' }, index) => {
    if (from === to || [from, to].some(region => region.includes('/') || region.includes('*'))) {
      at.invalid([...path, 'failover', index], 'MESH_LOCALITY_INVALID', `failover leads from one region to another, got ${quote(from)} to ${quote(to)}`, 'name two regions without zone or *');
    }
  });
}

function localityRules(at: Reporter, locality: LocalityLbSetting, path: Path, outlierDetection: boolean): void {
  const { distribute = [], failover = [], failoverPriority = [] } = locality;
  if (distribute.length > 0 && failover.length > 0) at.invalid(path, 'MESH_FIELD_EXCLUSIVE', 'distribute and failover exclude each other, got both', 'keep one of them');
  distribute.forEach((rule, index) => {
    const place = [...path, 'distribute', index];
    const weights = Object.values(rule.to ?? {});
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (weights.some(weight => weight < 1 || weight > 100) || sum !== 100) {
      at.invalid(place, 'MESH_WEIGHT_INVALID', `the weights of a distribution are from 1 to 100 and add up to 100, got ${weights.join(' + ')} = ${sum}`, 'correct the weights');
    }
    namesRules(at, [rule.from ?? ''], [...place, 'from']);
    const to = Object.keys(rule.to ?? {});
    namesRules(at, to, [...place, 'to']);
    overlapRules(at, to, [...place, 'to']);
  });
  overlapRules(at, distribute.map(({ from = '' }) => from), [...path, 'distribute']);
  failoverRules(at, failover, path);
  const topology = failoverPriority.find(isTopology);
  if (failover.length > 0 && topology !== undefined) {
    at.invalid([...path, 'failoverPriority'], 'MESH_FIELD_EXCLUSIVE', `failover decides between regions, and failoverPriority between other labels beside it, got ${topology}`, 'keep one of them');
  }
  if ((failover.length > 0 || failoverPriority.length > 0) && !outlierDetection && locality.enabled !== false) {
    inert(at, path);
  }
}

/** `region/zone/subzone`, where `*` may stand for the rest. */
function namesRules(at: Reporter, names: readonly string[], path: Path): void {
  const fault = (message: string, repair: string) => at.invalid(path, 'MESH_LOCALITY_INVALID', message, repair);
  for (const name of names) {
    const parts = name.split('/');
    if (name === '' || parts.some(part => part === '')) fault(`${fieldOf(path)} is region/zone/subzone, got ${quote(name)}`, 'correct it');
    if (name.slice(0, -1).includes('*') || (name.endsWith('*') && name !== '*' && !name.endsWith('/*'))) fault(`* stands at the end of a locality alone, got ${quote(name)}`, 'write region/*');
  }
}

/** No locality of a list lies inside another. */
function overlapRules(at: Reporter, names: readonly string[], path: Path): void {
  const seen = new Set<string>();
  const outside = (name: string) => [name, name.split('/').slice(0, 2).join('/'), name.split('/')[0], ''].find(outer => seen.has(outer));
  // The wide ones first, which the narrow ones may lie in.
  for (const name of names.map(each => each.replace(/\/?\*$/, '')).sort((a, b) => a.length - b.length)) {
    const outer = outside(name);
    if (outer !== undefined) at.invalid(path, 'MESH_LOCALITY_INVALID', `localities of a list do not overlap, got ${quote(outer || '*')} and ${quote(name || '*')}`, 'keep one');
    seen.add(name);
  }
}

function isPrime(value: number): boolean {
  if (!Number.isInteger(value)) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}
