import { Construct } from 'constructs';
import type { GrpcRouteProps } from './grpc-match';
import type { TcpRouteProps, TlsRouteProps } from './l4-match';
import type { MeshGateway } from './mesh-gateway';
import { guarded, requireProps } from './private/arguments';
import { requireExportTo, requireLabel } from './private/check';
import { claimMeshHosts } from './private/claims';
import { finding, meshError } from './private/errors';
import { requireDisjointHosts, requireGatewayHosts } from './private/hosts';
import { directResponseRule, type HttpRule, httpRule, redirectRule, type RuleContext } from './private/http-rule';
import { isWithin } from './private/l4-routes';
import { namespaceIn } from './private/metadata';
import { RouteSet } from './private/route-set';
import { virtualService } from './private/virtual-service';
import type { DirectResponseRouteProps, HttpRouteProps, RedirectRouteProps } from './route';

/** Properties for `VirtualHost`. */
export interface VirtualHostProps {
  /** Hosts that callers ask for, at least one: DNS names, `*.example.com`, or `*` where it is bound to gateways only. */
  readonly hosts: string[];
  /**
   * Gateways at which the host is served.
   * @default - none: callers inside the mesh
   */
  readonly gateways?: MeshGateway[];
  /**
   * Whether the routes hold for callers inside the mesh.
   * @default - true without gateways, false with some
   */
  readonly mesh?: boolean;
  /**
   * Namespaces that see the routes: names, `.` for the own one, or `*` for all. Renders `exportTo`.
   * @default - the mesh's own rule, which in Istio is all namespaces
   */
  readonly exportTo?: string[];
  /**
   * Name of the VirtualService.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the VirtualService.
   * @default - the chart's
   */
  readonly namespace?: string;
}

/**
 * A host that is no single service: its routes spread over several. Renders one VirtualService where it has routes.
 * @example
 * new VirtualHost(this, 'site', { hosts: ['bookinfo.com'] })
 *   .addRoute('reviews', { match: [RouteMatch.http({ path: PathMatch.startsWith('/reviews') })], targets: [RouteTarget.to(reviews)] });
 */
export class VirtualHost extends Construct {
  /** Name of the VirtualService. */
  public readonly name: string;
  /** Namespace of the VirtualService; undefined where it is not known before it is applied. */
  public readonly namespace?: string;
  private readonly _hosts: string[];
  private readonly routes: RouteSet;

  /**
   * Throws MESH_EXPORT_INVALID, MESH_HOST_DUPLICATE, MESH_HOST_INVALID, MESH_HOST_UNBOUND, MESH_NAME_INVALID; without a route synthesis fails with
   * MESH_ROUTES_MISSING.
   */
  public constructor(scope: Construct, id: string, props: VirtualHostProps) {
    super(scope, id);
    requireProps(this, 'VirtualHostProps', props);
    this.name = requireLabel(this, 'the name of a VirtualService', props.name ?? id, 'choose another construct id or set name');
    this.namespace = namespaceIn(this, props.namespace);
    const gateways = props.gateways ?? [];
    const inMesh = props.mesh ?? gateways.length === 0;
    this._hosts = requireDisjointHosts(this, gateways.length > 0 ? requireGatewayHosts(this, props.hosts) : props.hosts);
    this.routes = new RouteSet(this._hosts.join(', '));
    const exportTo = requireExportTo(this, props.exportTo);
    if (inMesh) this.bindToMesh(exportTo);
    else if (gateways.length === 0) throw meshError(this, 'MESH_HOST_UNBOUND', 'a virtual host must be bound to the mesh or to a gateway, got mesh false and no gateways; set mesh, or add a gateway');
    gateways.forEach((gateway) => gateway._serve(this, this._hosts, this.namespace));
    this.node.defaultChild = virtualService(this, 'VirtualService', {
      name: this.name,
      namespace: this.namespace,
      hosts: this._hosts,
      // without gateways Istio takes it as bound to the mesh; beside some, the mesh must be named
      gateways: gateways.length === 0 ? undefined : [...inMesh ? ['mesh'] : [], ...gateways.map((gateway) => gateway.refFrom(this.namespace))],
      exportTo,
      routes: this.routes,
    });
    this.node.addValidation({
      validate: () => (this.routes.isEmpty ? [finding('MESH_ROUTES_MISSING', `virtual host ${this._hosts.join(', ')} must have at least one route, got none; call addRoute()`)] : []),
    });
  }

  /** The hosts. */
  public get hosts(): string[] { return [...this._hosts]; }

  /**
   * Adds a route for HTTP requests to these hosts. Requests that no route takes are answered 404. Returns the virtual host, for the next route.
   * A target needs a port unless its destination has exactly one HTTP port.
   */
  public addRoute(id: string, props: HttpRouteProps): VirtualHost {
    return this.add(props.priority, httpRule(this, id, props, this.context));
  }

  /** Adds a route for gRPC calls; otherwise as `addRoute()`. Returns the virtual host, for the next route. */
  public addGrpcRoute(id: string, props: GrpcRouteProps): VirtualHost {
    return this.addRoute(id, { ...props, match: props.match?.map((match) => match._toRouteMatch()) });
  }

  /** Adds a route that answers with a redirect. Throws MESH_REDIRECT_INVALID. Returns the virtual host, for the next route. */
  public addRedirect(id: string, props: RedirectRouteProps): VirtualHost {
    return this.add(props.priority, redirectRule(this, id, props));
  }

  /** Adds a route that the proxy answers by itself. Throws MESH_STATUS_INVALID or MESH_LIMIT_INVALID. Returns the virtual host, for the next route. */
  public addDirectResponse(id: string, props: DirectResponseRouteProps): VirtualHost {
    return this.add(props.priority, directResponseRule(this, id, props));
  }

  /**
   * Adds a route for TLS connections, which pass through as they are: by the name in their handshake. For TLS or HTTPS ports, and for gateway listeners that pass TLS through.
   * A target needs a port unless its destination has exactly one TLS or HTTPS port.
   * Throws MESH_SNI_INVALID for a name that is not among the hosts here. Returns the virtual host, for the next route.
   */
  public addTlsRoute(id: string, props: TlsRouteProps): VirtualHost {
    const stray = props.match.flatMap((match) => match._toKube().sniHosts).find((sni) => !this._hosts.some((host) => isWithin(sni, host)));
    if (stray !== undefined) {
      throw meshError(this, 'MESH_SNI_INVALID', `the names of TLS route "${id}" must be among the hosts (${this._hosts.join(', ')}), got "${stray}"; add it to hosts`);
    }
    this.routes.tls.addRoute(this, id, props, this.context);
    return this;
  }

  /**
   * Adds a route for TCP connections. A target needs a port unless its destination has exactly one TCP port. Returns the virtual host, for the next route.
   */
  public addTcpRoute(id: string, props: TcpRouteProps): VirtualHost {
    this.routes.tcp.addRoute(this, id, props, this.context);
    return this;
  }

  private get context(): RuleContext { return { namespace: this.namespace }; }

  private add(priority: number | undefined, rule: HttpRule): VirtualHost {
    this.routes.addHttp(this, priority, rule);
    return this;
  }

  private bindToMesh(exportTo: string[] | undefined): void {
    if (this._hosts.includes('*')) {
      throw meshError(this, 'MESH_HOST_INVALID', 'host "*" is for gateways only, got it for callers inside the mesh; name the hosts, or set gateways');
    }
    claimMeshHosts(this, this._hosts, this.namespace, exportTo);
  }
}

guarded('VirtualHost', VirtualHost);
