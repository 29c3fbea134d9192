import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requireLabel, requirePort } from './private/check';
import { meshError } from './private/errors';
import { regexOf, requireHeaderName, requireLabels, requirePath, requireRegex } from './private/text';

/** Options of a `PathMatch`. */
export interface PathMatchOptions {
  /**
   * Whether upper and lower case are the same. Has no effect on regular expressions.
   * @default false
   */
  readonly ignoreCase?: boolean;
}

/** A condition on the path of a request, without its query. Renders `match[].uri` of a VirtualService. */
export class PathMatch {
  /** The whole path, e.g. `/productpage`. Throws MESH_PATH_INVALID unless it begins with `/`. */
  public static exactly(path: string, options: PathMatchOptions = {}): PathMatch { return new PathMatch('exact', requirePath(path), options); }
  /** The path begins with these characters: `/a` matches `/a/b`, and `/ab` too. Throws MESH_PATH_INVALID unless it begins with `/`. */
  public static startsWith(prefix: string, options: PathMatchOptions = {}): PathMatch { return new PathMatch('prefix', requirePath(prefix), options); }
  /**
   * The path itself and everything below it: `/a` matches `/a`, `/a/` and `/a/b`, and not `/ab`. Renders a regular expression.
   * Throws MESH_PATH_INVALID unless it begins with `/` and goes further than that, MESH_REGEX_INVALID for a path that is too long for one.
   */
  public static under(path: string): PathMatch {
    const plain = requirePath(path).replace(/\/+$/, '');
    if (plain === '') throw meshError(undefined, 'MESH_PATH_INVALID', `PathMatch.under() needs a path below "/", got "${path}"; leave the path away for all`);
    return new PathMatch('regex', requireRegex(`${regexOf(plain)}(/.*)?`), {});
  }

  /** The whole path matches a regular expression in RE2 syntax. Throws MESH_REGEX_INVALID if it is none, or longer than 1024 characters. */
  public static matchesRegex(regex: string): PathMatch { return new PathMatch('regex', requireRegex(regex), {}); }

  private readonly ignoreCase: boolean;

  private constructor(private readonly kind: string, private readonly value: string, options: PathMatchOptions) {
    this.ignoreCase = options.ignoreCase ?? false;
  }

  /** @internal */
  public _toKube(): Pick<networking.VirtualServiceSpecHttpMatch, 'uri' | 'ignoreUriCase'> {
    return { uri: { [this.kind]: this.value }, ignoreUriCase: this.ignoreCase ? true : undefined };
  }
}

guarded('PathMatch', PathMatch);

/**
 * A condition on one header of a request. Renders `match[].headers` of a VirtualService, or `withoutHeaders` where negated.
 * All factories throw MESH_HEADER_INVALID for a name that no header has.
 */
export class HeaderMatch {
  /** The header has exactly this value. `''` is a value: present and empty. */
  public static valueIs(name: string, value: string): HeaderMatch { return new HeaderMatch(name, { exact: value }); }
  /** The value begins with these characters, at least one. */
  public static valueStartsWith(name: string, prefix: string): HeaderMatch { return new HeaderMatch(name, { prefix: requirePrefix(prefix) }); }
  /** The whole value matches a regular expression in RE2 syntax. Throws MESH_REGEX_INVALID if it is none. */
  public static valueMatchesRegex(name: string, regex: string): HeaderMatch { return new HeaderMatch(name, { regex: requireRegex(regex) }); }
  /** The header is there, whatever its value. */
  public static isPresent(name: string): HeaderMatch { return new HeaderMatch(name, {}); }

  /** Name of the header, in lower case, as case has no meaning in it. */
  public readonly name: string;

  private constructor(name: string, private readonly condition: networking.VirtualServiceSpecHttpMatchHeaders,
    /** Whether the condition is turned around. */ public readonly isNegated: boolean = false) {
    this.name = requireHeaderName(name);
  }

  /** The opposite: requests without the header, and those with another value. */
  public negated(): HeaderMatch { return new HeaderMatch(this.name, this.condition, !this.isNegated); }

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecHttpMatchHeaders { return this.condition; }
}

guarded('HeaderMatch', HeaderMatch);

/** A condition on one parameter of the query. Renders `match[].queryParams` of a VirtualService. All factories throw MESH_QUERY_NAME for the name ''. */
export class QueryParameterMatch {
  /** The parameter has exactly this value; `''` is a value. */
  public static valueIs(name: string, value: string): QueryParameterMatch { return new QueryParameterMatch(name, { exact: value }); }
  /** The value begins with these characters, at least one. */
  public static valueStartsWith(name: string, prefix: string): QueryParameterMatch {
    return new QueryParameterMatch(name, { prefix: requirePrefix(prefix) });
  }

  /** The whole value matches a regular expression in RE2 syntax. Throws MESH_REGEX_INVALID if it is none. */
  public static valueMatchesRegex(name: string, regex: string): QueryParameterMatch {
    return new QueryParameterMatch(name, { regex: requireRegex(regex) });
  }

  /** The parameter is there, whatever its value. */
  public static isPresent(name: string): QueryParameterMatch { return new QueryParameterMatch(name, {}); }

  private constructor(/** Name of the parameter; upper and lower case differ. */ public readonly name: string,
    private readonly condition: networking.VirtualServiceSpecHttpMatchQueryParams) {
    if (name === '') throw meshError(undefined, 'MESH_QUERY_NAME', 'the name of a query parameter must not be empty, got ""; give one');
  }

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecHttpMatchQueryParams { return this.condition; }
}

