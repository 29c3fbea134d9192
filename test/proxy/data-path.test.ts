import { get, ProxyUnderTest } from './support/proxy';
import { cluster, listener, manager, route, routes } from './support/resources';
import { http, ok, type Seen } from './support/sockets';

let proxy: ProxyUnderTest;
let seen: Seen[];

afterEach(async () => proxy.close());

/** A proxy before one upstream that answers with `answer`. */
async function start(answer: (request: Seen, index: number) => string = ({ body }) => ok(body), hcm = {}, ...list: ReturnType<typeof route>[]) {
  proxy = new ProxyUnderTest();
  seen = [];
  const upstream = await proxy.upstream(http(request => {
    seen.push(request);
    return answer(request, seen.length);
  }));
  await proxy.serve(port => ({
    listeners: [listener(port, manager(routes(...(list.length === 0 ? [route('up')] : list)), hcm))], clusters: [cluster('up', [upstream.port])],
  }));
  return upstream;
}

test('keeps connections on both sides and uses them again', async () => {
  const upstream = await start();
  const client = await proxy.client();
  for (let i = 0; i < 5; i++) expect((await client.send(get()).response()).status).toBe(200);
  expect(upstream.sockets).toHaveLength(1);
  expect(seen).toHaveLength(5);
});

test('answers pipelined requests in their order, whichever upstream is slower', async () => {
  await start(({ head }) => ok(/GET (\S+)/.exec(head)![1]), {}, route('up', { match: { prefix: '/u' } }),
    { match: { prefix: '/' }, directResponse: { status: 201, body: { inlineString: 'direct' } } });
  const client = await proxy.client();
  client.send(get('/u1') + get('/d') + get('/u2') + get('/d') + get('/u3'));
  const answers = [];
  for (let i = 0; i < 5; i++) answers.push(await client.response());
  expect(answers.map(({ status, body }) => [status, body])).toEqual([[200, '/u1'], [201, 'direct'], [200, '/u2'], [201, 'direct'], [200, '/u3']]);
});

test('survives a thousand pipelined requests that it answers itself', async () => {
  await start(undefined, {}, { match: { prefix: '/' }, directResponse: { status: 204 } });
  const client = await proxy.client();
  client.send(get().repeat(1000));
  const text = await client.until(received => received.split('HTTP/1.1 204').length === 1001 && received.endsWith('\r\n\r\n'));
  expect(text.split('HTTP/1.1 204')).toHaveLength(1001);
});

test('sends upstream what Envoy sends: lower-case names, its own headers, hop headers gone', async () => {
  await start();
  const client = await proxy.client();
  await client.send('GET /a?b HTTP/1.1\r\nHost: X.test\r\nX-Foo:  bar \r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers, gzip\r\n'
    + 'X-Envoy-Max-Retries: 9\r\n\r\n').response();
  const id = /x-request-id: (\S+)/.exec(seen[0].head)![1];
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  expect(seen[0].head).toBe('GET /a?b HTTP/1.1\r\nhost: X.test\r\nx-foo: bar\r\nx-forwarded-proto: http\r\n'
    + `x-request-id: ${id}\r\nte: trailers\r\nx-envoy-attempt-count: 1\r\n\r\n`);
});

test('adds to responses what Envoy adds, and its own server name over the upstream\'s', async () => {
  await start(() => ok('b', 'Server: mine\r\nX-Up: A\r\nKeep-Alive: timeout=5\r\n'), { serverName: 'istio-envoy' });
  const { head } = await (await proxy.client()).send(get()).response();
  expect(head).toBe('HTTP/1.1 200 OK\r\nx-up: A\r\ncontent-length: 1\r\nx-envoy-upstream-service-time: 0\r\n'
    + 'date: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: istio-envoy\r\n\r\n');
});

test('says how often it tried and how long it took, in place of what proxies behind and before it said', async () => {
  await start(() => ok('b', 'X-Envoy-Upstream-Service-Time: 7\r\n'));
  const { head } = await (await proxy.client()).send(get('/', 'x-envoy-attempt-count: 5\r\n')).response();
  expect(head.match(/x-envoy-upstream-service-time: \d+/g)).toEqual(['x-envoy-upstream-service-time: 0']);
  expect(seen[0].head.match(/x-envoy-attempt-count: \d+/g)).toEqual(['x-envoy-attempt-count: 1']);
});

