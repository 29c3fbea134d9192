import type { MessageInitShape } from '@bufbuild/protobuf';
import { compare } from '../../model/resource';
import type { HeaderMatcherSchema, QueryParameterMatcherSchema, RouteMatchSchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { StringMatcherSchema } from '../../xds/gen/envoy/type/matcher/v3/string_pb';
import type { HttpMatch, StringMatch } from '../istio-api';

type Init = MessageInitShape<typeof RouteMatchSchema>;
type HeaderInit = MessageInitShape<typeof HeaderMatcherSchema>;
type StringInit = MessageInitShape<typeof StringMatcherSchema>;

/** A match of a VirtualService in Envoy's terms (istio-behaviour C7). No match takes everything. */
export function routeMatch(match: HttpMatch | undefined): Init {
  if (match === undefined) return { pathSpecifier: { case: 'prefix', value: '/' } };
  const headers = [
    ...sortedHeaders(match.headers, headerMatcher),
    ...sortedHeaders(match.withoutHeaders, headerAbsentMatcher),
  ];
  for (const [name, value] of [[':method', match.method], [':authority', match.authority], [':scheme', match.scheme]] as const) {
    if (value !== undefined) headers.push(headerMatcher(name, value));
  }
  return {
    pathSpecifier: pathSpecifier(match.uri),
    caseSensitive: match.ignoreUriCase !== true,
    headers,
    queryParameters: Object.entries(match.queryParams ?? {}).sort(([a], [b]) => compare(a, b)).map(([name, value]) => queryMatcher(name, value)),
  };
}

/** Whether nothing gets past a route with this match. */
export function isCatchAll(match: Init): boolean {
  const path = match.pathSpecifier;
  const all = (path?.case === 'prefix' && path.value === '/') || (path?.case === 'safeRegex' && path.value.regex === '.*');
  return all && (match.headers ?? []).length === 0 && (match.queryParameters ?? []).length === 0;
}

function pathSpecifier(uri: StringMatch | undefined): Init['pathSpecifier'] {
  if (uri?.exact !== undefined) return { case: 'path', value: uri.exact };
  if (uri?.prefix !== undefined) return { case: 'prefix', value: uri.prefix };
  if (uri?.regex !== undefined) return { case: 'safeRegex', value: { regex: uri.regex } };
  return { case: 'prefix', value: '/' };
}

function sortedHeaders(
  headers: Readonly<Record<string, StringMatch | null>> | undefined, build: (name: string, value: StringMatch | null) => HeaderInit,
): HeaderInit[] {
  return Object.entries(headers ?? {}).sort(([a], [b]) => compare(a, b)).map(([name, value]) => build(name, value));
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
