import type { Duration } from 'cdk8s';
import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { wholeSeconds } from './private/duration';
import { meshError } from './private/errors';
import { requireHeaderName, requireRegex } from './private/text';
import type { HttpMethod } from './route-match';

/** Web sites whose pages may read the answers. Renders one item of `corsPolicy.allowOrigins` of a VirtualService. */
export class CorsOrigin {
  /** Pages of this origin, e.g. `https://shop.example`. Throws MESH_CORS_INVALID unless it is a scheme and a host, without a path. */
  public static exactly(origin: string): CorsOrigin {
    if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#*\s]+$/.test(origin)) {
      throw meshError(undefined, 'MESH_CORS_INVALID', `an origin must be a scheme and a host, as https://shop.example, got "${origin}"; browsers send no path and no "/" at its end`);
    }
    return new CorsOrigin({ exact: origin });
  }

  /** Pages of origins that begin so. Beware: `https://shop.example` is the beginning of `https://shop.example.evil` too. Throws MESH_CORS_INVALID for `''`. */
  public static startsWith(prefix: string): CorsOrigin {
    if (prefix === '') throw meshError(undefined, 'MESH_CORS_INVALID', 'the beginning of an origin must have at least one character, got ""; use CorsOrigin.any()');
    return new CorsOrigin({ prefix });
  }

  /** Pages of origins that match as a whole, in RE2 syntax. Throws MESH_REGEX_INVALID. */
  public static matchesRegex(regex: string): CorsOrigin { return new CorsOrigin({ regex: requireRegex(regex) }); }
  /** Every page. */
  public static any(): CorsOrigin { return new CorsOrigin({ regex: '.*' }, true); }

  private constructor(
    private readonly match: networking.VirtualServiceSpecHttpCorsPolicyAllowOrigins,
    /** @internal */ public readonly _isAny: boolean = false,
  ) {}

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecHttpCorsPolicyAllowOrigins { return this.match; }
}

guarded('CorsOrigin', CorsOrigin);

/** Options of a `CorsPolicy`. */
export interface CorsPolicyOptions {
  /** Whose pages may read the answers, at least one. */
  readonly allowOrigins: CorsOrigin[];
  /**
   * Methods that pages may use.
   * @default - those that need no permission: GET, HEAD, POST
   */
  readonly allowMethods?: HttpMethod[];
  /**
   * Headers that pages may send.
   * @default - those that need no permission
   */
  readonly allowHeaders?: string[];
  /**
   * Headers of the answer that pages may read.
   * @default - those that need no permission
   */
  readonly exposeHeaders?: string[];
  /**
   * How long a browser remembers the permission; whole seconds, at least 1.
   * @default - as the browser likes, mostly 5 s
   */
  readonly maxAge?: Duration;
  /**
   * Whether pages may send cookies and the like.
   * @default false
   */
  readonly allowCredentials?: boolean;
  /**
   * Whether preflights of other origins reach the application, which then answers them.
   * @default true
   */
  readonly forwardUnmatchedPreflights?: boolean;
}

/**
 * Which web pages may call. The proxy answers preflights by itself. Renders `http[].corsPolicy` of a VirtualService.
 * @example
 * reviews.addRoute('all', {
 *   targets: [RouteTarget.to(v1)],
 *   cors: CorsPolicy.of({ allowOrigins: [CorsOrigin.exactly('https://shop.example')], allowMethods: [HttpMethod.GET] }),
 * });
 */
export class CorsPolicy {
  /**
   * Throws MESH_CORS_INVALID without an origin and for credentials with any origin; MESH_DURATION_INVALID for a `maxAge` that is no whole number of seconds from 1;
   * MESH_HEADER_INVALID.
   */
  public static of(options: CorsPolicyOptions): CorsPolicy { return new CorsPolicy(options); }

  private readonly spec: networking.VirtualServiceSpecHttpCorsPolicy;

  private constructor(options: CorsPolicyOptions) {
    const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, maxAge, allowCredentials, forwardUnmatchedPreflights = true } = options;
    if (allowOrigins.length === 0) throw meshError(undefined, 'MESH_CORS_INVALID', 'allowOrigins must have at least one CorsOrigin, got []; add one, e.g. CorsOrigin.exactly()');
    if (allowCredentials === true && allowOrigins.some((origin) => origin._isAny)) {
      throw meshError(undefined, 'MESH_CORS_INVALID', 'allowCredentials must not go with CorsOrigin.any(), got both: every site could act as its visitor; name the origins');
    }
    this.spec = {
      allowOrigins: allowOrigins.map((origin) => origin._toKube()),
      allowMethods: allowMethods && [...allowMethods],
      allowHeaders: allowHeaders?.map((name) => requireHeaderName(name, false)),
      exposeHeaders: exposeHeaders?.map((name) => requireHeaderName(name, false)),
      maxAge: maxAge && `${wholeSeconds('maxAge', maxAge, 1)}s`,
      allowCredentials,
      unmatchedPreflights: forwardUnmatchedPreflights ? undefined : 'IGNORE' as networking.VirtualServiceSpecHttpCorsPolicyUnmatchedPreflights,
    };
  }

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecHttpCorsPolicy { return this.spec; }
}

guarded('CorsPolicy', CorsPolicy);
