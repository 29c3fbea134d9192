import * as kplus from 'cdk8s-plus-27';
import { Construct, type IConstruct } from 'constructs';
import { networking, security } from '../imports';
import type { EgressPolicy } from './egress-policy';
import type { ExistingMeshProps } from './existing-mesh';
import { GatewayWorkload } from './gateway-workload';
import { IstioVersion } from './istio-version';
import type { MtlsMode } from './mtls-mode';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { meshError } from './private/errors';
import { type ExistingMesh, existingMesh } from './private/existing-mesh';
import { gatewayPods } from './private/gateway-pods';
import { injectAtSynthesis } from './private/inject';
import { MeshConfigParts } from './private/mesh-config';
import { declareMesh, DEFAULT_DOMAIN, knowInstalled } from './private/mesh-settings';
import { ownedMetadata } from './private/metadata';
import { addSyncWaves } from './private/sync-waves';
import { verifyAtSynthesis } from './private/verify';
import type { SidecarInjectionOptions } from './sidecar-injection';

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
   * Istio that the manifests are for. Synthesis fails with MESH_ISTIO_VERSION for what it does not have yet.
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
   * What sidecars do with requests to hosts that the mesh does not know. Renders the Sidecar `default` of the root namespace, which Istio takes for every
   * workload without a Sidecar of its own, and so needs the Mesh to be in a chart.
   * @default - none is rendered: what the mesh has already, in Istio EgressPolicy.ALLOW_ANY
   */
  readonly egress?: EgressPolicy;
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
  /** What is installed already. @internal */
  readonly _existing?: ExistingMeshProps;
}

/**
 * The mesh that manifests are for. At synthesis it checks all manifests of its chart (or of the app, if that is its scope) together,
 * hand-written ones too, and fails with what would not work, each finding at the construct that it is about.
 * Renders a PeerAuthentication where `mtls` is set, a Sidecar where `egress` is, Deployment, Service and ServiceAccount of gateways where `profile`
 * is, and a ConfigMap with MeshConfig where a construct registers something there; else nothing.
 * @example
 * new Mesh(this, 'mesh');
 */
export class Mesh extends Construct {
  /**
   * A mesh that is installed already, whoever did it. Renders nothing, and tells everything else in its scope what it is like: names of hosts, revisions of
   * gateways' pods, what synthesis checks and MeshTesting simulates.
   * Throws MESH_NAME_INVALID and MESH_HOST_INVALID for names that cannot be right, MESH_GATEWAY_DEPLOYED for a gateway that is not there already,
   * MESH_FIELD_EXCLUSIVE for a field of `meshConfig` that has a property of its own, and MESH_MESH_LATE where a domain or revision comes after what depends on it.
   * @example
   * const mesh = Mesh.fromExisting(this, 'mesh', { revision: 'stable', trustDomain: 'example.org', mtls: MtlsMode.STRICT });
   */
  public static fromExisting(scope: Construct, id: string, props: ExistingMeshProps = {}): Mesh {
    const { istioVersion, rootNamespace, syncWaves, checks, meshConfigName } = props;
    return new Mesh(scope, id, { istioVersion, rootNamespace, syncWaves, checks, meshConfigName, _existing: props });
  }

  /** Istio that the manifests are for. */
  public readonly istioVersion: IstioVersion;
  /** Namespace whose policies are the whole mesh's. */
  public readonly rootNamespace: string;
  /** DNS domain of the cluster. */
  public readonly domain: string;
  /** Revision of the control plane; undefined for the default one. */
  public readonly revision?: string;
  /** The pods of `istio-ingressgateway`: rendered with a profile, else as Istio's own installation has them. For `workload` of a MeshGateway. */
  public readonly ingressGateway: GatewayWorkload;
  /** The pods of `istio-egressgateway`: rendered with profile DEMO, else as Istio's own installation has them. For `workload` of an EgressGateway. */
  public readonly egressGateway: GatewayWorkload;
  private readonly existing?: ExistingMesh;
  private readonly meshConfig: MeshConfigParts;

