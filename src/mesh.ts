import * as kplus from 'cdk8s-plus-27';
import { Construct, type IConstruct } from 'constructs';
import { security } from '../imports';
import { GatewayWorkload } from './gateway-workload';
import { requireLabel } from './private/check';
import { meshError } from './private/errors';
import { gatewayPods } from './private/gateway-pods';
import { injectAtSynthesis } from './private/inject';
import { MeshConfigParts } from './private/mesh-config';
import { ownedMetadata } from './private/metadata';
import { addSyncWaves } from './private/sync-waves';
import { verifyAtSynthesis } from './private/verify';
import type { SidecarInjectionOptions } from './sidecar-injection';

/** A version of Istio that manifests are made for. */
export class IstioVersion {
  /** Istio 1.31. */
  public static readonly V1_31 = new IstioVersion(1, 31);
  /** Another version, e.g. `1.29`; a patch number is ignored. Throws MESH_ISTIO_VERSION before 1.22, the first that serves `networking.istio.io/v1`. */
  public static of(version: string): IstioVersion {
    const parts = /^(\d+)\.(\d+)(\.\d+)?$/.exec(version);
    const [major, minor] = [Number(parts?.[1]), Number(parts?.[2])];
    if (parts === null || major !== 1 || minor < 22) {
      throw meshError(undefined, 'MESH_ISTIO_VERSION', `istioVersion must be 1.22 or a later 1.x, which serve networking.istio.io/v1, got "${version}"`);
    }
    return new IstioVersion(major, minor);
  }

  private constructor(/** 1. */ public readonly major: number, /** E.g. 31. */ public readonly minor: number) {}
}

/** Which connections sidecars accept. Istio's sidecars always offer mutual TLS to each other; this is about what they insist on. */
export enum MtlsMode {
  /** Mutual TLS only. */
  STRICT = 'STRICT',
  /** Mutual TLS and plain text. */
  PERMISSIVE = 'PERMISSIVE',
  /** Plain text only. */
  DISABLE = 'DISABLE',
}

/** Gateways that a mesh comes with, as those of Istio's installation profiles. */
export enum MeshProfile {
  /** `istio-ingressgateway`. */
  DEFAULT = 'default',
  /** `istio-ingressgateway` and `istio-egressgateway`. */
  DEMO = 'demo',
}

/** Properties for `Mesh`. */
export interface MeshProps {
  /**
   * Istio that the manifests are for.
   * @default IstioVersion.V1_31
   */
  readonly istioVersion?: IstioVersion;
  /**
   * Which connections the sidecars of the whole mesh accept. Renders the PeerAuthentication `default` of the root namespace, and so needs
   * the Mesh to be in a chart.
   * @default - none is rendered: what the mesh has already, in Istio MtlsMode.PERMISSIVE
   */
  readonly mtls?: MtlsMode;
  /**
   * Namespace whose policies are the whole mesh's. Renders nothing by itself; it must be MeshConfig's `rootNamespace`.
   * @default 'istio-system'
   */
  readonly rootNamespace?: string;
  /**
   * Gateways to render, in the root namespace, with the names and labels of Istio's own: for a control plane that was installed without them.
   * @default - none are rendered
   */
  readonly profile?: MeshProfile;
  /**
   * Whether routes carry the annotation `argocd.argoproj.io/sync-wave`, by which Argo CD applies them after the subsets and gateways that they lead to, and
   * those after the rest. What has the annotation already keeps it.
   * @default false
   */
  readonly syncWaves?: boolean;
  /**
   * What is checked together: every manifest below this construct. The app, where several charts are applied to one cluster.
   * @default - the scope of the Mesh: the chart that it is in, or the app
   */
  readonly checks?: IConstruct;
  /**
   * Name of the ConfigMap with the MeshConfig that constructs of this mesh ask for, in the root namespace; rendered where one does, e.g. `ExternalAuthorizer`.
   * istiod reads it beside its own where its variable SHARED_MESH_CONFIG has this name.
   * @default 'istio-cdk8s-mesh'
   */
  readonly meshConfigName?: string;
}

