import type { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import type { Mesh } from './mesh';
import { guarded, requireProps } from './private/arguments';
import { requireInteger, requireLabel } from './private/check';
import { durationText } from './private/duration';
import { meshError } from './private/errors';
import { providerService } from './private/provider-service';
import { requireHeaderPattern } from './private/text';
import type { IRouteDestination } from './route';

/** Options of `ExtAuthz.grpc()`. */
export interface GrpcAuthzOptions {
  /**
   * Number of the port, which must be one of gRPC or HTTP/2.
   * @default - the service's only port
   */
  readonly port?: number;
}

/** Options of `ExtAuthz.http()`. Names of headers may begin or end with `*`. */
export interface HttpAuthzOptions {
  /**
   * Number of the port, which must be one of HTTP.
   * @default - the service's only port
   */
  readonly port?: number;
  /**
   * Put before the path of the request that is asked about. Renders `pathPrefix`.
   * @default - the path as it is
   */
  readonly pathPrefix?: string;
  /**
   * Headers of the request that the authorizer sees, besides host, method and path. Renders `includeRequestHeadersInCheck`.
   * @default - none
   */
  readonly requestHeaders?: string[];
  /**
   * Headers that each question has besides. Renders `includeAdditionalHeadersInCheck`.
   * @default - none
   */
  readonly additionalHeaders?: { [name: string]: string };
  /**
   * Headers of the authorizer's answer that the application gets where a request may pass. Renders `headersToUpstreamOnAllow`.
   * @default - none
   */
  readonly headersToUpstreamOnAllow?: string[];
  /**
   * Headers of the authorizer's answer that the caller gets where a request may pass. Renders `headersToDownstreamOnAllow`.
   * @default - none
   */
  readonly headersToDownstreamOnAllow?: string[];
  /**
   * Headers of the authorizer's answer that the caller gets where a request is refused. Renders `headersToDownstreamOnDeny`.
   * @default - all
   */
  readonly headersToDownstreamOnDeny?: string[];
}

/** How an `ExternalAuthorizer` is asked, and where it is. */
export class ExtAuthz {
  /**
   * By gRPC, as Envoy's `envoy.service.auth.v3.Authorization`; about HTTP requests and TCP connections.
   * Throws MESH_PORT_UNKNOWN, MESH_PORT_AMBIGUOUS, MESH_PROTOCOL_DIFFERENT, MESH_NAMESPACE_MISSING.
   */
  public static grpc(service: IRouteDestination, options: GrpcAuthzOptions = {}): ExtAuthz {
    return new ExtAuthz('envoyExtAuthzGrpc', { ...providerService(service, options.port, 'gRPC') });
  }

  /**
   * By HTTP: an answer of 200 lets the request pass, any other is the caller's answer. About HTTP requests only.
   * Throws as `grpc()` does, MESH_PATH_INVALID and MESH_HEADER_INVALID.
   */
  public static http(service: IRouteDestination, options: HttpAuthzOptions = {}): ExtAuthz {
    const { port, pathPrefix, requestHeaders, additionalHeaders } = options;
    if (pathPrefix !== undefined && !pathPrefix.startsWith('/')) {
      throw meshError(service, 'MESH_PATH_INVALID', `pathPrefix must begin with /, got "${pathPrefix}"; write "/${pathPrefix}"`);
    }
    return new ExtAuthz('envoyExtAuthzHttp', {
      ...providerService(service, port, 'HTTP'),
      pathPrefix,
      includeRequestHeadersInCheck: requestHeaders?.map(requireHeaderPattern),
      includeAdditionalHeadersInCheck: additionalHeaders,
      headersToUpstreamOnAllow: options.headersToUpstreamOnAllow?.map(requireHeaderPattern),
      headersToDownstreamOnAllow: options.headersToDownstreamOnAllow?.map(requireHeaderPattern),
      headersToDownstreamOnDeny: options.headersToDownstreamOnDeny?.map(requireHeaderPattern),
    });
  }

  private constructor(
    /** @internal */ public readonly _kind: string,
    /** @internal */ public readonly _provider: Readonly<Record<string, unknown>>,
  ) {}
}

guarded('ExtAuthz', ExtAuthz);

/** What of a request's body an authorizer sees. */
export interface AuthorizerBody {
  /** Bytes that are kept back until it has answered, 1 to 4294967295. Renders `maxRequestBytes`. */
  readonly maxBytes: number;
  /**
   * Whether it is asked with the beginning of a longer body; else that is answered 413. Renders `allowPartialMessage`.
   * @default false
   */
  readonly allowPartial?: boolean;
  /**
   * Whether a gRPC authorizer gets it as bytes rather than as text. Renders `packAsBytes`.
   * @default false
   */
  readonly asBytes?: boolean;
}

/** Properties for `ExternalAuthorizer`. */
export interface ExternalAuthorizerProps {
  /** The mesh whose MeshConfig it is registered in; it must be in a chart. */
  readonly mesh: Mesh;
  /** How it is asked, and where it is. */
  readonly ask: ExtAuthz;
  /**
   * How long proxies wait for its answer, at least 1 millisecond. Renders `timeout`.
   * @default - Istio's own, 600 seconds
   */
  readonly timeout?: Duration;
  /**
   * Whether requests pass while it cannot be asked, or answers 5xx. Renders `failOpen`.
   * @default false
   */
  readonly failOpen?: boolean;
  /**
   * HTTP status for callers while it cannot be asked: one of 4xx and 5xx that Envoy knows. Renders `statusOnError`.
   * @default 403
   */
  readonly statusOnError?: number;
  /**
   * Whether the route is chosen anew with the headers that it sets. Renders `clearRouteCache`.
   * @default false
   */
  readonly clearRouteCache?: boolean;
  /**
   * What of the request's body it sees. Renders `includeRequestBodyInCheck`.
   * @default - nothing
   */
  readonly body?: AuthorizerBody;
  /**
   * Name of the provider in MeshConfig.
   * @default - the construct's id
   */
  readonly name?: string;
}

/**
 * A program that is asked which requests may pass, for `AuthorizationRule` with `AccessAction.CUSTOM`. Renders an extension provider in the
 * MeshConfig of the Mesh.
 * @example
 * const opa = new MeshService(this, 'opa', { ports: [MeshPort.grpc(9191)], namespace: 'auth' });
 * const authorizer = new ExternalAuthorizer(this, 'by-opa', { mesh: new Mesh(this, 'mesh'), ask: ExtAuthz.grpc(opa) });
 * new AuthorizationRule(this, 'admin', { to: reviews, action: AccessAction.CUSTOM, authorizer, operations: [AccessOperation.http({ paths: ['/admin/*'] })] });
 */
export class ExternalAuthorizer extends Construct {
  /** Name of the provider in MeshConfig. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_PROVIDER_DUPLICATE, MESH_DURATION_INVALID, MESH_STATUS_INVALID, MESH_LIMIT_INVALID. */
  public constructor(scope: Construct, id: string, props: ExternalAuthorizerProps) {
    super(scope, id);
    requireProps(this, 'ExternalAuthorizerProps', props);
    this.name = requireLabel(this, 'the name of a provider', props.name ?? id, 'choose another construct id or set name');
    const { ask, timeout, failOpen, statusOnError, clearRouteCache, body } = props;
    if (statusOnError !== undefined && !isStatus(statusOnError)) {
      throw meshError(this, 'MESH_STATUS_INVALID', `statusOnError must be 400 to 417, 421 to 424, 426, 428, 429, 431, 500 to 508, 510 or 511, got ${statusOnError}; choose one of those, which Envoy has names for`);
    }
    props.mesh._addProvider(this, this.name, {
      [ask._kind]: {
        ...ask._provider,
        timeout: timeout && durationText(this, 'timeout', timeout),
        failOpen,
        // a text in Istio's schema
        statusOnError: statusOnError?.toString(),
        clearRouteCache,
        includeRequestBodyInCheck: body && {
          maxRequestBytes: requireInteger(this, 'MESH_LIMIT_INVALID', 'maxBytes', body.maxBytes, 1, 4_294_967_295),
          allowPartialMessage: body.allowPartial,
          packAsBytes: body.asBytes,
        },
      },
    });
    this.node.defaultChild = props.mesh.node.tryFindChild('MeshConfig');
  }
}

guarded('ExternalAuthorizer', ExternalAuthorizer);

/** Statuses that Envoy has names for; Istio denies everything where it is told another. */
const STATUSES = [[400, 417], [421, 424], [426, 426], [428, 429], [431, 431], [500, 508], [510, 511]] as const;

const isStatus = (status: number): boolean => Number.isInteger(status) && STATUSES.some(([low, high]) => status >= low && status <= high);
