import type { HttpMatch, StringMatch, VirtualServiceSpec } from '../../compiler/istio-api';
import type { Resource } from '../../model/resource';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { doubtful, invalid } from './context';
import type { Context } from './context';
import { badLabel, isHeaderName, isPort, regexFault } from './predicates';

/** Conditions of a VirtualService's rules, and rules that can never be reached (IST0130, IST0131). */
export function matchRules(context: Context, resource: Resource<VirtualServiceSpec>): void {
  const rules = resource.spec?.http ?? [];
  rules.forEach((rule, index) => (rule.match ?? []).forEach((match, at) => conditions(context, resource, match, ['spec', 'http', index, 'match', at])));
  reachability(context, resource, 'http', rules.map(rule => (rule.match ?? []).map(({ name: _name, ...match }) => match)));
  for (const kind of ['tls', 'tcp'] as const) {
    reachability(context, resource, kind, (resource.spec?.[kind] ?? []).map(rule => [...rule.match ?? []]));
  }
}

function conditions(context: Context, resource: Resource<VirtualServiceSpec>, match: HttpMatch, path: Path): void {
  const fault = (at: Path, code: string, message: string, repair: string) => context.report(resource, at, invalid(code, message, repair));
  const string = (condition: StringMatch | null | undefined, at: Path, emptyPrefix: boolean) => {
    if (condition === undefined || condition === null) return;
    if (condition.regex !== undefined) {
      const reason = regexFault(condition.regex);
      if (reason !== undefined) fault([...at, 'regex'], 'MESH_REGEX_INVALID', `${fieldOf(at)}.regex is a regular expression of RE2, got ${JSON.stringify(condition.regex)}: ${reason}`, 'correct the expression');
    }
    if (condition.prefix === '' && !emptyPrefix) fault([...at, 'prefix'], 'MESH_MATCH_INVALID', `${fieldOf(at)}.prefix is not empty, got ""`, 'leave the condition out to match anything');
  };
  string(match.uri, [...path, 'uri'], true);
  for (const field of ['scheme', 'method', 'authority'] as const) string(match[field], [...path, field], false);
  for (const field of ['headers', 'withoutHeaders', 'queryParams'] as const) {
    for (const [name, condition] of Object.entries(match[field] ?? {})) {
      const at = [...path, field, name];
      if (field === 'headers' && condition === null) fault(at, 'MESH_MATCH_INVALID', `${fieldOf(at)} has a condition, got null`, 'write {} to ask for the header\'s presence');
      if (field !== 'queryParams' && !isHeaderName(name) && !name.startsWith(':') && !name.startsWith('@request.auth.claims')) {
        fault(at, 'MESH_HEADER_INVALID', `a header's name is a token, got ${JSON.stringify(name)}`, 'correct the name');
      }
      if (field !== 'withoutHeaders' || condition?.regex !== '*') string(condition, at, false);
    }
  }
  if (match.port !== undefined && match.port !== 0 && !isPort(match.port)) fault([...path, 'port'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${match.port}`, 'choose one in that range');
  const label = badLabel(match.sourceLabels ?? {});
  if (label !== undefined) fault([...path, 'sourceLabels'], 'MESH_LABEL_INVALID', `sourceLabels are labels of Kubernetes, got the ${label}`, 'correct it');
}

/** Rules after a match-less one, or whose every match was asked before, never act. */
function reachability(context: Context, resource: Resource<VirtualServiceSpec>, kind: 'http' | 'tls' | 'tcp', rules: readonly (readonly object[])[]): void {
  const seen = new Map<string, number>();
  let catchAll = -1;
  rules.forEach((matches, index) => {
    const path = ['spec', kind, index];
    if (catchAll >= 0) {
      context.report(resource, path, doubtful('MESH_RULE_UNREACHABLE', `${fieldOf(path)} is never reached, as spec.${kind}[${catchAll}] takes everything`, 'move the general rule to the end', 'IST0130'));
    }
    if (matches.length === 0 && catchAll < 0) catchAll = index;
    const covers = matches.map(match => seen.get(canonical(match)) ?? (kind === 'http' ? coveredBy(match, rules, index) : undefined));
    if (catchAll < 0 && matches.length > 0 && matches.every(match => seen.has(canonical(match)))) {
      context.report(resource, path, doubtful('MESH_RULE_UNREACHABLE', `${fieldOf(path)} is never reached, as every match of it stands in an earlier rule`, 'remove it or narrow the earlier rule', 'IST0130'));
    } else if (catchAll < 0) {
      covers.forEach((cover, at) => {
        if (cover === undefined) return;
        const place = [...path, 'match', at];
        context.report(resource, place, { ...doubtful('MESH_MATCH_INEFFECTIVE', `${fieldOf(place)} never decides, as spec.${kind}[${cover}] matches before it`, 'move the narrower match first', 'IST0131'), severity: 'info' });
      });
    }
    for (const match of matches) if (!seen.has(canonical(match))) seen.set(canonical(match), index);
  });
}

/** The earlier rule whose prefix covers this one under the same other conditions. */
function coveredBy(match: HttpMatch, rules: readonly (readonly object[])[], index: number): number | undefined {
  const value = match.uri?.prefix ?? match.uri?.exact;
  if (value === undefined) return undefined;
  const { uri: _uri, ...rest } = match;
  for (let before = 0; before < index; before++) {
    for (const earlier of rules[before] as readonly HttpMatch[]) {
      const { uri, ...others } = earlier;
      if (uri?.prefix !== undefined && value.startsWith(uri.prefix) && canonical(others) === canonical(rest)) return before;
    }
  }
  return undefined;
}

/** The same text for equal values, whatever the order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'object' && item !== null && !Array.isArray(item)
    ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item));
}
