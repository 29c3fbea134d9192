import { resolveHost } from '../../model/names';
import { isHttp, isTls, parseProtocol } from '../../model/ports';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Protocol } from '../../model/service';
import type { GatewaySpec, Server } from '../istio-api';
import type { View } from '../view';

/** One server of a Gateway, as the proxy it selects sees it. */
export interface GatewayServer {
  /** `namespace/name` of the Gateway. */
  readonly gateway: string;
  readonly gatewayName: string;
  readonly namespace: string;
  readonly server: Server;
  readonly protocol: Protocol;
  readonly hosts: readonly ServerHost[];
  /** Name of its route configuration; undefined where it forwards bytes. */
  readonly routeName?: string;
}

/** `namespace/host` of a server; the namespace is `*` where any may bind to it. */
export interface ServerHost { readonly namespace: string; readonly host: string }

/** What listens on one address: servers that share a listener, in the order of their chains. */
export interface GatewayPort {
  readonly bind: string;
  readonly port: number;
  readonly servers: readonly GatewayServer[];
}

/** All that a router serves. */
export interface MergedGateways {
  readonly ports: readonly GatewayPort[];
  /** Servers behind each route configuration, in order. */
  readonly routes: ReadonlyMap<string, readonly GatewayServer[]>;
}

/** Gateways whose selector takes the proxy, merged oldest first (istio-behaviour F1, F3). */
export function mergedGateways(view: View): MergedGateways {
  const ports = new Map<string, { bind: string; port: number; servers: GatewayServer[] }>();
  const routes = new Map<string, GatewayServer[]>();
  const tlsHosts = new Map<string, Set<string>>();
  for (const resource of view.mesh.model.of('Gateway') as unknown as readonly Resource<GatewaySpec>[]) {
    if (!selects(resource.spec.selector ?? {}, view.proxy.labels)) continue;
    for (const server of resource.spec.servers ?? []) {
      for (const port of boundPorts(view, server.port.number)) addServer(view, { ports, routes, tlsHosts }, resource, server, port);
    }
  }
  return { ports: [...ports.values()].filter(({ servers }) => servers.length > 0), routes };
}

/** Whether some server forwards mutual TLS by SNI, without being told where. */
export const autoPassthrough = (view: View): boolean => view.proxy.type === 'router'
  && mergedGateways(view).ports.some(({ servers }) => servers.some(({ server }) => server.tls?.mode === 'AUTO_PASSTHROUGH'));

interface Tables {
  readonly ports: Map<string, { bind: string; port: number; servers: GatewayServer[] }>;
  readonly routes: Map<string, GatewayServer[]>;
  readonly tlsHosts: Map<string, Set<string>>;
}

function addServer(view: View, tables: Tables, resource: Resource<GatewaySpec>, server: Server, port: number): void {
  const { namespace, name } = resource.metadata;
  const given = server.bind !== undefined && server.bind !== '' ? server.bind : undefined;
  const bind = given ?? view.explicit?.podAddress ?? '0.0.0.0';
  const protocol = parseProtocol(server.port.protocol);
  const plain = isPlainHttp(protocol, server);
  const routeName = plain ? `http.${port}${given === undefined ? '' : `.${given}`}`
    : protocol === 'HTTPS' && server.tls?.mode !== 'PASSTHROUGH' && server.tls?.mode !== 'AUTO_PASSTHROUGH'
      ? `https.${server.port.number}.${server.port.name ?? ''}.${name}.${namespace}${given === undefined ? '' : `.${given}`}` : undefined;
  const merged: GatewayServer = {
    gateway: `${namespace}/${name}`,
    gatewayName: name,
    namespace,
    server,
    protocol,
    routeName,
    hosts: server.hosts.map(host => serverHost(view, host, namespace)),
  };

  if (server.tls !== undefined) {
    // One owner for each name on a port: the oldest.
    const taken = tables.tlsHosts.get(`${port}`) ?? new Set<string>();
    tables.tlsHosts.set(`${port}`, taken);
    const keys = merged.hosts.map(({ host }) => `${host}/${given ?? ''}`);
    if (keys.some(key => taken.has(key))) return;
    keys.forEach(key => taken.add(key));
  }
  const key = `${bind}_${port}`;
  const existing = tables.ports.get(key);
  if (existing === undefined) {
    tables.ports.set(key, { bind, port, servers: [merged] });
  } else if (!isSecure(existing.servers[0])) {
    // Plain HTTP takes further plain HTTP into its routes; whatever else comes later has no place on this address.
    if (!plain || !isPlainHttp(existing.servers[0].protocol, existing.servers[0].server)) return;
  } else {
    if (routeName !== undefined && !plain && tables.routes.has(routeName)) return;
    if (!plain || !existing.servers.some(other => other.routeName === routeName)) existing.servers.push(merged);
  }
  if (routeName !== undefined) tables.routes.set(routeName, [...tables.routes.get(routeName) ?? [], merged]);
}

/** HTTP without TLS; a tls block that only redirects does not change that. */
export const isPlainHttp = (protocol: Protocol, { tls }: Server): boolean => isHttp(protocol) && tls?.mode === undefined;

const isSecure = ({ protocol, server }: GatewayServer): boolean => isTls(protocol) || (server.tls?.mode !== undefined);

/** Where a server's port is bound: the target ports of the proxy's own services that have it, else itself. */
function boundPorts(view: View, number: number): number[] {
  const targets = view.mesh.model.targetsOf(view.workload)
    .filter(({ service, port }) => port.number === number && service.labels['experimental.istio.io/disable-gateway-port-translation'] === undefined)
    .map(({ targetPort }) => targetPort);
  const ports = targets.length > 0 ? [...new Set(targets)] : [number];
  const unprivileged = view.proxy.metadata.UNPRIVILEGED_POD === 'true' || view.proxy.metadata.UNPRIVILEGED_POD === true;
  if (!unprivileged) return ports;
  return view.explicit === undefined ? ports.filter(port => port >= 1024) : ports;
}

function serverHost(view: View, text: string, namespace: string): ServerHost {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(slash + 1);
  const owner = slash < 0 ? '*' : text.slice(0, slash);
  return { namespace: owner === '.' ? namespace : owner, host: resolveHost(host, namespace, view.mesh.model.domain).toLowerCase() };
}
