import { create } from '@bufbuild/protobuf';
import { rulesFor } from './routes';
import type { GatewayPort, GatewayServer, MergedGateways } from './servers';
import { isPlainHttp } from './servers';
import { serverTls } from './tls';
import { gatewayTopology } from './topology';
import { hostSubsetOf } from '../../model/hosts';
import { resolveGateway } from '../../model/names';
import { isHttp } from '../../model/ports';
import { pack } from '../../xds/any';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { ListenerFilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { ProxyProtocolSchema } from '../../xds/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb';
import { addressMessage } from '../endpoints/assignment';
import type { L4Destination, L4Match } from '../istio-api';
import { chainMessage, TLS_INSPECTOR } from '../listeners/chains';
import type { Chain } from '../listeners/chains';
import { httpConnectionManager } from '../listeners/hcm';
import { ISTIO_ALL } from '../listeners/inbound-chains';
import { tcpFilters, tcpTo } from '../listeners/tcp';
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
  const chains = port.servers.flatMap(server => chainsOf(view, server, name, usedSni));
  if (chains.length === 0) return undefined;
  const inspect = chains.some(chain => (chain.sni ?? []).some(sni => sni !== '*') || chain.socket !== undefined || chain.transport !== undefined);
  return create(ListenerSchema, {
    name,
    address: addressMessage(port.bind, view.explicit?.inboundPort(port.port) ?? port.port),
    filterChains: chains.map(chainMessage),
    listenerFilters: [...(gatewayTopology(view).proxyProtocol === undefined ? [] : [PROXY_PROTOCOL]), ...(inspect ? [TLS_INSPECTOR()] : [])],
    trafficDirection: TrafficDirection.OUTBOUND,
    maxConnectionsToAcceptPerSocketEvent: 1,
    enableReusePort: view.explicit === undefined ? undefined : false,
    accessLog: listenerAccessLogs(view, 'CLIENT'),
  });
}

function chainsOf(view: View, server: GatewayServer, listenerName: string, usedSni: Set<string>): Chain[] {
  const { tls, name } = server.server;
  const sni = server.hosts.map(({ host }) => host);
  if (isPlainHttp(server.protocol, server.server)) return [{ filters: [httpManager(view, server, `outbound_${listenerName};`, Number(listenerName.slice(listenerName.lastIndexOf('_') + 1)))] }];
  if (tls?.mode === 'PASSTHROUGH') return passthrough(view, server, usedSni);
  if (tls?.mode === 'AUTO_PASSTHROUGH') return byServiceName(view, server);
  const socket = tls?.mode === undefined ? undefined : serverTls(view, tls, server.protocol === 'HTTPS' || isHttp(server.protocol));
  if (server.routeName !== undefined) {
    const prefix = name !== undefined && name !== '' ? `outbound_${name};` : `outbound_${listenerName};`;
    return [{ sni, socket, filters: [httpManager(view, server, prefix, server.server.port.number)] }];
  }
  return terminated(view, server).map(filters => ({ sni: socket === undefined ? [] : sni, socket, filters }));
}

const httpManager = (view: View, server: GatewayServer, statPrefix: string, port: number) => httpConnectionManager(view, {
  direction: 'gateway', statPrefix, port, routes: server.routeName ?? '', grpcWeb: server.protocol === 'GRPC-Web',
});

/** Connections that name a service and port of the mesh in their SNI, whatever rules say. */
function byServiceName(view: View, server: GatewayServer): Chain[] {
  const services = view.scope.services.filter(service => !service.meshExternal
    && server.hosts.some(({ namespace, host }) => (namespace === '*' || namespace === service.namespace) && hostSubsetOf(service.hostname, host)));
  return services.flatMap(service => service.ports.filter(({ protocol }) => protocol !== 'UDP').flatMap(port => (
    ['', ...view.ruleOf(service)?.subsets.map(({ name }) => name) ?? []].map((subset) => {
      const name = sniName(port.number, subset, service.hostname);
      return { sni: [name], alpn: ISTIO_ALL, filters: tcpTo(view, 'gateway', name, { unguarded: true }) };
    }))));
}

/** TLS is left to the destination: one chain for each set of names that a rule routes. */
function passthrough(view: View, server: GatewayServer, usedSni: Set<string>): Chain[] {
  const chains: Chain[] = [];
  for (const { rule } of rulesFor(view, server)) {
    for (const { match, route } of rule.spec.tls ?? []) {
      for (const condition of match.filter(candidate => appliesAt(server, candidate, rule))) {
        if (condition.sniHosts.some(host => usedSni.has(host))) continue;
        condition.sniHosts.forEach(host => usedSni.add(host));
        chains.push({ sni: condition.sniHosts, cidrs: condition.destinationSubnets, filters: forward(view, server, rule, route ?? []) });
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
      if (applies) return [forward(view, server, rule, route ?? [])];
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
    extra: first && byRule(view, hostOf(site, rule, first.destination), route.length === 1 ? first.destination.subset ?? '' : ''),
    protocol: server.protocol,
    port: server.server.port.number,
    statPrefix: route.length === 1 ? connectionStatName(view, clusters[0]?.name ?? '') : `${rule.name}.${rule.namespace}`,
  });
}
