import { create } from '@bufbuild/protobuf';
import { catchAllHost } from './catch-all';
import { defaultRoute } from './default-route';
import { domainsOf } from './domains';
import { hostOf, routesOf } from './route';
import type { RouteSite } from './route';
import { hostsMatch, isWildcard } from '../../model/hosts';
import { isHttp } from '../../model/ports';
import { compare } from '../../model/resource';
import type { Service, ServicePort } from '../../model/service';
import { VirtualHostSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { Route, VirtualHost } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '../../xds/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import { mostSpecific } from '../host-table';
import type { EgressListener } from '../scope/scope';
import { narrowed, portOf } from '../scope/scope';
import type { VirtualService } from '../scope/virtual-services';
import type { View } from '../view';

const MESH = new Set(['mesh']);

/** Routes of one host or service, before domains are handed out. */
interface Wrapper {
  readonly port: number;
  readonly services: readonly Service[];
  /** Hosts that no service of this listener has. */
  readonly hosts: readonly string[];
  readonly routes: readonly Route[];
}

/** One virtual host and the service behind it. */
export interface OwnedHost {
  readonly host: VirtualHost;
  readonly service?: Service;
}

/** A route configuration around virtual hosts, as Istio frames it. */
export function routeConfiguration(name: string, virtualHosts: readonly VirtualHost[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name, virtualHosts: [...virtualHosts], validateClusters: false, ignorePortInHostMatching: true, maxDirectResponseBodySizeBytes: 1048576,
  });
}

/** Route configuration of a port that all services share: `"80"`; port 0 stands for every port (HTTP proxy, unix socket). */
export function portRoutes(view: View, listener: EgressListener, name: string, port: number): RouteConfiguration {
  return routeConfiguration(name, [...serviceHosts(view, listener, port).map(({ host }) => host), catchAllHost(view)]);
}

/** Route configuration of a listener that detects HTTP: `host:port`, where the address has decided already. */
export function sniffedRoutes(view: View, listener: EgressListener, hostname: string, port: number): RouteConfiguration {
  const name = `${hostname}:${port}`;
  const own = serviceHosts(view, listener, port).map(({ host }) => host)
    .filter(({ domains }) => domains.includes(hostname) || domains.includes(name));
  return routeConfiguration(name, own.length === 1 ? [create(VirtualHostSchema, { ...own[0], domains: ['*'] })] : own);
}

/** Virtual hosts of one listener port, by name (istio-behaviour C6). */
export function serviceHosts(view: View, listener: EgressListener, port: number): readonly OwnedHost[] {
  return view.mesh.memo.get('serviceHosts', [listener, port, view.proxy.dnsDomain, view.callerKey, view.proxy.namespace, dnsCapture(view)],
    () => buildHosts(view, listener, port));
}

export const dnsCapture = (view: View): boolean => view.proxy.metadata.DNS_CAPTURE === 'true' || view.proxy.metadata.DNS_CAPTURE === true;

function buildHosts(view: View, listener: EgressListener, port: number): OwnedHost[] {
  const byHost = servicesOnPort(view, listener.services, port);
  const site: RouteSite = { view, port, gateways: MESH, serviceOf: host => byHost.get(host) };
  const wrappers = wrap(site, listener, byHost);

  const names = new Set<string>();
  const taken = new Set<string>();
  const known = new Set(wrappers.flatMap(({ services, port: own }) => services.flatMap(({ hostname }) => [hostname, `${hostname}:${own}`])));
  const hosts: OwnedHost[] = [];
  const add = (wrapper: Wrapper, hostname: string, service: Service | undefined): void => {
    const name = `${hostname}:${wrapper.port}`;
    if (names.has(name)) return;
    names.add(name);
    const { domains, short } = service === undefined
      ? { domains: port === 0 ? [hostname, name] : [hostname], short: new Set<string>() }
      : domainsOf(service, wrapper.port, port, view.proxy.dnsDomain, addressesOf(view, service));
    const kept = domains.filter(domain => {
      // A short form that is some service's real name belongs to that service.
      if (taken.has(domain.toLowerCase()) || (short.has(domain) && known.has(domain))) return false;
      taken.add(domain.toLowerCase());
      return true;
    });
    if (kept.length === 0 || (port !== 0 && wrapper.port !== port)) return;
    const host = view.mesh.memo.get('virtualHost', [name, wrapper.routes, JSON.stringify(kept)],
      () => create(VirtualHostSchema, { name, domains: kept, routes: [...wrapper.routes], includeRequestAttemptCount: true }));
    hosts.push({ host, service });
  };
  for (const wrapper of wrappers) {
    for (const host of wrapper.hosts) add(wrapper, host, undefined);
    for (const service of wrapper.services) add(wrapper, service.hostname, service);
  }
  return hosts.sort((a, b) => compare(a.host.name, b.host.name));
}

