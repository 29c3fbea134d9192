import { byClusterName } from './cluster-name';
import type { Json } from '../../../src/model/json';
import { objectOf, objectsOf, textOf } from '../../../src/model/json';
import { compare } from '../../../src/model/resource';
import type { ProxyDump } from '../dump/read';
import { columns } from '../text/columns';

interface Row { readonly address: string; readonly port: number; readonly status: string; readonly outlier: string; readonly cluster: string }

/**
 * `proxy-config endpoints`, as istioctl prints it. Health and ejection come from `/clusters` where that was given;
 * a config dump alone knows only what was sent, of which everything not marked counts as healthy.
 */
export function endpointTable(dump: Pick<ProxyDump, 'endpoints' | 'clusterStatuses'>): string {
  const rows = dump.clusterStatuses.length > 0 ? live(dump.clusterStatuses) : sent(dump.endpoints);
  rows.sort((a, b) => compare(a.address, b.address) || a.port - b.port || compare(a.cluster, b.cluster));
  return columns([['ENDPOINT', 'STATUS', 'OUTLIER CHECK', 'CLUSTER'], ...rows.map(row => [
    row.port === 0 ? row.address : `${row.address}:${row.port}`, row.status, row.outlier, row.cluster,
  ])], 5);
}

/** `proxy-config eds`: what was sent, a row for each endpoint. */
export function edsTable(dump: Pick<ProxyDump, 'endpoints'>): string {
  const rows = [...dump.endpoints].sort((a, b) => byClusterName(textOf(a.clusterName) ?? '', textOf(b.clusterName) ?? ''))
    .flatMap(assignment => objectsOf(assignment.endpoints).flatMap(group => objectsOf(group.lbEndpoints).map((endpoint) => {
      const { address, port } = place(objectOf(objectOf(endpoint.endpoint).address));
      const { region, zone, subZone } = objectOf(group.locality);
      const locality = [region, zone, subZone].map(part => textOf(part) ?? '').filter(part => part !== '').join('/');
      return [port === 0 ? address : `${address}:${port}`, textOf(endpoint.healthStatus) ?? 'UNKNOWN', locality, textOf(assignment.clusterName) ?? ''];
    })));
  return columns([['NAME', 'STATUS', 'LOCALITY', 'CLUSTER'], ...rows], 5);
}

function live(statuses: readonly Json[]): Row[] {
  return statuses.flatMap(cluster => objectsOf(cluster.hostStatuses).map((host) => {
    const health = objectOf(host.healthStatus);
    return {
      ...place(objectOf(host.address)),
      status: textOf(health.edsHealthStatus) ?? 'UNKNOWN',
      outlier: health.failedOutlierCheck === true ? 'FAILED' : 'OK',
      cluster: textOf(cluster.name) ?? '',
    };
  }));
}

function sent(assignments: readonly Json[]): Row[] {
  return assignments.flatMap(assignment => objectsOf(assignment.endpoints).flatMap(group => objectsOf(group.lbEndpoints).map(endpoint => ({
    ...place(objectOf(objectOf(endpoint.endpoint).address)),
    status: textOf(endpoint.healthStatus) ?? 'HEALTHY',
    outlier: 'OK',
    cluster: textOf(assignment.clusterName) ?? '',
  }))));
}

function place(address: Json): { address: string; port: number } {
  const socket = objectOf(address.socketAddress);
  if (socket.address !== undefined) return { address: textOf(socket.address) ?? '', port: Number(socket.portValue ?? 0) };
  if (address.pipe !== undefined) return { address: `unix://${textOf(objectOf(address.pipe).path) ?? ''}`, port: 0 };
  const internal = objectOf(address.envoyInternalAddress);
  return { address: `envoy://${textOf(internal.serverListenerName) ?? ''}/${textOf(internal.endpointId) ?? ''}`, port: 0 };
}
