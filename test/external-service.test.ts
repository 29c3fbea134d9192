import { Testing } from 'cdk8s';
import { ExternalService, type ExternalServiceProps, MeshPort, MeshService, Resolution, RouteTarget } from '../src';
import { only } from './support/synth';

const books: ExternalServiceProps = { hosts: ['www.googleapis.com'], ports: [MeshPort.tls(443)] };

test('renders one ServiceEntry, resolved by DNS unless told otherwise', () => {
  const chart = Testing.chart();
  new ExternalService(chart, 'books', { ...books, ports: [MeshPort.http(80), MeshPort.https(443, { targetPort: 8443 })], exportTo: ['.'] });
  expect(Testing.synth(chart)).toEqual([{
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name: 'books', annotations: { 'cdk8s-mesh.dev/path': 'test/books' } },
    spec: {
      hosts: ['www.googleapis.com'],
      location: 'MESH_EXTERNAL',
      resolution: 'DNS',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP' }, { number: 443, name: 'https', protocol: 'HTTPS', targetPort: 8443 }],
      exportTo: ['.'],
    },
  }]);
  expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
});

test('fixed addresses are endpoints, of wildcards too', () => {
  const chart = Testing.chart();
  new ExternalService(chart, 'x', { ...books, name: 'books', namespace: 'b', hosts: ['*.googleapis.com'], resolution: Resolution.fixed('10.0.0.1', '::1') });
  expect(only(chart, 'ServiceEntry')).toMatchObject({
    metadata: { name: 'books', namespace: 'b' }, spec: { resolution: 'STATIC', endpoints: [{ address: '10.0.0.1' }, { address: '::1' }] },
  });
});

test('a route leads to its first host', () => {
  const chart = Testing.chart();
  const external = new ExternalService(chart, 'x', { hosts: ['a.com', 'b.com'], ports: [MeshPort.http(80)] });
  new MeshService(chart, 'svc', { ports: [MeshPort.http(9080)] }).addRoute('all', { targets: [RouteTarget.to(external)] });
  expect(only(chart, 'VirtualService').spec.http[0].route).toEqual([{ destination: { host: 'a.com', port: { number: 80 } } }]);
});

test.each<[string, Partial<ExternalServiceProps>, string]>([
  ['no host', { hosts: [] }, 'MESH_HOST_MISSING: hosts must name at least one host, got []; name one'],
  ['every host', { hosts: ['*'] }, 'MESH_HOST_WILDCARD: an external service must name its hosts, got "*"; list them'],
  ['a wildcard of DNS', { hosts: ['*.a.com'] }, 'MESH_HOST_WILDCARD: hosts that are looked up in DNS must be exact, got "*.a.com"; name each host, or use Resolution.passthrough()'],
  ['no port', { ports: [] }, 'MESH_PORT_MISSING: ports must have at least one port, got []; add one, e.g. MeshPort.http(80)'],
  ['a port twice', { ports: [MeshPort.tls(443), MeshPort.http(443)] }, 'MESH_PORT_DUPLICATE: the numbers of ports must differ, got 443 twice; leave one of the two away'],
  ['several hosts of a TCP port', { hosts: ['a.com', 'b.com'], ports: [MeshPort.tcp(1)] }, 'MESH_HOST_AMBIGUOUS: a TCP port carries no host name, so there must be one host, got a.com, b.com on port 1; declare one external service for each'],
  ['a name that is no DNS label', { name: 'A' }, 'MESH_NAME_INVALID: the name of a ServiceEntry must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "A"; choose another construct id or set name'],
])('rejects %s', (_case, change, message) => {
  expect(() => new ExternalService(Testing.chart(), 'x', { ...books, ...change })).toThrow(new Error(`[test/x] ${message}`));
});

test.each([[[], 'none'], [['a.com'], 'a.com'], [['1.1.1.1', '1.1.1'], '1.1.1']])('Resolution.fixed() rejects %j', (addresses, got) => {
  expect(() => Resolution.fixed(...addresses)).toThrow(new Error(`MESH_ADDRESS_INVALID: Resolution.fixed() takes IP addresses, got ${got}; for names use Resolution.dns()`));
});
