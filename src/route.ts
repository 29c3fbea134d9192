import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import type { MeshPort } from './mesh-port';
import { requireInteger, requirePort } from './private/check';
import { meshError } from './private/errors';
import type { RetryPolicy } from './retry-policy';
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
}

/** Where a route leads. Renders `http[].route[]` of a VirtualService. */
export class RouteTarget {
  /**
   * Leads to a service, a version or an external service.
   * Throws MESH_WEIGHT_INVALID for a weight that is not a whole number from 0, and MESH_PORT_UNKNOWN for a port that the destination lacks.
   */
  public static to(destination: IRouteDestination, options: RouteTargetOptions = {}): RouteTarget {
    if (options.weight !== undefined) requireInteger(destination, 'MESH_WEIGHT_INVALID', 'weight', options.weight, 0, 2147483647);
    if (options.port !== undefined) {
      requirePort('port', options.port, destination);
      if (!destination.ports.some((port) => port.number === options.port)) {
        throw meshError(destination, 'MESH_PORT_UNKNOWN', `port must be one that the destination has (${destination.ports.map((port) => port.number).join(', ')}), got ${options.port}`);
      }
    }
    return new RouteTarget(destination, options.weight, options.port);
  }

  private constructor(
    /** Where the requests go. */ public readonly destination: IRouteDestination,
    /** Share in proportion to the other targets; undefined where none was given. */ public readonly weight?: number,
    /** Port number; undefined where it follows from the destination. */ public readonly port?: number,
  ) {}
}

/** Everything about a route except where it leads. */
export interface HttpRouteOptions {
  /**
   * Which requests: alternatives, one of which must hold.
   * @default - all requests that no other route of the host takes
   */
  readonly match?: RouteMatch[];
  /**
   * Routes with a higher number are tried earlier; among equals the more specific match is.
   * @default 0
   */
  readonly priority?: number;
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
}

/** Properties of a route for HTTP requests. */
export interface HttpRouteProps extends HttpRouteOptions {
  /** Where the requests go, at least one. Several share them by weight. */
  readonly targets: RouteTarget[];
}
