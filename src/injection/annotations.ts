import { parseDocument } from 'yaml';
import { DEFAULT_PROXY_CONFIG, mergeProxyConfig, proxyConfigFault } from './proxy-config';
import { parseQuantity } from './quantity';
import { MeshError } from '../model/error';
import { isObject } from '../model/json';

/** What is wrong with a value, as `must be …`; undefined where nothing is. */
type Check = (value: string) => string | undefined;

const UNSIGNED = /^\d+$/;
const INTERFACE = /^[a-zA-Z][a-zA-Z0-9_.-]*$/;
const OCTET = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const IPV4_PREFIX = new RegExp(`^${OCTET}(\\.${OCTET}){3}/(3[0-2]|[12]?\\d)$`);

const uint32: Check = value => (UNSIGNED.test(value) && Number(value) <= 0xffff_ffff ? undefined : 'must be a whole number, 0 or more');
const port: Check = value => (isPort(value) ? undefined : 'must be a port, 0 to 65535');
const ports: Check = value => (value.trim() === '' || value.trim().split(',').every(isPort) ? undefined : 'must be ports separated by commas');
const portsOrAll: Check = value => (value === '*' ? undefined : ports(value) && 'must be * or ports separated by commas');
const ranges: Check = value => (value === '' || value.split(',').every(isPrefix) ? undefined : 'must be CIDR blocks such as 10.0.0.0/8, separated by commas without blanks');
const rangesOrAll: Check = value => (value === '*' ? undefined : ranges(value)?.replace('must be', 'must be * or'));
const interfaces: Check = value => (value === '' || value.split(',').map(name => name.trim()).every(name => name.length <= 15 && INTERFACE.test(name))
  ? undefined : 'must be names of network interfaces, at most 15 characters each, separated by commas');
const boolean: Check = value => (/^(1|0|t|f|T|F|true|false|TRUE|FALSE|True|False)$/.test(value) ? undefined : 'must be true or false');
// A line break would be read as the start of another field.
const quantity: Check = value => (!/\p{Cc}/u.test(value) && parseQuantity(value) !== undefined ? undefined : 'must be a quantity such as 100m or 128Mi');
const interceptionMode: Check = value => (['REDIRECT', 'TPROXY', 'NONE'].includes(value) ? undefined : 'must be REDIRECT, TPROXY or NONE');
const jsonObject: Check = (value) => {
  try {
    const read: unknown = JSON.parse(value);
    return typeof read === 'object' && read !== null && !Array.isArray(read) ? undefined : 'must be a JSON object';
  } catch {
    return 'must be a JSON object';
  }
};

/** Definitions by name, or a list of definitions that have names. */
const namedJson: Check = (value) => {
  try {
    const read: unknown = JSON.parse(value);
    if (isObject(read)) return Object.values(read).every(isObject) ? undefined : 'must be a JSON object of objects';
    if (Array.isArray(read)) return read.every(each => isObject(each) && typeof each.name === 'string') ? undefined : 'must be a JSON list of objects with names';
  } catch {
    // Told below.
  }
  return 'must be a JSON object or list';
};

const proxyConfig: Check = (value) => {
  try {
    const document = parseDocument(value);
    if (document.errors.length > 0) return 'must be a ProxyConfig in YAML';
    const fault = proxyConfigFault(mergeProxyConfig(DEFAULT_PROXY_CONFIG, document.toJS()));
    return fault && `must be a ProxyConfig in which ${fault}`;
  } catch (error) {
    return `must be a ProxyConfig in which ${(error as Error).message}`;
  }
};

/** Annotations of a Pod whose value Istio's injector checks. */
export const CHECKED: Readonly<Record<string, Check>> = {
  'istio.io/reroute-virtual-interfaces': interfaces,
  'prometheus.istio.io/merge-metrics': boolean,
  'proxy.istio.io/config': proxyConfig,
  'proxy.istio.io/overrides': jsonObject,
  'readiness.status.sidecar.istio.io/failureThreshold': uint32,
  'readiness.status.sidecar.istio.io/initialDelaySeconds': uint32,
  'readiness.status.sidecar.istio.io/periodSeconds': uint32,
  'sidecar.istio.io/interceptionMode': interceptionMode,
  'sidecar.istio.io/proxyCPU': quantity,
  'sidecar.istio.io/proxyCPULimit': quantity,
  'sidecar.istio.io/proxyMemory': quantity,
  'sidecar.istio.io/proxyMemoryLimit': quantity,
  'sidecar.istio.io/userVolume': namedJson,
  'sidecar.istio.io/userVolumeMount': namedJson,
  'status.sidecar.istio.io/port': port,
  'traffic.sidecar.istio.io/excludeInboundPorts': ports,
  'traffic.sidecar.istio.io/excludeInterfaces': interfaces,
  'traffic.sidecar.istio.io/excludeOutboundIPRanges': ranges,
  'traffic.sidecar.istio.io/excludeOutboundPorts': ports,
  'traffic.sidecar.istio.io/includeInboundPorts': portsOrAll,
  'traffic.sidecar.istio.io/includeOutboundIPRanges': rangesOrAll,
  'traffic.sidecar.istio.io/kubevirtInterfaces': interfaces,
};

/** Throws MESH_INJECT_ANNOTATION for the first annotation whose value Istio's injector refuses. */
export function checkAnnotations(annotations: Readonly<Record<string, string>>, where: string): void {
  for (const name of Object.keys(annotations).sort()) {
    const fault = CHECKED[name]?.(annotations[name]);
    if (fault !== undefined) {
      throw new MeshError('MESH_INJECT_ANNOTATION', `annotation ${name} ${fault}, got ${JSON.stringify(annotations[name])}; correct it or leave it out`, where);
    }
  }
}

function isPort(text: string): boolean {
  return UNSIGNED.test(text.trim()) && Number(text) <= 65535;
}

function isPrefix(text: string): boolean {
  if (IPV4_PREFIX.test(text)) return true;
  const [, address, length] = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text) ?? [];
  return address !== undefined && Number(length) <= 128 && isIpv6(address);
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap(half => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const dotted = last !== undefined && last.includes('.');
  if (dotted && !IPV4_PREFIX.test(`${last}/32`)) return false;
  const count = groups.length + (dotted ? 1 : 0);
  return groups.slice(0, dotted ? -1 : undefined).every(group => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? count < 8 : count === 8);
}