/** Services that have the port, narrowed to it; all ports where the port is 0. */
function servicesOnPort(view: View, services: readonly Service[], port: number): Map<string, Service> {
  const byHost = new Map<string, Service>();
  for (const service of services) {
    if (port === 0) {
      byHost.set(service.hostname, service);
      continue;
    }
    const own = portOf(service, port);
    if (own !== undefined) byHost.set(service.hostname, narrowed(view.mesh, service, own));
  }
  return byHost;
}

/** First what VirtualServices say, then default routes of the services they left. */
function wrap(site: RouteSite, listener: EgressListener, byHost: ReadonlyMap<string, Service>): Wrapper[] {
  const owner = site.view.mesh.memo.get('mostSpecificRule', [listener], () => mostSpecificRule(listener.virtualServices));
  const wrappers: Wrapper[] = [];
  const covered = new Set<string>();
  for (const rule of listener.virtualServices) {
    const { hosts, services } = separate(rule, byHost, owner);
    const byPort = new Map<number, Service[]>();
    for (const service of services) {
      for (const port of service.ports.filter(({ protocol }) => isHttp(protocol) || protocol === 'Auto')) {
        byPort.set(port.number, [...byPort.get(port.number) ?? [], service]);
      }
    }
    // Hosts that no service has are served on port 80 only.
    if (byPort.size === 0 && site.port === 80) byPort.set(80, []);
    const routes = byPort.size === 0 ? [] : routesHere(site, rule);
    if (routes.length === 0) continue;
    for (const [port, list] of byPort) {
      wrappers.push({ port, services: list, hosts, routes });
      list.forEach(service => covered.add(service.hostname));
    }
  }
  for (const service of byHost.values()) {
    if (covered.has(service.hostname)) continue;
    for (const port of service.ports.filter(({ protocol }) => isHttp(protocol) || protocol === 'Auto')) {
      wrappers.push({ port: port.number, services: [service], hosts: [], routes: routesByDefault(site.view, service, port) });
    }
  }
  return wrappers;
}

/** Routes of a rule, made once for all ports and proxies at which it means the same. */
function routesHere(site: RouteSite, rule: VirtualService): readonly Route[] {
  const { mesh, proxy, callerKey, scope } = site.view;
  const hosts = mesh.memo.get('destinationHosts', [rule], () => {
    const all = (rule.spec.http ?? []).flatMap(({ route, mirror, mirrors }) => (
      [...route ?? [], ...mirrors ?? [], ...(mirror === undefined ? [] : [{ destination: mirror }])]));
    return [...new Set(all.map(({ destination }) => hostOf(site, rule, destination)))];
  });
  const services = hosts.map(host => scope.byHost.get(host));
  const view = withRules(site.view, services.filter(service => service !== undefined));
  const known = hosts.flatMap((host, index) => [site.serviceOf(host), services[index], services[index] && view.ruleOf(services[index])]);
  return mesh.memo.get('routes', [rule, site.port, proxy.namespace, callerKey, ...known], () => routesOf({ ...site, view }, rule));
}

function routesByDefault(given: View, service: Service, port: ServicePort): readonly Route[] {
  const view = withRules(given, [service]);
  return view.mesh.memo.get('defaultRoute', [service, port, view.ruleOf(service)], () => [defaultRoute(view, service, port)]);
}

/** A view that has looked up the rules of these services already: what is made with it depends on them and not on all rules. */
function withRules(view: View, services: readonly Service[]): View {
  const rules = new Map(services.map(service => [service, view.ruleOf(service)]));
  return { ...view, ruleOf: service => (rules.has(service as Service) ? rules.get(service as Service) : view.ruleOf(service)) };
}

/** Hosts of a rule that services of this listener have, and those that none has. */
function separate(
  rule: VirtualService, byHost: ReadonlyMap<string, Service>, owner: (host: string) => VirtualService | undefined,
): { hosts: string[]; services: Service[] } {
  const hosts: string[] = [];
  const services: Service[] = [];
  for (const host of rule.hosts.filter(candidate => !isWildcard(candidate))) {
    const service = byHost.get(host);
    if (service === undefined) hosts.push(host);
    else services.push(service);
  }
  for (const host of rule.hosts.filter(isWildcard)) {
    const under = [...byHost.values()].filter(service => hostsMatch(host, service.hostname));
    if (under.length === 0) hosts.push(host);
    // Each service goes to the rule with the most specific host only.
    services.push(...under.filter(service => owner(service.hostname) === rule));
  }
  return { hosts, services };
}

function mostSpecificRule(rules: readonly VirtualService[]): (host: string) => VirtualService | undefined {
  const table = new Map<string, VirtualService>();
  for (const rule of rules) {
    for (const host of rule.hosts) if (!table.has(host)) table.set(host, rule);
  }
  return host => mostSpecific(host, table);
}

/** Addresses that mean the service to this proxy. */
function addressesOf(view: View, service: Service): readonly string[] {
  const own = service.addresses.filter(address => address !== '0.0.0.0');
  if (own.length > 0) return own;
  return dnsCapture(view) && service.autoAddress !== undefined ? [service.autoAddress] : [];
}
