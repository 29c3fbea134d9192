import { gatewaysOf } from './rules';
import type { Rule } from './rules';
import type { L4Match, TlsMatch, VirtualServiceSpec } from '../../compiler/istio-api';
import { resolveGateway } from '../../model/names';
import { fieldOf } from '../finding';
import type { Context } from '../rules/context';

/** TLS and TCP rules that never decide. Names of SNI are found by the longest one, so only the same name hides a later rule. */
export function l4Reachability(context: Context): void {
  for (const rule of context.sound<VirtualServiceSpec>('VirtualService')) {
    const { tcp = [], tls = [] } = rule.spec ?? {};
    walk(context, rule, 'tcp', tcp.map(each => keysOf(rule, each.match ?? [], false)));
    walk(context, rule, 'tls', tls.map(each => keysOf(rule, each.match ?? [], true)));
    repeats(context, rule, 'tcp', tcp.map(({ match = [] }) => match));
    repeats(context, rule, 'tls', tls.map(({ match = [] }) => match));
  }
}

/** With a field that the compiler does not read. */
type Match = L4Match & { readonly sourceSubnet?: string };

/** What a rule takes, as texts that another rule takes as well or not; a rule without match takes everything. */
function keysOf(rule: Rule, matches: readonly Match[], tls: boolean): readonly string[] {
  if (matches.length === 0) return tls ? [] : ['*'];
  return matches.flatMap((match) => {
    const gateways = match.gateways?.length ? match.gateways.map(gateway => resolveGateway(gateway, rule.metadata.namespace)) : gatewaysOf(rule);
    const rest = [match.port ?? 0, match.sourceNamespace ?? '', match.sourceSubnet ?? '', Object.entries(match.sourceLabels ?? {}).sort()];
    const any = JSON.stringify(rest) === '[0,"","",[]]' && (match.destinationSubnets ?? []).length === 0;
    const names = tls ? (match as TlsMatch).sniHosts ?? [] : [''];
    if (any && !tls && gateways.length === gatewaysOf(rule).length) return ['*'];
    return names.flatMap(name => gateways.map(gateway => JSON.stringify([name, [...match.destinationSubnets ?? []].sort(), ...rest, gateway])));
  });
}

function walk(context: Context, rule: Rule, kind: 'tcp' | 'tls', lists: readonly (readonly string[])[]): void {
  const owners = new Map<string, number>();
  lists.forEach((keys, index) => {
    const cover = keys.map(key => owners.get(key) ?? owners.get('*'));
    if (keys.length > 0 && cover.every(owner => owner !== undefined)) {
      context.report(rule, ['spec', kind, index], {
        code: 'MESH_RULE_UNREACHABLE',
        istioCode: 'IST0130',
        severity: 'warning',
        message: `spec.${kind}[${index}] can never match, as ${[...new Set(cover)].map(owner => `spec.${kind}[${owner}]`).join(' and ')} ${owners.has('*') ? 'takes everything' : 'takes its connections'}`,
        repair: 'move the general rule to the end, or remove this one',
      });
    }
    for (const key of keys) if (!owners.has(key)) owners.set(key, index);
  });
}

/** Matches that stand again, word by word. */
function repeats(context: Context, rule: Rule, kind: 'tcp' | 'tls', lists: readonly (readonly Match[])[]): void {
  const seen = new Map<string, string>();
  lists.forEach((matches, index) => matches.forEach((match, number) => {
    const key = JSON.stringify(Object.entries(match).sort(([a], [b]) => (a < b ? -1 : 1)));
    const path = ['spec', kind, index, 'match', number];
    const first = seen.get(key);
    if (first === undefined) return void seen.set(key, fieldOf(path));
    context.report(rule, path, {
      code: 'MESH_MATCH_INEFFECTIVE', istioCode: 'IST0131', severity: 'info', message: `${fieldOf(path)} is the same as ${first}`, repair: 'remove it',
    });
  }));
}