guarded('QueryParameterMatch', QueryParameterMatch);

/** Method of a request. */
export enum HttpMethod {
  /** Read. */
  GET = 'GET',
  /** Read without the body. */
  HEAD = 'HEAD',
  /** Submit. */
  POST = 'POST',
  /** Replace. */
  PUT = 'PUT',
  /** Change a part. */
  PATCH = 'PATCH',
  /** Remove. */
  DELETE = 'DELETE',
  /** Ask what is allowed; CORS preflight. */
  OPTIONS = 'OPTIONS',
  /** Open a tunnel. */
  CONNECT = 'CONNECT',
  /** Echo. */
  TRACE = 'TRACE',
}

/** Scheme of a request, as the caller's proxy sees it. */
export enum HttpScheme {
  /** Plain HTTP. */
  HTTP = 'http',
  /** HTTP inside TLS that a gateway ended. */
  HTTPS = 'https',
}

/** Conditions of `RouteMatch.http()`, all of which must hold. */
export interface HttpRouteMatchOptions {
  /**
   * Condition on the path.
   * @default - any path
   */
  readonly path?: PathMatch;
  /**
   * Conditions on headers; at most one per name, and one negated per name.
   * @default - any headers
   */
  readonly headers?: HeaderMatch[];
  /**
   * Conditions on parameters of the query; at most one per name.
   * @default - any query
   */
  readonly queryParameters?: QueryParameterMatch[];
  /**
   * The method.
   * @default - any method
   */
  readonly method?: HttpMethod;
  /**
   * The host that the caller asks for, exactly as it says it, port included.
   * @default - every host that the route belongs to
   */
  readonly authority?: string;
  /**
   * Number of the port that the caller dials, 1 to 65535.
   * @default - any port of the host
   */
  readonly port?: number;
  /**
   * The scheme.
   * @default - any scheme
   */
  readonly scheme?: HttpScheme;
  /**
   * Labels that the pods of the caller carry, e.g. `reviews.v2.labels`. Only for callers inside the mesh: their own sidecars have the route or not.
   * @default - any caller
   */
  readonly sourceLabels?: { [name: string]: string };
  /**
   * Namespace of the caller. Only for callers inside the mesh.
   * @default - any namespace
   */
  readonly sourceNamespace?: string;
}

/**
 * Which requests a route is for. Renders one item of `http[].match` of a VirtualService.
 * @example
 * RouteMatch.http({ path: PathMatch.startsWith('/reviews'), headers: [HeaderMatch.valueIs('end-user', 'jason')] });
 */
export class RouteMatch {
  /**
   * An HTTP request that meets all of these conditions.
   * Throws MESH_MATCH_EMPTY without any (a route for all requests has no match at all) and MESH_MATCH_DUPLICATE for two conditions on one header or parameter.
   * Throws also MESH_PORT_INVALID, MESH_LABEL_INVALID for `sourceLabels` and MESH_NAME_INVALID for `sourceNamespace`.
   */
  public static http(options: HttpRouteMatchOptions): RouteMatch {
    const { path, method, authority, port, scheme, sourceLabels, sourceNamespace, headers = [], queryParameters = [] } = options;
    const match: networking.VirtualServiceSpecHttpMatch = {
      ...path?._toKube(),
      headers: byName('header', headers.filter((header) => !header.isNegated)),
      withoutHeaders: byName('negated header', headers.filter((header) => header.isNegated)),
      queryParams: byName('query parameter', queryParameters),
      method: method && { exact: method },
      authority: authority === undefined ? undefined : { exact: authority },
      port: port === undefined ? undefined : requirePort('port', port),
      scheme: scheme && { exact: scheme },
      sourceLabels: sourceLabels && requireLabels(undefined, 'sourceLabels', sourceLabels),
      sourceNamespace: sourceNamespace === undefined ? undefined : requireLabel(undefined, 'sourceNamespace', sourceNamespace, 'give the name of a namespace'),
    };
    if (Object.values(match).every((condition) => condition === undefined)) {
      throw meshError(undefined, 'MESH_MATCH_EMPTY', 'RouteMatch.http() needs at least one condition, got none; a route for all requests has no match');
    }
    return new RouteMatch(match);
  }

  private constructor(private readonly match: networking.VirtualServiceSpecHttpMatch) {}

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecHttpMatch { return this.match; }
}

guarded('RouteMatch', RouteMatch);

interface NamedCondition<C> { readonly name: string; _toKube(): C }

function byName<C>(what: string, conditions: readonly NamedCondition<C>[]): Record<string, C> | undefined {
  const map: Record<string, C> = {};
  for (const condition of conditions) {
    if (Object.hasOwn(map, condition.name)) {
      throw meshError(undefined, 'MESH_MATCH_DUPLICATE', `a match takes one condition per ${what}, got "${condition.name}" twice; use a regular expression`);
    }
    map[condition.name] = condition._toKube();
  }
  return conditions.length > 0 ? map : undefined;
}

function requirePrefix(prefix: string): string {
  if (prefix === '') throw meshError(undefined, 'MESH_MATCH_EMPTY', 'a prefix must have at least one character, got ""; use isPresent() for any value');
  return prefix;
}
