import type { Any, Duration } from '@bufbuild/protobuf/wkt';
import type { Cluster_EdsClusterConfig, Cluster_TransportSocketMatch } from './gen/envoy/config/cluster/v3/cluster_pb';
import type { Locality, Metadata, TransportSocket } from './gen/envoy/config/core/v3/base_pb';
import type { LbEndpoint, LocalityLbEndpoints } from './gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { ClusterLoadAssignment } from './gen/envoy/config/endpoint/v3/endpoint_pb';
import type {
  HeaderMatcher, RetryPolicy, Route, RouteAction, RouteMatch, VirtualHost, WeightedCluster_ClusterWeight,
} from './gen/envoy/config/route/v3/route_components_pb';
import type { StringMatcher } from './gen/envoy/type/matcher/v3/string_pb';

/**
 * Messages that a mesh has thousands of, written out with the fields that are given here and all that protobuf wants there at least. `create`
 * puts an object together field by field, and the engine keeps one of more than twenty fields as a hash table: a hundred times as slow to make
 * as a literal, and six times as big.
 *
 * What is given must be messages, and is not copied. Lists and maps that are not given are the same for all messages, and frozen.
 */

const NO_LIST: never[] = [];
const NO_MAP: Record<string, never> = {};
const UNSET: { case: undefined } = { case: undefined };
[NO_LIST, NO_MAP, UNSET].forEach(shared => Object.freeze(shared));

export const any = (typeUrl: string, value: Any['value']): Any => ({ $typeName: 'google.protobuf.Any', typeUrl, value });

export const duration = (seconds: bigint, nanos: number): Duration => ({ $typeName: 'google.protobuf.Duration', seconds, nanos });

export const metadata = (filterMetadata: Metadata['filterMetadata']): Metadata => (
  { $typeName: 'envoy.config.core.v3.Metadata', filterMetadata, typedFilterMetadata: NO_MAP });

export const locality = (region: string, zone: string, subZone: string): Locality => (
  { $typeName: 'envoy.config.core.v3.Locality', region, zone, subZone });

export const transportSocket = (name: string, typedConfig: Any): TransportSocket => (
  { $typeName: 'envoy.config.core.v3.TransportSocket', name, configType: { case: 'typedConfig', value: typedConfig } });

export const transportSocketMatch = (
  name: string, match: Cluster_TransportSocketMatch['match'], socket: TransportSocket,
): Cluster_TransportSocketMatch => (
  { $typeName: 'envoy.config.cluster.v3.Cluster.TransportSocketMatch', name, match, transportSocket: socket });

export const edsClusterConfig = (edsConfig: Cluster_EdsClusterConfig['edsConfig'], serviceName: string): Cluster_EdsClusterConfig => (
  { $typeName: 'envoy.config.cluster.v3.Cluster.EdsClusterConfig', edsConfig, serviceName });

export const clusterLoadAssignment = (clusterName: string, endpoints: LocalityLbEndpoints[]): ClusterLoadAssignment => (
  { $typeName: 'envoy.config.endpoint.v3.ClusterLoadAssignment', clusterName, endpoints, namedEndpoints: NO_MAP, policy: undefined });

export const localityLbEndpoints = (
  own: Pick<LocalityLbEndpoints, 'locality' | 'lbEndpoints' | 'loadBalancingWeight' | 'priority'>,
): LocalityLbEndpoints => ({
  $typeName: 'envoy.config.endpoint.v3.LocalityLbEndpoints',
  locality: own.locality,
  lbEndpoints: own.lbEndpoints,
  lbConfig: UNSET,
  loadBalancingWeight: own.loadBalancingWeight,
  priority: own.priority,
});

