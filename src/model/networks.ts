import { inCidr, isIpAddress } from './addresses';
import type { ResourceIndex } from './index-resources';
import type { Json } from './json';
import { numberOf, objectOf, objectsOf, textMapOf, textOf, textsOf } from './json';
import type { MeshConfig } from './mesh-config';
import { compare } from './resource';
import { selects } from './selectors';
import type { Service } from './service';

/** Where endpoints of a network are reached from others. */
export interface NetworkGateway {
  readonly network: string;
  /** Cluster whose endpoints it leads to before others; '' where nobody says. */
  readonly clusterId: string;
  readonly address: string;
  readonly port: number;
}

/** Label of Pods, of the root namespace, and of the Service before a network's gateway. */
export const NETWORK_LABEL = 'topology.istio.io/network';
const GATEWAY_PORT = 15443;
/** Annotation of NodePort Services: labels of the nodes by whose addresses they are reached, as JSON. */
const NODE_SELECTOR = 'traffic.istio.io/nodeSelector';

const networksOf = ({ raw }: Pick<MeshConfig, 'raw'>): [string, Json][] => Object.entries(objectOf(objectOf(raw.meshNetworks).networks))
  .map(([name, network]): [string, Json] => [name, objectOf(network)]).sort(([a], [b]) => compare(a, b));

/**
 * The network of an address: the label of its Pod or WorkloadEntry, that of the root namespace, or what MeshNetworks says of the cluster or the
 * range that it is in (istio-behaviour A8). Undefined where nobody says anything.
 */
export function networkFinder(
  of: ResourceIndex, config: MeshConfig, clusterId: string,
): (address: string, label: string | undefined) => string | undefined {
  const everywhere = of('Namespace').find(({ metadata }) => metadata.name === config.rootNamespace)?.metadata.labels[NETWORK_LABEL];
  const networks = networksOf(config);
  const byCluster = networks.find(([, { endpoints }]) => objectsOf(endpoints).some(({ fromRegistry }) => fromRegistry === clusterId))?.[0];
  const ranges = networks.flatMap(([name, { endpoints }]) => (
    objectsOf(endpoints).flatMap(({ fromCidr }) => (typeof fromCidr === 'string' ? [{ name, fromCidr }] : []))));
  return (address, label) => label || everywhere || byCluster || ranges.find(({ fromCidr }) => inCidr(address, fromCidr))?.name;
}

/** Gateways of all networks, by address and port: those that MeshNetworks lists, and those whose Service is labelled so and listens on the port. */
export function networkGatewaysOf(services: readonly Service[], of: ResourceIndex, config: MeshConfig, clusterId: string): NetworkGateway[] {
  const found: NetworkGateway[] = [];
  const reached = (network: string, service: Service, port: number): void => {
    found.push(...addressesFromOutside(service, port, of).map(each => ({ network, clusterId, ...each })));
  };
  for (const [network, { gateways }] of networksOf(config)) {
    for (const gateway of objectsOf(gateways)) {
      const port = numberOf(gateway.port) ?? 0;
      const address = textOf(gateway.address);
      const service = services.find(({ hostname }) => hostname === gateway.registryServiceName);
      if (address !== undefined && address !== '') found.push({ network, clusterId: '', address, port });
      else if (service !== undefined) reached(network, service, port);
    }
  }
  for (const service of services.filter(({ registry, labels }) => registry === 'Kubernetes' && (labels[NETWORK_LABEL] ?? '') !== '')) {
    const port = numberOf(service.labels['networking.istio.io/gatewayPort']) ?? GATEWAY_PORT;
    if (service.ports.some(({ number }) => number === port)) reached(service.labels[NETWORK_LABEL], service, port);
  }
  const distinct = new Map(found.map(gateway => [JSON.stringify([gateway.network, gateway.clusterId, gateway.address, gateway.port]), gateway]));
  // A gateway that has a name only would have to be resolved, which no function of manifests can.
  return [...distinct.values()].filter(({ address }) => isIpAddress(address)).sort((a, b) => compare(a.address, b.address) || a.port - b.port);
}

/** Where a Service is reached from outside the cluster: its balancer, the nodes that it selects for that, and its external addresses. */
function addressesFromOutside({ resource }: Service, port: number, of: ResourceIndex): { readonly address: string; readonly port: number }[] {
  const { spec, status, metadata } = resource;
  const external = textsOf(spec.externalIPs);
  if (spec.type === 'NodePort' && NODE_SELECTOR in metadata.annotations) {
    const nodePort = numberOf(objectsOf(spec.ports).find(each => each.port === port)?.nodePort) ?? port;
    return nodeAddresses(labelsOf(metadata.annotations[NODE_SELECTOR]), of).map(address => ({ address, port: nodePort }));
  }
  const ingress = spec.type === 'LoadBalancer' ? objectsOf(objectOf(status?.loadBalancer).ingress) : [];
  return [...ingress.flatMap(({ ip, hostname }) => textOf(ip) ?? textOf(hostname) ?? []), ...external].map(address => ({ address, port }));
}

/** The first external address of every node that has the labels. */
function nodeAddresses(labels: Readonly<Record<string, string>> | undefined, of: ResourceIndex): string[] {
  if (labels === undefined) return [];
  return of('Node').filter(({ metadata }) => selects(labels, metadata.labels)).flatMap(({ status }) => (
    textOf(objectsOf(status?.addresses).find(({ type, address }) => type === 'ExternalIP' && (textOf(address) ?? '') !== '')?.address) ?? []));
}

/** Undefined where the text is not a JSON object of labels. */
function labelsOf(json: string): Readonly<Record<string, string>> | undefined {
  try {
    return textMapOf(JSON.parse(json));
  } catch {
    return undefined;
  }
}
