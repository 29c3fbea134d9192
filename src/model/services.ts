import { withoutFullPrefix } from './addresses';
import { withAliases } from './aliases';
import { assignAddresses, AUTO_BLOCK, SERVICE_BLOCK } from './assign';
import type { ResourceIndex } from './index-resources';
import { numberOf, objectsOf, textMapOf, textOf, textsOf } from './json';
import type { MeshConfig } from './mesh-config';
import { parseProtocol, selectProtocol } from './ports';
import type { Resource } from './resource';
import { compare } from './resource';
import type { Resolution, Service, ServicePort } from './service';
import { exportToOf } from './visibility';

/** Address of services that have none. */
export const NO_ADDRESS = '0.0.0.0';

const RESOLUTIONS: Readonly<Record<string, Resolution>> = {
  NONE: 'passthrough', STATIC: 'client-side', DNS: 'dns', DNS_ROUND_ROBIN: 'dns-round-robin', DYNAMIC_DNS: 'dynamic-dns',
};

/** What the registry takes from the mesh. */
export interface RegistryContext {
  readonly config: MeshConfig;
  readonly domain: string;
  readonly clusterId: string;
}

/** All services of the registry, oldest first. */
export function servicesOf(of: ResourceIndex, context: RegistryContext): Service[] {
  return withAliases([...kubernetesServices(of, context), ...entryServices(of)]).sort(byServiceAge);
}

/** Istio's order of services: creation, then name, then namespace. */
export function byServiceAge(a: Service, b: Service): number {
  return compare(a.creationTimestamp, b.creationTimestamp) || compare(a.name, b.name) || compare(a.namespace, b.namespace);
}

function kubernetesServices(of: ResourceIndex, context: RegistryContext): Service[] {
  const services = of('Service');
  const given = new Set(services.flatMap(clusterIps));
  const without = services.filter(service => needsClusterIp(service)).map(keyOf);
  const assigned = assignAddresses(without, SERVICE_BLOCK, given);
  return services.map(service => kubernetesService(service, assigned.get(keyOf(service)), of, context));
}

/** A Kubernetes Service as Istio's registry has it (istio-behaviour A1). */
function kubernetesService(resource: Resource, assigned: string | undefined, of: ResourceIndex, context: RegistryContext): Service {
  const { metadata, spec } = resource;
  const { annotations, name, namespace } = metadata;
  const headless = spec.clusterIP === 'None';
  const externalName = !headless && spec.type === 'ExternalName' ? textOf(spec.externalName) || undefined : undefined;
  const addresses = clusterIps(resource);
  if (assigned !== undefined) addresses.push(assigned);
  return {
    hostname: `${name}.${namespace}.svc.${context.domain}`,
    name,
    namespace,
    registry: 'Kubernetes',
    address: addresses[0] ?? NO_ADDRESS,
    addresses,
    resolution: headless ? 'passthrough' : externalName !== undefined ? 'alias' : 'client-side',
    headless,
    ports: objectsOf(spec.ports).flatMap(port => kubernetesPort(port)),
    selector: textMapOf(spec.selector),
    labels: metadata.labels,
    annotations,
    exportTo: exportToOf(annotations['networking.istio.io/exportTo']),
    meshExternal: externalName !== undefined,
    allowedIdentities: allowedIdentities(annotations, namespace, context.config.trustDomain),
    subjectAltNames: [],
    externalName,
    nodeLocal: spec.internalTrafficPolicy === 'Local',
    trafficDistribution: trafficDistributionOf(textOf(spec.trafficDistribution), annotations[TRAFFIC_DISTRIBUTION]
      || of('Namespace').find(each => each.metadata.name === namespace)?.metadata.annotations[TRAFFIC_DISTRIBUTION]),
    creationTimestamp: metadata.creationTimestamp ?? '',
    resource,
  };
}

function kubernetesPort(port: Readonly<Record<string, unknown>>): ServicePort[] {
  const number = numberOf(port.port);
  if (number === undefined) return [];
  const name = textOf(port.name) ?? '';
  const targetPort = numberOf(port.targetPort) ?? textOf(port.targetPort);
  const protocol = selectProtocol({ protocol: textOf(port.protocol), appProtocol: textOf(port.appProtocol), name, number });
  // 0 and '' mean that targetPort is not set.
  return [{ name, number, protocol, targetPort: targetPort || undefined }];
}

/** One service per host and address of each ServiceEntry (istio-behaviour A4). */
function entryServices(of: ResourceIndex): Service[] {
  const entries = of('ServiceEntry');
  const auto = assignAddresses(entries.flatMap(hostsWithoutAddress), AUTO_BLOCK, new Set(entries.flatMap(statusAddresses).map(entry => entry.value)));
  return entries.flatMap(entry => textsOf(entry.spec.hosts).flatMap((host) => {
    const given = textsOf(entry.spec.addresses).map(withoutFullPrefix);
    return (given.length > 0 ? given : [NO_ADDRESS]).map(address => entryService(entry, host, address, auto));
  }));
}

