import type { JsonValue } from '@bufbuild/protobuf';
import type { Json } from '../../model/json';
import { isObject } from '../../model/json';
import { lazyFromJson, lazyRegistry } from '../../xds/lazy-registry';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { quote } from './common';
import type { Reporter } from './context';

/** Which message of Envoy a patch changes. */
const TYPES: Readonly<Record<string, string>> = {
  LISTENER: 'envoy.config.listener.v3.Listener',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
  BOOTSTRAP: 'envoy.config.bootstrap.v3.Bootstrap',
  EXTENSION_CONFIG: 'envoy.config.core.v3.TypedExtensionConfig',
};

const FILTERS: ReadonlySet<string> = new Set(['LISTENER_FILTER', 'NETWORK_FILTER', 'HTTP_FILTER', 'EXTENSION_CONFIG']);

/** Names of filters from before they said where they belong, with today's. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  'envoy.buffer': 'envoy.filters.http.buffer',
  'envoy.cors': 'envoy.filters.http.cors',
  'envoy.csrf': 'envoy.filters.http.csrf',
  'envoy.ext_authz': 'envoy.filters.http.ext_authz',
  'envoy.fault': 'envoy.filters.http.fault',
  'envoy.grpc_http1_bridge': 'envoy.filters.http.grpc_http1_bridge',
  'envoy.grpc_json_transcoder': 'envoy.filters.http.grpc_json_transcoder',
  'envoy.grpc_web': 'envoy.filters.http.grpc_web',
  'envoy.gzip': 'envoy.filters.http.compressor',
  'envoy.health_check': 'envoy.filters.http.health_check',
  'envoy.http_connection_manager': 'envoy.filters.network.http_connection_manager',
  'envoy.http_dynamo_filter': 'envoy.filters.http.dynamo',
  'envoy.ip_tagging': 'envoy.filters.http.ip_tagging',
  'envoy.listener.http_inspector': 'envoy.filters.listener.http_inspector',
  'envoy.listener.original_dst': 'envoy.filters.listener.original_dst',
  'envoy.listener.original_src': 'envoy.filters.listener.original_src',
  'envoy.listener.proxy_protocol': 'envoy.filters.listener.proxy_protocol',
  'envoy.listener.tls_inspector': 'envoy.filters.listener.tls_inspector',
  'envoy.lua': 'envoy.filters.http.lua',
  'envoy.mongo_proxy': 'envoy.filters.network.mongo_proxy',
  'envoy.rate_limit': 'envoy.filters.http.ratelimit',
  'envoy.ratelimit': 'envoy.filters.network.ratelimit',
  'envoy.redis_proxy': 'envoy.filters.network.redis_proxy',
  'envoy.router': 'envoy.filters.http.router',
  'envoy.squash': 'envoy.filters.http.squash',
  'envoy.tcp_proxy': 'envoy.filters.network.tcp_proxy',
};

/** What a patch writes, decoded as Envoy would: wrong values are errors, unknown fields and old names are doubtful. */
export function patchValueRules(at: Reporter, applyTo: string, value: Json, path: Path): void {
  if (FILTERS.has(applyTo)) filterRules(at, applyTo, value, path);
  else if (isObject(value.transport_socket ?? value.transportSocket)) settingsRules(at, (value.transport_socket ?? value.transportSocket) as Json, [...path, 'transport_socket']);
  const name = TYPES[applyTo];
  const schema = name === undefined ? undefined : lazyRegistry().getMessage(name);
  if (schema === undefined) return;
  const unknown = unknownType(value);
  if (unknown !== undefined) {
    return at.invalid(path, 'MESH_PATCH_VALUE', `${fieldOf(path)} has messages that Envoy knows, got the type ${quote(unknown)}`, 'correct its @type');
  }
  const untyped = untypedPart(value);
  if (untyped !== undefined) return at.invalid(path, 'MESH_PATCH_VALUE', `${fieldOf(path)} says of each message of any type which it is, got ${untyped}`, 'add it');
  const known = withoutForeign(value) as JsonValue;
  const fromJson = lazyFromJson();
  const lenient = faultOf(() => fromJson(schema, known, { registry: lazyRegistry(), ignoreUnknownFields: true }));
  if (lenient !== undefined) {
    return at.invalid(path, 'MESH_PATCH_VALUE', `${fieldOf(path)} is a ${name} of Envoy, got a value that cannot be read as one: ${lenient}`, 'correct it');
  }
  const strict = faultOf(() => fromJson(schema, known, { registry: lazyRegistry() }));
  // A name that an enumeration does not have is no unknown field.
  if (strict?.startsWith('cannot decode enum') === true || strict?.includes(' cannot decode enum') === true) {
    return at.invalid(path, 'MESH_PATCH_VALUE', `${fieldOf(path)} is a ${name} of Envoy, got a value that cannot be read as one: ${strict}`, 'correct it');
  }
  if (strict !== undefined) at.doubtful(path, 'MESH_PATCH_VALUE', `${fieldOf(path)} has only fields of ${name}, got another one, which Envoy leaves out: ${strict}`, 'correct the name');
}

