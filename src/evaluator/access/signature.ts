import { constants, createHmac, createPublicKey, timingSafeEqual, verify, type JsonWebKey, type KeyObject } from 'crypto';
import { decode, type Token } from './token';

/** A key of a JWKS, ready to check signatures. */
export interface Key {
  readonly type: string;
  /** '' for any. */
  readonly id: string;
  readonly algorithm: string;
  readonly key: KeyObject | Uint8Array;
}

type Json = Readonly<Record<string, unknown>>;

/** Keys of a JWKS text; unreadable ones are left out, as Envoy does. */
export function parseKeys(text: string): Key[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return [];
  }
  const { keys } = (typeof json === 'object' && json !== null ? json : {}) as { keys?: unknown };
  return Array.isArray(keys) ? keys.flatMap(prepareKey) : [];
}

function prepareKey(json: Json): Key[] {
  const { kty, kid, alg } = json;
  if (typeof kty !== 'string') return [];
  const named = { type: kty, id: typeof kid === 'string' ? kid : '', algorithm: typeof alg === 'string' ? alg : '' };
  if (kty === 'oct') {
    const secret = typeof json.k === 'string' ? decode(json.k) : undefined;
    return secret === undefined || secret.length === 0 ? [] : [{ ...named, key: secret }];
  }
  try {
    return [{ ...named, key: createPublicKey({ key: json as JsonWebKey, format: 'jwk' }) }];
  } catch {
    return [];
  }
}

/** '' where a key has signed the token, else why not, in Envoy's words. */
export function checkSignature(token: Token, keys: readonly Key[]): string {
  if (keys.length === 0) return 'Jwks doesn\'t have any valid public key';
  const fitting = keys.filter(({ id, algorithm }) => (id === '' || token.keyId === '' || id === token.keyId) && (algorithm === '' || algorithm === token.algorithm));
  if (fitting.length === 0) return 'Jwks doesn\'t have key to match kid or alg from Jwt';
  for (const key of fitting) {
    // Envoy looks at the length before the algorithm, and gives up.
    if (key.type === 'OKP' && token.signature.length !== ED25519_BYTES) return 'Jwt ED25519 signature is wrong length';
    if (signedBy(token, key)) return '';
  }
  return 'Jwt verification fails';
}

const ED25519_BYTES = 64;

/** A key only takes signatures of its own kind: a public key must never serve as the secret of an HMAC. */
function signedBy(token: Token, { type, key }: Key): boolean {
  const { algorithm, signature } = token;
  const data = new TextEncoder().encode(token.signed);
  const hash = `sha${algorithm.slice(2)}`;
  try {
    if (key instanceof Uint8Array) {
      if (!algorithm.startsWith('HS')) return false;
      const own = createHmac(hash, key).update(data).digest();
      return own.length === signature.length && timingSafeEqual(own, signature);
    }
    switch (`${type} ${algorithm.slice(0, 2)}`) {
      case 'RSA RS': return verify(hash, data, key, signature);
      case 'RSA PS': return verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
      case 'EC ES': return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
      case 'OKP Ed': return verify(null, data, key, signature);
      default: return false;
    }
  } catch {
    return false;
  }
}
