import type { AdminView } from './view';
import type { HttpStats } from '../listener/http-config';

const XDS_PREFIX = { CDS: 'cluster_manager.cds', LDS: 'listener_manager.lds', EDS: 'cluster.eds', RDS: 'http.rds' } as const;

const HTTP_NAMES: Readonly<Record<keyof HttpStats, string>> = {
  cxTotal: 'downstream_cx_total',
  cxActive: 'downstream_cx_active',
  rqTotal: 'downstream_rq_total',
  rqActive: 'downstream_rq_active',
  rq1xx: 'downstream_rq_1xx',
  rq2xx: 'downstream_rq_2xx',
  rq3xx: 'downstream_rq_3xx',
  rq4xx: 'downstream_rq_4xx',
  rq5xx: 'downstream_rq_5xx',
  cxProtocolError: 'downstream_cx_protocol_error',
  rqRxReset: 'downstream_rq_rx_reset',
  noRoute: 'no_route',
};

/** All counters and gauges by Envoy's names, sorted. */
export function statLines({ client, dataPlane }: AdminView): [string, number][] {
  const lines: [string, number][] = [];
  for (const [prefix, stats] of dataPlane.stats) {
    for (const [key, name] of Object.entries(HTTP_NAMES)) lines.push([`http.${prefix}.${name}`, stats[key as keyof HttpStats]]);
  }
  for (const cluster of dataPlane.clusters.values()) {
    const { limits, name, hosts, message } = cluster;
    const prefix = `cluster.${message.altStatName || name}`;
    for (const [stat, value] of Object.entries(limits.stats)) lines.push([`${prefix}.${stat}`, value as number]);
    lines.push([`${prefix}.upstream_cx_active`, limits.connections], [`${prefix}.upstream_rq_active`, limits.requests]);
    lines.push([`${prefix}.upstream_rq_pending_active`, limits.pending], [`${prefix}.membership_total`, hosts.size]);
    lines.push([`${prefix}.membership_healthy`, [...hosts.values()].filter(({ facts }) => facts.health === 'healthy').length]);
  }
  for (const [type, prefix] of Object.entries(XDS_PREFIX)) {
    const { attempt, success, rejected, failure } = client.stats[type as keyof typeof XDS_PREFIX];
    lines.push([`${prefix}.update_attempt`, attempt], [`${prefix}.update_success`, success], [`${prefix}.update_rejected`, rejected]);
    lines.push([`${prefix}.update_failure`, failure]);
  }
  const { warmingClusters, warmingListeners } = client.warming;
  lines.push(
    ['cluster_manager.active_clusters', dataPlane.clusters.size], ['cluster_manager.warming_clusters', warmingClusters.length],
    ['listener_manager.total_listeners_active', dataPlane.listeners.size], ['listener_manager.total_listeners_warming', warmingListeners.length],
    ['control_plane.connected_state', client.connected ? 1 : 0],
  );
  return lines.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

const GAUGES = /_active$|membership_|connected_state$|warming|active_clusters$/;

/** The same in Prometheus' text format, with the names and labels that Envoy gives them. */
export function prometheus(view: AdminView): string {
  const families = new Map<string, string[]>();
  for (const [name, value] of statLines(view)) {
    const { family, labels } = tagged(name);
    const list = families.get(family) ?? [];
    list.push(`${family}{${labels}} ${value}\n`);
    families.set(family, list);
  }
  return [...families].map(([family, lines]) => `# TYPE ${family} ${GAUGES.test(family) ? 'gauge' : 'counter'}\n${lines.join('')}`).join('\n');
}

function tagged(name: string): { family: string; labels: string } {
  const match = /^(http|cluster)\.(.+)\.([a-z0-9_]+)$/.exec(name);
  if (match === null || match[2] === 'eds' || match[2] === 'rds') return { family: `envoy_${name.replace(/[^a-zA-Z0-9_]/g, '_')}`, labels: '' };
  const [, kind, owner, stat] = match;
  const status = /^(.*_rq)_(\d)xx$/.exec(stat);
  const label = kind === 'http' ? 'envoy_http_conn_manager_prefix' : 'envoy_cluster_name';
  const value = owner.replace(/;$/, '').replace(/["\\]/g, '\\$&');
  const code = status === null ? '' : `envoy_response_code_class="${status[2]}",`;
  return { family: `envoy_${kind}_${status === null ? stat : `${status[1]}_xx`}`, labels: `${code}${label}="${value}"` };
}
