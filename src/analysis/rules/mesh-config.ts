import { parseDocument } from 'yaml';
import type { ConnectionPool, LocalityLbSetting, OutlierDetection } from '../../compiler/istio-api';
import type { Json } from '../../model/json';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { quote, rangeRules } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { extensionProviderRules } from './extension-providers';
import { retryOnRules } from './http-route';
import type { Balancer } from './load-balancer';
import { loadBalancerRules } from './load-balancer';
import { isFqdn, isIp, isLabel, isPort, isSubnet, isWildcardDomain } from './predicates';
import { connectionPoolRules, outlierDetectionRules } from './traffic-policy';
import { parseDuration } from '../../model/durations';
import { objectOf, objectsOf, textOf, textsOf } from '../../model/json';

/** istio-validation §1.11: MeshConfig and MeshNetworks, in the ConfigMap where an installation keeps them. */
export function meshConfigRules(context: Context): void {
  const map = context.model.of('ConfigMap').find(({ metadata }) => metadata.name === 'istio' && metadata.namespace === 'istio-system');
  if (map === undefined) return;
  const report = reporter(context, map);
  // The text of a ConfigMap has no lines of its own: everything is said at its key, by field.
  const at: Reporter = {
    invalid: (_path, code, message, repair) => report.invalid(['data', 'mesh'], code, message.replace(/^spec\./, ''), repair),
    doubtful: (_path, code, message, repair, istio) => report.doubtful(['data', 'mesh'], code, message.replace(/^spec\./, ''), repair, istio),
    say: (_path, fault) => report.say(['data', 'mesh'], fault),
  };
  const { raw } = context.model.config;
  if (raw.localityLbSetting !== undefined && raw.zoneAwareLbSetting !== undefined) {
    at.invalid(['zoneAwareLbSetting'], 'MESH_FIELD_EXCLUSIVE', 'zoneAwareLbSetting and localityLbSetting exclude each other, got both', 'keep one of them');
  }
  for (const [field, check] of Object.entries(FIELDS)) if (raw[field] !== undefined) check(at, raw[field], [field]);
  const networks = textOf(objectOf(map.document.data).meshNetworks);
  if (networks === undefined) return;
  const document = parseDocument(networks, { logLevel: 'silent' });
  if (document.errors.length > 0) return report.invalid(['data', 'meshNetworks'], 'MESH_YAML_SYNTAX', `data.meshNetworks is YAML, got ${document.errors[0].message}`, 'repair it');
  meshNetworks(context, objectOf(document.toJS({ maxAliasCount: 100 })), report);
}

type Check = (at: Reporter, value: unknown, path: Path) => void;

const FIELDS: Readonly<Record<string, Check>> = {
  proxyListenPort: port,
  proxyInboundListenPort: port,
  connectTimeout: duration(1, 3600_000),
  protocolDetectionTimeout: duration(0, Infinity),
  defaultConfig: (at, value, path) => proxyConfig(at, objectOf(value), path),
  localityLbSetting: (at, value, path) => loadBalancerRules(at, { localityLbSetting: objectOf(value) as LocalityLbSetting }, path, true),
  zoneAwareLbSetting: (at, value, path) => loadBalancerRules(at, { zoneAwareLbSetting: objectOf(value) as Balancer['zoneAwareLbSetting'] }, path, true),
  serviceSettings: (at, value, path) => objectsOf(value).forEach((setting, index) => textsOf(setting.hosts).forEach((host, number) => {
    if (!isWildcardDomain(host)) at.invalid([...path, index], 'MESH_HOST_INVALID', `${fieldOf([...path, index, 'hosts', number])} is a DNS name or *.suffix, got ${quote(host)}`, 'correct it');
  })),
  trustDomain: (at, value, path) => domain(at, value, path),
  trustDomainAliases: (at, value, path) => {
    const seen = new Set<string>();
    textsOf(value).forEach((alias, index) => {
      domain(at, alias, [...path, index]);
      if (seen.has(alias)) at.invalid(path, 'MESH_HOST_DUPLICATE', `trustDomainAliases differ, got ${alias} twice`, 'remove one');
      seen.add(alias);
    });
  },
  defaultTrafficPolicy: (at, value, path) => {
    const { connectionPool, outlierDetection } = objectOf(value);
    if (connectionPool !== undefined) connectionPoolRules(at, objectOf(connectionPool) as ConnectionPool, [...path, 'connectionPool']);
    if (outlierDetection !== undefined) outlierDetectionRules(at, objectOf(outlierDetection) as OutlierDetection, [...path, 'outlierDetection']);
  },
  extensionProviders: (at, value, path) => extensionProviderRules(at, objectsOf(value), path),
  meshMTLS: (at, value, path) => curves(at, objectOf(value).ecdhCurves, [...path, 'ecdhCurves'], true),
  tlsDefaults: (at, value, path) => curves(at, objectOf(value).ecdhCurves, [...path, 'ecdhCurves'], false),
  defaultHttpRetryPolicy: (at, value, path) => retries(at, objectOf(value), path),
  defaultInboundHttpRetryPolicy: (at, value, path) => {
    const policy = objectOf(value);
    retries(at, policy, path);
    if (policy.backoff !== undefined && (policy.attempts ?? 0) === 0) at.invalid(path, 'MESH_RETRIES_INVALID', `${fieldOf(path)}.backoff needs attempts of 1 or more, got none`, 'add attempts');
    for (const field of ['perTryTimeout', 'retryRemoteLocalities', 'retryIgnorePreviousHosts']) {
      if (policy[field] !== undefined) at.doubtful([...path, field], 'MESH_RETRIES_INVALID', `${fieldOf([...path, field])} does nothing for requests that come in, got it`, 'remove it');
    }
  },
};

