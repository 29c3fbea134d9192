import { hostsMatch } from '../../model/hosts';
import { isTls } from '../../model/ports';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { statName } from '../clusters/stat-name';
import { durationMs } from '../durations';
import type { L4Destination } from '../istio-api';
import { outboundCluster } from '../names';
import { aliasNames } from '../routes/domains';
import { appliesHere, clusterOf, hostOf } from '../routes/route';
import type { RouteSite } from '../routes/route';
import type { EgressListener } from '../scope/scope';
import { portOf } from '../scope/scope';
import type { VirtualService } from '../scope/virtual-services';
import type { View } from '../view';
import type { Chain } from './chains';
import { tcpFilters } from './tcp';
import type { TcpOptions } from './tcp';

const MESH = new Set(['mesh']);

/** Filter chains of a TCP, TLS or detected port of one service (istio-behaviour C10). */
export function tcpChains(view: View, listener: EgressListener, service: Service, port: ServicePort, bind: string): Chain[] {
  const site: RouteSite = {
    view,
    port: port.number,
    gateways: MESH,
    serviceOf: (host) => {
      const found = view.scope.byHost.get(host);
      const own = found && portOf(found, port.number);
      return found && own && { ...found, ports: [own] };
    },
  };
  const rules = listener.layer4.filter(rule => rule.hosts.some(host => hostsMatch(host, service.hostname)));
  const cidrs = service.address.includes('/') ? [service.address] : [];
  return isTls(port.protocol) ? tlsChains(site, rules, service, port, bind, cidrs) : plainChains(site, rules, service, port, cidrs);
}

function tlsChains(site: RouteSite, rules: readonly VirtualService[], service: Service, port: ServicePort, bind: string, cidrs: string[]): Chain[] {
  const chains: Chain[] = [];
  const seen = new Set<string>();
  for (const rule of rules) {
    for (const { match, route } of rule.spec.tls ?? []) {
      for (const condition of match) {
        if (!appliesHere(site, condition, rule.namespace)) continue;
        const subnets = condition.destinationSubnets !== undefined && condition.destinationSubnets.length > 0 ? condition.destinationSubnets : cidrs;
        const key = JSON.stringify([[...condition.sniHosts].sort(), [...subnets].sort()]);
        if (seen.has(key)) continue;
        seen.add(key);
        chains.push({ config: rule.configPath, sni: condition.sniHosts, cidrs: subnets, filters: toDestinations(site, rule, route ?? [], port) });
      }
    }
  }
  if (chains.length > 0) return chains;
  // Behind a VIP of its own the address has decided already; elsewhere the name must.
  const named = cidrs.length > 0 || bind === '0.0.0.0';
  const names = named ? [service.hostname, ...aliasNames(service, site.view.proxy.dnsDomain)] : [];
  return [{ sni: names, cidrs, filters: toService(site.view, service, port) }];
}

function plainChains(site: RouteSite, rules: readonly VirtualService[], service: Service, port: ServicePort, cidrs: string[]): Chain[] {
  const chains: Chain[] = [];
  for (const rule of rules) {
    for (const { match, route } of rule.spec.tcp ?? []) {
      const passing = (match ?? []).filter(condition => appliesHere(site, condition, rule.namespace));
      const everything = match === undefined || match.length === 0
        || passing.some(({ destinationSubnets }) => destinationSubnets === undefined || destinationSubnets.length === 0);
      if (everything) return [...chains, { config: rule.configPath, cidrs, filters: toDestinations(site, rule, route ?? [], port) }];
      const subnets = passing.flatMap(({ destinationSubnets }) => destinationSubnets ?? []);
      if (subnets.length > 0) chains.push({ cidrs: subnets, filters: toDestinations(site, rule, route ?? [], port) });
    }
  }
  return [...chains, { cidrs, filters: toService(site.view, service, port) }];
}

function toService(view: View, service: Service, port: ServicePort) {
  const name = outboundCluster(port.number, '', service.hostname);
  return tcpFilters(view, {
    direction: 'outbound',
    statPrefix: connectionStatName(view, name),
    clusters: [{ name, weight: 0 }],
    protocol: port.protocol,
    port: port.number,
    extra: byRule(view, service.hostname, ''),
  });
}

function toDestinations(site: RouteSite, rule: VirtualService, route: readonly L4Destination[], port: ServicePort) {
  const weighted = route.length > 1 ? route.filter(({ weight }) => weight !== undefined && weight > 0) : route;
  const clusters = weighted.map(({ destination, weight }) => ({ name: clusterOf(site, rule, destination), weight: weight ?? 0 }));
  const [first] = route;
  const extra = first && byRule(site.view, hostOf(site, rule, first.destination), route.length === 1 ? first.destination.subset ?? '' : '');
  const statPrefix = route.length === 1 ? connectionStatName(site.view, clusters[0]?.name ?? '') : `${rule.name}.${rule.namespace}`;
  return tcpFilters(site.view, { direction: 'outbound', statPrefix, clusters, weighted: route.length > 1, protocol: port.protocol, port: port.number, extra });
}

/**
 * What the DestinationRule of the first destination asks of the connection itself: the listener's timeouts are those of the rule as a whole,
 * whatever it says of ports and subsets; of a single destination's subset only hashing and tunnel count.
 */
export function byRule(view: View, host: string, subset: string): TcpOptions['extra'] {
  const service = view.scope.byHost.get(host);
  const rule = service && view.ruleOf(service);
  const policy = rule?.trafficPolicy;
  const own = subset === '' ? undefined : rule?.subsets.find(({ name }) => name === subset)?.trafficPolicy;
  const tcp = policy?.connectionPool?.tcp;
  const tunnel = own?.tunnel ?? policy?.tunnel;
  const idle = durationMs(tcp?.idleTimeout) ?? durationMs(view.proxy.metadata.IDLE_TIMEOUT as string | undefined);
  const longest = durationMs(tcp?.maxConnectionDuration);
  return {
    idleTimeout: idle === undefined ? undefined : duration(idle),
    maxDownstreamConnectionDuration: longest === undefined ? undefined : duration(longest),
    tunnelingConfig: tunnel && { hostname: hostAndPort(tunnel.targetHost ?? '', tunnel.targetPort ?? 0), usePost: tunnel.protocol === 'POST' },
    hashPolicy: (own?.loadBalancer ?? policy?.loadBalancer)?.consistentHash?.useSourceIp === true ? [{ policySpecifier: { case: 'sourceIp', value: {} } }] : [],
  };
}

/** The name under which a connection to one destination counts: its cluster's, or what the mesh's pattern makes of the service. */
export function connectionStatName(view: View, cluster: string): string {
  const [, port, subset, host] = cluster.split('|');
  const service = view.scope.byHost.get(host);
  const known = service?.ports.find(({ number }) => number === Number(port)) ?? { name: '', number: Number(port) };
  return statName(view.mesh, 'outboundClusterStatName', cluster, { service, port: known, subset }).replace(/;$/, '');
}

const hostAndPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
