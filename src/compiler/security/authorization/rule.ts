import type { MessageInitShape } from '@bufbuild/protobuf';
import { conditionOf, DESTINATION, SOURCE } from './conditions';
import type { Generator, PermissionInit, PrincipalInit, RuleSite } from './conditions';
import type { PolicySchema } from '../../../xds/gen/envoy/config/rbac/v3/rbac_pb';
import type { AuthorizationRule, Operation, Source } from '../../istio-security-api';

export type PolicyInit = MessageInitShape<typeof PolicySchema>;

/** What a rule is made for. */
export interface RuleForm extends RuleSite {
  /** Bytes have no methods, paths, hosts or tokens. */
  readonly tcp: boolean;
  /** An ALLOW rule with a part that cannot hold must not allow; any other rule goes on without that part. */
  readonly allow: boolean;
}

interface Term<T> { readonly generator: Generator<T>; readonly values: readonly string[]; readonly notValues: readonly string[] }

/** How terms of one kind are combined. */
interface Logic<T> {
  readonly and: (terms: T[]) => T;
  readonly or: (terms: T[]) => T;
  readonly not: (term: T) => T;
  readonly any: T;
}

const PERMISSIONS: Logic<PermissionInit> = {
  and: rules => ({ rule: { case: 'andRules', value: { rules } } }),
  or: rules => ({ rule: { case: 'orRules', value: { rules } } }),
  not: value => ({ rule: { case: 'notRule', value } }),
  any: { rule: { case: 'any', value: true } },
};

const PRINCIPALS: Logic<PrincipalInit> = {
  and: ids => ({ identifier: { case: 'andIds', value: { ids } } }),
  or: ids => ({ identifier: { case: 'orIds', value: { ids } } }),
  not: value => ({ identifier: { case: 'notId', value } }),
  any: { identifier: { case: 'any', value: true } },
};

/** A policy that takes nothing: what an AuthorizationPolicy without rules is. */
export const NEVER: PolicyInit = { permissions: [PERMISSIONS.not(PERMISSIONS.any)], principals: [PRINCIPALS.not(PRINCIPALS.any)] };

/** One rule as an RBAC policy: who may (`from`, caller's `when`) times what (`to`, server's `when`). Undefined where it cannot hold. */
export function policyOf(rule: AuthorizationRule, form: RuleForm): PolicyInit | undefined {
  const permissions: Term<PermissionInit>[] = [];
  const principals: Term<PrincipalInit>[] = [];
  for (const { key, values, notValues } of rule.when ?? []) {
    const condition = conditionOf(key ?? '');
    // istiod leaves out a rule with a key that it does not know.
    if (condition === undefined) return undefined;
    const given = { values: values ?? [], notValues: notValues ?? [] };
    if ('permission' in condition) permissions.push({ generator: condition.permission, ...given });
    else principals.push({ generator: condition.principal, ...given });
  }
  const to = alternatives(rule.to?.map(({ operation }) => operationTerms(operation)), permissions);
  const from = alternatives(rule.from?.map(({ source }) => sourceTerms(source)), principals);
  const built = {
    permissions: to.map(terms => together(terms, PERMISSIONS, form)),
    principals: from.map(terms => together(terms, PRINCIPALS, form)),
  };
  if ([...built.permissions, ...built.principals].includes(undefined)) return undefined;
  return { permissions: built.permissions as PermissionInit[], principals: built.principals as PrincipalInit[] };
}

function alternatives<T>(lists: readonly Term<T>[][] | undefined, common: readonly Term<T>[]): Term<T>[][] {
  return lists === undefined || lists.length === 0 ? [[...common]] : lists.map(list => [...list, ...common]);
}

function operationTerms(operation: Operation = {}): Term<PermissionInit>[] {
  return [
    term(DESTINATION.hosts, operation.hosts, operation.notHosts),
    term(DESTINATION.methods, operation.methods, operation.notMethods),
    term(DESTINATION.paths, operation.paths, operation.notPaths),
    term(DESTINATION.ports, operation.ports, operation.notPorts),
  ];
}

function sourceTerms(source: Source = {}): Term<PrincipalInit>[] {
  return [
    term(SOURCE.principals, source.principals, source.notPrincipals),
    term(SOURCE.requestPrincipals, source.requestPrincipals, source.notRequestPrincipals),
    term(SOURCE.serviceAccounts, source.serviceAccounts, source.notServiceAccounts),
    term(SOURCE.trustDomains, source.trustDomains, source.notTrustDomains),
    term(SOURCE.namespaces, source.namespaces, source.notNamespaces),
    term(SOURCE.remoteIpBlocks, source.remoteIpBlocks, source.notRemoteIpBlocks),
    term(SOURCE.ipBlocks, source.ipBlocks, source.notIpBlocks),
  ];
}

function term<T>(generator: Generator<T>, values: readonly string[] = [], notValues: readonly string[] = []): Term<T> {
  return { generator, values, notValues };
}

/** All terms at once; undefined where one of them cannot hold and the rule allows. */
function together<T>(terms: readonly Term<T>[], logic: Logic<T>, form: RuleForm): T | undefined {
  const parts: T[] = [];
  for (const { generator, values, notValues } of terms) {
    for (const [list, wrap] of [[values, (part: T): T => part], [notValues, logic.not]] as const) {
      if (list.length === 0) continue;
      const built = build(generator, list, logic, form);
      if (built.failed && form.allow) return undefined;
      if (built.part !== undefined) parts.push(wrap(built.part));
    }
  }
  return logic.and(parts.length === 0 ? [logic.any] : parts);
}

interface Built<T> { readonly part?: T; readonly failed: boolean }

function build<T>(generator: Generator<T>, given: readonly string[], logic: Logic<T>, form: RuleForm): Built<T> {
  if (form.tcp && generator.httpOnly === true) return { failed: true };
  const values = generator.spread?.(given, form) ?? given;
  if (generator.all !== undefined) {
    const part = generator.all(values, form);
    return { part, failed: part === undefined };
  }
  const parts = values.map(value => generator.one?.(value, form));
  const known = parts.filter((part): part is Exclude<typeof part, undefined> => part !== undefined);
  return { part: known.length === 0 ? undefined : logic.or(known), failed: known.length < parts.length };
}
