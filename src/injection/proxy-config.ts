import { parse } from 'yaml';
import { MESSAGES } from './generated/proxy-config';
import type { Data } from './typed';
import { parseDuration } from '../model/durations';
import { isObject } from '../model/json';
import type { Json } from '../model/json';

/** Istio's own defaults; a field with its default is not told to the proxy. */
export const DEFAULT_PROXY_CONFIG: Json = {
  configPath: './etc/istio/proxy',
  binaryPath: '/usr/local/bin/envoy',
  serviceCluster: 'istio-proxy',
  drainDuration: '45s',
  discoveryAddress: 'istiod.istio-system.svc:15012',
  proxyAdminPort: 15000,
  controlPlaneAuthPolicy: 'MUTUAL_TLS',
  statNameLength: 189,
  statusPort: 15020,
  terminationDrainDuration: '5s',
};

/**
 * A ProxyConfig in protobuf's JSON form over another one: messages are joined, lists and maps replaced, but `proxyMetadata` is joined too.
 * Throws an Error that says what is wrong.
 */
export function mergeProxyConfig(base: Json, over: unknown): Json {
  if (over === undefined || over === null) return base;
  const read = messageOf('ProxyConfig', over, '');
  const out = mergeMessage('ProxyConfig', base, read);
  if (isObject(base.proxyMetadata) && isObject(read.proxyMetadata)) out.proxyMetadata = { ...base.proxyMetadata, ...read.proxyMetadata };
  return out;
}

/** The ProxyConfig of the annotation `proxy.istio.io/config`, over that of the mesh. */
export function proxyConfigOf(mesh: Json, annotation: string | undefined): Json {
  return annotation === undefined ? mesh : mergeProxyConfig(mesh, parse(annotation));
}

/** What is wrong with a ProxyConfig, as Istio's own check has it; undefined where nothing is. */
export function proxyConfigFault(config: Json): string | undefined {
  const port = (name: string): string | undefined => {
    const value = config[name] ?? 0;
    return Number(value) >= 1 && Number(value) <= 65535 ? undefined : `${name} must be a port in 1..65535`;
  };
  const address = (name: string, required: boolean): string | undefined => {
    const value = config[name];
    if (value === undefined || value === '') return required ? `${name} must be set` : undefined;
    const [, host, number] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d+)$/.exec(String(value)) ?? [];
    return host !== undefined && Number(number) >= 1 && Number(number) <= 65535 ? undefined : `${name} must be HOST:PORT`;
  };
  const drain = parseDuration(String(config.drainDuration ?? '0s')) ?? 0;
  return (config.configPath === '' ? 'configPath must be set' : undefined)
    ?? (config.binaryPath === '' ? 'binaryPath must be set' : undefined)
    ?? (config.serviceCluster === '' ? 'serviceCluster must be set' : undefined)
    ?? (drain >= 1 && drain % 1000 === 0 ? undefined : 'drainDuration must be whole seconds, at least one')
    ?? address('discoveryAddress', true) ?? address('statsdUdpAddress', false) ?? address('envoyMetricsServiceAddress', false)
    ?? port('proxyAdminPort') ?? port('statusPort')
    ?? (config.controlPlaneAuthPolicy === 'INHERIT' ? 'controlPlaneAuthPolicy must be NONE or MUTUAL_TLS' : undefined);
}

/** One line of JSON with what differs from Istio's defaults, fields in the order of their declaration. */
export function proxyConfigJson(config: Json): string {
  const isDefault = ([name, value]: [string, unknown]): boolean => JSON.stringify(value) === JSON.stringify(DEFAULT_PROXY_CONFIG[name]);
  const differing = Object.fromEntries(Object.entries(config).filter(entry => !isDefault(entry)));
  return goJson(told('ProxyConfig', differing));
}

/** A value as protobuf's JSON has it: zero values are left out, except those of wrappers and of a oneof's members. */
function told(type: string, value: unknown): unknown {
  if (type.startsWith('[]')) return (value as unknown[]).map(entry => told(type.slice(2), entry));
  if (type.startsWith('{}')) return Object.fromEntries(Object.keys(value as object).sort().map(key => [key, told(type.slice(2), (value as Json)[key])]));
  const fields = MESSAGES[type];
  if (fields === undefined) return value;
  return Object.fromEntries(fields.map(([name, fieldType, oneof]): [string, unknown] => {
    const given = (value as Json)[name];
    const hasPresence = oneof !== undefined || fieldType.endsWith('?') || fieldType === 'duration' || MESSAGES[fieldType] !== undefined;
    const kept = given !== undefined && (hasPresence || !isZero(fieldType, given));
    return [name, kept ? told(fieldType, given) : undefined];
  }).filter(([, entry]) => entry !== undefined));
}

