const TYPE = 'type.googleapis.com/';

/** As Istio's default for every route. */
const RETRY = {
  retry_on: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes',
  num_retries: 2,
  retry_host_predicate: [{
    name: 'envoy.retry_host_predicates.previous_hosts',
    typed_config: { '@type': `${TYPE}envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
  }],
  host_selection_retry_max_attempts: '5',
};

/** What all engines carry out: a header match, then a 75/25 split; retries, and a timeout of 10 s. */
export function resources(port, upstreams) {
  const route = (name, match, action) => ({ name, match: { prefix: '/', ...match }, route: { timeout: '10s', retry_policy: RETRY, ...action } });
  const routeConfig = {
    name: 'bench',
    ignore_port_in_host_matching: true,
    virtual_hosts: [{
      name: 'reviews',
      domains: ['*'],
      include_request_attempt_count: true,
      routes: [
        route('jason', { headers: [{ name: 'end-user', string_match: { exact: 'jason' } }] }, { cluster: 'v2' }),
        route('split', {}, { weighted_clusters: { clusters: [{ name: 'v1', weight: 75 }, { name: 'v3', weight: 25 }] } }),
      ],
    }],
  };
  const manager = {
    '@type': `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    'stat_prefix': 'bench',
    'route_config': routeConfig,
    'stream_idle_timeout': '0s',
    'normalize_path': true,
    'http_filters': [
      { name: 'envoy.filters.http.fault', typed_config: { '@type': `${TYPE}envoy.extensions.filters.http.fault.v3.HTTPFault` } },
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}envoy.extensions.filters.http.router.v3.Router` } },
    ],
  };
  const most = 4294967295;
  return {
    listeners: [{
      name: 'bench',
      address: { socket_address: { address: '127.0.0.1', port_value: port } },
      filter_chains: [{ filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] }],
    }],
    clusters: Object.entries(upstreams).map(([name, upstream]) => ({
      name,
      type: 'STATIC',
      connect_timeout: '10s',
      lb_policy: 'LEAST_REQUEST',
      common_lb_config: { healthy_panic_threshold: {} },
      circuit_breakers: { thresholds: [{ max_connections: most, max_pending_requests: most, max_requests: most, max_retries: most }] },
      load_assignment: {
        cluster_name: name,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: upstream } } } }] }],
      },
    })),
  };
}

/** The same for Envoy, as a static bootstrap. */
export function envoyBootstrap(port, upstreams) {
  return { static_resources: resources(port, upstreams), stats_flush_interval: '5s' };
}
