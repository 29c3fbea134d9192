import { RE2JS } from 're2js';
import { isObject } from '../../model/json';

/** Shared predicates of istio-validation §1.0. */

const LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const WILDCARD_PART = /^(?:\*|(?:\*-?)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;

/** A DNS-1123 label. */
export const isLabel = (text: string): boolean => LABEL.test(text);

const hasLength = (text: string) => text.length > 0 && text.length <= 255;
const parts = (text: string) => (text.endsWith('.') ? text.slice(0, -1) : text).split('.');

/** A DNS name without wildcard; an IPv4 address is none. */
export function isFqdn(text: string): boolean {
  const labels = parts(text);
  return hasLength(text) && labels.every(isLabel) && !/^\d+$/.test(labels[labels.length - 1]);
}

/** As `isFqdn`, and the first part may be `*`, `*foo` or `*-foo`. */
export function isWildcardDomain(text: string): boolean {
  const [first, ...rest] = parts(text);
  if (!hasLength(text) || first.length > 63 || !WILDCARD_PART.test(first) || !rest.every(isLabel)) return false;
  return rest.length === 0 || !/^\d+$/.test(rest[rest.length - 1]);
}

/** Contains `*` in a place where it stands for a part of a name. */
export const isPartialWildcard = (text: string): boolean => text.includes('*') && text !== '*' && !text.startsWith('*.');

export function isIpv4(text: string): boolean {
  const bytes = text.split('.');
  return bytes.length === 4 && bytes.every(byte => /^\d{1,3}$/.test(byte) && Number(byte) <= 255 && String(Number(byte)) === byte);
}

/** An IPv6 address, whose zone may follow a %. */
export function isIpv6(text: string): boolean {
  const [address, zone] = text.includes('%') ? [text.slice(0, text.indexOf('%')), text.slice(text.indexOf('%') + 1)] : [text, undefined];
  const halves = address.split('::');
  if (zone === '' || halves.length > 2) return false;
  const groups = halves.flatMap(half => (half === '' ? [] : half.split(':')));
  const count = groups.length + ((groups[groups.length - 1] ?? '').includes('.') ? 1 : 0);
  const legal = groups.every((group, index) => /^[0-9a-fA-F]{1,4}$/.test(group) || (index === groups.length - 1 && isIpv4(group)));
  return legal && (halves.length === 2 ? count <= 7 : count === 8);
}

export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text);

/** An address, or a block of addresses. */
export function isSubnet(text: string): boolean {
  const [address, bits, ...rest] = text.split('/');
  if (rest.length > 0 || !isIp(address)) return false;
  if (bits === undefined) return true;
  return !address.includes('%') && /^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (isIpv4(address) ? 32 : 128);
}

export const isPort = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 65535;

