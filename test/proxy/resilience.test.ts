import type { JsonObject } from '@bufbuild/protobuf';
import { get, ProxyUnderTest } from './support/proxy';
import { cluster, FAULT, listener, manager, route, routes } from './support/resources';
import { freePort, http, ok, RawServer } from './support/sockets';

let proxy: ProxyUnderTest;

afterEach(async () => proxy.close());

async function serve(action: JsonObject, ports: readonly number[], extra: JsonObject = {}, more: JsonObject = {}): Promise<void> {
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up', { action, more }))))], clusters: [cluster('up', ports, extra)] }));
}

/** An upstream that never answers; `asked(n)` resolves when the nth request is there. */
async function silent() {
  let count = 0;
  const waiting: [number, () => void][] = [];
  const upstream = await proxy.upstream(http(() => {
    count++;
    waiting.filter(([wanted]) => wanted <= count).forEach(([, wake]) => wake());
    return undefined;
  }));
  const asked = (wanted: number) => new Promise<void>(resolve => (count >= wanted ? resolve() : waiting.push([wanted, resolve])));
  return { port: upstream.port, asked };
}

test('answers 504 when the route\'s time is over, and not before', async () => {
  proxy = new ProxyUnderTest();
  const upstream = await silent();
  await serve({ timeout: '0.5s' }, [upstream.port]);
  const client = await proxy.client();
  client.send(get());
  await upstream.asked(1);
  proxy.clock.advance(499);
  expect(client.text).toBe('');
  proxy.clock.advance(10);
  expect(await client.response()).toMatchObject({ status: 504, body: 'upstream request timeout' });
  expect(await proxy.report()).toMatchObject({ flags: 'UT', details: 'response_timeout', cluster: 'up' });
});

test('tries again after a per-try timeout, and says so', async () => {
  proxy = new ProxyUnderTest();
  const upstream = await silent();
  await serve({ retryPolicy: { retryOn: '5xx', numRetries: 1, perTryTimeout: '1s' } }, [upstream.port]);
  const client = await proxy.client();
  client.send(get());
  await upstream.asked(1);
  proxy.clock.advance(1010);
  await upstream.asked(2);
  proxy.clock.advance(1010);
  expect((await client.response()).status).toBe(504);
  expect(await proxy.report()).toMatchObject({ flags: 'URX,UT', details: 'upstream_per_try_timeout', attempts: 2 });
});

test('does not count the time that the client takes to send its request', async () => {
  proxy = new ProxyUnderTest();
  const upstream = await proxy.upstream(http(({ body }) => ok(body)));
  await serve({ timeout: '0.5s' }, [upstream.port]);
  const client = await proxy.client();
  client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nh');
  while (upstream.sockets.length === 0) await new Promise(resolve => setImmediate(resolve));
  proxy.clock.advance(5000);
  expect(await client.send('i').response()).toMatchObject({ status: 200, body: 'hi' });
});

