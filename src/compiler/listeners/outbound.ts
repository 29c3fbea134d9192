import { create } from '@bufbuild/protobuf';
import { addressFor, bindsOf, isTaken, WILDCARD } from './bind';
import { chainMessage, conflicts, inspectorsFor, isUnconditional, PLAIN_HTTP } from './chains';
import type { Chain } from './chains';
import { httpConnectionManager } from './hcm';
import type { HcmOptions } from './hcm';
import { tcpTo } from './tcp';
import { tcpChains } from './tcp-chains';
import { isHttp } from '../../model/ports';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { TrafficDirection } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { FilterChainMatchSchema, FilterChainSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Filter, FilterChain } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { addressMessage } from '../endpoints/assignment';
import { networkExtensions } from '../extensions/filters';
import { extensionsAt, PHASES } from '../extensions/list';
import { BLACK_HOLE, PASSTHROUGH } from '../names';
import { portOf } from '../scope/scope';
import type { EgressListener } from '../scope/scope';
import type { View } from '../view';

type Kind = 'HTTP' | 'TCP' | 'Auto';

/** A listener in the making; several services may add to it. */
interface Entry {
  readonly bind: string;
  readonly port: number;
  kind: Kind;
  readonly protocol: ServicePort['protocol'];
  chains: Chain[];
  /** It really binds, rather than being handed connections. */
  readonly binds: boolean;
  locked?: boolean;
}

/** Outbound listeners of a sidecar under iptables capture (istio-behaviour C1-C4). Most never bind: virtualOutbound hands connections over. */
export function outboundListeners(view: View): Listener[] {
  const entries = new Map<string, Entry>();
  for (const listener of view.scope.listeners) {
    // What a Sidecar resource gives a port of its own, the services of the last listener do not join.
    if (listener.own === undefined) for (const entry of entries.values()) entry.locked = true;
    const binds = bindsToPort(view, listener);
    for (const service of listener.services) {
      const ports = listener.own === undefined ? service.ports : [ownPort(listener.own, service)];
      for (const port of ports) addPort(view, entries, listener, service, port, binds);
    }
  }
  return [...entries.values()].map(entry => listenerOf(view, entry));
}

const bindsToPort = (view: View, listener: EgressListener): boolean => (
  listener.captureNone === true || view.proxy.metadata.INTERCEPTION_MODE === 'NONE' || listener.bind?.startsWith('unix://') === true);

/** The listener's port speaks for the service's. */
function ownPort(own: NonNullable<EgressListener['own']>, service: Service): ServicePort {
  return { ...portOf(service, own.port), name: '', number: own.port, protocol: own.protocol };
}

function addPort(view: View, entries: Map<string, Entry>, listener: EgressListener, service: Service, port: ServicePort, binds: boolean): void {
  if (port.protocol === 'UDP') return;
  const given = listener.bind ?? (binds ? '127.0.0.1' : undefined);
  if (isTaken(view, given, port, binds)) return;
  for (const bind of given === undefined ? bindsOf(view, service, port, listener.own === undefined) : [given]) {
    const key = `${bind}_${port.number}`;
    const existing = entries.get(key);
    if (existing?.locked === true) continue;
    if (port.protocol === 'HTTP_PROXY') {
      // Whoever sends whole URLs shares with nobody.
      entries.set(key, httpEntry(view, port, bind, binds));
    } else if (isHttp(port.protocol)) {
      // Services share the listener and its routes; only a TCP port in the way is joined.
      if (existing === undefined || existing.kind === 'TCP') put(entries, httpEntry(view, port, bind, binds));
    } else if (port.protocol !== 'Auto') {
      put(entries, { bind, port: port.number, binds, protocol: port.protocol, kind: 'TCP', chains: bytes(view, listener, service, port, bind, given) });
    } else if (existing?.kind !== 'Auto') {
      const routes = bind === WILDCARD ? String(port.number) : `${service.hostname}:${port.number}`;
      const http = httpChain(view, `outbound_${bind}_${port.number};`, routes, port.number, false);
      const chains = [...bytes(view, listener, service, port, bind, given), http];
      put(entries, { bind, port: port.number, binds, protocol: port.protocol, kind: 'Auto', chains });
    }
  }
}

