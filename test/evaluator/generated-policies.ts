import { createHmac, createSign, generateKeyPairSync, sign } from 'crypto';
import * as fc from 'fast-check';

/** Filters that decide who may pass, and requests to them, in a small world so that rules meet requests often. JSON in Envoy's own form. */
export const NOW = Math.floor(Date.now() / 1000);
export const IDENTITIES = ['spiffe://cluster.local/ns/default/sa/a', 'spiffe://td/ns/old-x/sa/robot'] as const;
const HTTP = 'type.googleapis.com/envoy.extensions.filters.http.';

const pattern = (values: readonly string[]) => fc.constantFrom(...values).chain(value => fc.constantFrom<object>(
  { exact: value }, { prefix: value.slice(0, 3) }, { suffix: value.slice(-2) }, { contains: value.slice(1, 3) || 'a' },
  { exact: value.toUpperCase(), ignore_case: true }, { safe_regex: { regex: '.*' } }, { safe_regex: { regex: value.replace(/[.*/]/g, '.') } },
));
const header = fc.oneof(
  pattern(['GET', 'POST']).map(string_match => ({ name: ':method', string_match })),
  pattern(['books.shop', 'x']).map(string_match => ({ name: ':authority', string_match })),
  pattern(['alpha', 'beta']).map(string_match => ({ name: 'x-kind', string_match })),
  fc.boolean().map(present_match => ({ name: 'x-kind', present_match })),
);
const path = pattern(['/books', '/admin/secret']).map(text => ({ path: text }));
const template = fc.constantFrom('/books/*', '/tree/**', '/books/{id}', '/*/secret', '/tree/{rest=**}', '/books/*/x').map(path_template => ({
  name: 'template', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', path_template },
}));
const range = fc.constantFrom<object>(
  { address_prefix: '127.0.0.1', prefix_len: 32 }, { address_prefix: '127.0.0.0', prefix_len: 30 }, { address_prefix: '10.0.0.0', prefix_len: 8 }, { address_prefix: '0.0.0.0' },
);
const value = fc.oneof(
  pattern(['alice', 'https://a', 'books', 'staff', 'read']).map(string_match => ({ string_match })),
  pattern(['books', 'staff', 'read']).map(string_match => ({ list_match: { one_of: { string_match } } })),
  pattern(['books', 'staff']).map(string_match => ({ or_match: { value_matchers: [{ list_match: { one_of: { string_match } } }, { string_match }] } })),
  fc.boolean().map(bool_match => ({ bool_match })),
  fc.boolean().map(present_match => ({ present_match })),
  fc.constantFrom<object>({ double_match: { exact: 7 } }, { double_match: { range: { start: 1, end: 7 } } }, { null_match: {} }),
);
const metadata = fc.record({
  path: fc.constantFrom(['iss'], ['sub'], ['aud'], ['group'], ['nested', 'team'], ['scope'], ['level'], ['none']),
  value,
  invert: fc.boolean(),
}).map(parts => ({
  filter: 'envoy.filters.http.jwt_authn', path: ['payload', ...parts.path].map(key => ({ key })), value: parts.value, ...(parts.invert && { invert: true }),
}));
const shadowed = fc.constantFrom('one-b', 'one-').map(prefix => ({
  filter: 'envoy.filters.http.rbac', path: [{ key: 'dry_shadow_effective_policy_id' }], value: { string_match: { prefix } },
}));

