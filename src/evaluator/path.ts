import { exactly, matchesRegex, startsWith } from './string-matcher';
import { quote } from './trace';
import type { RouteMatch } from '../xds/gen/envoy/config/route/v3/route_components_pb';

/** A prepared path specifier of a route. */
export interface PathTest {
  /** Takes the path without query and fragment. */
  readonly test: (path: string) => boolean;
  readonly wants: string;
  readonly explain: (path: string) => string;
  /** Length of the part that a prefix rewrite replaces; -1 is the whole path. */
  readonly rewritten: number;
}

export function preparePath(match: RouteMatch): PathTest {
  const { pathSpecifier: specifier } = match;
  const ignoreCase = !(match.caseSensitive ?? true);
  switch (specifier.case) {
    case 'prefix': return of(startsWith(specifier.value, ignoreCase), specifier.value.length);
    case 'path': return of(exactly(specifier.value, ignoreCase), -1);
    case 'safeRegex': return of(matchesRegex(specifier.value), -1);
    case 'pathSeparatedPrefix': return separatedPrefix(specifier.value, ignoreCase);
    default: throw new Error(`path specifier ${specifier.case ?? '(none)'} is not supported`);
  }
}

function of(value: ReturnType<typeof exactly>, rewritten: number): PathTest {
  return { test: value.test, wants: `path ${value.holds}`, explain: path => `path ${value.fails} (got ${quote(path)})`, rewritten };
}

function separatedPrefix(prefix: string, ignoreCase: boolean): PathTest {
  const start = startsWith(prefix, ignoreCase);
  const said = `${quote(prefix)} or below`;
  return {
    test: path => start.test(path) && (path.length === prefix.length || path[prefix.length] === '/'),
    wants: `path is ${said}`,
    explain: path => `path is not ${said} (got ${quote(path)})`,
    rewritten: prefix.length,
  };
}

/** The path without query and fragment. */
export function pathOnly(path: string): string {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 63 /* ? */ || code === 35 /* # */) return path.slice(0, i);
  }
  return path;
}

/** What an HTTP connection manager does to a path before routing. */
export interface PathNormalization {
  readonly normalize: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward';
}

export type NormalizedPath =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'rejected'; readonly status: 400; readonly details: string }
  | { readonly kind: 'redirect'; readonly status: 307; readonly location: string; readonly details: string };

/** Characters that no step changes, as long as no dot segment, escape, backslash or double slash appears. */
const SETTLED = /^\/(?:[A-Za-z0-9!$&'()*+,\-:;=@[\]_~]|\/(?![./])|\.(?=[A-Za-z0-9_-]))*$/;

/** Path normalization of Envoy's connection manager (`normalize_path`, `merge_slashes`, escaped slashes), query left alone. */
export function normalizePath(path: string, how: PathNormalization): NormalizedPath {
  const only = pathOnly(path);
  if (SETTLED.test(only)) return { kind: 'path', path };
  const tail = path.slice(only.length);
  let result = only;
  if (how.normalize) {
    const canonical = canonicalPath(result);
    if (canonical === undefined) return { kind: 'rejected', status: 400, details: 'path_normalization_failed' };
    result = canonical;
  }
  const unescaped = how.escapedSlashes === 'keep' ? result : result.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
  if (unescaped !== result && how.escapedSlashes === 'reject') return { kind: 'rejected', status: 400, details: 'path_normalization_failed' };
  const redirected = unescaped !== result && how.escapedSlashes === 'redirect';
  // Unescaped slashes may have made dot segments or backslashes of their own.
  if (unescaped !== result) result = how.normalize ? canonicalPath(unescaped) ?? unescaped : unescaped;
  if (how.mergeSlashes) result = result.replace(/\/{2,}/g, '/');
  if (redirected) return { kind: 'redirect', status: 307, location: result + tail, details: 'path_normalization_failed' };
  return { kind: 'path', path: result + tail };
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;
const KEPT = /[A-Za-z0-9!$&'()*+,\-./:;=@[\]_~%]/;

/** The URL library's canonical path: unreserved escapes decoded, odd characters escaped, dot segments resolved, `\` is `/`. */
function canonicalPath(path: string): string | undefined {
  let text = '';
  for (let i = 0; i < path.length; i++) {
    const char = path[i]!;
    const escape = char === '%' ? /^%([0-9A-Fa-f]{2})/.exec(path.slice(i, i + 3)) : null;
    if (escape) {
      const decoded = String.fromCharCode(parseInt(escape[1]!, 16));
      if (decoded === '\0') return undefined;
      text += UNRESERVED.test(decoded) ? decoded : escape[0];
      i += 2;
    } else if (char === '\\') {
      text += '/';
    } else {
      text += KEPT.test(char) ? char : encodeByte(char);
    }
  }
  return resolveDots(text);
}

function encodeByte(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function resolveDots(path: string): string {
  const out: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === '.' || segment === '..') {
      if (segment === '..') out.pop();
      if (last) out.push('');
    } else {
      out.push(segment);
    }
  });
  return `/${out.join('/')}`;
}
