import { parseProtocol } from '../../model/ports';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Service } from '../../model/service';
import type { Destination, SidecarSpec } from '../istio-api';
import type { Mesh } from '../mesh';
import { configPath, outboundCluster } from '../names';
import { destinations } from './destinations';
import { EgressHosts } from './egress-hosts';
import { candidates, defaultScope, imports, mergeByHost, narrowed, oneNamespacePerHost, portOf } from './scope';
import type { EgressListener, Scope } from './scope';
import { isVisible } from './visibility';

type Sidecar = Resource<SidecarSpec>;

/** The Sidecar resource that applies to a proxy: none merges with another (istio-behaviour B1). */
export function sidecarFor(mesh: Mesh, namespace: string, labels: Readonly<Record<string, string>>): Sidecar | undefined {
  const all = mesh.model.of('Sidecar') as unknown as readonly Sidecar[];
  const own = all.filter(({ metadata }) => metadata.namespace === namespace);
  const { rootNamespace } = mesh.model.config;
  return own.find(sidecar => hasSelector(sidecar) && selects(sidecar.spec.workloadSelector?.labels ?? {}, labels))
    ?? own.find(sidecar => !hasSelector(sidecar))
    ?? all.find(sidecar => sidecar.metadata.namespace === rootNamespace && !hasSelector(sidecar));
}

const hasSelector = ({ spec }: Sidecar): boolean => Object.keys(spec.workloadSelector?.labels ?? {}).length > 0;

/** What a Sidecar resource imports for proxies of a namespace (B2). */
export function sidecarScope(mesh: Mesh, namespace: string, sidecar: Sidecar): Scope {
  const { spec } = sidecar;
  const base = defaultScope(mesh, namespace);
  const visible = candidates(mesh, namespace);
  const listeners = spec.egress === undefined || spec.egress.length === 0
    ? base.listeners : spec.egress.map(egress => importListener(mesh, namespace, visible, egress));
  const imported = mergeByHost(listeners.flatMap(listener => [...listener.services, ...destinations(mesh, namespace, visible, listener)]));
  // Another scope with the same services has the same list.
  const services = mesh.memo.get('importedServices', imported, () => imported);
  return {
    namespace,
    listeners,
    services,
    byHost: new Map(services.map(service => [service.hostname, service])),
    // A block without a mode means the enumeration's first value.
    registryOnly: spec.outboundTrafficPolicy === undefined ? base.registryOnly : spec.outboundTrafficPolicy.mode !== 'ALLOW_ANY',
    egressProxy: egressProxy(spec.outboundTrafficPolicy?.egressProxy),
    sidecar: { name: sidecar.metadata.name, namespace: sidecar.metadata.namespace, configPath: configPath(sidecar as unknown as Resource), spec },
  };
}

/** Its host is taken as it stands: no short names here (A7). */
function egressProxy(proxy: Destination | undefined): string | undefined {
  return proxy === undefined ? undefined : outboundCluster(proxy.port?.number ?? 0, proxy.subset ?? '', proxy.host);
}

type Egress = NonNullable<SidecarSpec['egress']>[number];

function importListener(mesh: Mesh, namespace: string, visible: readonly Service[], egress: Egress): EgressListener {
  const hosts = new EgressHosts(egress.hosts ?? [], namespace);
  const rules = mesh.virtualServices.boundTo('mesh', namespace).filter(rule => hosts.takesRule(rule.namespace, rule.hosts));
  const number = egress.port?.number ?? 0;
  const protocol = parseProtocol(egress.port?.protocol ?? '');
  const seen = hosts.areExact ? firstOfHosts(mesh, namespace) : visible;
  const imported = seen.map(service => importOf(mesh, hosts, service)).filter(service => service !== undefined);
  // A listener with a port serves that port only; a unix socket (port 0) and an HTTP proxy serve all. Who lacks the port claims no host.
  const services = oneNamespacePerHost(number === 0 || protocol === 'HTTP_PROXY' ? imported : imported.flatMap((service) => {
    const port = portOf(service, number);
    return port === undefined ? [] : [narrowed(mesh, service, port)];
  }), namespace);
  return {
    // Another scope with the same services has the same list.
    services: mesh.memo.get('egressServices', services, () => services),
    ...imports(mesh, rules),
    own: egress.port === undefined ? undefined : { port: number, protocol },
    bind: egress.bind,
    captureNone: egress.captureMode === 'NONE',
  };
}

/** The same object each time, where some names are left out. */
function importOf(mesh: Mesh, hosts: EgressHosts, service: Service): Service | undefined {
  const imported = hosts.imports(service);
  if (imported === undefined || imported === service) return imported;
  return mesh.memo.get('importedAliases', [service, JSON.stringify(imported.aliases)], () => imported);
}

/** Where hosts are named one by one, each is the service that Kubernetes or the oldest entry has in its namespace; all oldest first. */
function firstOfHosts(mesh: Mesh, namespace: string): readonly Service[] {
  const first = mesh.memo.get('firstOfHosts', [], () => {
    const chosen = new Map<string, Service>();
    for (const service of mesh.model.services) {
      const key = `${service.namespace}/${service.hostname}`;
      const known = chosen.get(key);
      if (known === undefined || (known.registry !== 'Kubernetes' && service.registry === 'Kubernetes')) chosen.set(key, service);
    }
    return new Set(chosen.values());
  });
  return mesh.model.services.filter(service => first.has(service) && service.resolution !== 'alias' && isVisible(mesh.visibilityOf(service), namespace));
}
