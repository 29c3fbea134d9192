import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { withProxyProtocol } from './proxy-protocol';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { Cluster_DiscoveryType, Cluster_DnsLookupFamily, ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import * as literal from '../../xds/literals';
import { ADS } from '../dialect';
import { loadAssignments } from '../endpoints/assignment';
import type { PortSite } from '../endpoints/assignment';
import { clusterName, sniName } from '../names';
import { CARES_RESOLVER, DNS_JITTER } from './dns';
import { protocolOptions, speaksHttp2 } from './protocol-options';
import { clientTransport, NO_TLS } from '../security/client-tls';
import { tcpMetadataExchangeCluster } from '../telemetry/peer-metadata';
import type { View } from '../view';
import { poolOf } from './connection-pool';
import { balancing } from './load-balancing';
import { istioMetadata, listed } from './metadata';
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

/**
 * Makes the clusters of a service port in which one policy is in force, by subset (`''` for all of the service). Undefined where nothing is sent:
 * no address for a DNS cluster.
 */
export function clustersAt(view: View, site: PortSite): (subset: string) => Cluster | undefined {
  const { service, port, policy, rule, kind } = site;
  const type = discoveryOf(service, view);
  if (type === undefined) return () => undefined;
  const { mesh, dialect } = view;
  const byName = type === Cluster_DiscoveryType.STRICT_DNS || type === Cluster_DiscoveryType.LOGICAL_DNS;
  const assignments = byName ? loadAssignments(view, site) : undefined;
  const pool = mesh.memo.get('pool', [policy.connectionPool, policy.retryBudget], () => poolOf(policy, mesh.model.config));
  const http2 = speaksHttp2(view, port, pool);
  const lb = balancing(view, policy, type, service);
  const tls = kind === 'sni-dnat' ? NO_TLS : clientTransport({ view, service, port, tls: policy.tls, http2, type: lb.type });
  const transport = withProxyProtocol(tls, policy.proxyProtocol);
  const services = listed([service]);

  // Most clusters of a mesh differ in a few fields only: the rest is made once and copied.
  const alike = mesh.memo.get('alikeClusters', [
    pool, policy.loadBalancer, policy.outlierDetection, type, lb.locality === undefined,
    port.protocol, type === Cluster_DiscoveryType.ORIGINAL_DST && port,
    view.proxy.type, dialect.name, view.explicit === undefined, transport.autoSni, transport.autoSan,
  ], () => create(ClusterSchema, {
    clusterDiscoveryType: { case: 'type', value: lb.type },
    connectTimeout: pool.connectTimeout,
    lbPolicy: lb.policy,
    lbConfig: lb.config ?? originalDst(type, service, port),
    commonLbConfig: { healthyPanicThreshold: { value: policy.outlierDetection?.minHealthPercent ?? 0 }, localityConfigSpecifier: lb.locality },
    circuitBreakers: pool.circuitBreakers,
    upstreamConnectionOptions: pool.connectionOptions,
    outlierDetection: outlierDetection(policy.outlierDetection),
    typedExtensionProtocolOptions: protocolOptions(view, port, pool, transport),
    filters: dialect.metadataExchange ? [tcpMetadataExchangeCluster] : [],
  }));
  return (subset) => {
    const name = clusterName(kind, port.number, subset, service.hostname);
    const inline = assignments?.(subset);
    if (inline !== undefined && inline.endpoints.length === 0) return undefined;
    const { socket, matches } = transport.sockets(sniName(port.number, subset, service.hostname));
    const cluster = clusterLike(alike, {
      name,
      altStatName: statName(mesh, 'outboundClusterStatName', name, { service, port, subset }),
      edsClusterConfig: type === Cluster_DiscoveryType.EDS && lb.type === type ? literal.edsClusterConfig(ADS, name) : undefined,
      transportSocket: socket,
      transportSocketMatches: matches,
      metadata: istioMetadata({ services, subset, rule, external: service.meshExternal, alpnOverride: transport.ownAlpn }),
    });
    if (lb.type === type && inline !== undefined) {
      cluster.loadAssignment = inline;
      cluster.dnsLookupFamily = Cluster_DnsLookupFamily.V4_ONLY;
      cluster.dnsRefreshRate = duration(mesh.model.config.dnsRefreshRateMs);
      cluster.dnsJitter = DNS_JITTER;
      cluster.respectDnsTtl = true;
      cluster.typedDnsResolverConfig = CARES_RESOLVER;
    }
    return cluster;
  };
}

/** A cluster with some fields of its own. Written out: an object put together from one of so many fields takes ten times as long. */
function clusterLike(
  alike: Cluster, own: Pick<Cluster, 'name' | 'altStatName' | 'edsClusterConfig' | 'transportSocket' | 'transportSocketMatches' | 'metadata'>,
): Cluster {
  return {
    $typeName: alike.$typeName,
    name: own.name,
    altStatName: own.altStatName,
    clusterDiscoveryType: alike.clusterDiscoveryType,
    edsClusterConfig: own.edsClusterConfig,
    connectTimeout: alike.connectTimeout,
    lbPolicy: alike.lbPolicy,
    loadAssignment: undefined,
    healthChecks: alike.healthChecks,
    circuitBreakers: alike.circuitBreakers,
    typedExtensionProtocolOptions: alike.typedExtensionProtocolOptions,
    respectDnsTtl: alike.respectDnsTtl,
    dnsLookupFamily: alike.dnsLookupFamily,
    dnsResolvers: alike.dnsResolvers,
    useTcpForDnsLookups: alike.useTcpForDnsLookups,
    outlierDetection: alike.outlierDetection,
    lbConfig: alike.lbConfig,
    commonLbConfig: alike.commonLbConfig,
    transportSocket: own.transportSocket,
    transportSocketMatches: own.transportSocketMatches,
    metadata: own.metadata,
    protocolSelection: alike.protocolSelection,
    upstreamConnectionOptions: alike.upstreamConnectionOptions,
    closeConnectionsOnHostHealthFailure: alike.closeConnectionsOnHostHealthFailure,
    ignoreHealthOnHostRemoval: alike.ignoreHealthOnHostRemoval,
    filters: alike.filters,
    lrsReportEndpointMetrics: alike.lrsReportEndpointMetrics,
    trackTimeoutBudgets: alike.trackTimeoutBudgets,
    connectionPoolPerDownstreamConnection: alike.connectionPoolPerDownstreamConnection,
  };
}

/** An entry may send what it passes through to another port; Pods behind a headless Service are dialled as they are. */
function originalDst(type: Cluster_DiscoveryType, { registry }: Service, port: ServicePort): Init['lbConfig'] {
  if (type !== Cluster_DiscoveryType.ORIGINAL_DST || registry === 'Kubernetes' || typeof port.targetPort !== 'number' || port.targetPort === port.number) return undefined;
  return { case: 'originalDstLbConfig', value: { upstreamPortOverride: port.targetPort } };
}
