import { resolveGateway, resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import { isVisible } from '../../model/visibility';
import type { Destination, HttpMatch, HttpRoute, StringMatch, VirtualServiceSpec } from '../istio-api';
import { noteRule } from '../routes/written';

type Rule = Resource<VirtualServiceSpec>;

/** Where delegates are looked for. */
export interface DelegateSource {
  readonly domain: string;
  readonly defaultExportTo: readonly string[];
  /** VirtualServices without hosts, by `namespace/name`. */
  readonly delegates: ReadonlyMap<string, Rule>;
}

/** A root's http rules with each delegated one replaced by what the delegate says (istio-behaviour B4). Delegation goes one level deep. */
export function withDelegates(root: Rule, source: DelegateSource): readonly HttpRoute[] | undefined {
  return root.spec.http?.flatMap((rule, index) => {
    if (rule.delegate === undefined) return [noteRule(rule, root as unknown as Resource, index)];
    const namespace = nonEmpty(rule.delegate.namespace) ?? root.metadata.namespace;
    const found = source.delegates.get(`${namespace}/${rule.delegate.name ?? ''}`);
    if (found === undefined || !isVisible(found.spec.exportTo ?? [], namespace, root.metadata.namespace, source.defaultExportTo)) return [];
    const own = absolute(rule, root.metadata.namespace, source.domain);
    return (found.spec.http ?? []).flatMap((delegated, at) => {
      const merged = mergeRule(own, absolute(delegated, namespace, source.domain));
      return merged === undefined ? [] : [noteRule(merged, found as unknown as Resource, at)];
    });
  });
}

/** Names inside a rule mean what they mean in its own namespace. */
function absolute(rule: HttpRoute, namespace: string, domain: string): HttpRoute {
  const full = (destination: Destination): Destination => ({ ...destination, host: resolveHost(destination.host, namespace, domain) });
  return {
    ...rule,
    match: rule.match?.map(match => ({ ...match, gateways: match.gateways?.map(gateway => resolveGateway(gateway, namespace)) })),
    route: rule.route?.map(route => ({ ...route, destination: full(route.destination) })),
    mirror: rule.mirror && full(rule.mirror),
    mirrors: rule.mirrors?.map(mirror => ({ ...mirror, destination: full(mirror.destination) })),
  };
}

function mergeRule(root: HttpRoute, own: HttpRoute): HttpRoute | undefined {
  const match = mergeMatches(root.match ?? [], own.match ?? []);
  if (match === undefined) return undefined;
  return {
    ...own,
    match,
    name: joined(root.name, own.name),
    rewrite: own.rewrite ?? root.rewrite,
    directResponse: own.directResponse ?? root.directResponse,
    timeout: own.timeout ?? root.timeout,
    retries: own.retries ?? root.retries,
    fault: own.fault ?? root.fault,
    mirror: own.mirror ?? root.mirror,
    mirrorPercent: own.mirrorPercent ?? root.mirrorPercent,
    mirrorPercentage: own.mirrorPercentage ?? root.mirrorPercentage,
    mirrors: own.mirrors ?? root.mirrors,
    corsPolicy: own.corsPolicy ?? root.corsPolicy,
    headers: own.headers ?? root.headers,
  };
}

/** Each match of the delegate inside those of the root; undefined where one of them fits into none. */
function mergeMatches(roots: readonly HttpMatch[], owns: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (roots.length === 0) return owns;
  if (owns.length === 0) return roots;
  const merged: HttpMatch[] = [];
  for (const own of owns) {
    const fitting = roots.filter(root => !conflict(root, own));
    if (fitting.length === 0) return undefined;
    merged.push(...fitting.map(root => mergeMatch(root, own)));
  }
  return merged;
}

function mergeMatch(root: HttpMatch, own: HttpMatch): HttpMatch {
  // What is empty says nothing.
  const rest = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined && value !== '' && value !== 0 && !isEmptyList(value)));
  return {
    ...root,
    ...rest,
    name: joined(root.name, own.name),
    headers: { ...root.headers, ...own.headers },
    withoutHeaders: { ...root.withoutHeaders, ...own.withoutHeaders },
    queryParams: { ...root.queryParams, ...own.queryParams },
    sourceLabels: { ...root.sourceLabels, ...own.sourceLabels },
  };
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** Whether nothing can satisfy both, as far as texts tell. */
function conflict(root: HttpMatch, own: HttpMatch): boolean {
  const texts = (['uri', 'scheme', 'method', 'authority'] as const).some(field => textConflict(root[field], own[field]));
  const maps = (['headers', 'withoutHeaders', 'queryParams'] as const)
    .some(field => Object.entries(own[field] ?? {}).some(([key, value]) => textConflict(root[field]?.[key], value)));
  const labels = Object.entries(own.sourceLabels ?? {}).some(([key, value]) => (root.sourceLabels?.[key] ?? value) !== value);
  return texts || maps || labels
    || (root.ignoreUriCase ?? false) !== (own.ignoreUriCase ?? false)
    || ((root.port ?? 0) > 0 && (own.port ?? 0) > 0 && root.port !== own.port)
    || (nonEmpty(root.sourceNamespace) !== undefined && own.sourceNamespace !== root.sourceNamespace)
    || gatewayConflict(root.gateways ?? [], own.gateways ?? []);
}

/** A side that names no gateway leaves them to the other. */
const gatewayConflict = (root: readonly string[], own: readonly string[]): boolean => (
  root.length > 0 && (root.length < own.length || own.some(gateway => !root.includes(gateway))));

/** Where both say something, only a text under a prefix or an equal one fits; the empty match fits nothing. */
function textConflict(root: StringMatch | null | undefined, own: StringMatch | null | undefined): boolean {
  if (root === undefined || root === null || own === undefined || own === null) return false;
  const [exact, prefix] = [nonEmpty(own.exact), nonEmpty(own.prefix)];
  if (nonEmpty(root.regex) !== undefined || nonEmpty(own.regex) !== undefined) return true;
  if (nonEmpty(root.exact) !== undefined) return prefix !== undefined || exact !== root.exact;
  const text = prefix ?? exact;
  return nonEmpty(root.prefix) === undefined || text === undefined || !text.startsWith(root.prefix ?? '');
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

const joined = (a: string | undefined, b: string | undefined): string | undefined => (
  [a, b].filter(part => nonEmpty(part) !== undefined).join('-') || undefined);
