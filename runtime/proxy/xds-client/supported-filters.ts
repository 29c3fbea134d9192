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

/** A filter that this proxy lacks, and where it stands. */
export interface UnsupportedFilter {
  readonly where: string;
  readonly filter: string;
  /** Type of its configuration; empty where that comes by ECDS. */
  readonly type: string;
}

/** Throws on a filter that would have to do something here and does not: an authorization that is passed over protects nobody. */
export function checkFilters(table: ListenerTable): void {
  const [first] = unsupportedFilters(table);
  if (first === undefined) return;
  const { where, filter, type } = first;
  throw new Error(type === '' ? `${where}: ${filter} comes by ECDS, which is not supported yet` : `${where}: ${filter} (${type}) is not supported by the reference proxy yet`);
}

/** All such filters of a listener. */
export function unsupportedFilters({ chains, fallback }: ListenerTable): readonly UnsupportedFilter[] {
  return (fallback === undefined ? chains : [...chains, fallback]).flatMap(ofChain);
}

function ofChain({ name, message, terminal }: Chain): readonly UnsupportedFilter[] {
  const where = name === '' ? 'filter chain' : `filter chain ${name}`;
  const found: UnsupportedFilter[] = [];
  const demand = (known: ReadonlySet<string>, config: Any, filter: string): void => {
    const type = typeOf(config);
    if (!known.has(type)) found.push({ where, filter, type });
  };
  for (const { name: filter, configType } of message.filters) {
    if (configType.case === 'typedConfig') demand(NETWORK_FILTERS, configType.value, `network filter ${filter}`);
  }
  for (const { name: filter, configType, isOptional, disabled } of terminal.kind === 'http' ? terminal.manager.httpFilters : []) {
    if (isOptional || disabled) continue;
    if (configType.case === 'configDiscovery') found.push({ where, filter: `HTTP filter ${filter}`, type: '' });
    else if (configType.case === 'typedConfig') demand(HTTP_FILTERS, configType.value, `HTTP filter ${filter}`);
  }
  return found;
}

/** The type of a filter's configuration, which a TypedStruct says in its own field. */
function typeOf(config: Any): string {
  const { typeUrl } = unpack(config, TypedStructSchema) ?? unpack(config, UdpaTypedStructSchema) ?? config;
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}
