import { Lazy } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { Construct, type IConstruct } from 'constructs';
import { networking } from '../imports';
import { Connections, type IConnectable } from './connections';
import type { GrpcRouteProps } from './grpc-match';
import type { TcpRouteProps, TlsRouteProps } from './l4-match';
import type { MeshGateway } from './mesh-gateway';
import type { MeshPort } from './mesh-port';
import { type LabelledVersionOptions, MeshVersion, type MeshVersionOptions, type MeshVersionProps } from './mesh-version';
import { guarded, requireProps } from './private/arguments';
import { requireLabel, requireServiceName } from './private/check';
import { claimMeshHosts } from './private/claims';
import { meshError } from './private/errors';
import { serviceHost } from './private/host';
import type { HttpMatch } from './private/http-match';
import { directResponseRule, type HttpRule, httpRule, redirectRule, type RuleContext } from './private/http-rule';
import { namespaceIn, ownedMetadata } from './private/metadata';
import { portNames, requireDistinctPorts } from './private/ports';
import { RouteSet } from './private/route-set';
import { requireLabels } from './private/text';
import { requirePortPolicies, requireTrafficPolicy, subsetPolicy, trafficPolicy } from './private/traffic-policy';
import type { MeshVersionService } from './private/version';
import { virtualService } from './private/virtual-service';
import { type RenderedService, renderedService } from './private/workload';
import { type DirectResponseRouteProps, type HttpRouteOptions, type HttpRouteProps, type IRouteDestination, type RedirectRouteProps, RouteTarget } from './route';
import type { TrafficPolicyProps } from './traffic-policy';

/** Properties for `MeshService`. */
export interface MeshServiceProps {
  /** Ports that callers dial, at least one, unique by number. */
  readonly ports: MeshPort[];
  /**
   * DNS name of the service, and name of the Service, DestinationRule and VirtualService.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of all that the service renders.
   * @default - the chart's
   */
  readonly namespace?: string;
  /**
   * Name of the ServiceAccount, which is the identity (SPIFFE id) of the service's pods.
   * @default - the name of the service
   */
  readonly serviceAccountName?: string;
  /**
   * How callers treat the service. Renders `trafficPolicy` of its DestinationRule.
   * @default - the mesh's own policy
   */
  readonly traffic?: TrafficPolicyProps;
  /** A Service that is there. @internal */
  readonly _service?: RenderedService;
  /** Labels of its pods. @internal */
  readonly _podLabels?: { [name: string]: string };
}

/** Properties of `MeshService.fromService()`. */
export interface AdoptedServiceProps {
  /** The ports that the Service has, with their protocols; the same numbers. */
  readonly ports: MeshPort[];
  /**
   * Name of the ServiceAccount, which is the identity (SPIFFE id) of the service's pods.
   * @default - the name of the service
   */
  readonly serviceAccountName?: string;
  /**
   * Labels that all pods of the service carry, at least one: policies find them by these. Workloads that become versions get them.
   * @default - `app`, the name of the service
   */
  readonly podLabels?: { [name: string]: string };
  /**
   * How callers treat the service. Renders `trafficPolicy` of its DestinationRule.
   * @default - the mesh's own policy
   */
  readonly traffic?: TrafficPolicyProps;
}

/** Options of `MeshService.exposeViaGateway()`: those of a route, and where it is exposed. */
export interface ExposeViaGatewayOptions extends HttpRouteOptions {
  /**
   * Hosts that callers outside ask for, among those that the gateway serves.
   * @default - all hosts that the gateway serves
   */
  readonly hosts?: string[];
  /**
   * Where the requests go: versions, or ports, of this service.
   * @default - the service, all its versions
   */
  readonly targets?: RouteTarget[];
  /**
   * Name of the route, needed where the service is exposed several times under the same hosts.
   * @default - the name of the service
   */
  readonly id?: string;
}

/**
 * A service of the mesh with its versions and routes.
 * Renders a Service, a ServiceAccount, a Deployment for each version, one DestinationRule where there are versions or a traffic
 * policy, and one VirtualService where there are routes. All carry the names chosen here, never a hashed one.
 * @example
 * const reviews = new MeshService(this, 'reviews', { ports: [MeshPort.http(9080)] });
 * const v1 = reviews.addVersion('v1', { containers: [{ image: 'reviews:v1' }] });
 * reviews.addRoute('default', { targets: [RouteTarget.to(v1)] });
 */
