import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { golden, goldenAt } from './golden';
import { lowest, request } from './request';
import {
  admit, admitConnection, declaredToken, decide, isDenial, matchFilterChain, matchListener, matchRoute, prepare,
  type AccessContext, type Connection, type HttpRequestFacts, type HttpTerminal, type Verdict, type TcpTerminal, type TraceEvent,
} from '../../src/evaluator';
import { prepareAccess } from '../../src/evaluator/access/http-filters';
import { HttpConnectionManagerSchema } from '../../src/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { registry } from '../../src/xds/registry';

const withGolden = goldenAt ? test : test.skip;
const why = goldenAt ? '' : 'not run: no ../shared/data | ';
const X = 'spiffe://cluster.local/ns/default/sa/x';
const NOW = 2_000_000_000;
const GRANTED = { iss: 'https://issuer-a.example', sub: 'bob', group: { sub: ['staff'] }, aud: ['books'] };

/** The server side of istiod's own configuration of a workload with policies. */
function arrive(scenario: string, proxy: string, address: string, port: number, identities: string[]) {
  const alpn = port === 8001 ? ['istio'] : ['istio-http/1.1', 'istio', 'http/1.1'];
  const connection: Connection = { address, port, transport: 'tls', sni: 'books.example', alpn };
  const resources = prepare(golden(scenario, proxy));
  const chain = matchFilterChain(matchListener(resources.listeners, connection, 'inbound')!, connection)!;
  const peer = { sourceAddress: '10.244.1.9', destinationAddress: address, destinationPort: port, serverName: 'books.example', identities };
  return { context: { peer, remoteAddress: '10.244.1.9', declaredTokens: true, now: NOW } as AccessContext, terminal: chain.terminal };
}

function ask(sent: HttpRequestFacts, { identities = [X], ...more }: Partial<AccessContext> & { identities?: string[] } = {}) {
  const { context, terminal } = arrive('authz-jwt', 'books', '10.244.1.1', 8000, identities);
  const trace: TraceEvent[] = [];
  const result = admit((terminal as HttpTerminal).access, sent, { ...context, ...more }, event => void trace.push(event));
  const told = (name: string): string | undefined => trace.find(event => event.name.includes(name))?.because;
  return { result, told };
}

const withToken = (claims: object) => ({ 'x-kind': 'a', 'authorization': `Bearer ${declaredToken(claims as Record<string, unknown>)}` });
const book = (claims: object = GRANTED) => request('http://books.shop/books/7', withToken(claims));
const denied = (policy: string) => ({ kind: 'answer', status: 403, flag: '', body: 'RBAC: access denied', details: `rbac_access_denied_matched_policy[${policy}]` });
const unauthorized = (reason: string) => ({ kind: 'answer', status: 401, body: reason, details: `jwt_authn_access_denied{${reason.replace(/ /g, '_')}}` });

withGolden(`${why}istiod's filters let a staff member with a token read a book`, () => {
  const { result, told } = ask(book());
  expect(result).toMatchObject({ kind: 'admitted', request: { metadata: { 'envoy.filters.http.jwt_authn': { payload: GRANTED } } } });
  expect(told('deny-some]-rule[0]')).toBe('deny: header :method ≠ "DELETE" (got "GET")');
  expect(told('trial')).toBe('dry run: header :method ≠ "PUT" (got "GET")');
});

withGolden(`${why}whoever no policy allows is denied, and each policy says why it did not take the request`, () => {
  const stranger = ask(book(), { identities: ['spiffe://cluster.local/ns/default/sa/y'] });
  expect(stranger.result).toMatchObject(denied('none'));
  expect(isDenial(stranger.result as never)).toBe(true);
  expect(stranger.told('allow-some]-rule[0]')).toBe(`allow: caller ≠ "${X}" (got "spiffe://cluster.local/ns/default/sa/y")`);
  expect(ask(book({ ...GRANTED, group: 'guests' })).told('allow-some]-rule[0]')).toContain('claim group.sub not has a member that = "staff" or = "staff" (absent)');
});

withGolden(`${why}a policy that denies is named`, () => {
  const legacy = ask(request('http://books.shop/admin/keys', {}, 'DELETE'), { identities: ['spiffe://cluster.local/ns/legacy/sa/z'] });
  expect(legacy.result).toMatchObject(denied('ns[shop]-policy[deny-some]-rule[0]'));
});

withGolden(`${why}tokens that are old, wrong or for others are refused with Envoy's words`, () => {
  expect(ask(book({ ...GRANTED, exp: NOW - 100 })).result).toMatchObject(unauthorized('Jwt is expired'));
  expect(ask(book({ ...GRANTED, exp: NOW - 60 })).result.kind).toBe('admitted');
  expect(ask(book({ ...GRANTED, exp: NOW - 100 }), { now: undefined }).result.kind).toBe('admitted');
  expect(ask(book({ ...GRANTED, iss: 'https://nobody.example' })).result).toMatchObject(unauthorized('Jwt issuer is not configured'));
  expect(ask(book(), { declaredTokens: false }).result).toMatchObject(unauthorized('Jwt header [alg] is not supported'));
  const other = request('http://books.shop/books/7', { 'x-token': `Token ${declaredToken({ iss: 'https://issuer-b.example', aud: 'cellar' })}` });
  expect(ask(other).result).toMatchObject({ status: 403, details: 'jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}' });
});

