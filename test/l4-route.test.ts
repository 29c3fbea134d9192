import { Chart, Testing } from 'cdk8s';
import {
  ExternalService, GatewayListener, HeaderChange, Mesh, MeshGateway, MeshPort, MeshRequest, MeshService, MeshTesting, RouteTarget, TcpMatch, TlsMatch,
  VirtualHost,
} from '../src';
import { failures, only } from './support/synth';

function database() {
  const chart = Testing.chart();
  const mongo = new MeshService(chart, 'mongo', { ports: [MeshPort.tcp(27017)] });
  const version = (name: string) => mongo.addVersion(name, { containers: [{ image: 'mongo' }] });
  return { chart, mongo, v1: version('v1'), v2: version('v2') };
}

test('TCP connections are shared by weight, 0 included', () => {
  const { chart, mongo, v1, v2 } = database();
  mongo.addTcpRoute('some', { match: [TcpMatch.of({ port: 27017, sourceLabels: { app: 'front' }, destinationSubnets: ['10.0.0.0/8', '::1'] })], targets: [RouteTarget.to(v2)] });
  mongo.addTcpRoute('all', { targets: [RouteTarget.to(v1, { weight: 100 }), RouteTarget.to(v2, { weight: 0 })] });
  expect(only(chart, 'VirtualService').spec).toEqual({
    hosts: ['mongo'],
    tcp: [
      { match: [{ port: 27017, destinationSubnets: ['10.0.0.0/8', '::1'], sourceLabels: { app: 'front' } }], route: [{ destination: { host: 'mongo', subset: 'v2' } }] },
      { route: [{ destination: { host: 'mongo', subset: 'v1' }, weight: 100 }, { destination: { host: 'mongo', subset: 'v2' }, weight: 0 }] },
    ],
  });
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('simulated: a TCP connection goes where its route says', () => {
  const { chart, mongo, v2 } = database();
  const front = new MeshService(chart, 'front', { ports: [MeshPort.http(80)] });
  front.addVersion('v1', { containers: [{ image: 'front' }] });
  mongo.addTcpRoute('all', { targets: [RouteTarget.to(v2)] });
  MeshTesting.of(chart).send(MeshRequest.get('http://mongo:27017/'), { from: front }).expectTarget(v2);
});

function tls() {
  const chart = Testing.chart();
  const host = 'books.example.com';
  const external = new ExternalService(chart, 'books', { hosts: [host, 'other.example.com'], ports: [MeshPort.tls(443)] });
  const front = new MeshService(chart, 'front', { ports: [MeshPort.http(80)] });
  front.addVersion('v1', { containers: [{ image: 'front' }] });
  return { chart, external, front, host, site: new VirtualHost(chart, 'site', { hosts: external.hosts }) };
}

test('TLS connections are routed by the name in their handshake', () => {
  const { chart, front, host, site } = tls();
  const backup = new ExternalService(chart, 'backup', { hosts: ['backup.example.com'], ports: [MeshPort.tls(8443)] });
  site.addTlsRoute('books', { match: [TlsMatch.sni([host], { port: 443 })], targets: [RouteTarget.to(backup)] });
  expect(only(chart, 'VirtualService').spec).toEqual({
    hosts: [host, 'other.example.com'],
    tls: [{ match: [{ sniHosts: [host], port: 443 }], route: [{ destination: { host: 'backup.example.com', port: { number: 8443 } } }] }],
  });
  MeshTesting.of(chart).send(MeshRequest.get(`https://${host}/`), { from: front }).expectTarget(backup);
});

test('a gateway passes TLS on to the service of a virtual host', () => {
  const chart = Testing.chart();
  const shop = new MeshService(chart, 'shop', { ports: [MeshPort.https(8443)] });
  shop.addVersion('v1', { containers: [{ image: 'shop' }] });
  const gateway = new MeshGateway(chart, 'gw', { listeners: [GatewayListener.http({ hosts: ['shop.example'] })] });
  new VirtualHost(chart, 'site', { hosts: ['shop.example'], gateways: [gateway] }).addTlsRoute('shop', { match: [TlsMatch.sni(['shop.example'])], targets: [RouteTarget.to(shop)] });
  expect(only(chart, 'VirtualService').spec.tls).toEqual([{ match: [{ sniHosts: ['shop.example'] }], route: [{ destination: { host: 'shop', port: { number: 8443 } } }] }]);
});

test('order: priority, then names before wildcards, then more conditions, then the id', () => {
  const chart = Testing.chart();
  const external = new ExternalService(chart, 'a', { hosts: ['a.example.com'], ports: [MeshPort.tls(443)] });
  const site = new VirtualHost(chart, 'site', { hosts: ['*.example.com'] });
  const add = (id: string, sni: string, port?: number, priority?: number) =>
    site.addTlsRoute(id, { match: [TlsMatch.sni([sni], { port })], targets: [RouteTarget.to(external)], priority });
  add('e', '*.example.com');
  add('d', '*.b.example.com');
  add('c', 'a.example.com');
  add('b', 'a.example.com', 443);
  add('a', 'z.example.com', undefined, -1);
  expect(only(chart, 'VirtualService').spec.tls.map((rule: any) => rule.match[0].sniHosts[0] + (rule.match[0].port ?? ''))).toEqual(
    ['a.example.com443', 'a.example.com', '*.b.example.com', '*.example.com', 'z.example.com']);
});

test('a route that earlier ones leave nothing fails synthesis', () => {
  const { chart, mongo, v1 } = database();
  mongo.addTcpRoute('a', { targets: [RouteTarget.to(v1)], priority: 1 });
  mongo.addTcpRoute('b', { match: [TcpMatch.of({ port: 27017 })], targets: [RouteTarget.to(v1)] });
  expect(failures(chart)).toEqual([
    '[test/mongo] MESH_RULE_UNREACHABLE: TCP route "b" of mongo must get connections, got all of them taken by route "a" (test/mongo); narrow that one, or give this one a higher priority',
  ]);
});

test.each<[string, () => unknown, string]>([
  ['an id twice', () => { const { mongo, v1 } = database(); [1, 2].forEach(() => mongo.addTcpRoute('a', { targets: [RouteTarget.to(v1)] })); },
    '[test/mongo] MESH_ROUTE_DUPLICATE: the ids of the TCP routes of mongo must differ, got "a" twice (the other one is from test/mongo); give one of them another'],
  ['no alternative', () => { const { mongo, v1 } = database(); mongo.addTcpRoute('a', { match: [], targets: [RouteTarget.to(v1)] }); }, '[test/mongo] MESH_MATCH_EMPTY: match of TCP route "a" must have at least one alternative, got []; add one, or leave match away for all'],
  ['no target', () => database().mongo.addTcpRoute('a', { targets: [] }), '[test/mongo] MESH_ROUTES_MISSING: route "a" must have at least one target, got []; add RouteTarget.to()'],
  ['headers of bytes', () => { const { mongo, v1 } = database(); mongo.addTcpRoute('a', { targets: [RouteTarget.to(v1, { requestHeaders: [HeaderChange.remove('a')] })] }); },
    '[test/mongo] MESH_ROUTE_PROTOCOL: a target of TCP route "a" must not change headers, which only HTTP has, got some for test/mongo/v1; leave the changes away'],
  ['a service that speaks HTTP', () => new MeshService(Testing.chart(), 'a', { ports: [MeshPort.http(80)] }).addTcpRoute('a', { targets: [] }),
    '[test/a] MESH_ROUTE_PROTOCOL: a TCP route needs a TCP port of service test/a, got HTTP 80; add such a port, or choose another kind of route'],
  ['a name that is not the host\'s', () => tls().site.addTlsRoute('a', { match: [TlsMatch.sni(['x.example.com'])], targets: [] }),
    '[test/site] MESH_SNI_INVALID: the names of TLS route "a" must be among the hosts (books.example.com, other.example.com), got "x.example.com"; add it to hosts'],
  ['a target without such a port', () => { const { site, front } = tls(); site.addTlsRoute('a', { match: [TlsMatch.sni(['books.example.com'])], targets: [RouteTarget.to(front)] }); },
    '[test/site] MESH_PORT_AMBIGUOUS: a target of route "a" must name a port unless its destination has exactly one TLS port, got HTTP 80 of test/front; set port of the RouteTarget'],
  ['no condition', () => TcpMatch.of({}), 'MESH_MATCH_EMPTY: TcpMatch.of() needs at least one condition, got none; a route for all connections has no match'],
  ['a subnet that is none', () => TcpMatch.of({ destinationSubnets: ['10.0.0.0/33'] }), 'MESH_ADDRESS_INVALID: destinationSubnets must be IP addresses or subnets, at least one, got 10.0.0.0/33; write e.g. 10.0.0.0/8'],
  ['no subnet', () => TcpMatch.of({ destinationSubnets: [] }), 'MESH_ADDRESS_INVALID: destinationSubnets must be IP addresses or subnets, at least one, got []; write e.g. 10.0.0.0/8'],
])('rejects %s', (_case, make, message) => {
  expect(make).toThrow(new Error(message));
});

describe('TLS routes of a service', () => {
  function vault(port = MeshPort.tls(8443), namespace?: string) {
    const chart = new Chart(Testing.app(), 'test', { namespace });
    const service = new MeshService(chart, 'vault', { ports: [port] });
    const [v1, v2] = ['v1', 'v2'].map((version) => service.addVersion(version, { containers: [{ image: 'vault' }] }));
    const front = new MeshService(chart, 'front', { ports: [MeshPort.http(80)] });
    front.addVersion('v1', { containers: [{ image: 'front' }] });
    return { chart, service, v1, v2, front };
  }

  test('go by the name in the handshake, one of the service\'s own', () => {
    const { chart, service, v1, v2, front } = vault(MeshPort.tls(8443), 'shop');
    new Mesh(chart, 'mesh');
    service.addTlsRoute('short', { match: [TlsMatch.sni(['vault'])], targets: [RouteTarget.to(v1)] });
    service.addTlsRoute('full', { match: [TlsMatch.sni(['vault.shop.svc.cluster.local', 'vault.shop'])], targets: [RouteTarget.to(v2)] });
    const { hosts, tls: rules } = only(chart, 'VirtualService').spec;
    expect(hosts).toEqual(['vault', 'vault.shop', 'vault.shop.svc.cluster.local']);
    expect(rules.map(({ match, route }: any) => [match[0].sniHosts, route[0].destination.subset])).toEqual([
      [['vault.shop.svc.cluster.local', 'vault.shop'], 'v2'], [['vault'], 'v1'],
    ]);
    const t = MeshTesting.of(chart);
    t.send(MeshRequest.get('https://vault:8443/'), { from: front }).expectTarget(v1);
    t.send(MeshRequest.get('https://vault.shop:8443/'), { from: front }).expectTarget(v2);
    expect(failures(chart)).toEqual([]);
    expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
  });

  test('need a TLS port, and names of the service', () => {
    const { service, v1 } = vault(MeshPort.http(8080));
    expect(() => service.addTlsRoute('x', { match: [TlsMatch.sni(['vault'])], targets: [RouteTarget.to(v1)] })).toThrow(new Error(
      '[test/vault] MESH_ROUTE_PROTOCOL: a TLS route needs a TLS or HTTPS port of service test/vault, got HTTP 8080; add such a port, or choose another kind of route'));
    const other = vault();
    expect(() => other.service.addTlsRoute('x', { match: [TlsMatch.sni(['safe.example'])], targets: [RouteTarget.to(other.v1)] })).toThrow(new Error(
      '[test/vault] MESH_SNI_INVALID: the names of TLS route "x" must be among those of the service (vault), got "safe.example"; use a VirtualHost for others'));
  });
});
