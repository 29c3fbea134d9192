import type { Mesh } from './mesh';
import type { View } from './view';
import { textOf } from '../model/json';
import type { NetworkGateway } from '../model/networks';
import type { Endpoint } from '../model/service';

/** Whether a proxy reaches a network directly: its own, or where either has none. */
export function inNetwork({ proxy }: View, network: string | undefined): boolean {
  const own = textOf(proxy.metadata.NETWORK) ?? '';
  return own === '' || network === undefined || network === '' || own === network;
}

/** Networks that a proxy may see at all: a gateway of one network leads into that one only. Undefined: all. */
function networkView({ proxy }: View): readonly string[] | undefined {
  const view = (textOf(proxy.metadata.REQUESTED_NETWORK_VIEW) ?? '').split(',').map(each => each.trim()).filter(each => each !== '');
  return view.length === 0 ? undefined : view;
}

/** All that endpoints depend on where there are networks; '' in a mesh of one. */
export const networkPlace = ({ mesh, proxy }: View): string => (
  mesh.model.networkGateways.length === 0 ? '' : JSON.stringify([textOf(proxy.metadata.NETWORK), textOf(proxy.metadata.REQUESTED_NETWORK_VIEW)]));

/**
 * Endpoints of one locality as a proxy reaches them: those of another network stand behind its gateways, which share their weight. All
 * weights are multiplied, so that they divide by every number of gateways (istio-behaviour A8).
 * @param speaksMtls - an endpoint of another network is found by the SNI of Istio's mutual TLS, so others are out of reach
 */
export function acrossNetworks(view: View, endpoints: readonly Endpoint[], speaksMtls: (endpoint: Endpoint) => boolean): readonly Endpoint[] {
  const gateways = view.mesh.model.networkGateways;
  if (gateways.length === 0) return endpoints;
  const scale = weightScale(view.mesh, gateways);
  const visible = networkView(view);
  // Nobody says where the proxy is: it reaches nothing of a network directly that has a gateway.
  const unplaced = (textOf(view.proxy.metadata.NETWORK) ?? '') === '';
  const direct: Endpoint[] = [];
  const shares = new Map<NetworkGateway, number>();
  for (const endpoint of endpoints) {
    const { network = '', clusterId } = endpoint;
    if (visible !== undefined && network !== '' && !visible.includes(network)) continue;
    const weight = Math.min(endpoint.weight * scale, MOST);
    const behind = gatewaysTo(gateways, network, clusterId);
    const dialled = behind.filter(({ address }) => sameFamily(view, address));
    if (behind.length === 0 || (inNetwork(view, network) && !(unplaced && network !== ''))) {
      direct.push({ ...endpoint, weight });
    } else if (speaksMtls(endpoint)) {
      for (const gateway of dialled) shares.set(gateway, (shares.get(gateway) ?? 0) + Math.floor(weight / dialled.length));
    }
  }
  const others = gateways.filter(gateway => shares.has(gateway));
  return [...direct, ...others.map(gateway => gatewayEndpoint(gateway, Math.max(shares.get(gateway) ?? 1, 1)))];
}

const MOST = 4294967295;

/** Whether a proxy has an address of the same family. */
const sameFamily = ({ proxy }: View, address: string): boolean => proxy.ips.some(ip => ip.includes(':') === address.includes(':'));

/** Those of the endpoint's own cluster, else all of its network. */
function gatewaysTo(gateways: readonly NetworkGateway[], network: string, clusterId: string): readonly NetworkGateway[] {
  const ofNetwork = gateways.filter(gateway => gateway.network === network);
  const ofCluster = ofNetwork.filter(gateway => gateway.clusterId === clusterId);
  return ofCluster.length > 0 ? ofCluster : ofNetwork;
}

function gatewayEndpoint({ network, clusterId, address, port }: NetworkGateway, weight: number): Endpoint {
  return {
    address,
    port,
    servicePortName: '',
    labels: { 'topology.istio.io/network': network, ...(clusterId === '' ? {} : { 'topology.istio.io/cluster': clusterId }) },
    locality: '',
    weight,
    tlsMode: 'istio',
    leadsElsewhere: true,
    namespace: '',
    workloadName: '',
    network,
    clusterId,
  };
}

/** The least number that all numbers of gateways divide: of each network, and of each network and cluster. */
function weightScale(mesh: Mesh, gateways: readonly NetworkGateway[]): number {
  return mesh.memo.get('networkWeightScale', [gateways], () => {
    const counts = new Map<string, number>();
    for (const { network, clusterId } of gateways) {
      for (const key of [network, `${network}\u0000${clusterId}`]) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts.values()].reduce((least, count) => least * count / greatestDivisor(least, count), 1);
  });
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));
