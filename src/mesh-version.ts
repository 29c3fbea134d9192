import { ApiObject, JsonPatch } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { Construct, type IConstruct } from 'constructs';
import type { MeshPort } from './mesh-port';
import { guarded } from './private/arguments';
import { requireLabel } from './private/check';
import { finding, meshError } from './private/errors';
import { serviceHost } from './private/host';
import { knowInstalled } from './private/mesh-settings';
import { namespaceIn, ownedMetadata, PATH_ANNOTATION } from './private/metadata';
import { standIn } from './private/stand-in';
import { requireLabels } from './private/text';
import { requireTrafficPolicy } from './private/traffic-policy';
import type { MeshVersionService } from './private/version';
import { objectOf, renderedWorkload } from './private/workload';
import type { IRouteDestination } from './route';
import type { TrafficPolicyProps } from './traffic-policy';

/** Options of a version whose workload exists already. */
export interface MeshVersionOptions {
  /**
   * How callers treat this version. Renders `subsets[].trafficPolicy` of the service's DestinationRule.
   * @default - as the service
   */
  readonly traffic?: TrafficPolicyProps;
}

/** Options of a version whose pods run already, known by their labels. */
export interface LabelledVersionOptions extends MeshVersionOptions {
  /**
   * Name of the ServiceAccount that the pods run as.
   * @default - that of the service
   */
  readonly serviceAccountName?: string;
}

/**
 * Properties of a version: those of a cdk8s-plus `Deployment`, with names and labels filled in.
 * `metadata.name` is `SERVICE-VERSION` unless given; the namespace is the service's. Pods are selected by `app` and `version`, whatever `select` says. The first container is named after the service unless it has a name, and
 * opens the service's target ports unless it opens some itself.
 */
export interface MeshVersionProps extends kplus.DeploymentProps {
  /**
   * How callers treat this version. Renders `subsets[].trafficPolicy` of the service's DestinationRule.
   * @default - as the service
   */
  readonly traffic?: TrafficPolicyProps;
}

/**
 * One version of a `MeshService`: a workload whose pods carry `app` and `version`, and the subset of the service that they form. Made by
 * `MeshService.addVersion()` and `addVersionFrom()`.
 * @example
 * const v3 = reviews.addVersion('v3', { containers: [{ image: 'reviews:v3' }] });
 * reviews.addRoute('default', { targets: [RouteTarget.to(v3)] });
 */
export class MeshVersion extends Construct implements IRouteDestination {
  /** @internal */
  public static _create(scope: Construct, id: string, service: MeshVersionService, props: MeshVersionProps): MeshVersion {
    requireNew(scope, id);
    const version = new MeshVersion(scope, id, service, props.traffic);
    version._workload = version.deploy(props);
    version.node.defaultChild = version._workload;
    return version;
  }

  /** @internal */
  public static _from(scope: Construct, id: string, service: MeshVersionService, workload: IConstruct, options: MeshVersionOptions): MeshVersion {
    requireNew(scope, id);
    const version = new MeshVersion(scope, id, service, options.traffic);
    if (workload instanceof kplus.Workload) version.join(workload);
    else version.joinRendered(workload);
    return version;
  }

  /** @internal */
  public static _labelled(
    scope: Construct, id: string, service: MeshVersionService, labels: { [name: string]: string }, options: LabelledVersionOptions,
  ): MeshVersion {
    requireNew(scope, id);
    const version = new MeshVersion(scope, id, service, options.traffic);
    version.stand(labels, options.serviceAccountName);
    return version;
  }

  /** Name of the version, which is the subset's too unless a rollout by Argo decides which pods are in it. */
  public readonly version: string;
  /** How callers treat this version; undefined as the service. */
  public readonly traffic?: TrafficPolicyProps;
  private readonly service: MeshVersionService;
  private _workload?: kplus.Workload;
  private _object?: ApiObject;
  private ownLabels: { [name: string]: string };
  private account?: string;
  private revision?: string;

  private constructor(scope: Construct, id: string, service: MeshVersionService, traffic: TrafficPolicyProps | undefined) {
    super(scope, id);
    this.service = service;
    this.version = requireLabel(this, 'the name of a version', id, 'choose another id');
    this.ownLabels = { version: this.version };
    this.traffic = traffic;
    requireTrafficPolicy(this, traffic, service.traffic);
    for (const port of service.ports) requireTrafficPolicy(this, traffic && port.traffic && { ...port.traffic, ...traffic }, service.traffic, `port ${port.number}`);
    // cdk8s-plus finds this out only while it renders, and then names no construct
    this.node.addValidation({
      validate: () => (this._workload?.containers.length !== 0 ? [] : [finding('MESH_CONTAINER_MISSING', 'a version must have at least one container, got none; set containers, or call workload.addContainer()')]),
    });
  }

