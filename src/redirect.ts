import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requirePort } from './private/check';
import { meshError } from './private/errors';
import { requireHosts } from './private/hosts';
import { requirePath } from './private/text';
import { HttpScheme } from './route-match';

/** Status of a redirect. */
export enum RedirectStatus {
  /** 301: for good; callers may turn POST into GET. */
  MOVED_PERMANENTLY = '301',
  /** 302: for now; callers may turn POST into GET. */
  FOUND = '302',
  /** 303: look there with GET. */
  SEE_OTHER = '303',
  /** 307: for now, with the same method and body. */
  TEMPORARY_REDIRECT = '307',
  /** 308: for good, with the same method and body. */
  PERMANENT_REDIRECT = '308',
}

/** Where a redirect leads, apart from the path. */
export interface RedirectOptions {
  /**
   * Another host.
   * @default - the one that the caller asked for
   */
  readonly host?: string;
  /**
   * Another scheme.
   * @default - the one of the request
   */
  readonly scheme?: HttpScheme;
  /**
   * Another port, 1 to 65535; the default one of the scheme is left out of the URL.
   * @default - the one of the request, where that is no default one. To leave an odd port for a default one, give `host` as well
   */
  readonly port?: number;
  /**
   * Status of the answer.
   * @default RedirectStatus.MOVED_PERMANENTLY
   */
  readonly status?: RedirectStatus;
}

/**
 * An answer that sends the caller elsewhere; the query goes along. Renders `http[].redirect` of a VirtualService.
 * All factories throw MESH_HOST_INVALID for a `host` that is not one name, MESH_PORT_INVALID for a `port` that is none.
 * @example
 * reviews.addRedirect('old', { match: [RouteMatch.http({ path: PathMatch.exactly('/old') })], redirect: Redirect.toPath('/new', { status: RedirectStatus.FOUND }) });
 */
export class Redirect {
  /** To the same path elsewhere. Throws MESH_REDIRECT_INVALID unless host, scheme or port is given. */
  public static to(options: RedirectOptions): Redirect {
    if (options.host === undefined && options.scheme === undefined && options.port === undefined) {
      throw meshError(undefined, 'MESH_REDIRECT_INVALID', 'Redirect.to() needs a host, a scheme or a port, got none: the caller would come back for ever; use Redirect.toPath() for another path');
    }
    return new Redirect(options, {});
  }

  /** To the same URL by HTTPS. A port other than 80 stays in it, so on such a port use `to()` with `host`. */
  public static toHttps(): Redirect { return Redirect.to({ scheme: HttpScheme.HTTPS }); }
  /** To this path. Throws MESH_PATH_INVALID unless it begins with `/`. */
  public static toPath(path: string, options: RedirectOptions = {}): Redirect { return new Redirect(options, { uri: requirePath(path) }); }
  /**
   * Puts this in place of the beginning that the route's matches ask for. Each of them must be `PathMatch.startsWith()`, or adding the route throws
   * MESH_REDIRECT_INVALID.
   * Throws MESH_PATH_INVALID unless it begins with `/`.
   */
  public static toPrefix(prefix: string, options: RedirectOptions = {}): Redirect {
    return new Redirect(options, { prefixRewrite: requirePath(prefix) });
  }


  private readonly spec: networking.VirtualServiceSpecHttpRedirect;

  private constructor(options: RedirectOptions, path: Pick<networking.VirtualServiceSpecHttpRedirect, 'uri' | 'prefixRewrite'>) {
    const { host, scheme, port, status } = options;
    if (host !== undefined) requireHosts(undefined, [host]);
    if (host?.includes('*')) throw meshError(undefined, 'MESH_HOST_INVALID', `the host of a redirect must be one name, got "${host}"; write it without scheme, port and path`);
    this.spec = {
      ...path,
      authority: host,
      scheme,
      port: port === undefined ? undefined : requirePort('port', port),
      redirectCode: status === undefined ? undefined : Number(status),
    };
  }

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecHttpRedirect { return this.spec; }
}

guarded('Redirect', Redirect);