export class MeshService extends Construct implements IRouteDestination, IConnectable {
  /**
   * Takes a Service that is there, of any version of cdk8s-plus or a plain ApiObject, into the mesh as it is: with versions (`addVersionFrom()`), routes and policies. The Service should have a
   * stable name (`metadata.name`), and must name each port so that Istio knows its protocol, e.g. `http` or `http-admin`.
   * Renders all that a MeshService does but the Service.
   * Throws MESH_SERVICE_UNKNOWN for what is no Service, MESH_PORT_UNKNOWN where the ports are not those of the Service, MESH_PORT_NAME for a name that says another protocol, or none.
   */
  public static fromService(scope: Construct, id: string, service: IConstruct, props: AdoptedServiceProps): MeshService {
    const found = renderedService(scope, service);
    const named = { ...props, name: found.name, namespace: found.namespace };
    return new MeshService(scope, id, { ...named, _service: found, _podLabels: props.podLabels });
  }

  /** Name of the service: the short DNS name. */
  public readonly name: string;
  /** Namespace of the service; undefined where it is not known before it is applied. */
  public readonly namespace?: string;
  /** The identity of the pods. */
  public readonly serviceAccount: kplus.ServiceAccount;
  /** Whom the service may call, and who may call it. Until something is said here, everybody may. */
  public readonly connections: Connections;
  /** How callers treat the service; undefined for the mesh's own policy. */
  public readonly traffic?: TrafficPolicyProps;
  private readonly _ports: MeshPort[];
  private readonly _podLabels: { [name: string]: string };
  private readonly _versions: MeshVersion[] = [];
  private readonly _service: kplus.Service | RenderedService;
  private readonly routes: RouteSet;
  /** Hosts of its VirtualService: its name, and those of its names that TLS routes are about. */
  private readonly routedHosts: string[];

  /**
   * Throws MESH_NAME_INVALID, MESH_PORT_MISSING, MESH_PORT_DUPLICATE, MESH_LABEL_INVALID; and for `traffic` MESH_FIELD_EXCLUSIVE,
   * MESH_FIELD_UNSUPPORTED, MESH_LIMIT_INVALID, MESH_LOCALITY_UNDECIDED, MESH_PERCENT_INVALID.
   */
  public constructor(scope: Construct, id: string, props: MeshServiceProps) {
    super(scope, id);
    requireProps(this, 'MeshServiceProps', props);
    this.name = requireServiceName(this, props.name ?? id);
    this.namespace = namespaceIn(this, props.namespace);
    this._ports = [...props.ports];
    requireDistinctPorts(this, this._ports);
    this._podLabels = requireLabels(this, 'podLabels', props._podLabels ?? { app: this.name });
    this.traffic = props.traffic;
    requireTrafficPolicy(this, this.traffic);
    requirePortPolicies(this, this._ports, this.traffic);
    this.routedHosts = [this.name];
    this.routes = new RouteSet(this.name, () => httpRule(this, 'default', { targets: [RouteTarget.to(this)] }, this.ruleContext()));
    const account = requireLabel(this, 'the name of a ServiceAccount', props.serviceAccountName ?? this.name, 'set serviceAccountName');
    this.serviceAccount = new kplus.ServiceAccount(this, 'ServiceAccount', { metadata: ownedMetadata(this, account, this.namespace) });
    if (props._service !== undefined) this.requireSamePorts(props._service);
    this._service = props._service ?? this.createService();
    this.node.defaultChild = this._service instanceof kplus.Service ? this._service : this._service.construct;
    this.connections = Connections._of(this);
    if (trafficPolicy(this.traffic, this._ports) !== undefined) this.ensureDestinationRule();
  }

  /** The Kubernetes Service. Throws MESH_SERVICE_UNKNOWN where it is one that `fromService()` took from elsewhere than cdk8s-plus-27. */
  public get service(): kplus.Service {
    const service = this._service instanceof kplus.Service ? this._service : this._service.construct;
    if (service instanceof kplus.Service) return service;
    throw meshError(this, 'MESH_SERVICE_UNKNOWN', `service is there for Services of cdk8s-plus-27, got ${service.node.path}; use that`);
  }

  /** Ports that callers dial. */
  public get ports(): MeshPort[] { return [...this._ports]; }

  /** The versions so far. */
  public get versions(): MeshVersion[] { return [...this._versions]; }