function port(at: Reporter, value: unknown, path: Path): void {
  if (!isPort(Number(value))) at.invalid(path, 'MESH_PORT_INVALID', `${fieldOf(path)} is a port from 1 to 65535, got ${String(value)}`, 'choose one in that range');
}

function duration(least: number, most: number): Check {
  return (at, value, path) => {
    const milliseconds = typeof value === 'string' ? parseDuration(value) : undefined;
    if (milliseconds !== undefined && Number.isInteger(milliseconds) && milliseconds >= least && milliseconds <= most) return;
    const range = most === Infinity ? 'of whole milliseconds' : `from ${least}ms to ${most / 1000}s`;
    at.invalid(path, 'MESH_DURATION_INVALID', `${fieldOf(path)} is a duration ${range}, got ${quote(value)}`, 'write a number and a unit of ms, s, m or h');
  };
}

function domain(at: Reporter, value: unknown, path: Path): void {
  if (!isFqdn(textOf(value) ?? '')) at.invalid(path, 'MESH_HOST_INVALID', `${fieldOf(path)} is a DNS name, got ${quote(value)}`, 'correct it');
}

const CURVES: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521', 'X25519', 'X25519MLKEM768']);

function curves(at: Reporter, value: unknown, path: Path, strict: boolean): void {
  const seen = new Set<string>();
  for (const curve of textsOf(value)) {
    if (!CURVES.has(curve) || seen.has(curve)) {
      const say = strict ? at.invalid : at.doubtful;
      say(path, 'MESH_CIPHER_INVALID', `${fieldOf(path)} lists each of ${[...CURVES].join(', ')} once at most, got ${seen.has(curve) ? `${curve} twice` : curve}`, 'correct it');
    }
    seen.add(curve);
  }
}

/** What both retry policies of the mesh ask. */
function retries(at: Reporter, policy: Json, path: Path): void {
  if (Number(policy.attempts ?? 0) < 0) at.invalid([...path, 'attempts'], 'MESH_RETRIES_INVALID', `${fieldOf(path)}.attempts is 0 or more, got ${String(policy.attempts)}`, 'write 0 for no retry');
  retryOnRules(at, textOf(policy.retryOn) ?? '', [...path, 'retryOn']);
}

