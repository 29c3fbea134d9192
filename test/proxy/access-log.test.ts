import { get, ProxyUnderTest } from './support/proxy';
import { cluster, FAULT, listener, manager, route, routes } from './support/resources';
import { http, ok } from './support/sockets';
import { ISTIO_FORMAT } from '../../runtime/proxy';
import { compileFormat, type LogEntry } from '../../runtime/proxy/filters/access-log';

const FILE = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog';
const logged = (format: object) => ({ accessLog: [{ name: 'envoy.access_loggers.file', typedConfig: { '@type': FILE, 'path': '/dev/stdout', 'logFormat': format } }] });
const text = (inlineString: string) => logged({ textFormatSource: { inlineString } });

let proxy: ProxyUnderTest | undefined;

afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
});

async function start(hcm: object) {
  proxy = new ProxyUnderTest();
  const upstream = await proxy.upstream(http(() => ok('hello')));
  const abort = { typedPerFilterConfig: { 'envoy.filters.http.fault': { '@type': FAULT, 'abort': { httpStatus: 500, percentage: { numerator: 100 } } } } };
  await proxy.serve(port => ({
    listeners: [listener(port, manager(routes(
      route('up', { match: { prefix: '/abort' }, more: { name: 'abort', ...abort } }),
      route('up', { more: { name: 'main' }, action: { prefixRewrite: '/new' } }),
    ), hcm as never))],
    clusters: [cluster('up', [upstream.port])],
  }));
  return { proxy, upstream };
}

test('writes Istio\'s default line', async () => {
  const started = await start(text(ISTIO_FORMAT));
  const client = await started.proxy.client();
  await client.send(get('/old', 'user-agent: ua\r\nx-request-id: id-1\r\nx-forwarded-for: 1.2.3.4\r\n')).response();
  const { localPort } = client.socket;
  expect(started.proxy.lines).toEqual([
    '[2026-01-01T00:00:00.000Z] "GET /old HTTP/1.1" 200 - via_upstream - "-" 0 5 0 0 "1.2.3.4" "ua" "id-1" "a.test" '
    + `"127.0.0.1:${started.upstream.port}" up 127.0.0.1:${started.upstream.sockets[0].remotePort} 127.0.0.1:${started.proxy.port} 127.0.0.1:${localPort} - main\n`,
  ]);
});

test('writes a line for requests that go nowhere', async () => {
  const started = await start(text('%REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_SENT% %ROUTE_NAME%\n'));
  const client = await started.proxy.client();
  await client.send(get('/abort')).response();
  await client.send('nonsense\r\n\r\n').untilEnd();
  expect(started.proxy.lines).toEqual(['GET 500 FI fault_filter_abort 18 abort\n', '- 400 DPE http1.codec_error 11 -\n']);
});

test('writes JSON with sorted keys and numbers as numbers', async () => {
  const started = await start(logged({ jsonFormat: { status: '%RESPONSE_CODE%', path: '%REQ(:PATH)%', none: '%REQ(NONE)%', both: 'a %REQ(:METHOD)%' } }));
  await (await started.proxy.client()).send(get('/x')).response();
  expect(started.proxy.lines).toEqual(['{"both":"a GET","none":null,"path":"/newx","status":200}\n']);
});

const ENTRY: LogEntry = {
  startTime: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  protocol: 'HTTP/1.1',
  status: 200,
  flags: '',
  details: '',
  terminationDetails: '',
  transportFailure: '',
  bytesReceived: 0,
  bytesSent: 0,
  durationMs: 1.9,
  upstreamHost: '',
  clusterName: '',
  upstreamLocal: '',
  downstreamLocal: '[::1]:80',
  downstreamRemote: '1.2.3.4:5',
  downstreamDirectRemote: '',
  serverName: '',
  routeName: '',
  virtualHost: '',
  attempts: 1,
  requestHeader: name => (name === 'a' ? 'alpha' : undefined),
  responseHeader: name => (name === 'b' ? 'beta' : undefined),
};

test.each<[string, string]>([
  ['%REQ(A)%', 'alpha'], ['%REQ(A):2%', 'al'], ['%REQ(X?A)%', 'alpha'], ['%REQ(X)%', '-'], ['%RESP(B)%', 'beta'], ['100%%', '100%'], ['%DURATION%', '1'],
  ['%START_TIME%', '2026-01-02T03:04:05.678Z'], ['%START_TIME(%Y/%m/%d %H:%M:%S.%3f)%', '2026/01/02 03:04:05.678'], ['%START_TIME(%s)%', '1767323045'],
  ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '1.2.3.4'], ['%DOWNSTREAM_LOCAL_PORT%', '80'], ['%NO_SUCH_THING%', '-'], ['%RESPONSE_FLAGS%', '-'],
])('knows %s', (format, expected) => {
  expect(compileFormat(format)(ENTRY)).toBe(expected);
});
