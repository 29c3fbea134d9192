import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { withProxyProtocol } from './proxy-protocol';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { Cluster_DiscoveryType, Cluster_DnsLookupFamily, ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ADS } from '../dialect';
import { loadAssignment } from '../endpoints/assignment';
import { clusterName, sniName } from '../names';
import type { ClusterKind } from '../names';
import { CARES_RESOLVER, DNS_JITTER } from './dns';
import { protocolOptions, speaksHttp2 } from './protocol-options';
import type { DestinationRule } from '../scope/destination-rules';
import { meshPolicy, policyFor } from '../scope/traffic-policy';
import { clientTransport, NO_TLS } from '../security/client-tls';
import { tcpMetadataExchangeCluster } from '../telemetry/peer-metadata';
import type { View } from '../view';
import { poolOf } from './connection-pool';
import { balancing } from './load-balancing';
import { istioMetadata } from './metadata';
import { outlierDetection } from './outlier-detection';
import { statName } from './stat-name';

type Init = MessageInitShape<typeof ClusterSchema>;

/** How a service's cluster finds its addresses; undefined where there is no cluster at all (istio-behaviour A1, A4). */
export function discoveryOf(service: Service, view: View): Cluster_DiscoveryType | undefined {
  switch (service.resolution) {
    case 'client-side': return Cluster_DiscoveryType.EDS;
    case 'dns': return Cluster_DiscoveryType.STRICT_DNS;
    case 'dns-round-robin': return Cluster_DiscoveryType.LOGICAL_DNS;
    // Gateways, like explicit capture, have no original destination to go to.
    case 'passthrough':
      return view.proxy.type === 'router' || view.explicit !== undefined ? Cluster_DiscoveryType.EDS : Cluster_DiscoveryType.ORIGINAL_DST;
    default: return undefined;
  }
}

/** Cluster of one service port, or of one subset of it. Undefined where nothing is sent (no address for a DNS cluster). */
export function serviceCluster(
  view: View, service: Service, port: ServicePort, subset: string, rule: DestinationRule | undefined, kind: ClusterKind = 'outbound',
): Cluster | undefined {
  const type = discoveryOf(service, view);
  if (type === undefined) return undefined;
  const { mesh, dialect } = view;
  const name = clusterName(kind, port.number, subset, service.hostname);
  const policy = policyFor(rule, port.number, subset, meshPolicy(mesh));
  const pool = poolOf(policy, mesh.model.config);
  const inline = type === Cluster_DiscoveryType.STRICT_DNS || type === Cluster_DiscoveryType.LOGICAL_DNS
    ? loadAssignment(view, service, port, subset, rule, kind) : undefined;
  if (inline !== undefined && inline.endpoints.length === 0) return undefined;
  const http2 = speaksHttp2(view, port, pool);
  const lb = balancing(view, policy, type, service);
  const sni = sniName(port.number, subset, service.hostname);
  const tls = kind === 'sni-dnat' ? NO_TLS : clientTransport({ view, service, port, tls: policy.tls, sni, http2, type: lb.type });
  const transport = withProxyProtocol(tls, policy.proxyProtocol);
  const panic = policy.outlierDetection?.minHealthPercent ?? 0;

  const discovery = type === Cluster_DiscoveryType.EDS
    ? { edsClusterConfig: { edsConfig: ADS, serviceName: name } }
    : inline !== undefined
      ? {
        loadAssignment: inline,
        dnsLookupFamily: Cluster_DnsLookupFamily.V4_ONLY,
        dnsRefreshRate: duration(mesh.model.config.dnsRefreshRateMs),
        dnsJitter: DNS_JITTER,
        respectDnsTtl: true,
        typedDnsResolverConfig: CARES_RESOLVER,
      }
      : {};
  return create(ClusterSchema, {
    name,
    altStatName: statName(mesh, 'outboundClusterStatName', name, { service, port, subset }),
    clusterDiscoveryType: { case: 'type', value: lb.type },
    ...(lb.type === type ? discovery : {}),
    connectTimeout: pool.connectTimeout,
    lbPolicy: lb.policy,
    lbConfig: lb.config ?? originalDst(type, port),
    commonLbConfig: { healthyPanicThreshold: { value: panic }, localityConfigSpecifier: lb.locality },
    circuitBreakers: pool.circuitBreakers,
    upstreamConnectionOptions: pool.connectionOptions,
    outlierDetection: outlierDetection(policy.outlierDetection),
    typedExtensionProtocolOptions: protocolOptions(view, port, pool, transport),
    transportSocket: transport.socket,
    transportSocketMatches: transport.matches,
    metadata: istioMetadata({ services: [service], subset, rule, external: service.meshExternal, alpnOverride: transport.ownAlpn }),
    filters: dialect.metadataExchange ? [tcpMetadataExchangeCluster] : [],
  });
}

function originalDst(type: Cluster_DiscoveryType, port: ServicePort): Init['lbConfig'] {
  if (type !== Cluster_DiscoveryType.ORIGINAL_DST || typeof port.targetPort !== 'number' || port.targetPort === port.number) return undefined;
  return { case: 'originalDstLbConfig', value: { upstreamPortOverride: port.targetPort } };
}
