import { ApiObject } from 'cdk8s';
import { Construct, type IConstruct } from 'constructs';
import { guarded, requireProps } from './private/arguments';
import { meshError } from './private/errors';
import { namespaceIn } from './private/metadata';
import { requireRuntime, RESTRICTED_CONTAINER, RUNTIME_MOUNT, RUNTIME_VOLUME, runtimeCommand } from './private/runtime-pods';
import { servedServices } from './private/served-manifests';
import { ADDRESS_BLOCK, virtualHosts } from './private/virtual-hosts';
import type { ReferenceControlPlane } from './reference-control-plane';

/** Properties for `ReferenceProxy`. */
export interface ReferenceProxyProps {
  /** Control plane that the proxy asks. */
  readonly controlPlane: ReferenceControlPlane;
  /** Workload beside whose containers it runs: a Deployment or other workload of cdk8s-plus, or a plain ApiObject with `spec.template`. */
  readonly workload: IConstruct;
}

const HEALTH_PORT = 15021;
const CONTAINER = 'mesh-proxy';

/** Workloads that have a proxy. */
const accompanied = new WeakSet<ApiObject>();

/**
 * The reference proxy beside the containers of one workload, without privilege. The application dials services by their names, which the
 * Pod resolves to loopback addresses of the proxy (`hostAliases`); other Pods reach it through the proxy at its port + 10000, which their
 * own proxies know. Nothing else in the application changes, and nothing captures what it dials by address.
 * @example
 * new ReferenceProxy(this, 'proxy', { controlPlane, workload: v1.workload });
 */
export class ReferenceProxy extends Construct {
  /** The object that renders with a proxy. */
  public readonly target: ApiObject;

  /** Throws MESH_CONFIG_MAP_SIZE, MESH_INJECT_TWICE. */
  public constructor(scope: Construct, id: string, props: ReferenceProxyProps) {
    super(scope, id);
    requireProps(this, 'ReferenceProxyProps', props);
    const { controlPlane, workload } = props;
    this.target = ApiObject.of(workload);
    this.node.defaultChild = this.target;
    if (accompanied.has(this.target)) throw meshError(this, 'MESH_INJECT_TWICE', `a workload has one proxy, got a second for ${this.target.node.path}; leave it out`);
    accompanied.add(this.target);
    const namespace = namespaceIn(this.target, this.target.metadata.namespace);
    requireRuntime(this, namespace, controlPlane._bundle);
    const render = this.target.toJson.bind(this.target);
    this.target.toJson = () => this.withProxy(render(), controlPlane, namespace);
  }

  private withProxy(manifest: any, controlPlane: ReferenceControlPlane, namespace: string | undefined): unknown {
    const pod = manifest.spec?.template?.spec;
    if (pod === undefined) {
      throw meshError(this, 'MESH_WORKLOAD_UNKNOWN', `a workload has a Pod template, got ${manifest.kind} ${manifest.metadata?.name} without spec.template; name a Deployment or the like`);
    }
    if (pod.hostNetwork === true) {
      throw meshError(this, 'MESH_WORKLOAD_UNKNOWN', `a workload with a proxy has a network of its own, got ${manifest.metadata?.name} with hostNetwork; leave it without a proxy`);
    }
    const aliases = virtualHosts(servedServices(controlPlane.manifests, controlPlane), namespace ?? 'default');
    const sysctls = [...pod.securityContext?.sysctls ?? [], { name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }];
    const spec = {
      ...pod,
      containers: [...pod.containers, this.container(controlPlane)],
      // Kubernetes would tell applications the addresses of services in variables, past the proxy.
      enableServiceLinks: false,
      hostAliases: [...pod.hostAliases ?? [], ...aliases],
      securityContext: { ...pod.securityContext, sysctls },
      volumes: [...pod.volumes ?? [], RUNTIME_VOLUME],
    };
    return { ...manifest, spec: { ...manifest.spec, template: { ...manifest.spec.template, spec } } };
  }

  private container(controlPlane: ReferenceControlPlane): unknown {
    const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    return {
      name: CONTAINER,
      image: controlPlane.image,
      command: runtimeCommand('proxy', '--xds', controlPlane.address, '--health', String(HEALTH_PORT), '--admin', '15000'),
      env: [
        fromField('POD_NAME', 'metadata.name'), fromField('POD_NAMESPACE', 'metadata.namespace'), fromField('POD_IP', 'status.podIP'),
        { name: 'ADDRESS_BLOCK', value: ADDRESS_BLOCK },
      ],
      ports: [{ name: 'mesh-health', containerPort: HEALTH_PORT }],
      readinessProbe: { httpGet: { path: '/healthz/ready', port: HEALTH_PORT }, periodSeconds: 2 },
      resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '256Mi' } },
      securityContext: RESTRICTED_CONTAINER,
      volumeMounts: [RUNTIME_MOUNT],
    };
  }
}

guarded('ReferenceProxy', ReferenceProxy);