/** defaultConfig: how each proxy starts. */
function proxyConfig(at: Reporter, config: Json, path: Path): void {
  const here = (field: string) => [...path, field];
  for (const field of ['configPath', 'binaryPath', 'serviceCluster']) {
    if (config[field] === '') at.invalid(here(field), 'MESH_FIELD_REQUIRED', `${fieldOf(here(field))} is not empty, got ""`, 'leave it out for the default');
  }
  for (const field of ['discoveryAddress', 'statsdUdpAddress']) socketAddress(at, config[field], here(field));
  for (const tracer of ['zipkin', 'lightstep', 'datadog']) socketAddress(at, objectOf(objectOf(config.tracing)[tracer]).address, [...here('tracing'), tracer, 'address']);
  for (const [name, provider] of Object.entries(objectOf(config.privateKeyProvider))) {
    const place = [...here('privateKeyProvider'), name, 'pollDelay'];
    const delay = textOf(objectOf(provider).pollDelay);
    if (delay === undefined) at.invalid(place, 'MESH_FIELD_REQUIRED', `${fieldOf(place)} says how often the provider is asked, got none`, 'write 10ms');
    else duration(1, Infinity)(at, delay, place);
  }
  connectionSettings(at, objectOf(config.connectionSettings), here('connectionSettings'));
  const drain = textOf(config.drainDuration);
  const milliseconds = drain === undefined ? 1000 : parseDuration(drain);
  if (milliseconds === undefined || milliseconds < 1000 || milliseconds % 1000 !== 0) {
    at.invalid(here('drainDuration'), 'MESH_DURATION_INVALID', `${fieldOf(here('drainDuration'))} is a whole number of seconds, got ${quote(drain)}`, 'write 45s');
  }
  for (const field of ['proxyAdminPort', 'statusPort']) if (config[field] !== undefined && config[field] !== 0) port(at, config[field], here(field));
  if (objectOf(config.proxyMetadata).ISTIO_META_DNS_AUTO_ALLOCATE !== undefined) {
    at.doubtful(here('proxyMetadata'), 'MESH_FIELD_DEPRECATED', 'ISTIO_META_DNS_AUTO_ALLOCATE is deprecated, got it', 'remove it: addresses are given by istiod');
  }
}

/** Windows of HTTP/2 have at least the size that the protocol begins with. */
const LEAST_WINDOW = 65535;

function connectionSettings(at: Reporter, settings: Json, path: Path): void {
  for (const [field, value] of Object.entries(settings)) {
    if (typeof value === 'number') rangeRules(at, value, field.endsWith('WindowSize') ? LEAST_WINDOW : 0, Infinity, [...path, field], 'MESH_LIMIT_INVALID');
  }
}

function socketAddress(at: Reporter, value: unknown, path: Path): void {
  // Pods learn the address of their own node as they start.
  const text = (textOf(value) ?? '').replace('$(HOST_IP)', '127.0.0.1');
  const match = /^(.+):(\d+)$/.exec(text);
  if (text !== '' && (match === null || !isPort(Number(match[2])) || !(isFqdn(match[1]) || isIp(match[1].replace(/^\[|]$/g, ''))))) {
    at.invalid(path, 'MESH_ADDRESS_INVALID', `${fieldOf(path)} is host:port, got ${quote(value)}`, 'correct it');
  }
}

/** MeshNetworks of the same ConfigMap: blocks, registries (IST0126) and gateways. */
function meshNetworks(context: Context, networks: Json, at: Reporter): void {
  const clusters = new Set([context.model.clusterId, ...context.model.of('Secret').filter(({ metadata }) => metadata.labels['istio/multiCluster'] === 'true')
    .flatMap(({ document }) => Object.keys({ ...objectOf(document.data), ...objectOf(document.stringData) }))]);
  const path = ['data', 'meshNetworks'];
  for (const [name, network] of Object.entries(objectOf(networks.networks))) {
    for (const endpoint of objectsOf(objectOf(network).endpoints)) {
      const [block, registry] = [textOf(endpoint.fromCidr), textOf(endpoint.fromRegistry)];
      if (block !== undefined && !isSubnet(block)) at.invalid(path, 'MESH_ADDRESS_INVALID', `networks.${name}: fromCidr is a block of addresses, got ${quote(block)}`, 'correct it');
      if (registry === undefined) continue;
      if (!isLabel(registry)) {at.invalid(path, 'MESH_NAME_INVALID', `networks.${name}: fromRegistry has letters, digits and -, got ${quote(registry)}`, 'correct it');} else if (!clusters.has(registry)) {
        at.say(path, { code: 'MESH_REGISTRY_UNKNOWN', istioCode: 'IST0126', message: `networks.${name}: fromRegistry is a cluster that istiod reads, got ${registry}`, repair: `use one of ${[...clusters].sort().join(', ')}` });
      }
    }
    for (const gateway of objectsOf(objectOf(network).gateways)) {
      const address = textOf(gateway.address);
      if (address !== undefined && !isIp(address) && !isFqdn(address)) at.invalid(path, 'MESH_ADDRESS_INVALID', `networks.${name}: a gateway's address is an IP address or DNS name, got ${quote(address)}`, 'correct it');
      if (!isPort(Number(gateway.port ?? 0))) at.invalid(path, 'MESH_PORT_INVALID', `networks.${name}: a gateway has a port from 1 to 65535, got ${String(gateway.port ?? 'none')}`, 'add port');
    }
  }
}
