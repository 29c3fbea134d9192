import { endpointsByService, endpointsKey, workloadEntryLabels } from './endpoints';
import { groupBy } from './group-by';
import { indexResources } from './index-resources';
import type { ResourceIndex } from './index-resources';
import { withIngresses } from './ingress';
import { textOf } from './json';
import { keepEqual, keepItems } from './keep';
import { localityOfPod } from './locality';
import type { MeshConfig } from './mesh-config';
import { parseMeshConfig } from './mesh-config';
import { meshConfigOf } from './mesh-config-map';
import { networkFinder, networkGatewaysOf } from './networks';
import type { NetworkGateway } from './networks';
import type { Resource } from './resource';
import type { Endpoint, Service, Workload } from './service';
import { servicesOf } from './services';
import type { Target } from './targets';
import { targetFinder } from './targets';
import type { Placements } from './workloads';
import { workloadsOf } from './workloads';

/** Resources of one mesh and the registry made of them: plain immutable data, the only input of compiler and analysis. */
export interface Model {
  readonly config: MeshConfig;
  /** Cluster domain, `cluster.local`. */
  readonly domain: string;
  readonly clusterId: string;
  /**
   * All resources of a kind, oldest first (creationTimestamp, name, namespace); never in file order.
   * `Gateway` is Istio's; the key `Gateway.gateway.networking.k8s.io` means Gateway API's, and so with every other kind and group.
   */
  readonly of: (kind: string) => readonly Resource[];
  /** Oldest first. */
  readonly services: readonly Service[];
  /** The same object where services, workloads and all that is known of endpoints and targets are as in another model. */
  readonly registry: object;
  readonly servicesByHost: ReadonlyMap<string, readonly Service[]>;
  readonly workloads: readonly Workload[];
  /** How networks reach each other, by address; none in a mesh of one network. */
  readonly networkGateways: readonly NetworkGateway[];
  /** Endpoints of one port of a service, in a stable order. */
  readonly endpointsOf: (service: Service, portName: string) => readonly Endpoint[];
  /** Services that lead to this workload, with the target port each service port leads to; oldest service first (A3). */
  readonly targetsOf: (workload: Workload) => readonly Target[];
  /** What runs behind a proxy: its Pod, its WorkloadEntry, or, where neither is known, what its node says of itself. */
  readonly workloadOf: (proxy: ProxyIdentity) => Workload;
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>>;
}

/** What a proxy says of itself, as far as its workload is found by it; every `Proxy` does. */
export interface ProxyIdentity {
  readonly type: 'sidecar' | 'router';
  readonly name: string;
  readonly namespace: string;
  readonly ips: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly workload: string;
  readonly locality: string;
}

/** What a model takes besides resources. */
export interface ModelOptions {
  /** MeshConfig as an object, as its YAML has it. Absent: that of the ConfigMaps (`meshConfigOf`), else of a default installation. */
  readonly meshConfig?: Readonly<Record<string, unknown>>;
  /** Cluster domain, `cluster.local`. */
  readonly domain?: string;
  /** Cluster ID, `Kubernetes`. */
  readonly clusterId?: string;
  /** Where Pods really are, by `namespace/pod`. */
  readonly placement?: Placements;
}

/**
 * Builds the model of a mesh. The order of the resources does not matter. What is equal in the previous model is taken over from it,
 * so that a compiler that follows (`createCompiler`) sees by identity what changed.
 */
export function buildModel(resources: readonly Resource[], options: ModelOptions = {}, previous?: Model): Model {
  const former = previous && foundations.get(previous);
  const given = indexResources(resources, former?.given);
  const config = keepEqual(previous?.config, options.meshConfig === undefined ? meshConfigOf(given) : parseMeshConfig(options.meshConfig));
  const of = withIngresses(given, { config, domain: options.domain ?? 'cluster.local' });
  const settings = {
    config, domain: options.domain ?? 'cluster.local', clusterId: options.clusterId ?? 'Kubernetes', placement: options.placement ?? new Map(),
  };
  const registry = registryOf(of, settings, former?.registry);
  const { services, servicesByHost, workloads, endpoints, findTargets, targets, namespaces, byName, byAddress } = registry;
  const model: Model = {
    config,
    domain: settings.domain,
    clusterId: settings.clusterId,
    of,
    services,
    registry,
    servicesByHost,
    workloads,
    networkGateways: registry.networkGateways,
    endpointsOf: (service, portName) => onPort(endpoints.get(endpointsKey(service)) ?? NO_ENDPOINTS, portName),
    targetsOf: workload => memo(targets, workload, () => findTargets(workload)),
    workloadOf: proxy => byName.get(`${proxy.namespace}/${proxy.name}`)
      ?? byAddress.get(`${proxy.namespace}/${proxy.ips[0]}`)
      ?? entryOf(proxy, of)
      ?? describedBy(proxy),
    namespaceLabels: namespace => namespaces.get(namespace) ?? {},
  };
  foundations.set(model, { given, registry });
  return model;
}

