import { socketKey } from './addresses';
import type { Connection } from './connection';
import { Detected, matchChain, prepareChain, type Chain } from './filter-chains';
import type { TraceSink } from './trace';
import { TrafficDirection } from '../xds/gen/envoy/config/core/v3/base_pb';
import type { ListenerFilter, ListenerFilterChainMatchPredicate } from '../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Listener } from '../xds/gen/envoy/config/listener/v3/listener_pb';

/** A listener, prepared. */
export interface ListenerTable {
  readonly name: string;
  readonly message: Listener;
  readonly inbound: boolean;
  /** `ADDRESS:PORT` of each address it has. */
  readonly keys: readonly string[];
  /** Hands connections to the listener of their original destination. */
  readonly redirects: boolean;
  /** Opens a socket of its own. */
  readonly binds: boolean;
  readonly chains: readonly Chain[];
  readonly fallback?: Chain;
  readonly tlsInspector: Inspector;
  readonly httpInspector: Inspector;
}

const tables = new WeakMap<Listener, ListenerTable>();

/** Prepares a listener once; the same message gives the same table. */
export function prepareListener(message: Listener): ListenerTable {
  let table = tables.get(message);
  if (table === undefined) {
    if (message.filterChainMatcher !== undefined) throw new Error(`listener ${message.name}: filter_chain_matcher is not supported`);
    table = {
      name: message.name,
      message,
      inbound: message.trafficDirection === TrafficDirection.INBOUND,
      keys: [message.address, ...message.additionalAddresses.map(({ address }) => address)].map(socketKey).filter(key => key !== ''),
      redirects: message.useOriginalDst ?? false,
      binds: message.bindToPort ?? message.deprecatedV1?.bindToPort ?? true,
      chains: message.filterChains.map(prepareChain),
      tlsInspector: inspector(message, 'tls_inspector', 'TlsInspector'),
      httpInspector: inspector(message, 'http_inspector', 'HttpInspector'),
      ...(message.defaultFilterChain && { fallback: prepareChain(message.defaultFilterChain) }),
    };
    tables.set(message, table);
  }
  return table;
}

/** Listeners of a proxy by address. */
export interface ListenerIndex {
  readonly byKey: ReadonlyMap<string, ListenerTable>;
  /** The listener with `use_original_dst` that captured outbound connections arrive at. */
  readonly outboundCapture?: ListenerTable;
  /** The listener that captured inbound connections arrive at: every port of the pod leads there. */
  readonly inboundCapture?: ListenerTable;
}

export function indexListeners(listeners: readonly Listener[]): ListenerIndex {
  const byKey = new Map<string, ListenerTable>();
  const all = listeners.map(prepareListener);
  for (const listener of all) {
    for (const key of listener.keys) {
      if (!byKey.has(key)) byKey.set(key, listener);
    }
  }
  const outboundCapture = all.find(({ redirects }) => redirects);
  const inboundCapture = all.find(({ inbound, message }) => inbound && message.listenerFilters.some(restoresDestination));
  return { byKey, ...(outboundCapture && { outboundCapture }), ...(inboundCapture && { inboundCapture }) };
}

function restoresDestination({ name, configType }: ListenerFilter): boolean {
  return name === 'envoy.filters.listener.original_dst' || typeOf(configType).endsWith('.OriginalDst');
}

/**
 * The listener that a dialled address leads to. Captured connections arrive at `virtualOutbound`, which hands them to the listener
 * of exactly that address, else to the one of any address on that port, else keeps them; inbound ones stay at `virtualInbound`.
 */
export function matchListener(
  index: ListenerIndex, connection: Connection, direction: 'outbound' | 'inbound', trace?: TraceSink,
): ListenerTable | undefined {
  const { address, port } = connection;
  if (direction === 'inbound' && index.inboundCapture !== undefined) {
    trace?.({ step: 'listener', name: index.inboundCapture.name, outcome: 'chosen', because: 'captures every inbound connection' });
    return index.inboundCapture;
  }
  const wildcards = address.includes(':') ? [`:::${port}`, `0.0.0.0:${port}`] : [`0.0.0.0:${port}`];
  for (const key of [`${address}:${port}`, ...wildcards]) {
    const listener = index.byKey.get(key);
    if (listener !== undefined && (index.outboundCapture !== undefined || listener.binds)) {
      trace?.({ step: 'listener', name: listener.name, outcome: 'chosen', because: `listens for ${key}` });
      return listener;
    }
    trace?.({ step: 'listener', name: key, outcome: 'failed', because: `no listener for ${key}` });
  }
  const capture = index.outboundCapture;
  if (capture !== undefined) trace?.({ step: 'listener', name: capture.name, outcome: 'chosen', because: 'no listener for the destination; the capturing one keeps it' });
  return capture;
}

/** The filter chain that takes a connection at a listener. */
export function matchFilterChain(listener: ListenerTable, connection: Connection, trace?: TraceSink): Chain | undefined {
  return matchChain(listener.chains, listener.fallback, detect(listener, connection), trace);
}

/** A criterion that no listener filter looks for is not met: without its inspector, TLS is just bytes. */
function detect({ tlsInspector, httpInspector }: ListenerTable, connection: Connection): Detected {
  const { port, transport, sni = '', alpn = NOTHING, http } = connection;
  if (transport === 'tls' && tlsInspector(port)) return new Detected(connection, 'tls', sni.toLowerCase(), alpn);
  const seen = transport === 'raw_buffer' && http !== undefined && httpInspector(port) ? HTTP_PROTOCOLS[http] : NOTHING;
  return new Detected(connection, 'raw_buffer', '', seen);
}

const NOTHING: readonly string[] = [];
const HTTP_PROTOCOLS = { 'http/1.0': ['http/1.0'], 'http/1.1': ['http/1.1'], 'h2c': ['h2c'] };

/** Whether an inspector looks at connections to a port. */
type Inspector = (port: number) => boolean;

function inspector(message: Listener, short: string, type: string): Inspector {
  const filters = message.listenerFilters.filter(({ name, configType }) => name === `envoy.filters.listener.${short}` || typeOf(configType).endsWith(`.${type}`));
  if (filters.length === 0) return () => false;
  if (filters.some(({ filterDisabled }) => filterDisabled === undefined)) return () => true;
  return port => filters.some(({ filterDisabled }) => !disabled(filterDisabled!, port));
}

function typeOf(configType: ListenerFilter['configType']): string {
  return configType.case === 'typedConfig' ? configType.value.typeUrl : '';
}

function disabled({ rule }: ListenerFilterChainMatchPredicate, port: number): boolean {
  switch (rule.case) {
    case 'anyMatch': return rule.value;
    case 'notMatch': return !disabled(rule.value, port);
    case 'orMatch': return rule.value.rules.some(part => disabled(part, port));
    case 'andMatch': return rule.value.rules.every(part => disabled(part, port));
    case 'destinationPortRange': return port >= rule.value.start && port < rule.value.end;
    default: return false;
  }
}
