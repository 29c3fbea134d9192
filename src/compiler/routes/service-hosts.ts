import { defaultRoute } from './default-route';
import { domainsOf } from './domains';
import { hostOf, routesOf } from './route';
import type { RouteSite } from './route';
import { hostsMatch, isWildcard } from '../../model/hosts';
import { remake, sameItems } from '../../model/keep';
import type { Made } from '../../model/keep';
import { isHttp } from '../../model/ports';
import { compare } from '../../model/resource';
import type { Service, ServicePort } from '../../model/service';
import type { Route, VirtualHost } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import * as literal from '../../xds/literals';
import { mostSpecific } from '../host-table';
import type { Destination } from '../istio-api';
import type { KeyPart } from '../memo';
import type { DestinationRules } from '../scope/destination-rules';
import type { EgressListener } from '../scope/scope';
import { narrowed, portOf } from '../scope/scope';
import type { VirtualService } from '../scope/virtual-services';
import { withRules } from '../view';
import type { View } from '../view';

/** One virtual host and the service behind it. */
export interface OwnedHost {
  readonly host: VirtualHost;
  readonly service?: Service;
}

/** Services of a listener by host, narrowed to the port it is about. */
type Services = ReadonlyMap<string, Service>;

/** Whom a rule speaks for on a listener port; the same object where it is the same. */
interface Reach {
  /** Services by port, in order of first mention. */
  readonly ports: readonly (readonly [port: number, services: readonly Service[]])[];
  /** Hosts that no service of this listener has. */
  readonly hosts: readonly string[];
}

/** What a rule comes to on a listener port. */
interface Part {
  readonly reach: Reach;
  readonly routes: Route[];
  /** Which services a wildcard takes depends on all rules. */
  readonly wild: boolean;
}

interface Parts extends Made<VirtualService, Part> {
  /** What all parts depend on besides their rule. */
  readonly ground: readonly unknown[];
}

/** A virtual host without its routes. */
interface Slot {
  readonly name: string;
  readonly domains: string[];
  readonly service?: Service;
  /** Place of the rule whose routes it has, or the port that has the route Istio makes by itself. */
  readonly source: number | { readonly service: Service; readonly port: ServicePort };
}

/** Names that somebody wants to answer for on a port of their own. */
interface Wanted extends Pick<Slot, 'source'> {
  readonly own: number;
  readonly list: readonly Service[];
  readonly hosts: readonly string[];
}

interface Filled {
  readonly slots: readonly Slot[];
  readonly rules: DestinationRules;
  readonly routes: readonly Route[][];
  readonly hosts: readonly OwnedHost[];
}

const MESH = new Set(['mesh']);

export const dnsCapture = (view: View): boolean => view.proxy.metadata.DNS_CAPTURE === 'true' || view.proxy.metadata.DNS_CAPTURE === true;

/**
 * Virtual hosts of one listener port, by name (istio-behaviour C6). They are made in three steps, each of which looks only at what differs from
 * the last time: what each rule comes to; who has which domain, which no change of routes touches; and the hosts themselves.
 */
export function serviceHosts(view: View, listener: EgressListener, port: number): readonly OwnedHost[] {
  const { mesh, proxy, scope, callerKey } = view;
  const caller = [proxy.dnsDomain, callerKey, proxy.namespace, dnsCapture(view)];
  return mesh.memo.get('serviceHosts', [listener, port, ...caller], () => {
    const site: ListenerSite = {
      view,
      listener,
      port,
      key: [port, ...caller, scope.sidecar?.name, scope.listeners.indexOf(listener)],
      services: servicesOnPort(view, listener, port),
    };
    const parts = partsOf(site);
    return filled(site, slotsOf(site, parts), parts);
  });
}

interface ListenerSite {
  readonly view: View;
  readonly listener: EgressListener;
  /** 0 stands for every port. */
  readonly port: number;
  /** Names the listener port of a proxy's scope, whatever it holds. */
  readonly key: readonly KeyPart[];
  readonly services: Services;
}

/** Services that have the port, narrowed to it; all ports where the port is 0. */
function servicesOnPort({ mesh }: View, { services }: EgressListener, port: number): Services {
  return mesh.memo.get('servicesOnPort', [services, port], () => {
    const byHost = new Map<string, Service>();
    for (const service of services) {
      if (port === 0) {
        byHost.set(service.hostname, service);
        continue;
      }
      const own = portOf(service, port);
      if (own !== undefined) byHost.set(service.hostname, narrowed(mesh, service, own));
    }
    return byHost;
  });
}

