import { byClusterName, clusterName, managedBy } from './cluster-name';
import { textOf } from '../../../src/model/json';
import type { ProxyDump } from '../dump/read';
import { columns } from '../text/columns';

/** `proxy-config clusters`, as istioctl prints it. */
export function clusterTable(dump: Pick<ProxyDump, 'clusters'>): string {
  const rows = [...dump.clusters].sort((a, b) => byClusterName(textOf(a.name) ?? '', textOf(b.name) ?? '')).map((cluster) => {
    const name = clusterName(textOf(cluster.name) ?? '');
    const type = textOf(cluster.type) ?? 'STATIC'; // the zero value, which canonical JSON leaves out
    if (!name.structured) return [name.host, '-', '-', '-', type, managedBy(cluster)];
    return [name.host, String(name.port), name.subset || '-', name.direction, type, managedBy(cluster)];
  });
  return columns([['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'DESTINATION RULE'], ...rows], 5);
}
