import type { ConnectionPool } from '../../compiler/istio-api';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { quote, selectorRules } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { isFqdn, isIp, isLabel, isPartialWildcard, isPort, isProtocol, isUnixPath, isWildcardDomain, protocolClass } from './predicates';
import { serverTlsRules } from './server-tls';
import type { ServerTls } from './server-tls';
import { connectionPoolRules } from './traffic-policy';

interface Port { readonly number?: number; readonly name?: string; readonly protocol?: string; readonly targetPort?: number }

interface Ingress {
  readonly port?: Port; readonly bind?: string; readonly defaultEndpoint?: string; readonly connectionPool?: ConnectionPool; readonly tls?: ServerTls;
}

interface Egress { readonly port?: Port; readonly bind?: string; readonly captureMode?: string; readonly hosts?: readonly string[] }

/** A Sidecar as far as rules read it. */
export interface SidecarSpec {
  readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
  readonly ingress?: readonly Ingress[];
  readonly egress?: readonly Egress[];
  readonly inboundConnectionPool?: ConnectionPool;
  readonly outboundTrafficPolicy?: {
    readonly mode?: string;
    readonly egressProxy?: { readonly host?: string; readonly port?: { readonly number?: number } };
  };
}

/** istio-validation §1.6. */
export function sidecarRules(context: Context): void {
  for (const resource of context.sound<SidecarSpec>('Sidecar')) {
    const at = reporter(context, resource);
    const spec = resource.spec ?? {};
    if (spec.workloadSelector !== undefined) selectorRules(at, spec.workloadSelector.labels, ['spec', 'workloadSelector']);
    const { ingress = [], egress = [] } = spec;
    if (ingress.length === 0 && egress.length === 0 && spec.outboundTrafficPolicy === undefined && spec.inboundConnectionPool === undefined) {
      at.invalid(['spec'], 'MESH_POLICY_EMPTY', 'a Sidecar has ingress, egress, outboundTrafficPolicy or inboundConnectionPool, got none', 'add egress: [{hosts: ["./*", "istio-system/*"]}]');
      continue;
    }
    ingressRules(at, ingress);
    egressRules(at, egress);
    if (spec.inboundConnectionPool !== undefined) connectionPoolRules(at, spec.inboundConnectionPool, ['spec', 'inboundConnectionPool']);
    outboundPolicy(at, spec);
  }
}

function ingressRules(at: Reporter, ingress: readonly Ingress[]): void {
  const numbers = new Set<number>();
  ingress.forEach((listener, index) => {
    const path = ['spec', 'ingress', index];
    const { port } = listener;
    if (port === undefined) return; // the schema says it is missing
    portRules(at, port, path, numbers);
    if ((listener.bind ?? '') !== '' && !isIp(listener.bind!)) at.invalid([...path, 'bind'], 'MESH_ADDRESS_INVALID', `bind is an IP address, got ${quote(listener.bind)}`, 'correct it');
    const endpoint = listener.defaultEndpoint ?? '';
    if (endpoint !== '' && !isDefaultEndpoint(endpoint)) {
      at.invalid([...path, 'defaultEndpoint'], 'MESH_ADDRESS_INVALID', `defaultEndpoint is 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT or unix:///path, got ${quote(endpoint)}`, 'write 127.0.0.1:PORT');
    }
    if (listener.connectionPool !== undefined) {
      connectionPoolRules(at, listener.connectionPool, [...path, 'connectionPool']);
      if (listener.connectionPool.http !== undefined && protocolClass(port.protocol ?? '') !== 'http') {
        at.doubtful([...path, 'connectionPool', 'http'], 'MESH_PROTOCOL_DIFFERENT', `http of a connection pool acts on HTTP ports only, got protocol ${port.protocol ?? ''}`, 'use tcp');
      }
    }
    if (listener.tls !== undefined) ingressTls(at, listener.tls, (port.protocol ?? '').toUpperCase(), [...path, 'tls']);
  });
}

function ingressTls(at: Reporter, tls: ServerTls, protocol: string, path: Path): void {
  for (const field of ['subjectAltNames', 'httpsRedirect', 'credentialName', 'credentialNames', 'tlsCertificates'] as const) {
    const value = tls[field];
    if (value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0)) {
      at.invalid([...path, field], 'MESH_TLS_INVALID', `tls of a sidecar takes its certificates from files and has no ${field}, got one`, `remove ${field}`);
    }
  }
  if (['ISTIO_MUTUAL', 'AUTO_PASSTHROUGH'].includes(tls.mode ?? '')) at.invalid([...path, 'mode'], 'MESH_TLS_INVALID', `tls of a sidecar is SIMPLE or MUTUAL, got ${tls.mode}`, 'leave tls out for mutual TLS of the mesh');
  if (protocolClass(protocol) !== 'tls') at.invalid(path, 'MESH_TLS_INVALID', `tls needs a port of protocol HTTPS or TLS, got ${protocol || 'none'}`, 'correct the protocol');
  else serverTlsRules(at, { ...tls, credentialName: undefined, credentialNames: undefined, tlsCertificates: undefined }, protocol, path);
}

/** `unix:///path`, or `host:port` of this Pod. */
function isDefaultEndpoint(text: string): boolean {
  if (text.startsWith('unix://')) return isUnixPath(text.slice('unix://'.length));
  const match = /^(?:127\.0\.0\.1|0\.0\.0\.0|\[::1?])?:(\d{1,5})$/.exec(text);
  return match !== null && isPort(Number(match[1]));
}