/**
 * The mesh that manifests are for. At synthesis it checks all manifests of its chart (or of the app, if that is its scope) together,
 * hand-written ones too, and fails with what would not work, each finding at the construct that it is about.
 * Renders a PeerAuthentication where `mtls` is set, Deployment, Service and ServiceAccount of gateways where `profile` is, and a ConfigMap with
 * MeshConfig where a construct registers something there; else nothing.
 * @example
 * new Mesh(this, 'mesh');
 */
export class Mesh extends Construct {
  /** Istio that the manifests are for. */
  public readonly istioVersion: IstioVersion;
  /** The pods of `istio-ingressgateway`: rendered with a profile, else as Istio's own installation has them. For `workload` of a MeshGateway. */
  public readonly ingress: GatewayWorkload;
  /** The pods of `istio-egressgateway`: rendered with profile DEMO, else as Istio's own installation has them. For `workload` of an EgressGateway. */
  public readonly egress: GatewayWorkload;

  private readonly meshConfig: MeshConfigParts;

  /** Throws MESH_NAME_INVALID, MESH_MESH_DUPLICATE. */
  public constructor(scope: Construct, id: string, props: MeshProps = {}) {
    super(scope, id);
    this.istioVersion = props.istioVersion ?? IstioVersion.V1_31;
    const rootNamespace = requireLabel(this, 'rootNamespace', props.rootNamespace ?? 'istio-system', 'give the name of a namespace');
    this.meshConfig = new MeshConfigParts(this, props.meshConfigName ?? 'istio-cdk8s-mesh', rootNamespace);
    if (props.mtls !== undefined) {
      new security.PeerAuthentication(this, 'PeerAuthentication', {
        metadata: ownedMetadata(this, 'default', rootNamespace),
        spec: { mtls: { mode: props.mtls as string as security.PeerAuthenticationSpecMtlsMode } },
      });
    }
    const ends = `${rootNamespace}.svc.cluster.local`;
    this.ingress = GatewayWorkload.existing({ istio: 'ingressgateway' }, { serviceHost: `istio-ingressgateway.${ends}` });
    this.egress = GatewayWorkload.existing({ istio: 'egressgateway' }, { serviceHost: `istio-egressgateway.${ends}` });
    if (props.profile !== undefined) this.deployGateway('ingressgateway', rootNamespace, kplus.ServiceType.LOAD_BALANCER);
    if (props.profile === MeshProfile.DEMO) this.deployGateway('egressgateway', rootNamespace, kplus.ServiceType.CLUSTER_IP);
    if (props.syncWaves === true) addSyncWaves(props.checks ?? scope);
    verifyAtSynthesis(this, props.checks ?? scope);
  }

  /**
   * Renders workloads with Istio's sidecar, as Istio's own injector makes them, so that no webhook is needed. A workload with the label
   * `sidecar.istio.io/inject: "false"`, or on the network of its host, stays as it is. Annotations of the Pods count, as on a cluster.
   * @param scope a chart, an app or one workload, of cdk8s-plus or by hand; workloads added to it later are meant too
   * @param options which proxy, and for whom
   * @example
   * new Mesh(this, 'mesh').inject(this);
   */
  public inject(scope: IConstruct, options: SidecarInjectionOptions = {}): void {
    const { major, minor } = this.istioVersion;
    if (major !== IstioVersion.V1_31.major || minor !== IstioVersion.V1_31.minor) {
      throw meshError(this, 'MESH_ISTIO_VERSION', `inject() renders the sidecar of Istio 1.31, got istioVersion ${major}.${minor}; leave injection to that version's webhook`);
    }
    const { values, meshConfig, revision, nativeSidecar, selection } = options;
    injectAtSynthesis(scope, { values, meshConfig, revision, nativeSidecar, selection });
  }

  /** Registers an extension provider on behalf of a construct. @internal */
  public _addProvider(owner: IConstruct, name: string, provider: Record<string, unknown>): void {
    this.meshConfig.addProvider(owner, name, provider);
  }

  private deployGateway(istio: string, namespace: string, serviceType: kplus.ServiceType): void {
    const ports = [['http2', 80, 8080], ['https', 443, 8443]] as const;
    gatewayPods(new Construct(this, istio), {
      name: `istio-${istio}`,
      namespace,
      selector: { istio },
      ports: ports.map(([name, number, target]) => ({ name, number, target })),
      serviceType,
      secrets: true,
    });
  }
}
