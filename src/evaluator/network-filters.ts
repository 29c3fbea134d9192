import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { prepareAccess, type AccessFilter } from './access/http-filters';
import { prepareConnectionPolicies, type ConnectionPolicy } from './access/network';
import type { Draw } from './decision';
import type { PathNormalization } from './path';
import type { FilterChain } from '../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { RouteConfiguration } from '../xds/gen/envoy/config/route/v3/route_pb';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as Escaped, HttpConnectionManagerSchema, type HttpConnectionManager,
} from '../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { TcpProxySchema, type TcpProxy } from '../xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';

/** What the last network filter of a chain does with a connection. */
export type Terminal = HttpTerminal | TcpTerminal | { readonly kind: 'none' };

export interface HttpTerminal {
  readonly kind: 'http';
  readonly manager: HttpConnectionManager;
  readonly statPrefix: string;
  readonly path: PathNormalization;
  /** Name of the route configuration that RDS brings; '' where it is inline. */
  readonly rdsName: string;
  readonly inline?: RouteConfiguration;
  /** Filters that may refuse a request, in their order. Prepared when they are first asked for; throws on what is not supported. */
  readonly access: readonly AccessFilter[];
  /** What is asked before the connection is read. */
  readonly connectionPolicies: readonly ConnectionPolicy[];
}

export interface TcpTerminal {
  readonly kind: 'tcp';
  readonly proxy: TcpProxy;
  readonly targets: readonly { readonly cluster: string; readonly weight: number }[];
  readonly totalWeight: number;
  readonly connectionPolicies: readonly ConnectionPolicy[];
}

const ESCAPED: Readonly<Partial<Record<Escaped, PathNormalization['escapedSlashes']>>> = {
  [Escaped.REJECT_REQUEST]: 'reject', [Escaped.UNESCAPE_AND_REDIRECT]: 'redirect', [Escaped.UNESCAPE_AND_FORWARD]: 'forward',
};

export function prepareTerminal(chain: FilterChain): Terminal {
  for (const filter of chain.filters) {
    if (filter.configType.case !== 'typedConfig') continue;
    const manager = anyUnpack(filter.configType.value, HttpConnectionManagerSchema);
    if (manager !== undefined) return http(manager, prepareConnectionPolicies(chain));
    const proxy = anyUnpack(filter.configType.value, TcpProxySchema);
    if (proxy !== undefined) return tcp(proxy, prepareConnectionPolicies(chain));
  }
  return { kind: 'none' };
}

function http(manager: HttpConnectionManager, connectionPolicies: readonly ConnectionPolicy[]): HttpTerminal {
  const { routeSpecifier } = manager;
  let access: readonly AccessFilter[] | undefined;
  return {
    kind: 'http',
    manager,
    statPrefix: manager.statPrefix,
    path: {
      normalize: manager.normalizePath ?? false,
      mergeSlashes: manager.mergeSlashes,
      escapedSlashes: ESCAPED[manager.pathWithEscapedSlashesAction] ?? 'keep',
    },
    rdsName: routeSpecifier.case === 'rds' ? routeSpecifier.value.routeConfigName : '',
    ...(routeSpecifier.case === 'routeConfig' && { inline: routeSpecifier.value }),
    connectionPolicies,
    get access() { return access ??= prepareAccess(manager); },
  };
}

function tcp(proxy: TcpProxy, connectionPolicies: readonly ConnectionPolicy[]): TcpTerminal {
  const { clusterSpecifier: specifier } = proxy;
  const targets = specifier.case === 'weightedClusters' ? specifier.value.clusters.map(({ name, weight }) => ({ cluster: name, weight }))
    : [{ cluster: specifier.value ?? '', weight: 1 }];
  return { kind: 'tcp', proxy, targets, totalWeight: targets.reduce((sum, { weight }) => sum + weight, 0), connectionPolicies };
}

/** The cluster that one TCP connection goes to. */
export function decideTcp({ targets, totalWeight }: TcpTerminal, draw: Draw): string {
  if (targets.length === 1) return targets[0]!.cluster;
  let rest = draw('weight', totalWeight);
  for (const { cluster, weight } of targets) {
    if (rest < weight) return cluster;
    rest -= weight;
  }
  return targets[targets.length - 1]!.cluster;
}
