import { create } from '@bufbuild/protobuf';
import { duration } from '../../xds/duration';
import { Cluster_DiscoveryType, Cluster_LbPolicy, ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { addressMessage } from '../endpoints/assignment';
import type { InboundPort } from '../inbound-ports';
import { inboundCluster } from '../names';
import { poolOf } from './connection-pool';
import { policyFor } from '../scope/traffic-policy';
import type { View } from '../view';
import { istioMetadata } from './metadata';
import { inboundProtocolOptions } from './protocol-options';
import { INBOUND_SOURCE } from './special';

/** Longer than any process lives: addresses of the own application are never forgotten. */
const NEVER = duration(9_223_372_035_000);

/** The application behind one target port (istio-behaviour D7). */
export function inboundServiceCluster(view: View, port: InboundPort): Cluster {
  const { mesh, explicit } = view;
  const rule = view.ruleOf(port.service);
  const pool = poolOf(policyFor(rule, port.port.number, '').connectionPool, mesh.model.config);
  const name = inboundCluster(port.targetPort);
  const common = {
    name,
    altStatName: `${name};`,
    connectTimeout: pool.connectTimeout,
    circuitBreakers: pool.circuitBreakers,
    upstreamConnectionOptions: pool.connectionOptions,
    typedExtensionProtocolOptions: inboundProtocolOptions(port.port, pool),
    commonLbConfig: {},
    // A rule that only defines subsets changes nothing here, and Istio does not name it.
    metadata: istioMetadata({ services: port.services, rule: rule?.trafficPolicy === undefined ? undefined : rule }),
  };
  if (explicit !== undefined) {
    return create(ClusterSchema, {
      ...common,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      loadAssignment: {
        clusterName: name,
        endpoints: [{
          lbEndpoints: [{
            hostIdentifier: { case: 'endpoint', value: { address: addressMessage('127.0.0.1', explicit.appPort(port.targetPort)) } },
          }],
        }],
      },
    });
  }
  return create(ClusterSchema, {
    ...common,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    cleanupInterval: NEVER,
    upstreamBindConfig: INBOUND_SOURCE,
  });
}
