import type { JwtProvider } from '../../xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb';
import type { HttpRequestFacts } from '../decision';

/** A token where it was found. */
export interface FoundToken {
  readonly text: string;
  /** Issuers whose tokens may stand there; '' is any issuer. */
  readonly issuers: ReadonlySet<string>;
  readonly place: Place;
}

/** Where tokens stand. */
export interface Place {
  readonly kind: 'header' | 'parameter' | 'cookie';
  readonly name: string;
  /** What comes before the token in a header; '' for nothing. */
  readonly prefix: string;
}

/** Places of several providers, in Envoy's order: headers, parameters, cookies, each by name. */
export interface Locations {
  readonly places: readonly (Place & { readonly issuers: ReadonlySet<string> })[];
  /** Headers that the providers write and nobody else may. */
  readonly owned: readonly string[];
}

export function prepareLocations(providers: readonly JwtProvider[]): Locations {
  const places = new Map<string, Place & { issuers: Set<string> }>();
  const add = (place: Place, issuer: string): void => {
    // Headers come first, then parameters, then cookies.
    const key = `${['header', 'parameter', 'cookie'].indexOf(place.kind)}${place.name}${place.prefix}`;
    const known = places.get(key) ?? { ...place, issuers: new Set<string>() };
    known.issuers.add(issuer);
    places.set(key, known);
  };
  for (const { issuer, fromHeaders, fromParams, fromCookies } of providers) {
    fromHeaders.forEach(({ name, valuePrefix }) => add({ kind: 'header', name: name.toLowerCase(), prefix: valuePrefix }, issuer));
    fromParams.forEach(name => add({ kind: 'parameter', name, prefix: '' }, issuer));
    fromCookies.forEach(name => add({ kind: 'cookie', name, prefix: '' }, issuer));
    if (fromHeaders.length + fromParams.length + fromCookies.length === 0) {
      add({ kind: 'header', name: 'authorization', prefix: 'Bearer ' }, issuer);
      add({ kind: 'parameter', name: 'access_token', prefix: '' }, issuer);
    }
  }
  const owned = providers.flatMap(({ forwardPayloadHeader, claimToHeaders }) =>
    [forwardPayloadHeader, ...claimToHeaders.map(({ headerName }) => headerName)]);
  return {
    places: [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place),
    owned: owned.filter(name => name !== '').map(name => name.toLowerCase()),
  };
}

export function findTokens({ places }: Locations, request: HttpRequestFacts): FoundToken[] {
  return places.flatMap(({ issuers, ...place }): FoundToken[] => {
    const text = tokenAt(place, request);
    return text === undefined ? [] : [{ text, issuers, place }];
  });
}

function tokenAt({ kind, name, prefix }: Place, request: HttpRequestFacts): string | undefined {
  if (kind === 'header') return afterPrefix(request.headers.get(name), prefix);
  return kind === 'parameter' ? parameter(request.path, name) : cookie(request.headers.get('cookie') ?? '', name);
}

/** Whatever stands before the first character that a token may have is passed over. */
function afterPrefix(value: string | undefined, prefix: string): string | undefined {
  if (value === undefined || prefix === '') return value;
  const at = value.indexOf(prefix);
  if (at < 0) return undefined;
  const rest = value.slice(at + prefix.length);
  const start = rest.search(/[A-Za-z0-9\-_.]/);
  return start < 0 ? value : rest.slice(start);
}

function parameter(path: string, wanted: string): string | undefined {
  const question = path.indexOf('?');
  if (question < 0) return undefined;
  for (const part of path.slice(question + 1).split('&')) {
    const equal = part.indexOf('=');
    const name = decoded(equal < 0 ? part : part.slice(0, equal));
    if (name === wanted) return equal < 0 ? '' : decoded(part.slice(equal + 1));
  }
  return undefined;
}

function decoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

function cookie(header: string, wanted: string): string | undefined {
  for (const part of header.split(';')) {
    const equal = part.indexOf('=');
    if (equal < 0 || part.slice(0, equal).trim() !== wanted) continue;
    const value = part.slice(equal + 1).trim();
    return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}

/** A path without a query parameter. */
export function withoutParameter(path: string, name: string): string {
  const question = path.indexOf('?');
  if (question < 0) return path;
  const left = path.slice(question + 1).split('&').filter(part => decoded(part.split('=', 1)[0]!) !== name);
  return left.length === 0 ? path.slice(0, question) : `${path.slice(0, question)}?${left.join('&')}`;
}
