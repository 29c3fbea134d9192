import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  ANY_TEXT, anyOf, anyText, bracketed, cidrRange, claimMatcher, claimTextMatcher, headerMatcher, listOrText, metadataMatcher, regexMatcher,
  textMatcher,
} from './matchers';
import type { MetadataInit, StringInit } from './matchers';
import { pack } from '../../../xds/any';
import type { PermissionSchema, PrincipalSchema } from '../../../xds/gen/envoy/config/rbac/v3/rbac_pb';
import { UriTemplateMatchConfigSchema } from '../../../xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb';

export type PermissionInit = MessageInitShape<typeof PermissionSchema>;
export type PrincipalInit = MessageInitShape<typeof PrincipalSchema>;

/** Where a rule stands, as far as its values depend on it. */
export interface RuleSite {
  /** Namespace of the policy: service accounts without a namespace are its. */
  readonly namespace: string;
  /** Principals with the mesh's trust domain spread over its aliases. */
  readonly principals: (values: readonly string[]) => readonly string[];
  /** The same for trust domains by themselves. */
  readonly trustDomains: (values: readonly string[]) => readonly string[];
}

/**
 * One kind of condition: how one value, or a list of alternatives as a whole, becomes a matcher.
 * Undefined where the value has no meaning.
 */
export interface Generator<T> {
  readonly httpOnly?: boolean;
  readonly one?: (value: string, site: RuleSite) => T | undefined;
  readonly all?: (values: readonly string[], site: RuleSite) => T | undefined;
  /** Values rewritten before anything is made of them. */
  readonly spread?: (values: readonly string[], site: RuleSite) => readonly string[];
}

const authenticated = (principalName: StringInit): PrincipalInit => ({ identifier: { case: 'authenticated', value: { principalName } } });

/** Conditions on the server's side: what is asked for. */
export const DESTINATION = {
  hosts: { httpOnly: true, one: value => ({ rule: { case: 'header', value: headerMatcher(':authority', value, true) } }) },
  methods: { httpOnly: true, one: value => ({ rule: { case: 'header', value: headerMatcher(':method', value) } }) },
  paths: { httpOnly: true, one: pathPermission },
  ports: {
    one: (value) => {
      const port = Number(value);
      return /^\d+$/.test(value) && port <= 65535 ? { rule: { case: 'destinationPort', value: port } } : undefined;
    },
  },
  ip: {
    one: (value) => {
      const range = cidrRange(value);
      return range && { rule: { case: 'destinationIp', value: range } };
    },
  },
  sni: { one: value => ({ rule: { case: 'requestedServerName', value: textMatcher(value) } }) },
} satisfies Readonly<Record<string, Generator<PermissionInit>>>;

/** Conditions on the caller's side: who asks. */
export const SOURCE = {
  principals: {
    spread: (values, site) => site.principals(values),
    one: value => authenticated(textMatcher(value, 'spiffe://')),
  },
  requestPrincipals: { httpOnly: true, all: requestPrincipals },
  namespaces: { one: value => authenticated(regexMatcher(`.*/ns/${value.split('*').map(quoted).join('.*')}/.*`)) },
  serviceAccounts: {
    one: (value, { namespace }) => {
      const slash = value.indexOf('/');
      const [owner, account] = slash < 0 ? [namespace, value] : [value.slice(0, slash), value.slice(slash + 1)];
      // Further path segments may stand between and after, but never within a name.
      return authenticated(regexMatcher(`spiffe://.+/ns/${quoted(owner)}/(.+/|)sa/${quoted(account)}(/.+)?`));
    },
  },
  trustDomains: {
    spread: (values, site) => site.trustDomains(values),
    one: trustDomain,
  },
  ipBlocks: { one: value => withRange('directRemoteIp', value) },
  remoteIpBlocks: { one: value => withRange('remoteIp', value) },
} satisfies Readonly<Record<string, Generator<PrincipalInit>>>;

type Condition = { readonly permission: Generator<PermissionInit> } | { readonly principal: Generator<PrincipalInit> };

/** What a `when` key asks about; undefined for a key that Istio does not know either. */
export function conditionOf(key: string): Condition | undefined {
  if (Object.hasOwn(WHEN, key)) return WHEN[key];
  if (key.startsWith('request.headers')) return { principal: headerCondition(key) };
  if (key.startsWith('request.auth.claims')) return { principal: claimCondition(bracketed(key.slice('request.auth.claims'.length))) };
  if (key.startsWith('experimental.envoy.filters.')) return { permission: filterCondition(key) };
  return undefined;
}