  /** Throws MESH_NAME_INVALID, MESH_MESH_DUPLICATE, and MESH_MESH_LATE where it changes what constructs before it took for granted. */
  public constructor(scope: Construct, id: string, props: MeshProps = {}) {
    super(scope, id);
    requireProps(this, 'MeshProps', props);
    this.istioVersion = props.istioVersion ?? IstioVersion.V1_31;
    this.rootNamespace = requireLabel(this, 'rootNamespace', props.rootNamespace ?? 'istio-system', 'give the name of a namespace');
    this.meshConfig = new MeshConfigParts(this, props.meshConfigName ?? 'istio-cdk8s-mesh', this.rootNamespace);
    this.existing = props._existing && existingMesh(this, this.rootNamespace, props._existing);
    this.domain = this.existing?.domain ?? DEFAULT_DOMAIN;
    this.revision = this.existing?.revision;
    const root = props.checks ?? scope;
    const settings = { mesh: this, istioMinor: this.istioVersion.minor, domain: this.domain, revision: this.revision, renderedEgress: props.egress };
    declareMesh(root, settings);
    if (this.existing !== undefined) knowInstalled(this, this.existing.manifests);
    if (props.mtls !== undefined) this.acceptOnly(props.mtls);
    if (props.egress !== undefined) this.leadOut(props.egress);
    const gateway = (istio: string) => GatewayWorkload.existing({ istio }, { serviceHost: `istio-${istio}.${this.rootNamespace}.svc.${this.domain}` });
    this.ingressGateway = this.existing?.ingressGateway ?? gateway('ingressgateway');
    this.egressGateway = this.existing?.egressGateway ?? gateway('egressgateway');
    if (props.profile !== undefined) this.deployGateway('ingressgateway', kplus.ServiceType.LOAD_BALANCER);
    if (props.profile === MeshProfile.DEMO) this.deployGateway('egressgateway', kplus.ServiceType.CLUSTER_IP);
    if (props.syncWaves === true) addSyncWaves(root);
    verifyAtSynthesis(settings, root);
  }

  /** Labels by which a Namespace asks for the sidecars of this mesh: `istio-injection`, or `istio.io/rev` for a revision. */
  public get namespaceLabels(): { [name: string]: string } {
    return this.revision === undefined ? { 'istio-injection': 'enabled' } : { 'istio.io/rev': this.revision };
  }

  /**
   * Renders workloads with Istio's sidecar, as Istio's own injector makes them, so that no webhook is needed. A workload with the label
   * `sidecar.istio.io/inject: "false"`, or on the network of its host, stays as it is. Annotations of the Pods count, as on a cluster.
   * Throws MESH_ISTIO_VERSION.
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
    const { nativeSidecar, selection } = options;
    const revision = options.revision ?? this.revision;
    const meshConfig = options.meshConfig ?? this.existing?.meshConfig;
    const values = this.domain === DEFAULT_DOMAIN ? options.values : withDomain(options.values ?? {}, this.domain);
    injectAtSynthesis(scope, { values, meshConfig, revision, nativeSidecar, selection });
  }

  /** Registers an extension provider on behalf of a construct. @internal */
  public _addProvider(owner: IConstruct, name: string, provider: Record<string, unknown>): void {
    this.meshConfig.addProvider(owner, name, provider);
  }

  private acceptOnly(mtls: MtlsMode): void {
    this.node.defaultChild = new security.PeerAuthentication(this, 'PeerAuthentication', {
      metadata: ownedMetadata(this, 'default', this.rootNamespace),
      spec: { mtls: { mode: mtls as string as security.PeerAuthenticationSpecMtlsMode } },
    });
  }

  /** A Sidecar and not MeshConfig, which belongs to whoever installs Istio. */
  private leadOut(egress: EgressPolicy): void {
    const sidecar = new networking.Sidecar(this, 'Sidecar', {
      metadata: ownedMetadata(this, 'default', this.rootNamespace),
      spec: { outboundTrafficPolicy: { mode: egress as string as networking.SidecarSpecOutboundTrafficPolicyMode } },
    });
    if (this.node.defaultChild === undefined) this.node.defaultChild = sidecar;
  }

  private deployGateway(istio: string, serviceType: kplus.ServiceType): void {
    const ports = [['http2', 80, 8080], ['https', 443, 8443]] as const;
    gatewayPods(new Construct(this, istio), {
      name: `istio-${istio}`,
      namespace: this.rootNamespace,
      selector: { istio },
      ports: ports.map(([name, number, target]) => ({ name, number, target })),
      serviceType,
      secrets: true,
    });
  }
}

guarded('Mesh', Mesh);

/** Values of Istio's chart with the cluster's domain, unless they say one. */
function withDomain(values: { [key: string]: any }, clusterDomain: string): { [key: string]: any } {
  return { ...values, global: { ...values.global, proxy: { clusterDomain, ...values.global?.proxy } } };
}
