import { compare } from '../../model/resource';
import type { Protocol, Service, ServicePort } from '../../model/service';
import type { SidecarSpec } from '../istio-api';
import type { Mesh } from '../mesh';
import { destinations } from './destinations';
import type { VirtualService } from './virtual-services';
import { isVisible } from './visibility';

/** What one outbound listener declaration of a scope imports. */
export interface EgressListener {
  readonly services: readonly Service[];
  readonly virtualServices: readonly VirtualService[];
  /** Those among them that say something of TLS or TCP; the same list where they are the same. */
  readonly layer4: readonly VirtualService[];
  /** Port that a Sidecar resource gives the listener; absent for the one that serves every service on its own ports. */
  readonly own?: { readonly port: number; readonly protocol: Protocol };
  readonly bind?: string;
  /** captureMode NONE: callers dial the listener itself. */
  readonly captureNone?: boolean;
}

/** Everything that outbound configuration of a set of proxies is made of (istio-behaviour B1-B3). */
export interface Scope {
  /** Configuration namespace. */
  readonly namespace: string;
  readonly listeners: readonly EgressListener[];
  /** One for each host, in the order of clusters. */
  readonly services: readonly Service[];
  readonly byHost: ReadonlyMap<string, Service>;
  readonly registryOnly: boolean;
  /** Cluster that takes what nobody declared, where a Sidecar resource names one. */
  readonly egressProxy?: string;
  /** The Sidecar resource behind the scope. */
  readonly sidecar?: { readonly name: string; readonly namespace: string; readonly configPath: string; readonly spec: SidecarSpec };
}

/** The scope of gateways, which have no namespace before all others: of each host, what mergeByHost makes of all that is exported to theirs. */
export const gatewayScope = (mesh: Mesh, namespace: string): Scope => openScope(mesh, namespace, 'gateway', () => candidates(mesh, namespace));

/** The scope without a Sidecar resource: all that is exported to the namespace. */
export const defaultScope = (mesh: Mesh, namespace: string): Scope => (
  openScope(mesh, namespace, 'sidecar', () => oneNamespacePerHost(candidates(mesh, namespace), namespace)));

function openScope(mesh: Mesh, namespace: string, kind: string, services: () => Service[]): Scope {
  const { model } = mesh;
  // Apart from the rest, so that a changed rule leaves the services of the scope the same objects.
  const found = mesh.memo.get('scopeServices', [namespace, kind], () => {
    const chosen = services();
    const each = mergeByHost(chosen);
    return { services: chosen, merged: each, byHost: new Map(each.map(service => [service.hostname, service])) };
  });
  const listener = { services: found.services, ...imports(mesh, mesh.virtualServices.boundTo('mesh', namespace)) };
  const routed = kind === 'sidecar' ? routedTo(mesh, namespace, listener, found.byHost) : [];
  return {
    namespace,
    listeners: [listener],
    services: routed.length === 0 ? found.merged : mesh.memo.get('importedServices', [...found.merged, ...routed], () => [...found.merged, ...routed]),
    byHost: routed.length === 0 ? found.byHost : new Map([...found.byHost, ...routed.map(service => [service.hostname, service] as const)]),
    registryOnly: model.config.outboundTrafficPolicy === 'REGISTRY_ONLY',
  };
}

/** Services of the namespace that are exported to others alone, and that rules send its proxies to all the same. */
function routedTo(mesh: Mesh, namespace: string, listener: EgressListener, seen: ReadonlyMap<string, Service>): readonly Service[] {
  const hidden = mesh.memo.get('hiddenServices', [namespace], () => new Set(mesh.model.services
    .filter(service => service.namespace === namespace && !isVisible(mesh.visibilityOf(service), namespace)).map(({ hostname }) => hostname)));
  return hidden.size === 0 ? [] : destinations(mesh, namespace, [], listener).filter(({ hostname }) => hidden.has(hostname) && !seen.has(hostname));
}

/** Rules of a listener. */
export function imports(mesh: Mesh, virtualServices: readonly VirtualService[]): Pick<EgressListener, 'virtualServices' | 'layer4'> {
  const layer4 = virtualServices.filter(rule => rule.layer4);
  return { virtualServices, layer4: mesh.memo.get('layer4', layer4, () => layer4) };
}

/** Services a namespace sees: those exported to it by name first, then public ones, each oldest first. */
export function candidates(mesh: Mesh, namespace: string): Service[] {
  const named: Service[] = [], everyone: Service[] = [];
  for (const service of mesh.model.services) {
    const visibility = mesh.visibilityOf(service);
    if (service.resolution !== 'alias' && isVisible(visibility, namespace)) (visibility.everyone ? everyone : named).push(service);
  }
  return [...named, ...everyone];
}

/** Keeps, of services with one host name in several namespaces, those of one: the proxy's own, else Kubernetes', else the oldest. */
export function oneNamespacePerHost(services: readonly Service[], own: string): Service[] {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const known = chosen.get(service.hostname);
    const better = known === undefined
      || (known.namespace !== own && (service.namespace === own || (known.registry !== 'Kubernetes' && service.registry === 'Kubernetes')));
    if (better) chosen.set(service.hostname, service);
  }
  return services.filter(service => chosen.get(service.hostname)?.namespace === service.namespace);
}

/** One service for each host: Kubernetes' takes the place of another, and further ones of the same kind only add their ports. */
export function mergeByHost(services: readonly Service[]): Service[] {
  const merged = new Map<string, Service>();
  for (const service of services) {
    const known = merged.get(service.hostname);
    if (known === undefined) {
      merged.set(service.hostname, service);
    } else if (known.registry !== 'Kubernetes' && service.registry === 'Kubernetes') {
      merged.set(service.hostname, service);
    } else if (sameKind(known, service)) {
      const more = service.ports.filter(port => !known.ports.some(other => other.number === port.number));
      if (more.length > 0) merged.set(service.hostname, { ...known, ports: [...known.ports, ...more] });
    }
  }
  return [...merged.values()];
}

function sameKind(a: Service, b: Service): boolean {
  const sorted = (labels: Readonly<Record<string, string>>) => Object.entries(labels).sort(([x], [y]) => compare(x, y));
  const text = (service: Service): string => JSON.stringify([
    service.namespace, service.registry, service.resolution, sorted(service.labels), sorted(service.selector),
    [...new Set(service.exportTo)].sort(compare),
  ]);
  return text(a) === text(b);
}

/** A service with one of its ports only; the same object each time. */
export function narrowed(mesh: Mesh, service: Service, port: ServicePort): Service {
  if (service.ports.length === 1) return service;
  return mesh.memo.get('narrowed', [service, port], () => ({ ...service, ports: [port] }));
}

export const portOf = (service: Service, port: number): ServicePort | undefined => service.ports.find(candidate => candidate.number === port);
