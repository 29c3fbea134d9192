import type { Cluster } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { TypedExtensionConfig } from '../xds/gen/envoy/config/core/v3/extension_pb';
import type { ClusterLoadAssignment } from '../xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Listener } from '../xds/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '../xds/gen/envoy/config/route/v3/route_pb';
import type { NameTable } from '../xds/gen/istio/networking/nds/v1/nds_pb';

/**
 * All that one proxy is sent, as Envoy's own messages in the order Istio sends them.
 * Messages are shared by identity between proxies wherever their content is the same; nobody may change one.
 */
export interface CompiledProxy {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  /** Those that `clusters` begins with, where all proxies of a scope have them as one list. */
  readonly sharedClusters?: readonly Cluster[];
  /** Every route configuration that a listener asks for by RDS. */
  readonly routes: readonly RouteConfiguration[];
  /** One assignment for every cluster of type EDS. */
  readonly endpoints: readonly ClusterLoadAssignment[];
  /** Configurations of filters that listeners ask for by ECDS; absent where there are none. */
  readonly extensions?: readonly TypedExtensionConfig[];
  /** What Istio's agent resolves names by; absent for gateways. Made when it is asked for: few do. */
  readonly names?: () => NameTable;
  /** Names of the SDS secrets that listeners and clusters refer to, sorted. */
  readonly secrets: readonly string[];
}
