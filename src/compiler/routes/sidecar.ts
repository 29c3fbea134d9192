import { create } from '@bufbuild/protobuf';
import { catchAllHost } from './catch-all';
import { serviceHosts } from './service-hosts';
import type { OwnedHost } from './service-hosts';
import { VirtualHostSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { VirtualHost } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { EgressListener } from '../scope/scope';
import type { View } from '../view';

/** A route configuration around virtual hosts, as Istio frames it. */
export function routeConfiguration(name: string, virtualHosts: readonly VirtualHost[]): RouteConfiguration {
  const routes = create(RouteConfigurationSchema, {
    name, validateClusters: false, ignorePortInHostMatching: true, maxDirectResponseBodySizeBytes: 1048576,
  });
  // Given to `create`, each of them would be looked at.
  routes.virtualHosts = [...virtualHosts];
  return routes;
}

/** Route configuration of a port that all services share: `"80"`; port 0 stands for every port (HTTP proxy, unix socket). No listener, no services. */
export function portRoutes(view: View, listener: EgressListener | undefined, name: string, port: number): RouteConfiguration {
  const hosts = listener === undefined ? [] : serviceHosts(view, listener, port);
  return routeConfiguration(name, [...hosts.map(({ host }) => host), catchAllHost(view)]);
}

/** Route configuration of a listener that detects HTTP: `host:port`, where the address has decided already. */
export function sniffedRoutes(view: View, listener: EgressListener, hostname: string, port: number): RouteConfiguration {
  const name = `${hostname}:${port}`;
  const hosts = serviceHosts(view, listener, port);
  const places = placesOf(hosts);
  // No two hosts have one domain.
  const found = [...new Set([places.get(hostname), places.get(name)])].filter(place => place !== undefined).sort((a, b) => a - b);
  const own = found.map(place => hosts[place].host);
  return routeConfiguration(name, own.length === 1 ? [create(VirtualHostSchema, { ...own[0], domains: ['*'] })] : own);
}

const placesByDomain = new WeakMap<readonly OwnedHost[], ReadonlyMap<string, number>>();

/** Where the host of each domain stands. */
function placesOf(hosts: readonly OwnedHost[]): ReadonlyMap<string, number> {
  let places = placesByDomain.get(hosts);
  if (places === undefined) {
    places = new Map(hosts.flatMap(({ host }, index) => host.domains.map((domain): [string, number] => [domain, index])));
    placesByDomain.set(hosts, places);
  }
  return places;
}
