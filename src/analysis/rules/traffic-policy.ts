import type { ClientTls, ConnectionPool, OutlierDetection, PolicyBlocks, TrafficPolicy } from '../../compiler/istio-api';
import { parseDuration } from '../../model/durations';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { rangeRules } from './common';
import type { Reporter } from './context';
import { loadBalancerRules } from './load-balancer';
import { isFqdn, isIp, isPort } from './predicates';

const BLOCKS = ['connectionPool', 'loadBalancer', 'outlierDetection', 'tls'] as const;

/** Fields that the compiler does not read and the rules do. */
interface Policy extends TrafficPolicy {
  readonly tunnel?: { readonly protocol?: string; readonly targetHost?: string; readonly targetPort?: number };
  readonly proxyProtocol?: { readonly version?: string };
}
type Pool = ConnectionPool & { readonly http?: { readonly http2KeepAlive?: { readonly interval?: string; readonly timeout?: string } } };
type Outlier = OutlierDetection & { readonly consecutiveErrors?: number };
export type Tls = ClientTls & { readonly caCrl?: string };

/** trafficPolicy of a DestinationRule or of one of its subsets (istio-validation §1.3). */
export function trafficPolicyRules(at: Reporter, policy: Policy, path: Path, namespace: string): void {
  // An empty list says nothing.
  if (Object.values(policy).every(value => Array.isArray(value) && value.length === 0)) return at.invalid(path, 'MESH_POLICY_EMPTY', `${fieldOf(path)} sets at least one field, got {}`, 'remove it');
  if (policy.tunnel !== undefined && policy.proxyProtocol !== undefined) {
    at.invalid(path, 'MESH_FIELD_EXCLUSIVE', 'tunnel and proxyProtocol exclude each other, got both', 'keep one of them');
  }
  blocks(at, policy, path, namespace);
  policy.portLevelSettings?.forEach((setting, index) => {
    const place = [...path, 'portLevelSettings', index];
    if (setting.port === undefined) at.invalid(place, 'MESH_PORT_MISSING', `${fieldOf(place)} names its port, got none`, 'add port: {number: …}');
    if (!BLOCKS.some(block => setting[block] !== undefined)) {
      at.invalid(place, 'MESH_POLICY_EMPTY', `${fieldOf(place)} sets one of ${BLOCKS.join(', ')}, got none`, 'remove it or add one');
    }
    blocks(withoutDoubts(at), setting, place, namespace);
  });
  if (policy.tunnel !== undefined) tunnelRules(at, policy.tunnel, [...path, 'tunnel']);
}

/** Admission warns of the policy of a whole host only; elsewhere its doubts are told as information. */
export function withoutDoubts(at: Reporter): Reporter {
  return { ...at, doubtful: (path, code, message, repair) => at.say(path, { code, severity: 'info', message, repair }) };
}

function blocks(at: Reporter, policy: PolicyBlocks, path: Path, namespace: string): void {
  if (policy.connectionPool !== undefined) connectionPoolRules(at, policy.connectionPool, [...path, 'connectionPool']);
  if (policy.outlierDetection !== undefined) outlierDetectionRules(at, policy.outlierDetection, [...path, 'outlierDetection']);
  if (policy.loadBalancer !== undefined) loadBalancerRules(at, policy.loadBalancer, [...path, 'loadBalancer'], policy.outlierDetection !== undefined);
  if (policy.tls !== undefined) clientTlsRules(at, policy.tls, [...path, 'tls'], namespace);
}

export function connectionPoolRules(at: Reporter, pool: Pool, path: Path): void {
  if (pool.http === undefined && pool.tcp === undefined) at.invalid(path, 'MESH_POLICY_EMPTY', `${fieldOf(path)} has tcp or http, got neither`, 'remove it or add one');
  for (const side of ['tcp', 'http'] as const) {
    for (const [name, value] of Object.entries(pool[side] ?? {})) {
      if (typeof value === 'number' && value < 0) at.invalid([...path, side, name], 'MESH_LIMIT_INVALID', `${fieldOf([...path, side, name])} is 0 or more, got ${value}`, 'leave it out for no limit');
    }
  }
  const idle = pool.tcp?.idleTimeout === undefined ? 0 : parseDuration(pool.tcp.idleTimeout);
  if (idle !== undefined && !Number.isInteger(idle)) {
    at.invalid([...path, 'tcp', 'idleTimeout'], 'MESH_DURATION_INVALID', `${fieldOf([...path, 'tcp', 'idleTimeout'])} is 0s or a whole number of ms, got ${pool.tcp!.idleTimeout}`, 'round it');
  }
  if (pool.http?.useClientProtocol === true && pool.http.h2UpgradePolicy === 'UPGRADE') {
    at.invalid([...path, 'http', 'useClientProtocol'], 'MESH_FIELD_EXCLUSIVE', 'useClientProtocol and h2UpgradePolicy UPGRADE exclude each other, got both', 'keep one of them');
  }
  const keepAlive = pool.http?.http2KeepAlive;
  if (keepAlive !== undefined && (keepAlive.interval === undefined || keepAlive.timeout === undefined)) {
    at.invalid([...path, 'http', 'http2KeepAlive'], 'MESH_FIELD_REQUIRED', 'http2KeepAlive has interval and timeout, got one at most', 'add the other');
  }
}

