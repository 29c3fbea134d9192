import { create } from '@bufbuild/protobuf';
import { compare } from '../../model/resource';
import { QueryParameterMatcherSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { HeaderMatcher, QueryParameterMatcher, RouteMatch } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { MetadataMatcherSchema } from '../../xds/gen/envoy/type/matcher/v3/metadata_pb';
import type { MetadataMatcher } from '../../xds/gen/envoy/type/matcher/v3/metadata_pb';
import { RegexMatcherSchema } from '../../xds/gen/envoy/type/matcher/v3/regex_pb';
import type { RegexMatcher } from '../../xds/gen/envoy/type/matcher/v3/regex_pb';
import type { StringMatcher } from '../../xds/gen/envoy/type/matcher/v3/string_pb';
import * as literal from '../../xds/literals';
import type { HttpMatch, StringMatch } from '../istio-api';
import { claimMatcher } from '../security/authorization/matchers';

/** What takes every request. */
export const CATCH_ALL: RouteMatch = literal.routeMatch({ pathSpecifier: { case: 'prefix', value: '/' } });

/** A match of a VirtualService in Envoy's terms (istio-behaviour C7). No match takes everything. */
export function routeMatch(match: HttpMatch | undefined): RouteMatch {
  if (match === undefined) return CATCH_ALL;
  const headers = [
    ...sortedHeaders(match.headers, name => claimPath(name) === undefined, headerMatcher),
    ...sortedHeaders(match.withoutHeaders, name => claimPath(name) === undefined, headerAbsentMatcher),
  ];
  if (match.headers !== undefined && match.withoutHeaders !== undefined) headers.sort((a, b) => compare(a.name, b.name));
  if (match.method !== undefined) headers.push(headerMatcher(':method', match.method));
  if (match.authority !== undefined) headers.push(headerMatcher(':authority', match.authority));
  if (match.scheme !== undefined) headers.push(headerMatcher(':scheme', match.scheme));
  return literal.routeMatch({
    pathSpecifier: pathSpecifier(match.uri),
    caseSensitive: match.ignoreUriCase !== true,
    headers,
    dynamicMetadata: [
      ...sortedHeaders(match.headers, name => claimPath(name) !== undefined, claimCondition),
      ...sortedHeaders(match.withoutHeaders, name => claimPath(name) !== undefined, claimAbsent),
    ],
    queryParameters: Object.entries(match.queryParams ?? {}).sort(([a], [b]) => compare(a, b)).map(([name, value]) => queryMatcher(name, value)),
  });
}

/** Whether nothing gets past a route with this match. */
export function isCatchAll({ pathSpecifier: path, headers, queryParameters, dynamicMetadata }: RouteMatch): boolean {
  const all = (path.case === 'prefix' && path.value === '/') || (path.case === 'safeRegex' && path.value.regex === '.*');
  return all && headers.length === 0 && queryParameters.length === 0 && dynamicMetadata.length === 0;
}

function pathSpecifier(uri: StringMatch | undefined): RouteMatch['pathSpecifier'] {
  if (uri?.exact !== undefined) return { case: 'path', value: uri.exact };
  if (uri?.prefix !== undefined) return { case: 'prefix', value: uri.prefix };
  if (uri?.regex !== undefined) return { case: 'safeRegex', value: regexMatcher(uri.regex) };
  if (uri?.pathSeparatedPrefix !== undefined) return { case: 'pathSeparatedPrefix', value: uri.pathSeparatedPrefix.replace(/\/+$/, '') };
  return { case: 'prefix', value: '/' };
}

function sortedHeaders<T>(
  headers: Readonly<Record<string, StringMatch | null>> | undefined,
  wanted: (name: string) => boolean,
  build: (name: string, value: StringMatch | null) => T,
): T[] {
  if (headers === undefined) return [];
  return Object.entries(headers).filter(([name]) => wanted(name)).sort(([a], [b]) => compare(a, b)).map(([name, value]) => build(name, value));
}

const CLAIMS = '@request.auth.claims';

/** `@request.auth.claims.a.b` and `@request.auth.claims[a][b]` are no headers but a claim of the token. */
function claimPath(name: string): readonly string[] | undefined {
  if (!name.toLowerCase().startsWith(CLAIMS)) return undefined;
  const rest = name.slice(CLAIMS.length);
  if (rest.startsWith('.') && rest.length > 1) return rest.slice(1).split('.');
  return rest.startsWith('[') && rest.endsWith(']') ? rest.slice(1, -1).split('][') : undefined;
}

const claimAbsent = (name: string, value: StringMatch | null): MetadataMatcher => claimCondition(name, value, true);

function claimCondition(name: string, value: StringMatch | null, invert = false): MetadataMatcher {
  const wanted = value === null || asksPresence(value) ? { matchPattern: { case: 'presentMatch' as const, value: true } }
    : { matchPattern: { case: 'stringMatch' as const, value: stringMatcher(value) } };
  return create(MetadataMatcherSchema, { ...claimMatcher(claimPath(name) ?? [], wanted), invert });
}

/** An empty match, like the regular expression `*`, only asks whether the header is there. */
const asksPresence = (value: StringMatch | null): boolean => (
  value === null || value.regex === '*' || (value.exact === undefined && value.prefix === undefined && value.regex === undefined));

const headerMatcher = (name: string, value: StringMatch | null): HeaderMatcher => literal.headerMatcher(name, presentOrText(value));

const headerAbsentMatcher = (name: string, value: StringMatch | null): HeaderMatcher => (
  literal.headerMatcher(name, presentOrText(value), { invertMatch: true, treatMissingHeaderAsEmpty: !asksPresence(value) }));

const queryMatcher = (name: string, value: StringMatch | null): QueryParameterMatcher => (
  create(QueryParameterMatcherSchema, { name, queryParameterMatchSpecifier: presentOrText(value) }));

function presentOrText(value: StringMatch | null) {
  return value === null || asksPresence(value) ? { case: 'presentMatch' as const, value: true }
    : { case: 'stringMatch' as const, value: stringMatcher(value) };
}

export function stringMatcher(value: StringMatch): StringMatcher {
  if (value.prefix !== undefined) return literal.stringMatcher({ case: 'prefix', value: value.prefix });
  if (value.regex !== undefined) return literal.stringMatcher({ case: 'safeRegex', value: regexMatcher(value.regex) });
  return literal.stringMatcher({ case: 'exact', value: value.exact ?? '' });
}

const regexMatcher = (regex: string): RegexMatcher => create(RegexMatcherSchema, { regex });
