import { create } from '@bufbuild/protobuf';
import { inspectorsFor } from './chains';
import type { Chain } from './chains';
import { httpConnectionManager } from './hcm';
import { chainsOf, httpChain, outboundHttp } from './outbound';
import { tcpChains } from './tcp-chains';
import { isHttp } from '../../model/ports';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { VirtualHostSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import { addressMessage } from '../endpoints/assignment';
import type { ExplicitTable } from '../explicit';
import { catchAllHost } from '../routes/catch-all';
import { serviceHosts } from '../routes/service-hosts';
import { portRoutes, routeConfiguration, sniffedRoutes } from '../routes/sidecar';
import type { EgressListener } from '../scope/scope';
import type { View } from '../view';

/** Outbound side of a proxy under explicit capture: every service port listens on an address that callers dial. */
export interface ExplicitOutbound {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteConfiguration[];
}

export function explicitOutbound(view: View, explicit: ExplicitTable): ExplicitOutbound {
  const listeners: Listener[] = [];
  const routes = new Map<string, RouteConfiguration>();
  const { listeners: imports } = view.scope;
  const reachable = new Set(imports.flatMap(({ services }) => services.map(({ hostname }) => hostname)));
  for (const service of view.scope.services.filter(({ hostname }) => reachable.has(hostname))) {
    for (const port of service.ports) {
      const egress = imports.find(({ own }) => own === undefined || own.port === port.number);
      if (port.protocol === 'UDP' || egress === undefined) continue;
      const { address, port: bound } = explicit.addressOf(service, port.number);
      // The address form keeps the number that was meant in the name, even where it had to move.
      const name = `${address}_${explicit.form === 'port' ? bound : port.number}`;
      const chains = chainsFor(view, explicit, egress, service, port, name, routes);
      listeners.push(boundListener(view, name, address, bound, chains));
    }
  }
  const everything = imports[imports.length - 1];
  if (explicit.httpProxyPort > 0) {
    const name = `${explicit.podAddress}_${explicit.httpProxyPort}`;
    const shared = portRoutes(view, everything, 'http_proxy', 0);
    routes.set('http_proxy', create(RouteConfigurationSchema, { ...shared, ignorePortInHostMatching: false }));
    const manager = httpConnectionManager(view, { direction: 'outbound', statPrefix: `outbound_${name};`, routes: 'http_proxy', port: 0, absoluteUrl: true });
    listeners.push(boundListener(view, name, explicit.podAddress, explicit.httpProxyPort, [{ filters: [manager] }]));
  }
  return { listeners, routes: [...routes.values()] };
}

function chainsFor(
  view: View, explicit: ExplicitTable, egress: EgressListener, service: Service, port: ServicePort, name: string,
  routes: Map<string, RouteConfiguration>,
): Chain[] {
  const statPrefix = `outbound_${name};`;
  const own = `${service.hostname}:${port.number}`;
  if (isHttp(port.protocol)) {
    const routeName = explicit.form === 'port' ? own : String(port.number);
    if (!routes.has(routeName)) routes.set(routeName, overlay(view, explicit, egress, routeName, service, port.number));
    const grpcWeb = port.protocol === 'GRPC-Web';
    return [{ filters: outboundHttp(view, { direction: 'outbound', statPrefix, routes: routeName, port: port.number, grpcWeb }) }];
  }
  const tcp = tcpChains(view, egress, service, port, { bind: 'explicit', cidrs: [] });
  if (port.protocol !== 'Auto') return tcp;
  routes.set(own, sniffedRoutes(view, egress, service.hostname, port.number));
  return [httpChain(view, statPrefix, own, port.number, false), ...tcp];
}

/** The shared virtual hosts of a port, with this proxy's own addresses added: routes stay the same messages for everybody. */
function overlay(view: View, explicit: ExplicitTable, egress: EgressListener, name: string, owner: Service, port: number): RouteConfiguration {
  const hosts = serviceHosts(view, egress, port).map(({ host, service }) => {
    const extra = service === undefined ? []
      : explicit.form === 'address' ? [explicit.addressOf(service, port).address]
        : service.hostname === owner.hostname ? [explicit.addressOf(service, port).address, 'localhost'] : [];
    return extra.length === 0 ? host : create(VirtualHostSchema, { ...host, domains: [...host.domains, ...extra] });
  });
  return routeConfiguration(name, [...hosts, catchAllHost(view)]);
}

function boundListener(view: View, name: string, address: string, port: number, chains: readonly Chain[]): Listener {
  return create(ListenerSchema, {
    name,
    address: addressMessage(address, port),
    ...chainsOf(view, chains),
    listenerFilters: inspectorsFor(chains),
    listenerFiltersTimeout: duration(view.mesh.model.config.protocolDetectionTimeoutMs),
    continueOnListenerFiltersTimeout: true,
    trafficDirection: TrafficDirection.OUTBOUND,
    // Two proxies on one address would silently share its connections.
    enableReusePort: false,
  });
}
