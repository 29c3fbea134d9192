import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import type { Aspects, Facts, TargetName } from './facts';
import { jsonOf, restOf, textOfJson } from './facts';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import { RouteConfigurationSchema } from '../../xds/gen/envoy/config/route/v3/route_pb';

/** Which requests a route takes, as far as it tells two routes apart. */
export interface RouteCondition {
  readonly place: string;
  readonly path: 'prefix' | 'exact' | 'other';
  readonly text: string;
  readonly exactHeaders: ReadonlyMap<string, string>;
}

interface RouteFacts { readonly facts: Facts; readonly conditions: ReadonlyMap<string, RouteCondition> }

/** What a route configuration does with each kind of request: subject `reviews.default.svc.cluster.local:9080 GET prefix /api`. */
export function routeFacts(message: RouteConfiguration, nameOf: TargetName): RouteFacts {
  const facts = new Map<string, Aspects>();
  const conditions = new Map<string, RouteCondition>();
  for (const host of objects(jsonOf(RouteConfigurationSchema, message).virtualHosts)) {
    const domains = Array.isArray(host.domains) ? host.domains.map(String) : [];
    const place = hostOf(String(host.name), domains);
    if (host.requireTls !== undefined) facts.set(`${place} without TLS`, new Map([['redirect', 'to https']]));
    for (const route of objects(host.routes)) {
      const subject = `${place} ${matchText(object(route.match))}`;
      // A second rule for the same requests is never asked.
      if (facts.has(subject)) continue;
      facts.set(subject, routeAspects(route, nameOf));
      conditions.set(subject, conditionOf(place, object(route.match)));
    }
  }
  return { facts, conditions };
}

function conditionOf(place: string, match: JsonObject): RouteCondition {
  const path = match.prefix !== undefined ? 'prefix' : match.path !== undefined ? 'exact' : 'other';
  const exact = objects(match.headers).filter(header => header.invertMatch !== true)
    .map(header => [String(header.name), object(header.stringMatch).exact] as const);
  return {
    place,
    path,
    text: String(match.prefix ?? match.path ?? ''),
    exactHeaders: new Map(exact.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
  };
}

/** The first domain says which host is meant: addresses and short names follow it. */
function hostOf(name: string, domains: readonly string[]): string {
  const port = /:(\d+)$/.exec(name)?.[0] ?? '';
  return domains[0] === '*' ? `other hosts${port}` : `${domains[0] ?? name}${port}`;
}

/** `GET prefix /api, header x: y`. */
function matchText(match: JsonObject): string {
  const words: string[] = [];
  let method = '';
  const [path] = ['prefix', 'path', 'pathSeparatedPrefix', 'safeRegex'].filter(key => match[key] !== undefined);
  if (path !== undefined) words.push(`${PATHS[path]} ${path === 'safeRegex' ? String(object(match.safeRegex).regex) : String(match[path])}`);
  for (const header of objects(match.headers)) {
    const rest = { ...header };
    delete rest.name;
    const exact = object(header.stringMatch).exact;
    if (header.name === ':method' && typeof exact === 'string' && header.invertMatch !== true) method = `${exact} `;
    else words.push(`header ${String(header.name)} ${typeof exact === 'string' && Object.keys(rest).length === 1 ? exact : textOfJson(rest)}`);
  }
  for (const key of Object.keys(match).sort()) {
    if (key !== path && key !== 'headers' && !(key === 'caseSensitive' && match[key] === true)) words.push(`${key} ${textOfJson(match[key])}`);
  }
  return method + words.join(', ');
}

const PATHS: Readonly<Record<string, string>> = { prefix: 'prefix', path: 'exact', pathSeparatedPrefix: 'path', safeRegex: 'regex' };

function routeAspects(route: JsonObject, nameOf: TargetName): Aspects {
  const aspects = new Map<string, string>();
  const action = object(route.route);
  if (route.route !== undefined) {
    aspects.set('to', targets(action, nameOf));
    if (action.timeout !== undefined && action.timeout !== '0s') aspects.set('timeout', String(action.timeout));
    if (action.retryPolicy !== undefined) aspects.set('retries', retries(object(action.retryPolicy)));
    for (const mirror of objects(action.requestMirrorPolicies)) {
      aspects.set(`mirror to ${nameOf(String(mirror.cluster))}`, textOfJson(object(mirror.runtimeFraction).defaultValue ?? '100%'));
    }
    restOf(action, new Set(['cluster', 'weightedClusters', 'timeout', 'retryPolicy', 'requestMirrorPolicies', 'maxGrpcTimeout']), aspects);
  }
  for (const [name, filter] of Object.entries(object(route.typedPerFilterConfig))) aspects.set(name.replace(/^envoy\.filters\.http\./, ''), textOfJson(withoutType(filter)));
  restOf(route, new Set(['match', 'route', 'typedPerFilterConfig']), aspects);
  return aspects;
}

function targets(action: JsonObject, nameOf: TargetName): string {
  if (action.cluster !== undefined) return nameOf(String(action.cluster));
  const clusters = objects(object(action.weightedClusters).clusters);
  const total = clusters.reduce((sum, each) => sum + Number(each.weight ?? 0), 0);
  // Two entries of one target count together, and their order does not matter.
  const shares = new Map<string, number>();
  const headers: string[] = [];
  for (const cluster of clusters) {
    const name = nameOf(String(cluster.name));
    shares.set(name, (shares.get(name) ?? 0) + Number(cluster.weight ?? 0));
    const { name: _name, weight: _weight, ...rest } = cluster;
    if (Object.keys(rest).length > 0) headers.push(`${name} ${textOfJson(rest)}`);
  }
  const parts = [...shares].filter(([, weight]) => weight > 0).sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, weight]) => `${name} ${Math.round(weight / total * 10000) / 100}%`);
  return [parts.length === 1 ? parts[0].replace(/ 100%$/, '') : parts.join(', '), ...headers.sort()].join('; ');
}

function retries(policy: JsonObject): string {
  const { numRetries, retryOn, perTryTimeout, ...rest } = policy;
  const more = textOfJson(rest);
  return [`${String(numRetries ?? 0)} on ${String(retryOn ?? '')}`, ...(perTryTimeout === undefined ? [] : [`each ${String(perTryTimeout)}`]), ...(more === '{}' ? [] : [more])].join(', ');
}

function withoutType(value: JsonValue): JsonObject {
  const { '@type': _type, ...rest } = object(value);
  return rest;
}

const isPlain = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
export const object = (value: unknown): JsonObject => (isPlain(value) ? value : {});
export const objects = (value: unknown): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isPlain) : []);
