import { create } from '@bufbuild/protobuf';
import { duration } from '../../xds/duration';
import { Cluster_DiscoveryType, Cluster_LbPolicy, ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { BLACK_HOLE, INBOUND_PASSTHROUGH, PASSTHROUGH } from '../names';
import { meshPolicy } from '../scope/traffic-policy';
import { tcpMetadataExchangeCluster } from '../telemetry/peer-metadata';
import type { View } from '../view';
import { poolOf } from './connection-pool';
import { PASSTHROUGH_OPTIONS } from './protocol-options';

/** Source address of connections to the application, so that the kernel does not capture them again. */
export const INBOUND_SOURCE = { sourceAddress: { address: '127.0.0.6', portSpecifier: { case: 'portValue' as const, value: 0 } } };

/** A cluster without endpoints: the end of connections that must not leave. */
export function blackHoleCluster(view: View): Cluster {
  return create(ClusterSchema, {
    name: BLACK_HOLE,
    altStatName: `${BLACK_HOLE};`,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    connectTimeout: duration(view.mesh.model.config.connectTimeoutMs),
  });
}

/** Where a connection goes that no rule knows: to the address that was dialled. */
export function passthroughCluster(view: View): Cluster {
  return create(ClusterSchema, {
    ...originalDestination(view, PASSTHROUGH),
    filters: view.dialect.metadataExchange ? [tcpMetadataExchangeCluster] : [],
  });
}

export function inboundPassthroughCluster(view: View): Cluster {
  return create(ClusterSchema, { ...originalDestination(view, INBOUND_PASSTHROUGH), upstreamBindConfig: INBOUND_SOURCE });
}

function originalDestination(view: View, name: string) {
  return {
    name,
    // Both directions count under one name, as in Istio.
    altStatName: `${PASSTHROUGH};`,
    clusterDiscoveryType: { case: 'type' as const, value: Cluster_DiscoveryType.ORIGINAL_DST },
    connectTimeout: duration(view.mesh.model.config.connectTimeoutMs),
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    circuitBreakers: poolOf(meshPolicy(view.mesh), view.mesh.model.config).circuitBreakers,
    typedExtensionProtocolOptions: PASSTHROUGH_OPTIONS,
  };
}
