import { create } from '@bufbuild/protobuf';
import { bySpecificity, hostsIntersection } from '../../model/hosts';
import { compare } from '../../model/resource';
import { VirtualHost_TlsRequirementType, VirtualHostSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { Route, VirtualHost } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import { isCatchAll } from '../routes/match';
import { routesOf } from '../routes/route';
import { routeConfiguration } from '../routes/sidecar';
import type { VirtualService } from '../scope/virtual-services';
import type { View } from '../view';
import { isPlainHttp } from './servers';
import type { GatewayServer } from './servers';

/** Routes of one host while they are collected. */
interface Collected {
  readonly host: string;
  readonly port: number;
  readonly routes: Route[];
  /** Which rules gave them: hosts with the same rules share a virtual host. */
  readonly sources: string[];
  redirect: boolean;
}

/** One route configuration of a gateway (istio-behaviour F7). */
export function gatewayRoutes(view: View, name: string, servers: readonly GatewayServer[]): RouteConfiguration {
  const hosts = new Map<string, Collected>();
  for (const server of servers) {
    for (const rule of rulesFor(view, server)) collect(view, hosts, server, rule.rule, rule.hosts);
    if (server.server.tls?.httpsRedirect === true) {
      for (const { host } of server.hosts) entry(hosts, host, server.server.port.number).redirect = true;
    }
  }
  const port = servers[0].server.port.number;
  const virtualHosts = [...hosts.values()].filter(({ routes, redirect }) => routes.length > 0 || redirect);
  if (virtualHosts.length === 0) {
    return routeConfiguration(name, [create(VirtualHostSchema, { name: `blackhole:${port}`, domains: ['*'] })]);
  }
  return routeConfiguration(name, fold(virtualHosts).sort((a, b) => compare(a.name, b.name)));
}

/** Rules that a server serves, with the hosts they have in common. */
export function rulesFor(view: View, { gateway, hosts }: GatewayServer): { rule: VirtualService; hosts: string[] }[] {
  return view.mesh.virtualServices.boundTo(gateway, view.proxy.namespace).map((rule) => {
    const open = hosts.filter(({ namespace }) => namespace === '*' || namespace === rule.namespace).map(({ host }) => host);
    return { rule, hosts: hostsIntersection(open, rule.hosts) };
  }).filter(found => found.hosts.length > 0);
}

function collect(view: View, hosts: Map<string, Collected>, server: GatewayServer, rule: VirtualService, common: readonly string[]): void {
  const { number } = server.server.port;
  const routes = routesOf({
    view,
    port: number,
    gateways: new Set([server.gateway]),
    tls: !isPlainHttp(server.protocol, server.server),
    serviceOf: host => view.scope.byHost.get(host),
  }, rule);
  if (routes.length === 0) return;
  for (const host of common) {
    const found = entry(hosts, host, number);
    // One rule reaches a host once, whichever servers of the port let it in.
    const source = `${rule.namespace}/${rule.name}`;
    if (found.sources.includes(source)) continue;
    found.sources.push(source);
    found.routes.push(...routes);
  }
}

function entry(hosts: Map<string, Collected>, host: string, port: number): Collected {
  let found = hosts.get(host);
  if (found === undefined) hosts.set(host, found = { host, port, routes: [], sources: [], redirect: false });
  return found;
}

/** Hosts with the same routes become one virtual host, named after the most specific. */
function fold(hosts: readonly Collected[]): VirtualHost[] {
  const groups = new Map<string, Collected[]>();
  for (const host of hosts) {
    const key = JSON.stringify([host.sources, host.redirect, host.port]);
    // Empty hosts that only redirect stay apart, as in Istio.
    const own = host.sources.length === 0 ? `${key}${host.host}` : key;
    groups.set(own, [...groups.get(own) ?? [], host]);
  }
  return [...groups.values()].map((group) => {
    const sorted = [...group].sort((a, b) => bySpecificity(a.host, b.host));
    const [first] = sorted;
    return create(VirtualHostSchema, {
      name: `${first.host}:${first.port}`,
      domains: sorted.map(({ host }) => host),
      routes: catchAllLast(first.routes),
      requireTls: first.redirect ? VirtualHost_TlsRequirementType.ALL : VirtualHost_TlsRequirementType.NONE,
      includeRequestAttemptCount: true,
    });
  });
}

/** Rules of several owners are joined, so those that take everything must come last. */
function catchAllLast(routes: readonly Route[]): Route[] {
  const takesAll = (route: Route): boolean => route.match !== undefined && isCatchAll(route.match);
  return [...routes.filter(route => !takesAll(route)), ...routes.filter(takesAll)];
}
