import { isIpAddress } from './addresses';
import { groupBy } from './group-by';
import type { ResourceIndex } from './index-resources';
import type { Json } from './json';
import { isObject, numberOf, objectOf, objectsOf, textMapOf, textOf, textsOf } from './json';
import { localityOfPod, withTopologyLabels } from './locality';
import { NETWORK_LABEL } from './networks';
import type { Resource } from './resource';
import { compare } from './resource';
import { selects } from './selectors';
import type { Endpoint, Service, ServicePort, Workload } from './service';
import { targetPortOn } from './workloads';


const TLS_MODE = 'security.istio.io/tlsMode';

/** What endpoints are made of. */
export interface EndpointSources {
  readonly of: ResourceIndex;
  readonly services: readonly Service[];
  readonly workloads: readonly Workload[];
  readonly clusterId: string;
  /** Network of an address whose workload names one itself, or none. */
  readonly networkOf: (address: string, label: string | undefined) => string | undefined;
}

/** The same with look-ups, so that a registry of thousands of Pods is read once and not once for each service. */
interface Indexed extends EndpointSources {
  readonly podNamed: (namespace: string, name: string) => Workload | undefined;
  /** Workloads of a namespace that carry all labels of a selector which is not empty. */
  readonly workloadsSelected: (namespace: string, selector: Endpoint['labels']) => readonly Workload[];
  readonly slicesOf: (service: Service) => readonly Slice[];
}

function indexed(sources: EndpointSources): Indexed {
  const { of, workloads } = sources;
  const pods = new Map(workloads.filter(each => each.kind === 'Pod').map(each => [`${each.namespace}/${each.name}`, each]));
  const byLabel = new Map<string, Workload[]>();
  for (const workload of workloads) {
    for (const label of Object.entries(workload.labels)) {
      const key = labelKey(workload.namespace, label);
      const list = byLabel.get(key);
      if (list === undefined) byLabel.set(key, [workload]);
      else list.push(workload);
    }
  }
  const slices = groupBy(of('EndpointSlice').filter(slice => slice.document.addressType !== 'FQDN'),
    slice => `${slice.metadata.namespace}/${slice.metadata.labels['kubernetes.io/service-name'] ?? ''}`);
  return {
    ...sources,
    podNamed: (namespace, name) => pods.get(`${namespace}/${name}`),
    workloadsSelected: (namespace, selector) => {
      const lists = Object.entries(selector).map(label => byLabel.get(labelKey(namespace, label)) ?? []);
      const rarest = lists.reduce((least, list) => (list.length < least.length ? list : least));
      return lists.length === 1 ? rarest : rarest.filter(workload => selects(selector, workload.labels));
    },
    slicesOf: service => slicesOf(service, slices.get(`${service.namespace}/${service.name}`) ?? [], of),
  };
}

const labelKey = (namespace: string, [name, value]: [string, string]): string => `${namespace}\u0000${name}\u0000${value}`;

/**
 * Endpoints by `hostname/namespace`, those of ServiceEntries before those of Kubernetes: services of one hostname and namespace
 * share their endpoints, whichever registry they come from (istio-behaviour A4, last lines).
 */
export function endpointsByService(given: EndpointSources): ReadonlyMap<string, readonly Endpoint[]> {
  const sources = indexed(given);
  const byService = new Map<string, Endpoint[]>();
  const seen = new Set<string>();
  for (const registry of ['External', 'Kubernetes'] as const) {
    for (const service of sources.services.filter(each => each.registry === registry && each.resolution !== 'alias')) {
      const key = endpointsKey(service);
      // Several addresses of one ServiceEntry are several services over the same endpoints.
      const origin = `${key} ${service.resource.kind}/${service.resource.metadata.name}`;
      if (seen.has(origin)) continue;
      seen.add(origin);
      const endpoints = registry === 'External' ? entryEndpoints(service, sources) : kubernetesEndpoints(service, sources);
      byService.set(key, [...byService.get(key) ?? [], ...endpoints]);
    }
  }
  return byService;
}

/** Key of a service in `endpointsByService`. */
export function endpointsKey(service: Pick<Service, 'hostname' | 'namespace'>): string {
  return `${service.hostname}/${service.namespace}`;
}

/** Endpoints of a Kubernetes Service (istio-behaviour A3): its EndpointSlices, else the workloads it selects; then the WorkloadEntries it selects. */
function kubernetesEndpoints(service: Service, sources: Indexed): Endpoint[] {
  const slices = sources.slicesOf(service);
  const own = slices.length > 0 ? eachOnce(slices.flatMap(slice => sliceEndpoints(slice, service, sources))) : workloadEndpoints(service, sources);
  // A headless Service is its Pods.
  if (service.headless) return own;
  return [...own, ...selectedEntries(service, sources).filter(hasIpAddress).flatMap(entry => entryWorkloadEndpoints(entry, service, sources))];
}

/** Names and sockets are of use to ServiceEntries that look names up, and to nobody else. */
const hasIpAddress = (entry: Resource): boolean => isIpAddress(textOf(entry.spec.address) ?? '');

