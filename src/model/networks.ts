import { inCidr } from './addresses';
import type { ResourceIndex } from './index-resources';
import type { Json } from './json';
import { numberOf, objectOf, objectsOf, textOf, textsOf } from './json';
import type { MeshConfig } from './mesh-config';
import { compare } from './resource';
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

/** Gateways of all networks, by address and port: those that MeshNetworks lists, and those whose Service is labelled so. */
export function networkGatewaysOf(services: readonly Service[], config: MeshConfig, clusterId: string): NetworkGateway[] {
  const found: NetworkGateway[] = [];
  for (const [network, { gateways }] of networksOf(config)) {
    for (const gateway of objectsOf(gateways)) {
      const port = numberOf(gateway.port) ?? 0;
      const address = textOf(gateway.address);
      const service = services.find(({ hostname }) => hostname === gateway.registryServiceName);
      if (address !== undefined && address !== '') found.push({ network, clusterId: '', address, port });
      else if (service !== undefined) found.push(...externalAddresses(service).map(each => ({ network, clusterId, address: each, port })));
    }
  }
  for (const service of services.filter(({ registry, labels }) => registry === 'Kubernetes' && (labels[NETWORK_LABEL] ?? '') !== '')) {
    const port = numberOf(service.labels['networking.istio.io/gatewayPort']) ?? GATEWAY_PORT;
    found.push(...externalAddresses(service).map(address => ({ network: service.labels[NETWORK_LABEL], clusterId, address, port })));
  }
  const distinct = new Map(found.map(gateway => [JSON.stringify([gateway.network, gateway.clusterId, gateway.address, gateway.port]), gateway]));
  // A gateway that has a name only would have to be resolved, which no function of manifests can.
  return [...distinct.values()].filter(({ address }) => inCidr(address, '0.0.0.0/0') || inCidr(address, '::/0'))
    .sort((a, b) => compare(a.address, b.address) || a.port - b.port);
}

/** Addresses under which a Service is reached from outside the cluster. */
function externalAddresses({ resource }: Service): string[] {
  const balancer = objectsOf(objectOf(resource.status?.loadBalancer).ingress).flatMap(({ ip, hostname }) => textOf(ip) ?? textOf(hostname) ?? []);
  return [...balancer, ...textsOf(resource.spec.externalIPs)];
}