const WHEN: Readonly<Record<string, Condition>> = {
  'destination.ip': { permission: DESTINATION.ip },
  'destination.port': { permission: DESTINATION.ports },
  'connection.sni': { permission: DESTINATION.sni },
  'source.ip': { principal: SOURCE.ipBlocks },
  'remote.ip': { principal: SOURCE.remoteIpBlocks },
  'source.namespace': { principal: SOURCE.namespaces },
  'source.principal': { principal: SOURCE.principals },
  'source.serviceAccount': { principal: SOURCE.serviceAccounts },
  'source.trustDomain': { principal: SOURCE.trustDomains },
  'request.auth.principal': { principal: SOURCE.requestPrincipals },
  'request.auth.audiences': { principal: claimCondition(['aud']) },
  'request.auth.presenter': { principal: claimCondition(['azp']) },
};

function pathPermission(path: string): PermissionInit {
  if (!path.includes('{*}') && !path.includes('{**}')) {
    return { rule: { case: 'urlPath', value: { rule: { case: 'path', value: textMatcher(path) } } } };
  }
  const pathTemplate = path.replaceAll('{*}', '*').replaceAll('{**}', '**');
  return { rule: { case: 'uriTemplate', value: { name: 'uri-template', typedConfig: pack(UriTemplateMatchConfigSchema, { pathTemplate }) } } };
}

/** A text as a regular expression for itself. */
const quoted = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');

function trustDomain(value: string): PrincipalInit {
  const star = value.indexOf('*');
  const beginning = (text: string): PrincipalInit => authenticated({ matchPattern: { case: 'prefix', value: text } });
  if (value === '*') return beginning('spiffe://');
  if (star < 0) return beginning(`spiffe://${value}/`);
  return authenticated(regexMatcher(`spiffe://${quoted(value.slice(0, star))}[^/]*${quoted(value.slice(star + 1))}/.*`));
}

function withRange(name: 'directRemoteIp' | 'remoteIp', value: string): PrincipalInit | undefined {
  const range = cidrRange(value);
  return range && { identifier: { case: name, value: range } };
}

/** `issuer/subject`, split at the last slash since an issuer is a URL; `*` asks for any token. */
function requestPrincipals(values: readonly string[]): PrincipalInit | undefined {
  const claim = (value: MetadataInit): PrincipalInit => ({ identifier: { case: 'metadata', value } });
  const either = values.map((value): PrincipalInit => {
    const [issuer, subject] = issuerAndSubject(value);
    const ids = [claim(claimTextMatcher('iss', issuer)), claim(claimTextMatcher('sub', subject))];
    return { identifier: { case: 'andIds', value: { ids } } };
  });
  return either.length > 1 ? { identifier: { case: 'orIds', value: { ids: either } } } : either[0];
}

function issuerAndSubject(value: string): readonly [StringInit, StringInit] {
  const slash = value.lastIndexOf('/');
  if (value === '*') return [ANY_TEXT, ANY_TEXT];
  if (slash < 0 && value.startsWith('*')) return [ANY_TEXT, textMatcher(value)];
  if (slash < 0 && value.endsWith('*')) return [textMatcher(value), ANY_TEXT];
  const [issuer, subject] = slash < 0 ? [value, ''] : [value.slice(0, slash), value.slice(slash + 1)];
  const exact = (text: string): StringInit => ({ matchPattern: { case: 'exact', value: text } });
  // A star at one end is about that end only.
  if (value.startsWith('*')) return [textMatcher(issuer), exact(subject)];
  return [exact(issuer), value.endsWith('*') ? textMatcher(subject) : exact(subject)];
}

function headerCondition(key: string): Generator<PrincipalInit> {
  const name = /^\[([^[\]]+)\]$/.exec(key.slice('request.headers'.length))?.[1];
  return { httpOnly: true, one: value => (name === undefined ? undefined : { identifier: { case: 'header', value: headerMatcher(name, value) } }) };
}

function claimCondition(claims: readonly string[] | undefined): Generator<PrincipalInit> {
  return {
    httpOnly: true,
    all: values => (claims === undefined ? undefined : { identifier: { case: 'metadata', value: claimMatcher(claims, anyText(values)) } }),
  };
}

/** `experimental.envoy.filters.NAME[key]`: metadata that another filter left. */
function filterCondition(key: string): Generator<PermissionInit> {
  const parts = /^experimental\.([^[]+)\[([^\]]+)\]$/.exec(key);
  return {
    all: values => (parts === null ? undefined
      : { rule: { case: 'metadata', value: metadataMatcher(parts[1], [parts[2]], anyOf(values.map(listOrText))) } }),
  };
}