const few = { minLength: 1, maxLength: 3 };
const permission: fc.Arbitrary<object> = fc.letrec<{ rule: object }>(tie => ({
  rule: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 2, arbitrary: fc.constant({ any: true }) },
    { weight: 3, arbitrary: header.map(rule => ({ header: rule })) },
    { weight: 3, arbitrary: path.map(url_path => ({ url_path })) },
    { weight: 2, arbitrary: template.map(uri_template => ({ uri_template })) },
    { weight: 1, arbitrary: range.map(destination_ip => ({ destination_ip })) },
    { weight: 1, arbitrary: fc.constantFrom('OWN', 9).map(destination_port => ({ destination_port })) },
    { weight: 1, arbitrary: fc.constantFrom([1, 2000], [2000, 65535]).map(([start, end]) => ({ destination_port_range: { start, end } })) },
    { weight: 1, arbitrary: pattern(['books.example', 'x']).map(requested_server_name => ({ requested_server_name })) },
    { weight: 1, arbitrary: shadowed.map(rule => ({ metadata: rule })) },
    { weight: 2, arbitrary: tie('rule').map(not_rule => ({ not_rule })) },
    { weight: 2, arbitrary: fc.array(tie('rule'), few).map(rules => ({ and_rules: { rules } })) },
    { weight: 2, arbitrary: fc.array(tie('rule'), few).map(rules => ({ or_rules: { rules } })) },
  ),
})).rule;
const principal: fc.Arbitrary<object> = fc.letrec<{ id: object }>(tie => ({
  id: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 2, arbitrary: fc.constant({ any: true }) },
    { weight: 3, arbitrary: pattern(IDENTITIES).map(principal_name => ({ authenticated: { principal_name } })) },
    { weight: 1, arbitrary: fc.constant({ authenticated: {} }) },
    { weight: 1, arbitrary: range.map(source_ip => ({ source_ip })) },
    { weight: 2, arbitrary: range.map(direct_remote_ip => ({ direct_remote_ip })) },
    { weight: 2, arbitrary: range.map(remote_ip => ({ remote_ip })) },
    { weight: 1, arbitrary: header.map(rule => ({ header: rule })) },
    { weight: 1, arbitrary: path.map(url_path => ({ url_path })) },
    { weight: 4, arbitrary: metadata.map(rule => ({ metadata: rule })) },
    { weight: 2, arbitrary: tie('id').map(not_id => ({ not_id })) },
    { weight: 2, arbitrary: fc.array(tie('id'), few).map(ids => ({ and_ids: { ids } })) },
    { weight: 2, arbitrary: fc.array(tie('id'), few).map(ids => ({ or_ids: { ids } })) },
  ),
})).id;
const some = { minLength: 1, maxLength: 2 };
const policy = fc.record({ permissions: fc.array(permission, some), principals: fc.array(principal, some) });
const rules = fc.record({
  action: fc.constantFrom('ALLOW', 'ALLOW', 'DENY', 'DENY', 'LOG'),
  policies: fc.dictionary(fc.constantFrom('one-a', 'one-b', 'two c'), policy, { maxKeys: 3, noNullPrototype: true }),
});
const rbac = fc.record({ own: fc.option(rules, { freq: 5 }), shadow: fc.option(rules, { freq: 2 }) }).map(({ own, shadow }) => ({
  name: 'envoy.filters.http.rbac',
  typed_config: { '@type': `${HTTP}rbac.v3.RBAC`, ...(own && { rules: own }), ...(shadow && { shadow_rules: shadow }), 'shadow_rules_stat_prefix': 'dry_' },
}));

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const edwards = generateKeyPairSync('ed25519');
const SECRET = 'a secret of thirty-two bytes or so';
const keys = JSON.stringify({
  keys: [
    { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' },
    { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ec' },
    { ...edwards.publicKey.export({ format: 'jwk' }), kid: 'ed' },
    { kty: 'oct', kid: 'oct', k: Buffer.from(SECRET).toString('base64url') },
  ],
});
const signers: Readonly<Record<string, (data: string) => Buffer>> = {
  RS256: data => createSign('sha256').update(data).sign(rsa.privateKey),
  ES256: data => createSign('sha256').update(data).sign({ key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
  EdDSA: data => sign(null, Buffer.from(data), edwards.privateKey),
  HS256: data => createHmac('sha256', SECRET).update(data).digest(),
  HS384: data => createHmac('sha384', SECRET).update(data).digest(),
};

function encoded(part: unknown): string { return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'); }

function signed(alg: string, kid: string | undefined, claims: unknown, spoil: boolean): string {
  const data = `${encoded({ alg, ...(kid !== undefined && { kid }) })}.${encoded(claims)}`;
  const signature = (signers[alg] ?? (() => Buffer.from('nothing')))(data);
  return `${data}.${(spoil ? Buffer.concat([signature.subarray(1), Buffer.from('x')]) : signature).toString('base64url')}`;
}

const claims = fc.record({
  iss: fc.constantFrom<unknown>('https://a', 'https://a', 'https://b', 'https://b', 'https://c', 7),
  sub: fc.constantFrom<unknown>('alice', 'alice', 'bob', ['x']),
  aud: fc.option(fc.constantFrom<unknown>('books', ['books', 'shelf'], 'https://books/', 'other', 5), { freq: 4 }),
  exp: fc.option(fc.constantFrom<unknown>(NOW + 5000, NOW + 5000, NOW - 3000, NOW - 20, -1, 'soon'), { freq: 6 }),
  nbf: fc.option(fc.constantFrom(NOW - 5000, NOW + 5000), { freq: 2 }),
  group: fc.option(fc.constantFrom<unknown>('staff', ['staff', 'read'], true, 7, null)),
  nested: fc.option(fc.constantFrom<unknown>({ team: 'staff' }, { team: ['books'] }, 'flat')),
  scope: fc.option(fc.constantFrom<unknown>('read write', 'read', '', ['read'])),
  level: fc.option(fc.constantFrom<unknown>(7, 1.5, -2, false)),
}, { noNullPrototype: true }).map(all => Object.fromEntries(Object.entries(all).filter(([name, held]) => held !== null || name === 'group')));
const good = fc.record({
  sub: fc.constantFrom('alice', 'bob'),
  group: fc.constantFrom<unknown>('staff', ['staff'], 'x'),
  scope: fc.constantFrom('read write', 'read'),
  iss: fc.constantFrom('https://a', 'https://b'),
  aud: fc.constantFrom<unknown>('books', ['books', 'x']),
  level: fc.constantFrom(7, 3),
}, { noNullPrototype: true });
const token = fc.oneof(
  { weight: 5, arbitrary: good.chain(payload => fc.constantFrom(['RS256', 'rsa'], ['ES256', 'ec'], ['HS256', 'oct'], ['EdDSA', 'ed']).map(([alg, kid]) => signed(alg!, kid, payload, false))) },
  {
    weight: 5,
    arbitrary: fc.record({
      alg: fc.constantFrom('RS256', 'ES256', 'HS256', 'HS384', 'EdDSA', 'none'), kid: fc.constantFrom(undefined, 'rsa', 'ec', 'oct', 'ed', 'nobody'), payload: claims, spoil: fc.nat({ max: 5 }),
    }).map(({ alg, kid, payload, spoil }) => signed(alg, kid, payload, spoil === 0)),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'nonsense', 'a.b', 'a.b.c', 'e30.e30.e30', '..', `${encoded({ alg: 7 })}.${encoded({})}.x`, `${encoded('no json')}.${encoded({})}.xx`, '!!!.e30.e30') },
);

const place = fc.constantFrom<object>(
  {}, {}, { from_headers: [{ name: 'x-token', value_prefix: 'Token ' }] }, { from_params: ['t'] }, { from_cookies: ['session'] },
  { from_headers: [{ name: 'x-token' }, { name: 'authorization', value_prefix: 'Bearer ' }], from_params: ['t'] },
);
const provider = (issuer: string) => fc.record({
  place,
  audiences: fc.constantFrom<object>({}, {}, { audiences: ['books'] }),
  forward: fc.boolean(),
  more: fc.constantFrom<object>({}, { forward_payload_header: 'x-payload' }, { claim_to_headers: [{ header_name: 'x-sub', claim_name: 'sub' }, { header_name: 'x-team', claim_name: 'nested.team' }, { header_name: 'x-level', claim_name: 'level' }] },
    { subjects: { prefix: 'al' } }, { require_expiration: true }, { clock_skew_seconds: 10 }, { forward_payload_header: 'x-payload', pad_forward_payload_header: true }),
}).map(parts => ({
  issuer,
  ...parts.place,
  ...parts.audiences,
  ...parts.more,
  forward: parts.forward,
  payload_in_metadata: 'payload',
  local_jwks: { inline_string: keys },
  normalize_payload_in_metadata: { space_delimited_claims: ['scope', 'permission'] },
}));
const requirement: fc.Arbitrary<object> = fc.letrec<{ one: object }>(tie => ({
  one: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: fc.constantFrom('a', 'b').map(provider_name => ({ provider_name })) },
    { weight: 1, arbitrary: fc.constantFrom('a', 'b').map(provider_name => ({ provider_and_audiences: { provider_name, audiences: ['shelf'] } })) },
    { weight: 1, arbitrary: fc.constantFrom<object>({ allow_missing: {} }, { allow_missing_or_failed: {} }) },
    { weight: 3, arbitrary: fc.array(fc.oneof(tie('one'), fc.constant({ allow_missing: {} })), { minLength: 2, maxLength: 3 }).map(requirements => ({ requires_any: { requirements } })) },
    { weight: 2, arbitrary: fc.array(tie('one'), { minLength: 2, maxLength: 3 }).map(requirements => ({ requires_all: { requirements } })) },
  ),
})).one;
const optional = (name: string) => ({ requires_any: { requirements: [{ provider_name: name }, { allow_missing: {} }] } });
/** What Istio asks for two issuers. */
const ISTIO = { requires_any: { requirements: [{ provider_name: 'a' }, { provider_name: 'b' }, { requires_all: { requirements: [optional('a'), optional('b')] } }] } };
const jwt = fc.record({ a: provider('https://a'), b: provider('https://b'), requires: fc.oneof(requirement, fc.constant(ISTIO)), narrow: fc.nat({ max: 4 }), strip: fc.nat({ max: 6 }) })
  .map(({ a, b, requires, narrow, strip }) => ({
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': `${HTTP}jwt_authn.v3.JwtAuthentication`,
      'providers': { a, b },
      'bypass_cors_preflight': true,
      ...(strip === 0 && { strip_failure_response: true }),
      'rules': [...(narrow === 0 ? [{ match: { prefix: '/admin' } }] : []), { match: { prefix: '/' }, requires }],
    },
  }));

/** Filters of one connection manager, the router left out. */
export const accessFilters: fc.Arbitrary<object[]> = fc.record({ token: fc.option(jwt, { freq: 2 }), policies: fc.array(rbac, some) })
  .map(({ token: check, policies }) => [...(check === null ? [] : [check]), ...policies]);
/** Filters that only look at tokens. */
export const tokenFilters: fc.Arbitrary<object[]> = jwt.map(check => [check]);

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  /** 127.0.0.N to send from. */
  readonly from: number;
  /** Who sends over TLS: a place in IDENTITIES, or nobody. */
  readonly caller: number | undefined;
  readonly serverName: string;
}

