import { App, Chart, Duration, Testing } from 'cdk8s';
import {
  Fault, FaultInjection, GatewayListener, HeaderMatch, Mesh, MeshGateway, MeshPort, MeshRequest, MeshService, MeshTesting, PathMatch, RetryOn,
  RetryPolicy, RouteMatch, RouteTarget,
} from '../../src';

/** Two services: `front` calls `reviews`, which has two versions. */
function shop(chart: Chart = Testing.chart()) {
  const service = (name: string) => new MeshService(chart, name, { ports: [MeshPort.http(9080)] });
  const version = (of: MeshService, name: string) => of.addVersion(name, { containers: [{ image: 'app' }] });
  const front = service('front');
  const reviews = service('reviews');
  return { chart, front, frontV1: version(front, 'v1'), reviews, v1: version(reviews, 'v1'), v2: version(reviews, 'v2') };
}

const ask = MeshRequest.get('http://reviews:9080/reviews/0');

test('without routes a service leads to all its versions, by the mesh\'s own policy', () => {
  const { chart, front, reviews } = shop();
  const result = MeshTesting.of(chart).send(ask, { from: front }).expectTarget(reviews).expectRetries(2);
  expect(result.distribution()).toEqual([{ target: 'reviews', percent: 100 }]);
  expect(result).toMatchObject({ outcome: 'routed', flag: '', rule: 'default', path: '/reviews/0', host: 'reviews:9080', timeout: undefined });
});

test('jason goes to v2, the others in exact shares', () => {
  const { chart, front, frontV1, reviews, v1, v2 } = shop();
  reviews.addRoute('jason', { match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'jason')] })], targets: [RouteTarget.to(v2)], priority: 10 });
  reviews.addRoute('rest', { targets: [RouteTarget.to(v1, { weight: 90 }), RouteTarget.to(v2, { weight: 10 })] });
  const t = MeshTesting.of(chart);
  for (const from of [front, frontV1, frontV1.workload]) t.send(ask.header('End-User', 'jason'), { from }).expectTarget(v2).expectRule('jason');
  t.send(ask.header('end-user', 'jason'), { fromName: 'front-v1' }).expectTarget(v2);
  const others = t.send(ask, { from: front }).expectShare(v1, 90).expectShare(v2, 10).expectShare(reviews, 100).expectRule('rest');
  expect(others.distribution()).toEqual([{ target: 'reviews/v1', percent: 90 }, { target: 'reviews/v2', percent: 10 }]);
});

test('timeout, retries, faults and mirrors', () => {
  const { chart, front, reviews, v1, v2 } = shop();
  reviews.addRoute('all', {
    targets: [RouteTarget.to(v1)],
    timeout: Duration.seconds(10),
    retry: RetryPolicy.on([RetryOn.RESET], { attempts: 3, perTryTimeout: Duration.seconds(2) }),
  });
  new FaultInjection(chart, 'slow', {
    service: reviews,
    fault: Fault.delay({ fixedDelay: Duration.seconds(7), percent: 25 }),
    match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'jason')] })],
  });
  const t = MeshTesting.of(chart);
  t.send(ask, { from: front }).expectTarget(v1).expectTimeout(Duration.seconds(10)).expectRetries(3);
  const jason = t.send(ask.header('end-user', 'jason'), { from: front }).expectTarget(v1).expectDelay(Duration.seconds(7), 25);
  expect(jason.delayPercent).toBe(25);
  expect(() => jason.expectMirror(v2)).toThrow('100 % must be mirrored to reviews.default.svc.cluster.local v2, got no mirror');
});

test('an abort takes its share, and all of it where it is for every request', () => {
  const { chart, front, reviews, v1 } = shop();
  reviews.addRoute('half', { match: [RouteMatch.http({ path: PathMatch.startsWith('/half') })], targets: [RouteTarget.to(v1)] });
  reviews.addRoute('rest', { targets: [RouteTarget.to(v1)] });
  const match = (path: string) => [RouteMatch.http({ path: PathMatch.startsWith(path) })];
  new FaultInjection(chart, 'some', { service: reviews, fault: Fault.abort({ httpStatus: 500, percent: 40 }), match: match('/half') });
  new FaultInjection(chart, 'all', { service: reviews, fault: Fault.abort({ httpStatus: 418, percent: 100 }), match: match('/teapot') });
  const t = MeshTesting.of(chart);
  const half = t.send(MeshRequest.get('http://reviews:9080/half'), { from: front }).expectShare(v1, 60);
  expect(half.distribution()).toEqual([{ target: 'reviews/v1', percent: 60 }, { target: 'answer 500', percent: 40, status: 500 }]);
  const teapot = t.send(MeshRequest.get('http://reviews:9080/teapot'), { from: front }).expectStatus(418);
  expect(teapot.distribution()).toEqual([{ target: 'answer 418', percent: 100, status: 418 }]);
});

