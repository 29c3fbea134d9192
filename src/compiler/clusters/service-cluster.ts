import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { withProxyProtocol } from './proxy-protocol';
import { isIPv4 } from '../../model/addresses';
import { keepsSessions } from '../../model/service';
import type { Service, ServicePort } from '../../model/service';
import { duration } from '../../xds/duration';
import { Cluster_DiscoveryType, Cluster_DnsLookupFamily, ClusterSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { HealthStatus, HealthStatusSetSchema } from '../../xds/gen/envoy/config/core/v3/health_check_pb';
import * as literal from '../../xds/literals';
import { ADS } from '../dialect';
import { loadAssignments } from '../endpoints/assignment';
import type { PortSite } from '../endpoints/assignment';
import { preservesHeaderCase } from '../header-case';
import type { PolicyBlocks } from '../istio-api';
import { clusterName, sniName } from '../names';
import { CARES_RESOLVER, DNS_JITTER } from './dns';
import { protocolOptions, speaksHttp2 } from './protocol-options';
import { policyFor } from '../scope/traffic-policy';
import { clientTransport, NO_TLS } from '../security/client-tls';
import { tcpMetadataExchangeCluster } from '../telemetry/peer-metadata';
import type { View } from '../view';
import { poolOf } from './connection-pool';
import { balancing } from './load-balancing';
import { istioMetadata, listed } from './metadata';
import { outlierDetection } from './outlier-detection';
import { statName } from './stat-name';

type Init = MessageInitShape<typeof ClusterSchema>;

/** Whether connections go to all addresses of a name at once and the first that answers is kept. */
const racesAddresses = ({ registry, annotations }: Service): boolean => (
  registry === 'External' && annotations['istio.io/connect-strategy']?.toUpperCase() === 'RACE_FIRST_TCP_CONNECT');

/** How a service's cluster finds its addresses; undefined where there is no cluster at all (istio-behaviour A1, A4). */
export function discoveryOf(service: Service, view: View): Cluster_DiscoveryType | undefined {
  switch (service.resolution) {
    case 'client-side': return Cluster_DiscoveryType.EDS;
    case 'dns': return racesAddresses(service) ? Cluster_DiscoveryType.LOGICAL_DNS : Cluster_DiscoveryType.STRICT_DNS;
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
  const discovery = discoveryOf(service, view);
  if (discovery === undefined) return () => undefined;
  const type = startingType(view, site, discovery);
  const { mesh, dialect } = view;
  const byName = type === Cluster_DiscoveryType.STRICT_DNS || type === Cluster_DiscoveryType.LOGICAL_DNS;
  const assignments = byName ? loadAssignments(view, site, policy) : undefined;
  const pool = mesh.memo.get('pool', [policy.connectionPool, policy.retryBudget], () => poolOf(policy, mesh.model.config));
  const http2 = speaksHttp2(view, port, pool);
  const lb = balancing(view, policy, type, service);
  const transport = kind === 'sni-dnat' ? NO_TLS : withProxyProtocol(
    clientTransport({ view, service, port, subset: site.subsets[0], rule, tls: policy.tls, http2, type: lb.type }), policy.proxyProtocol);
  const services = listed([service]);

  // Most clusters of a mesh differ in a few fields only: the rest is made once and copied.
  const alike = mesh.memo.get('alikeClusters', [
    pool, policy.loadBalancer, policy.outlierDetection, type, lb.locality === undefined,
    port.protocol, ...type === Cluster_DiscoveryType.ORIGINAL_DST ? [service, port] : [], service.trafficDistribution,
    view.proxy.type, dialect.name, view.explicit === undefined, preservesHeaderCase(mesh, view.proxy), transport.autoSni, transport.autoSan,
  ], () => create(ClusterSchema, {
    clusterDiscoveryType: { case: 'type', value: lb.type },
    connectTimeout: pool.connectTimeout,
    lbPolicy: lb.policy,
    lbConfig: lb.config ?? originalDst(type, service, port),
    commonLbConfig: {
      healthyPanicThreshold: { value: service.trafficDistribution === undefined ? policy.outlierDetection?.minHealthPercent ?? 0 : 0 },
      localityConfigSpecifier: lb.locality,
    },
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
      edsClusterConfig: lb.type === Cluster_DiscoveryType.EDS ? literal.edsClusterConfig(ADS, name) : undefined,
      transportSocket: socket,
      transportSocketMatches: matches,
      metadata: istioMetadata({ services, subset, rule, external: service.meshExternal && subset === '', alpnOverride: ownAlpn(policy) }),
    });
    if (subset === '' && kind === 'outbound' && keepsSessions(service)) cluster.commonLbConfig = keepingSessions(cluster.commonLbConfig);
    if (byName) {
      // How names are looked up stays said where the caller's own address was chosen over them.
      cluster.loadAssignment = lb.type === type ? inline : undefined;
      cluster.dnsLookupFamily = racesAddresses(service) ? Cluster_DnsLookupFamily.ALL : lookupFamily(view);
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

const lookupFamily = ({ proxy }: View): Cluster_DnsLookupFamily => (
  proxy.ips.some(isIPv4) ? Cluster_DnsLookupFamily.V4_ONLY : Cluster_DnsLookupFamily.V6_ONLY);

/** A cluster begins as what its service is. One of a subset begins as the rule made the service's own, or as its own block says. */
function startingType(view: View, { port, subsets: [subset], rule }: PortSite, found: Cluster_DiscoveryType): Cluster_DiscoveryType {
  if (subset === '' || view.explicit !== undefined) return found;
  const own = rule?.subsets.find(({ name }) => name === subset)?.trafficPolicy?.loadBalancer?.simple;
  const passes = own === 'PASSTHROUGH' || policyFor(rule, port.number, '').loadBalancer?.simple === 'PASSTHROUGH';
  return passes ? Cluster_DiscoveryType.ORIGINAL_DST : found;
}

const ownAlpn = ({ tls }: PolicyBlocks): boolean => tls?.mode === 'SIMPLE' || tls?.mode === 'MUTUAL';

/** Health in which an endpoint may be chosen by the session that it holds: one that drains as well. */
const SESSION_STATUSES = create(HealthStatusSetSchema, {
  statuses: [HealthStatus.HEALTHY, HealthStatus.DRAINING, HealthStatus.UNKNOWN, HealthStatus.DEGRADED],
});

const keepingSessions = (config: Cluster['commonLbConfig']): Cluster['commonLbConfig'] => config && { ...config, overrideHostStatus: SESSION_STATUSES };

/** An entry may send what it passes through to another port; Pods behind a headless Service are dialled as they are. */
function originalDst(type: Cluster_DiscoveryType, { registry, resolution }: Service, port: ServicePort): Init['lbConfig'] {
  if (type !== Cluster_DiscoveryType.ORIGINAL_DST || registry !== 'External' || resolution !== 'passthrough') return undefined;
  if (typeof port.targetPort !== 'number') return undefined;
  return { case: 'originalDstLbConfig', value: { upstreamPortOverride: port.targetPort } };
}