test('retries what the policy names, on another host, with the body, and counts attempts', async () => {
  proxy = new ProxyUnderTest();
  const heads: string[] = [];
  const bad = await proxy.upstream(http(({ head }) => {
    heads.push(head);
    return 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n';
  }));
  const good = await proxy.upstream(http(({ head, body }) => {
    heads.push(head);
    return ok(body);
  }));
  await serve({ retryPolicy: { retryOn: 'retriable-status-codes', retriableStatusCodes: [503], numRetries: 2 } }, [bad.port, good.port]);
  const client = await proxy.client();
  client.send('POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
  while (heads.length < 1 || bad.sockets[0].readyState === 'open') await new Promise(resolve => setImmediate(resolve));
  proxy.clock.advance(30);
  expect(await client.response()).toMatchObject({ status: 200, body: '3\r\nabc\r\n0\r\n\r\n' });
  expect(heads.map(head => /x-envoy-attempt-count: (\d)/.exec(head)![1])).toEqual(['1', '2']);
  expect(await proxy.report()).toMatchObject({ flags: '', attempts: 2, upstreamHost: `127.0.0.1:${good.port}` });
});

test('passes on the last bad response when there are no retries left', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  const upstream = await proxy.upstream(http(() => 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 3\r\n\r\nbad'));
  await serve({ retryPolicy: { retryOn: '5xx', numRetries: 2 } }, [upstream.port]);
  expect(await (await proxy.client()).send(get()).response()).toMatchObject({ status: 500, body: 'bad' });
  expect(await proxy.report()).toMatchObject({ flags: 'URX', details: 'via_upstream', attempts: 3 });
});

test('does not retry what the policy does not name', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  const upstream = await proxy.upstream(http(() => 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n'));
  await serve({ retryPolicy: { retryOn: 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes', numRetries: 2 } }, [upstream.port]);
  expect((await (await proxy.client()).send(get()).response()).status).toBe(500);
  expect(await proxy.report()).toMatchObject({ flags: '', attempts: 1 });
});

test('answers 503 UF when no connection can be made, after the retries', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  await serve({ retryPolicy: { retryOn: 'connect-failure', numRetries: 2 } }, [await freePort(), await freePort()]);
  expect(await (await proxy.client()).send(get()).response()).toMatchObject({
    status: 503, body: 'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure',
  });
  expect(await proxy.report()).toMatchObject({
    flags: 'URX,UF',
    attempts: 3,
    details: 'upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}',
  });
});

test.each<[string, string, number, string, string]>([
  ['a connection that ends before the response', '', 503, 'UC', 'connection termination'],
  ['a response with two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', 502, 'UPE', 'protocol error'],
  ['a response with a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', 502, 'UPE', 'protocol error'],
  ['a response that is not HTTP', 'hello', 502, 'UPE', 'protocol error'],
])('answers for %s', async (_case, answer, status, flags, reason) => {
  proxy = new ProxyUnderTest({ realTime: true });
  const upstream = await proxy.upstream(socket => socket.once('data', () => socket.end(answer)));
  await serve({}, [upstream.port]);
  expect(await (await proxy.client()).send(get()).response()).toMatchObject({
    status, body: `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`,
  });
  expect(await proxy.report()).toMatchObject({ flags, details: `upstream_reset_before_response_started{${reason.replace(' ', '_')}}` });
});

test('cuts the client off when a response ends in the middle', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  const upstream = await proxy.upstream(socket => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc')));
  await serve({}, [upstream.port]);
  const text = await (await proxy.client()).send(get()).untilEnd();
  expect(text).toMatch(/\r\n\r\nabc$/);
  expect(await proxy.report()).toMatchObject({ status: 200, flags: 'UPE', details: 'upstream_reset_after_response_started{protocol_error}' });
});

test('answers for clusters that are missing or empty', async () => {
  proxy = new ProxyUnderTest();
  await proxy.serve(port => ({
    listeners: [listener(port, manager(routes(route('missing', { match: { prefix: '/m' } }), route('empty'))))], clusters: [cluster('empty', [])],
  }));
  const client = await proxy.client();
  expect(await client.send(get('/m')).response()).toMatchObject({ status: 503, body: '' });
  expect(await client.send(get('/e')).response()).toMatchObject({ status: 503, body: 'no healthy upstream' });
  expect(proxy.reports.map(({ flags, details }) => [flags, details])).toEqual([['NC', 'cluster_not_found'], ['UH', 'no_healthy_upstream']]);
});

test('injects a delay, then an abort', async () => {
  proxy = new ProxyUnderTest();
  const fault = (settings: JsonObject): JsonObject => ({ typedPerFilterConfig: { 'envoy.filters.http.fault': { '@type': FAULT, ...settings } } });
  await serve({}, [1], {}, fault({ delay: { fixedDelay: '7s', percentage: { numerator: 100 } }, abort: { httpStatus: 418, percentage: { numerator: 100 } } }));
  const client = await proxy.client();
  client.send(get());
  while (proxy.dataPlane.stats.get('test')!.rqActive === 0) await new Promise(resolve => setImmediate(resolve));
  proxy.clock.advance(6999);
  expect(client.text).toBe('');
  proxy.clock.advance(10);
  expect(await client.response()).toMatchObject({ status: 418, body: 'fault filter abort' });
  expect(await proxy.report()).toMatchObject({ flags: 'DI,FI', details: 'fault_filter_abort' });
});

test('refuses beyond the limits of a cluster with UO', async () => {
  proxy = new ProxyUnderTest();
  const upstream = await silent();
  await serve({}, [upstream.port], { circuitBreakers: { thresholds: [{ maxConnections: 1, maxPendingRequests: 1, maxRequests: 1 }] } });
  const first = await proxy.client();
  first.send(get());
  await upstream.asked(1);
  const { status, head, body } = await (await proxy.client()).send(get()).response();
  expect(status).toBe(503);
  expect(head).toContain('x-envoy-overloaded: true\r\n');
  expect(body).toContain('reset reason: overflow');
  expect(await proxy.report()).toMatchObject({ flags: 'UO', details: 'upstream_reset_before_response_started{overflow}' });
});

test('answers 503 for a host that wants TLS, and says why', async () => {
  proxy = new ProxyUnderTest();
  await serve({}, [1], { transportSocket: { name: 'envoy.transport_sockets.tls' } });
  expect((await (await proxy.client()).send(get()).response()).status).toBe(503);
  expect(await proxy.report()).toMatchObject({ flags: 'UF', details: expect.stringContaining('TLS_to_upstreams_is_not_supported_yet') });
});

test('leaves idle connections that the server said it would close', async () => {
  proxy = new ProxyUnderTest();
  const upstream = await proxy.upstream(http(() => ok('x', 'keep-alive: timeout=5\r\n')));
  await serve({}, [upstream.port]);
  const client = await proxy.client();
  await client.send(get()).response();
  proxy.clock.advance(3900);
  await client.send(get()).response();
  expect(upstream.sockets).toHaveLength(1);
  proxy.clock.advance(4100);
  await client.send(get()).response();
  expect(upstream.sockets).toHaveLength(2);
});

test('finds a host again that comes back', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  const port = await freePort();
  await serve({}, [port]);
  const client = await proxy.client();
  expect((await client.send(get()).response()).status).toBe(503);
  const server = await RawServer.start(http(() => ok('back')), port);
  expect((await client.send(get()).response()).body).toBe('back');
  await server.close();
});