/** While an endpoint moves from one slice to another both have it. */
function eachOnce(endpoints: readonly Endpoint[]): Endpoint[] {
  const seen = new Set<string>();
  return endpoints.filter(({ address, servicePortName }) => {
    const key = `${address} ${servicePortName}`;
    return !seen.has(key) && seen.add(key);
  });
}

function slicesOf(service: Service, found: readonly Resource[], of: ResourceIndex): Slice[] {
  const slices = [...found].sort((a, b) => compare(a.metadata.name, b.metadata.name))
    .map((slice): Slice => ({ ports: objectsOf(slice.document.ports), endpoints: objectsOf(slice.document.endpoints) }));
  if (slices.length > 0 || Object.keys(service.selector).length > 0) return slices;
  // Kubernetes mirrors the Endpoints of a Service without selector into slices.
  return of('Endpoints').filter(({ metadata }) => metadata.namespace === service.namespace && metadata.name === service.name)
    .flatMap(endpoints => objectsOf(endpoints.document.subsets))
    .map((subset): Slice => ({
      ports: objectsOf(subset.ports),
      endpoints: [...mirrored(subset.addresses, true), ...mirrored(subset.notReadyAddresses, false)],
    }));
}

interface Slice {
  readonly ports: readonly Json[];
  readonly endpoints: readonly Json[];
}

function mirrored(addresses: unknown, ready: boolean): Json[] {
  const conditions = { ready, terminating: false };
  return objectsOf(addresses).map(({ ip, nodeName, targetRef }) => ({ addresses: [ip], conditions, nodeName, targetRef }));
}

function sliceEndpoints(slice: Slice, service: Service, sources: Indexed): Endpoint[] {
  return slice.endpoints.flatMap((entry): Endpoint[] => {
    const health = healthOf(objectOf(entry.conditions), service);
    if (health === undefined) return [];
    const target = objectOf(entry.targetRef);
    const isPod = target.kind === 'Pod';
    const pod = isPod ? sources.podNamed(textOf(target.namespace) ?? service.namespace, textOf(target.name) ?? '') : undefined;
    // istiod waits for a Pod that it does not know yet.
    if (isPod && pod === undefined) return [];
    return slice.ports.flatMap((port) => {
      const number = numberOf(port.port);
      const servicePortName = textOf(port.name) ?? '';
      if (number === undefined) return [];
      if (pod !== undefined) return addressesOf(entry, pod).map(address => workloadEndpoint(pod, address, number, servicePortName, health, sources));
      return textsOf(entry.addresses).map((address): Endpoint => ({
        address,
        port: number,
        servicePortName,
        labels: withTopologyLabels({}, { locality: '', clusterId: sources.clusterId, network: sources.networkOf(address, undefined) }),
        locality: '',
        weight: 1,
        health,
        tlsMode: 'disabled',
        // Nobody knows where it runs.
        namespace: '',
        workloadName: '',
        network: sources.networkOf(address, undefined),
        clusterId: sources.clusterId,
      }));
    });
  });
}

/** Addresses of a slice's endpoint; where somebody runs the Pod elsewhere, that place. */
function addressesOf(entry: Json, pod: Workload): readonly string[] {
  return pod.placed ? [pod.ip] : textsOf(entry.addresses);
}

/** Health of a slice's endpoint; undefined for one that is never sent. */
function healthOf(conditions: Json, service: Service): Endpoint['health'] {
  if (conditions.ready !== false) return 'HEALTHY';
  // A condition that nobody states holds.
  if (conditions.terminating === false) return 'UNHEALTHY';
  return (service.labels['istio.io/persistent-session'] ?? '') !== '' && conditions.serving !== false ? 'DRAINING' : undefined;
}

/** Endpoints from the Pods (or controllers that stand for them) a Service selects, where nobody wrote EndpointSlices. */
function workloadEndpoints(service: Service, sources: Indexed): Endpoint[] {
  if (Object.keys(service.selector).length === 0) return [];
  const selected = sources.workloadsSelected(service.namespace, service.selector);
  return selected.flatMap(workload => service.ports.flatMap((port) => {
    const number = targetPortOn(workload, port);
    return number === undefined ? [] : [workloadEndpoint(workload, workload.ip, number, port.name, healthOfWorkload(workload), sources)];
  }));
}

function healthOfWorkload(workload: Workload): Endpoint['health'] {
  return workload.ready ? 'HEALTHY' : 'UNHEALTHY';
}

function workloadEndpoint(
  workload: Workload, address: string, port: number, servicePortName: string, health: Endpoint['health'], sources: EndpointSources,
): Endpoint {
  const { clusterId } = sources;
  const network = sources.networkOf(address, workload.labels[NETWORK_LABEL]);
  const labels = withTopologyLabels(workload.labels, { locality: workload.locality, clusterId, nodeName: workload.nodeName, network });
  return {
    address,
    port: workload.listenPorts[port] ?? port,
    servicePortName,
    labels,
    locality: workload.locality,
    weight: 1,
    health,
    tlsMode: workload.labels[TLS_MODE] === 'istio' ? 'istio' : 'disabled',
    serviceAccount: workload.serviceAccount,
    namespace: workload.namespace,
    workloadName: workload.workload,
    network,
    nodeName: workload.nodeName,
    clusterId,
  };
}

