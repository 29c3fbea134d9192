import { clone } from '@bufbuild/protobuf';
import { changeList } from './list';
import { mergeInto } from './merge';
import { inContext, isMerge, valueAs } from './patch';
import type { Patch, PatchContext } from './patch';
import { count } from './patch-set';
import type { PatchSet, Places } from './patch-set';
import type { Route, VirtualHost } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteSchema, VirtualHostSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import { RouteConfigurationSchema } from '../../xds/gen/envoy/config/route/v3/route_pb';

/** What a route configuration is, as far as patches ask. */
export interface RouteSite {
  readonly context: PatchContext;
  /** Ports by which a gateway's route configuration is known: of the servers behind it. */
  readonly serverPorts: readonly number[];
}

/** A route configuration after all patches of it, its virtual hosts and their routes. */
export function patchRoutes(set: PatchSet, site: RouteSite, given: RouteConfiguration, places: Places): RouteConfiguration {
  const about = (patch: Patch): boolean => inContext(patch, site.context) && configurationMatches(patch, site, given);
  const onHosts = set.of('VIRTUAL_HOST').filter(about);
  const onRoutes = set.of('HTTP_ROUTE').filter(about);
  const onAll = set.of('ROUTE_CONFIGURATION').filter(about).filter(isMerge);
  if (onHosts.length + onRoutes.length + onAll.length === 0) return given;
  const patched = clone(RouteConfigurationSchema, given);
  for (const patch of onAll) {
    const value = valueAs(patch, 'ROUTE_CONFIGURATION');
    if (value === undefined) continue;
    mergeInto(RouteConfigurationSchema, patched, value, replaceLists(patch));
    count(places, patch, 1);
  }
  patched.virtualHosts = patched.virtualHosts.flatMap(host => patchHost(host, onHosts, onRoutes, places) ?? []);
  for (const patch of onHosts.filter(({ operation }) => operation === 'ADD')) {
    const value = valueAs(patch, 'VIRTUAL_HOST');
    if (value === undefined) continue;
    patched.virtualHosts.push(clone(VirtualHostSchema, value));
    count(places, patch, 1);
  }
  return patched;
}

const replaceLists = ({ operation }: Patch) => ({ replaceLists: operation === 'MERGE_AND_REPLACE_LIST' });

function patchHost(given: VirtualHost, onHosts: readonly Patch[], onRoutes: readonly Patch[], places: Places): VirtualHost | undefined {
  let host = given;
  for (const patch of onHosts) {
    if (patch.operation === 'ADD' || !hostMatches(patch, host)) continue;
    if (patch.operation === 'REMOVE') {
      count(places, patch, 1);
      return undefined;
    }
    const value = valueAs(patch, 'VIRTUAL_HOST');
    if (value === undefined) continue;
    if (isMerge(patch)) mergeInto(VirtualHostSchema, host, value, replaceLists(patch));
    else if (patch.operation === 'REPLACE') host = clone(VirtualHostSchema, value);
    else continue;
    count(places, patch, 1);
  }
  host.routes = patchHostRoutes(host, onRoutes, places);
  return host;
}

function patchHostRoutes(host: VirtualHost, patches: readonly Patch[], places: Places): Route[] {
  const about = patches.filter(patch => hostMatches(patch, host));
  let routes = host.routes.flatMap(route => patchRoute(route, about, places) ?? []);
  for (const patch of about) {
    const { operation, match } = patch;
    if (operation !== 'ADD' && !operation.startsWith('INSERT_')) continue;
    const value = valueAs(patch, 'HTTP_ROUTE');
    const anchor = match.routeConfiguration?.vhost?.route === undefined ? undefined : (route: Route) => routeMatches(patch, route);
    // Even at the top nothing is put where the named route is not.
    if (operation === 'INSERT_FIRST' && anchor !== undefined && !routes.some(anchor)) continue;
    const changed = changeList(routes, patch, value && clone(RouteSchema, value), anchor);
    routes = [...changed.list];
    count(places, patch, changed.places);
  }
  return routes;
}

function patchRoute(route: Route, patches: readonly Patch[], places: Places): Route | undefined {
  for (const patch of patches) {
    if (!routeMatches(patch, route)) continue;
    if (patch.operation === 'REMOVE') {
      count(places, patch, 1);
      return undefined;
    }
    const value = valueAs(patch, 'HTTP_ROUTE');
    if (!isMerge(patch) || value === undefined) continue;
    mergeInto(RouteSchema, route, value, replaceLists(patch));
    count(places, patch, 1);
  }
  return route;
}

/** `http.PORT[.BIND]`, `https.PORT.PORTNAME.GATEWAY.NAMESPACE[.BIND]`. */
function gatewayName(name: string): { readonly port: number; readonly portName: string; readonly gateway: string } {
  const [scheme, port, portName = '', gateway = '', namespace = ''] = name.split('.');
  return { port: Number(port), portName: scheme === 'https' ? portName : '', gateway: scheme === 'https' ? `${namespace}/${gateway}` : '' };
}

function configurationMatches({ match: { routeConfiguration: wanted } }: Patch, site: RouteSite, { name }: RouteConfiguration): boolean {
  if (wanted === undefined) return true;
  if (given(wanted.name) && wanted.name !== name) return false;
  const port = wanted.portNumber ?? 0;
  if (site.context !== 'GATEWAY') return port === 0 || port === sidecarPort(name);
  const known = gatewayName(name);
  if (port !== 0 && !(site.serverPorts.length > 0 ? site.serverPorts : [known.port]).includes(port)) return false;
  if (given(wanted.portName) && wanted.portName !== known.portName) return false;
  return !given(wanted.gateway) || wanted.gateway === known.gateway;
}

function sidecarPort(name: string): number {
  if (name.startsWith('inbound|')) return Number(name.split('|')[1]);
  return /^\d+$/.test(name) ? Number(name) : 0;
}

function hostMatches({ match }: Patch, host: VirtualHost): boolean {
  const wanted = match.routeConfiguration?.vhost;
  if (wanted === undefined) return true;
  return (!given(wanted.name) || wanted.name === host.name) && (!given(wanted.domainName) || host.domains.includes(wanted.domainName ?? ''));
}

const ACTIONS: Readonly<Record<string, string>> = { route: 'ROUTE', redirect: 'REDIRECT', directResponse: 'DIRECT_RESPONSE' };

function routeMatches({ match }: Patch, route: Route): boolean {
  const wanted = match.routeConfiguration?.vhost?.route;
  if (wanted === undefined) return true;
  if (given(wanted.name) && wanted.name !== route.name) return false;
  const kind = ACTIONS[route.action.case ?? ''];
  return wanted.action === undefined || wanted.action === 'ANY' || kind === undefined || wanted.action === kind;
}

const given = (text: string | undefined): boolean => text !== undefined && text !== '';
