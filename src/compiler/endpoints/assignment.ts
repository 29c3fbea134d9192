import { create } from '@bufbuild/protobuf';
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { balanceLocalities, nodeLocal, weightOf } from './locality';
import { compare } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Endpoint, Service, ServicePort } from '../../model/service';
import type { AddressSchema } from '../../xds/gen/envoy/config/core/v3/address_pb';
import { LocalitySchema } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { HealthStatus } from '../../xds/gen/envoy/config/core/v3/health_check_pb';
import { LbEndpointSchema, LocalityLbEndpointsSchema } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { LbEndpoint } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import { ClusterLoadAssignmentSchema } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { ClusterLoadAssignment } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { clusterLocal } from '../cluster-local';
import type { ClientTls, PolicyBlocks } from '../istio-api';
import { clusterName } from '../names';
import type { ClusterKind } from '../names';
import { acrossNetworks } from '../networks';
import type { DestinationRule } from '../scope/destination-rules';
import type { View } from '../view';

const HEALTH: Readonly<Record<string, HealthStatus>> = {
  HEALTHY: HealthStatus.HEALTHY, UNHEALTHY: HealthStatus.UNHEALTHY, DRAINING: HealthStatus.DRAINING,
};

/** One port of a service, or one subset of it, with the policy in force there. */
export interface PolicyAt {
  readonly port: ServicePort;
  /** `''` for all of the service. */
  readonly subset: string;
  readonly policy: PolicyBlocks;
}

/** What one outbound cluster is about. */
export interface ClusterSite extends PolicyAt {
  readonly service: Service;
  readonly rule: DestinationRule | undefined;
  readonly kind: ClusterKind;
}

// Messages begin as copies of these: a mesh has thousands of each.
const ASSIGNMENT = create(ClusterLoadAssignmentSchema);
const LOCALITY_ENDPOINTS = create(LocalityLbEndpointsSchema);
const LOCALITY = create(LocalitySchema);

/** Endpoints of one outbound cluster, by locality (istio-behaviour D8). A missing service or port gives an empty assignment, never an error. */
export function loadAssignment(view: View, site: ClusterSite): ClusterLoadAssignment {
  const { service, port, subset, policy, kind } = site;
  // What cannot answer mutual TLS is of no use to a connection that is passed on unread.
  const endpoints = endpointsFor(view, site).filter(endpoint => kind === 'outbound' || speaksMtls(view, endpoint, policy.tls));
  const byLocality = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const list = byLocality.get(endpoint.locality);
    if (list === undefined) byLocality.set(endpoint.locality, [endpoint]);
    else list.push(endpoint);
  }
  const groups = [...byLocality].sort(([a], [b]) => compare(a, b)).map(([locality, list]) => {
    // A name leads wherever its resolver says: only what EDS tells can be exchanged for a gateway.
    const reached = service.resolution === 'client-side' ? acrossNetworks(view, list, endpoint => speaksMtls(view, endpoint, policy.tls)) : list;
    return { locality, endpoints: reached, priority: 0, weight: weightOf(reached) };
  });
  return {
    ...ASSIGNMENT,
    clusterName: clusterName(kind, port.number, subset, service.hostname),
    endpoints: balanceLocalities(view, policy, service, groups).map(group => ({
      ...LOCALITY_ENDPOINTS,
      locality: { ...LOCALITY, ...localityMessage(group.locality) },
      lbEndpoints: group.endpoints.map(endpoint => lbEndpoint(endpoint, speaksMtls(view, endpoint, policy.tls))),
      // Envoy has no weight of zero.
      loadBalancingWeight: group.weight === 0 ? undefined : group.weight,
      priority: group.priority,
    })),
  };
}

/** Endpoints of the subset that this proxy may use. */
function endpointsFor(view: View, { service, port, subset, rule, policy }: ClusterSite): readonly Endpoint[] {
  const all = view.mesh.model.endpointsOf(service, port.name);
  const labels = subset === '' ? undefined : rule?.subsets.find(candidate => candidate.name === subset)?.labels;
  const minHealth = policy.outlierDetection?.minHealthPercent ?? 0;
  const node = nodeLocal(service) ? view.proxy.metadata.NODE_NAME ?? '' : undefined;
  const isolated = clusterLocal(view.mesh, service.hostname);
  const kept = all.filter(endpoint => selects(labels ?? {}, endpoint.labels)
    && (minHealth <= 0 || endpoint.health !== 'UNHEALTHY')
    && (!isolated || endpoint.clusterId === view.proxy.clusterId)
    && (node === undefined || (node !== '' && endpoint.nodeName === node)));
  // DNS_ROUND_ROBIN knows one address only.
  return service.resolution === 'dns-round-robin' ? kept.slice(0, 1) : kept;
}

/** An endpoint is the same message in every subset and to everybody, but for its TLS. */
const messages = { plain: new WeakMap<Endpoint, LbEndpoint>(), mtls: new WeakMap<Endpoint, LbEndpoint>() };

function lbEndpoint(endpoint: Endpoint, mtls: boolean): LbEndpoint {
  const made = messages[mtls ? 'mtls' : 'plain'];
  let message = made.get(endpoint);
  if (message === undefined) {
    const filterMetadata: Record<string, JsonObject> = { istio: { workload: workloadText(endpoint) } };
    if (mtls) filterMetadata['envoy.transport_socket_match'] = { tlsMode: 'istio' };
    message = create(LbEndpointSchema, {
      hostIdentifier: { case: 'endpoint', value: { address: addressMessage(endpoint.address, endpoint.port) } },
      healthStatus: endpoint.health === undefined ? HealthStatus.UNKNOWN : HEALTH[endpoint.health],
      metadata: { filterMetadata },
      loadBalancingWeight: endpoint.weight,
    });
    made.set(endpoint, message);
  }
  return message;
}

function speaksMtls(view: View, endpoint: Endpoint, tls: ClientTls | undefined): boolean {
  if (endpoint.leadsElsewhere === true) return true;
  if (endpoint.tlsMode !== 'istio') return false;
  if (tls !== undefined) return tls.mode === 'ISTIO_MUTUAL';
  return view.mesh.peerAuthentications.ofWorkload(endpoint.namespace, endpoint.labels, endpoint.port) !== 'DISABLE';
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
  if (address.startsWith('unix://')) return { address: { case: 'pipe', value: { path: address.slice('unix://'.length) } } };
  return { address: { case: 'socketAddress', value: { address, portSpecifier: { case: 'portValue', value: port } } } };
}

export function localityMessage(locality: string): { region: string; zone: string; subZone: string } {
  const [region = '', zone = '', ...rest] = locality.split('/');
  return { region, zone, subZone: rest.join('/') };
}
