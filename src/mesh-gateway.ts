import { ApiObject, JsonPatch } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { networking } from '../imports';
import { requireLabel, requirePort } from './private/check';
import { claimGatewayHosts } from './private/claims';
import { meshError } from './private/errors';
import { hostsMatch, requireDisjointHosts, requireGatewayHosts, widestHosts } from './private/hosts';
import type { HttpRule, RuleContext } from './private/http-rule';
import { namespaceIn, ownedMetadata } from './private/metadata';
import { RouteSet } from './private/route-set';
import { virtualService } from './private/virtual-service';

/** How a gateway ends TLS. Renders `servers[].tls` of a Gateway. */
export class GatewayTls {
  /**
   * Presents the certificate of this Secret (keys `tls.crt`, `tls.key`) and asks callers for none.
   * The Secret must be in the namespace of the gateway's pods.
   */
  public static simple(secret: kplus.ISecret): GatewayTls { return new GatewayTls('SIMPLE', secret.name); }

  private constructor(private readonly mode: string, private readonly credentialName: string) {}

  /** @internal */
  public _toKube(): networking.GatewaySpecServersTls {
    return { mode: this.mode as networking.GatewaySpecServersTlsMode, credentialName: this.credentialName };
  }
}

/** Options of `GatewayListener.http()`. */
export interface HttpListenerOptions {
  /**
   * Number that callers dial, 1 to 65535.
   * @default 80
   */
  readonly port?: number;
  /**
   * Hosts that are served: exact names with a dot, `*.example.com`, or `*`.
   * @default ['*']
   */
  readonly hosts?: string[];
}

/** Options of `GatewayListener.https()`. */
export interface HttpsListenerOptions {
  /** How TLS is ended. */
  readonly tls: GatewayTls;
  /**
   * Number that callers dial, 1 to 65535.
   * @default 443
   */
  readonly port?: number;
  /**
   * Hosts that are served: exact names with a dot, `*.example.com`, or `*`.
   * @default ['*']
   */
  readonly hosts?: string[];
}

/** One port of a gateway and the hosts it serves there. Renders one item of `servers` of a Gateway. */
export class GatewayListener {
  /** Plain HTTP. Throws MESH_PORT_INVALID or MESH_HOST_INVALID. */
  public static http(options: HttpListenerOptions = {}): GatewayListener { return new GatewayListener('HTTP', options.port ?? 80, options.hosts ?? ['*']); }
  /** HTTP inside TLS, which the gateway ends. Throws MESH_PORT_INVALID or MESH_HOST_INVALID. */
  public static https(options: HttpsListenerOptions): GatewayListener {
    return new GatewayListener('HTTPS', options.port ?? 443, options.hosts ?? ['*'], options.tls);
  }

  /** Number that callers dial. */
  public readonly port: number;
  /** Hosts that are served. */
  public readonly hosts: string[];

  private constructor(/** `HTTP` or `HTTPS`. */ public readonly protocol: string, port: number, hosts: string[],
    /** How TLS is ended; undefined for plain HTTP. */ public readonly tls?: GatewayTls) {
    this.port = requirePort('port', port);
    this.hosts = requireGatewayHosts(undefined, hosts);
  }
}

/** Options of `GatewayWorkload.deployed()`. */
export interface DeployedGatewayOptions {
  /**
   * Number of pods.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * How the gateway is reached from outside. Renders `Service.spec.type`.
   * @default kplus.ServiceType.LOAD_BALANCER
   */
  readonly serviceType?: kplus.ServiceType;
}

/** The pods that a gateway's configuration is for. */
export class GatewayWorkload {
  /** Its own Deployment, Service and ServiceAccount, whose proxy container Istio's injector fills in (template `gateway`). */
  public static deployed(options: DeployedGatewayOptions = {}): GatewayWorkload { return new GatewayWorkload(undefined, options); }
  /** Pods with these labels, which run already, e.g. `{ istio: 'ingressgateway' }`. Throws MESH_SELECTOR_EMPTY for `{}`, which means every gateway. */
  public static existing(labels: { [name: string]: string }): GatewayWorkload {
    if (Object.keys(labels).length === 0) {
      throw meshError(undefined, 'MESH_SELECTOR_EMPTY', 'labels must have at least one label, got {}; Istio would configure every gateway of the mesh');
    }
    return new GatewayWorkload({ ...labels }, {});
  }