  /**
   * The Deployment, or other workload of cdk8s-plus, that runs this version.
   * Throws MESH_WORKLOAD_UNKNOWN where none of this version of cdk8s-plus does: `object` is what runs it then.
   */
  public get workload(): kplus.Workload {
    if (this._workload !== undefined) return this._workload;
    const got = this._object === undefined ? 'pods that are known by their labels' : `${this._object.kind} ${this._object.node.path}`;
    throw meshError(this, 'MESH_WORKLOAD_UNKNOWN', `workload is there for versions that a workload of cdk8s-plus-27 runs, got ${got}; use object`);
  }

  /** The Kubernetes object that runs this version; undefined for pods that are known by their labels. */
  public get object(): ApiObject | undefined { return this._object ?? (this._workload && objectOf(this._workload)); }

  /** Name of the ServiceAccount that the pods run as. */
  public get serviceAccountName(): string { return this._workload?.serviceAccount?.name ?? this.account ?? this.service.serviceAccount.name; }

  /** Labels that the pods carry: those of the service's pods, and `version` or what else tells this version from others. */
  public get labels(): { [name: string]: string } { return { ...this.service.podLabels, ...this.ownLabels }; }

  /** The subset's name: the version's, but `stable` or `canary` in a rollout by Argo, which keeps these two through all versions. */
  public get subset(): string | undefined { return this.revision ?? this.version; }

  /** Labels of the subset. Where Argo decides it adds its own, so that `version` must not be among them. @internal */
  public get _subsetLabels(): { [name: string]: string } {
    return { ...this.revision === undefined ? this.ownLabels : this.service.podLabels };
  }

  /** From now on the pods of this version are a revision of a rollout, under a subset's name that does not change with the version. @internal */
  public _becomeRevision(subset: string): void { this.revision = subset; }

  /** Ports of the service. */
  public get ports(): MeshPort[] { return [...this.service.ports]; }

  /** The host name by which resources in this namespace address the service. Throws MESH_NAMESPACE_MISSING. */
  public hostFrom(namespace?: string): string {
    return serviceHost(this, this.service.name, this.service.namespace, namespace);
  }

  private deploy(props: MeshVersionProps): kplus.Deployment {
    const { name, namespace, serviceAccount, ports } = this.service;
    if (props.metadata?.namespace !== undefined) this.requireNamespace(props.metadata.namespace, 'metadata');
    const deploymentName = requireLabel(this, 'the name of a Deployment', props.metadata?.name ?? `${name}-${this.version}`, 'shorten the names, or set metadata.name');
    const owned = ownedMetadata(this, deploymentName, namespace);
    this.requireOpenPorts(props.containers ?? []);
    const deployment = new kplus.Deployment(this, 'Deployment', {
      ...props,
      serviceAccount: props.serviceAccount ?? serviceAccount,
      spread: false, // cdk8s-plus would spread again each time it renders
      metadata: {
        ...props.metadata,
        ...owned,
        labels: { ...props.metadata?.labels, ...this.labels },
        annotations: { ...props.metadata?.annotations, ...owned.annotations },
      },
      podMetadata: { ...props.podMetadata, labels: { ...props.podMetadata?.labels, ...this.labels } },
      containers: props.containers?.map((container, index) => {
        if (index > 0) return container;
        const opens = container.port !== undefined || container.portNumber !== undefined || container.ports !== undefined;
        return { ...container, name: container.name ?? name, ports: opens ? container.ports : distinctTargets(ports) };
      }),
      select: false, // cdk8s-plus would select by a label hashed from the construct's path, which moves with the code
    });
    deployment.select(kplus.LabelSelector.of({ labels: this.labels }));
    if (props.spread) [kplus.Topology.HOSTNAME, kplus.Topology.ZONE].forEach((topology) => deployment.scheduling.spread({ topology }));
    return deployment;
  }

  /** Containers that say which ports they open must open those that the service sends requests to. */
  private requireOpenPorts(containers: kplus.ContainerProps[]): void {
    const [first] = containers;
    if (first === undefined || (first.port === undefined && first.portNumber === undefined && first.ports === undefined)) return;
    const open = containers.flatMap(({ port, portNumber, ports }) => [port, portNumber, ...(ports ?? []).map(({ number }) => number)])
      .filter((number) => number !== undefined);
    const closed = distinctTargets(this.service.ports).find(({ number }) => !open.includes(number));
    if (closed === undefined) return;
    throw meshError(this, 'MESH_CONTAINER_PORT', `containers must open the target ports of their service, got ${open.join(', ')} without ${closed.number}; open it too, or set targetPort of the MeshPort`);
  }