  /** Labels that the pods of all versions carry. */
  public get podLabels(): { [name: string]: string } { return { ...this._podLabels }; }

  /** Names of the ServiceAccounts that the pods run as: that of the service, and those of workloads that came with their own. */
  public get serviceAccountNames(): string[] {
    return [...new Set([this.serviceAccount.name, ...this._versions.map((version) => version.serviceAccountName)])].sort();
  }

  /** Undefined: a route to the service leads to all versions. */
  public get subset(): string | undefined { return undefined; }

  /** The host name by which resources in this namespace address the service. Throws MESH_NAMESPACE_MISSING. */
  public hostFrom(namespace?: string): string { return serviceHost(this, this.name, this.namespace, namespace); }

  /** The host by which a Sidecar lets callers know of the service. Throws MESH_NAMESPACE_MISSING. */
  public hostsInScope(): string[] {
    if (this.namespace === undefined) {
      throw meshError(this, 'MESH_NAMESPACE_MISSING', 'a service that others connect to must have a namespace, got none; set namespace, or that of its chart');
    }
    return [`${this.namespace}/${this.hostFrom('')}`];
  }

  /**
   * Adds a version with its own Deployment, `SERVICE-ID`, whose pods carry the labels `app` and `version`.
   * Throws MESH_NAME_INVALID where id is no lower-case DNS label.
   */
  public addVersion(id: string, props: MeshVersionProps): MeshVersion {
    return this.register(MeshVersion._create(this, id, this.forVersions(), props));
  }

  /**
   * Makes a workload that exists already a version: its pods get the labels `app` and `version`, and the service's identity unless they have one.
   * Throws MESH_LABEL_DIFFERENT where the pods carry other values of these, MESH_LABEL_MISSING where they carry none, MESH_NAMESPACE_DIFFERENT, and
   * MESH_WORKLOAD_UNKNOWN for what has no pods.
   * @param id name of the version
   * @param workload a workload of cdk8s-plus, of whichever version, or a plain ApiObject: Deployment, StatefulSet, DaemonSet, Pod, or what else has a Pod template
   * @param options how callers treat it
   */
  public addVersionFrom(id: string, workload: IConstruct, options: MeshVersionOptions = {}): MeshVersion {
    return this.register(MeshVersion._from(this, id, this.forVersions(), workload, options));
  }

  /**
   * Makes pods that run already a version, by labels that tell them from others of the service, e.g. `{ 'app.kubernetes.io/version': '1.2' }`. Nothing
   * is rendered for them; synthesis and MeshTesting take it that one such pod runs, unless a rendered workload has these labels.
   * Throws MESH_LABEL_INVALID, for `{}` too, and MESH_LABEL_DIFFERENT for labels that contradict `podLabels`.
   */
  public addVersionByLabels(id: string, labels: { [name: string]: string }, options: LabelledVersionOptions = {}): MeshVersion {
    return this.register(MeshVersion._labelled(this, id, this.forVersions(), labels, options));
  }

  /**
   * Adds a route for HTTP requests that are sent to this service inside the mesh. Requests that no route takes are answered 404,
   * so a service with any route needs one without a match.
   * Throws MESH_ROUTE_PROTOCOL where the service has no HTTP port, and for each property that cannot be right.
   */
  public addRoute(id: string, props: HttpRouteProps): void {
    this._addRoute(this, id, props);
  }

  /**
   * Adds a route for gRPC calls to the service; needs a GRPC or HTTP2 port. It stands among the service's HTTP routes.
   * Throws as `addRoute()` does.
   */
  public addGrpcRoute(id: string, props: GrpcRouteProps): void {
    if (!this._ports.some((port) => port.protocol === 'GRPC' || port.protocol === 'HTTP2')) throw this.protocolError('a gRPC route', 'a GRPC or HTTP2');
    this._addRoute(this, id, { ...props, match: props.match?.map((match) => match._toRouteMatch()) });
  }

  /** Adds a route that answers with a redirect. It stands among the service's HTTP routes. Throws as `addRoute()` does, and MESH_REDIRECT_INVALID. */
  public addRedirect(id: string, props: RedirectRouteProps): void {
    this.requireHttp('a redirect');
    this.addRule(this, props.priority, redirectRule(this, id, props));
  }

