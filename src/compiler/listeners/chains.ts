import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { maskedCidr } from '../../model/addresses';
import { compare } from '../../model/resource';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { FilterChainSchema, ListenerFilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Filter, FilterChain, FilterChainMatchSchema, ListenerFilter } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { HttpInspectorSchema } from '../../xds/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb';
import { TlsInspectorSchema } from '../../xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb';

/** ALPN by which plain HTTP is recognised, once the HTTP inspector has looked. */
export const PLAIN_HTTP = ['http/1.1', 'h2c'];

/** One filter chain before it is put into a listener. */
export interface Chain {
  readonly filters: readonly Filter[];
  readonly sni?: readonly string[];
  readonly cidrs?: readonly string[];
  readonly alpn?: readonly string[];
  readonly transport?: string;
  readonly destinationPort?: number;
  readonly name?: string;
  readonly socket?: TransportSocket;
  /** Time a client has to finish its TLS handshake. */
  readonly connectTimeout?: boolean;
  /** Rule it came from. */
  readonly config?: string;
}

const CONNECT_TIMEOUT = duration(15_000);

export const TLS_INSPECTOR = (): ListenerFilter => inspector('envoy.filters.listener.tls_inspector', pack(TlsInspectorSchema, { initialReadBufferSize: 512 }));
export const HTTP_INSPECTOR = (): ListenerFilter => inspector('envoy.filters.listener.http_inspector', pack(HttpInspectorSchema));

function inspector(name: string, value: ReturnType<typeof pack>): ListenerFilter {
  return create(ListenerFilterSchema, { name, configType: { case: 'typedConfig', value } });
}

const wild = (sni: readonly string[] | undefined): boolean => sni === undefined || sni.length === 0 || sni.includes('*');
/** Ranges that take every address say nothing. */
const narrow = (cidrs: readonly string[] | undefined): string[] => (cidrs ?? []).filter(cidr => !cidr.startsWith('0.0.0.0/') && cidr !== '0.0.0.0').sort(compare);

/** A range of all addresses is a condition to Istio: such a chain has an empty match and is no listener's default. */
export const isUnconditional = (chain: Chain): boolean => (
  wild(chain.sni) && (chain.cidrs ?? []).length === 0 && (chain.alpn ?? []).length === 0 && (chain.transport ?? '') === '' && chain.destinationPort === undefined);

const distinct = (texts: readonly string[]): string[] => [...new Set(texts)].sort(compare);

/** Whether two chains would take the same connections. */
export function conflicts(a: Chain, b: Chain): boolean {
  const text = (chain: Chain): string => JSON.stringify([
    chain.transport ?? '', chain.alpn ?? [], distinct((chain.sni ?? []).filter(name => name !== '*')), distinct(narrow(chain.cidrs).map(maskedCidr)),
    chain.destinationPort ?? 0,
  ]);
  return text(a) === text(b);
}

export function chainMessage(chain: Chain): FilterChain {
  return create(FilterChainSchema, {
    name: chain.name ?? '',
    filterChainMatch: isUnconditional(chain) ? undefined : matchMessage(chain),
    metadata: chain.config === undefined ? undefined : { filterMetadata: { istio: { config: chain.config } } },
    filters: [...chain.filters],
    transportSocket: chain.socket,
    transportSocketConnectTimeout: chain.connectTimeout === false ? undefined : CONNECT_TIMEOUT,
  });
}

function matchMessage(chain: Chain): MessageInitShape<typeof FilterChainMatchSchema> {
  return {
    destinationPort: chain.destinationPort,
    transportProtocol: chain.transport ?? '',
    applicationProtocols: [...chain.alpn ?? []],
    serverNames: wild(chain.sni) ? [] : [...chain.sni ?? []].sort(compare),
    prefixRanges: narrow(chain.cidrs).map(range),
  };
}

function range(cidr: string): { addressPrefix: string; prefixLen: number } {
  const [addressPrefix, length] = cidr.split('/');
  return { addressPrefix, prefixLen: length === undefined ? (addressPrefix.includes(':') ? 128 : 32) : Number(length) };
}

/** Inspectors that the chains need: TLS before HTTP. */
export function inspectorsFor(chains: readonly Chain[]): ListenerFilter[] {
  return [
    ...(chains.some(chain => (chain.sni ?? []).length > 0) ? [TLS_INSPECTOR()] : []),
    ...(chains.some(chain => (chain.alpn ?? []).length > 0) ? [HTTP_INSPECTOR()] : []),
  ];
}
