import { Chart, Duration, Testing } from 'cdk8s';
import { Construct } from 'constructs';
import {
  CanaryRollout, CanaryStep, CorsOrigin, CorsPolicy, GatewayListener, GrpcMatch, HeaderChange, type HttpRouteOptions, Mesh, MeshGateway, MeshPort,
  MeshRequest, MeshService, MeshTesting, Mirror, PathMatch, RetryPolicy, Rewrite, RouteMatch, RouteTarget, TlsMatch, VirtualHost, VirtualMachine,
} from '../src';
import { all, failures, only } from './support/synth';

/** What users of like libraries ran into, each kept from happening here. */
const image = { containers: [{ image: 'x' }] };
const PORTS = [MeshPort.http(80), MeshPort.http2(81), MeshPort.grpc(82), MeshPort.tcp(83), MeshPort.tls(84), MeshPort.https(85)];

function shop(scope: (chart: Chart) => Construct = (chart) => chart) {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  new Mesh(chart, 'mesh');
  const place = scope(chart);
  const stock = new MeshService(place, 'stock', { ports: PORTS });
  const front = new MeshService(place, 'front', { ports: [MeshPort.http(80)] });
  front.addVersion('v1', image);
  return { chart, stock, front, v1: stock.addVersion('v1', image), v2: stock.addVersion('v2', image) };
}

describe('a weight of 0 is a weight', () => {
  const weights = (rules: any[]) => rules.flatMap(({ route }) => route.map(({ weight }: any) => weight));

  test.each<[string, (given: ReturnType<typeof shop>, targets: (port: number) => RouteTarget[]) => void]>([
    ['http', ({ stock }, targets) => stock.addRoute('r', { targets: targets(80) })],
    ['grpc', ({ stock }, targets) => stock.addGrpcRoute('r', { match: [GrpcMatch.service('shop.Stock')], targets: targets(82) })],
    ['tcp', ({ stock }, targets) => stock.addTcpRoute('r', { targets: targets(83) })],
    ['tls', ({ stock }, targets) => stock.addTlsRoute('r', { match: [TlsMatch.sni(['stock'])], targets: targets(84) })],
    ['a virtual host', ({ chart }, targets) => new VirtualHost(chart, 'h', { hosts: ['stock.example'] }).addRoute('r', { targets: targets(80) })],
  ])('%s', (_case, add) => {
    const given = shop();
    add(given, (port) => [RouteTarget.to(given.v1, { weight: 100, port }), RouteTarget.to(given.v2, { weight: 0, port })]);
    const { http = [], tcp = [], tls = [] } = only(given.chart, 'VirtualService').spec;
    expect(weights([...http, ...tcp, ...tls])).toEqual([100, 0]);
  });

  test('and so is a percent, a priority and a weight of a machine', () => {
    const { chart, stock, v1, v2 } = shop();
    stock.addRoute('a', { match: [RouteMatch.http({ path: PathMatch.exactly('/a') })], priority: 0, mirror: [Mirror.to(v2, { percent: 0, port: 80 })], targets: [RouteTarget.to(v1, { port: 80 })] });
    const prices = new MeshService(chart, 'prices', { ports: [MeshPort.http(80)] });
    const [stable, canary] = ['v1', 'v2'].map((version) => prices.addVersion(version, image));
    new CanaryRollout(chart, 'rollout', { service: prices, stable, canary, steps: [CanaryStep.weight(0)] });
    new VirtualMachine(chart, 'vm', { service: stock, addresses: ['10.0.0.1'], weight: 0 });
    expect(only(chart, 'VirtualService', 'stock').spec.http[0].mirrors[0].percentage).toEqual({ value: 0 });
    expect(weights(only(chart, 'VirtualService', 'prices').spec.http)).toEqual([100, 0]);
    expect(only(chart, 'WorkloadEntry').spec.weight).toBe(0);
    expect(failures(chart)).toEqual([]);
  });
});

