import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Facts, Matcher } from './facts';
import { prepareMetadataMatcher } from './metadata';
import { templateMatch } from './uri-template';
import type { CidrRange } from '../../xds/gen/envoy/config/core/v3/address_pb';
import type { TypedExtensionConfig } from '../../xds/gen/envoy/config/core/v3/extension_pb';
import type { Permission, Principal, Principal_Authenticated } from '../../xds/gen/envoy/config/rbac/v3/rbac_pb';
import type { HeaderMatcher } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { UriTemplateMatchConfigSchema } from '../../xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb';
import type { PathMatcher } from '../../xds/gen/envoy/type/matcher/v3/path_pb';
import { inRange, ipBytes, prepareRange } from '../addresses';
import { prepareHeaderMatcher } from '../condition';
import { pathOnly } from '../path';
import { prepareStringMatcher } from '../string-matcher';
import { got, quote } from '../trace';

/** What may be done: the `permissions` of an access rule. */
export function preparePermission({ rule }: Permission): Matcher {
  switch (rule.case) {
    case 'andRules': return all(rule.value.rules.map(preparePermission));
    case 'orRules': return any(rule.value.rules.map(preparePermission));
    case 'notRule': return not(preparePermission(rule.value));
    case 'any': return anything(rule.value);
    case 'header': return header(rule.value);
    case 'urlPath': return urlPath(rule.value);
    case 'uriTemplate': return uriTemplate(rule.value);
    case 'destinationIp': return ip('destination address', rule.value, ({ peer }) => peer.destinationAddress);
    case 'destinationPort': {
      const port = rule.value;
      return of(({ peer }) => peer.destinationPort === port, 'port', `= ${port}`, `≠ ${port}`, ({ peer }) => String(peer.destinationPort));
    }
    case 'destinationPortRange': {
      const { start, end } = rule.value;
      const within = `in [${start}, ${end})`;
      return of(({ peer }) => peer.destinationPort >= start && peer.destinationPort < end, 'port', within, `not ${within}`, ({ peer }) => String(peer.destinationPort));
    }
    case 'metadata': return prepareMetadataMatcher(rule.value);
    case 'requestedServerName': {
      const name = prepareStringMatcher(rule.value);
      return of(({ peer }) => name.test(peer.serverName), 'server name', name.holds, name.fails, ({ peer }) => quote(peer.serverName));
    }
    default: throw new Error(`RBAC permission ${rule.case ?? '(none)'} is not supported`);
  }
}

/** Who may do it: the `principals` of an access rule. */
export function preparePrincipal({ identifier }: Principal): Matcher {
  switch (identifier.case) {
    case 'andIds': return all(identifier.value.ids.map(preparePrincipal));
    case 'orIds': return any(identifier.value.ids.map(preparePrincipal));
    case 'notId': return not(preparePrincipal(identifier.value));
    case 'any': return anything(identifier.value);
    case 'authenticated': return authenticated(identifier.value);
    case 'sourceIp': case 'directRemoteIp': return ip('source address', identifier.value, ({ peer }) => peer.sourceAddress);
    case 'remoteIp': return ip('remote address', identifier.value, ({ remoteAddress }) => remoteAddress);
    case 'header': return header(identifier.value);
    case 'urlPath': return urlPath(identifier.value);
    case 'metadata': return prepareMetadataMatcher(identifier.value);
    default: throw new Error(`RBAC principal ${identifier.case ?? '(none)'} is not supported`);
  }
}

export function all(parts: readonly Matcher[]): Matcher {
  if (parts.length === 1) return parts[0]!;
  const meaning = parts.filter(part => part.wants !== ANYTHING);
  return {
    test: facts => parts.every(part => part.test(facts)),
    wants: meaning.length === 0 ? ANYTHING : meaning.map(({ wants }) => wants).join(' and '),
    explain: facts => parts.find(part => !part.test(facts))?.explain(facts) ?? '',
  };
}

