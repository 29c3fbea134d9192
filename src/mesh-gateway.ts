import * as kplus from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { networking } from '../imports';
import type { GatewayListener } from './gateway-listener';
import { GatewayWorkload } from './gateway-workload';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { claimGatewayHosts } from './private/claims';
import { meshError } from './private/errors';
import { type GatewayPort, gatewayPods, targetPorts } from './private/gateway-pods';
import { hostsMatch, nameOf, namespaceOf, requireDisjointHosts, requireGatewayHosts, widestHosts } from './private/hosts';
import type { HttpRule, RuleContext } from './private/http-rule';
import { knowGateway } from './private/mesh-settings';
import { namespaceIn, ownedMetadata } from './private/metadata';
import { RouteSet } from './private/route-set';
import { virtualService } from './private/virtual-service';

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
export class MeshGateway extends Construct implements IPolicyTarget {
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

  /** Throws MESH_NAME_INVALID, MESH_LIMIT_INVALID for the `replicas` of its workload. */
  public constructor(scope: Construct, id: string, props: MeshGatewayProps) {
    super(scope, id);
    requireProps(this, 'MeshGatewayProps', props);
    this.name = requireLabel(this, 'the name of a Gateway', props.name ?? id, 'choose another construct id or set name');
    this.namespace = namespaceIn(this, props.namespace);
    this._listeners = [...props.listeners];
    this.requireDistinctListeners();
    const workload = props.workload ?? GatewayWorkload.deployed();
    this.selector = workload._labels ?? { istio: this.name };
    if (workload._labels === undefined) {
      const secrets = this._listeners.some((listener) => listener.tlsSettings?._usesSecret === true);
      const { name, namespace, selector } = this;
      const pods = gatewayPods(this, { name, namespace, selector, ports: this.ports(), secrets, ...workload._options });
      this.deployment = pods.deployment;
      this.service = pods.service;
    } else {
      knowGateway(this, { labels: workload._labels, host: workload._serviceHost });
    }
    this.node.defaultChild = new networking.Gateway(this, 'Gateway', { metadata: this.metadata(), spec: { selector: this.selector, servers: this.servers() } });
  }

  /** Ports and hosts. */
  public get listeners(): GatewayListener[] { return [...this._listeners]; }

  /** Labels of the pods that serve the gateway. */
  public get podLabels(): { [name: string]: string } { return { ...this.selector }; }

  /** Name of the ServiceAccount of the gateway's own pods; empty for pods that exist already. */
  public get serviceAccountNames(): string[] { return this.deployment?.serviceAccount === undefined ? [] : [this.deployment.serviceAccount.name]; }

  /** The name by which VirtualServices in this namespace refer to the gateway. */
  public refFrom(namespace?: string): string {
    return namespace === this.namespace || this.namespace === undefined ? this.name : `${this.namespace}/${this.name}`;
  }

  /** Where rules that are exposed here stand. @internal */
  public get _ruleContext(): RuleContext { return { namespace: this.namespace }; }

  /** Adds a rule to the VirtualService of these hosts. @internal */
  public _expose(owner: Construct, hosts: string[] | undefined, priority: number | undefined, rule: HttpRule): void {
    const listed = [...hosts ?? widestHosts(this._listeners.flatMap((listener) => listener.hosts.map(nameOf)))].sort();
    requireDisjointHosts(owner, requireGatewayHosts(owner, listed));
    this.routesOf(owner, listed).addHttp(owner, priority, rule);
  }

  /** Takes these hosts for a VirtualService of `owner`, the only one that may have them here. @internal */
  public _serve(owner: Construct, hosts: string[], namespace: string | undefined): void {
    const stray = hosts.find((host) => !this._listeners.some((listener) => listener.hosts.some((served) => this.isFor(served, host, namespace))));
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
    this._serve(owner, hosts, this.namespace);
    this.exposures.set(key, routes);
    virtualService(this, `VirtualService-${hosts[0]}`, {
      name: `${this.name}-${hosts[0].replace(/^\*/, 'all')}`, namespace: this.namespace, hosts, gateways: [this.name], routes,
    });
    return routes;
  }

  /** Whether a host of a listener is for this host of a VirtualService in this namespace. */
  private isFor(served: string, host: string, namespace: string | undefined): boolean {
    const only = namespaceOf(served);
    return hostsMatch(nameOf(served), host) && (only === undefined || only === '*' || (only === '.' ? this.namespace : only) === namespace);
  }

  private metadata() {
    return ownedMetadata(this, this.name, this.namespace);
  }

  private servers(): networking.GatewaySpecServers[] {
    return this._listeners.map((listener) => listener._toKube(this.portName(listener)));
  }

  /** Unique within the gateway: the protocol, as far as that does the port, and then the first host. */
  private portName(listener: GatewayListener): string {
    const protocol = listener.protocol.toLowerCase();
    if (this._listeners.filter((other) => other.protocol === listener.protocol).length === 1) return protocol;
    if (this._listeners.filter((other) => other.port === listener.port).length === 1) return `${protocol}-${listener.port}`;
    return `${protocol}-${listener.port}-${nameOf(listener.hosts[0]).replace(/\*/g, 'all').replace(/\./g, '-').toLowerCase()}`;
  }

  /** Ports of the Service: one for each number. */
  private ports(): GatewayPort[] {
    const targets = targetPorts(this._listeners.map((listener) => listener.port));
    return [...targets].map(([number, target]) => {
      const [first, ...more] = this._listeners.filter((listener) => listener.port === number);
      const name = more.length === 0 ? this.portName(first) : `${first.protocol.toLowerCase()}-${number}`;
      return { name, number, target, nodePort: first.nodePort };
    });
  }

  private requireDistinctListeners(): void {
    if (this._listeners.length === 0) throw meshError(this, 'MESH_SERVERS_MISSING', 'listeners must have at least one listener, got []; add one, e.g. GatewayListener.http()');
    this._listeners.forEach((listener, index) => {
      const other = this._listeners.slice(0, index).find(({ port }) => port === listener.port);
      if (other === undefined) return;
      if (other.tlsSettings === undefined || listener.tlsSettings === undefined) {
        throw meshError(this, 'MESH_PORT_DUPLICATE', `the ports of listeners must differ, got ${listener.port} twice; give one listener all hosts of the port`);
      }
    });
    // Envoy chooses among TLS listeners of a port by the name in the handshake; of two with one name Istio drops the later one.
    this._listeners.forEach((listener, index) => {
      const names = this._listeners.slice(0, index).filter(({ port }) => port === listener.port).flatMap(({ hosts }) => hosts.map(nameOf));
      const twice = listener.hosts.map(nameOf).find((host) => names.includes(host));
      if (twice !== undefined) throw meshError(this, 'MESH_HOST_DUPLICATE', `a host must be on one listener of a port, got "${twice}" twice on port ${listener.port}; leave it away on one of them`);
    });
  }
}

guarded('MeshGateway', MeshGateway);