  /** Where the workload runs, as tests send from it. @internal */
  public get _caller(): string {
    return `${this.object?.name ?? `${this.service.name}-${this.version}`}.${this.service.namespace ?? 'default'}`;
  }

  /** Makes somebody else's workload one of ours: labels, identity and where it came from. Its own selector stays as it is. */
  private join(workload: kplus.Workload): void {
    this._workload = workload;
    this.node.defaultChild = workload;
    this.requireNamespace(namespaceIn(workload, workload.metadata.namespace), workload.node.path);
    for (const [key, value] of Object.entries(this.labels)) {
      this.requireLabel(workload, key, value, (workload.podMetadata.getLabel(key) as string | undefined) ?? workload.matchLabels[key]);
      workload.podMetadata.addLabel(key, value);
    }
    workload.metadata.addAnnotation(PATH_ANNOTATION, workload.node.path);
    if (workload.serviceAccount === undefined) {
      ApiObject.of(workload).addJsonPatch(JsonPatch.add('/spec/template/spec/serviceAccountName', this.service.serviceAccount.name));
    }
  }

  /** The same for a workload of which no more is known than what it renders. */
  private joinRendered(workload: IConstruct): void {
    const { object, namespace, template, podLabels, serviceAccountName } = renderedWorkload(this, workload);
    this._object = object;
    this.node.defaultChild = object;
    this.account = serviceAccountName;
    this.requireNamespace(namespace, workload.node.path);
    for (const [key, value] of Object.entries(this.labels)) {
      this.requireLabel(workload, key, value, podLabels[key]);
      object.addJsonPatch(JsonPatch.add(`${template}/metadata/labels/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`, value));
    }
    object.metadata.addAnnotation(PATH_ANNOTATION, workload.node.path);
    if (serviceAccountName === undefined) object.addJsonPatch(JsonPatch.add(`${template}/spec/serviceAccountName`, this.service.serviceAccount.name));
  }

  /** Pods that nothing here renders. */
  private stand(labels: { [name: string]: string }, account: string | undefined): void {
    this.account = account;
    this.ownLabels = requireLabels(this, 'labels', labels);
    for (const [key, value] of Object.entries(this.service.podLabels)) {
      if (labels[key] !== undefined && labels[key] !== value) {
        throw meshError(this, 'MESH_LABEL_DIFFERENT', `labels must not contradict those of the service's pods, ${key}=${value}, got ${key}=${labels[key]}; leave it away, or set podLabels of the service`);
      }
    }
    const { name, namespace, ports } = this.service;
    knowInstalled(this, (rendered) => standIn(rendered, {
      name: `${name}-${this.version}`, namespace, labels: this.labels, serviceAccountName: this.serviceAccountName, ports: distinctTargets(ports),
    }));
  }

  private requireLabel(workload: IConstruct, key: string, value: string, known: string | undefined): void {
    if (known === undefined || known === value) return;
    const repair = key === 'version' ? `remove theirs, or name the version "${known}"` : 'remove theirs';
    throw meshError(this, 'MESH_LABEL_DIFFERENT', `the pods of ${workload.node.path} must carry the label ${key}=${value}, got ${key}=${known}; ${repair}`);
  }

  private requireNamespace(namespace: string | undefined, from: string): void {
    if (namespace !== this.service.namespace) {
      throw meshError(this, 'MESH_NAMESPACE_DIFFERENT', `a version must be in its service's namespace ${text(this.service.namespace)}, got ${text(namespace)} of ${from}; move the workload, or the service`);
    }
  }
}

guarded('MeshVersion', MeshVersion);

function requireNew(service: Construct, id: string): void {
  if (id === '') requireLabel(service, 'the name of a version', id, 'choose another id'); // whatever else is wrong with it is said where it stands
  if (service.node.tryFindChild(id) === undefined) return;
  throw meshError(service, 'MESH_VERSION_DUPLICATE', `the names of versions must differ, and from those of the service's own parts, got "${id}" again; choose another`);
}

/** Container ports for the service's target ports. */
function distinctTargets(ports: readonly MeshPort[]): kplus.ContainerPort[] {
  return [...new Set(ports.map((port) => port.targetPort))].map((number) => ({ number }));
}

function text(namespace: string | undefined): string {
  return namespace === undefined ? '(none)' : `"${namespace}"`;
}
