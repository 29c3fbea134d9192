import type { Aspects } from './facts';
import { jsonOf, restOf, textOfJson } from './facts';
import { object, objects } from './routes';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClusterLoadAssignment } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ClusterLoadAssignmentSchema } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_pb';

/** How a target is called: balancing, pools, TLS and the rest. */
export function clusterAspects(message: Cluster, nameOfAddress: (address: string) => string): Aspects {
  const json = jsonOf(ClusterSchema, message);
  const aspects = new Map<string, string>();
  const sockets = objects(json.transportSocketMatches).map(each => ({ match: each.match, socket: withoutSni(object(each.transportSocket)) }));
  if (json.transportSocket !== undefined) aspects.set('tls', textOfJson(withoutSni(object(json.transportSocket))));
  if (sockets.length > 0) aspects.set('tls', textOfJson(sockets));
  const { clusterName: _name, ...own } = object(json.loadAssignment);
  if (json.loadAssignment !== undefined) aspects.set('endpoints', endpointsText(own, nameOfAddress));
  restOf(json, new Set(['edsClusterConfig', 'filters', 'transportSocket', 'transportSocketMatches', 'loadAssignment']), aspects);
  return aspects;
}

/** The SNI between sidecars spells the cluster's name, which a renamed subset changes. */
function withoutSni(socket: object): unknown {
  return JSON.parse(JSON.stringify(socket, (key, value: unknown) => (key === 'sni' && typeof value === 'string' && value.startsWith('outbound_.') ? undefined : value)));
}

/** Where a target leads: workloads where they are known, else addresses. */
export function endpointAspects(message: ClusterLoadAssignment | undefined, nameOfAddress: (address: string) => string): Aspects {
  const { clusterName: _name, ...json } = message === undefined ? { clusterName: '' } : jsonOf(ClusterLoadAssignmentSchema, message);
  return new Map([['endpoints', endpointsText(json, nameOfAddress)]]);
}

function endpointsText(json: object, nameOfAddress: (address: string) => string): string {
  const groups = objects((json as { endpoints?: unknown }).endpoints).map((group) => {
    const members = objects(group.lbEndpoints).map((endpoint) => {
      const { address, port } = addressOf(endpoint);
      const health = endpoint.healthStatus === undefined ? '' : ` ${String(endpoint.healthStatus)}`;
      const weight = Number(endpoint.loadBalancingWeight ?? 1) === 1 ? '' : ` weight ${String(endpoint.loadBalancingWeight)}`;
      return `${nameOfAddress(address)}:${port}${weight}${health}`;
    }).sort();
    const priority = group.priority === undefined ? '' : ` as priority ${String(group.priority)}`;
    return `${members.join(', ')}${priority}`;
  });
  return groups.filter(text => text !== '').sort().join('; ') || 'none';
}

function addressOf(endpoint: object): { readonly address: string; readonly port: string } {
  const place = object(object((endpoint as { endpoint?: unknown }).endpoint).address);
  const socket = object(place.socketAddress);
  return { address: String(socket.address ?? object(place.pipe).path ?? ''), port: String(socket.portValue ?? '') };
}