test('requests from outside enter at the gateway', () => {
  const { chart, front, frontV1, reviews } = shop();
  const gateway = new MeshGateway(chart, 'gw', { listeners: [GatewayListener.http({ hosts: ['bookinfo.com'] })] });
  front.exposeViaGateway(gateway, { match: [RouteMatch.http({ path: PathMatch.exactly('/') })], targets: [RouteTarget.to(frontV1)] });
  const t = MeshTesting.of(chart);
  t.send(MeshRequest.get('http://bookinfo.com/')).expectTarget(frontV1);
  t.send(MeshRequest.of('get', 'http://bookinfo.com/'), { from: gateway }).expectTarget(front);
  const unknown = t.send(MeshRequest.post('http://bookinfo.com/reviews')).expectStatus(404);
  expect(unknown).toMatchObject({ outcome: 'failed', flag: 'NR', rule: '' });
  expect(() => unknown.expectTarget(reviews)).toThrow('got 100 % failure 404');
});

test('a failed expectation says what happened, and why each other rule lost', () => {
  const { chart, front, reviews, v1, v2 } = shop();
  reviews.addRoute('jason', { match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'jason')] })], targets: [RouteTarget.to(v2)], priority: 10 });
  reviews.addRoute('rest', { targets: [RouteTarget.to(v1)] });
  const result = MeshTesting.of(chart).send(ask.header('end-user', 'bob'), { from: front });
  expect(() => result.expectTarget(v2)).toThrow('[GET http://reviews:9080/reviews/0 from front-v1.default] MESH_EXPECTATION: 100 % must reach reviews.default.svc.cluster.local v2, got 100 % reviews/v1; see why below');
  expect(() => result.expectTarget(v2)).toThrow('✗ rule        jason: header end-user ≠ "jason" (got "bob") [test/reviews]');
  expect(() => result.expectStatus(200)).toThrow('the mesh must answer 200, got 100 % reviews/v1');
  expect(() => result.expectRule('jason')).toThrow('rule "jason" must decide, got "rest"');
  expect(() => result.expectTimeout(Duration.seconds(1))).toThrow('the timeout must be 1 s, got none');
  expect(() => result.expectRedirect('http://a/')).toThrow('requests must be redirected to http://a/, got 100 % reviews/v1');
  expect(result.trace()).toContain('target     100 % reviews.default.svc.cluster.local v1 port 9080');
  expect(result.toJson()).toMatchObject({ outcome: 'routed' });
});

test('any scope will do: an app, a chart, manifests, YAML', () => {
  const app = Testing.app();
  const { front, v1, reviews } = shop(new Chart(app, 'shop'));
  new Mesh(app, 'mesh');
  reviews.addRoute('rest', { targets: [RouteTarget.to(v1)] });
  MeshTesting.of(app).send(ask, { from: front }).expectTarget(v1);
  const manifests = Testing.synth(Chart.of(front));
  MeshTesting.ofManifests(manifests).send(ask, { fromName: 'front-v1' }).expectTarget(v1);
  MeshTesting.fromYaml(app.synthYaml()).send(ask, { fromName: 'deploy/front-v1' }).expectTarget(v1);
});

test('looking leaves no trace in the tree', () => {
  const { chart, front } = shop();
  const before = Testing.synth(chart);
  MeshTesting.of(chart).send(ask, { from: front });
  expect(Testing.synth(chart)).toEqual(before);
});

test('services of two namespaces find each other by their full names', () => {
  const app = new App();
  const a = shop(new Chart(app, 'a', { namespace: 'a' }));
  const b = shop(new Chart(app, 'b', { namespace: 'b' }));
  const t = MeshTesting.of(app);
  const there = t.send(MeshRequest.get('http://reviews.b:9080/'), { from: a.front }).expectTarget(b.reviews);
  expect(there.distribution()).toEqual([{ target: 'reviews.b', percent: 100 }]);
  t.send(ask, { from: a.front }).expectTarget(a.reviews);
});

test('what cannot be compiled yet, and senders that run nowhere, are errors', () => {
  const { chart, reviews } = shop();
  const unused = new MeshService(chart, 'unused', { ports: [MeshPort.http(80)] });
  expect(() => MeshTesting.of(chart).send(ask, { from: unused })).toThrow('[test/unused] MESH_CALLER_UNKNOWN: a sender must run somewhere');
  expect(() => MeshTesting.of(chart).send(ask, { from: reviews.service })).toThrow('a sender must be a MeshService, MeshVersion, MeshGateway or workload, got Service');
  const unsupported = { apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry', metadata: { name: 'se' }, spec: { hosts: ['*.a.example'], resolution: 'DYNAMIC_DNS' } };
  expect(() => MeshTesting.ofManifests([unsupported]).send(ask)).toThrow('MESH_FIELD_UNSUPPORTED');
  expect(() => MeshTesting.fromYaml('a: [').send(ask)).toThrow('MESH_YAML_SYNTAX');
});
