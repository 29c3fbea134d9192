import { create } from '@bufbuild/protobuf';
import { isIPv4, isIPv6 } from '../../model/addresses';
import { duration } from '../../xds/duration';
import { Cluster_DiscoveryType, Cluster_LbPolicy, ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { preservesHeaderCase } from '../header-case';
import { BLACK_HOLE, INBOUND_PASSTHROUGH, PASSTHROUGH } from '../names';
import { meshPolicy } from '../scope/traffic-policy';
import { tcpMetadataExchangeCluster } from '../telemetry/peer-metadata';
import type { View } from '../view';
import { poolOf } from './connection-pool';
import { passthroughOptions } from './protocol-options';

const sourceAddress = (address: string) => ({ address, portSpecifier: { case: 'portValue' as const, value: 0 } });
const SOURCE_V4 = sourceAddress('127.0.0.6');
const SOURCE_V6 = sourceAddress('::6');

/** Source address of connections to the application, so that the kernel does not capture them again; of the proxy's own family. */
export const inboundSource = ({ proxy }: View) => ({ sourceAddress: proxy.ips.some(isIPv4) ? SOURCE_V4 : SOURCE_V6 });

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
  const both = view.proxy.ips.some(isIPv4) && view.proxy.ips.some(isIPv6);
  return create(ClusterSchema, {
    ...originalDestination(view, INBOUND_PASSTHROUGH),
    upstreamBindConfig: { ...inboundSource(view), extraSourceAddresses: both ? [{ address: SOURCE_V6 }] : [] },
  });
}

function originalDestination(view: View, name: string) {
  const pool = poolOf(meshPolicy(view.mesh), view.mesh.model.config);
  return {
    name,
    // Both directions count under one name, as in Istio.
    altStatName: `${PASSTHROUGH};`,
    clusterDiscoveryType: { case: 'type' as const, value: Cluster_DiscoveryType.ORIGINAL_DST },
    connectTimeout: pool.connectTimeout,
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    circuitBreakers: pool.circuitBreakers,
    upstreamConnectionOptions: pool.connectionOptions,
    typedExtensionProtocolOptions: passthroughOptions(preservesHeaderCase(view.mesh, view.proxy)),
  };
}
