import { create } from '@bufbuild/protobuf';
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { localityBalance, nodeLocal, weightOf } from './locality';
import { groupBy } from '../../model/group-by';
import { compare } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Endpoint, Service, ServicePort } from '../../model/service';
import type { AddressSchema } from '../../xds/gen/envoy/config/core/v3/address_pb';
import type { Locality } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { HealthStatus } from '../../xds/gen/envoy/config/core/v3/health_check_pb';
import { LbEndpointSchema } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { LbEndpoint } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { ClusterLoadAssignment } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import * as literal from '../../xds/literals';
import { clusterLocal } from '../cluster-local';
import type { ClientTls, PolicyBlocks } from '../istio-api';
import { clusterName } from '../names';
import type { ClusterKind } from '../names';
import { acrossNetworks } from '../networks';
import type { DestinationRule } from '../scope/destination-rules';
import { endpointTls } from '../scope/traffic-policy';
import type { View } from '../view';

const HEALTH: Readonly<Record<string, HealthStatus>> = {
  HEALTHY: HealthStatus.HEALTHY, UNHEALTHY: HealthStatus.UNHEALTHY, DRAINING: HealthStatus.DRAINING,
};

/** The subsets of a service port in which one policy is in force. */
export interface PolicyAt {
  readonly port: ServicePort;
  readonly policy: PolicyBlocks;
  /** The same without what MeshConfig says of every cluster: endpoints that are sent apart do not know it. */
  readonly rulePolicy: PolicyBlocks;
  /** `''` for all of the service. */
  readonly subsets: readonly string[];
}

/** What outbound clusters of one port and policy are about. */
export interface PortSite extends PolicyAt {
  readonly service: Service;
  readonly rule: DestinationRule | undefined;
  readonly kind: ClusterKind;
}

/**
 * Makes the assignments of outbound clusters by subset: endpoints by locality (istio-behaviour D8). A missing service or port gives an empty one,
 * never an error.
 */
export function loadAssignments(view: View, site: PortSite, policy = site.rulePolicy): (subset: string) => ClusterLoadAssignment {
  const { service, port, rule, kind } = site;
  const usable = usableEndpoints(view, site);
  const balanced = localityBalance(view, policy, service);
  const speaksMtls = mtlsSpeakers(view, endpointTls(rule, port.number, site.subsets[0]));
  return (subset) => {
    const labels = subset === '' ? undefined : rule?.subsets.find(candidate => candidate.name === subset)?.labels;
    const selected = labels === undefined ? usable : usable.filter(endpoint => selects(labels, endpoint.labels));
    // DNS_ROUND_ROBIN knows one address only.
    const known = service.resolution === 'dns-round-robin' ? selected.slice(0, 1) : selected;
    // What cannot answer mutual TLS is of no use to a connection that is passed on unread.
    const endpoints = kind === 'outbound' ? known : known.filter(speaksMtls);
    const groups = byLocality(endpoints).map((own) => {
      // A name leads wherever its resolver says: only what EDS tells can be exchanged for a gateway.
      const reached = service.resolution === 'client-side' ? acrossNetworks(view, own, speaksMtls) : own;
      return { locality: own[0].locality, endpoints: reached, priority: 0, weight: weightOf(reached) };
    });
    const name = clusterName(kind, port.number, subset, service.hostname);
    return literal.clusterLoadAssignment(name, balanced(groups).map(group => literal.localityLbEndpoints({
      locality: localityMessage(view, group.locality),
      lbEndpoints: group.endpoints.map(endpoint => lbEndpoint(endpoint, speaksMtls(endpoint))),
      // Envoy has no weight of zero.
      loadBalancingWeight: group.weight === 0 ? undefined : group.weight,
      priority: group.priority,
    })));
  };
}

