import { create } from '@bufbuild/protobuf';
import { chainMessage, conflicts, inspectorsFor, isUnconditional, PLAIN_HTTP } from './chains';
import type { Chain } from './chains';
import { httpConnectionManager } from './hcm';
import { tcpTo } from './tcp';
import { tcpChains } from './tcp-chains';
import { isIpAddress } from '../../model/addresses';
import { isHttp } from '../../model/ports';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { FilterChainMatchSchema, FilterChainSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { FilterChain } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { addressMessage } from '../endpoints/assignment';
import { BLACK_HOLE, PASSTHROUGH } from '../names';
import type { EgressListener } from '../scope/scope';
import type { View } from '../view';

export const WILDCARD = '0.0.0.0';
/** Ports that Envoy and the agent keep for themselves. */
const RESERVED: ReadonlySet<number> = new Set([15001, 15006, 15021, 15090]);

type Kind = 'HTTP' | 'TCP' | 'Auto';

/** A listener in the making; several services may add to it. */
interface Entry {
  readonly bind: string;
  readonly port: number;
  kind: Kind;
  readonly protocol: ServicePort['protocol'];
  chains: Chain[];
}

/** Outbound listeners of a sidecar under iptables capture (istio-behaviour C1-C4). They never bind: virtualOutbound hands connections over. */
export function outboundListeners(view: View): Listener[] {
  const entries = new Map<string, Entry>();
  for (const listener of view.scope.listeners) {
    for (const service of listener.services) {
      for (const port of service.ports) addPort(view, entries, listener, service, port);
    }
  }
  return [...entries.values()].map(entry => listenerOf(view, entry));
}

function addPort(view: View, entries: Map<string, Entry>, listener: EgressListener, service: Service, port: ServicePort): void {
  if (port.protocol === 'UDP') return;
  if (isHttp(port.protocol)) {
    if (!RESERVED.has(port.number)) put(entries, httpEntry(view, port));
    return;
  }
  for (const bind of bindsOf(view, service, port)) {
    if (bind === WILDCARD && RESERVED.has(port.number)) continue;
    const tcp = tcpChains(view, listener, service, port, bind);
    if (port.protocol === 'Auto') {
      const routes = bind === WILDCARD ? String(port.number) : `${service.hostname}:${port.number}`;
      const http = httpChain(view, `outbound_${bind}_${port.number};`, routes, false);
      put(entries, { bind, port: port.number, kind: 'Auto', protocol: port.protocol, chains: [http, ...tcp] });
    } else {
      put(entries, { bind, port: port.number, kind: 'TCP', protocol: port.protocol, chains: tcp });
    }
  }
}

function httpEntry(view: View, port: ServicePort): Entry {
  const chain = httpChain(view, `outbound_${WILDCARD}_${port.number};`, String(port.number), port.protocol === 'GRPC-Web');
  // Its HTTP chain asks for an ALPN, so TCP may join: Istio records it as Auto.
  return { bind: WILDCARD, port: port.number, kind: 'Auto', protocol: port.protocol, chains: [chain] };
}

export function httpChain(view: View, statPrefix: string, routes: string, grpcWeb: boolean): Chain {
  return {
    filters: [httpConnectionManager(view, { direction: 'outbound', statPrefix, routes, grpcWeb })],
    alpn: PLAIN_HTTP,
    transport: 'raw_buffer',
  };
}

/** Addresses on which a TCP or detected port is caught. */
function bindsOf(view: View, service: Service, port: ServicePort): readonly string[] {
  if (service.headless && service.registry === 'Kubernetes') {
    const own = new Set(view.proxy.ips);
    const addresses = view.mesh.model.endpointsOf(service, port.name).map(({ address }) => address);
    return [...new Set(addresses)].filter(address => isIpAddress(address) && !own.has(address));
  }
  const address = addressFor(view, service);
  return [isIpAddress(address) ? address : WILDCARD];
}

/** The VIP this proxy dials for a service: an automatic one only where the agent's DNS hands it out. */
export function addressFor(view: View, service: Service): string {
  const capture = view.proxy.metadata.DNS_CAPTURE;
  if (service.address !== WILDCARD || service.autoAddress === undefined) return service.address;
  return capture === 'true' || capture === true ? service.autoAddress : service.address;
}

/** Adds a port to what other services have claimed: the older service wins (C3). */
function put(entries: Map<string, Entry>, incoming: Entry): void {
  const key = `${incoming.bind}_${incoming.port}`;
  const existing = entries.get(key);
  if (existing === undefined) {
    entries.set(key, incoming);
    return;
  }
  const exclusive = [incoming.protocol, existing.protocol].some(protocol => protocol === 'Mongo' || protocol === 'MySQL');
  if (exclusive && incoming.protocol !== existing.protocol) return;
  const isHttpChain = (chain: Chain): boolean => (chain.alpn ?? []).length > 0;
  const addable = incoming.chains.filter(chain => !(existing.kind === 'Auto' && isHttpChain(chain)) && !existing.chains.some(known => conflicts(known, chain)));
  if (existing.kind === 'TCP' && incoming.kind !== 'TCP') existing.kind = 'Auto';
  existing.chains.push(...addable);
}

function listenerOf(view: View, entry: Entry): Listener {
  const name = `${entry.bind}_${entry.port}`;
  return create(ListenerSchema, {
    name,
    address: addressMessage(entry.bind, entry.port),
    ...chainsOf(view, entry.chains),
    listenerFilters: inspectorsFor(entry.chains),
    listenerFiltersTimeout: duration(entry.chains.some(chain => (chain.alpn ?? []).length > 0) ? view.mesh.model.config.protocolDetectionTimeoutMs : 0),
    continueOnListenerFiltersTimeout: true,
    trafficDirection: TrafficDirection.OUTBOUND,
    bindToPort: false,
  });
}

/** Chains of a listener: one without conditions stands last, as the default; where there is none, the rest passes through (C4). */
export function chainsOf(view: View, chains: readonly Chain[]): { filterChains: FilterChain[]; defaultFilterChain?: FilterChain } {
  const fallback = chains.find(isUnconditional);
  if (fallback !== undefined) {
    if (chains.length === 1) return { filterChains: [chainMessage(fallback)] };
    return { filterChains: chains.filter(chain => chain !== fallback).map(chainMessage), defaultFilterChain: chainMessage(fallback) };
  }
  return { filterChains: chains.map(chainMessage), defaultFilterChain: passthroughChain(view) };
}

function passthroughChain(view: View): FilterChain {
  return create(FilterChainSchema, {
    name: 'PassthroughFilterChain',
    filterChainMatch: create(FilterChainMatchSchema),
    filters: tcpTo(view, 'outbound', elsewhere(view)),
  });
}

/** Cluster for connections that nobody declared. */
export const elsewhere = (view: View): string => (view.scope.registryOnly || view.explicit !== undefined ? BLACK_HOLE : PASSTHROUGH);
