import { fromJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import type { ProxyResources } from '../../../src/evaluator';
import { ClusterSchema } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../../src/xds/registry';

const TYPE = 'type.googleapis.com/';
export const HCM = `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
export const FAULT = `${TYPE}envoy.extensions.filters.http.fault.v3.HTTPFault`;

/** A route to a cluster, with whatever else is said. */
export function route(to: string, extra: { match?: JsonValue; action?: JsonObject; more?: JsonObject } = {}): JsonObject {
  return { match: extra.match ?? { prefix: '/' }, route: { cluster: to, timeout: '0s', ...extra.action }, ...extra.more };
}

export function routes(...list: JsonObject[]): JsonObject {
  return { name: 'r', ignorePortInHostMatching: true, virtualHosts: [{ name: 'all', domains: ['*'], includeRequestAttemptCount: true, routes: list }] };
}

export function manager(routeConfig: JsonObject, extra: JsonObject = {}): JsonObject {
  return {
    '@type': HCM,
    'statPrefix': 'test',
    routeConfig,
    'normalizePath': true,
    'proxy100Continue': true,
    'upgradeConfigs': [{ upgradeType: 'websocket' }],
    'httpFilters': [
      { name: 'envoy.filters.http.fault', typedConfig: { '@type': FAULT } },
      { name: 'envoy.filters.http.router', typedConfig: { '@type': `${TYPE}envoy.extensions.filters.http.router.v3.Router` } },
    ],
    ...extra,
  };
}

/** A manager that takes its routes by RDS. */
export function rdsManager(routeConfigName: string): JsonObject {
  const { routeConfig, ...rest } = manager({});
  void routeConfig;
  return { ...rest, rds: { routeConfigName, configSource: { ads: {}, resourceApiVersion: 'V3' } } };
}

export function listener(port: number, hcm: JsonObject, name = 'l'): JsonObject {
  return {
    name,
    address: { socketAddress: { address: '127.0.0.1', portValue: port } },
    filterChains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typedConfig: hcm }] }],
  };
}

export function tcpListener(port: number, to: string): JsonObject {
  const typedConfig = { '@type': `${TYPE}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`, 'statPrefix': 'tcp', 'cluster': to };
  return {
    name: 'tcp',
    address: { socketAddress: { address: '127.0.0.1', portValue: port } },
    filterChains: [{ filters: [{ name: 'envoy.filters.network.tcp_proxy', typedConfig }] }],
  };
}

export function cluster(name: string, ports: readonly number[], extra: JsonObject = {}): JsonObject {
  return { name, type: 'STATIC', connectTimeout: '1s', commonLbConfig: { healthyPanicThreshold: {} }, lbPolicy: 'ROUND_ROBIN', loadAssignment: assignment(name, ports), ...extra };
}

export function edsCluster(name: string): JsonObject {
  return { name, type: 'EDS', edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: 'V3' } }, connectTimeout: '1s', lbPolicy: 'ROUND_ROBIN' };
}

export function assignment(name: string, ports: readonly number[]): JsonObject {
  const lbEndpoints = ports.map(portValue => ({ endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue } } } }));
  return { clusterName: name, endpoints: [{ lbEndpoints }] };
}

export interface Sketch {
  readonly listeners?: readonly JsonObject[];
  readonly clusters?: readonly JsonObject[];
  readonly routes?: readonly JsonObject[];
  readonly endpoints?: readonly JsonObject[];
}

/** The messages that the plain objects stand for. */
export function resources({ listeners = [], clusters = [], routes: configurations = [], endpoints = [] }: Sketch): ProxyResources {
  return {
    listeners: listeners.map(json => fromJson(ListenerSchema, json, { registry })),
    clusters: clusters.map(json => fromJson(ClusterSchema, json, { registry })),
    routes: configurations.map(json => fromJson(RouteConfigurationSchema, json, { registry })),
    endpoints: endpoints.map(json => fromJson(ClusterLoadAssignmentSchema, json, { registry })),
  };
}