function isZero(type: string, value: unknown): boolean {
  if (type.startsWith('enum:')) return value === type.slice(5).split('|')[0];
  return typeof value === 'object' && value !== null ? Object.keys(value).length === 0 : value === 0 || value === '' || value === false;
}

/** JSON as Go writes it: characters that HTML gives a meaning are escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function mergeMessage(message: string, base: Json, over: Json): Data {
  const out: Data = {};
  const fields = MESSAGES[message];
  // Of the members of a oneof the one that is declared last holds.
  const chosen = new Map(fields.filter(([name, , oneof]) => oneof !== undefined && over[name] !== undefined).map(([name, , oneof]) => [oneof, name]));
  for (const [name, type, oneof] of fields) {
    const isChosen = oneof === undefined || (chosen.get(oneof) ?? name) === name;
    const [known, given] = [base[name], isChosen ? over[name] : undefined];
    const joins = MESSAGES[type] !== undefined && isObject(known) && isObject(given);
    if (given !== undefined) out[name] = joins ? mergeMessage(type, known, given) : given;
    // Setting one member of a oneof unsets the others.
    else if (known !== undefined && isChosen) out[name] = known;
  }
  return out;
}

function messageOf(message: string, value: unknown, path: string): Data {
  if (!isObject(value)) throw new Error(`${path || 'the value'} must be an object`);
  const out: Data = {};
  for (const [name, type] of MESSAGES[message]) {
    const given = value[name] ?? value[snake(name)];
    if (given === undefined || given === null) continue;
    out[name] = fieldOf(type, given, path === '' ? name : `${path}.${name}`);
  }
  return out;
}

function fieldOf(type: string, value: unknown, path: string): unknown {
  if (type.startsWith('[]')) {
    if (!Array.isArray(value)) throw new Error(`${path} must be a list`);
    return value.map((entry, index) => fieldOf(type.slice(2), entry, `${path}[${index}]`));
  }
  if (type.startsWith('{}')) {
    if (!isObject(value)) throw new Error(`${path} must be a map`);
    return Object.fromEntries(Object.keys(value).sort().map(key => [key, fieldOf(type.slice(2), value[key], `${path}.${key}`)]));
  }
  if (MESSAGES[type] !== undefined) return messageOf(type, value, path);
  if (type.startsWith('enum:')) {
    const members = type.slice(5).split('|');
    const member = typeof value === 'number' ? members[value] : members.find(each => each === value);
    if (member === undefined) throw new Error(`${path} must be one of ${members.join(', ')}`);
    return member;
  }
  return scalarOf(type, value, path);
}

function scalarOf(type: string, value: unknown, path: string): unknown {
  switch (type.replace('?', '')) {
    case 'string':
      if (typeof value === 'string') return value;
      throw new Error(`${path} must be a text`);
    case 'bool':
      if (typeof value === 'boolean') return value;
      throw new Error(`${path} must be true or false`);
    case 'int': case 'uint': {
      const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
      if (typeof number === 'number' && Number.isInteger(number) && (type.startsWith('int') || number >= 0)) return number;
      throw new Error(`${path} must be a whole number`);
    }
    case 'duration': {
      const ms = typeof value === 'string' ? parseDuration(value) : undefined;
      if (ms === undefined) throw new Error(`${path} must be a duration such as 10s`);
      return seconds(ms);
    }
    default:
      if (typeof value === 'number') return value;
      throw new Error(`${path} must be a number`);
  }
}

/** A duration as protobuf's JSON has it: with no decimals, or three, six or nine. */
function seconds(ms: number): string {
  const nanos = Math.round(ms * 1_000_000);
  const digits = [0, 3, 6].find(count => nanos % 10 ** (9 - count) === 0) ?? 9;
  return `${(nanos / 1_000_000_000).toFixed(digits)}s`;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}
