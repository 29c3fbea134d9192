import { resolveHost } from '../../model/names';
import { isHttp, parseProtocol } from '../../model/ports';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Protocol } from '../../model/service';
import type { GatewaySpec, Server } from '../istio-api';
import type { View } from '../view';

/** One server of a Gateway, as the proxy it selects sees it. */
export interface GatewayServer {
  /** `namespace/name` of the Gateway. */
  readonly gateway: string;
  readonly server: Server;
  readonly protocol: Protocol;
  readonly hosts: readonly ServerHost[];
  /** Name of its route configuration; undefined where it forwards bytes. */
  readonly routeName?: string;
}

/** `namespace/host` of a server; the namespace is `*` where any may bind to it. */
export interface ServerHost { readonly namespace: string; readonly host: string }

/** Servers that share a port, an address and a protocol. */
export interface ServerGroup {
  readonly protocol: Protocol;
  readonly servers: readonly GatewayServer[];
  /** The route configuration of plain HTTP: all of the group are behind one connection manager. */
  readonly routeName?: string;
}

/** What listens on one address: groups that share a listener, in the order of their chains. */
export interface GatewayPort {
  readonly bind: string;
  readonly port: number;
  readonly groups: readonly ServerGroup[];
}

/** All that a router serves. */
export interface MergedGateways {
  readonly ports: readonly GatewayPort[];
  /** Servers behind each route configuration, in order. */
  readonly routes: ReadonlyMap<string, readonly GatewayServer[]>;
}

/** Gateways whose selector takes the proxy, merged oldest first (istio-behaviour F1, F3). */
export function mergedGateways(view: View): MergedGateways {
  const merge = new Merge();
  for (const resource of view.mesh.model.of('Gateway') as unknown as readonly Resource<GatewaySpec>[]) {
    if (!selects(resource.spec.selector ?? {}, view.proxy.labels)) continue;
    for (const server of resource.spec.servers ?? []) merge.add(gatewayServer(view, resource, server), boundPort(view, server.port.number));
  }
  const ports = new Map<string, { bind: string; port: number; groups: Group[] }>();
  for (const group of merge.groups) {
    if (isPrivileged(view, group.port)) continue;
    const bind = group.bind === '' ? view.explicit?.podAddress ?? '0.0.0.0' : group.bind;
    const key = `${bind}_${group.port}`;
    const known = ports.get(key);
    if (known === undefined) ports.set(key, { bind, port: group.port, groups: [group] });
    else known.groups.push(group);
  }
  return { ports: [...ports.values()], routes: merge.routes };
}

/** Whether some server forwards mutual TLS by SNI, without being told where. */
export const autoPassthrough = (view: View): boolean => view.proxy.type === 'router'
  && mergedGateways(view).ports.some(({ groups }) => groups.some(({ servers }) => servers.some(({ server }) => tlsMode(server) === 'AUTO_PASSTHROUGH')));

/** What a server does about TLS; a `tls` block that names no mode passes it on. Plain HTTP never looks at it. */
export const tlsMode = ({ tls }: Server): string | undefined => (tls === undefined ? undefined : tls.mode || 'PASSTHROUGH');

const passesTls = (server: Server): boolean => /PASSTHROUGH$/.test(tlsMode(server) ?? '');

/** Requests that arrive under TLS which ends here. */
const endsHttps = ({ protocol, server }: Pick<GatewayServer, 'protocol' | 'server'>): boolean => protocol === 'HTTPS' && !passesTls(server);

interface Group {
  readonly port: number;
  readonly bind: string;
  readonly protocol: Protocol;
  readonly servers: GatewayServer[];
  routeName?: string;
}

/** Servers as they find their place one after the other: the first to take a port decides what else may share it. */
class Merge {
  /** In the order of their chains; a group that was displaced by a later one of its kind leaves its place to it. */
  public get groups(): Group[] {
    return this.order.map(key => this.byKey.get(key)!);
  }

  public readonly routes = new Map<string, GatewayServer[]>();
  private readonly order: string[] = [];
  private readonly byKey = new Map<string, Group>();
  private readonly taken = new Set<number>();
  /** By port: the last plain group that was opened there. */
  private readonly plain = new Map<number, string>();
  /** By port: which address has the TLS server of a name. */
  private readonly tlsHosts = new Map<number, Map<string, string>>();

