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
import { joined, setOf, setOfList } from './resource-set';
import type { ResourceSet } from './resource-set';

/** Everything one proxy should have, ready for the wire. */
export type Snapshot = Readonly<Record<XdsType, ResourceSet>>;

export const EMPTY_SNAPSHOT: Snapshot = {
  CDS: new Map(), EDS: new Map(), LDS: new Map(), RDS: new Map(), SDS: new Map(), ECDS: new Map(), NDS: new Map(),
};

export function snapshotOf(compiled: CompiledProxy, secrets: readonly Secret[] = []): Snapshot {
  const { clusters, sharedClusters = [] } = compiled;
  return {
    CDS: joined(setOfList(clusterSets, sharedClusters, encodeCluster), setOf(clusters.slice(sharedClusters.length).map(encodeCluster))),
    // Proxies of one scope have one list of assignments, the longest of all.
    EDS: setOfList(endpointSets, compiled.endpoints, assignment => encodeResource(ClusterLoadAssignmentSchema, assignment, assignment.clusterName)),
    LDS: setOf(compiled.listeners.map(listener => encodeResource(ListenerSchema, listener, listener.name))),
    RDS: setOf(compiled.routes.map(route => encodeRoutes(route))),
    SDS: setOf(secrets.map(secret => encodeResource(SecretSchema, secret, secret.name))),
    ECDS: setOf((compiled.extensions ?? []).map(extension => encodeResource(TypedExtensionConfigSchema, extension, extension.name))),
    // Only Istio's agents ask for it.
    get NDS() {
      const table = compiled.names?.();
      return setOf(table === undefined ? [] : [encodeResource(NameTableSchema, table, '')]);
    },
  };
}

const clusterSets = new WeakMap<readonly Cluster[], ResourceSet>();
const endpointSets = new WeakMap<readonly ClusterLoadAssignment[], ResourceSet>();

const encodeCluster = (cluster: Cluster) => encodeResource(ClusterSchema, cluster, cluster.name, edsNameOf(cluster));

function edsNameOf(cluster: Cluster): string | undefined {
  const { clusterDiscoveryType: kind } = cluster;
  if (kind.case !== 'type' || kind.value !== Cluster_DiscoveryType.EDS) return undefined;
  return cluster.edsClusterConfig?.serviceName || cluster.name;
}
