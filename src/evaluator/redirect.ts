import type { HttpRequestFacts } from './decision';
import { pathOnly } from './path';
import type { RedirectAction } from '../xds/gen/envoy/config/route/v3/route_components_pb';
import { RedirectAction_RedirectResponseCode as Code } from '../xds/gen/envoy/config/route/v3/route_components_pb';

/** A prepared redirect. */
export interface Redirect {
  readonly status: number;
  readonly location: (request: HttpRequestFacts) => string;
}

const STATUS: Readonly<Record<Code, number>> = {
  [Code.MOVED_PERMANENTLY]: 301, [Code.FOUND]: 302, [Code.SEE_OTHER]: 303, [Code.TEMPORARY_REDIRECT]: 307, [Code.PERMANENT_REDIRECT]: 308,
};

export function prepareRedirect(action: RedirectAction, rewritePath: ((path: string) => string) | undefined): Redirect {
  const { schemeRewriteSpecifier: schemes, pathRewriteSpecifier: paths, hostRedirect, portRedirect, stripQuery } = action;
  const scheme = schemes.case === 'httpsRedirect' ? (schemes.value ? 'https' : '') : schemes.value ?? '';
  const port = portRedirect === 0 ? '' : `:${portRedirect}`;
  const fixedPath = paths.case === 'pathRedirect' ? paths.value : '';
  return {
    status: STATUS[action.responseCode],
    location: request => {
      const toScheme = scheme === '' ? request.scheme : scheme;
      const host = hostRedirect === '' ? hostOf(request, toScheme, port) : hostRedirect;
      return `${toScheme}://${host}${port}${pathOf(request, fixedPath, rewritePath, stripQuery)}`;
    },
  };
}

function pathOf(request: HttpRequestFacts, fixed: string, rewrite: ((path: string) => string) | undefined, stripQuery: boolean): string {
  const query = request.path.indexOf('?');
  if (fixed !== '') {
    // A query of the redirect's own replaces the request's.
    return fixed.includes('?') || query < 0 || stripQuery ? fixed : fixed + request.path.slice(query);
  }
  const path = rewrite === undefined ? request.path : rewrite(request.path);
  return stripQuery ? pathOnly(path) : path;
}

/** The request's host; its port goes when another is set, or when it was the default of a scheme that changes. */
function hostOf({ authority, scheme }: HttpRequestFacts, toScheme: string, port: string): string {
  const colon = authority.startsWith('[') ? authority.lastIndexOf(']:') + 1 : authority.lastIndexOf(':');
  if (colon <= 0) return authority;
  const own = authority.slice(colon);
  const defaulted = toScheme !== scheme && ((scheme === 'https' && own === ':443') || (scheme === 'http' && own === ':80'));
  return port !== '' || defaulted ? authority.slice(0, colon) : authority;
}
