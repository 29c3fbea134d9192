import type { IConstruct } from 'constructs';
import type { EgressPolicy } from './egress-policy';
import type { GatewayWorkload } from './gateway-workload';
import type { IstioVersion } from './istio-version';
import type { MtlsMode } from './mtls-mode';

/** Properties of `Mesh.fromExisting()`: what somebody installed. */
export interface ExistingMeshProps {
  /**
   * Istio that runs there.
   * @default IstioVersion.V1_31
   */
  readonly istioVersion?: IstioVersion;
  /**
   * Namespace whose policies are the whole mesh's: MeshConfig's `rootNamespace`.
   * @default 'istio-system'
   */
  readonly rootNamespace?: string;
  /**
   * Trust domain of the identities: MeshConfig's `trustDomain`. Policies that this library renders need it nowhere, as `cluster.local` means every
   * mesh's own to Istio; simulated certificates carry it.
   * @default 'cluster.local'
   */
  readonly trustDomain?: string;
  /**
   * DNS domain of the cluster, with which names of services end. Such a Mesh must be made before what addresses services in full.
   * @default 'cluster.local'
   */
  readonly domain?: string;
  /**
   * Revision of the control plane. Pods of gateways carry it as the label `istio.io/rev`, and `inject()` injects for it. Such a Mesh must be made before gateways.
   * @default - the default revision
   */
  readonly revision?: string;
  /**
   * Which connections sidecars accept where no policy here says anything else.
   * @default MtlsMode.PERMISSIVE, Istio's own default
   */
  readonly mtls?: MtlsMode;
  /**
   * What sidecars do with requests to hosts that the mesh does not know: MeshConfig's `outboundTrafficPolicy.mode`.
   * @default EgressPolicy.ALLOW_ANY, Istio's own default
   */
  readonly egress?: EgressPolicy;
  /**
   * Pods of the gateway in, by their labels: `GatewayWorkload.existing()`.
   * @default - pods with the label istio=ingressgateway
   */
  readonly ingressGateway?: GatewayWorkload;
  /**
   * Pods of the gateway out, by their labels and the name of their Service: `GatewayWorkload.existing()`.
   * @default - pods with the label istio=egressgateway, behind `istio-egressgateway` of the root namespace
   */
  readonly egressGateway?: GatewayWorkload;
  /**
   * The rest of MeshConfig, as the key `mesh` of the ConfigMap `istio` has it; synthesis checks against it and MeshTesting simulates it.
   * @default - that of Istio's default installation
   */
  readonly meshConfig?: { [key: string]: any };
  /**
   * Whether routes carry the annotation `argocd.argoproj.io/sync-wave`, as with a Mesh of one's own.
   * @default false
   */
  readonly syncWaves?: boolean;
  /**
   * What is checked together: every manifest below this construct.
   * @default - the scope of the Mesh: the chart that it is in, or the app
   */
  readonly checks?: IConstruct;
  /**
   * Name of the ConfigMap with the MeshConfig that constructs of this mesh ask for, as with a Mesh of one's own.
   * @default 'istio-cdk8s-mesh'
   */
  readonly meshConfigName?: string;
}
