import { hostsMatch } from '../../model/hosts';
import { sameItems } from '../../model/keep';
import { isTls } from '../../model/ports';
import { compare } from '../../model/resource';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { statName } from '../clusters/stat-name';
import type { StatFacts } from '../clusters/stat-name';
import { durationMs } from '../durations';
import type { L4Destination, L4Match } from '../istio-api';
import { outboundCluster } from '../names';
import { aliasNames } from '../routes/domains';
import { appliesHere, clusterOf, hostOf } from '../routes/route';
import type { RouteSite } from '../routes/route';
import type { EgressListener } from '../scope/scope';
import type { VirtualService } from '../scope/virtual-services';
import type { View } from '../view';
import { addressFor, WILDCARD } from './bind';
import type { Chain } from './chains';
import { tcpFilters } from './tcp';
import type { TcpOptions } from './tcp';

const MESH = new Set(['mesh']);

/** Where the chains stand. */
export interface Place {
  /** Address of the listener, `explicit` where it is the service's alone. */
  readonly bind: string;
  /** The service's own range of addresses, where that tells it from others. */
  readonly cidrs: readonly string[];
}

/** Filter chains of a TCP, TLS or detected port of one service (istio-behaviour C10). */
export function tcpChains(view: View, listener: EgressListener, service: Service, port: ServicePort, place: Place): Chain[] {
  const site: RouteSite = {
    view,
    port: port.number,
    gateways: MESH,
    serviceOf: host => view.scope.byHost.get(host),
  };
  const rules = listener.layer4.filter(rule => rule.hosts.some(host => hostsMatch(host, service.hostname)));
  return isTls(port.protocol) ? tlsChains(site, rules, service, port, place) : plainChains(site, rules, service, port, place.cidrs);
}

function tlsChains(site: RouteSite, rules: readonly VirtualService[], service: Service, port: ServicePort, { bind, cidrs }: Place): Chain[] {
  const chains: Chain[] = [];
  const seen = new Set<string>();
  // Subnets of one match hold for those after it that name none, as in Istio.
  let subnets = cidrs;
  for (const rule of rules) {
    for (const { match, route } of rule.spec.tls ?? []) {
      if (route === undefined || route.length === 0) continue;
      for (const condition of match) {
        if (!appliesToConnection(site, condition, rule.namespace)) continue;
        const own = condition.destinationSubnets ?? [];
        // A unix socket (port 0) knows no addresses.
        if (own.length > 0 && port.number > 0) subnets = [...own];
        const key = JSON.stringify([condition.sniHosts, own]);
        if (seen.has(key)) continue;
        seen.add(key);
        chains.push({ config: rule.configPath, sni: condition.sniHosts, cidrs: subnets, filters: toDestinations(site, rule, route, port) });
      }
    }
  }
  if (chains.length > 0) return chains;
  // Behind a VIP of its own the address has decided already; elsewhere the name must.
  const address = addressFor(site.view, service);
  const named = bind !== 'explicit' && (address.includes('/') || (bind === WILDCARD && address === WILDCARD));
  const names = named ? [service.hostname, ...aliasNames(service, site.view.proxy.dnsDomain)] : [];
  return [{ sni: names, cidrs, filters: toService(site.view, service, port) }];
}

function plainChains(site: RouteSite, rules: readonly VirtualService[], service: Service, port: ServicePort, cidrs: readonly string[]): Chain[] {
  const chains: Chain[] = [];
  let served = false;
  for (const rule of rules) {
    for (const { match, route } of rule.spec.tcp ?? []) {
      if (route === undefined || route.length === 0) continue;
      const passing = (match ?? []).filter(condition => appliesToConnection(site, condition, rule.namespace));
      const everything = match === undefined || match.length === 0
        || passing.some(({ destinationSubnets }) => destinationSubnets === undefined || destinationSubnets.length === 0 || port.number === 0);
      if (everything) return [...chains, { config: rule.configPath, cidrs, filters: toDestinations(site, rule, route, port) }];
      const subnets = passing.flatMap(({ destinationSubnets }) => destinationSubnets ?? []);
      if (subnets.length === 0) continue;
      chains.push({ cidrs: subnets, filters: toDestinations(site, rule, route, port) });
      // Two chains with one match would be refused.
      served ||= sameItems([...subnets].sort(compare), [...cidrs].sort(compare));
    }
  }
  return served ? chains : [...chains, { cidrs, filters: toService(site.view, service, port) }];
}

/** Like `appliesHere`, but gateways and callers are both asked for. */
function appliesToConnection(site: RouteSite, { gateways, ...condition }: L4Match, namespace: string): boolean {
  return appliesHere(site, condition, namespace) && (gateways === undefined || gateways.length === 0 || appliesHere(site, { gateways }, namespace));
}

/** To the service's only port, whatever port a Sidecar resource gave the listener; else to the port that was dialled. */
function toService(view: View, service: Service, port: ServicePort) {
  const number = service.ports.length === 1 ? service.ports[0].number : port.number;
  const name = outboundCluster(number, '', service.hostname);
  return tcpFilters(view, {
    direction: 'outbound',
    statPrefix: connectionStatName(view, name, { name: '', number }),
    clusters: [{ name, weight: 0 }],
    protocol: port.protocol,
    port: port.number,
    extra: byRule(view, service.hostname, ''),
  });
}

function toDestinations(site: RouteSite, rule: VirtualService, route: readonly L4Destination[], port: ServicePort) {
  const { view } = site;
  const weighted = route.length > 1;
  const used = weighted ? route.filter(({ weight }) => weight !== undefined && weight > 0) : route;
  const clusters = used.map(({ destination, weight }) => ({ name: clusterOf(site, rule, destination), weight: weight ?? 0 }));
  const [{ destination }] = route;
  return tcpFilters(view, {
    direction: 'outbound',
    statPrefix: weighted ? `${rule.name}.${rule.namespace}` : connectionStatName(view, clusters[0].name, port),
    clusters,
    weighted,
    protocol: port.protocol,
    port: port.number,
    extra: byRule(view, hostOf(site, rule, destination), weighted ? '' : destination.subset ?? ''),
  });
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
  // A subset has a tunnel of its own or none.
  const tunnel = subset === '' ? policy?.tunnel : own?.tunnel;
  const idle = durationMs(tcp?.idleTimeout);
  const longest = durationMs(tcp?.maxConnectionDuration);
  return {
    ...(idle === undefined ? {} : { idleTimeout: duration(idle) }),
    maxDownstreamConnectionDuration: longest === undefined ? undefined : duration(longest),
    tunnelingConfig: tunnel && { hostname: hostAndPort(tunnel.targetHost ?? '', tunnel.targetPort ?? 0), usePost: tunnel.protocol === 'POST' },
    hashPolicy: (own?.loadBalancer ?? policy?.loadBalancer)?.consistentHash?.useSourceIp === true ? [{ policySpecifier: { case: 'sourceIp', value: {} } }] : [],
  };
}

/**
 * The name under which a connection to one destination counts: its cluster's, or what the mesh's pattern makes of the service.
 * @param port - of the listener, if the pattern is to name that one
 */
export function connectionStatName(view: View, cluster: string, port?: StatFacts['port']): string {
  const [, number, subset, host] = cluster.split('|');
  const service = view.scope.byHost.get(host);
  const known = service?.ports.find(each => each.number === Number(number)) ?? { name: '', number: Number(number) };
  return statName(view.mesh, 'outboundClusterStatName', cluster, { service, port: port ?? known, subset, targetPort: 0 }).replace(/;$/, '');
}

const hostAndPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