export function outlierDetectionRules(at: Reporter, outlier: Outlier, path: Path): void {
  for (const field of ['maxEjectionPercent', 'minHealthPercent'] as const) rangeRules(at, outlier[field], 0, 100, [...path, field], 'MESH_PERCENT_INVALID');
  if ((outlier.consecutiveLocalOriginFailures ?? 0) > 0 && outlier.splitExternalLocalOriginErrors !== true) {
    at.invalid([...path, 'consecutiveLocalOriginFailures'], 'MESH_FIELD_REQUIRED', 'consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true, got none', 'add it');
  }
  if ((outlier.consecutiveErrors ?? 0) !== 0) {
    at.doubtful([...path, 'consecutiveErrors'], 'MESH_FIELD_DEPRECATED', `consecutiveErrors is deprecated, got ${outlier.consecutiveErrors}`, 'use consecutive5xxErrors or consecutiveGatewayErrors');
  }
}

function clientTlsRules(at: Reporter, tls: Tls, path: Path, namespace: string): void {
  const set = (field: keyof Tls) => (tls[field] ?? '') !== '' && (!Array.isArray(tls[field]) || tls[field].length > 0);
  const named = set('credentialName');
  const fault = (field: keyof Tls, message: string, repair: string) => at.invalid([...path, field], 'MESH_TLS_INVALID', message, repair);
  if (named && tls.credentialName!.startsWith('configmap://')) {
    const place = /^configmap:\/\/(?:([a-z0-9.-]+)\/)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.exec(tls.credentialName!);
    if (place === null) fault('credentialName', `a ConfigMap is named configmap://NAME, got ${tls.credentialName}`, 'correct the name');
    else if ((place[1] ?? namespace) !== namespace) fault('credentialName', `a ConfigMap of authorities lies in the rule's namespace ${namespace}, got ${tls.credentialName}`, 'copy it there');
  }
  if (tls.mode !== 'SIMPLE' && tls.mode !== 'MUTUAL') return;
  if (tls.insecureSkipVerify === true) {
    const checked: readonly (keyof Tls)[] = tls.mode === 'SIMPLE' ? ['caCertificates', 'credentialName', 'subjectAltNames'] : ['caCertificates', 'subjectAltNames'];
    for (const field of checked) if (set(field)) fault(field, `insecureSkipVerify verifies nothing and excludes ${field}, got both`, 'keep one of them');
  }
  if (named) {
    for (const field of ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'] as const) {
      if (set(field)) fault(field, `tls takes credentialName or ${field}, got both`, 'keep one of them');
    }
  } else if (tls.mode === 'MUTUAL') {
    for (const field of ['clientCertificate', 'privateKey'] as const) {
      if (!set(field)) at.invalid(path, 'MESH_TLS_INVALID', `tls MUTUAL needs ${field}, got none`, `add ${field} or credentialName`);
    }
  }
}

function tunnelRules(at: Reporter, tunnel: NonNullable<Policy['tunnel']>, path: Path): void {
  const fault = (field: string, message: string, repair: string) => at.invalid([...path, field], 'MESH_TUNNEL_INVALID', message, repair);
  if (!['', 'CONNECT', 'POST'].includes(tunnel.protocol ?? '')) fault('protocol', `a tunnel's protocol is CONNECT or POST, got ${tunnel.protocol}`, 'choose one of them');
  const host = tunnel.targetHost ?? '';
  if (!isFqdn(host) && !isIp(host)) fault('targetHost', `a tunnel leads to a DNS name or IP address, got ${JSON.stringify(host)}`, 'correct it');
  if (!isPort(tunnel.targetPort ?? 0)) fault('targetPort', `a tunnel leads to a port from 1 to 65535, got ${tunnel.targetPort ?? 'none'}`, 'add it');
}
