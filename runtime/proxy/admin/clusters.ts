import type { AdminView } from './view';
import type { UpstreamCluster } from '../upstream/cluster';
import type { Host } from '../upstream/host';

/** `/clusters` as Envoy prints it: one fact a line. */
export function clustersText({ dataPlane }: AdminView): string {
  return [...dataPlane.clusters.values()].flatMap(clusterLines).map(line => `${line}\n`).join('');
}

function clusterLines(cluster: UpstreamCluster): string[] {
  const { name, limits } = cluster;
  return [
    `${name}::observability_name::${cluster.message.altStatName || name}`,
    `${name}::default_priority::max_connections::${limits.maxConnections}`,
    `${name}::default_priority::max_pending_requests::${limits.maxPending}`,
    `${name}::default_priority::max_requests::${limits.maxRequests}`,
    `${name}::default_priority::max_retries::${limits.maxRetries}`,
    `${name}::added_via_api::true`,
    ...[...cluster.hosts.values()].flatMap(host => hostFacts(host).map(([key, value]) => `${name}::${host.key}::${key}::${value}`)),
  ];
}

function hostFacts({ connections, active, stats, facts }: Host): [string, string | number][] {
  const [region = '', zone = '', subZone = ''] = facts.locality.split('/');
  return [
    ['cx_active', connections], ['cx_connect_fail', stats.cxConnectFail], ['cx_total', stats.cxTotal], ['rq_active', active],
    ['rq_error', stats.rqError], ['rq_success', stats.rqSuccess], ['rq_timeout', stats.rqTimeout], ['rq_total', stats.rqTotal],
    ['hostname', ''], ['health_flags', facts.health === 'healthy' ? 'healthy' : '/failed_eds_health'], ['weight', facts.weight],
    ['region', region], ['zone', zone], ['sub_zone', subZone], ['canary', 'false'], ['priority', facts.priority],
    ['success_rate', -1], ['local_origin_success_rate', -1],
  ];
}

/** `/clusters?format=json`. */
export function clustersJson({ dataPlane }: AdminView): unknown {
  return {
    cluster_statuses: [...dataPlane.clusters.values()].map(cluster => ({
      name: cluster.name,
      added_via_api: true,
      observability_name: cluster.message.altStatName || cluster.name,
      ...cluster.message.edsClusterConfig?.serviceName && { eds_service_name: cluster.message.edsClusterConfig.serviceName },
      host_statuses: [...cluster.hosts.values()].map(hostStatus),
    })),
  };
}

function hostStatus({ connections, active, stats, facts }: Host): unknown {
  const [region = '', zone = '', subZone = ''] = facts.locality.split('/');
  const counter = (name: string, value: number) => ({ name, ...value > 0 && { value: String(value) } });
  return {
    address: facts.address.startsWith('/') ? { pipe: { path: facts.address } } : { socket_address: { address: facts.address, port_value: facts.port } },
    stats: [
      counter('cx_connect_fail', stats.cxConnectFail), counter('cx_total', stats.cxTotal), counter('rq_error', stats.rqError),
      counter('rq_success', stats.rqSuccess), counter('rq_timeout', stats.rqTimeout), counter('rq_total', stats.rqTotal),
      { type: 'GAUGE', ...counter('cx_active', connections) }, { type: 'GAUGE', ...counter('rq_active', active) },
    ],
    health_status: { eds_health_status: facts.health === 'healthy' ? 'HEALTHY' : 'UNHEALTHY' },
    weight: facts.weight,
    ...facts.priority > 0 && { priority: facts.priority },
    locality: { ...region && { region }, ...zone && { zone }, ...subZone && { sub_zone: subZone } },
  };
}
