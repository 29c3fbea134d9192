import type { Host as Endpoint } from '../../../src/evaluator';
import type { Cluster } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { TransportSocket } from '../../../src/xds/gen/envoy/config/core/v3/base_pb';

const MATCH_KEY = 'envoy.transport_socket_match';

/** Whether the transport socket that Envoy would choose for this endpoint is TLS: the first match whose pairs the endpoint's metadata all has. */
export function needsTls(cluster: Cluster, endpoint: Endpoint): boolean {
  const labels = endpoint.message.metadata?.filterMetadata[MATCH_KEY] ?? {};
  const chosen = cluster.transportSocketMatches.find(({ match }) => Object.entries(match ?? {}).every(([key, value]) => labels[key] === value));
  return isTls(chosen === undefined ? cluster.transportSocket : chosen.transportSocket);
}

function isTls(socket: TransportSocket | undefined): boolean {
  if (socket === undefined) return false;
  const type = socket.configType.case === 'typedConfig' ? socket.configType.value.typeUrl : '';
  return socket.name === 'envoy.transport_sockets.tls' || type.endsWith('.UpstreamTlsContext');
}