test('every target has a port where it needs one', () => {
  const { chart, stock, v1 } = shop();
  const to = (port: number) => [RouteTarget.to(v1, { port })];
  stock.addRoute('http', { match: [RouteMatch.http({ port: 80 })], mirror: [Mirror.to(v1, { port: 81 })], targets: to(81) });
  stock.addGrpcRoute('grpc', { match: [GrpcMatch.service('shop.Stock')], targets: to(82) });
  stock.addTcpRoute('tcp', { targets: to(83) });
  stock.addTlsRoute('tls', { match: [TlsMatch.sni(['stock'])], targets: to(85) });
  const { http, tcp, tls } = only(chart, 'VirtualService').spec;
  const targets = [...http, ...tcp, ...tls].flatMap(({ route, mirrors = [] }: any) => [...route, ...mirrors]);
  const ports = targets.map(({ destination }: any) => destination.port.number);
  expect(ports.sort()).toEqual([81, 81, 82, 83, 85]);
  const rules = (name: string) => only(chart, 'Service', name).spec.ports.map(({ name: port }: any) => port);
  expect(rules('stock')).toEqual(['http', 'http2', 'grpc', 'tcp', 'tls', 'https']);
});

test.each(PORTS.map((port): [string, MeshPort] => [port.protocol, port]))('%s: a port whose protocol Istio needs not guess, reached in the simulation', (protocol, port) => {
  const { chart, front } = shop();
  const scheme = ['TLS', 'HTTPS'].includes(protocol) ? 'https' : 'http';
  expect(MeshTesting.of(chart).send(MeshRequest.get(`${scheme}://stock:${port.number}/`), { from: front }).outcome).toBe('routed');
});

describe('nothing is rewritten unless asked for', () => {
  const match = [RouteMatch.http({ path: PathMatch.startsWith('/api') })];

  test('in the mesh, at a virtual host and at a gateway', () => {
    const { chart, front } = shop();
    front.addRoute('api', { match, targets: [RouteTarget.to(front)] });
    front.exposeViaGateway(new MeshGateway(chart, 'site', { listeners: [GatewayListener.http({ hosts: ['shop.example'] })] }), { match });
    new VirtualHost(chart, 'host', { hosts: ['api.example'] }).addRoute('api', { match, targets: [RouteTarget.to(front)] });
    expect(all(chart, 'VirtualService').flatMap(({ spec }) => spec.http).filter(({ rewrite }) => rewrite !== undefined)).toEqual([]);
    const t = MeshTesting.of(chart);
    const paths = [t.send(MeshRequest.get('http://front/api/x'), { from: front }), t.send(MeshRequest.get('http://shop.example/api/x')), t.send(MeshRequest.get('http://api.example/api/x'), { from: front })];
    expect(paths.map(({ path }) => path)).toEqual(['/api/x', '/api/x', '/api/x']);
  });
});

test('a construct that moves keeps the names that others know', () => {
  const names = (scope?: (chart: Chart) => Construct) => {
    const { chart, stock, v1 } = shop(scope);
    stock.addRoute('all', { targets: [RouteTarget.to(v1, { port: 80 })] });
    return Testing.synth(chart).map(({ kind, metadata, spec }) => [kind, metadata.name, spec?.hosts, spec?.host, spec?.selector]);
  };
  expect(names((chart) => new Construct(new Construct(chart, 'team'), 'backend'))).toEqual(names());
});

test('exposeViaGateway() takes every option of a route, and renders what addRoute() does', () => {
  const { chart, front } = shop();
  const options: Required<Omit<HttpRouteOptions, 'priority'>> = {
    match: [RouteMatch.http({ path: PathMatch.startsWith('/api') })],
    timeout: Duration.seconds(3),
    retry: RetryPolicy.none(),
    rewrite: Rewrite.stripPrefix('/api'),
    requestHeaders: [HeaderChange.set('x-a', '1')],
    responseHeaders: [HeaderChange.remove('server')],
    mirror: [Mirror.to(front, { percent: 1, port: 80 })],
    cors: CorsPolicy.of({ allowOrigins: [CorsOrigin.any()] }),
  };
  const targets = [RouteTarget.to(front, { port: 80 })];
  front.addRoute('api', { ...options, priority: 1, targets });
  front.exposeViaGateway(new MeshGateway(chart, 'site', { listeners: [GatewayListener.http({ hosts: ['shop.example'] })] }), {
    ...options, id: 'api', priority: 1, targets,
  });
  const [inside, outside] = ['front', 'site-shop.example'].map((name) => only(chart, 'VirtualService', name).spec.http[0]);
  expect(outside).toEqual(JSON.parse(JSON.stringify(inside)));
  expect(Object.keys(outside).sort()).toEqual(['corsPolicy', 'headers', 'match', 'mirrors', 'name', 'retries', 'rewrite', 'route', 'timeout']);
});
