import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { policyTargetRules, quote } from './common';
import type { TargetRef } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { isSubnet, pathTemplateFault } from './predicates';
import { CONDITION_KEYS, isConditionKey } from '../../model/condition-keys';

type Lists<K extends string> = Readonly<Partial<Record<K, readonly string[]>>>;

type Source = Lists<'principals' | 'notPrincipals' | 'requestPrincipals' | 'notRequestPrincipals' | 'namespaces' | 'notNamespaces' | 'serviceAccounts'
  | 'notServiceAccounts' | 'trustDomains' | 'notTrustDomains' | 'ipBlocks' | 'notIpBlocks' | 'remoteIpBlocks' | 'notRemoteIpBlocks'>;
type Operation = Lists<'hosts' | 'notHosts' | 'ports' | 'notPorts' | 'methods' | 'notMethods' | 'paths' | 'notPaths'>;
interface Condition { readonly key?: string; readonly values?: readonly string[]; readonly notValues?: readonly string[] }

/** One rule of an AuthorizationPolicy. */
export interface AccessRule {
  readonly from?: readonly { readonly source?: Source }[];
  readonly to?: readonly { readonly operation?: Operation }[];
  readonly when?: readonly Condition[];
}

/** An AuthorizationPolicy as far as rules read it. */
export interface AuthorizationPolicySpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: TargetRef;
  readonly targetRefs?: readonly TargetRef[];
  readonly action?: string;
  readonly provider?: { readonly name?: string };
  readonly rules?: readonly AccessRule[];
}

/** istio-validation §1.8. */
export function authorizationPolicyRules(context: Context): void {
  for (const resource of context.sound<AuthorizationPolicySpec>('AuthorizationPolicy')) {
    const at = reporter(context, resource);
    const spec = resource.spec ?? {};
    policyTargetRules(at, spec);
    actionRules(at, spec);
    spec.rules?.forEach((rule, index) => {
      const path = ['spec', 'rules', index];
      sourceLists(at, rule, path, spec.action === 'CUSTOM');
      operationLists(at, rule, path);
      rule.when?.forEach((condition, number) => conditionRules(at, condition, [...path, 'when', number], spec.action === 'CUSTOM'));
    });
  }
}

function actionRules(at: Reporter, spec: AuthorizationPolicySpec): void {
  if (spec.action === 'CUSTOM') {
    if ((spec.rules ?? []).length === 0) at.invalid(['spec'], 'MESH_ACCESS_INVALID', 'a policy of action CUSTOM has rules, got none', 'add rules: [{}] to ask for every request');
    if ((spec.provider?.name ?? '') === '') at.invalid(['spec'], 'MESH_ACCESS_INVALID', 'a policy of action CUSTOM names its provider, got none', 'add provider: {name: …}');
  } else if (spec.provider !== undefined) {
    at.invalid(['spec', 'provider'], 'MESH_ACCESS_INVALID', `provider belongs to action CUSTOM, got action ${spec.action ?? 'ALLOW'}`, 'remove provider or write action: CUSTOM');
  }
  if (spec.action === 'DENY' && (spec.rules ?? []).length === 0) {
    at.invalid(['spec'], 'MESH_ACCESS_INVALID', 'a policy of action DENY has rules, got none', 'add rules: [{}] to deny everything');
  }
}

/** Fields of a source that an external provider is not told. */
const NOT_CUSTOM = ['namespaces', 'serviceAccounts', 'trustDomains', 'principals', 'requestPrincipals'] as const;

const negated = <F extends string>(field: F): `not${Capitalize<F>}` => `not${field.charAt(0).toUpperCase()}${field.slice(1)}` as `not${Capitalize<F>}`;

/** Istio reads an empty list as none. */
function anything(at: Reporter, path: Path, what: string): void {
  at.say(path, { code: 'MESH_ACCESS_INVALID', severity: 'info', message: `${fieldOf(path)} without entries means any ${what}, got []`, repair: 'leave it out to say so' });
}

/** Whether nothing is asked: empty lists ask for nothing. */
const asksNothing = (lists: Source | Operation): boolean => (
  Object.values(lists).every((values: readonly string[] | undefined) => (values ?? []).length === 0));