function partsOf({ view, listener, port, key, services }: ListenerSite): readonly Part[] {
  const { mesh, scope } = view;
  const { virtualServices } = listener;
  const { destinationRules } = mesh;
  return mesh.memo.renew<Parts>('routeParts', key, [virtualServices, services, scope.services, destinationRules], (former) => {
    const ground = [services, scope.services, destinationRules];
    const site: RouteSite = { view, port, gateways: MESH, serviceOf: host => services.get(host) };
    const owner = mostSpecificRule(virtualServices);
    const known = former && sameItems(former.ground, ground) ? former : undefined;
    return { ground, ...remake(known, virtualServices, rule => partOf(site, rule, services, owner), ({ wild }) => !wild) };
  }).results;
}

const NO_ROUTES: Route[] = [];

function partOf(site: RouteSite, rule: VirtualService, byHost: Services, owner: () => (host: string) => VirtualService | undefined): Part {
  const { hosts, services } = separate(rule, byHost, owner);
  const ports = new Map<number, Service[]>();
  for (const service of services) {
    for (const port of service.ports) {
      if (!isRouted(port)) continue;
      const sharing = ports.get(port.number);
      if (sharing === undefined) ports.set(port.number, [service]);
      else sharing.push(service);
    }
  }
  // Hosts that no service has are served on port 80 only.
  if (ports.size === 0 && site.port === 80) ports.set(80, []);
  const routes = ports.size === 0 ? NO_ROUTES : routesHere(site, rule);
  const served = routes.length === 0 ? [] : [...ports];
  const shape = JSON.stringify([hosts, served.map(([port, list]) => [port, list.map(({ hostname }) => hostname)])]);
  const wild = rule.hosts.some(isWildcard);
  return { routes, wild, reach: site.view.mesh.memo.get('reach', [byHost, shape], () => ({ ports: served, hosts })) };
}

const isRouted = ({ protocol }: ServicePort): boolean => isHttp(protocol) || protocol === 'Auto';

/** Hands out names and domains: first to what VirtualServices say, then to the services that they left. */
function slotsOf({ view, port, key, services }: ListenerSite, parts: readonly Part[]): readonly Slot[] {
  return view.mesh.memo.renew<readonly Slot[]>('hostSlots', key, [services, ...parts.map(({ reach }) => reach)], () => {
    const wanted: Wanted[] = parts.flatMap(({ reach: { ports, hosts } }, source) => ports.map(([own, list]) => ({ own, list, hosts, source })));
    const covered = new Set<string>();
    for (const { list } of wanted) for (const { hostname } of list) covered.add(hostname);
    for (const service of services.values()) {
      if (covered.has(service.hostname)) continue;
      for (const own of service.ports) {
        if (isRouted(own)) wanted.push({ own: own.number, list: [service], hosts: [], source: { service, port: own } });
      }
    }
    // Real names, with the port where the domains of the listener have it.
    const known = new Set<string>();
    for (const { own, list } of wanted) {
      for (const { hostname } of list) known.add(hostname).add(port === 0 ? `${hostname}:${own}` : hostname);
    }
    const names = new Set<string>();
    const taken = new Set<string>();
    const slots: Slot[] = [];
    const add = ({ own, source }: Wanted, hostname: string, service: Service | undefined): void => {
      const name = `${hostname}:${own}`;
      if (names.has(name)) return;
      names.add(name);
      const { domains, short } = service === undefined
        ? { domains: [hostname], short: [] }
        : domainsOf(service, own, port, view.proxy.dnsDomain, addressesOf(view, service));
      const kept = domains.filter(domain => {
        const folded = domain.toLowerCase();
        // A short form that is some service's real name belongs to that service.
        if (taken.has(folded) || (short.includes(domain) && known.has(domain))) return false;
        taken.add(folded);
        return true;
      });
      // Where every port is served, a name without its port means port 80.
      const meant = port === 0 && own !== 80 ? kept.filter(domain => domain.includes(':')) : kept;
      if (meant.length === 0 || (port !== 0 && own !== port)) return;
      slots.push({ name, domains: meant, service, source });
    };
    for (const want of wanted) {
      for (const host of want.hosts) add(want, host, undefined);
      for (const service of want.list) add(want, service.hostname, service);
    }
    return slots.sort((a, b) => compare(a.name, b.name));
  });
}