function entryService(resource: Resource, host: string, address: string, auto: ReadonlyMap<string, string>): Service {
  const { metadata, spec } = resource;
  const allocated = statusAddresses(resource).filter(entry => entry.host === host || entry.host === undefined).map(entry => entry.value);
  return {
    hostname: host.toLowerCase(),
    name: host,
    namespace: metadata.namespace,
    registry: 'External',
    address,
    addresses: address === NO_ADDRESS ? [] : [address],
    autoAddress: address === NO_ADDRESS ? allocated.find(value => !value.includes(':')) ?? auto.get(autoKey(resource, host)) : undefined,
    autoAddressV6: address === NO_ADDRESS ? allocated.find(value => value.includes(':')) : undefined,
    resolution: RESOLUTIONS[textOf(spec.resolution) ?? 'NONE'] ?? 'passthrough',
    headless: false,
    ports: objectsOf(spec.ports).flatMap((port): ServicePort[] => {
      const number = numberOf(port.number);
      if (number === undefined) return [];
      return [{ name: textOf(port.name) ?? '', number, protocol: parseProtocol(textOf(port.protocol) ?? ''), targetPort: numberOf(port.targetPort) || undefined }];
    }),
    selector: entrySelector(resource),
    labels: metadata.labels,
    annotations: metadata.annotations,
    exportTo: textsOf(spec.exportTo),
    meshExternal: spec.location !== 'MESH_INTERNAL',
    allowedIdentities: [],
    subjectAltNames: textsOf(spec.subjectAltNames),
    nodeLocal: false,
    trafficDistribution: trafficDistributionOf(undefined, metadata.annotations[TRAFFIC_DISTRIBUTION]),
    creationTimestamp: metadata.creationTimestamp ?? '',
    resource,
  };
}

/** Labels of `workloadSelector`; empty where a ServiceEntry selects nothing. */
export function entrySelector(entry: Resource): Readonly<Record<string, string>> {
  const selector = entry.spec.workloadSelector;
  return textMapOf(typeof selector === 'object' && selector !== null ? (selector as { labels?: unknown }).labels : undefined);
}

const TRAFFIC_DISTRIBUTION = 'networking.istio.io/traffic-distribution';

const DISTRIBUTIONS: Readonly<Record<string, Service['trafficDistribution']>> = {
  preferclose: 'PreferSameZone', prefersamezone: 'PreferSameZone', prefersamenode: 'PreferSameNode',
};

/** The field, of whose words only the known ones count, before the annotation, which may be written in any case. */
function trafficDistributionOf(field: string | undefined, annotation: string | undefined): Service['trafficDistribution'] {
  const known = field !== undefined && ['PreferClose', 'PreferSameZone', 'PreferSameNode'].includes(field);
  return DISTRIBUTIONS[(known ? field : annotation ?? '').toLowerCase()];
}

/** Identities that annotations add (istio-behaviour A1): names of service accounts, and identities as they stand. */
function allowedIdentities(annotations: Readonly<Record<string, string>>, namespace: string, trustDomain: string): string[] {
  return [
    ...exportToOf(annotations['alpha.istio.io/kubernetes-serviceaccounts']).map(account => `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`),
    ...exportToOf(annotations['alpha.istio.io/canonical-serviceaccounts']),
  ];
}

function clusterIps(service: Resource): string[] {
  const all = [textOf(service.spec.clusterIP), ...textsOf(service.spec.clusterIPs)];
  return [...new Set(all.filter((ip): ip is string => ip !== undefined && ip !== '' && ip !== 'None'))];
}

/** The API server gives an address to every Service that is neither headless nor a mere name. */
function needsClusterIp(service: Resource): boolean {
  return clusterIps(service).length === 0 && service.spec.clusterIP !== 'None' && service.spec.type !== 'ExternalName';
}

function keyOf(resource: Resource): string {
  return `${resource.metadata.namespace}/${resource.metadata.name}`;
}

function statusAddresses(entry: Resource): { readonly host?: string; readonly value: string }[] {
  return objectsOf(entry.status?.addresses).map(address => ({ host: textOf(address.host), value: textOf(address.value) ?? '' }));
}

/** Hosts that Istio would give an address of its own and has not yet (istio-behaviour A5), as keys of assignment. */
function hostsWithoutAddress(entry: Resource): string[] {
  const { spec, metadata } = entry;
  if (textsOf(spec.addresses).length > 0 || (textOf(spec.resolution) ?? 'NONE') === 'NONE') return [];
  if (metadata.labels['networking.istio.io/enable-autoallocate-ip'] === 'false' || statusAddresses(entry).length > 0) return [];
  return textsOf(spec.hosts).filter(host => !host.startsWith('*') || spec.resolution === 'DYNAMIC_DNS').map(host => autoKey(entry, host));
}

function autoKey(entry: Resource, host: string): string {
  return `${keyOf(entry)}/${host}`;
}