  private constructor(
    /** @internal */ public readonly _labels: { [name: string]: string } | undefined,
    /** @internal */ public readonly _options: DeployedGatewayOptions) {}
}

/** Properties for `MeshGateway`. */
export interface MeshGatewayProps {
  /** Ports and hosts, at least one listener. */
  readonly listeners: GatewayListener[];
  /**
   * The pods that serve them.
   * @default GatewayWorkload.deployed()
   */
  readonly workload?: GatewayWorkload;
  /**
   * Name of the Gateway, and of the Deployment, Service and ServiceAccount where it has its own.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of these.
   * @default - the chart's
   */
  readonly namespace?: string;
}

/**
 * A door from outside into the mesh. Renders a Gateway, the workload that serves it, and one VirtualService per set of hosts that
 * services are exposed under.
 * @example
 * const gateway = new MeshGateway(this, 'bookinfo-gateway', { listeners: [GatewayListener.http()] });
 */
export class MeshGateway extends Construct {
  /** Name of the Gateway. */
  public readonly name: string;
  /** Namespace of the Gateway; undefined where it is not known before it is applied. */
  public readonly namespace?: string;
  /** Labels of the pods that serve the gateway. */
  public readonly selector: { [name: string]: string };
  /** The gateway's own Deployment; undefined for pods that exist already. */
  public readonly deployment?: kplus.Deployment;
  /** The gateway's own Service; undefined for pods that exist already. */
  public readonly service?: kplus.Service;
  private readonly _listeners: GatewayListener[];
  private readonly exposures = new Map<string, RouteSet>();

  public constructor(scope: Construct, id: string, props: MeshGatewayProps) {
    super(scope, id);
    this.name = requireLabel(this, 'the name of a Gateway', props.name ?? id, 'choose another construct id or set name');
    this.namespace = namespaceIn(this, props.namespace);
    this._listeners = [...props.listeners];
    this.requireDistinctListeners();
    const workload = props.workload ?? GatewayWorkload.deployed();
    this.selector = workload._labels ?? { istio: this.name };
    if (workload._labels === undefined) {
      const serviceAccount = new kplus.ServiceAccount(this, 'ServiceAccount', { metadata: this.metadata() });
      this.deployment = this.deploy(serviceAccount, workload._options);
      this.service = this.serve(workload._options);
      if (this._listeners.some((listener) => listener.tls !== undefined)) this.allowSecrets(serviceAccount);
    }
    new networking.Gateway(this, 'Gateway', { metadata: this.metadata(), spec: { selector: this.selector, servers: this.servers() } });
  }

  /** Ports and hosts. */
  public get listeners(): GatewayListener[] { return [...this._listeners]; }

  /** The name by which VirtualServices in this namespace refer to the gateway. */
  public refFrom(namespace?: string): string {
    return namespace === this.namespace || this.namespace === undefined ? this.name : `${this.namespace}/${this.name}`;
  }

  /** Where rules that are exposed here stand. @internal */
  public get _ruleContext(): RuleContext { return { namespace: this.namespace }; }

  /** Adds a rule to the VirtualService of these hosts. @internal */
  public _expose(owner: Construct, hosts: string[] | undefined, priority: number | undefined, rule: HttpRule): void {
    const listed = [...hosts ?? widestHosts(this._listeners.flatMap((listener) => listener.hosts))].sort();
    requireDisjointHosts(owner, requireGatewayHosts(owner, listed));
    this.routesOf(owner, listed).addHttp(owner, priority, rule);
  }

  /** Takes these hosts for a VirtualService of `owner`, the only one that may have them here. @internal */
  public _serve(owner: Construct, hosts: string[]): void {
    const stray = hosts.find((host) => !this._listeners.some((listener) => listener.hosts.some((served) => hostsMatch(served, host))));
    if (stray !== undefined) {
      const served = this._listeners.flatMap((listener) => listener.hosts).join(', ');
      throw meshError(owner, 'MESH_GATEWAY_HOST_MISMATCH', `hosts must be among those that gateway ${this.node.path} serves (${served}), got "${stray}"; add it to a listener`);
    }
    claimGatewayHosts(owner, this, hosts);
  }

