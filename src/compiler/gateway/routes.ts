import { create } from '@bufbuild/protobuf';
import { bySpecificity, hostsIntersection } from '../../model/hosts';
import { resolveHost } from '../../model/names';
import { compare } from '../../model/resource';
import { VirtualHost_TlsRequirementType, VirtualHostSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { Route, VirtualHost } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import { isCatchAll } from '../routes/match';
import { routesOf } from '../routes/route';
import { routeConfiguration } from '../routes/sidecar';
import type { VirtualService } from '../scope/virtual-services';
import type { View } from '../view';
import type { GatewayServer, ServerHost } from './servers';

/** One virtual host while its routes are collected. */
interface Collected {
  readonly host: string;
  /** Of the server that brought the host. */
  readonly port: number;
  readonly routes: Route[];
  /** Which rules gave them, by way of which Gateway: hosts with the same ones share a virtual host. */
  readonly sources: string[];
  redirect: boolean;
}

/** One route configuration of a gateway (istio-behaviour F7). */
export function gatewayRoutes(view: View, name: string, servers: readonly GatewayServer[]): RouteConfiguration {
  const hosts = new Map<string, Collected>();
  const known = new Map<string, readonly Route[]>();
  for (const server of servers) {
    const redirect = server.server.tls?.httpsRedirect === true;
    const port = server.server.port.number;
    for (const { rule, hosts: common } of rulesFor(view, server)) {
      const source = `${server.gateway} ${rule.namespace}/${rule.name}`;
      // What a Gateway's first server makes of a rule, its others on the same address have as well.
      const routes = known.get(source) ?? routesAt(view, server, rule);
      if (routes.length === 0) continue;
      known.set(source, routes);
      for (const host of common) {
        const found = entry(hosts, host.toLowerCase(), port);
        found.routes.push(...routes);
        found.sources.push(source);
        if (redirect) found.redirect = true;
      }
    }
    if (redirect) for (const host of server.hosts) entry(hosts, redirected(host), port).redirect = true;
  }
  if (hosts.size === 0) {
    return routeConfiguration(name, [create(VirtualHostSchema, { name: `blackhole:${servers[0].server.port.number}`, domains: ['*'] })]);
  }
  return routeConfiguration(name, fold([...hosts.values()]).sort((a, b) => compare(a.name, b.name)));
}

/** Istio sends the host of a server that redirects as it stands in the Gateway, so one that names a namespace has it in its domain. */
const redirected = ({ namespace, host }: ServerHost): string => (namespace === '*' ? host : `${namespace}/${host}`).toLowerCase();

/** Rules that a server serves, with the hosts they have in common. */
export function rulesFor(view: View, { gateway, hosts }: GatewayServer): { rule: VirtualService; hosts: string[] }[] {
  return view.mesh.virtualServices.boundTo(gateway, view.proxy.namespace).map((rule) => {
    const open = hosts.filter(({ namespace }) => namespace === '*' || namespace === rule.namespace).map(({ host }) => host);
    // Here, unlike in a mesh, letters count: a rule for another spelling of a host is none for this one.
    return { rule, hosts: hostsIntersection(open, (rule.spec.hosts ?? []).map(host => resolveHost(host, rule.namespace, view.mesh.model.domain))) };
  }).filter(found => found.hosts.length > 0);
}

function routesAt(view: View, { gateway, server }: GatewayServer, rule: VirtualService): readonly Route[] {
  return routesOf({
    view,
    port: server.port.number,
    gateways: new Set([gateway]),
    tls: server.tls !== undefined,
    serviceOf: host => view.scope.byHost.get(host),
  }, rule);
}

function entry(hosts: Map<string, Collected>, host: string, port: number): Collected {
  let found = hosts.get(host);
  if (found === undefined) hosts.set(host, found = { host, port, routes: [], sources: [], redirect: false });
  return found;
}

/** Hosts with the same routes become one virtual host, named after the most specific, unless one with other demands on TLS stands between them. */
function fold(hosts: readonly Collected[]): VirtualHost[] {
  const folded: { readonly first: Collected; readonly domains: string[] }[] = [];
  const last = new Map<string, typeof folded[number]>();
  for (const host of [...hosts].sort((a, b) => bySpecificity(a.host, b.host))) {
    const key = host.sources.join();
    const same = last.get(key);
    if (same !== undefined && same.first.redirect === host.redirect) {
      same.domains.push(host.host);
      continue;
    }
    const own = { first: host, domains: [host.host] };
    last.set(key, own);
    folded.push(own);
  }
  return folded.map(({ first, domains }) => create(VirtualHostSchema, {
    name: `${first.host}:${first.port}`,
    domains,
    routes: catchAllLast(first.routes),
    requireTls: first.redirect ? VirtualHost_TlsRequirementType.ALL : VirtualHost_TlsRequirementType.NONE,
    includeRequestAttemptCount: true,
  }));
}

/** Rules of several owners are joined, so those that take everything must come last. */
function catchAllLast(routes: readonly Route[]): Route[] {
  const takesAll = (route: Route): boolean => route.match !== undefined && isCatchAll(route.match);
  return [...routes.filter(route => !takesAll(route)), ...routes.filter(takesAll)];
}