/** Chains that forward bytes; a service that is a range of addresses is told apart by them where the listener has none of its own. */
function bytes(view: View, listener: EgressListener, service: Service, port: ServicePort, bind: string, given: string | undefined): Chain[] {
  const address = addressFor(view, service);
  return tcpChains(view, listener, service, port, { bind, cidrs: given === undefined && address.includes('/') ? [address] : [] });
}

function httpEntry(view: View, port: ServicePort, bind: string, binds: boolean): Entry {
  const routes = bind.startsWith('unix://') ? bind : String(port.number);
  const chain = httpChain(view, `outbound_${bind}_${port.number};`, routes, port.number, port.protocol === 'GRPC-Web');
  // On a wildcard its chain asks for an ALPN, so TCP may join: Istio records it as Auto. An address of its own needs no such match.
  return bind === WILDCARD && port.protocol !== 'HTTP_PROXY'
    ? { bind, port: port.number, binds, kind: 'Auto', protocol: port.protocol, chains: [chain] }
    : { bind, port: port.number, binds, kind: 'HTTP', protocol: port.protocol, chains: [{ filters: chain.filters }] };
}

/** What requests pass as bytes, then as requests. */
export const outboundHttp = (view: View, options: HcmOptions): Filter[] => [
  ...networkExtensions(extensionsAt(view, 'NETWORK', options.direction, options.port), ...PHASES), httpConnectionManager(view, options),
];

export function httpChain(view: View, statPrefix: string, routes: string, port: number, grpcWeb: boolean): Chain {
  return {
    filters: outboundHttp(view, { direction: 'outbound', statPrefix, routes, port, grpcWeb }),
    alpn: PLAIN_HTTP,
    transport: 'raw_buffer',
  };
}

/** Recognised by what the HTTP inspector finds. */
const isHttpChain = (chain: Chain): boolean => (chain.alpn ?? []).length > 0;

/** Adds a port to what other services have claimed: the older service wins (C3). */
function put(entries: Map<string, Entry>, incoming: Entry): void {
  const key = `${incoming.bind}_${incoming.port}`;
  const existing = entries.get(key);
  if (existing === undefined) {
    entries.set(key, incoming);
    return;
  }
  // Mongo and MySQL wait for the server to speak first, so nothing else may share with them.
  const exclusive = [incoming.protocol, existing.protocol].some(protocol => protocol === 'Mongo' || protocol === 'MySQL');
  if (exclusive && incoming.protocol !== existing.protocol) return;
  if (existing.kind === 'HTTP' && incoming.kind === 'Auto') {
    entries.set(key, incoming);
    return;
  }
  if (existing.kind !== incoming.kind) existing.kind = 'Auto';
  for (const chain of incoming.chains) if (!existing.chains.some(known => conflicts(known, chain))) existing.chains.push(chain);
}

function listenerOf(view: View, entry: Entry): Listener {
  const name = `${entry.bind}_${entry.port}`;
  return create(ListenerSchema, {
    name,
    address: addressMessage(entry.bind, entry.port),
    ...chainsOf(view, entry.chains),
    listenerFilters: inspectorsFor(entry.chains),
    listenerFiltersTimeout: duration(entry.chains.some(isHttpChain) ? view.mesh.model.config.protocolDetectionTimeoutMs : 0),
    continueOnListenerFiltersTimeout: true,
    trafficDirection: TrafficDirection.OUTBOUND,
    bindToPort: entry.binds ? undefined : false,
    maxConnectionsToAcceptPerSocketEvent: entry.binds ? 1 : undefined,
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
export function elsewhere({ scope, explicit }: View): string {
  if (scope.registryOnly) return BLACK_HOLE;
  return scope.egressProxy ?? (explicit === undefined ? PASSTHROUGH : BLACK_HOLE);
}
