import type { CompiledProxy } from '../../../src/compiler/compiled-proxy';
import { ClusterSchema, Cluster_DiscoveryType } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import { SecretSchema } from '../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { Secret } from '../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { XdsType } from '../xds-types';
import { encodeResource } from './encoded';
import type { EncodedResource } from './encoded';

/** Resources of one type by name, in the order they are sent. */
export type ResourceSet = ReadonlyMap<string, EncodedResource>;

/** Everything one proxy should have, ready for the wire. */
export type Snapshot = Readonly<Record<XdsType, ResourceSet>>;

export const EMPTY_SNAPSHOT: Snapshot = { CDS: new Map(), EDS: new Map(), LDS: new Map(), RDS: new Map(), SDS: new Map() };

export function snapshotOf(compiled: CompiledProxy, secrets: readonly Secret[] = []): Snapshot {
  return {
    CDS: byName(compiled.clusters.map(cluster => encodeResource(ClusterSchema, cluster, cluster.name, edsNameOf(cluster)))),
    EDS: byName(compiled.endpoints.map(assignment => encodeResource(ClusterLoadAssignmentSchema, assignment, assignment.clusterName))),
    LDS: byName(compiled.listeners.map(listener => encodeResource(ListenerSchema, listener, listener.name))),
    RDS: byName(compiled.routes.map(route => encodeResource(RouteConfigurationSchema, route, route.name))),
    SDS: byName(secrets.map(secret => encodeResource(SecretSchema, secret, secret.name))),
  };
}

function byName(resources: readonly EncodedResource[]): ResourceSet {
  return new Map(resources.map(resource => [resource.name, resource]));
}

function edsNameOf(cluster: Cluster): string | undefined {
  const { clusterDiscoveryType: kind } = cluster;
  if (kind.case !== 'type' || kind.value !== Cluster_DiscoveryType.EDS) return undefined;
  return cluster.edsClusterConfig?.serviceName || cluster.name;
}
