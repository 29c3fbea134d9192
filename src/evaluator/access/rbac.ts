import type { Facts, Matcher } from './facts';
import { all, any, preparePermission, preparePrincipal } from './rules';
import { RBAC_Action as Action, type Policy, type RBAC } from '../../xds/gen/envoy/config/rbac/v3/rbac_pb';
import type { TraceSink } from '../trace';

/** One set of access rules, prepared. */
export interface AccessRules {
  readonly action: 'allow' | 'deny' | 'log';
  /** In the order in which Envoy asks them: by name. */
  readonly policies: readonly { readonly name: string; readonly matcher: Matcher }[];
}

/** What a set of rules says. */
export interface Verdict {
  readonly allowed: boolean;
  /** The rule that took it; '' for none. */
  readonly policy: string;
}

const ACTIONS = { [Action.ALLOW]: 'allow', [Action.DENY]: 'deny', [Action.LOG]: 'log' } as const;

const tables = new WeakMap<RBAC, AccessRules>();

export function prepareAccessRules(message: RBAC): AccessRules {
  let rules = tables.get(message);
  if (rules === undefined) {
    const names = Object.keys(message.policies).sort((a, b) => (a < b ? -1 : 1));
    rules = { action: ACTIONS[message.action], policies: names.map(name => ({ name, matcher: preparePolicy(name, message.policies[name]!) })) };
    tables.set(message, rules);
  }
  return rules;
}

function preparePolicy(name: string, { permissions, principals, condition, checkedCondition }: Policy): Matcher {
  if (condition !== undefined || checkedCondition !== undefined) throw new Error(`RBAC policy ${name}: a CEL condition is not supported`);
  return all([any(permissions.map(preparePermission)), any(principals.map(preparePrincipal))]);
}

/** What the rules say to these facts; with a trace, every rule and why it did not take them. */
export function judge({ action, policies }: AccessRules, facts: Facts, trace?: TraceSink, kind: string = action): Verdict {
  const taken = policies.find(({ matcher }) => matcher.test(facts));
  if (trace !== undefined) {
    for (const policy of policies) {
      const { name, matcher } = policy;
      const source = sourceOf(name);
      const base = { step: 'policy' as const, name, detail: `${kind}: ${matcher.wants}`, ...(source !== '' && { source }) };
      if (policy === taken) trace({ ...base, outcome: 'chosen', because: `${kind}: ${matcher.wants}` });
      else if (matcher.test(facts)) trace({ ...base, outcome: 'skipped', because: `${taken!.name} came first` });
      else trace({ ...base, outcome: 'failed', because: `${kind}: ${matcher.explain(facts)}` });
    }
  }
  const matched = taken !== undefined;
  return { allowed: action === 'log' || matched === (action === 'allow'), policy: taken?.name ?? '' };
}

const ISTIO_NAME = /(?:^|-)ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[/;

/** The resource that Istio made a rule from, by the name it gives the rule. */
function sourceOf(name: string): string {
  const match = ISTIO_NAME.exec(name);
  return match === null ? '' : `/apis/security.istio.io/v1/namespaces/${match[1]}/authorization-policy/${match[2]}`;
}