/** Endpoints of one host of a ServiceEntry (istio-behaviour A4). */
function entryEndpoints(service: Service, sources: Indexed): Endpoint[] {
  const { spec, metadata: { name, namespace } } = service.resource;
  const inline = objectsOf(spec.endpoints);
  const { clusterId } = sources;
  if (isDns(service) && inline.length === 0 && !isObject(spec.workloadSelector)) {
    return service.ports.map(port => externalEndpoint({ address: service.name }, {}, port, { namespace, workloadName: name, clusterId }, sources));
  }
  const endpoints = isObject(spec.workloadSelector) ? selectedByEntry(service, sources) : inline.flatMap((endpoint, index) =>
    service.ports.map(port => externalEndpoint(endpoint, textMapOf(endpoint.labels), port, { namespace, workloadName: `${name}-${index}`, clusterId }, sources)));
  if (service.resolution !== 'dns-round-robin') return endpoints;
  // A logical DNS cluster has a single name to look up.
  return service.ports.flatMap(port => endpoints.filter(endpoint => endpoint.servicePortName === port.name).slice(0, 1));
}

function isDns(service: Service): boolean {
  return service.resolution === 'dns' || service.resolution === 'dns-round-robin';
}

function selectedByEntry(service: Service, sources: Indexed): Endpoint[] {
  if (Object.keys(service.selector).length === 0) return [];
  const pods = sources.workloadsSelected(service.namespace, service.selector);
  const entries = selectedEntries(service, sources).filter(entry => isDns(service) || hasIpAddress(entry));
  return [
    ...pods.flatMap(pod => service.ports.map(port =>
      workloadEndpoint(pod, pod.ip, targetPortOn(pod, port) ?? port.number, port.name, healthOfWorkload(pod), sources))),
    ...entries.flatMap(entry => entryWorkloadEndpoints(entry, service, sources)),
  ];
}

/** WorkloadEntries of the namespace that a service selects, by name; those whose health check failed are left out. */
export function selectedEntries(service: Service, sources: Pick<EndpointSources, 'of'>): Resource[] {
  if (Object.keys(service.selector).length === 0) return [];
  return sources.of('WorkloadEntry')
    .filter(entry => entry.metadata.namespace === service.namespace && selects(service.selector, workloadEntryLabels(entry)))
    .filter(passesHealthCheck)
    .sort((a, b) => compare(a.metadata.name, b.metadata.name));
}

/** Labels of a WorkloadEntry: its metadata's over its spec's. */
export function workloadEntryLabels(entry: Resource): Readonly<Record<string, string>> {
  return { ...textMapOf(entry.spec.labels), ...entry.metadata.labels };
}

/** The port on which a WorkloadEntry or inline endpoint serves a service port; undefined where it is asked for by a name it does not know. */
export function portOnEntry(entry: Json, { name, number, targetPort }: ServicePort): number | undefined {
  const ports = objectOf(entry.ports);
  return typeof targetPort === 'string' ? numberOf(ports[targetPort]) || undefined : numberOf(ports[name]) || (targetPort ?? number);
}

function passesHealthCheck(entry: Resource): boolean {
  if (entry.metadata.annotations['proxy.istio.io/health-checks-enabled'] !== 'true') return true;
  return objectsOf(entry.status?.conditions).some(condition => condition.type === 'Healthy' && condition.status === 'True');
}

function entryWorkloadEndpoints(entry: Resource, service: Service, sources: EndpointSources): Endpoint[] {
  const place = { namespace: entry.metadata.namespace, workloadName: entry.metadata.name, clusterId: sources.clusterId };
  return service.ports.filter(port => port.protocol !== 'UDP' && portOnEntry(entry.spec, port) !== undefined)
    .map(port => externalEndpoint(entry.spec, workloadEntryLabels(entry), port, place, sources));
}

type Owner = Pick<Endpoint, 'namespace' | 'workloadName' | 'clusterId'>;

/** An endpoint that somebody wrote down, inline or as a WorkloadEntry. */
function externalEndpoint(entry: Json, given: Endpoint['labels'], port: ServicePort, place: Owner, { networkOf }: Pick<EndpointSources, 'networkOf'>): Endpoint {
  const address = textOf(entry.address) ?? '';
  const serviceAccount = textOf(entry.serviceAccount) || undefined;
  const locality = textOf(entry.locality) || localityOfPod(given, undefined);
  const network = textOf(entry.network) || networkOf(address, given[NETWORK_LABEL]);
  const tlsMode = given[TLS_MODE] ?? (serviceAccount === undefined ? 'disabled' : 'istio');
  return {
    address,
    port: address.startsWith('unix://') ? 0 : portOnEntry(entry, port) ?? port.number,
    servicePortName: port.name,
    labels: withTopologyLabels(given, { locality, clusterId: place.clusterId, network }),
    locality,
    weight: numberOf(entry.weight) || 1,
    tlsMode: tlsMode === 'istio' ? 'istio' : 'disabled',
    serviceAccount,
    network,
    ...place,
  };
}