  /**
   * Adds a route that callers' proxies answer by themselves. It stands among the service's HTTP routes.
   * Throws as `addRoute()` does, MESH_STATUS_INVALID for a status that is not 200 to 599, MESH_LIMIT_INVALID for a body of more than 1 MiB.
   */
  public addDirectResponse(id: string, props: DirectResponseRouteProps): void {
    this.requireHttp('a direct response');
    this.addRule(this, props.priority, directResponseRule(this, id, props));
  }

  /**
   * Adds a route for connections to the service's TCP ports. Renders `tcp[]` of its VirtualService.
   * For ports whose TLS the application ends, use a `VirtualHost` and its `addTlsRoute()`: what decides there is the name in the handshake.
   * Throws MESH_ROUTE_PROTOCOL without a TCP port, else as `addRoute()` does.
   */
  public addTcpRoute(id: string, props: TcpRouteProps): void {
    if (!this._ports.some((port) => port.protocol === 'TCP')) throw this.protocolError('a TCP route', 'a TCP');
    this.routes.tcp.addRoute(this, id, props, this.ruleContext());
    this.ensureVirtualService();
  }

  /**
   * Adds a route for TLS connections to the service, which pass through as they are: by the name in their handshake. Renders `tls[]` of its VirtualService.
   * Throws MESH_ROUTE_PROTOCOL without a TLS or HTTPS port, MESH_SNI_INVALID for a name that is none of the service's own, else as `addRoute()` does.
   */
  public addTlsRoute(id: string, props: TlsRouteProps): void {
    if (!this._ports.some((port) => port.protocol === 'TLS' || port.protocol === 'HTTPS')) throw this.protocolError('a TLS route', 'a TLS or HTTPS');
    const asked = props.match.flatMap((match) => match._toKube().sniHosts ?? []);
    const stray = asked.find((sni) => !this.names().includes(sni));
    if (stray !== undefined) {
      throw meshError(this, 'MESH_SNI_INVALID', `the names of TLS route "${id}" must be among those of the service (${this.names().join(', ')}), got "${stray}"; use a VirtualHost for others`);
    }
    this.routes.tls.addRoute(this, id, props, this.ruleContext());
    this.ensureVirtualService();
    this.routedHosts.splice(0, Infinity, ...this.names().filter((name) => this.routedHosts.includes(name) || asked.includes(name)));
  }

  /**
   * Exposes the service to callers outside, under hosts of the gateway. Takes all options of a route.
   * What `addRoute()` says holds inside the mesh only, as in Istio: from the gateway requests go to all versions, unless `targets` names some.
   * Renders a rule of a VirtualService that belongs to the gateway and to these hosts.
   * Throws MESH_ROUTE_PROTOCOL without an HTTP port, MESH_GATEWAY_HOST_MISMATCH for a host that the gateway does not serve, MESH_HOST_SHARED for one
   * that is exposed there with another list of hosts, and MESH_ROUTE_DUPLICATE for an id that is taken.
   */
  public exposeViaGateway(gateway: MeshGateway, options: ExposeViaGatewayOptions = {}): void {
    this.requireHttp('exposeViaGateway()');
    const id = options.id ?? this.name;
    const rule = httpRule(this, id, { ...options, targets: options.targets ?? [RouteTarget.to(this)] }, gateway._ruleContext);
    gateway._expose(this, options.hosts, options.priority, rule);
  }

  /** A route on behalf of another construct. @internal */
  public _addRoute(owner: Construct, id: string, props: HttpRouteProps): void {
    this.requireHttp('a route', owner);
    this.addRule(owner, props.priority, httpRule(owner, id, props, this.ruleContext()));
  }

  /** Rules on behalf of another construct, asked for whenever they are rendered. @internal */
  public _addRules(owner: Construct, priority: number | undefined, produce: (context: RuleContext) => HttpRule[]): void {
    this.requireHttp('a route', owner);
    this.routes.http.addSource(owner, priority ?? 0, () => produce(this.ruleContext()));
    this.ensureVirtualService();
  }

  /** The http rules of the service's own VirtualService as they are rendered now. @internal */
  public get _http(): HttpRule[] { return this.routes.http.render(); }

  /** How rules of the service address destinations. @internal */
  public get _context(): RuleContext { return this.ruleContext(); }

  /** A fault on behalf of another construct. @internal */
  public _addFault(owner: Construct, match: HttpMatch[] | undefined, fault: networking.VirtualServiceSpecHttpFault, pastLimits: boolean): void {
    this.requireHttp('a fault', owner);
    this.routes.http.addFault(owner, match, fault, pastLimits);
    this.ensureVirtualService();
  }

