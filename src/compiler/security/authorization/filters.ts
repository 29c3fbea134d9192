import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { metadataMatcher } from './matchers';
import { authoriserOf } from './providers';
import { NEVER, policyOf } from './rule';
import type { PolicyInit } from './rule';
import { trustDomainsAlike, withTrustDomainAliases } from './trust-domains';
import type { Resource } from '../../../model/resource';
import { pack } from '../../../xds/any';
import { RBAC_Action } from '../../../xds/gen/envoy/config/rbac/v3/rbac_pb';
import type { RBACSchema } from '../../../xds/gen/envoy/config/rbac/v3/rbac_pb';
import { ExtAuthzSchema as HttpExtAuthzSchema } from '../../../xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb';
import { RBACSchema as HttpRbacSchema } from '../../../xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import { ExtAuthzSchema as TcpExtAuthzSchema } from '../../../xds/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb';
import { RBACSchema as TcpRbacSchema } from '../../../xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import type { AuthorizationPolicySpec } from '../../istio-security-api';
import { attached } from '../../scope/attachment';
import type { View } from '../../view';

type Policy = Resource<AuthorizationPolicySpec>;
type RbacInit = MessageInitShape<typeof RBACSchema>;

/** A filter by the name under which it stands in a chain. */
export interface NamedFilter { readonly name: string; readonly config: Any }

/** Filters of AuthorizationPolicy: those that ask somebody else stand before the token is looked at, the others after (istio-behaviour G3). */
export interface Authorization {
  readonly custom: readonly NamedFilter[];
  readonly local: readonly NamedFilter[];
}

const DRY_RUN_ALLOW = 'istio_dry_run_allow_';
const DRY_RUN_DENY = 'istio_dry_run_deny_';
const EXT_AUTHZ = 'istio_ext_authz_';
const EXT_AUTHZ_POLICY = 'istio-ext-authz';

const RBAC = { http: 'envoy.filters.http.rbac', tcp: 'envoy.filters.network.rbac' };
const ASK = { http: 'envoy.filters.http.ext_authz', tcp: 'envoy.filters.network.ext_authz' };

export function authorization(view: View, form: 'http' | 'tcp'): Authorization {
  return view.mesh.memo.get('authorization', [view.facetKey, form], () => {
    const policies = attached<AuthorizationPolicySpec>(view.mesh.model, 'AuthorizationPolicy', view.proxy);
    const of = (action: string): Policy[] => policies.filter(({ spec }) => (spec.action || 'ALLOW') === action);
    return {
      custom: customFilters(view, form, of('CUSTOM')),
      local: [
        ...rbacFilter(view, form, of('AUDIT'), RBAC_Action.LOG),
        ...rbacFilter(view, form, of('DENY'), RBAC_Action.DENY),
        ...rbacFilter(view, form, of('ALLOW'), RBAC_Action.ALLOW),
      ],
    };
  });
}

const dryRun = ({ metadata }: Policy): boolean => /^(1|t|true)$/i.test(metadata.annotations['istio.io/dry-run'] ?? '');

function rbacFilter(view: View, form: 'http' | 'tcp', policies: readonly Policy[], action: RBAC_Action): NamedFilter[] {
  if (policies.length === 0) return [];
  const enforced = policies.filter(policy => !dryRun(policy));
  const tried = policies.filter(dryRun);
  const rules = enforced.length === 0 ? undefined : rbac(view, form, enforced, action);
  const shadowRules = tried.length === 0 ? undefined : rbac(view, form, tried, action);
  const shadowRulesStatPrefix = shadowRules !== undefined && action === RBAC_Action.DENY ? DRY_RUN_DENY : DRY_RUN_ALLOW;
  return [packed(form, { rules, shadowRules, shadowRulesStatPrefix })];
}

interface Filter { readonly rules?: RbacInit; readonly shadowRules?: RbacInit; readonly shadowRulesStatPrefix?: string }

function packed(form: 'http' | 'tcp', filter: Filter): NamedFilter {
  return {
    name: RBAC[form],
    config: form === 'http' ? pack(HttpRbacSchema, filter) : pack(TcpRbacSchema, { ...filter, statPrefix: 'tcp.' }),
  };
}

function rbac(view: View, form: 'http' | 'tcp', policies: readonly Policy[], action: RBAC_Action, prefix = ''): RbacInit {
  const { config } = view.mesh.model;
  const built: Record<string, PolicyInit> = {};
  for (const { metadata: { namespace, name }, spec } of policies) {
    const rules = spec.rules ?? [];
    const nameOf = (index: number): string => `${prefix}ns[${namespace}]-policy[${name}]-rule[${index}]`;
    if (rules.length === 0) built[nameOf(0)] = NEVER;
    rules.forEach((rule, index) => {
      if (rule === null) return;
      const policy = policyOf(rule, {
        namespace,
        tcp: form === 'tcp',
        allow: action === RBAC_Action.ALLOW,
        principals: values => withTrustDomainAliases(values, config),
        trustDomains: values => trustDomainsAlike(values, config),
      });
      if (policy !== undefined) built[nameOf(index)] = policy;
    });
  }
  return { action, policies: built };
}

/** A shadow RBAC leaves word which requests the policies mean; the filter behind it asks about those only. */
function customFilters(view: View, form: 'http' | 'tcp', policies: readonly Policy[]): NamedFilter[] {
  if (policies.length === 0) return [];
  const providers = [...new Set(policies.map(({ spec }) => spec.provider?.name ?? ''))];
  const enforced = policies.filter(policy => !dryRun(policy));
  // Read as DENY, a condition that bytes do not have is left out rather than the whole rule.
  const policiesOf = (provider: string): RbacInit => rbac(
    view, form, enforced.filter(({ spec }) => (spec.provider?.name ?? '') === provider), RBAC_Action.DENY, `${EXT_AUTHZ_POLICY}-${provider}-`);
  const all = providers.map(policiesOf);
  const rules: RbacInit = { action: RBAC_Action.DENY, policies: Object.assign({}, ...all.map(({ policies: some }) => some)) };
  const condition = (of: 'http' | 'tcp') => metadataMatcher(RBAC[of], [`${EXT_AUTHZ}shadow_effective_policy_id`], {
    matchPattern: { case: 'stringMatch', value: { matchPattern: { case: 'prefix', value: `${EXT_AUTHZ_POLICY}-${providers[0]}` } } },
  });
  const authoriser = providers.length === 1 ? authoriserOf(view.mesh, providers[0], condition) : undefined;
  if (authoriser === undefined) {
    // Nobody can be asked, so what would have been asked about is denied.
    const denied = Object.entries(rules.policies ?? {}).map(([name, policy]) => [`${name}-deny-due-to-bad-CUSTOM-action`, policy]);
    return [packed(form, { rules: { action: RBAC_Action.DENY, policies: Object.fromEntries(denied) } })];
  }
  const shadow = packed(form, { shadowRules: rules, shadowRulesStatPrefix: EXT_AUTHZ });
  if (form === 'http') return [shadow, { name: ASK.http, config: pack(HttpExtAuthzSchema, authoriser.http) }];
  // An authoriser that speaks HTTP cannot be asked about bytes.
  return authoriser.tcp === undefined ? [] : [shadow, { name: ASK.tcp, config: pack(TcpExtAuthzSchema, authoriser.tcp) }];
}
