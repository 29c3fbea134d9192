import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Protocol } from '../../model/service';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import { FilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Filter } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { MongoProxySchema } from '../../xds/gen/envoy/extensions/filters/network/mongo_proxy/v3/mongo_proxy_pb';
import { TcpProxySchema } from '../../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import type { Direction } from '../direction';
import { durationMs } from '../durations';
import { networkExtensions } from '../extensions/filters';
import { extensionsAt } from '../extensions/list';
import { authorization } from '../security/authorization/filters';
import { accessLogs } from '../telemetry/access-log';
import { tcpMetadataExchange } from '../telemetry/peer-metadata';
import { statsConfigs } from '../telemetry/stats';
import type { View } from '../view';

export interface TcpOptions {
  readonly direction: Direction;
  readonly statPrefix: string;
  readonly clusters: readonly { readonly name: string; readonly weight: number }[];
  /** Several destinations were meant, whatever is left of them. */
  readonly weighted?: boolean;
  readonly protocol?: Protocol;
  /** What extensions know the traffic by (see `extensionsAt`); they leave alone what has none. */
  readonly port?: number;
  /** Where nothing may pass there is nothing to log. */
  readonly silent?: boolean;
  /** Nobody is asked who may pass: nothing does, or what passes is not for us to look at. */
  readonly unguarded?: boolean;
  /** A gateway tells and asks its peer who they are; inbound listeners always do. */
  readonly exchange?: boolean;
  /** Timeouts and hashing that a DestinationRule asks for. */
  readonly extra?: MessageInitShape<typeof TcpProxySchema>;
}

export const filterOf = (name: string, config: Any): Filter => create(FilterSchema, { name, configType: { case: 'typedConfig', value: config } });

/** Network filters of a chain that forwards bytes (istio-behaviour C11, E4). */
export function tcpFilters(view: View, options: TcpOptions): Filter[] {
  const { direction, statPrefix, clusters, protocol, silent } = options;
  const side = direction === 'inbound' ? 'SERVER' : 'CLIENT';
  const idle = durationMs(view.proxy.metadata.IDLE_TIMEOUT as string | undefined);
  const extensions = options.port === undefined ? [] : extensionsAt(view, 'NETWORK', direction, options.port);
  const guards = direction === 'outbound' || options.unguarded === true ? undefined : authorization(view, 'tcp');
  return [
    ...((direction === 'inbound' || options.exchange === true) && view.dialect.metadataExchange ? [tcpMetadataExchange] : []),
    ...(guards?.custom ?? []).map(({ name, config }) => filterOf(name, config)),
    ...networkExtensions(extensions, 'AUTHN', 'AUTHZ'),
    ...(guards?.local ?? []).map(({ name, config }) => filterOf(name, config)),
    ...networkExtensions(extensions, 'STATS', 'UNSPECIFIED'),
    ...statsConfigs(view, side, direction !== 'outbound').map(stats => filterOf('istio.stats', stats)),
    ...(protocol === 'Mongo' ? [filterOf('envoy.filters.network.mongo_proxy', pack(MongoProxySchema, { statPrefix }))] : []),
    filterOf('envoy.filters.network.tcp_proxy', pack(TcpProxySchema, {
      statPrefix,
      clusterSpecifier: clusters.length === 1 && options.weighted !== true ? { case: 'cluster', value: clusters[0].name } : { case: 'weightedClusters', value: { clusters: [...clusters] } },
      accessLog: silent === true ? [] : accessLogs(view, side),
      idleTimeout: silent === true || idle === undefined ? undefined : duration(idle),
      ...options.extra,
    })),
  ];
}

/** Filters towards one cluster, named after it. */
export const tcpTo = (view: View, direction: Direction, cluster: string, options: Pick<TcpOptions, 'silent' | 'unguarded' | 'port'> = {}): Filter[] => (
  tcpFilters(view, { direction, statPrefix: cluster, clusters: [{ name: cluster, weight: 0 }], ...options }));
