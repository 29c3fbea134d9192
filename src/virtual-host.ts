import { Construct } from 'constructs';
import type { MeshGateway } from './mesh-gateway';
import { requireExportTo, requireLabel } from './private/check';
import { claimMeshHosts } from './private/claims';
import { finding, meshError } from './private/errors';
import { HostRoutes } from './private/host-routes';
import { requireDisjointHosts, requireGatewayHosts } from './private/hosts';
import { httpRule } from './private/http-rule';
import { namespaceIn } from './private/metadata';
import { virtualService } from './private/virtual-service';
import type { HttpRouteProps } from './route';

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
  private readonly routes: HostRoutes;

  public constructor(scope: Construct, id: string, props: VirtualHostProps) {
    super(scope, id);
    this.name = requireLabel(this, 'the name of a VirtualService', props.name ?? id, 'choose another construct id or set name');
    this.namespace = namespaceIn(this, props.namespace);
    const gateways = props.gateways ?? [];
    const inMesh = props.mesh ?? gateways.length === 0;
    this._hosts = requireDisjointHosts(this, gateways.length > 0 ? requireGatewayHosts(this, props.hosts) : props.hosts);
    this.routes = new HostRoutes(this._hosts.join(', '));
    const exportTo = requireExportTo(this, props.exportTo);
    if (inMesh) this.bindToMesh(exportTo);
    else if (gateways.length === 0) throw meshError(this, 'MESH_HOST_UNBOUND', 'a virtual host must be bound to the mesh or to a gateway, got mesh false and no gateways');
    gateways.forEach((gateway) => gateway._serve(this, this._hosts));
    virtualService(this, 'VirtualService', {
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
    this.routes.addRoute(this, id, props.priority ?? 0, httpRule(this, id, props, { namespace: this.namespace }));
    return this;
  }

  private bindToMesh(exportTo: string[] | undefined): void {
    if (this._hosts.includes('*')) {
      throw meshError(this, 'MESH_HOST_INVALID', 'host "*" is for gateways only, got it for callers inside the mesh; name the hosts, or set gateways');
    }
    claimMeshHosts(this, this._hosts, this.namespace, exportTo);
  }
}
