import { create } from '@bufbuild/protobuf';
import { rulesFor } from './routes';
import type { GatewayPort, GatewayServer, MergedGateways, ServerGroup } from './servers';
import { tlsMode } from './servers';
import { serverTls } from './tls';
import { gatewayTopology } from './topology';
import { hostSubsetOf } from '../../model/hosts';
import { resolveGateway } from '../../model/names';
import { isHttp } from '../../model/ports';
import type { Protocol } from '../../model/service';
import { pack } from '../../xds/any';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { ListenerFilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Filter } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { ProxyProtocolSchema } from '../../xds/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb';
import { statName } from '../clusters/stat-name';
import { addressMessage } from '../endpoints/assignment';
import { networkExtensions } from '../extensions/filters';
import { extensionsAt, PHASES } from '../extensions/list';
import type { L4Destination, L4Match } from '../istio-api';
import { chainMessage, TLS_INSPECTOR } from '../listeners/chains';
import type { Chain } from '../listeners/chains';
import { exactBalance } from '../listeners/exact-balance';
import { httpConnectionManager } from '../listeners/hcm';
import { ISTIO_ALL } from '../listeners/inbound-chains';
import { tcpFilters } from '../listeners/tcp';
import { byRule, connectionStatName } from '../listeners/tcp-chains';
import { sniName } from '../names';
import { clusterOf, hostOf } from '../routes/route';
import type { VirtualService } from '../scope/virtual-services';
import { listenerAccessLogs } from '../telemetry/access-log';
import type { View } from '../view';

const PROXY_PROTOCOL = create(ListenerFilterSchema, {
  name: 'envoy.filters.listener.proxy_protocol', configType: { case: 'typedConfig', value: pack(ProxyProtocolSchema) },
});

/** Listeners of a router (istio-behaviour F4). One without any chain is not sent. */
export function gatewayListeners(view: View, gateways: MergedGateways): Listener[] {
  return gateways.ports.map(port => listenerOf(view, port)).filter(listener => listener !== undefined);
}

function listenerOf(view: View, port: GatewayPort): Listener | undefined {
  const name = `${port.bind}_${port.port}`;
  const usedSni = new Set<string>();
  const chains = port.groups.flatMap(group => chainsOf(view, group, port.port, name, usedSni));
  if (chains.length === 0) return undefined;
  const inspect = chains.some(chain => (chain.sni ?? []).length > 0 || chain.socket !== undefined);
  return create(ListenerSchema, {
    name,
    address: addressMessage(port.bind, view.explicit?.inboundPort(port.port) ?? port.port),
    filterChains: chains.map(chainMessage),
    listenerFilters: [...(gatewayTopology(view).proxyProtocol === undefined ? [] : [PROXY_PROTOCOL]), ...(inspect ? [TLS_INSPECTOR()] : [])],
    trafficDirection: TrafficDirection.OUTBOUND,
    maxConnectionsToAcceptPerSocketEvent: 1,
    connectionBalanceConfig: exactBalance(view, 'OUTBOUND_LISTENER_EXACT_BALANCE'),
    enableReusePort: view.explicit === undefined ? undefined : false,
    accessLog: listenerAccessLogs(view, 'CLIENT'),
  });
}

function chainsOf(view: View, group: ServerGroup, port: number, listenerName: string, usedSni: Set<string>): Chain[] {
  if (isHttp(group.protocol)) return [{ filters: httpChain(view, group.routeName, group.protocol, `outbound_${listenerName};`, port) }];
  return group.servers.flatMap((server): Chain[] => {
    const { tls, name } = server.server;
    const sni = tls === undefined ? [] : [...new Set(server.hosts.map(({ host }) => host))];
    switch (tlsMode(server.server)) {
      case 'PASSTHROUGH': return passthrough(view, server, usedSni);
      case 'AUTO_PASSTHROUGH': return byServiceName(view, sni);
    }
    const socket = tls && serverTls(view, tls, server.protocol === 'HTTPS');
    if (server.routeName === undefined || tls === undefined) return terminated(view, server).map(filters => ({ sni, socket, filters }));
    const prefix = name !== undefined && name !== '' ? name : `outbound_${listenerName};`;
    return [{ sni, socket, filters: httpChain(view, server.routeName, server.protocol, prefix, port) }];
  });
}

