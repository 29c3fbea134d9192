import type { Any } from '@bufbuild/protobuf/wkt';
import type { Chain, ListenerTable } from '../../../src/evaluator';
import { unpack } from '../../../src/xds/any';
import { TypedStructSchema as UdpaTypedStructSchema } from '../../../src/xds/gen/udpa/type/v1/typed_struct_pb';
import { TypedStructSchema } from '../../../src/xds/gen/xds/type/v3/typed_struct_pb';

/** HTTP filters that this proxy carries out (by the evaluator), or that change nothing that a caller could see. */
const HTTP_FILTERS: ReadonlySet<string> = new Set([
  'envoy.extensions.filters.http.router.v3.Router', 'envoy.extensions.filters.http.fault.v3.HTTPFault', 'envoy.extensions.filters.http.cors.v3.Cors',
  'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig', 'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig', 'stats.PluginConfig',
  'io.istio.http.peer_metadata.Config',
]);

const NETWORK_FILTERS: ReadonlySet<string> = new Set([
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  'stats.PluginConfig', 'envoy.tcp.metadataexchange.config.MetadataExchange',
]);

/** Throws on a filter that would have to do something here and does not: an authorization that is passed over protects nobody. */
export function checkFilters({ chains, fallback }: ListenerTable): void {
  for (const chain of fallback === undefined ? chains : [...chains, fallback]) checkChain(chain);
}

function checkChain({ name, message, terminal }: Chain): void {
  const where = name === '' ? 'filter chain' : `filter chain ${name}`;
  for (const filter of message.filters) {
    if (filter.configType.case === 'typedConfig') demand(NETWORK_FILTERS, filter.configType.value, `${where}: network filter ${filter.name}`);
  }
  if (terminal.kind !== 'http') return;
  for (const filter of terminal.manager.httpFilters) {
    if (filter.isOptional || filter.disabled) continue;
    if (filter.configType.case === 'configDiscovery') throw new Error(`${where}: HTTP filter ${filter.name} comes by ECDS, which is not supported yet`);
    if (filter.configType.case === 'typedConfig') demand(HTTP_FILTERS, filter.configType.value, `${where}: HTTP filter ${filter.name}`);
  }
}

function demand(known: ReadonlySet<string>, config: Any, what: string): void {
  const type = typeOf(config);
  if (!known.has(type)) throw new Error(`${what} (${type}) is not supported by the reference proxy yet`);
}

/** The type of a filter's configuration, which a TypedStruct says in its own field. */
function typeOf(config: Any): string {
  const { typeUrl } = unpack(config, TypedStructSchema) ?? unpack(config, UdpaTypedStructSchema) ?? config;
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}