  /** What callers in the mesh may call the service, the short name first. */
  private names(): string[] {
    const { name, namespace } = this;
    if (namespace === undefined) return [name];
    return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, this.hostFrom('')];
  }

  private addRule(owner: Construct, priority: number | undefined, rule: HttpRule): void {
    this.routes.addHttp(owner, priority, rule);
    this.ensureVirtualService();
  }

  /** Istio reads the protocol from the name of a port, and guesses where it cannot. */
  private requireSamePorts({ construct, ports: theirPorts }: RenderedService): void {
    const numbers = (ports: readonly number[]) => [...ports].sort((a, b) => a - b).join(', ');
    const [own, theirs] = [numbers(this._ports.map((port) => port.number)), numbers(theirPorts.map(({ port }) => port))];
    if (own !== theirs) throw meshError(this, 'MESH_PORT_UNKNOWN', `ports must be those that ${construct.node.path} has (${theirs}), got ${own}; declare a MeshPort for each`);
    for (const port of this._ports) {
      const prefix = port.protocol.toLowerCase();
      const name = theirPorts.find((each) => each.port === port.number)?.name;
      if (name !== prefix && name?.startsWith(`${prefix}-`) !== true) {
        throw meshError(this, 'MESH_PORT_NAME', `port ${port.number} of ${construct.node.path} must be named "${prefix}", or begin with "${prefix}-", got ${name === undefined ? 'no name' : `"${name}"`}; Istio reads the protocol from it`);
      }
    }
  }

  private createService(): kplus.Service {
    const service = new kplus.Service(this, 'Service', { metadata: ownedMetadata(this, this.name, this.namespace, { app: this.name }) });
    service.selectLabel('app', this.name);
    const names = portNames(this._ports);
    this._ports.forEach((port, index) => service.bind(port.number, { name: names[index], targetPort: port.targetPort }));
    return service;
  }

  private forVersions(): MeshVersionService {
    const { name, namespace, traffic, serviceAccount } = this;
    return { name, namespace, traffic, serviceAccount, podLabels: this._podLabels, ports: this._ports };
  }

  private register(version: MeshVersion): MeshVersion {
    this._versions.push(version);
    this.ensureDestinationRule();
    return version;
  }

  private ruleContext() {
    return { namespace: this.namespace, ownHost: this.name };
  }

  private requireHttp(what: string, owner: Construct = this): void {
    if (!this._ports.some((port) => port.isHttp)) throw this.protocolError(what, 'an HTTP, HTTP2 or GRPC', owner);
  }

  private protocolError(what: string, kind: string, owner: Construct = this): Error {
    const got = this._ports.map((port) => `${port.protocol} ${port.number}`).join(', ');
    return meshError(owner, 'MESH_ROUTE_PROTOCOL', `${what} needs ${kind} port of service ${this.node.path}, got ${got}; add such a port, or choose another kind of route`);
  }

  private ensureDestinationRule(): void {
    if (this.node.tryFindChild('DestinationRule') !== undefined) return;
    const rule = new networking.DestinationRule(this, 'DestinationRule', {
      metadata: ownedMetadata(this, this.name, this.namespace),
      spec: Lazy.any({ produce: () => this.destinationRule() }),
    });
    // subsets are written, and so applied, before routes that lead to them, also where the code has the routes first
    this.node.tryFindChild('VirtualService')?.node.addDependency(rule);
  }

  private ensureVirtualService(): void {
    if (this.node.tryFindChild('VirtualService') !== undefined) return;
    claimMeshHosts(this, [this.name], this.namespace);
    virtualService(this, 'VirtualService', { name: this.name, namespace: this.namespace, hosts: this.routedHosts, routes: this.routes });
  }

  private destinationRule(): networking.DestinationRuleSpec {
    const subsets = [...this._versions].sort((a, b) => (a.version < b.version ? -1 : 1))
      .map((each) => ({ name: each.subset!, labels: each._subsetLabels, trafficPolicy: subsetPolicy(each.traffic, this.traffic, this._ports) }));
    return { host: this.name, trafficPolicy: trafficPolicy(this.traffic, this._ports), subsets: subsets.length > 0 ? subsets : undefined };
  }
}

guarded('MeshService', MeshService);
