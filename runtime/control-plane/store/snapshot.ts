import type { CompiledProxy } from '../../../src/compiler/compiled-proxy';
import { ClusterSchema, Cluster_DiscoveryType } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '../../../src/xds/gen/envoy/config/core/v3/extension_pb';
import { ClusterLoadAssignmentSchema } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { ClusterLoadAssignment } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { SecretSchema } from '../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { Secret } from '../../../src/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { NameTableSchema } from '../../../src/xds/gen/istio/networking/nds/v1/nds_pb';
import type { XdsType } from '../xds-types';
import { encodeResource, encodeRoutes } from './encoded';
import type { EncodedResource } from './encoded';

/** Resources of one type by name, in the order they are sent. */
export type ResourceSet = ReadonlyMap<string, EncodedResource>;

/** Everything one proxy should have, ready for the wire. */
export type Snapshot = Readonly<Record<XdsType, ResourceSet>>;

export const EMPTY_SNAPSHOT: Snapshot = {
  CDS: new Map(), EDS: new Map(), LDS: new Map(), RDS: new Map(), SDS: new Map(), ECDS: new Map(), NDS: new Map(),
};

export function snapshotOf(compiled: CompiledProxy, secrets: readonly Secret[] = []): Snapshot {
  return {
    CDS: byName(compiled.clusters.map(cluster => encodeResource(ClusterSchema, cluster, cluster.name, edsNameOf(cluster)))),
    EDS: endpointsByName(compiled.endpoints),
    LDS: byName(compiled.listeners.map(listener => encodeResource(ListenerSchema, listener, listener.name))),
    RDS: byName(compiled.routes.map(route => encodeRoutes(route))),
    SDS: byName(secrets.map(secret => encodeResource(SecretSchema, secret, secret.name))),
    ECDS: byName((compiled.extensions ?? []).map(extension => encodeResource(TypedExtensionConfigSchema, extension, extension.name))),
    // Only Istio's agents ask for it.
    get NDS() {
      const table = compiled.names?.();
      return byName(table === undefined ? [] : [encodeResource(NameTableSchema, table, '')]);
    },
  };
}

const endpointSets = new WeakMap<readonly ClusterLoadAssignment[], ResourceSet>();

/** Proxies of one scope have one list of assignments, the longest of all. */
function endpointsByName(assignments: readonly ClusterLoadAssignment[]): ResourceSet {
  let set = endpointSets.get(assignments);
  if (set === undefined) {
    set = byName(assignments.map(assignment => encodeResource(ClusterLoadAssignmentSchema, assignment, assignment.clusterName)));
    endpointSets.set(assignments, set);
  }
  return set;
}

function byName(resources: readonly EncodedResource[]): ResourceSet {
  return new Map(resources.map(resource => [resource.name, resource]));
}

function edsNameOf(cluster: Cluster): string | undefined {
  const { clusterDiscoveryType: kind } = cluster;
  if (kind.case !== 'type' || kind.value !== Cluster_DiscoveryType.EDS) return undefined;
  return cluster.edsClusterConfig?.serviceName || cluster.name;
}