function filled({ view, key }: ListenerSite, slots: readonly Slot[], parts: readonly Part[]): readonly OwnedHost[] {
  const { mesh } = view;
  const rules = mesh.destinationRules;
  return mesh.memo.renew<Filled>('filledHosts', key, [slots, rules, ...parts.map(({ routes }) => routes)], (former) => {
    const known = former?.slots === slots ? former : undefined;
    const sameRules = known?.rules === rules;
    const routes = slots.map(({ source }, index) => (
      typeof source === 'number' ? parts[source].routes : sameRules ? known.routes[index] : routesByDefault(view, source.service, source.port)));
    const hosts = slots.map(({ name, domains, service }, index) => {
      if (known?.routes[index] === routes[index]) return known.hosts[index];
      const host = mesh.memo.get('virtualHost', [name, routes[index], JSON.stringify(domains)],
        () => literal.virtualHost({ name, domains, routes: routes[index], includeRequestAttemptCount: true }));
      return { host, service };
    });
    return { slots, rules, routes, hosts };
  }).hosts;
}

/** Routes of a rule, made once for all ports and proxies at which it means the same. */
function routesHere(site: RouteSite, rule: VirtualService): Route[] {
  const { mesh, proxy, callerKey, scope } = site.view;
  const services: Service[] = [];
  const parts: KeyPart[] = [rule, site.port, proxy.namespace, callerKey];
  for (const host of destinationHosts(site, rule)) {
    const service = scope.byHost.get(host);
    if (service !== undefined) services.push(service);
    parts.push(site.serviceOf(host), service, service && site.view.ruleOf(service));
  }
  const view = withRules(site.view, services);
  return mesh.memo.get('routes', parts, () => routesOf({ ...site, view }, rule));
}

/** Hosts that requests of a rule are sent to, each once. */
function destinationHosts(site: RouteSite, rule: VirtualService): string[] {
  const hosts: string[] = [];
  const add = (destination: Destination): void => {
    const host = hostOf(site, rule, destination);
    if (!hosts.includes(host)) hosts.push(host);
  };
  for (const { route, mirror, mirrors } of rule.spec.http ?? []) {
    route?.forEach(({ destination }) => add(destination));
    mirrors?.forEach(({ destination }) => add(destination));
    if (mirror !== undefined) add(mirror);
  }
  return hosts;
}

function routesByDefault(given: View, service: Service, port: ServicePort): Route[] {
  const view = withRules(given, [service]);
  return view.mesh.memo.get('defaultRoute', [service, port, view.ruleOf(service)], () => [defaultRoute(view, service, port)]);
}

/** Hosts of a rule that services of this listener have, and those that none has. */
function separate(
  rule: VirtualService, byHost: Services, owner: () => (host: string) => VirtualService | undefined,
): { hosts: string[]; services: Service[] } {
  const hosts: string[] = [];
  const services: Service[] = [];
  for (const host of rule.hosts) {
    if (isWildcard(host)) continue;
    const service = byHost.get(host);
    if (service === undefined) hosts.push(host);
    else services.push(service);
  }
  for (const host of rule.hosts) {
    if (!isWildcard(host)) continue;
    const under = [...byHost.values()].filter(service => hostsMatch(host, service.hostname));
    if (under.length === 0) hosts.push(host);
    // Each service goes to the rule with the most specific host only.
    services.push(...under.filter(service => owner()(service.hostname) === rule));
  }
  return { hosts, services };
}

/** Only wildcards ask, so the table is made when the first one does. */
function mostSpecificRule(rules: readonly VirtualService[]): () => (host: string) => VirtualService | undefined {
  let table: Map<string, VirtualService> | undefined;
  return () => {
    if (table === undefined) {
      table = new Map();
      for (const rule of rules) {
        for (const host of rule.hosts) if (!table.has(host)) table.set(host, rule);
      }
    }
    const known = table;
    return host => mostSpecific(host, known);
  };
}

/** Addresses that mean the service to this proxy. */
function addressesOf(view: View, service: Service): readonly string[] {
  const own = service.addresses.filter(address => address !== '0.0.0.0');
  if (own.length > 0) return own;
  return dnsCapture(view) && service.autoAddress !== undefined ? [service.autoAddress] : [];
}
