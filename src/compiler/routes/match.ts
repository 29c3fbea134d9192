import type { MessageInitShape } from '@bufbuild/protobuf';
import { compare } from '../../model/resource';
import type { HeaderMatcherSchema, QueryParameterMatcherSchema, RouteMatchSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { StringMatcherSchema } from '../../xds/gen/envoy/type/matcher/v3/string_pb';
import type { HttpMatch, StringMatch } from '../istio-api';
import { claimMatcher } from '../security/authorization/matchers';
import type { MetadataInit } from '../security/authorization/matchers';

type Init = MessageInitShape<typeof RouteMatchSchema>;
type HeaderInit = MessageInitShape<typeof HeaderMatcherSchema>;
type StringInit = MessageInitShape<typeof StringMatcherSchema>;

/** A match of a VirtualService in Envoy's terms (istio-behaviour C7). No match takes everything. */
export function routeMatch(match: HttpMatch | undefined): Init {
  if (match === undefined) return { pathSpecifier: { case: 'prefix', value: '/' } };
  const headers = [
    ...sortedHeaders(match.headers, name => claimPath(name) === undefined, headerMatcher),
    ...sortedHeaders(match.withoutHeaders, name => claimPath(name) === undefined, headerAbsentMatcher),
  ];
  for (const [name, value] of [[':method', match.method], [':authority', match.authority], [':scheme', match.scheme]] as const) {
    if (value !== undefined) headers.push(headerMatcher(name, value));
  }
  return {
    pathSpecifier: pathSpecifier(match.uri),
    caseSensitive: match.ignoreUriCase !== true,
    headers,
    dynamicMetadata: [
      ...sortedHeaders(match.headers, name => claimPath(name) !== undefined, claimCondition),
      ...sortedHeaders(match.withoutHeaders, name => claimPath(name) !== undefined, claimAbsent),
    ],
    queryParameters: Object.entries(match.queryParams ?? {}).sort(([a], [b]) => compare(a, b)).map(([name, value]) => queryMatcher(name, value)),
  };
}

/** Whether nothing gets past a route with this match. */
export function isCatchAll(match: Init): boolean {
  const path = match.pathSpecifier;
  const all = (path?.case === 'prefix' && path.value === '/') || (path?.case === 'safeRegex' && path.value.regex === '.*');
  return all && (match.headers ?? []).length === 0 && (match.queryParameters ?? []).length === 0
    && (match.dynamicMetadata ?? []).length === 0;
}

function pathSpecifier(uri: StringMatch | undefined): Init['pathSpecifier'] {
  if (uri?.exact !== undefined) return { case: 'path', value: uri.exact };
  if (uri?.prefix !== undefined) return { case: 'prefix', value: uri.prefix };
  if (uri?.regex !== undefined) return { case: 'safeRegex', value: { regex: uri.regex } };
  if (uri?.pathSeparatedPrefix !== undefined) return { case: 'pathSeparatedPrefix', value: uri.pathSeparatedPrefix.replace(/\/+$/, '') };
  return { case: 'prefix', value: '/' };
}

function sortedHeaders<T>(
  headers: Readonly<Record<string, StringMatch | null>> | undefined,
  wanted: (name: string) => boolean,
  build: (name: string, value: StringMatch | null) => T,
): T[] {
  return Object.entries(headers ?? {}).filter(([name]) => wanted(name)).sort(([a], [b]) => compare(a, b)).map(([name, value]) => build(name, value));
}

const CLAIMS = '@request.auth.claims';

/** `@request.auth.claims.a.b` and `@request.auth.claims[a][b]` are no headers but a claim of the token. */
function claimPath(name: string): readonly string[] | undefined {
  if (!name.toLowerCase().startsWith(CLAIMS)) return undefined;
  const rest = name.slice(CLAIMS.length);
  if (rest.startsWith('.') && rest.length > 1) return rest.slice(1).split('.');
  return rest.startsWith('[') && rest.endsWith(']') ? rest.slice(1, -1).split('][') : undefined;
}

const claimAbsent = (name: string, value: StringMatch | null): MetadataInit => ({ ...claimCondition(name, value), invert: true });

function claimCondition(name: string, value: StringMatch | null): MetadataInit {
  const wanted = value === null || asksPresence(value) ? { matchPattern: { case: 'presentMatch' as const, value: true } }
    : { matchPattern: { case: 'stringMatch' as const, value: stringMatcher(value) } };
  return claimMatcher(claimPath(name) ?? [], wanted);
}

/** An empty match, like the regular expression `*`, only asks whether the header is there. */
const asksPresence = (value: StringMatch | null): boolean => (
  value === null || value.regex === '*' || (value.exact === undefined && value.prefix === undefined && value.regex === undefined));

export function headerMatcher(name: string, value: StringMatch | null): HeaderInit {
  if (value === null || asksPresence(value)) return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: stringMatcher(value) } };
}

function headerAbsentMatcher(name: string, value: StringMatch | null): HeaderInit {
  return { ...headerMatcher(name, value), invertMatch: true, treatMissingHeaderAsEmpty: !asksPresence(value) };
}

function queryMatcher(name: string, value: StringMatch | null): MessageInitShape<typeof QueryParameterMatcherSchema> {
  if (value === null || asksPresence(value)) return { name, queryParameterMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, queryParameterMatchSpecifier: { case: 'stringMatch', value: stringMatcher(value) } };
}

export function stringMatcher(value: StringMatch): StringInit {
  if (value.prefix !== undefined) return { matchPattern: { case: 'prefix', value: value.prefix } };
  if (value.regex !== undefined) return { matchPattern: { case: 'safeRegex', value: { regex: value.regex } } };
  return { matchPattern: { case: 'exact', value: value.exact ?? '' } };
}