/** Today's name of a filter by an old one. */
export function todaysName(applyTo: string, name: string): string | undefined {
  // One old name stood for two filters.
  return applyTo === 'HTTP_FILTER' ? OLD_NAMES[name]?.replace('.network.ratelimit', '.http.ratelimit') : OLD_NAMES[name];
}

function filterRules(at: Reporter, applyTo: string, value: Json, path: Path): void {
  const name = typeof value.name === 'string' ? value.name : '';
  const today = todaysName(applyTo, name);
  if (today !== undefined) {
    // Istio asks for the names that are matched only.
    at.say([...path, 'name'], { code: 'MESH_FIELD_DEPRECATED', severity: 'info', message: `the filter's name is one of today's, got ${name}`, repair: `write ${today}` });
  }
  settingsRules(at, value, path);
}

/** Envoy finds an extension by the type of its settings. */
function settingsRules(at: Reporter, value: Json, path: Path): void {
  const given = [value.typed_config, value.typedConfig, value.config_discovery, value.configDiscovery];
  if (given.every(each => each === undefined)) {
    at.doubtful(path, 'MESH_PATCH_VALUE', `an extension says its settings in typed_config, got none for ${quote(value.name ?? '')}`, 'add typed_config with its @type');
  }
}

/** A message of any type that does not say which, or not what it holds. */
function untypedPart(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map(untypedPart).find(part => part !== undefined);
  if (!isObject(value)) return undefined;
  for (const [key, item] of Object.entries(value)) {
    if (!isObject(item)) continue;
    if (['typed_config', 'typedConfig'].includes(key) && typeof item['@type'] !== 'string') return `${key} without @type`;
    if (String(item['@type']).endsWith('/google.protobuf.Struct') && item.value === undefined) return `${key} of type Struct without value`;
  }
  return untypedPart(Object.values(value));
}

/** A type that no version of Envoy has: its package is known here, and it is not in it; or it is no name of a type. */
function unknownType(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map(unknownType).find(type => type !== undefined);
  if (!isObject(value)) return undefined;
  const url = value['@type'];
  if (typeof url === 'string' && isForeign(value)) {
    const name = url.slice(url.lastIndexOf('/') + 1);
    const old = /^envoy\..*\.v[12](?:alpha\d*)?\.\w+$/.test(name);
    const unversioned = name.startsWith('envoy.') && !/\.v\d\w*\./.test(name);
    if (!name.includes('.') || old || unversioned || knownPackages().has(name.slice(0, name.lastIndexOf('.')))) return url;
  }
  return unknownType(Object.values(value));
}

let packages: ReadonlySet<string> | undefined;

/** Packages of filters: each is one file, of which all messages are known here. */
function knownPackages(): ReadonlySet<string> {
  return packages ??= new Set([...lazyRegistry()].map(type => (type.kind === 'message' ? type.file.proto.package : '')).filter(name => name.startsWith('envoy.extensions.filters.')));
}

/** The value without messages whose types are not known here: nothing can be told of them. */
function withoutForeign(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutForeign);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => !isForeign(item));
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutForeign(item)]));
}

function isForeign(value: unknown): boolean {
  if (!isObject(value) || typeof value['@type'] !== 'string') return false;
  return lazyRegistry().getMessage(value['@type'].slice(value['@type'].lastIndexOf('/') + 1)) === undefined;
}

function faultOf(decode: () => unknown): string | undefined {
  try {
    decode();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