withGolden(`${why}claims and payload go to headers, and nobody can forge those`, () => {
  const token = declaredToken({ iss: 'https://issuer-b.example', sub: 'alice', aud: 'books', group: { sub: 'staff' } });
  const sent = request('http://books.shop/books/7', { 'x-kind': 'a', 'x-token': `Token ${token}`, 'x-sub': 'root' });
  const { result } = ask(sent);
  if (result.kind !== 'admitted') throw new Error('not admitted');
  expect(['x-sub', 'x-payload', 'x-token'].map(name => result.request.headers.get(name))).toEqual(['alice', token.split('.')[1], undefined]);
  expect(ask(request('http://books.shop/books/7', { 'x-sub': 'root' })).result).toMatchObject(denied('none'));
});

withGolden(`${why}connections that are not read as HTTP are judged by who calls`, () => {
  const close = (identity: string) => {
    const { context, terminal } = arrive('authz-jwt', 'books', '10.244.1.1', 8001, [identity]);
    return admitConnection((terminal as TcpTerminal).connectionPolicies, { ...context, metadata: {} });
  };
  expect(close('spiffe://cluster.local/ns/default/sa/y')).toBe('');
  expect(close('spiffe://cluster.local/ns/legacy/sa/y')).toBe('rbac_access_denied_matched_policy[ns[shop]-policy[deny-some]-rule[0]]');
  expect(close('spiffe://cluster.local/ns/other/sa/y')).toBe('rbac_access_denied_matched_policy[none]');
});

withGolden(`${why}an external authorizer is asked only where a policy wants it`, () => {
  const { context, terminal } = arrive('authz-empty', 'ratings-v1', '10.244.0.12', 9080, [X]);
  const outcome = (path: string, verdict: Verdict | undefined) => {
    const asked: string[] = [];
    const authorizer = (cluster: string): Verdict | undefined => {
      asked.push(cluster);
      return verdict;
    };
    const result = admit((terminal as HttpTerminal).access, request(`http://ratings${path}`), { ...context, authorizer });
    return [result.kind === 'admitted' ? 200 : result.status, result.kind === 'admitted' ? '' : result.flag, asked.length];
  };
  expect(outcome('/ratings/1', { kind: 'allow' })).toEqual([200, '', 1]);
  expect(outcome('/ratings/1', undefined)).toEqual([200, '', 1]);
  expect(outcome('/ratings/1', { kind: 'deny', status: 403 })).toEqual([403, 'UAEX', 1]);
  expect(outcome('/health', { kind: 'deny', status: 403 })).toEqual([200, '', 0]);
});

withGolden(`${why}a route may ask for claims`, () => {
  const proxy = prepare(golden('authz-jwt', 'istio-ingressgateway'));
  const connection: Connection = { address: '0.0.0.0', port: 8080, transport: 'raw_buffer', http: 'http/1.1' };
  const terminal = matchFilterChain(matchListener(proxy.listeners, connection, 'outbound')!, connection)!.terminal as HttpTerminal;
  const peer = { sourceAddress: '10.1.1.1', destinationAddress: '0.0.0.0', destinationPort: 8080, serverName: '' };
  const anonymous = (claims: object | undefined): string | undefined => {
    const sent = request('http://books.example/', claims === undefined ? {} : withToken(claims));
    const result = admit(terminal.access, sent, { peer, remoteAddress: '10.1.1.1', declaredTokens: true });
    if (result.kind !== 'admitted') throw new Error(result.details);
    const decision = decide(matchRoute(proxy.routesOf(terminal)!, result.routed)!, result.request, lowest);
    return decision.kind === 'forward' ? decision.requestHeaders.add.find(({ name }) => name === 'x-anon')?.value : 'answered';
  };
  expect(anonymous({ iss: 'https://issuer-a.example', sub: 'a', group: 'staff' })).toBeUndefined();
  expect(anonymous({ iss: 'https://issuer-a.example', sub: 'a', group: 'guests' })).toBe('1');
  expect(anonymous(undefined)).toBe('1');
});

test('a dry run is seen by the filters after its own', () => {
  const any = { permissions: [{ any: true }], principals: [{ any: true }] };
  const tried = { metadata: { filter: 'envoy.filters.http.rbac', path: [{ key: 'p_shadow_engine_result' }], value: { string_match: { exact: 'denied' } } } };
  const filter = (rules: object) => ({ name: 'rbac', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC', ...rules } });
  const shadow = { shadow_rules: { action: 'DENY', policies: { all: any } }, shadow_rules_stat_prefix: 'p_' };
  const asks = { rules: { action: 'DENY', policies: { seen: { ...any, permissions: [tried] } } } };
  const outcome = (filters: object[]) => {
    const manager = fromJson(HttpConnectionManagerSchema, { stat_prefix: 's', http_filters: filters } as unknown as JsonValue, { registry });
    const peer = { sourceAddress: '10.0.0.1', destinationAddress: '10.0.0.2', destinationPort: 80, serverName: '' };
    return admit(prepareAccess(manager), request('http://a/'), { peer, remoteAddress: '10.0.0.1' }).kind;
  };
  expect(outcome([filter({ ...shadow, ...asks })])).toBe('admitted');
  expect(outcome([filter(shadow), filter(asks)])).toBe('answer');
});
