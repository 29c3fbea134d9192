import fc from 'fast-check';
import { durationOf, parseDuration } from '../../src/model/durations';
import { afterTermination, isHttp, isHttp2, isTcp, isTls, parseProtocol, selectProtocol } from '../../src/model/ports';
import type { Protocol } from '../../src/model/service';

test.each<[string, { name?: string; appProtocol?: string; protocol?: string; number?: number }, Protocol]>([
  ['a name that is a protocol', { name: 'http' }, 'HTTP'],
  ['a name that begins with one and a dash', { name: 'http2-web' }, 'HTTP2'],
  ['capital letters', { name: 'GRPC-api' }, 'GRPC'],
  ['gRPC-Web, dash and all', { name: 'grpc-web-ui' }, 'GRPC-Web'],
  ['MySQL', { name: 'mysql' }, 'MySQL'],
  ['http_proxy', { name: 'http_proxy' }, 'HTTP_PROXY'],
  ['a name that only looks like one', { name: 'httpx' }, 'Auto'],
  ['no name', {}, 'Auto'],
  ['appProtocol over the name', { name: 'http', appProtocol: 'tcp' }, 'TCP'],
  ['appProtocol of Kubernetes: h2c', { appProtocol: 'kubernetes.io/h2c' }, 'HTTP2'],
  ['appProtocol of Kubernetes: ws', { appProtocol: 'kubernetes.io/ws' }, 'HTTP'],
  ['appProtocol of Kubernetes: wss', { appProtocol: 'kubernetes.io/wss' }, 'HTTPS'],
  ['an appProtocol nobody knows', { name: 'http', appProtocol: 'example.com/thing' }, 'Auto'],
  ['UDP over everything', { name: 'http', protocol: 'UDP' }, 'UDP'],
  ['a server that speaks first, by its port', { name: 'mail', number: 25 }, 'TCP'],
  ['a named protocol on such a port', { name: 'http', number: 3306 }, 'HTTP'],
])('protocol of a Service port: %s', (_case, port, protocol) => {
  expect(selectProtocol({ number: 8000, ...port })).toBe(protocol);
});

test('protocol of a ServiceEntry port is read as a whole', () => {
  expect(parseProtocol('https')).toBe('HTTPS');
  expect(parseProtocol('GRPC-WEB')).toBe('GRPC-Web');
  expect(parseProtocol('http-web')).toBe('Auto');
  expect(parseProtocol('constructor')).toBe('Auto');
});

test('every protocol belongs to one kind of listener', () => {
  const all: Protocol[] = ['HTTP', 'HTTP2', 'GRPC', 'GRPC-Web', 'HTTP_PROXY', 'TCP', 'HTTPS', 'TLS', 'Mongo', 'Redis', 'MySQL', 'UDP', 'Auto'];
  expect(all.filter(isHttp)).toEqual(['HTTP', 'HTTP2', 'GRPC', 'GRPC-Web', 'HTTP_PROXY']);
  expect(all.filter(isHttp2)).toEqual(['HTTP2', 'GRPC', 'GRPC-Web']);
  expect(all.filter(isTcp)).toEqual(['TCP', 'HTTPS', 'TLS', 'Mongo', 'Redis', 'MySQL']);
  expect(all.filter(isTls)).toEqual(['HTTPS', 'TLS']);
  expect(all.map(afterTermination)).toEqual(['HTTP', 'HTTP2', 'GRPC', 'GRPC-Web', 'HTTP_PROXY', 'TCP', 'HTTP', 'TCP', 'Mongo', 'Redis', 'MySQL', 'UDP', 'Auto']);
});

test.each([
  ['10s', 10_000], ['1m30s', 90_000], ['0.5s', 500], ['1.1s', 1100], ['100ms', 100], ['1h', 3_600_000], ['0', 0], ['0s', 0], ['.5s', 500],
  ['-1s', -1000], ['1us', 0.001],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['ten seconds', '10', '', 's', '10 s', '1s2', '1d', '1.2.3s'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test('any whole number of milliseconds is read back', () => {
  fc.assert(fc.property(fc.nat(10_000_000), (ms) => {
    expect(parseDuration(`${ms}ms`)).toBe(ms);
    expect(parseDuration(`${ms / 1000}s`)).toBe(ms);
  }));
});

test('a field with another text is refused with its place', () => {
  expect(() => durationOf('ten seconds', 'timeout', 'routes.yaml:7'))
    .toThrow(new Error('[routes.yaml:7] MESH_DURATION_INVALID: timeout must be a duration such as 10s, 1m30s or 0.5s, got "ten seconds"; write a number with its unit'));
});