  /** One VirtualService for each set of hosts: Istio does not order the rules of two that share a host. */
  private routesOf(owner: Construct, hosts: string[]): RouteSet {
    const key = hosts.join(',');
    const known = this.exposures.get(key);
    if (known !== undefined) return known;
    const routes = new RouteSet(hosts.join(', '));
    this._serve(owner, hosts);
    this.exposures.set(key, routes);
    virtualService(this, `VirtualService-${hosts[0]}`, {
      name: `${this.name}-${hosts[0].replace(/^\*/, 'all')}`, namespace: this.namespace, hosts, gateways: [this.name], routes,
    });
    return routes;
  }

  private metadata(labels?: Record<string, string>) {
    return ownedMetadata(this, this.name, this.namespace, labels);
  }

  private servers(): networking.GatewaySpecServers[] {
    return this._listeners.map((listener) => ({
      port: { number: listener.port, name: this.portName(listener), protocol: listener.protocol },
      hosts: listener.hosts,
      tls: listener.tls?._toKube(),
    }));
  }

  private portName(listener: GatewayListener): string {
    const protocol = listener.protocol.toLowerCase();
    return this._listeners.filter((other) => other.protocol === listener.protocol).length === 1 ? protocol : `${protocol}-${listener.port}`;
  }

  private requireDistinctListeners(): void {
    if (this._listeners.length === 0) throw meshError(this, 'MESH_SERVERS_MISSING', 'listeners must have at least one listener, got []');
    const twice = this._listeners.find((listener, index) => this._listeners.findIndex((other) => other.port === listener.port) < index);
    if (twice !== undefined) {
      throw meshError(this, 'MESH_PORT_DUPLICATE', `the ports of listeners must differ, got ${twice.port} twice; give one listener all hosts of the port`);
    }
  }

  private deploy(serviceAccount: kplus.ServiceAccount, options: DeployedGatewayOptions): kplus.Deployment {
    const deployment = new kplus.Deployment(this, 'Deployment', {
      metadata: this.metadata(this.selector),
      podMetadata: {
        labels: { 'app': this.name, ...this.selector, 'sidecar.istio.io/inject': 'true' },
        annotations: { 'inject.istio.io/templates': 'gateway' },
      },
      replicas: options.replicas ?? 1,
      serviceAccount,
      select: false,
      containers: [{
        name: 'istio-proxy',
        image: 'auto', // the injector puts the proxy of the control plane's version here
        ports: [...this.targetPorts().values()].map((number) => ({ number })),
        securityContext: { user: 1337, group: 1337, allowPrivilegeEscalation: false },
        resources: { cpu: { request: kplus.Cpu.millis(100) } },
      }],
    });
    deployment.select(kplus.LabelSelector.of({ labels: this.selector }));
    // cdk8s-plus knows no "ALL"; the restricted pod security standard asks for it
    ApiObject.of(deployment).addJsonPatch(JsonPatch.add('/spec/template/spec/containers/0/securityContext/capabilities', { drop: ['ALL'] }));
    return deployment;
  }

  private serve(options: DeployedGatewayOptions): kplus.Service {
    const service = new kplus.Service(this, 'Service', { metadata: this.metadata(this.selector), type: options.serviceType ?? kplus.ServiceType.LOAD_BALANCER });
    Object.entries(this.selector).forEach(([key, value]) => service.selectLabel(key, value));
    for (const listener of this._listeners) {
      service.bind(listener.port, { name: this.portName(listener), targetPort: this.targetPorts().get(listener) });
    }
    return service;
  }

  /** Where each listener binds in the pod: no port below 1024, so that the proxy needs no privilege (80 → 8080, 443 → 8443). */
  private targetPorts(): Map<GatewayListener, number> {
    const taken = new Set(this._listeners.map((listener) => listener.port).filter((port) => port >= 1024));
    return new Map(this._listeners.map((listener) => {
      let target = listener.port < 1024 ? listener.port + 8000 : listener.port;
      while (target !== listener.port && taken.has(target)) target += 1000;
      taken.add(target);
      return [listener, target];
    }));
  }

  /** The control plane sends a certificate only to a proxy whose ServiceAccount may read Secrets. */
  private allowSecrets(serviceAccount: kplus.ServiceAccount): void {
    const role = new kplus.Role(this, 'Role', { metadata: this.metadata() });
    role.allow(['get', 'watch', 'list'], kplus.ApiResource.SECRETS);
    const binding = new kplus.RoleBinding(this, 'RoleBinding', { metadata: this.metadata(), role });
    binding.addSubjects(serviceAccount);
  }
}
