import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import type { networking } from '../imports';
import type { CorsPolicy } from './cors-policy';
import type { HeaderChange } from './header-change';
import type { MeshPort } from './mesh-port';
import { guarded } from './private/arguments';
import { requireInteger, requirePercent, requirePort } from './private/check';
import { meshError } from './private/errors';
import type { Redirect } from './redirect';
import type { RetryPolicy } from './retry-policy';
import type { Rewrite } from './rewrite';
import type { RouteMatch } from './route-match';

/** Something a route can lead to: a service, one version of it, or a host outside the mesh. */
export interface IRouteDestination extends IConstruct {
  /** Its ports. */
  readonly ports: MeshPort[];
  /** Subset of the host that is meant; undefined for all of it. */
  readonly subset?: string;
  /** The host name by which resources in this namespace address it (undefined: a namespace that is not known before it is applied). */
  hostFrom(namespace?: string): string;
}

/** Options of a `RouteTarget`. */
export interface RouteTargetOptions {
  /**
   * Share of the route's requests, in proportion to the other targets' weights; a whole number from 0. By habit the weights of a route add up to 100.
   * @default - all requests; needed where a route has several targets
   */
  readonly weight?: number;
  /**
   * Number of the port, 1 to 65535.
   * @default - the port the caller dialled where the destination is the route's own host, else the destination's only port
   */
  readonly port?: number;
  /**
   * Changes of request headers for this target's share, after those of the route; HTTP only. Renders `route[].headers.request`.
   * @default - none
   */
  readonly requestHeaders?: HeaderChange[];
  /**
   * Changes of answer headers for this target's share, after those of the route; HTTP only. Renders `route[].headers.response`.
   * @default - none
   */
  readonly responseHeaders?: HeaderChange[];
}

/** Where a route leads. Renders `http[].route[]` of a VirtualService. */
export class RouteTarget {
  /**
   * Leads to a service, a version or an external service.
   * Throws MESH_WEIGHT_INVALID for a weight that is not a whole number from 0, and MESH_PORT_UNKNOWN for a port that the destination lacks.
   * Throws also MESH_PORT_INVALID for a port that is none.
   */
  public static to(destination: IRouteDestination, options: RouteTargetOptions = {}): RouteTarget {
    if (options.weight !== undefined) requireInteger(destination, 'MESH_WEIGHT_INVALID', 'weight', options.weight, 0, 2147483647);
    if (options.port !== undefined) {
      requirePort('port', options.port, destination);
      if (!destination.ports.some((port) => port.number === options.port)) {
        throw meshError(destination, 'MESH_PORT_UNKNOWN', `port must be one that the destination has (${destination.ports.map((port) => port.number).join(', ')}), got ${options.port}; choose one of those, or add it to the ports of the destination`);
      }
    }
    return new RouteTarget(destination, options.weight, options.port, options.requestHeaders, options.responseHeaders);
  }

  private constructor(
    /** Where the requests go. */ public readonly destination: IRouteDestination,
    /** Share in proportion to the other targets; undefined where none was given. */ public readonly weight?: number,
    /** Port number; undefined where it follows from the destination. */ public readonly port?: number,
    /** Changes of request headers for this target's share. */ public readonly requestHeaders?: HeaderChange[],
    /** Changes of answer headers for this target's share. */ public readonly responseHeaders?: HeaderChange[],
  ) {}
}

guarded('RouteTarget', RouteTarget);

/** Options of a `Mirror`. */
export interface MirrorOptions {
  /**
   * Share of the route's requests that is copied, 0 or 0.0001 to 100.
   * @default 100
   */
  readonly percent?: number;
  /**
   * Number of the port, 1 to 65535.
   * @default - the port the caller dialled where the destination is the route's own host, else the destination's only HTTP port
   */
  readonly port?: number;
}

/**
 * A copy of requests for another destination. Callers never see its answer, nor that it has none. Renders one item of `http[].mirrors` of a VirtualService.
 * @example
 * reviews.addRoute('all', { targets: [RouteTarget.to(v1)], mirror: [Mirror.to(v2, { percent: 20 })] });
 */
export class Mirror {
  /** Copies to a service, a version or an external service. Throws MESH_PERCENT_INVALID or MESH_PORT_UNKNOWN. */
  public static to(destination: IRouteDestination, options: MirrorOptions = {}): Mirror {
    return new Mirror(RouteTarget.to(destination, { port: options.port }), requirePercent('percent', options.percent ?? 100));
  }

  private constructor(
    /** Where the copies go. */ public readonly target: RouteTarget,
    /** Share of the requests, 0 to 100. */ public readonly percent: number,
  ) {}

  /** @internal */
  public _toKube(destination: networking.VirtualServiceSpecHttpMirrorsDestination): networking.VirtualServiceSpecHttpMirrors {
    return { destination, percentage: { value: this.percent } };
  }
}

guarded('Mirror', Mirror);

/** What every HTTP route has. */
export interface HttpRuleOptions {
  /**
   * Routes with a higher number are tried earlier; among equals the more specific match is.
   * @default 0
   */
  readonly priority?: number;
  /**
   * Changes of the headers of answers, one for each header. Renders `headers.response`.
   * @default - none
   */
  readonly responseHeaders?: HeaderChange[];
}

/** What happens to requests on their way. */
export interface HttpForwardOptions extends HttpRuleOptions {
  /**
   * Longest time until the answer is complete, all retries included; at least 1 ms. Renders `timeout`.
   * @default - no limit
   */
  readonly timeout?: Duration;
  /**
   * When to send a request again. Renders `retries`.
   * @default - the mesh's own: twice, where the connection failed or the endpoint was not available
   */
  readonly retry?: RetryPolicy;
  /**
   * What requests are turned into on their way. Renders `rewrite`.
   * @default - they stay as they are
   */
  readonly rewrite?: Rewrite;
  /**
   * Changes of the headers of requests, one for each header. Renders `headers.request`.
   * @default - none
   */
  readonly requestHeaders?: HeaderChange[];
  /**
   * Copies of requests for other destinations. Renders `mirrors`.
   * @default - none
   */
  readonly mirror?: Mirror[];
  /**
   * Which web pages may call. Renders `corsPolicy`.
   * @default - the application's own answers decide
   */
  readonly cors?: CorsPolicy;
}

/** Everything about a route except where it leads. */
export interface HttpRouteOptions extends HttpForwardOptions {
  /**
   * Which requests: alternatives, one of which must hold.
   * @default - all requests that no other route of the host takes
   */
  readonly match?: RouteMatch[];
}

/** Properties of a route for HTTP requests. */
export interface HttpRouteProps extends HttpRouteOptions {
  /** Where the requests go, at least one. Several share them by weight. */
  readonly targets: RouteTarget[];
}

/** Properties of a route that answers with a redirect. */
export interface RedirectRouteProps extends HttpRuleOptions {
  /**
   * Which requests: alternatives, one of which must hold.
   * @default - all requests that no other route of the host takes
   */
  readonly match?: RouteMatch[];
  /** Where callers are sent. */
  readonly redirect: Redirect;
}

/** Properties of a route that the proxy answers by itself. */
export interface DirectResponseRouteProps extends HttpRuleOptions {
  /**
   * Which requests: alternatives, one of which must hold.
   * @default - all requests that no other route of the host takes
   */
  readonly match?: RouteMatch[];
  /** Status of the answer, 200 to 599. */
  readonly status: number;
  /**
   * Body of the answer, at most 1 MiB.
   * @default - none
   */
  readonly body?: string;
}