function sourceLists(at: Reporter, rule: AccessRule, path: Path, custom: boolean): void {
  if (rule.from?.length === 0) anything(at, [...path, 'from'], 'source');
  rule.from?.forEach(({ source }, index) => {
    const place = [...path, 'from', index];
    if (source === undefined || asksNothing(source)) {
      return at.invalid(place, 'MESH_ACCESS_INVALID', `${fieldOf(place)} has a source with a condition, got none`, 'add principals, namespaces or ipBlocks');
    }
    const here = [...place, 'source'];
    for (const field of custom ? NOT_CUSTOM : []) {
      for (const name of [field, negated(field)]) {
        if ((source[name]?.length ?? 0) > 0) at.invalid([...here, name], 'MESH_ACCESS_INVALID', `${name} cannot be asked under action CUSTOM, got some`, 'use ipBlocks, or another action');
      }
    }
    const accounts = [...source.serviceAccounts ?? [], ...source.notServiceAccounts ?? []];
    for (const other of ['principals', 'notPrincipals', 'namespaces', 'notNamespaces'] as const) {
      if (accounts.length > 0 && (source[other]?.length ?? 0) > 0) {
        at.invalid([...here, other], 'MESH_FIELD_EXCLUSIVE', `serviceAccounts says all that ${other} could say, got both`, 'keep one of them');
      }
    }
    eachValue(at, source, here);
    for (const field of ['serviceAccounts', 'notServiceAccounts'] as const) serviceAccounts(at, source[field], [...here, field]);
    for (const field of ['trustDomains', 'notTrustDomains'] as const) {
      trustDomains(at, source[field], [...here, field]);
    }
    for (const field of ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'] as const) subnets(at, source[field], [...here, field]);
  });
}

function serviceAccounts(at: Reporter, values: readonly string[] | undefined, path: Path): void {
  if ((values?.length ?? 0) > 16) at.invalid(path, 'MESH_LIMIT_INVALID', `${fieldOf(path)} has at most 16 values, got ${values!.length}`, 'split the rule');
  values?.forEach((value, index) => {
    const parts = value.split('/');
    if (value.length > 320 || value.includes('*') || parts.length > 2 || parts.includes('')) {
      at.invalid([...path, index], 'MESH_ACCESS_VALUE', `a service account is NAME or NAMESPACE/NAME of at most 320 characters without *, got ${quote(value)}`, 'correct it');
    }
  });
}

/** In a condition any text will do, though none with a / is ever met. */
function trustDomains(at: Reporter, values: readonly string[] | undefined, path: Path, anyText = false): void {
  values?.forEach((value, index) => {
    if ((!anyText && value.includes('/')) || value.slice(1, -1).includes('*') || /^\*.*\*$/.test(value)) {
      at.invalid([...path, index], 'MESH_ACCESS_VALUE', `a trust domain has ${anyText ? '' : 'no / and '}* only at one end, got ${quote(value)}`, 'correct it');
    }
  });
}

function operationLists(at: Reporter, rule: AccessRule, path: Path): void {
  if (rule.to?.length === 0) anything(at, [...path, 'to'], 'operation');
  rule.to?.forEach(({ operation }, index) => {
    const place = [...path, 'to', index];
    if (operation === undefined || asksNothing(operation)) {
      return at.invalid(place, 'MESH_ACCESS_INVALID', `${fieldOf(place)} has an operation with a condition, got none`, 'add methods, paths, hosts or ports');
    }
    const here = [...place, 'operation'];
    eachValue(at, operation, here);
    for (const field of ['ports', 'notPorts'] as const) ports(at, operation[field], [...here, field]);
    for (const field of ['paths', 'notPaths'] as const) {
      operation[field]?.forEach((value, number) => {
        const reason = pathTemplateFault(value);
        if (reason !== undefined) at.invalid([...here, field, number], 'MESH_ACCESS_VALUE', `a path is plain, has * at one end, or is a template of {*} and {**}, got ${quote(value)}: ${reason}`, 'correct it');
      });
    }
  });
}

function eachValue(at: Reporter, lists: Readonly<Record<string, readonly string[] | undefined>>, path: Path): void {
  for (const [field, values] of Object.entries(lists)) {
    values?.forEach((value, index) => {
      if (value === '') at.invalid([...path, field, index], 'MESH_ACCESS_VALUE', `${fieldOf([...path, field])} has texts that are not empty, got ""`, 'write * for any value');
    });
  }
}

function ports(at: Reporter, values: readonly string[] | undefined, path: Path): void {
  values?.forEach((value, index) => {
    if (!/^\d+$/.test(value) || Number(value) > 65535) {
      at.invalid([...path, index], 'MESH_PORT_INVALID', `a port is from 0 to 65535, got ${quote(value)}`, 'choose one in that range');
    }
  });
}

function subnets(at: Reporter, values: readonly string[] | undefined, path: Path): void {
  values?.forEach((value, index) => {
    if (!isSubnet(value)) at.invalid([...path, index], 'MESH_ADDRESS_INVALID', `${fieldOf(path)} has IP addresses and blocks, got ${quote(value)}`, 'correct it');
  });
}

/** Keys that an external provider is not told. */
const KEYS_NOT_CUSTOM = /^(?:source\.(?:namespace|serviceAccount|trustDomain|principal)|request\.auth\..*)$/;

function conditionRules(at: Reporter, condition: Condition, path: Path, custom: boolean): void {
  const { key = '', values = [], notValues = [] } = condition;
  if (!isConditionKey(key)) {
    at.invalid([...path, 'key'], 'MESH_ACCESS_KEY', `a condition's key is one of ${CONDITION_KEYS.join(', ')}, request.headers[NAME] or request.auth.claims[NAME], got ${quote(key)}`, 'correct it');
  } else if (custom && KEYS_NOT_CUSTOM.test(key)) {
    at.invalid([...path, 'key'], 'MESH_ACCESS_INVALID', `${key} cannot be asked under action CUSTOM, got a condition on it`, 'use another action');
  }
  if (values.length + notValues.length === 0) at.invalid(path, 'MESH_ACCESS_INVALID', `${fieldOf(path)} has values or notValues, got neither`, 'add one of them');
  eachValue(at, { values, notValues }, path);
  for (const field of ['values', 'notValues'] as const) {
    if (['source.ip', 'remote.ip', 'destination.ip'].includes(key)) subnets(at, condition[field], [...path, field]);
    if (key === 'destination.port') ports(at, condition[field], [...path, field]);
    if (key === 'source.serviceAccount') serviceAccounts(at, condition[field], [...path, field]);
    if (key === 'source.trustDomain') trustDomains(at, condition[field], [...path, field], true);
  }
}

const HTTP_LISTS: ReadonlySet<string> = new Set(['hosts', 'notHosts', 'methods', 'notMethods', 'paths', 'notPaths', 'requestPrincipals', 'notRequestPrincipals']);

/** Whether a rule asks for nothing that a TCP connection has. */
export function isHttpOnly(rule: AccessRule): boolean {
  const parts = [...(rule.from ?? []).map(({ source }) => source), ...(rule.to ?? []).map(({ operation }) => operation)];
  const lists = parts.flatMap(each => Object.entries<readonly string[] | undefined>(each ?? {}))
    .filter(([, values]) => values?.length !== 0).map(([field]) => HTTP_LISTS.has(field));
  const conditions = (rule.when ?? []).map(({ key = '' }) => key.startsWith('request.'));
  const asked = [...lists, ...conditions];
  return asked.length > 0 && asked.every(isHttp => isHttp);
}

type SourceField = keyof Source;
const ON_TCP: readonly SourceField[] = ['principals', 'notPrincipals', 'ipBlocks', 'notIpBlocks', 'namespaces', 'notNamespaces', 'remoteIpBlocks', 'notRemoteIpBlocks',
  'serviceAccounts', 'notServiceAccounts'];

/** Whether Istio's admission doubts that a denial means TCP as well: no port among its operations, or, without operations, nothing of a connection among its sources. */
export function deniesTcpUnasked({ from = [], to = [] }: AccessRule): boolean {
  const some = (values: readonly string[] | undefined) => (values ?? []).length > 0;
  if (to.length > 0) return !to.some(({ operation }) => some(operation?.ports) || some(operation?.notPorts));
  return from.length > 0 && !from.some(({ source }) => ON_TCP.some(field => some(source?.[field])));
}