/** An endpoint at an address and port. */
export const lbEndpoint = (
  own: Pick<LbEndpoint, 'healthStatus' | 'metadata' | 'loadBalancingWeight'> & { readonly address: string; readonly port: number },
): LbEndpoint => ({
  $typeName: 'envoy.config.endpoint.v3.LbEndpoint',
  hostIdentifier: {
    case: 'endpoint',
    value: {
      $typeName: 'envoy.config.endpoint.v3.Endpoint',
      address: {
        $typeName: 'envoy.config.core.v3.Address',
        address: {
          case: 'socketAddress',
          value: {
            $typeName: 'envoy.config.core.v3.SocketAddress',
            protocol: 0,
            address: own.address,
            portSpecifier: { case: 'portValue', value: own.port },
            resolverName: '',
            ipv4Compat: false,
          },
        },
      },
      hostname: '',
      additionalAddresses: NO_LIST,
    },
  },
  healthStatus: own.healthStatus,
  metadata: own.metadata,
  loadBalancingWeight: own.loadBalancingWeight,
});

export const virtualHost = (own: Pick<VirtualHost, 'name' | 'domains' | 'routes' | 'includeRequestAttemptCount'>): VirtualHost => ({
  $typeName: 'envoy.config.route.v3.VirtualHost',
  name: own.name,
  domains: own.domains,
  routes: own.routes,
  requireTls: 0,
  virtualClusters: NO_LIST,
  rateLimits: NO_LIST,
  requestHeadersToAdd: NO_LIST,
  requestHeadersToRemove: NO_LIST,
  responseHeadersToAdd: NO_LIST,
  responseHeadersToRemove: NO_LIST,
  typedPerFilterConfig: NO_MAP,
  includeRequestAttemptCount: own.includeRequestAttemptCount,
  includeAttemptCountInResponse: false,
  includeIsTimeoutRetryHeader: false,
  requestMirrorPolicies: NO_LIST,
});

/** What is done to the headers of requests and answers. */
export type HeaderFields = Pick<Route, 'requestHeadersToAdd' | 'requestHeadersToRemove' | 'responseHeadersToAdd' | 'responseHeadersToRemove'>;

export const UNCHANGED_HEADERS: HeaderFields = {
  requestHeadersToAdd: NO_LIST, requestHeadersToRemove: NO_LIST, responseHeadersToAdd: NO_LIST, responseHeadersToRemove: NO_LIST,
};

export const route = (
  own: Pick<Route, 'name' | 'match' | 'action' | 'metadata'> & Partial<Pick<Route, 'typedPerFilterConfig' | 'statPrefix'>>
  & { readonly operation: string; readonly headers?: HeaderFields },
): Route => {
  const { headers = UNCHANGED_HEADERS } = own;
  return {
    $typeName: 'envoy.config.route.v3.Route',
    name: own.name,
    match: own.match,
    action: own.action,
    metadata: own.metadata,
    decorator: { $typeName: 'envoy.config.route.v3.Decorator', operation: own.operation },
    typedPerFilterConfig: own.typedPerFilterConfig ?? NO_MAP,
    requestHeadersToAdd: headers.requestHeadersToAdd,
    requestHeadersToRemove: headers.requestHeadersToRemove,
    responseHeadersToAdd: headers.responseHeadersToAdd,
    responseHeadersToRemove: headers.responseHeadersToRemove,
    statPrefix: own.statPrefix ?? '',
  };
};

export const routeMatch = (
  own: Pick<RouteMatch, 'pathSpecifier'> & Partial<Pick<RouteMatch, 'caseSensitive' | 'headers' | 'queryParameters' | 'dynamicMetadata'>>,
): RouteMatch => ({
  $typeName: 'envoy.config.route.v3.RouteMatch',
  pathSpecifier: own.pathSpecifier,
  caseSensitive: own.caseSensitive,
  headers: own.headers ?? NO_LIST,
  queryParameters: own.queryParameters ?? NO_LIST,
  dynamicMetadata: own.dynamicMetadata ?? NO_LIST,
});

export const headerMatcher = (
  name: string, headerMatchSpecifier: HeaderMatcher['headerMatchSpecifier'],
  { invertMatch, treatMissingHeaderAsEmpty }: Pick<HeaderMatcher, 'invertMatch' | 'treatMissingHeaderAsEmpty'> = AS_IT_STANDS,
): HeaderMatcher => (
  { $typeName: 'envoy.config.route.v3.HeaderMatcher', name, headerMatchSpecifier, invertMatch, treatMissingHeaderAsEmpty });