/** Endpoints that this proxy may use. */
function usableEndpoints(view: View, { service, port, rulePolicy }: PortSite): readonly Endpoint[] {
  const all = view.mesh.model.endpointsOf(service, port.name);
  // Who asks for close endpoints has to see which are unwell.
  const minHealth = service.trafficDistribution === undefined ? rulePolicy.outlierDetection?.minHealthPercent ?? 0 : 0;
  const node = nodeLocal(service) ? view.proxy.metadata.NODE_NAME ?? '' : undefined;
  const isolated = clusterLocal(view.mesh, service.hostname);
  if (minHealth <= 0 && node === undefined && !isolated) return all;
  return all.filter(endpoint => (minHealth <= 0 || endpoint.health !== 'UNHEALTHY')
    && (!isolated || endpoint.clusterId === view.proxy.clusterId)
    // Of what is no Pod nobody knows the node; a caller that does not say where it is takes those.
    && (node === undefined || (endpoint.nodeName ?? '') === node));
}

/** Endpoints of each locality, in its order. */
function byLocality(endpoints: readonly Endpoint[]): readonly (readonly Endpoint[])[] {
  if (endpoints.length === 0) return [];
  // Mostly there is one.
  const [{ locality }] = endpoints;
  if (endpoints.every(endpoint => endpoint.locality === locality)) return [endpoints];
  return [...groupBy(endpoints, endpoint => endpoint.locality)].sort(([a], [b]) => compare(a, b)).map(([, group]) => group);
}

/** An endpoint is the same message in every subset and to everybody, but for its TLS. */
const messages = { plain: new WeakMap<Endpoint, LbEndpoint>(), mtls: new WeakMap<Endpoint, LbEndpoint>() };

function lbEndpoint(endpoint: Endpoint, mtls: boolean): LbEndpoint {
  const made = messages[mtls ? 'mtls' : 'plain'];
  let message = made.get(endpoint);
  if (message === undefined) made.set(endpoint, message = endpointMessage(endpoint, mtls));
  return message;
}

function endpointMessage(endpoint: Endpoint, mtls: boolean): LbEndpoint {
  const { address, port, weight } = endpoint;
  const filterMetadata: Record<string, JsonObject> = { istio: { workload: workloadText(endpoint) } };
  if (mtls) filterMetadata['envoy.transport_socket_match'] = { tlsMode: 'istio' };
  const common = {
    healthStatus: endpoint.health === undefined ? HealthStatus.UNKNOWN : HEALTH[endpoint.health],
    metadata: literal.metadata(filterMetadata),
    loadBalancingWeight: weight,
  };
  return isPipe(address) ? create(LbEndpointSchema, { ...common, hostIdentifier: { case: 'endpoint', value: { address: addressMessage(address, port) } } })
    : literal.lbEndpoint({ ...common, address, port });
}

function mtlsSpeakers(view: View, tls: ClientTls | undefined): (endpoint: Endpoint) => boolean {
  return (endpoint) => {
    if (endpoint.leadsElsewhere === true) return true;
    if (endpoint.tlsMode !== 'istio') return false;
    if (tls !== undefined) return tls.mode === 'ISTIO_MUTUAL';
    return view.mesh.peerAuthentications.ofWorkload(endpoint.namespace, endpoint.labels, endpoint.port) !== 'DISABLE';
  };
}

/** `workload;namespace;canonical name;canonical revision;cluster`; the revision `latest` is written as nothing. */
function workloadText(endpoint: Endpoint): string {
  const { labels } = endpoint;
  const name = labels['service.istio.io/canonical-name'] ?? labels['app.kubernetes.io/name'] ?? labels.app ?? endpoint.workloadName;
  const revision = labels['service.istio.io/canonical-revision'] ?? labels['app.kubernetes.io/version'] ?? labels.version ?? 'latest';
  return [endpoint.workloadName, endpoint.namespace, name, revision === 'latest' ? '' : revision, endpoint.clusterId].join(';');
}

/** Address of an endpoint: `unix://…` is a pipe. */
export function addressMessage(address: string, port: number): MessageInitShape<typeof AddressSchema> {
  if (isPipe(address)) return { address: { case: 'pipe', value: { path: address.slice('unix://'.length) } } };
  return { address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } } };
}

const isPipe = (address: string): boolean => address.startsWith('unix://');

function localityMessage({ mesh }: View, locality: string): Locality {
  return mesh.memo.get('locality', [locality], () => {
    const [region = '', zone = '', ...rest] = locality.split('/');
    return literal.locality(region, zone, rest.join('/'));
  });
}
