import { create } from '@bufbuild/protobuf';
import { isIPv4, isIPv6 } from '../../model/addresses';
import { objectOf } from '../../model/json';
import { duration } from '../../xds/duration';
import { Cluster_DiscoveryType, Cluster_LbPolicy, ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { addressMessage } from '../endpoints/assignment';
import type { InboundPort } from '../inbound-ports';
import { inboundCluster } from '../names';
import type { View } from '../view';
import { poolOf } from './connection-pool';
import { istioMetadata, listed } from './metadata';
import { inboundProtocolOptions } from './protocol-options';
import { inboundSource } from './special';
import { statName } from './stat-name';

/** Longer than any process lives: addresses of the own application are never forgotten. */
const NEVER = duration(9_223_372_035_000);

/** The application behind one target port (istio-behaviour D7). */
export function inboundServiceCluster(view: View, port: InboundPort): Cluster {
  const pool = poolOf({ connectionPool: port.pool, retryBudget: port.retryBudget }, view.mesh.model.config);
  const name = inboundCluster(port.targetPort);
  const common = {
    name,
    altStatName: statName(view.mesh, 'inboundClusterStatName', name, {
      service: port.services[0], port: { name: port.portName, number: port.servicePort }, targetPort: port.targetPort,
    }),
    connectTimeout: pool.connectTimeout,
    circuitBreakers: pool.circuitBreakers,
    upstreamConnectionOptions: pool.connectionOptions,
    typedExtensionProtocolOptions: inboundProtocolOptions(view, port, pool),
    commonLbConfig: {},
    metadata: port.services.length === 0 ? undefined : istioMetadata({ services: listed(port.services), rule: port.rule }),
  };
  const endpoint = applicationOf(view, port);
  if (endpoint === undefined) {
    return create(ClusterSchema, {
      ...common,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
      lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
      cleanupInterval: NEVER,
      upstreamBindConfig: inboundSource(view),
    });
  }
  return create(ClusterSchema, {
    ...common,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: name,
      endpoints: [{
        lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: addressMessage(endpoint.address, endpoint.port) } } }],
      }],
    },
    upstreamBindConfig: endpoint.captured ? inboundSource(view) : undefined,
  });
}

/** Where the application is, if not simply where the connection was going. */
function applicationOf(view: View, port: InboundPort): { readonly address: string; readonly port: number; readonly captured: boolean } | undefined {
  const given = port.ingress?.endpoint;
  if (given?.startsWith('unix://') === true) return { address: given, port: 0, captured: view.explicit === undefined };
  if (given !== undefined) {
    const colon = given.lastIndexOf(':');
    const [host, number] = [given.slice(0, colon).replace(/^\[|\]$/g, ''), Number(given.slice(colon + 1))];
    if (view.explicit !== undefined) return { address: '127.0.0.1', port: view.explicit.appPort(number), captured: false };
    const [address, loopback] = addressIn(view.proxy.ips, host);
    return { address, port: number, captured: !loopback };
  }
  const { inboundTrafficPolicy } = view.mesh.model.config.raw;
  if (view.explicit === undefined && objectOf(inboundTrafficPolicy).mode === 'LOCALHOST' && port.ingress === undefined) {
    return { address: loopbackOf(view.proxy.ips, '127.0.0.1'), port: port.targetPort, captured: false };
  }
  return view.explicit === undefined ? undefined : { address: '127.0.0.1', port: view.explicit.appPort(port.targetPort), captured: false };
}

/**
 * Where a defaultEndpoint is in a Pod, and whether that is loopback: the wildcard means the Pod's own address of its family, where the kernel
 * would capture the connection again; without one it is loopback. Loopback is that of the other family where the Pod has only this.
 */
function addressIn(ips: readonly string[], host: string): readonly [string, boolean] {
  const family = isIPv4(host) ? isIPv4 : isIPv6;
  const own = host === '0.0.0.0' || host === '::' ? ips.find(family) : undefined;
  if (own !== undefined) return [own, false];
  if (host === '0.0.0.0') return ['127.0.0.1', true];
  return host === '::' ? ['::1', true] : [loopbackOf(ips, host), true];
}

const loopbackOf = (ips: readonly string[], host: string): string => (
  ips.some(isIPv4) && !ips.some(isIPv6) ? '127.0.0.1' : ips.some(isIPv6) && !ips.some(isIPv4) ? '::1' : host);
