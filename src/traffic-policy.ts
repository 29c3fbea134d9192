import type { ClientTls } from './client-tls';
import type { ConnectionPool } from './connection-pool';
import type { LoadBalancing } from './load-balancing';
import type { Locality } from './locality';
import type { OutlierDetection, RetryBudget } from './resilience';

/**
 * How callers treat a service, one of its ports, or one version of it. Renders `trafficPolicy` of the service's DestinationRule.
 * What a port does not set it has from the service, what a version does not set it has from the port: the rendered blocks are complete, since
 * Istio itself takes nothing over from the service where a port has a policy.
 */
export interface TrafficPolicyProps {
  /**
   * How a caller chooses among the endpoints. Renders `loadBalancer`.
   * @default - the mesh's own, which in Istio is least request
   */
  readonly loadBalancing?: LoadBalancing;
  /**
   * Limits of connections and requests. Renders `connectionPool`.
   * @default - no limits but Istio's connect timeout of 10 s
   */
  readonly connectionPool?: ConnectionPool;
  /**
   * When endpoints that fail get no requests for a while. Needs a choice of `locality`, since in Istio it would silently switch locality failover on
   * (MESH_LOCALITY_UNDECIDED). Renders `outlierDetection`.
   * @default - never
   */
  readonly outlierDetection?: OutlierDetection;
  /**
   * What the places of caller and endpoints mean. Renders `loadBalancer.localityLbSetting`.
   * @default - nothing
   */
  readonly locality?: Locality;
  /**
   * TLS that callers' proxies speak. Renders `tls`.
   * @default - mutual TLS where both sides have a sidecar
   */
  readonly tls?: ClientTls;
  /**
   * How many retries may be under way. Not for a port, as Istio has none there. Renders `retryBudget`.
   * @default - no limit but that of connectionPool
   */
  readonly retryBudget?: RetryBudget;
}
