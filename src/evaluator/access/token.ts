import type { MetadataValue } from '../decision';

/** A JSON Web Token taken apart. */
export interface Token {
  readonly text: string;
  readonly algorithm: string;
  /** '' for none. */
  readonly keyId: string;
  readonly payload: Readonly<Record<string, MetadataValue>>;
  readonly header: Readonly<Record<string, MetadataValue>>;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Seconds since 1970; 0 for no limit. */
  readonly notBefore: number;
  readonly expires: number;
  readonly issuedAt: number;
  /** Header and payload as they were signed. */
  readonly signed: string;
  readonly payloadText: string;
  readonly signature: Uint8Array;
}

/** Algorithm of a token whose claims a test declares instead of signing them. No proxy outside this process takes it. */
export const DECLARED = 'declared';

const ALGORITHMS = new Set(['ES256', 'ES384', 'ES512', 'HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA']);

/** A token with these claims that counts as signed by its issuer wherever declared tokens are taken. */
export function declaredToken(claims: Readonly<Record<string, unknown>>): string {
  return [{ alg: DECLARED }, claims].map(part => encode(JSON.stringify(part))).concat(encode(DECLARED)).join('.');
}

/** The token, or why Envoy cannot read it, in Envoy's words. */
export function parseToken(text: string, declared: boolean): Token | string {
  const parts = text.split('.');
  if (parts.length !== 3 || parts.includes('')) return 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections';
  const [headerText, payloadText, signatureText] = parts as [string, string, string];
  const headerBytes = decode(headerText);
  if (headerBytes === undefined) return 'Jwt header is an invalid Base64url encoded';
  const header = objectOf(headerBytes);
  if (header === undefined) return 'Jwt header is an invalid JSON';
  if (typeof header.alg !== 'string') return 'Jwt header [alg] field is required and must be a string';
  if (!ALGORITHMS.has(header.alg) && !(declared && header.alg === DECLARED)) return 'Jwt header [alg] is not supported';
  if (header.kid !== undefined && typeof header.kid !== 'string') return 'Jwt header [kid] field is not a string';
  const payloadBytes = decode(payloadText);
  if (payloadBytes === undefined) return 'Jwt payload is an invalid Base64url encoded';
  const payload = objectOf(payloadBytes);
  if (payload === undefined) return 'Jwt payload is an invalid JSON';
  const wrong = wrongClaim(payload);
  if (wrong !== undefined) return wrong;
  const signature = decode(signatureText);
  if (signature === undefined) return 'Jwt signature is an invalid Base64url encoded';
  const { aud } = payload;
  return {
    text,
    algorithm: header.alg,
    keyId: header.kid ?? '',
    payload,
    header,
    issuer: textOf(payload.iss),
    subject: textOf(payload.sub),
    audiences: aud === undefined ? [] : typeof aud === 'string' ? [aud] : aud as string[],
    notBefore: Math.trunc(numberOf(payload.nbf)),
    expires: Math.trunc(numberOf(payload.exp)),
    issuedAt: Math.trunc(numberOf(payload.iat)),
    signed: `${headerText}.${payloadText}`,
    payloadText,
    signature,
  };
}

function wrongClaim(payload: Readonly<Record<string, MetadataValue>>): string | undefined {
  for (const claim of ['iss', 'sub']) {
    if (payload[claim] !== undefined && typeof payload[claim] !== 'string') return `Jwt payload [${claim}] field is not a string`;
  }
  for (const claim of ['iat', 'nbf', 'exp']) {
    const value = payload[claim];
    if (value === undefined) continue;
    if (typeof value !== 'number') return `Jwt payload [${claim}] field is not an integer`;
    if (value < 0 || value >= 2 ** 63) return `Jwt payload [${claim}] field is not a positive 64 bit integer`;
  }
  if (payload.jti !== undefined && typeof payload.jti !== 'string') return 'Jwt payload [jti] field is not a string';
  const { aud } = payload;
  const readable = aud === undefined || typeof aud === 'string' || (Array.isArray(aud) && aud.every(value => typeof value === 'string'));
  return readable ? undefined : 'Jwt payload [aud] field is not a string or string list';
}

function textOf(value: MetadataValue | undefined): string { return typeof value === 'string' ? value : ''; }
function numberOf(value: MetadataValue | undefined): number { return typeof value === 'number' ? value : 0; }

function objectOf(bytes: Uint8Array): Record<string, MetadataValue> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, MetadataValue> : undefined;
  } catch {
    return undefined;
  }
}

/** Base64url, white space passed over as Envoy does; undefined for anything else. */
export function decode(text: string): Uint8Array | undefined {
  const plain = text.replace(/[ \t\r\n\v\f]/g, '').replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9_-]*$/.test(plain) || plain.length % 4 === 1) return undefined;
  const binary = atob(plain.replace(/-/g, '+').replace(/_/g, '/'));
  return Uint8Array.from(binary, char => char.charCodeAt(0));
}

function encode(text: string): string {
  const binary = Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join('');
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
