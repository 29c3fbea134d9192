import { RE2JS } from 're2js';

/** Shared predicates of istio-validation §1.0. */

const LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
const WILDCARD_PART = /^(?:\*|\*?-?[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)$/;

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
  if (!hasLength(text) || !WILDCARD_PART.test(first) || !rest.every(isLabel)) return false;
  return rest.length === 0 || !/^\d+$/.test(rest[rest.length - 1]);
}

/** Contains `*` in a place where it stands for a part of a name. */
export const isPartialWildcard = (text: string): boolean => text.includes('*') && text !== '*' && !text.startsWith('*.');

export function isIpv4(text: string): boolean {
  const bytes = text.split('.');
  return bytes.length === 4 && bytes.every(byte => /^\d{1,3}$/.test(byte) && Number(byte) <= 255 && String(Number(byte)) === byte);
}

export function isIpv6(text: string): boolean {
  if (!/^[0-9a-fA-F:.]+$/.test(text) || text.split('::').length > 2) return false;
  const groups = text.split(':').filter(group => group !== '');
  const last = groups[groups.length - 1] ?? '';
  const count = groups.length + (last.includes('.') ? 1 : 0);
  const legal = groups.every((group, index) => /^[0-9a-fA-F]{1,4}$/.test(group) || (index === groups.length - 1 && isIpv4(group)));
  return legal && (text.includes('::') ? count <= 7 : count === 8 && !/^:|:$/.test(text));
}

export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text);

/** An address, or a block of addresses. */
export function isSubnet(text: string): boolean {
  const [address, bits, ...rest] = text.split('/');
  if (rest.length > 0 || !isIp(address)) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIpv4(address) ? 32 : 128));
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

const PROTOCOLS: ReadonlySet<string> = new Set(['', 'TCP', 'UDP', 'GRPC', 'GRPC-WEB', 'HTTP', 'HTTP_PROXY', 'HTTP2', 'HTTPS', 'TLS', 'MONGO', 'REDIS', 'MYSQL', 'HBONE', 'DOUBLEHBONE']);

/** A protocol name Istio knows; empty means detected. */
export const isProtocol = (text: string): boolean => PROTOCOLS.has(text.toUpperCase());

const LABEL_NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** First key or value that Kubernetes does not take as a label. */
export function badLabel(labels: Readonly<Record<string, string>>): string | undefined {
  for (const [key, value] of Object.entries(labels)) {
    const slash = key.lastIndexOf('/');
    if (!LABEL_NAME.test(key.slice(slash + 1)) || (slash >= 0 && !isFqdn(key.slice(0, slash)))) return `key ${JSON.stringify(key)}`;
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

/** Text that is no value of a header for Envoy: control characters, or `%` that neither is doubled nor opens a closed `%VAR%`. */
export function headerValueFault(value: string): string | undefined {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) return 'it has control characters';
  const rest = value.replace(/%%/g, '').replace(/%[A-Z0-9_]+(?:\([^%]*\))?(?::\d+)?%/g, '');
  return rest.includes('%') ? 'it has a % that is neither doubled nor part of %VARIABLE%' : undefined;
}

/** Whether the text is an absolute http or https URL. */
export function isHttpUrl(text: string): boolean {
  const match = /^https?:\/\/(\[[0-9a-fA-F:.]+]|[^/:?#\s]+)(?::(\d{1,5}))?(?:[/?#]\S*)?$/.exec(text);
  return match !== null && (match[2] === undefined || isPort(Number(match[2])));
}

/** Why a path of an AuthorizationPolicy is no template; undefined where it is one, or is plain. */
export function pathTemplateFault(path: string): string | undefined {
  if (!/[{}]/.test(path)) return undefined;
  let rest = false;
  for (const segment of path.split('/')) {
    if (segment === '{*}' || segment === '{**}') {
      if (rest) return 'nothing follows {**} but plain text';
      rest = segment === '{**}';
    } else if (/[{}]/.test(segment)) {
      return 'a whole segment is {*} or {**}';
    } else if (!/^[A-Za-z0-9\-._~%!$&'()+,;:@=]*$/.test(segment)) {
      return `${JSON.stringify(segment)} is no plain segment`;
    }
  }
  return undefined;
}

/** The content of a JSON Web Key Set; undefined where it is none. */
export function jwksOf(text: string): readonly Readonly<Record<string, unknown>>[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    const isKey = (key: unknown) => typeof key === 'object' && key !== null && 'kty' in key;
    return Array.isArray(keys) && keys.every(isKey) ? keys as Readonly<Record<string, unknown>>[] : undefined;
  } catch {
    return undefined;
  }
}