  public add({ name, ...merged }: Omit<GatewayServer, 'routeName'> & { readonly name: (port: number) => string | undefined }, port: number): void {
    const routeName = name(port);
    const server: GatewayServer = { ...merged, routeName };
    const { bind = '', tls, port: { protocol: written } } = server.server;
    if (tls !== undefined && !this.takesHosts(port, bind, server.hosts)) return;
    const key = `${port}|${written}|${bind}`;
    const group: Group = { port, bind, protocol: server.protocol, servers: [server], routeName };
    const secure = tls !== undefined && !isHttp(server.protocol);
    const current = this.byKey.get(this.plain.get(port) ?? '');
    if (!this.taken.has(port)) {
      this.taken.add(port);
      this.open(key, group, secure);
    } else if (current !== undefined) {
      this.besidePlain(key, group, secure, current);
    } else if (!secure) {
      this.open(key, group, secure);
    } else {
      if (endsHttps(server)) {
        if (this.routes.has(routeName!)) return;
        this.routes.set(routeName!, [server]);
      }
      const same = this.byKey.get(key);
      if (same !== undefined) same.servers.push(server);
      else this.place(key, { ...group, routeName: undefined });
    }
  }

  private besidePlain(key: string, group: Group, secure: boolean, current: Group): void {
    const [server] = group.servers;
    if (current.bind === group.bind) {
      // Plain HTTP takes further plain HTTP into its routes; whatever else comes later has no place on this address.
      if (!isHttp(current.protocol) || !isHttp(group.protocol)) return;
      current.servers.push(server);
      this.route(group.routeName!, server);
      return;
    }
    const same = this.byKey.get(key);
    if (same === undefined) {
      this.open(key, group, secure);
    } else {
      same.routeName = group.routeName;
      same.servers.push(server);
      if (group.routeName !== undefined) this.route(group.routeName, server);
    }
  }

  private open(key: string, group: Group, secure: boolean): void {
    const [server] = group.servers;
    if (!secure) this.plain.set(group.port, key);
    if (isHttp(server.protocol) || endsHttps(server)) this.routes.set(group.routeName!, [server]);
    this.place(key, group);
  }

  private place(key: string, group: Group): void {
    this.byKey.set(key, group);
    this.order.push(key);
  }

  private route(name: string, server: GatewayServer): void {
    this.routes.set(name, [...this.routes.get(name) ?? [], server]);
  }

  /** One owner for each name on a port and address: the oldest. */
  private takesHosts(port: number, bind: string, hosts: readonly ServerHost[]): boolean {
    const taken = this.tlsHosts.get(port) ?? new Map<string, string>();
    this.tlsHosts.set(port, taken);
    const names = hosts.map(({ namespace, host }) => `${namespace}/${host}`);
    if (names.some(name => taken.get(name) === bind)) return false;
    for (const name of names) taken.set(name, bind);
    return true;
  }
}

function gatewayServer(view: View, { metadata: { namespace, name } }: Resource<GatewaySpec>, server: Server) {
  const protocol = parseProtocol(server.port.protocol);
  const bind = server.bind === undefined || server.bind === '' ? '' : `.${server.bind}`;
  const routeName = (port: number): string | undefined => {
    if (isHttp(protocol)) return `http.${port}${bind}`;
    return endsHttps({ protocol, server }) ? `https.${server.port.number}.${server.port.name ?? ''}.${name}.${namespace}${bind}` : undefined;
  };
  return { gateway: `${namespace}/${name}`, server, protocol, hosts: serverHosts(view, server, namespace), name: routeName };
}

/** Where a server's port is bound: the target port of the first of the proxy's own services that has it, else itself. */
function boundPort(view: View, number: number): number {
  return view.mesh.model.targetsOf(view.workload)
    .find(({ service, port }) => port.number === number && service.labels['experimental.istio.io/disable-gateway-port-translation'] === undefined)
    ?.targetPort ?? number;
}

function isPrivileged(view: View, port: number): boolean {
  const unprivileged = view.proxy.metadata.UNPRIVILEGED_POD === 'true' || view.proxy.metadata.UNPRIVILEGED_POD === true;
  return unprivileged && view.explicit === undefined && port < 1024;
}

/** Hosts of a server. One that takes every name of every namespace takes all. */
function serverHosts(view: View, { hosts }: Server, namespace: string): ServerHost[] {
  if (hosts.includes('*/*')) return [{ namespace: '*', host: '*' }];
  return hosts.map(host => serverHost(view, host, namespace));
}

function serverHost(view: View, text: string, namespace: string): ServerHost {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(slash + 1);
  const owner = slash < 0 ? '*' : text.slice(0, slash);
  return { namespace: owner === '.' ? namespace : owner, host: resolveHost(host, namespace, view.mesh.model.domain) };
}
