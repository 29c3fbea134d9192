import { guarded } from './private/arguments';
import { meshError } from './private/errors';
import type { HttpForwardOptions, RouteTarget } from './route';
import { type HeaderMatch, PathMatch, RouteMatch } from './route-match';

/** Options of a `GrpcMatch`. */
export interface GrpcMatchOptions {
  /**
   * Conditions on metadata, which gRPC sends as headers.
   * @default - any metadata
   */
  readonly metadata?: HeaderMatch[];
}

/** Which gRPC calls a route is for. Renders one item of `http[].match` of a VirtualService, on the path that gRPC uses. */
export class GrpcMatch {
  /** Calls of one method, e.g. `GrpcMatch.method('shop.Cart', 'Add')`. Throws MESH_GRPC_NAME unless both are names as a .proto file has them. */
  public static method(service: string, method: string, options: GrpcMatchOptions = {}): GrpcMatch {
    if (!/^[A-Za-z_]\w*$/.test(method)) throw meshError(undefined, 'MESH_GRPC_NAME', `the name of a gRPC method must be letters, digits and "_", got "${method}"; write it as its .proto file does`);
    return new GrpcMatch(PathMatch.exactly(`/${requireService(service)}/${method}`), options);
  }

  /** Calls of all methods of a service, e.g. `GrpcMatch.service('shop.Cart')`. Throws MESH_GRPC_NAME unless it is a name with its package. */
  public static service(service: string, options: GrpcMatchOptions = {}): GrpcMatch {
    return new GrpcMatch(PathMatch.startsWith(`/${requireService(service)}/`), options);
  }

  private constructor(private readonly path: PathMatch, private readonly options: GrpcMatchOptions) {}

  /** @internal */
  public _toRouteMatch(): RouteMatch { return RouteMatch.http({ path: this.path, headers: this.options.metadata }); }
}

guarded('GrpcMatch', GrpcMatch);

/** Properties of a route for gRPC calls: those of an HTTP route, with its matches by service and method. */
export interface GrpcRouteProps extends HttpForwardOptions {
  /**
   * Which calls: alternatives, one of which must hold.
   * @default - all calls that no other route of the host takes
   */
  readonly match?: GrpcMatch[];
  /** Where the calls go, at least one. Several share them by weight. */
  readonly targets: RouteTarget[];
}

function requireService(service: string): string {
  if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(service)) {
    throw meshError(undefined, 'MESH_GRPC_NAME', `the name of a gRPC service must be its package and its name, as shop.Cart, got "${service}"; write it as its .proto file does`);
  }
  return service;
}
