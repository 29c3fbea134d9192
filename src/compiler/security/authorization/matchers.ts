import type { MessageInitShape } from '@bufbuild/protobuf';
import { isIpAddress, isIPv6 } from '../../../model/addresses';
import type { CidrRangeSchema } from '../../../xds/gen/envoy/config/core/v3/address_pb';
import type { HeaderMatcherSchema } from '../../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { MetadataMatcherSchema } from '../../../xds/gen/envoy/type/matcher/v3/metadata_pb';
import type { StringMatcherSchema } from '../../../xds/gen/envoy/type/matcher/v3/string_pb';
import type { ValueMatcherSchema } from '../../../xds/gen/envoy/type/matcher/v3/value_pb';

/** Values of security policies in Envoy's terms: `exact`, `prefix*`, `*suffix`, `*` (istio-behaviour G3). */

export type StringInit = MessageInitShape<typeof StringMatcherSchema>;
type ValueInit = MessageInitShape<typeof ValueMatcherSchema>;
export type MetadataInit = MessageInitShape<typeof MetadataMatcherSchema>;
type HeaderInit = MessageInitShape<typeof HeaderMatcherSchema>;

export const regexMatcher = (regex: string): StringInit => ({ matchPattern: { case: 'safeRegex', value: { regex } } });
/** `*` asks for any value that is not empty. */
export const ANY_TEXT = regexMatcher('.+');

/** With a prefix, a suffix cannot be asked for as such: only a regular expression says both. */
export function textMatcher(value: string, prefix = '', ignoreCase?: boolean): StringInit {
  if (value === '*') return ANY_TEXT;
  if (value.startsWith('*')) {
    const rest = value.slice(1);
    return prefix === '' ? { matchPattern: { case: 'suffix', value: rest }, ignoreCase } : regexMatcher(`${prefix}.*${rest}`);
  }
  if (value.endsWith('*')) return { matchPattern: { case: 'prefix', value: prefix + value.slice(0, -1) }, ignoreCase };
  return { matchPattern: { case: 'exact', value: prefix + value }, ignoreCase };
}

export function headerMatcher(name: string, value: string, ignoreCase?: boolean): HeaderInit {
  if (value === '*') return { name, headerMatchSpecifier: { case: 'presentMatch', value: true } };
  return { name, headerMatchSpecifier: { case: 'stringMatch', value: textMatcher(value, '', ignoreCase) } };
}

/** Undefined where the text is neither an address nor a range of addresses. */
export function cidrRange(text: string): MessageInitShape<typeof CidrRangeSchema> | undefined {
  const [addressPrefix, length, ...more] = text.split('/');
  const longest = isIPv6(addressPrefix) ? 128 : 32;
  const prefixLen = length === undefined ? longest : /^\d+$/.test(length) ? Number(length) : -1;
  return isIpAddress(addressPrefix) && more.length === 0 && prefixLen >= 0 && prefixLen <= longest ? { addressPrefix, prefixLen } : undefined;
}

export const JWT_FILTER = 'envoy.filters.http.jwt_authn';
/** Key under which the JWT filter leaves the claims of a valid token. */
export const JWT_PAYLOAD = 'payload';

const path = (keys: readonly string[]) => keys.map(key => ({ segment: { case: 'key' as const, value: key } }));
const stringValue = (value: StringInit): ValueInit => ({ matchPattern: { case: 'stringMatch', value } });

export function metadataMatcher(filter: string, keys: readonly string[], value: ValueInit): MetadataInit {
  return { filter, path: path(keys), value };
}

/** A claim that is one text. */
export const claimTextMatcher = (claim: string, value: StringInit): MetadataInit => (
  metadataMatcher(JWT_FILTER, [JWT_PAYLOAD, claim], stringValue(value)));

/** A claim that is one of the values, or a list that has one of them. */
export function claimMatcher(claims: readonly string[], value: ValueInit): MetadataInit {
  return metadataMatcher(JWT_FILTER, [JWT_PAYLOAD, ...claims], {
    matchPattern: {
      case: 'orMatch',
      value: { valueMatchers: [{ matchPattern: { case: 'listMatch', value: { matchPattern: { case: 'oneOf', value } } } }, value] },
    },
  });
}

export const anyOf = (matchers: readonly ValueInit[]): ValueInit => (
  matchers.length === 1 ? matchers[0] : { matchPattern: { case: 'orMatch', value: { valueMatchers: [...matchers] } } });

export const anyText = (values: readonly string[]): ValueInit => anyOf(values.map(value => stringValue(textMatcher(value))));

/** `[value]` asks for a list that has it. */
export function listOrText(value: string): ValueInit {
  if (!value.startsWith('[') || !value.endsWith(']')) return stringValue(textMatcher(value));
  return { matchPattern: { case: 'listMatch', value: { matchPattern: { case: 'oneOf', value: stringValue(textMatcher(value.slice(1, -1))) } } } };
}

/** Names of `[a][b]`; undefined for any other form. */
export function bracketed(text: string): readonly string[] | undefined {
  return /^(\[[^[\]]*\])+$/.test(text) ? text.slice(1, -1).split('][') : undefined;
}

