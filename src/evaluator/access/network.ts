import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Facts } from './facts';
import { judge, prepareAccessRules, type AccessRules } from './rbac';
import type { FilterChain } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { RBACSchema } from '../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import type { TraceSink } from '../trace';

/** A network filter that may close a connection. */
export interface ConnectionPolicy {
  readonly rules?: AccessRules;
  readonly shadow?: AccessRules;
}

/** The access rules that a filter chain asks before it reads a connection. */
export function prepareConnectionPolicies({ filters }: FilterChain): ConnectionPolicy[] {
  return filters.flatMap(({ configType }) => {
    const rbac = configType.case === 'typedConfig' ? anyUnpack(configType.value, RBACSchema) : undefined;
    if (rbac === undefined) return [];
    if (rbac.matcher !== undefined || rbac.shadowMatcher !== undefined) throw new Error('network filter rbac: matcher is not supported');
    const { rules, shadowRules } = rbac;
    return [{ ...(rules && { rules: prepareAccessRules(rules) }), ...(shadowRules && { shadow: prepareAccessRules(shadowRules) }) }];
  });
}

/** '' where a connection may stay, else why it is closed: `rbac_access_denied_matched_policy[…]`. */
export function admitConnection(policies: readonly ConnectionPolicy[], facts: Facts, trace?: TraceSink): string {
  for (const { rules, shadow } of policies) {
    if (shadow !== undefined && trace !== undefined) judge(shadow, facts, trace, 'dry run');
    if (rules === undefined) continue;
    const { allowed, policy } = judge(rules, facts, trace);
    if (!allowed) return `rbac_access_denied_matched_policy[${policy === '' ? 'none' : policy}]`;
  }
  return '';
}
