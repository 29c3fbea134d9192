import { MeshPort, MeshProtocol } from '../src';
import { portNames } from '../src/private/ports';

test.each([
  ['http', MeshPort.http(80), MeshProtocol.HTTP, true],
  ['http2', MeshPort.http2(80), MeshProtocol.HTTP2, true],
  ['grpc', MeshPort.grpc(80), MeshProtocol.GRPC, true],
  ['https', MeshPort.https(80), MeshProtocol.HTTPS, false],
  ['tls', MeshPort.tls(80), MeshProtocol.TLS, false],
  ['tcp', MeshPort.tcp(80), MeshProtocol.TCP, false],
])('%s is named by its protocol', (name, port, protocol, isHttp) => {
  expect([port.protocol, port.number, port.targetPort, port.isHttp]).toEqual([protocol, 80, 80, isHttp]);
  expect(portNames([port])).toEqual([name]);
});

test('the number is part of the name only where several ports have the protocol', () => {
  expect(portNames([MeshPort.http(80), MeshPort.grpc(9000), MeshPort.http(8080), MeshPort.http(90, { name: 'http-admin' })]))
    .toEqual(['http-80', 'grpc', 'http-8080', 'http-admin']);
});

test.each([1, 65535])('takes port %d', (number) => {
  expect(MeshPort.http(number, { targetPort: number }).targetPort).toBe(number);
});

test.each([0, 65536, 80.5, -1])('rejects port %d', (number) => {
  expect(() => MeshPort.http(number)).toThrow(new Error(`MESH_PORT_INVALID: port must be a whole number from 1 to 65535, got ${number}; choose one in that range`));
  expect(() => MeshPort.http(80, { targetPort: number })).toThrow(new Error(`MESH_PORT_INVALID: targetPort must be a whole number from 1 to 65535, got ${number}; choose one in that range`));
});

test.each(['http', 'http-a', 'http-9'])('takes the name %s', (name) => {
  expect(MeshPort.http(80, { name }).name).toBe(name);
});

test.each(['web', 'httpx', 'http-', 'http2-x', 'http-A', ''])('rejects the name "%s" of an HTTP port', (name) => {
  expect(() => MeshPort.http(80, { name }))
    .toThrow(new Error(`MESH_PORT_NAME: the name of a HTTP port must be "http", or begin with "http-", got "${name}"; Istio reads the protocol from it`));
});