test('leaves the count of the proxy before it where it does not count itself', async () => {
  await start(undefined, { routeConfig: { ...routes(route('up')), virtualHosts: [{ name: 'all', domains: ['*'], routes: [route('up')] }] } });
  await (await proxy.client()).send(get('/', 'x-envoy-attempt-count: 5\r\n')).response();
  expect(seen[0].head.match(/x-envoy-attempt-count: \d+/g)).toEqual(['x-envoy-attempt-count: 5']);
});

test('appends the client to X-Forwarded-For where it is the edge', async () => {
  await start(undefined, { useRemoteAddress: true });
  await (await proxy.client()).send(get('/', 'x-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\nx-request-id: mine\r\n')).response();
  expect(seen[0].head).toMatch(/x-forwarded-for: 1\.2\.3\.4,[0-9.]+\r\n/);
  expect(seen[0].head).toContain('x-forwarded-proto: http\r\n');
  expect(seen[0].head).toContain('x-envoy-external-address: 127.0.0.1\r\n');
  expect(seen[0].head).not.toContain('mine');
});

test('carries out header rules, rewrites and the timeout it announces', async () => {
  await start(undefined, {}, route('up', {
    match: { prefix: '/old' },
    action: { prefixRewrite: '/new', hostRewriteLiteral: 'other', timeout: '2s' },
    more: {
      requestHeadersToAdd: [{ header: { key: 'x-a', value: '1' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
      requestHeadersToRemove: ['x-gone'],
      responseHeadersToAdd: [{ header: { key: 'x-b', value: '2' } }],
    },
  }));
  const { head } = await (await proxy.client()).send(get('/old/x', 'x-a: 0\r\nx-gone: 1\r\n')).response();
  expect(seen[0].head).toMatch(/^GET \/new\/x HTTP\/1\.1\r\nhost: other\r\n/);
  expect(seen[0].head).toContain('x-a: 1\r\n');
  expect(seen[0].head).not.toContain('x-a: 0');
  expect(seen[0].head).not.toContain('x-gone');
  expect(seen[0].head).toContain('x-envoy-expected-rq-timeout-ms: 2000\r\n');
  expect(seen[0].head).toContain('x-envoy-original-path: /old/x\r\n');
  expect(head).toContain('x-b: 2\r\n');
});

test.each<[string, string, string, string]>([
  ['a body with a length', 'content-length: 5\r\n', 'hello', 'hello'],
  ['a chunked body, extensions and trailers left out', 'transfer-encoding: chunked\r\n', '2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nx-t: 1\r\n\r\n', '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'],
  ['an empty chunked body', 'transfer-encoding: chunked\r\n', '0\r\n\r\n', '0\r\n\r\n'],
])('passes on %s, byte by byte too', async (_case, header, body, received) => {
  await start();
  const message = `POST / HTTP/1.1\r\nhost: a\r\n${header}\r\n${body}`;
  const client = await proxy.client();
  expect((await client.send(message).response()).body).toBe(received);
  for (const byte of message) {
    await new Promise<void>(resolve => client.socket.write(byte, 'latin1', () => resolve()));
  }
  expect((await client.response()).body).toBe(received);
});

test('passes on responses that end by chunks or by the connection as chunks', async () => {
  const answers = ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\nuntil the end'];
  proxy = new ProxyUnderTest();
  const upstream = await proxy.upstream((socket, index) => socket.once('data', () => {
    if (index === 0) socket.end(answers[1]);
    else socket.write(answers[0]);
  }));
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [upstream.port])] }));
  const client = await proxy.client();
  const first = await client.send(get()).until(text => text.includes('0\r\n\r\n'));
  expect(first).toMatch(/transfer-encoding: chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n$/);
  client.text = '';
  expect(await client.send(get()).until(text => text.includes('0\r\n\r\n'))).toMatch(/\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
});

test.each<[string, string]>([['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n'], ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['GET', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n']])('knows that %s with this answer has no body: %s', async (method, answer) => {
  await start((_, index) => (index === 1 ? answer : ok('next')));
  const client = await proxy.client();
  const { head } = await client.send(`${method} / HTTP/1.1\r\nhost: a\r\n\r\n`).response(true);
  expect(head).toContain(answer.slice(0, 12));
  expect(head.includes('content-length: 99')).toBe(answer.includes('99'));
  expect((await client.send(get()).response()).body).toBe('next');
});

test('passes 100 Continue through from the upstream', async () => {
  proxy = new ProxyUnderTest();
  const upstream = await proxy.upstream(socket => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      socket.once('data', body => socket.write(ok(body.toString())));
    });
  });
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [upstream.port])] }));
  const client = await proxy.client();
  client.send('POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n');
  expect(await client.until(text => text.endsWith('\r\n\r\n'))).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  client.text = '';
  expect((await client.send('hi').response()).body).toBe('hi');
});

