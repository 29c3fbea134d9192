import { httpConditionOf } from './http-cover';
import type { HttpCondition } from './http-cover';
import type { HttpMatch, HttpRoute, VirtualServiceSpec } from '../../compiler/istio-api';
import { withDelegates } from '../../compiler/scope/delegates';
import type { DelegateSource } from '../../compiler/scope/delegates';
import { resolveGateway, resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import type { Path } from '../finding';
import type { Context } from '../rules/context';

export type Rule = Resource<VirtualServiceSpec>;

/** One match of an HTTP rule, with its place; a rule without match has one that takes everything. */
export interface Match {
  readonly rule: Rule;
  /** Number of the rule in its VirtualService. */
  readonly index: number;
  readonly path: Path;
  readonly condition: HttpCondition;
}

/** An HTTP rule with its alternatives; one that delegates has those of its delegate, and none where there is no delegate. */
export interface Entry {
  readonly rule: Rule;
  readonly index: number;
  readonly delegates: boolean;
  readonly matches: readonly Match[];
}

/** Gateways of a VirtualService by full name; `mesh` where it names none. */
export function gatewaysOf(rule: Rule): readonly string[] {
  const gateways = rule.spec.gateways ?? [];
  return gateways.length === 0 ? ['mesh'] : gateways.map(gateway => resolveGateway(gateway, rule.metadata.namespace));
}

export function hostsOf(rule: Rule, domain: string): readonly string[] {
  return (rule.spec.hosts ?? []).map(host => resolveHost(host, rule.metadata.namespace, domain).toLowerCase());
}

/** Where rules find their delegates. */
export function delegateSource(context: Context): DelegateSource {
  const delegates = context.sound<VirtualServiceSpec>('VirtualService').filter(rule => (rule.spec?.hosts ?? []).length === 0);
  return {
    domain: context.model.domain,
    defaultExportTo: context.model.config.defaultVirtualServiceExportTo,
    delegates: new Map(delegates.map(rule => [`${rule.metadata.namespace}/${rule.metadata.name}`, rule])),
  };
}

/** The HTTP rules of a VirtualService in order. */
export function entriesOf(rule: Rule, source: DelegateSource): readonly Entry[] {
  const gateways = gatewaysOf(rule);
  const resolve = (gateway: string) => resolveGateway(gateway, rule.metadata.namespace);
  const at = (index: number, path: Path, match: HttpMatch): Match => ({ rule, index, path, condition: httpConditionOf(match, gateways, resolve) });
  return (rule.spec.http ?? []).map((http, index): Entry => {
    const path = ['spec', 'http', index];
    if (http.delegate !== undefined) {
      const merged = withDelegates({ ...rule, spec: { http: [http] } }, source) ?? [];
      const matchesOf = ({ match = [] }: HttpRoute) => (match.length === 0 ? [{}] : match);
      return { rule, index, delegates: true, matches: merged.flatMap(matchesOf).map(match => at(index, path, match)) };
    }
    const matches = (http.match ?? []).map((match, number) => at(index, [...path, 'match', number], match));
    return { rule, index, delegates: false, matches: matches.length === 0 ? [at(index, path, {})] : matches };
  });
}
