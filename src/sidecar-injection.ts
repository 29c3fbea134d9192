/** Which workloads get a sidecar. */
export enum InjectionSelection {
  /** All but those that decline by `sidecar.istio.io/inject: "false"`, as `istioctl kube-inject` has it. */
  ALL = 'all',
  /** Those which their own labels, or those of their Namespace in the same app, ask one for, as the webhook on a cluster has it. */
  BY_LABELS = 'labels',
}

/** Options of `Mesh.inject()`. */
export interface SidecarInjectionOptions {
  /**
   * Which workloads get a sidecar.
   * @default InjectionSelection.ALL
   */
  readonly selection?: InjectionSelection;
  /**
   * Whether the proxy is an init container that stays (Kubernetes 1.29 and later), unless a Pod says otherwise by the annotation
   * `sidecar.istio.io/nativeSidecar`.
   * @default false
   */
  readonly nativeSidecar?: boolean;
  /**
   * Revision of the control plane that the sidecars belong to.
   * @default 'default'
   */
  readonly revision?: string;
  /**
   * Values of Istio's Helm chart `istiod`, under the chart's own names: `{ global: { hub: 'registry.example/istio' } }`.
   * @default - those of Istio's default profile
   */
  readonly values?: { [key: string]: any };
  /**
   * MeshConfig, as the key `mesh` of the ConfigMap `istio` has it.
   * @default - Istio's defaults
   */
  readonly meshConfig?: { [key: string]: any };
}
