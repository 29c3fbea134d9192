import type { Aspects } from './facts';
import { textOfJson } from './facts';
import { PeerAuthentications } from '../../compiler/security/peer-authentication';
import { objectOf, objectsOf, textMapOf, textOf, textsOf } from '../../model/json';
import type { Json } from '../../model/json';
import type { Model } from '../../model/model';
import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Workload } from '../../model/service';

/** Policies that hold for a workload, as aspects; names of policies do not count. */
export function policyAspects(model: Model): (workload: Workload) => Aspects {
  const peers = new PeerAuthentications(model);
  return (workload) => {
    const aspects = new Map<string, string>();
    const mode = peers.ofWorkload(workload.namespace, workload.labels);
    aspects.set('mutual TLS', mode);
    for (const port of peers.portsOf(workload.namespace, workload.labels)) {
      const ofPort = peers.ofWorkload(workload.namespace, workload.labels, port);
      if (ofPort !== mode) aspects.set(`mutual TLS of port ${port}`, ofPort);
    }
    const tokens = policiesFor(model, 'RequestAuthentication', workload).flatMap(policy => objectsOf(policy.spec.jwtRules).map(textOfJson));
    if (tokens.length > 0) aspects.set('tokens', [...new Set(tokens)].sort().join('; '));
    const byAction = new Map<string, string[]>();
    for (const policy of policiesFor(model, 'AuthorizationPolicy', workload)) {
      const { action, provider } = policy.spec;
      const key = `${textOf(action) ?? 'ALLOW'}${provider === undefined ? '' : ` ${textOfJson(provider)}`}`;
      const rules = objectsOf(policy.spec.rules).map(textOfJson);
      byAction.set(key, [...byAction.get(key) ?? [], ...(rules.length === 0 ? ['nothing'] : rules)]);
    }
    for (const [action, rules] of byAction) aspects.set(`access ${action}`, [...new Set(rules)].sort().join('; '));
    return aspects;
  };
}

export function policiesFor(model: Model, kind: string, workload: Workload): readonly Resource[] {
  const namespaces = [workload.namespace, model.config.rootNamespace];
  return model.of(kind).filter(({ metadata, spec }) => namespaces.includes(metadata.namespace)
    && spec.targetRef === undefined && spec.targetRefs === undefined && selects(textMapOf(objectOf(spec.selector).matchLabels), workload.labels));
}

/** Whether a caller gets through: always, never, or depending on the request. */
export type Verdict = 'ALLOW' | 'DENY' | 'SOME';

/** Who calls. */
type Caller = Pick<Workload, 'namespace' | 'serviceAccount'>;

/** What the policies of a workload say to callers by their identity, with the policy that decides. */
export function verdictOf(model: Model, workload: Workload, caller: Caller): { readonly verdict: Verdict; readonly policy?: string } {
  const policies = policiesFor(model, 'AuthorizationPolicy', workload);
  const withAction = (action: string) => policies.filter(({ spec }) => (textOf(spec.action) ?? 'ALLOW') === action);
  let some = withAction('CUSTOM').length > 0;
  for (const policy of withAction('DENY')) {
    const takes = Math.max(0, ...objectsOf(policy.spec.rules).map(rule => takesCaller(rule, model, caller)));
    if (takes === 2) return { verdict: 'DENY', policy: resourceName(policy) };
    some ||= takes === 1;
  }
  const allow = withAction('ALLOW');
  if (allow.length === 0) return { verdict: some ? 'SOME' : 'ALLOW' };
  let best = 0;
  for (const policy of allow) best = Math.max(best, ...objectsOf(policy.spec.rules).map(rule => takesCaller(rule, model, caller)));
  if (best === 0) return { verdict: 'DENY', policy: resourceName(allow[0]) };
  return { verdict: best === 2 && !some ? 'ALLOW' : 'SOME' };
}

/** 0: never takes the caller; 1: some of its requests; 2: all of them. */
function takesCaller(rule: Json, model: Model, caller: Caller): 0 | 1 | 2 {
  const principal = `${model.config.trustDomain}/ns/${caller.namespace}/sa/${caller.serviceAccount}`;
  const matches = (values: readonly string[], text: string) => values.some(value => wild(value, text));
  const sources = objectsOf(rule.from).map(({ source }): 0 | 1 | 2 => {
    const from = objectOf(source);
    const given = (field: string) => textsOf(from[field]);
    const accounts = given('serviceAccounts').map(each => (each.includes('/') ? each : `${caller.namespace}/${each}`));
    if (given('principals').length > 0 && !matches(given('principals'), principal)) return 0;
    if (given('namespaces').length > 0 && !matches(given('namespaces'), caller.namespace)) return 0;
    if (accounts.length > 0 && !accounts.includes(`${caller.namespace}/${caller.serviceAccount}`)) return 0;
    if (matches(given('notPrincipals'), principal) || matches(given('notNamespaces'), caller.namespace)) return 0;
    const known = new Set(['principals', 'namespaces', 'serviceAccounts', 'notPrincipals', 'notNamespaces']);
    return Object.keys(from).every(field => known.has(field)) ? 2 : 1;
  });
  const source = rule.from === undefined ? 2 : Math.max(0, ...sources);
  if (source === 0) return 0;
  return source === 2 && objectsOf(rule.to).length === 0 && objectsOf(rule.when).length === 0 ? 2 : 1;
}

function wild(pattern: string, text: string): boolean {
  if (pattern === '*') return text !== '';
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : pattern === text;
}