export const requests: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'OPTIONS'),
  path: fc.tuple(fc.constantFrom('/books', '/books/7', '/books/7/x', '/admin/secret', '/tree', '/tree/', '/tree/a/b', '/'), fc.constantFrom('', '', '?q=1', '?a=b&t')).map(([a, b]) => a + b),
  host: fc.constantFrom('books.shop', 'BOOKS.shop', 'x'),
  kind: fc.option(fc.constantFrom('alpha', 'beta', '')),
  forwarded: fc.option(fc.constantFrom('10.1.2.3', '10.1.2.3, 127.0.0.1', 'nonsense', '192.0.2.1,10.0.0.9'), { freq: 2 }),
  bearer: fc.option(fc.tuple(fc.constantFrom('Bearer ', 'Bearer ', 'Bearer ', 'bearer ', 'Basic x Bearer '), token).map(([prefix, text]) => prefix + text), { freq: 3 }),
  own: fc.option(fc.tuple(fc.constantFrom('Token ', 'Token ', ''), token).map(([prefix, text]) => prefix + text), { freq: 2 }),
  parameter: fc.option(token, { freq: 1 }),
  cookie: fc.option(fc.tuple(fc.constantFrom('session=', 'a=b; session=', 'session="'), token).map(([start, text]) => start + text + (start.endsWith('"') ? '"' : '')), { freq: 1 }),
  claimed: fc.option(fc.constant('forged'), { freq: 1 }),
  origin: fc.option(fc.constant('http://a'), { freq: 1 }),
  from: fc.constantFrom(1, 1, 2, 5),
  caller: fc.constantFrom(undefined, 0, 1),
  serverName: fc.constantFrom('books.example', 'other.example'),
}).map(({ method, path: plain, host, kind, forwarded, bearer, own, parameter, cookie, claimed, origin, ...rest }) => {
  const headers = {
    'x-kind': kind,
    'x-forwarded-for': forwarded,
    'authorization': bearer,
    'x-token': own,
    cookie,
    'x-sub': claimed,
    'x-payload': claimed,
    origin,
    'access-control-request-method': origin === null ? null : 'GET',
  };
  const tail = parameter === null ? '' : `${plain.includes('?') ? '&' : '?'}t=${parameter}`;
  return {
    ...rest,
    method,
    host,
    path: plain + tail,
    headers: Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null)
      // White space around a value is not part of it.
      .map(([name, text]) => [name, text.trim()])),
  };
});
