import { createHash } from 'node:crypto';
import { ApiObject, Lazy, Yaml } from 'cdk8s';
import { Construct, type IConstruct } from 'constructs';
import { guarded, requireProps } from './private/arguments';
import { requireServiceName } from './private/check';
import { finding } from './private/errors';
import { namespaceIn, ownedMetadata } from './private/metadata';
import { CONFIG_MAP_LIMIT, requireRuntime, RESTRICTED_CONTAINER, RUNTIME_MOUNT, RUNTIME_VOLUME, runtimeCommand } from './private/runtime-pods';
import { servedManifests } from './private/served-manifests';

/** Properties for `ReferenceControlPlane`. */
export interface ReferenceControlPlaneProps {
  /**
   * Construct whose manifests are the mesh: services, workloads and every kind of Istio's below it.
   * @default - the chart or construct that the control plane is in
   */
  readonly manifests?: IConstruct;
  /**
   * Name of Deployment, Service and ServiceAccount.
   * @default 'cdk8s-mesh-control-plane'
   */
  readonly name?: string;
  /**
   * Namespace of its objects.
   * @default - that of the chart
   */
  readonly namespace?: string;
  /**
   * Image with Node 20 or later; the programs come with the manifests.
   * @default 'docker.io/library/node:22-slim'
   */
  readonly image?: string;
  /**
   * File of the programs.
   * @default - that of this package
   */
  readonly bundle?: string;
}

/** Where proxies ask for their configuration. */
const XDS_PORT = 15010;
const HEALTH_PORT = 15014;
const CONFIG_DIR = '/etc/cdk8s-mesh';

/**
 * A control plane for small meshes, edges and tests, in one Pod of a plain Node image: no installation, no privilege, no access to the
 * Kubernetes API. It serves the manifests of an app, from a ConfigMap, to `ReferenceProxy`s; a Pod is known once its proxy is connected.
 * It speaks to them without TLS. At scale the same manifests run on Istio.
 *
 * Renders a Deployment, a Service, a ServiceAccount and two ConfigMaps: the configuration, and the programs, once in a namespace.
 * Apply them server-side, since `kubectl apply` would copy the programs into an annotation.
 * @example
 * new ReferenceControlPlane(this, 'control-plane');
 */
export class ReferenceControlPlane extends Construct {
  /** Name of Deployment, Service and ServiceAccount. */
  public readonly name: string;
  /** Namespace of its objects; undefined where whoever applies them decides. */
  public readonly namespace?: string;
  /** Where proxies find it, `HOST:PORT`. */
  public readonly address: string;
  /** Image of its Pod. */
  public readonly image: string;
  /** The construct whose manifests it serves. */
  public readonly manifests: IConstruct;
  /** @internal */
  public readonly _bundle?: string;

  /** Throws MESH_CONFIG_MAP_SIZE, MESH_FILE_UNREADABLE for `bundle`, MESH_NAME_INVALID. */
  public constructor(scope: Construct, id: string, props: ReferenceControlPlaneProps = {}) {
    super(scope, id);
    requireProps(this, 'ReferenceControlPlaneProps', props);
    this.name = requireServiceName(this, props.name ?? 'cdk8s-mesh-control-plane');
    this.namespace = namespaceIn(this, props.namespace);
    this.address = `${this.name}.${this.namespace ?? 'default'}.svc:${XDS_PORT}`;
    this.image = props.image ?? 'docker.io/library/node:22-slim';
    this.manifests = props.manifests ?? scope;
    this._bundle = props.bundle;

    requireRuntime(this, this.namespace, props.bundle);
    const labels = { 'app.kubernetes.io/name': this.name };
    this.add('ServiceAccount', 'v1', this.name, { automountServiceAccountToken: false });
    this.add('ConfigMap', 'v1', `${this.name}-config`, { data: Lazy.any({ produce: () => ({ 'mesh.yaml': this.configuration() }) }) });
    this.add('Service', 'v1', this.name, { spec: { selector: labels, ports: [{ name: 'grpc-xds', port: XDS_PORT, targetPort: XDS_PORT }] } });
    this.add('Deployment', 'apps/v1', this.name, { spec: { replicas: 1, selector: { matchLabels: labels }, template: this.podTemplate(labels) } });
    this.node.defaultChild = this.node.tryFindChild('Deployment');
    this.node.addValidation({
      validate: () => {
        const bytes = Buffer.byteLength(this.configuration());
        return bytes <= CONFIG_MAP_LIMIT ? [] : [finding('MESH_CONFIG_MAP_SIZE', `a ConfigMap holds at most ${CONFIG_MAP_LIMIT} bytes, got ${bytes} of manifests; serve fewer by \`manifests\``)];
      },
    });
  }

  private add(kind: string, apiVersion: string, name: string, fields: Record<string, unknown>): void {
    new ApiObject(this, `${name.endsWith('-config') ? 'Configuration' : kind}`, { apiVersion, kind, metadata: ownedMetadata(this, name, this.namespace), ...fields });
  }

  private configuration(): string {
    return Yaml.stringify(...servedManifests(this.manifests, this));
  }

  private podTemplate(labels: Record<string, string>): unknown {
    // A Pod that starts anew reads the new configuration at once; the proxies serve on meanwhile.
    const hash = Lazy.any({ produce: () => createHash('sha256').update(this.configuration()).digest('hex').slice(0, 16) });
    return {
      metadata: { labels: { ...labels, 'sidecar.istio.io/inject': 'false' }, annotations: { 'cdk8s-mesh.dev/configuration': hash } },
      spec: {
        serviceAccountName: this.name,
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [{
          name: 'control-plane',
          image: this.image,
          command: runtimeCommand('control-plane', CONFIG_DIR, '--host', '0.0.0.0', '--port', String(XDS_PORT), '--health', String(HEALTH_PORT)),
          ports: [{ name: 'grpc-xds', containerPort: XDS_PORT }, { name: 'health', containerPort: HEALTH_PORT }],
          readinessProbe: { httpGet: { path: '/healthz/ready', port: HEALTH_PORT }, periodSeconds: 2 },
          livenessProbe: { httpGet: { path: '/healthz/live', port: HEALTH_PORT }, periodSeconds: 10, failureThreshold: 6 },
          resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
          securityContext: RESTRICTED_CONTAINER,
          volumeMounts: [RUNTIME_MOUNT, { name: 'configuration', mountPath: CONFIG_DIR, readOnly: true }],
        }],
        volumes: [RUNTIME_VOLUME, { name: 'configuration', configMap: { name: `${this.name}-config` } }],
      },
    };
  }
}

guarded('ReferenceControlPlane', ReferenceControlPlane);
