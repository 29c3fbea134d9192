import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { matchFilterChain, matchListener, indexListeners, prepareListener, type Connection, type TraceEvent } from '../../src/evaluator';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { registry } from '../../src/xds/registry';

const inspectors = ['tls_inspector', 'http_inspector'].map(name => ({ name: `envoy.filters.listener.${name}` }));

function listener(matches: Record<string, object>, more: object = {}) {
  const filterChains = Object.entries(matches).map(([name, filterChainMatch]) => ({ name, filterChainMatch }));
  return fromJson(ListenerSchema, { name: 'l', listenerFilters: inspectors, filterChains, ...more } as unknown as JsonValue, { registry });
}

const plain: Connection = { address: '10.0.0.1', port: 80, transport: 'raw_buffer' };
const tls: Connection = { ...plain, transport: 'tls' };
const chosen = (message: ReturnType<typeof listener>, connection: Connection) => matchFilterChain(prepareListener(message), connection)?.name;

test('a port with chains of its own never falls back to the others', () => {
  const message = listener({ eighty: { destinationPort: 80, transportProtocol: 'tls' }, any: {} });
  expect(chosen(message, tls)).toBe('eighty');
  expect(chosen(message, plain)).toBeUndefined();
  expect(chosen(message, { ...plain, port: 81 })).toBe('any');
});

test('the longest address range wins', () => {
  const range = (addressPrefix: string, prefixLen: number) => ({ prefixRanges: [{ addressPrefix, prefixLen }] });
  const message = listener({ wide: range('10.0.0.0', 8), narrow: range('10.0.0.0', 30), six: range('2001:db8::', 33), any: {} });
  expect(chosen(message, plain)).toBe('narrow');
  expect(chosen(message, { ...plain, address: '10.9.0.1' })).toBe('wide');
  expect(chosen(message, { ...plain, address: '2001:db8:7fff::1' })).toBe('six');
  expect(chosen(message, { ...plain, address: '2001:db8:8000::1' })).toBe('any');
});

test('an exact server name beats wildcards, and the longer wildcard the shorter', () => {
  const names = (...serverNames: string[]) => ({ serverNames });
  const message = listener({ exact: names('a.b.com'), b: names('*.b.com'), com: names('*.com'), any: {} });
  const sni = (name: string) => chosen(message, { ...tls, sni: name });
  expect(['a.b.com', 'A.B.com', 'x.b.com', 'x.y.b.com', 'x.com', 'x.org'].map(sni)).toEqual(['exact', 'exact', 'b', 'b', 'com', 'any']);
  expect(chosen(message, tls)).toBe('any');
  expect(chosen(listener({ exact: { ...names('a.com'), applicationProtocols: ['h2'] }, any: {} }), { ...tls, sni: 'a.com' })).toBeUndefined();
});

test('the caller\'s order of application protocols decides', () => {
  const message = listener({ h2: { applicationProtocols: ['h2'] }, http1: { applicationProtocols: ['http/1.1'] }, any: {} });
  expect(chosen(message, { ...tls, alpn: ['http/1.1', 'h2'] })).toBe('http1');
  expect(chosen(message, { ...tls, alpn: ['spdy', 'h2'] })).toBe('h2');
  expect(chosen(message, { ...plain, http: 'http/1.1' })).toBe('http1');
  expect(chosen(message, plain)).toBe('any');
});

test('what no inspector looks at is not known', () => {
  const matches = { tls: { transportProtocol: 'tls' }, http: { applicationProtocols: ['http/1.1'] }, any: {} };
  expect(chosen(listener(matches, { listenerFilters: [] }), { ...tls, alpn: ['http/1.1'] })).toBe('any');
  const onlyFor81 = inspectors.map(filter => ({ ...filter, filterDisabled: { notMatch: { destinationPortRange: { start: 81, end: 82 } } } }));
  const partly = listener(matches, { listenerFilters: onlyFor81 });
  expect(chosen(partly, { ...plain, http: 'http/1.1' })).toBe('any');
  expect(chosen(partly, { ...plain, http: 'http/1.1', port: 81 })).toBe('http');
});

test('the default chain takes what no chain does, and the trace says why', () => {
  const message = listener({ eighty: { destinationPort: 81 }, named: { serverNames: ['a.com'] } }, { defaultFilterChain: { name: 'fallback' } });
  const events: TraceEvent[] = [];
  expect(matchFilterChain(prepareListener(message), plain, event => void events.push(event))!.name).toBe('fallback');
  expect(events).toEqual([
    { step: 'filterChain', name: 'eighty', outcome: 'failed', because: 'port ≠ 81 (got 80)' },
    { step: 'filterChain', name: 'named', outcome: 'failed', because: 'server name is none of "a.com" (absent)' },
    { step: 'filterChain', name: 'fallback', outcome: 'chosen', because: 'default filter chain' },
  ]);
});

test('captured connections go to the listener of their destination, then of their port, then stay', () => {
  const at = (name: string, address: string, portValue: number, more: object = {}) =>
    listener({}, { name, address: { socketAddress: { address, portValue } }, bindToPort: false, ...more });
  const listeners = [at('vip', '10.0.0.1', 80), at('port', '0.0.0.0', 80), at('virtualOutbound', '0.0.0.0', 15001, { bindToPort: true, useOriginalDst: true })];
  const index = indexListeners(listeners);
  const to = (address: string, port: number) => matchListener(index, { ...plain, address, port }, 'outbound')?.name;
  expect([to('10.0.0.1', 80), to('10.0.0.2', 80), to('10.0.0.1', 81)]).toEqual(['vip', 'port', 'virtualOutbound']);
  // Without capture only what really binds can be reached.
  const bound = indexListeners([at('vip', '127.2.1.1', 80, { bindToPort: true }), at('unbound', '127.2.1.2', 80)]);
  expect(matchListener(bound, { ...plain, address: '127.2.1.1' }, 'outbound')?.name).toBe('vip');
  expect(matchListener(bound, { ...plain, address: '127.2.1.2' }, 'outbound')).toBeUndefined();
});
