import type { JsonObject } from '@bufbuild/protobuf';
import { startEnvoy, type RunningEnvoy } from '../evaluator/envoy-process';
import { describeReal } from '../support/real-parts';
import { BAD_REQUESTS } from './support/bad-requests';
import { ProxyUnderTest } from './support/proxy';
import { cluster, FAULT, listener, manager, route, routes } from './support/resources';
import { freePort, http, ok, RawClient, type RawServer, type Seen } from './support/sockets';

/** Where we refuse and Envoy 1.40 does not: what it takes here is ambiguous to some server behind it. */
const STRICTER = [
  'Connection naming Content-Length', 'a bare carriage return in a value', 'a bare line feed after a chunk', 'a bare line feed at the end',
  'a chunk longer than its size', 'a chunk size beyond 2^53', 'a folded header', 'a folded trailer', 'a host with user information',
  'an absolute target with user information', 'bare line feeds', 'two hosts', 'two spaces',
];
/** Envoy takes the one for HTTP/2, which we do not speak yet, and waits for the end of the other. */
const WITHOUT_VERDICT = ['an HTTP/2 preface', 'a chunk extension without end'];

const retry = { retryPolicy: { retryOn: 'connect-failure,retriable-status-codes', numRetries: 1 } };
const fault = (settings: JsonObject): JsonObject => ({ typedPerFilterConfig: { 'envoy.filters.http.fault': { '@type': FAULT, ...settings } } });
const prefix = (path: string) => ({ match: { prefix: path } });

function config(): JsonObject {
  return {
    validateClusters: false,
    ...routes(
      route('up', {
        ...prefix('/mutated'),
        action: { prefixRewrite: '/new' },
        more: {
          requestHeadersToAdd: [{ header: { key: 'x-a', value: '1' } }],
          responseHeadersToAdd: [{ header: { key: 'x-b', value: '2' } }],
          requestHeadersToRemove: ['x-gone'],
          responseHeadersToRemove: ['x-up'],
        },
      }),
      route('up', { ...prefix('/timed'), action: { timeout: '3s', ...retry } }),
      route('dead', { ...prefix('/dead'), action: retry }),
      route('missing', prefix('/missing')),
      route('empty', prefix('/empty')),
      route('up', { ...prefix('/abort'), more: fault({ abort: { httpStatus: 503, percentage: { numerator: 100 } } }) }),
      { ...prefix('/direct'), directResponse: { status: 200, body: { inlineString: 'text' } } },
      { ...prefix('/redirect'), redirect: { hostRedirect: 'other.test', pathRedirect: '/x' } },
      route('up', prefix('/up')),
    ),
  };
}

const request = (line: string, headers = '', body = ''): string => `${line} HTTP/1.1\r\nhost: a.test\r\n${headers}\r\n${body}`;

/** Messages that both take. */
const GOOD: [string, string][] = [
  ['a plain request', request('GET /up?a=b', 'User-Agent: ua\r\nX-Odd:   spaced\tout \r\nConnection: close\r\n')],
  ['hop headers', request('GET /up', 'Connection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers, gzip\r\nProxy-Connection: x\r\nUpgrade: foo\r\n')],
  ['orders to the router', request('GET /up', 'connection: close\r\nx-envoy-max-retries: 3\r\nx-envoy-upstream-rq-timeout-ms: 1\r\nx-envoy-other: 1\r\n')],
  ['forwarded headers and an id', request('GET /up', 'connection: close\r\nx-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\nx-request-id: mine\r\n')],
  ['an empty value and repeated fields', request('GET /up', 'connection: close\r\na:\r\nb: 1\r\nB: 2\r\ncookie: x\r\ncookie: y\r\n')],
  ['a body with a length', request('POST /up', 'connection: close\r\ncontent-length: 3\r\n', 'abc')],
  ['a chunked body', request('POST /up', 'connection: close\r\nTransfer-Encoding: Chunked\r\n', '3;x\r\nabc\r\n0\r\nt: 1\r\n\r\n')],
  ['POST without a body', request('POST /up', 'connection: close\r\n')],
  ['DELETE without a body', request('DELETE /up', 'connection: close\r\n')],
  ['HEAD', request('HEAD /up', 'connection: close\r\n')],
  ['a path to normalize', request('GET /x/../up/./%61%2f//b\\c"?q=../%61', 'connection: close\r\n')],
  ['an absolute target', 'GET http://other.test:81/up?x HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n'],
  ['an upgrade to cleartext HTTP/2', request('GET /up', 'connection: close, Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\n')],
  ['header rules', request('GET /mutated/p', 'connection: close\r\nx-a: 0\r\nx-gone: 1\r\n')],
  ['a timeout', request('GET /timed', 'connection: close\r\n')],
  ['a host that refuses', request('GET /dead', 'connection: close\r\n')],
  ['a missing cluster', request('GET /missing', 'connection: close\r\n')],
  ['an empty cluster', request('GET /empty', 'connection: close\r\n')],
  ['an abort', request('GET /abort', 'connection: close\r\n')],
  ['a direct response', request('GET /direct', 'connection: close\r\n')],
  ['a direct response to HEAD', request('HEAD /direct', 'connection: close\r\n')],
  ['a redirect', request('GET /redirect', 'connection: close\r\n')],
  ['no route', request('GET /nowhere', 'connection: close\r\n')],
  ['an upgrade that is not configured', request('GET /up', 'connection: upgrade\r\nupgrade: spdy\r\n')],
  ['OPTIONS *', request('OPTIONS *', 'connection: close\r\n')],
  ['HTTP/1.0', 'GET /up HTTP/1.0\r\nhost: a.test\r\n\r\n'],
];

