import { resourceName } from '../../model/resource';
import { fieldOf } from '../finding';
import { Earlier } from './earlier';
import { describe, isCatchAll } from './http-cover';
import type { Entry, Match, Rule } from './rules';
import { delegateSource, entriesOf, gatewaysOf, hostsOf } from './rules';
import type { Context } from '../rules/context';

/** HTTP rules and matches that never decide, each with what takes its requests: within a VirtualService, and across those of one host on one gateway. */
export function httpReachability(context: Context): void {
  const source = delegateSource(context);
  const rules = context.sound<Rule['spec']>('VirtualService').filter(rule => rule.spec !== undefined);
  const entries = new Map(rules.map(rule => [rule, entriesOf(rule, source)]));
  const dead = new Set<string>();
  for (const rule of rules) withinOne(context, entries.get(rule)!, dead);
  for (const group of onGateways(context, rules)) acrossSeveral(context, group.rules.map(rule => entries.get(rule)!), group.place, dead);
}

const keyOf = ({ rule, path }: Match): string => `${rule.metadata.namespace}/${rule.metadata.name} ${fieldOf(path)}`;

function withinOne(context: Context, entries: readonly Entry[], dead: Set<string>): void {
  const earlier = new Earlier<Match>();
  for (const entry of entries) {
    const covers = entry.matches.map(match => earlier.coversOf(match.condition));
    report(context, entry, covers, dead, match => fieldOf(match.path));
    const own = new Earlier<Match>();
    entry.matches.forEach((match, number) => {
      const [twin] = own.coversOf(match.condition);
      if (covers[number].length === 0 && twin !== undefined && !entry.delegates) {
        context.report(match.rule, match.path, {
          code: 'MESH_MATCH_INEFFECTIVE',
          istioCode: 'IST0131',
          severity: 'info',
          message: `${fieldOf(match.path)} (${describe(match.condition)}) adds nothing to ${fieldOf(twin.path)} (${describe(twin.condition) || 'everything'}) of the same rule`,
          repair: 'remove it',
        });
      }
      own.add(match.condition, match);
      earlier.add(match.condition, match);
    });
  }
}

/** Says that a rule is never reached if each of its matches is covered, else which of its matches are not. */
function report(context: Context, entry: Entry, covers: readonly (readonly Match[])[], dead: Set<string>, nameOf: (match: Match) => string): void {
  const { rule, index, matches } = entry;
  if (matches.length === 0) return;
  const path = ['spec', 'http', index];
  const all = covers.every(cover => cover.length > 0);
  if (all) {
    const reasons = [...new Set(covers.flatMap(cover => cover.map(nameOf)))];
    const [first] = covers[0];
    const istioCode = covers.every(([cover], number) => describe(cover.condition) === '' || describe(cover.condition) === describe(matches[number].condition)) ? 'IST0130' : 'IST0131';
    const whole = describe(first.condition) === '';
    const own = [...new Set(matches.map(match => describe(match.condition)))].filter(text => text !== '').slice(0, 4).join(' or ');
    context.report(rule, path, {
      code: 'MESH_RULE_UNREACHABLE',
      istioCode,
      severity: 'warning',
      message: `${fieldOf(path)}${own === '' ? '' : ` (${own})`} can never match, as ${reasons.slice(0, 4).join(' and ')}${whole ? ' takes everything' : ` (${describe(first.condition)}) takes its requests`}`,
      repair: first.rule === rule ? whole ? 'move the general rule to the end' : 'move the narrower rule first' : 'join the rules in one VirtualService, the narrower first',
    });
  }
  covers.forEach((cover, number) => {
    const match = matches[number];
    if (cover.length === 0) return;
    dead.add(keyOf(match));
    if (all || entry.delegates) return;
    context.report(rule, match.path, {
      code: 'MESH_MATCH_INEFFECTIVE',
      istioCode: 'IST0131',
      severity: 'warning',
      message: `${fieldOf(match.path)} (${describe(match.condition) || 'everything'}) never decides, as ${cover.map(each => `${nameOf(each)} (${describe(each.condition) || 'everything'})`).join(' and ')} matches before it`,
      repair: 'move the narrower match first',
    });
  });
}

interface Group { readonly place: string; readonly rules: readonly Rule[] }

/** VirtualServices that share a host on a gateway: their rules are joined there, the oldest first. */
function onGateways(context: Context, rules: readonly Rule[]): readonly Group[] {
  const groups = new Map<string, Rule[]>();
  for (const rule of rules) {
    for (const gateway of new Set(gatewaysOf(rule).filter(name => name !== 'mesh'))) {
      for (const host of new Set(hostsOf(rule, context.model.domain))) {
        const key = `${host} on the gateway ${gateway}`;
        const group = groups.get(key);
        if (group === undefined) groups.set(key, [rule]);
        else group.push(rule);
      }
    }
  }
  const shared = [...groups].filter(([, group]) => group.length > 1).map(([place, group]) => ({ place, rules: group }));
  // Several hosts with the same rules need one look.
  return [...new Map(shared.map(group => [group.rules.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(), group])).values()];
}

function acrossSeveral(context: Context, lists: readonly (readonly Entry[])[], place: string, dead: Set<string>): void {
  const earlier = new Earlier<Match>();
  const everything: Match[] = [];
  const takesAll = (match: Match) => isCatchAll(match.condition);
  // Istio moves what takes everything behind the rest.
  for (const last of [false, true]) {
    for (const entries of lists) {
      for (const entry of entries) {
        const matches = entry.matches.filter(match => takesAll(match) === last);
        if (matches.length === 0) continue;
        const alive = matches.filter(match => !dead.has(keyOf(match)));
        const covers = alive.map(match => earlier.coversOf(match.condition));
        if (alive.length > 0 && covers.some(cover => cover.some(({ rule }) => rule !== entry.rule))) {
          const whole = alive.length === entry.matches.length;
          report(context, { ...entry, matches: whole ? alive : [...alive, ...entry.matches.filter(match => !alive.includes(match))] },
            whole ? covers : [...covers, ...entry.matches.slice(alive.length).map(() => [])], dead,
            match => (match.rule === entry.rule ? fieldOf(match.path) : `${fieldOf(match.path)} of ${resourceName(match.rule as never)}, which is older and shares the host ${place},`));
        }
        for (const match of matches) earlier.add(match.condition, match);
        if (last) everything.push(...alive);
      }
    }
  }
  shadowedOrder(context, lists, everything, place);
}

/** A rule that takes everything in an older VirtualService stands, in the end, behind the rules of younger ones: worth knowing where both were written apart. */
function shadowedOrder(context: Context, lists: readonly (readonly Entry[])[], everything: readonly Match[], place: string): void {
  const [first] = everything;
  if (first === undefined) return;
  const position = lists.findIndex(entries => entries[0]?.rule === first.rule);
  const later = lists.slice(position + 1).flatMap(entries => entries).find(entry => entry.matches.some(match => !isCatchAll(match.condition)));
  if (later === undefined) return;
  context.report(later.rule, ['spec', 'hosts'], {
    code: 'MESH_HOST_SHARED',
    severity: 'info',
    message: `shares the host ${place} with ${resourceName(first.rule as never)}, whose ${fieldOf(first.path)} takes everything; Istio moves that rule behind these, whatever their order`,
    repair: 'join both in one VirtualService to have the order written down',
  });
}