const AS_IT_STANDS = { invertMatch: false, treatMissingHeaderAsEmpty: false };

export const stringMatcher = (matchPattern: StringMatcher['matchPattern']): StringMatcher => (
  { $typeName: 'envoy.type.matcher.v3.StringMatcher', matchPattern, ignoreCase: false });

export const routeAction = (
  own: Pick<RouteAction, 'clusterSpecifier' | 'timeout' | 'maxGrpcTimeout' | 'retryPolicy'>
  & Partial<Pick<RouteAction, 'prefixRewrite' | 'regexRewrite' | 'hostRewriteSpecifier' | 'requestMirrorPolicies' | 'hashPolicy'>>,
): RouteAction => ({
  $typeName: 'envoy.config.route.v3.RouteAction',
  clusterSpecifier: own.clusterSpecifier,
  clusterNotFoundResponseCode: 0,
  prefixRewrite: own.prefixRewrite ?? '',
  regexRewrite: own.regexRewrite,
  hostRewriteSpecifier: own.hostRewriteSpecifier ?? UNSET,
  appendXForwardedHost: false,
  timeout: own.timeout,
  retryPolicy: own.retryPolicy,
  requestMirrorPolicies: own.requestMirrorPolicies ?? NO_LIST,
  priority: 0,
  rateLimits: NO_LIST,
  hashPolicy: own.hashPolicy ?? NO_LIST,
  maxGrpcTimeout: own.maxGrpcTimeout,
  upgradeConfigs: NO_LIST,
  internalRedirectAction: 0,
});

/** Shares of clusters. */
export const weightedClusters = (clusters: WeightedCluster_ClusterWeight[]): RouteAction['clusterSpecifier'] => ({
  case: 'weightedClusters',
  value: { $typeName: 'envoy.config.route.v3.WeightedCluster', clusters, runtimeKeyPrefix: '', randomValueSpecifier: UNSET },
});

export const clusterWeight = (
  own: Pick<WeightedCluster_ClusterWeight, 'name' | 'weight'> & Partial<Pick<WeightedCluster_ClusterWeight, 'hostRewriteSpecifier'>>
  & { readonly headers?: HeaderFields },
): WeightedCluster_ClusterWeight => {
  const { headers = UNCHANGED_HEADERS } = own;
  return {
    $typeName: 'envoy.config.route.v3.WeightedCluster.ClusterWeight',
    name: own.name,
    clusterHeader: '',
    weight: own.weight,
    requestHeadersToAdd: headers.requestHeadersToAdd,
    requestHeadersToRemove: headers.requestHeadersToRemove,
    responseHeadersToAdd: headers.responseHeadersToAdd,
    responseHeadersToRemove: headers.responseHeadersToRemove,
    typedPerFilterConfig: NO_MAP,
    hostRewriteSpecifier: own.hostRewriteSpecifier ?? UNSET,
  };
};

export const retryPolicy = (
  own: Pick<RetryPolicy, 'retryOn' | 'numRetries' | 'perTryTimeout' | 'retryPriority' | 'retryBackOff' | 'hostSelectionRetryMaxAttempts'>
  & Partial<Pick<RetryPolicy, 'retryHostPredicate' | 'retriableStatusCodes'>>,
): RetryPolicy => ({
  $typeName: 'envoy.config.route.v3.RetryPolicy',
  retryOn: own.retryOn,
  numRetries: own.numRetries,
  perTryTimeout: own.perTryTimeout,
  retryPriority: own.retryPriority,
  retryHostPredicate: own.retryHostPredicate ?? NO_LIST,
  retryOptionsPredicates: NO_LIST,
  hostSelectionRetryMaxAttempts: own.hostSelectionRetryMaxAttempts,
  retriableStatusCodes: own.retriableStatusCodes ?? NO_LIST,
  retryBackOff: own.retryBackOff,
  retriableHeaders: NO_LIST,
  retriableRequestHeaders: NO_LIST,
});
