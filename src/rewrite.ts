import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { meshError } from './private/errors';
import { requireHosts } from './private/hosts';
import { regexOf, requirePath, requireRegex } from './private/text';

interface PathRewrite {
  readonly match: string;
  readonly rewrite: string;
  /** Beginning that a path must have for anything to change. */
  readonly prefix?: string;
}

/**
 * What a request is turned into on its way to the target. Renders `http[].rewrite` of a VirtualService; paths always as
 * `uriRegexRewrite`, since Istio's plain `uri` replaces as many characters as the match has, and so doubles or loses slashes.
 * The query is never touched.
 * @example
 * reviews.addRoute('api', { match: [RouteMatch.http({ path: PathMatch.under('/api') })], rewrite: Rewrite.stripPrefix('/api'), targets: [RouteTarget.to(v1)] });
 */
export class Rewrite {
  /**
   * Takes a beginning away: with `/api`, `/api/x` becomes `/x`, and `/api` and `/api/` become `/`. `/apix` stays as it is.
   * Throws MESH_PATH_INVALID unless the prefix begins with `/` and goes further than that.
   */
  public static stripPrefix(prefix: string): Rewrite {
    const plain = belowRoot('Rewrite.stripPrefix()', prefix);
    return new Rewrite({ match: `^${regexOf(plain)}(/+|$)`, rewrite: '/', prefix: plain });
  }

  /**
   * Puts another beginning in place of one: with `/api` and `/v1`, `/api/x` becomes `/v1/x`, and `/api` becomes `/v1`. `/apix` stays as it is.
   * Throws MESH_PATH_INVALID unless both begin with `/` and go further than that.
   */
  public static replacePrefix(prefix: string, replacement: string): Rewrite {
    const plain = belowRoot('Rewrite.replacePrefix()', prefix);
    return new Rewrite({ match: `^${regexOf(plain)}(/|$)`, rewrite: `${literal(belowRoot('Rewrite.replacePrefix()', replacement))}\\1`, prefix: plain });
  }

  /** Puts a beginning in front: with `/v1`, `/x` becomes `/v1/x`. Throws MESH_PATH_INVALID unless it begins with `/` and goes further than that. */
  public static addPrefix(prefix: string): Rewrite {
    return new Rewrite({ match: '^/', rewrite: `${literal(belowRoot('Rewrite.addPrefix()', prefix))}/` });
  }

  /** Every path becomes this one. Throws MESH_PATH_INVALID unless it begins with `/`. */
  public static path(path: string): Rewrite {
    return new Rewrite({ match: '^/.*$', rewrite: literal(requirePath(path)) });
  }

  /**
   * Replaces what a regular expression in RE2 syntax finds, each time; `\1` to `\9` in the substitution stand for its groups, `\0` for all of it.
   * Throws MESH_REGEX_INVALID for an expression that is none, MESH_REWRITE_INVALID for a group that it does not have, and for an
   * empty substitution, which Istio refuses.
   */
  public static regex(pattern: string, substitution: string): Rewrite {
    requireRegex(pattern);
    if (substitution === '') throw meshError(undefined, 'MESH_REWRITE_INVALID', 'a substitution must have a character, got ""; keep a part of the path, e.g. by a group');
    const groups = (pattern.replace(/\\[^]|\[\^?\]?[^\]]*\]/g, '').match(/\((?!\?)|\(\?P?</g) ?? []).length;
    const bad = [...substitution.matchAll(/\\([^])?/g)].find(([, next]) => next !== '\\' && !(/\d/.test(next ?? '') && Number(next) <= groups));
    if (bad !== undefined) {
      throw meshError(undefined, 'MESH_REWRITE_INVALID', `a substitution may name the ${groups} groups of "${pattern}" as \\1 and so on, got "${substitution}"; write a backslash as \\\\`);
    }
    return new Rewrite({ match: pattern, rewrite: substitution });
  }

  /** The target sees this host, whatever the caller asked for. Throws MESH_HOST_INVALID for text that is no host name. */
  public static host(host: string): Rewrite { return new Rewrite(undefined, requireName(host)); }

  private constructor(private readonly path: PathRewrite | undefined, private readonly authority?: string) {}

  /** The same rewrite, and another host. Throws MESH_HOST_INVALID for text that is no host name. */
  public withHost(host: string): Rewrite { return new Rewrite(this.path, requireName(host)); }

  /** Beginning that a path must have for anything to change; undefined where any path is changed. @internal */
  public get _prefix(): string | undefined { return this.path?.prefix; }

  /** @internal */
  public _toKube(ignoreCase: boolean): networking.VirtualServiceSpecHttpRewrite {
    const path = this.path && { match: `${ignoreCase && this.path.prefix !== undefined ? '(?i)' : ''}${this.path.match}`, rewrite: this.path.rewrite };
    return { uriRegexRewrite: path, authority: this.authority };
  }
}

guarded('Rewrite', Rewrite);

function requireName(host: string): string {
  const name = host.replace(/:\d{1,5}$/, '');
  if (name.includes('*')) throw meshError(undefined, 'MESH_HOST_INVALID', `the host of a rewrite must be one name, got "${host}"; write it without scheme, port and path`);
  requireHosts(undefined, [name]);
  return host;
}

function belowRoot(what: string, path: string): string {
  const plain = requirePath(path).replace(/\/+$/, '');
  if (plain === '') throw meshError(undefined, 'MESH_PATH_INVALID', `${what} needs a path below "/", got "${path}"; add the first segment`);
  return plain;
}

/** A text that means itself in a substitution. */
function literal(text: string): string {
  return text.replaceAll('\\', '\\\\');
}