describeReal(['envoy'], 'the same bytes through Envoy and through the reference proxy', ({ envoy: binary }) => {
  let proxy: ProxyUnderTest;
  let upstream: RawServer;
  let dead: number;
  let seen: Seen[];
  const started: RunningEnvoy[] = [];
  const engines: Record<string, { envoy: number; own: number }> = {};

  beforeAll(async () => {
    proxy = new ProxyUnderTest({ realTime: true });
    upstream = await proxy.upstream(http(message => {
      seen.push(message);
      return message.head.startsWith('HEAD') ? ok('').replace('length: 0', 'length: 7') : ok('answer', 'X-Up: 1\r\nServer: up\r\n');
    }));
    dead = await freePort();
    const clusters = [cluster('up', [upstream.port]), cluster('dead', [dead]), cluster('empty', [])];
    const listeners: JsonObject[] = [];
    const kinds: Record<string, JsonObject> = { sidecar: {}, gateway: { useRemoteAddress: true, serverName: 'istio-envoy' } };
    for (const [name, extra] of Object.entries(kinds)) {
      const hcm = manager(config(), extra);
      const envoy = await startEnvoy(binary, hcm, clusters);
      started.push(envoy);
      engines[name] = { envoy: envoy.port, own: await freePort() };
      listeners.push(listener(engines[name].own, hcm, name));
    }
    await proxy.apply({ listeners, clusters });
  }, 30_000);

  afterAll(async () => {
    await Promise.all(started.map(async envoy => envoy.stop()));
    await proxy.close();
  });

  /** What came back, and what the upstream saw, without what differs from one request to the next. */
  async function exchange(port: number, bytes: string) {
    seen = [];
    const client = await RawClient.open(port);
    const answer = await client.send(bytes).response(bytes.startsWith('HEAD'));
    client.close();
    return { response: [...lines(answer.head.trimEnd()), answer.body], upstream: seen.map(({ head, body }) => [...lines(head.trimEnd()), body]) };
  }

  const cases = ['sidecar', 'gateway'].flatMap(engine => GOOD.map(([name, bytes]): [string, string, string] => [engine, name, bytes]));
  test.each(cases)('%s: %s', async (engine, _name, bytes) => {
    const expected = await exchange(engines[engine].envoy, bytes);
    expect(await exchange(engines[engine].own, bytes)).toEqual(expected);
  });

  test('whatever Envoy refuses is refused alike; what we refuse beyond that is listed', async () => {
    const stricter: string[] = [];
    for (const [name, bytes, status] of BAD_REQUESTS) {
      if (WITHOUT_VERDICT.includes(name)) continue;
      seen = [];
      const client = await RawClient.open(engines.sidecar.envoy);
      const { head } = await client.send(bytes.replace(/^(GET|POST) \/ /, '$1 /up ')).response();
      client.close();
      const verdict = Number(head.slice(9, 12));
      // 404 says that Envoy took the request and looked for a route.
      if (verdict >= 400 && verdict !== 404) expect([name, status]).toEqual([name, verdict]);
      else stricter.push(name);
    }
    expect(stricter.sort()).toEqual(STRICTER);
  }, 30_000);
});

/** The start line, then the fields in any order. */
function lines(head: string): string[] {
  const [first, ...fields] = head.split('\r\n');
  const kept = fields.map(field => field.replace(/^(x-request-id: )[0-9a-f-]{36}$/, '$1ID').replace(/^(x-envoy-upstream-service-time|date): .*/, '$1'));
  return [first, ...kept.sort()];
}