test('becomes a tunnel for a websocket, and passes each side\'s bytes and end', async () => {
  proxy = new ProxyUnderTest();
  const heads: string[] = [];
  const upstream = await proxy.upstream(socket => {
    socket.once('data', head => {
      heads.push(head.toString());
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nearly');
      socket.on('data', frame => socket.write(`echo ${frame.toString()}`));
    });
  });
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [upstream.port])] }));
  const client = await proxy.client();
  client.send(get('/', 'Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n'));
  const head = await client.until(text => text.endsWith('early'));
  expect(head).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
  expect(head).toContain('connection: Upgrade\r\nupgrade: websocket\r\n');
  expect(heads[0]).toContain('connection: Upgrade\r\nupgrade: websocket\r\n');
  await client.send('frame').until(text => text.endsWith('echo frame'));
  upstream.sockets[0].end();
  await client.untilEnd();
  expect((await proxy.report()).status).toBe(101);
});

test.each<[string, string, number, string]>([
  ['an upgrade that is not configured', get('/', 'connection: upgrade\r\nupgrade: spdy\r\n'), 403, 'upgrade_failed'],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n', 404, 'route_not_found'],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n', 404, 'absolute_path_rejected'],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\nhost: a\r\n\r\n', 426, 'low_version'],
])('answers %s as Envoy does', async (_case, request, status, details) => {
  await start();
  expect((await (await proxy.client()).send(request).response()).status).toBe(status);
  expect(await proxy.report()).toMatchObject({ status, details });
  expect(seen).toEqual([]);
});

test('takes an absolute target for Host and path, as a proxy\'s client sends it', async () => {
  await start();
  await (await proxy.client()).send('GET http://reviews:9080/a?b HTTP/1.1\r\nhost: other\r\n\r\n').response();
  expect(seen[0].head).toMatch(/^GET \/a\?b HTTP\/1\.1\r\nhost: reviews:9080\r\n/);
});

test('closes after the response when the client asks for it', async () => {
  await start(() => ok('x'));
  const client = await proxy.client();
  client.send(get('/', 'connection: close\r\n') + get());
  const text = await client.untilEnd();
  expect(text).toContain('connection: close\r\n');
  expect(text.split('HTTP/1.1 200')).toHaveLength(2);
});

test('gives up upstream what a client abandons', async () => {
  proxy = new ProxyUnderTest();
  let gone: () => void;
  const closed = new Promise<void>(resolve => gone = resolve);
  let arrived: () => void;
  const asked = new Promise<void>(resolve => arrived = resolve);
  const upstream = await proxy.upstream(socket => {
    socket.on('data', () => arrived());
    socket.on('close', () => gone());
  });
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [upstream.port])] }));
  const client = await proxy.client();
  client.send(get());
  await asked;
  client.close();
  await closed;
  expect(await proxy.report()).toMatchObject({ status: 0, flags: 'DC', details: 'downstream_remote_disconnect' });
});

test('copies requests to a mirror and never waits for it', async () => {
  await start();
  const copies: Seen[] = [];
  let copied: () => void;
  const mirrored = new Promise<void>(resolve => copied = resolve);
  const mirror = await proxy.upstream(http(request => {
    copies.push(request);
    copied();
    return undefined;
  }));
  const upstream = await proxy.upstream(http(() => ok('real')));
  await proxy.apply({
    listeners: [listener(proxy.port, manager(routes(route('up', { action: { requestMirrorPolicies: [{ cluster: 'mirror' }] } }))))],
    clusters: [cluster('up', [upstream.port]), cluster('mirror', [mirror.port])],
  });
  const client = await proxy.client();
  expect((await client.send('POST /m HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc').response()).body).toBe('real');
  await mirrored;
  expect(copies[0].head).toMatch(/^POST \/m HTTP\/1\.1\r\nhost: a\r\n/);
  expect(copies[0].body).toBe('abc');
});