const httpChain = (view: View, routeName: string | undefined, protocol: Protocol, statPrefix: string, port: number): Filter[] => [
  ...networkExtensions(extensionsAt(view, 'NETWORK', 'gateway', port), ...PHASES),
  httpConnectionManager(view, { direction: 'gateway', statPrefix, port, routes: routeName ?? '', grpcWeb: protocol === 'GRPC-Web' }),
];

/** Connections that name a service and port of the mesh in their SNI, whatever rules say; who may pass is not asked here. */
function byServiceName(view: View, hosts: readonly string[]): Chain[] {
  const services = view.scope.services.filter(service => !service.meshExternal && hosts.some(host => hostSubsetOf(service.hostname, host)));
  return services.flatMap(service => service.ports.filter(({ protocol }) => protocol !== 'UDP').flatMap(port => (
    ['', ...view.ruleOf(service)?.subsets.map(({ name }) => name) ?? []].map((subset): Chain => {
      const name = sniName(port.number, subset, service.hostname);
      const statPrefix = statName(view.mesh, 'outboundClusterStatName', name, { service, port, subset }).replace(/;$/, '');
      return {
        sni: [name],
        alpn: ISTIO_ALL,
        filters: tcpFilters(view, {
          direction: 'gateway',
          statPrefix,
          clusters: [{ name, weight: 0 }],
          protocol: port.protocol,
          port: port.number,
          unguarded: true,
          extra: { ...byRule(view, service.hostname, subset), tunnelingConfig: undefined },
        }),
      };
    }))));
}

/** TLS is left to the destination: one chain for each set of names that a rule routes. */
function passthrough(view: View, server: GatewayServer, usedSni: Set<string>): Chain[] {
  const chains: Chain[] = [];
  for (const { rule } of rulesFor(view, server)) {
    for (const { match, route } of rule.spec.tls ?? []) {
      if ((route ?? []).length === 0) continue;
      for (const condition of match.filter(candidate => appliesAt(server, candidate, rule))) {
        if (condition.sniHosts.some(host => usedSni.has(host))) continue;
        condition.sniHosts.forEach(host => usedSni.add(host));
        chains.push({ sni: condition.sniHosts, filters: forward(view, server, rule, route ?? []) });
      }
    }
  }
  return chains;
}

/** Bytes after TLS, or plain ones: to the first tcp rule that holds here. */
function terminated(view: View, server: GatewayServer) {
  for (const { rule } of rulesFor(view, server)) {
    for (const { match, route } of rule.spec.tcp ?? []) {
      const applies = match === undefined || match.length === 0 || match.some(candidate => appliesAt(server, candidate, rule));
      if (applies && (route ?? []).length > 0) return [forward(view, server, rule, route ?? [])];
    }
  }
  return [];
}

function appliesAt(server: GatewayServer, match: Pick<L4Match, 'port' | 'gateways'>, rule: VirtualService): boolean {
  if (match.port !== undefined && match.port !== 0 && match.port !== server.server.port.number) return false;
  return match.gateways === undefined || match.gateways.length === 0
    || match.gateways.some(gateway => resolveGateway(gateway, rule.namespace) === server.gateway);
}

function forward(view: View, server: GatewayServer, rule: VirtualService, route: readonly L4Destination[]) {
  const site = { view, port: server.server.port.number, serviceOf: (host: string) => view.scope.byHost.get(host) };
  const weighted = route.length > 1 ? route.filter(({ weight }) => weight !== undefined && weight > 0) : route;
  const clusters = weighted.map(({ destination, weight }) => ({ name: clusterOf(site, rule, destination), weight: weight ?? 0 }));
  const [first] = route;
  return tcpFilters(view, {
    direction: 'gateway',
    clusters,
    weighted: route.length > 1,
    extra: first && byRule(view, hostOf(site, rule, first.destination), route.length === 1 ? first.destination.subset ?? '' : ''),
    protocol: server.protocol,
    port: server.server.port.number,
    // Who is called over Istio's mutual TLS learns who calls.
    exchange: tlsMode(server.server) === 'ISTIO_MUTUAL',
    statPrefix: route.length === 1 ? connectionStatName(view, clusters[0]?.name ?? '') : `${rule.name}.${rule.namespace}`,
  });
}