/** Services, workloads and endpoints of a model, with the tables over them and all that they were made of. */
interface Registry {
  readonly services: readonly Service[];
  readonly servicesByHost: ReadonlyMap<string, readonly Service[]>;
  readonly workloads: readonly Workload[];
  /** By `namespace/name`. */
  readonly byName: ReadonlyMap<string, Workload>;
  /** By `namespace/address`. */
  readonly byAddress: ReadonlyMap<string, Workload>;
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  readonly findTargets: (workload: Workload) => readonly Target[];
  readonly targets: WeakMap<Workload, readonly Target[]>;
  /** Labels of namespaces. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly networkGateways: readonly NetworkGateway[];
  readonly settings: RegistrySettings;
  readonly read: ReadonlyMap<string, readonly Resource[]>;
}

interface RegistrySettings {
  readonly config: MeshConfig;
  readonly domain: string;
  readonly clusterId: string;
  readonly placement: Placements;
}

/** What later models begin with. */
const foundations = new WeakMap<Model, { readonly given: ResourceIndex; readonly registry: Registry }>();

function registryOf(of: ResourceIndex, settings: RegistrySettings, former: Registry | undefined): Registry {
  const same = former !== undefined && former.settings.config === settings.config && former.settings.domain === settings.domain
    && former.settings.clusterId === settings.clusterId && samePlacements(former.settings.placement, settings.placement);
  if (same && [...former.read].every(([kind, list]) => of(kind) === list)) return former;
  const read = new Map<string, readonly Resource[]>();
  const reading: ResourceIndex = (kind) => {
    const list = of(kind);
    read.set(kind, list);
    return list;
  };
  const { config, domain, clusterId, placement } = settings;
  const services = keepItems(former?.services ?? [], servicesOf(reading, { config, domain, clusterId }),
    ({ hostname, namespace, address, registry }) => `${hostname}/${namespace}/${address}/${registry}`);
  const workloads = keepItems(former?.workloads ?? [], workloadsOf(reading, placement), ({ kind, namespace, name }) => `${kind}/${namespace}/${name}`);
  const endpoints = new Map<string, readonly Endpoint[]>();
  const networkOf = networkFinder(reading, config, clusterId);
  for (const [key, list] of endpointsByService({ of: reading, services, workloads, clusterId, networkOf })) {
    endpoints.set(key, keepEqual(former?.endpoints.get(key), list));
  }
  return {
    services,
    servicesByHost: groupBy(services, service => service.hostname),
    workloads,
    byName: new Map(workloads.map(workload => [`${workload.namespace}/${workload.name}`, workload])),
    byAddress: new Map([...workloads].reverse().map(workload => [`${workload.namespace}/${workload.ip}`, workload])),
    endpoints,
    networkGateways: keepEqual(former?.networkGateways, networkGatewaysOf(services, reading, config, clusterId)),
    findTargets: targetFinder(services, endpoints),
    targets: new WeakMap(),
    namespaces: new Map(reading('Namespace').map(({ metadata }) => [metadata.name, metadata.labels])),
    settings,
    read,
  };
}

function samePlacements(a: Placements, b: Placements): boolean {
  const list = [...a];
  return keepEqual(list, [...b]) === list;
}

const NO_ENDPOINTS: readonly Endpoint[] = [];

/** Endpoints of one port, by the list of all: equal lists give the same object. */
const byPort = new WeakMap<readonly Endpoint[], Map<string, readonly Endpoint[]>>();

function onPort(endpoints: readonly Endpoint[], portName: string): readonly Endpoint[] {
  return memo(memo(byPort, endpoints, () => new Map<string, readonly Endpoint[]>()), portName,
    () => endpoints.filter(endpoint => endpoint.servicePortName === portName));
}

/** The WorkloadEntry of a proxy outside Kubernetes: the first by name that has its address. */
function entryOf(proxy: ProxyIdentity, of: (kind: string) => readonly Resource[]): Workload | undefined {
  const entry = of('WorkloadEntry').find(each => each.metadata.namespace === proxy.namespace && each.spec.address === proxy.ips[0]);
  if (entry === undefined) return undefined;
  const labels = workloadEntryLabels(entry);
  return { ...describedBy(proxy), kind: 'WorkloadEntry', labels, locality: textOf(entry.spec.locality) || localityOfPod(labels, proxy.locality), resource: entry };
}

/** A proxy that no resource describes says itself what it is. */
function describedBy(proxy: ProxyIdentity): Workload {
  return {
    kind: 'Proxy',
    namespace: proxy.namespace,
    name: proxy.name,
    workload: proxy.workload,
    labels: proxy.labels,
    annotations: {},
    serviceAccount: proxy.serviceAccount,
    ip: proxy.ips[0] ?? '0.0.0.0',
    ips: proxy.ips,
    placed: false,
    listenPorts: {},
    containerPorts: [],
    locality: proxy.locality,
    ready: true,
    gateway: proxy.type === 'router',
    resource: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: proxy.name, namespace: proxy.namespace, labels: proxy.labels, annotations: {} },
      spec: {},
      document: {},
      origin: {},
    },
  };
}

function memo<K, V>(table: { get(key: K): V | undefined; set(key: K, value: V): unknown }, key: K, make: () => V): V {
  const known = table.get(key);
  if (known !== undefined) return known;
  const made = make();
  table.set(key, made);
  return made;
}