/** Whether RE2, which Envoy uses, compiles it; `undefined` if so, else the reason. */
export function regexFault(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text.length > 1024) return 'it is longer than 1024 characters';
  try {
    RE2JS.compile(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A token of RFC 9110, which a header name is. */
export const isHeaderName = (text: string): boolean => /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);

const PROTOCOLS: ReadonlySet<string> = new Set(['', 'TCP', 'UDP', 'GRPC', 'GRPC-WEB', 'HTTP', 'HTTP_PROXY', 'HTTP2', 'HTTPS', 'TLS', 'MONGO', 'REDIS', 'MYSQL']);

/** A protocol name Istio knows; empty means detected. */
export const isProtocol = (text: string): boolean => PROTOCOLS.has(text.toUpperCase());

const DNS_PART = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const LABEL_NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** First key or value that is no label; as istiod has it, which leaves the length of values to the API server. */
export function badLabel(labels: Readonly<Record<string, string>>): string | undefined {
  for (const [key, value] of Object.entries(labels)) {
    const slash = key.lastIndexOf('/');
    const name = key.slice(slash + 1);
    const prefix = slash < 0 ? undefined : key.slice(0, slash);
    if (name.length > 63 || !LABEL_NAME.test(name) || (prefix !== undefined && (prefix.length > 253 || !/^[A-Za-z0-9]/.test(prefix) || !prefix.split('.').every(part => DNS_PART.test(part))))) {
      return `key ${JSON.stringify(key)}`;
    }
    if (value !== '' && !LABEL_NAME.test(value)) return `value ${JSON.stringify(value)} of ${key}`;
  }
  return undefined;
}

/** `@abstract`, or an absolute path that does not end in `/`. */
export const isUnixPath = (text: string): boolean => text.startsWith('@') || (text.startsWith('/') && !text.endsWith('/'));

/** What kind of traffic a protocol name means. */
export function protocolClass(protocol: string): 'http' | 'tls' | 'tcp' {
  const name = protocol.toUpperCase();
  return ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB', 'HTTP_PROXY'].includes(name) ? 'http' : name === 'HTTPS' || name === 'TLS' ? 'tls' : 'tcp';
}

/** Inside a string of the arguments of a variable; then what may end or follow it. */
const STRING = String.raw`(?:\\[^]|[^\\)"])*`;
const ARGUMENTS = String.raw`\( *(?:[^\[ ]|\[ *")${STRING}(?:" *, *"${STRING})*(?:\)|" *\] *\)) *`;
const HEADER_VALUE = new RegExp(String.raw`^(?:[^%]|%%|%[^%(]+%|%[^%(]*${ARGUMENTS}%)*$`);

/** Text that is no value of a header: control characters, or `%` that neither is doubled nor opens a closed `%VAR%` or `%VAR(…)%`. */
export function headerValueFault(value: string): string | undefined {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) return 'it has control characters';
  return HEADER_VALUE.test(value) ? undefined : 'it has a % that is neither doubled nor part of %VARIABLE%';
}

/** The scheme of a URL, '' where it has none; undefined where the text is no URL. */
export function urlScheme(text: string): string | undefined {
  const [, scheme = '', rest] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?([^]*)$/.exec(text)!;
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text) || text.startsWith(':') || /%(?![0-9a-fA-F]{2})/.test(rest.split('?')[0])) return undefined;
  const authority = /^\/\/([^/?#]*)/.exec(rest)?.[1];
  if (authority === undefined) return scheme.toLowerCase();
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const legal = host.startsWith('[') ? /^\[[^\]]*\](?::\d*)?$/.test(host) : /^[^:\s<>"{}|\\^`%]*(?::\d*)?$/.test(host);
  return legal ? scheme.toLowerCase() : undefined;
}

/** Whether the text is an http or https URL. */
export function isHttpUrl(text: string): boolean {
  return ['http', 'https'].includes(urlScheme(text) ?? '');
}

/** Why a path of an AuthorizationPolicy is no template; undefined where it is one, or is plain. */
export function pathTemplateFault(path: string): string | undefined {
  const templated = path.includes('{*}') || path.includes('{**}');
  if (!templated && !/[{}]/.test(path)) return undefined;
  let rest = false;
  for (const segment of path.replace(/^\/+|\/+$/g, '').split('/')) {
    if (segment === '{*}' || segment === '{**}') {
      if (rest) return 'nothing follows {**} but plain text';
      rest = segment === '{**}';
    } else if (/[{}]/.test(segment)) {
      return 'a whole segment is {*} or {**}';
    } else if (!/^[A-Za-z0-9\-._~%!$&'()+,;:@=]+$/.test(segment)) {
      return `${JSON.stringify(segment)} is no plain segment`;
    }
  }
  return undefined;
}

const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/;

/** What a key of each type has, in base64url. */
const KEY_PARTS: Readonly<Record<string, readonly string[]>> = { RSA: ['n', 'e'], EC: ['x', 'y'], OKP: ['x'], oct: ['k'] };

function isKey(key: unknown): key is Readonly<Record<string, unknown>> {
  const needed = isObject(key) && typeof key.kty === 'string' ? KEY_PARTS[key.kty] : undefined;
  return isObject(key) && needed !== undefined && needed.every(part => typeof key[part] === 'string' && BASE64URL.test(key[part]));
}

/** The content of a JSON Web Key Set; undefined where it is none. */
export function jwksOf(text: string): readonly Readonly<Record<string, unknown>>[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    return Array.isArray(keys) && keys.every(isKey) ? keys : undefined;
  } catch {
    return undefined;
  }
}