export function any(parts: readonly Matcher[]): Matcher {
  if (parts.length === 1) return parts[0]!;
  return {
    test: facts => parts.some(part => part.test(facts)),
    wants: parts.some(part => part.wants === ANYTHING) ? ANYTHING : `(${parts.map(grouped).join(' or ')})`,
    explain: facts => [...new Set(parts.map(part => part.explain(facts)))].join(' and '),
  };
}

const ANYTHING = 'anything';

function grouped({ wants }: Matcher): string {
  return wants.includes(' and ') && !wants.startsWith('(') ? `(${wants})` : wants;
}

function not(part: Matcher): Matcher {
  return { test: facts => !part.test(facts), wants: `not ${grouped(part)}`, explain: () => `${part.wants}, which is excluded` };
}

function anything(value: boolean): Matcher {
  return { test: () => value, wants: value ? ANYTHING : 'nothing', explain: () => 'it never matches' };
}

function of(test: Matcher['test'], name: string, holds: string, fails: string, read: (facts: Facts) => string): Matcher {
  return { test, wants: `${name} ${holds}`, explain: facts => `${name} ${fails} (got ${read(facts)})` };
}

function header(matcher: HeaderMatcher): Matcher {
  const condition = prepareHeaderMatcher(matcher);
  return {
    // A connection that is not HTTP has no headers.
    test: ({ request }) => request !== undefined && condition.test(request),
    wants: condition.wants,
    explain: ({ request }) => (request === undefined ? `${condition.wants}, but it is not HTTP` : condition.explain(request)),
  };
}

function urlPath({ rule }: PathMatcher): Matcher {
  if (rule.case !== 'path') throw new Error('an RBAC path matcher without a path is not supported');
  const path = prepareStringMatcher(rule.value);
  return ofPath(path.test, path.holds, path.fails);
}

function uriTemplate({ typedConfig }: TypedExtensionConfig): Matcher {
  const config = typedConfig && anyUnpack(typedConfig, UriTemplateMatchConfigSchema);
  if (config === undefined) throw new Error(`RBAC uri_template ${typedConfig?.typeUrl ?? '(none)'} is not supported`);
  const template = quote(config.pathTemplate);
  return ofPath(templateMatch(config.pathTemplate), `follows ${template}`, `does not follow ${template}`);
}

function ofPath(test: (path: string) => boolean, holds: string, fails: string): Matcher {
  const read = ({ request }: Facts): string | undefined => request && pathOnly(request.path);
  return {
    test: facts => {
      const path = read(facts);
      return path !== undefined && test(path);
    },
    wants: `path ${holds}`,
    explain: facts => `path ${fails} (${got(read(facts))})`,
  };
}

function ip(what: string, range: CidrRange, read: (facts: Facts) => string): Matcher {
  const prepared = prepareRange(range);
  const text = `${range.addressPrefix}/${range.prefixLen ?? 0}`;
  return {
    test: facts => {
      const bytes = ipBytes(read(facts));
      return bytes !== undefined && prepared !== undefined && inRange(bytes, prepared);
    },
    wants: `${what} in ${text}`,
    explain: facts => `${what} not in ${text} (${read(facts) === '' ? 'unknown' : `got ${read(facts)}`})`,
  };
}

/** The name in the caller's certificate. A plain connection has none, so not even `any` holds; over TLS without a certificate the name is ''. */
function authenticated({ principalName }: Principal_Authenticated): Matcher {
  const name = principalName && prepareStringMatcher(principalName);
  const held = (identities: readonly string[]): boolean => name === undefined || (identities.length === 0 ? name.test('') : identities.some(name.test));
  const known = (identities: readonly string[] | undefined): string =>
    (identities === undefined || identities.length === 0 ? 'no identity: the connection is not mutual TLS' : `got ${identities.map(quote).join(', ')}`);
  return {
    test: ({ peer: { identities } }) => identities !== undefined && held(identities),
    wants: `caller ${name?.holds ?? 'speaks TLS'}`,
    explain: ({ peer: { identities } }) => `caller ${name?.fails ?? 'does not speak TLS'} (${known(identities)})`,
  };
}