function portRules(at: Reporter, port: Port, path: Path, numbers: Set<number>, unix = false): void {
  const place = [...path, 'port'];
  if ((port.name ?? '') !== '' && !isLabel(port.name!)) at.invalid([...place, 'name'], 'MESH_NAME_INVALID', `a port's name has letters, digits and -, got ${quote(port.name)}`, 'correct the name');
  if (!isProtocol(port.protocol ?? '')) at.invalid([...place, 'protocol'], 'MESH_PROTOCOL_UNKNOWN', `a protocol is HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS, got ${quote(port.protocol)}`, 'choose one of them');
  if ((port.targetPort ?? 0) !== 0) at.invalid([...place, 'targetPort'], 'MESH_PORT_INVALID', `a listener has no targetPort, got ${port.targetPort}`, 'remove it');
  const number = port.number ?? 0;
  if (unix) return;
  if (!isPort(number)) at.invalid([...place, 'number'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${number}`, 'choose one in that range');
  else if (numbers.has(number)) at.invalid([...place, 'number'], 'MESH_PORT_DUPLICATE', `ports of a Sidecar differ, got ${number} twice`, 'join the listeners');
  numbers.add(number);
}

function egressRules(at: Reporter, egress: readonly Egress[]): void {
  const numbers = new Set<number>();
  const sockets = new Set<string>();
  egress.forEach((listener, index) => {
    const path = ['spec', 'egress', index];
    const { port, bind = '' } = listener;
    if (port === undefined) {
      if (index < egress.length - 1) at.invalid(path, 'MESH_PORT_MISSING', `only the last egress listener may be without port, got ${fieldOf(path)} without`, 'move it to the end');
      if (bind.startsWith('unix://')) at.invalid([...path, 'bind'], 'MESH_ADDRESS_INVALID', 'a listener without port takes what other listeners leave and binds to no socket, got unix://', 'add port: {number: 0}');
    } else {
      const unix = (port.number ?? 0) === 0;
      portRules(at, port, path, numbers, unix);
      if (unix) {
        if (!bind.startsWith('unix://') || !isUnixPath(bind.slice(7))) at.invalid([...path, 'bind'], 'MESH_ADDRESS_INVALID', `a listener of port 0 is bound to a unix:// path, got ${quote(bind)}`, 'add bind: unix:///path, or a port');
        if (listener.captureMode === 'IPTABLES') at.invalid([...path, 'captureMode'], 'MESH_FIELD_EXCLUSIVE', 'a unix socket captures nothing, got captureMode IPTABLES', 'use NONE');
        if (sockets.has(bind)) at.invalid([...path, 'bind'], 'MESH_PORT_DUPLICATE', `sockets of a Sidecar differ, got ${bind} twice`, 'join the listeners');
        sockets.add(bind);
      } else if (bind !== '' && !isIp(bind)) {
        at.invalid([...path, 'bind'], 'MESH_ADDRESS_INVALID', `bind is an IP address, got ${quote(bind)}`, 'correct it');
      }
    }
    egressHosts(at, listener.hosts ?? [], [...path, 'hosts']);
  });
}

function egressHosts(at: Reporter, hosts: readonly string[], path: Path): void {
  if (hosts.length === 0) at.invalid(path, 'MESH_HOST_MISSING', `${fieldOf(path)} names at least one host, got none`, 'write ./* for the own namespace');
  const whole = new Set(hosts.filter(host => host.endsWith('/*')));
  const seen = new Set<string>();
  hosts.forEach((host, index) => {
    const place = [...path, index];
    if (!isEgressHost(host)) {
      at.invalid(place, 'MESH_HOST_INVALID', `${fieldOf(place)} is namespace/host, got ${quote(host)}`, host.includes('/') ? 'correct it' : `write ./${host} or */${host}`);
      return;
    }
    const [namespace] = host.split('/');
    const doubt = (message: string) => at.doubtful(place, 'MESH_HOST_DUPLICATE', message, 'remove it');
    if (seen.has(host)) doubt(`hosts of a listener differ, got ${host} again`);
    else if (host !== '*/*' && whole.has('*/*') && !host.startsWith('~')) doubt(`*/* already covers ${host}`);
    else if (!host.endsWith('/*') && whole.has(`${namespace}/*`)) doubt(`${namespace}/* already covers ${host}`);
    seen.add(host);
  });
}

function isEgressHost(host: string): boolean {
  const [namespace, name, ...rest] = host.split('/');
  if (name === undefined || rest.length > 0) return false;
  const bare = namespace === '~' ? '*' : namespace.replace(/^~/, '');
  if (bare !== '*' && bare !== '.' && !isLabel(bare)) return false;
  return name === '*' || (!isIp(name) && name.includes('.') && isWildcardDomain(name) && !isPartialWildcard(name));
}

function outboundPolicy(at: Reporter, spec: SidecarSpec): void {
  const policy = spec.outboundTrafficPolicy;
  const proxy = policy?.egressProxy;
  if (policy === undefined || proxy === undefined) return;
  const path = ['spec', 'outboundTrafficPolicy', 'egressProxy'];
  at.doubtful(path, 'MESH_FIELD_DEPRECATED', 'egressProxy is deprecated, got one', 'route through a VirtualService', 'IST0002');
  if (policy.mode !== 'ALLOW_ANY') at.invalid(path, 'MESH_FIELD_EXCLUSIVE', `egressProxy needs mode ALLOW_ANY, got ${policy.mode ?? 'none'}`, 'set the mode, or remove egressProxy');
  if (!isFqdn(proxy.host ?? '')) at.invalid([...path, 'host'], 'MESH_HOST_INVALID', `egressProxy is a full DNS name, got ${quote(proxy.host ?? '')}`, 'write the full name');
  if (!isPort(proxy.port?.number ?? 0)) at.invalid(path, 'MESH_PORT_MISSING', 'egressProxy names its port, got none', 'add port: {number: …}');
}
