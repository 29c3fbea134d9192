import { createHmac } from 'node:crypto';

/** Tokens of one issuer, whose key is a secret of tests: the same text each time. */
const SECRET = Buffer.from('a key that only tests know, 32 B');
export const ISSUER = 'tests@example.com';

const encoded = (value: string | Buffer): string => Buffer.from(value).toString('base64url');

/** The issuer's public keys, as RequestAuthentication takes them. */
export const JWKS = JSON.stringify({ keys: [{ kty: 'oct', alg: 'HS256', k: encoded(SECRET) }] });

/** A token with these claims, besides the issuer's name. */
function token(claims: Readonly<Record<string, unknown>>, secret: Buffer = SECRET): string {
  const signed = `${encoded(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))}.${encoded(JSON.stringify({ iss: ISSUER, ...claims }))}`;
  return `${signed}.${encoded(createHmac('sha256', secret).update(signed).digest())}`;
}

/** Good ones first, then all that can be wrong with one. */
export const TOKENS = {
  plain: token({ sub: 'reader' }),
  staff: token({ sub: 'writer', group: ['staff', 'books'], aud: 'books' }),
  guest: token({ sub: 'reader', group: 'guest', aud: ['books', 'music'], nested: { team: 'a' } }),
  foreign: token({ iss: 'others@example.com', sub: 'reader' }),
  forged: token({ sub: 'writer', group: ['staff'] }, Buffer.from('another key that nobody trusts..')),
  expired: token({ sub: 'reader', exp: 1_000_000_000 }),
  broken: 'a.b',
} as const;
