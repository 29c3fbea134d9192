import type { ServiceType } from 'cdk8s-plus-27';
import { guarded } from './private/arguments';
import { meshError } from './private/errors';
import { requireLabels } from './private/text';

/** Options of `GatewayWorkload.deployed()`. */
export interface DeployedGatewayOptions {
  /**
   * Number of pods.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * How the gateway is reached from outside. Renders `Service.spec.type`.
   * @default kplus.ServiceType.LOAD_BALANCER for a door into the mesh, CLUSTER_IP for one out of it
   */
  readonly serviceType?: ServiceType;
  /**
   * Whether each port is opened on the node that a pod runs on, for clusters without a load balancer. There can be one pod per node then.
   * @default false
   */
  readonly hostPorts?: boolean;
}

/** Options of `GatewayWorkload.existing()`. */
export interface ExistingGatewayOptions {
  /**
   * DNS name of the Service in front of the pods, e.g. `istio-egressgateway.istio-system.svc.cluster.local`; needed for an EgressGateway.
   * @default - none
   */
  readonly serviceHost?: string;
}

/** The pods that a gateway's configuration is for. */
export class GatewayWorkload {
  /** Its own Deployment, Service and ServiceAccount, whose proxy container Istio's injector fills in (template `gateway`). */
  public static deployed(options: DeployedGatewayOptions = {}): GatewayWorkload { return new GatewayWorkload(undefined, options); }
  /** Pods with these labels, which run already, e.g. `{ istio: 'ingressgateway' }`. Throws MESH_SELECTOR_EMPTY for `{}`, which means every gateway, MESH_LABEL_INVALID. */
  public static existing(labels: { [name: string]: string }, options: ExistingGatewayOptions = {}): GatewayWorkload {
    if (Object.keys(labels).length === 0) {
      throw meshError(undefined, 'MESH_SELECTOR_EMPTY', 'labels must have at least one label, got {}; Istio would configure every gateway of the mesh');
    }
    return new GatewayWorkload(requireLabels(undefined, 'labels', labels), {}, options.serviceHost);
  }

  private constructor(
    /** @internal */ public readonly _labels: { [name: string]: string } | undefined,
    /** @internal */ public readonly _options: DeployedGatewayOptions,
    /** @internal */ public readonly _serviceHost?: string) {}
}

guarded('GatewayWorkload', GatewayWorkload);
