import type { ConnectionPool, LoadBalancer, OutlierDetection, PolicyBlocks, TrafficPolicy } from '../../compiler/istio-api';
import type { Path } from '../finding';
import { fieldOf } from '../finding';

/** Takes one breach of istiod's admission rules. */
export type Fault = (path: Path, code: string, message: string, repair: string) => void;

const BLOCKS = ['connectionPool', 'loadBalancer', 'outlierDetection', 'tls'] as const;

/** trafficPolicy of a DestinationRule or of one of its subsets (istio-validation §1.3). */
export function trafficPolicyRules(policy: TrafficPolicy, path: Path, fault: Fault): void {
  if (Object.keys(policy).length === 0) return fault(path, 'MESH_POLICY_EMPTY', `${fieldOf(path)} sets at least one field, got {}`, 'remove it');
  blocks(policy, path, fault);
  policy.portLevelSettings?.forEach((setting, index) => {
    const at = [...path, 'portLevelSettings', index];
    if (setting.port?.number === undefined) fault(at, 'MESH_PORT_MISSING', `${fieldOf(at)} names its port, got none`, 'add port: {number: …}');
    if (!BLOCKS.some(block => setting[block] !== undefined)) fault(at, 'MESH_POLICY_EMPTY', `${fieldOf(at)} sets one of ${BLOCKS.join(', ')}, got none`, 'remove it or add one');
    blocks(setting, at, fault);
  });
}

function blocks(policy: PolicyBlocks, path: Path, fault: Fault): void {
  if (policy.connectionPool !== undefined) connectionPool(policy.connectionPool, [...path, 'connectionPool'], fault);
  if (policy.outlierDetection !== undefined) outlierDetection(policy.outlierDetection, [...path, 'outlierDetection'], fault);
  if (policy.loadBalancer !== undefined) loadBalancer(policy.loadBalancer, [...path, 'loadBalancer'], fault);
  const { tls } = policy;
  if (tls?.mode === 'MUTUAL' && (tls.credentialName ?? '') === '') {
    for (const field of ['clientCertificate', 'privateKey'] as const) {
      if ((tls[field] ?? '') === '') fault([...path, 'tls'], 'MESH_TLS_INVALID', `tls MUTUAL needs ${field}, got none`, `add ${field} or credentialName`);
    }
  }
  if (tls !== undefined && (tls.mode === 'SIMPLE' || tls.mode === 'MUTUAL') && (tls.credentialName ?? '') !== '') {
    for (const field of ['clientCertificate', 'privateKey', 'caCertificates'] as const) {
      if ((tls[field] ?? '') !== '') fault([...path, 'tls', field], 'MESH_TLS_INVALID', `tls takes credentialName or ${field}, got both`, 'keep one of them');
    }
  }
}

function connectionPool(pool: ConnectionPool, path: Path, fault: Fault): void {
  if (pool.http === undefined && pool.tcp === undefined) fault(path, 'MESH_POLICY_EMPTY', `${fieldOf(path)} has tcp or http, got neither`, 'remove it or add one');
  for (const side of ['tcp', 'http'] as const) {
    for (const [name, value] of Object.entries(pool[side] ?? {})) {
      if (typeof value === 'number' && value < 0) fault([...path, side, name], 'MESH_LIMIT_INVALID', `${fieldOf([...path, side, name])} is 0 or more, got ${value}`, 'leave it out for no limit');
    }
  }
  if (pool.http?.useClientProtocol === true && pool.http.h2UpgradePolicy === 'UPGRADE') {
    fault([...path, 'http', 'useClientProtocol'], 'MESH_FIELD_EXCLUSIVE', 'useClientProtocol and h2UpgradePolicy UPGRADE exclude each other, got both', 'keep one of them');
  }
}

function outlierDetection(outlier: OutlierDetection, path: Path, fault: Fault): void {
  for (const field of ['maxEjectionPercent', 'minHealthPercent'] as const) {
    const value = outlier[field];
    if (value !== undefined && (value < 0 || value > 100)) fault([...path, field], 'MESH_PERCENT_INVALID', `${fieldOf([...path, field])} is from 0 to 100, got ${value}`, 'write a share of 100');
  }
  if ((outlier.consecutiveLocalOriginFailures ?? 0) > 0 && outlier.splitExternalLocalOriginErrors !== true) {
    fault([...path, 'consecutiveLocalOriginFailures'], 'MESH_FIELD_REQUIRED', 'consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true, got none', 'add it');
  }
}

function loadBalancer(balancer: LoadBalancer, path: Path, fault: Fault): void {
  const hash = balancer.consistentHash;
  if (hash?.httpCookie !== undefined && hash.httpCookie.name === '') fault([...path, 'consistentHash', 'httpCookie', 'name'], 'MESH_NAME_INVALID', 'a cookie has a name, got ""', 'name it');
  if (hash?.minimumRingSize !== undefined && (hash.ringHash !== undefined || hash.maglev !== undefined)) {
    fault([...path, 'consistentHash', 'minimumRingSize'], 'MESH_FIELD_EXCLUSIVE', 'minimumRingSize excludes ringHash and maglev, got both', 'move it into ringHash');
  }
  const size = hash?.maglev?.tableSize === undefined ? undefined : Number(hash.maglev.tableSize);
  if (size !== undefined && !(size > 1 && size < 5_000_011 && isPrime(size))) {
    fault([...path, 'consistentHash', 'maglev', 'tableSize'], 'MESH_LIMIT_INVALID', `a Maglev table has a prime size below 5000011, got ${size}`, 'use 65537');
  }
  const locality = balancer.localityLbSetting;
  if (locality === undefined) return;
  const at = [...path, 'localityLbSetting'];
  if ((locality.distribute?.length ?? 0) > 0 && (locality.failover?.length ?? 0) > 0) fault(at, 'MESH_FIELD_EXCLUSIVE', 'distribute and failover exclude each other, got both', 'keep one of them');
  locality.distribute?.forEach((rule, index) => {
    const weights = Object.values(rule.to ?? {});
    const sum = weights.reduce((total, weight) => total + weight, 0);
    if (weights.some(weight => weight < 1 || weight > 100) || sum !== 100) {
      fault([...at, 'distribute', index], 'MESH_WEIGHT_INVALID', `the weights of a distribution are from 1 to 100 and add up to 100, got ${weights.join(' + ')} = ${sum}`, 'correct the weights');
    }
  });
  locality.failover?.forEach(({ from = '', to = '' }, index) => {
    if (from === to || [from, to].some(region => region.includes('/') || region.includes('*'))) {
      fault([...at, 'failover', index], 'MESH_LOCALITY_INVALID', `failover leads from one region to another, got ${JSON.stringify(from)} to ${JSON.stringify(to)}`, 'name two regions without zone or *');
    }
  });
}

function isPrime(value: number): boolean {
  if (!Number.isInteger(value)) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}

