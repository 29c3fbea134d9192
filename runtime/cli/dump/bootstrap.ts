import type { Json } from '../../../src/model/json';
import type { Proxy } from '../../../src/model/proxy';

const socket = (address: string, portValue: number) => ({ socketAddress: { address, portValue } });

function cluster(name: string, address: Json, extra: Json = {}): Json {
  return {
    name,
    type: 'STATIC',
    connectTimeout: name === 'agent' || name === 'prometheus_stats' ? '0.250s' : '1s',
    loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }] },
    ...extra,
  };
}

/** A listener with one route, as the Prometheus and readiness ports of every Istio proxy are. */
function listener(portValue: number, prefix: string, target: string, statPrefix: string): Json {
  return {
    address: socket('0.0.0.0', portValue),
    filterChains: [{
      filters: [{
        name: 'envoy.filters.network.http_connection_manager',
        typedConfig: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
          'statPrefix': statPrefix,
          'routeConfig': { virtualHosts: [{ name: 'backend', domains: ['*'], routes: [{ match: { prefix }, route: { cluster: target } }] }] },
          'httpFilters': [{
            name: 'envoy.filters.http.router',
            typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
          }],
        },
      }],
    }],
  };
}

const http2 = {
  typedExtensionProtocolOptions: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions', 'explicitHttpConfig': { http2ProtocolOptions: {} },
    },
  },
};

/** What every proxy of Istio's agent has besides what it is sent (istio-behaviour I8). */
const ISTIO_STATIC: Json = {
  listeners: [
    listener(15090, '/stats/prometheus', 'prometheus_stats', 'stats'),
    listener(15021, '/healthz/ready', 'agent', 'agent'),
  ],
  clusters: [
    cluster('prometheus_stats', socket('127.0.0.1', 15000)),
    cluster('agent', socket('127.0.0.1', 15020)),
    cluster('sds-grpc', { pipe: { path: './var/run/secrets/workload-spiffe-uds/socket' } }, http2),
    cluster('xds-grpc', { pipe: { path: './etc/istio/proxy/XDS' } }, http2),
  ],
};

/** Bootstrap of a proxy as far as it matters to readers of a dump: who it is, and its static resources. */
export function bootstrapOf(proxy: Proxy): Json {
  return {
    node: { id: proxy.id, cluster: `${proxy.workload}.${proxy.namespace}`, metadata: proxy.metadata },
    ...proxy.dialect === 'istio' && { staticResources: ISTIO_STATIC },
  };
}
