import { Chart, Duration, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  Behaviour, ClientCertificate, ConnectionPool, ExternalService, Fault, FaultInjection, GatewayListener, GatewayTls, HeaderMatch, Locality,
  MeshGateway, MeshPort, MeshRequest, MeshService, MeshTesting, Mirror, RetryOn, RetryPolicy, RouteMatch, RouteTarget,
  type TrafficPolicyProps,
} from '../../src';

const ms = (milliseconds: number) => Duration.millis(milliseconds);
const ask = MeshRequest.get('http://reviews:9080/');

/** `front` calls `reviews`, which has two versions of two Pods each, unless said otherwise. */
function shop(traffic: TrafficPolicyProps = {}, replicas = 2) {
  const chart: Chart = Testing.chart();
  const service = (name: string, props: object = {}) => new MeshService(chart, name, { ports: [MeshPort.http(9080)], ...props });
  const version = (of: MeshService, name: string) => of.addVersion(name, { replicas, containers: [{ image: 'app' }] });
  const front = service('front');
  const reviews = service('reviews', { traffic });
  version(front, 'v1');
  return { chart, front, reviews, v1: version(reviews, 'v1'), v2: version(reviews, 'v2') };
}

test('ten seconds with three retries of two seconds: four attempts, then 504', () => {
  const { chart, front, reviews, v1 } = shop();
  reviews.addRoute('all', {
    targets: [RouteTarget.to(v1)],
    timeout: Duration.seconds(10),
    retry: RetryPolicy.on([RetryOn.RESET], { attempts: 3, perTryTimeout: Duration.seconds(2) }),
  });
  const clock = MeshTesting.of(chart).clock();
  clock.behave(v1, Behaviour.hang());
  const answer = clock.send(ask, { from: front }).expectStatus(504).expectFlags('UT', 'URX').expectAttempts(4).expectElapsed(ms(8000), ms(8175));
  expect(answer.attempts.map(({ outcome, took }) => `${outcome} ${took.toMilliseconds()}`)).toEqual(Array(4).fill('per-try-timeout 2000'));
  expect(answer.attempts[0]).toMatchObject({ endpoint: expect.stringMatching(/:9080$/), pod: expect.stringMatching(/^reviews-v1-[01]\.default$/) });
  expect(answer).toMatchObject({ done: true, status: 504, target: 'reviews/v1', details: 'upstream_per_try_timeout' });
  expect(clock.now.toMilliseconds()).toBe(answer.elapsed!.toMilliseconds());
  expect(answer.trace()).toContain('1. at 0 s ');
});

test('what is said to go wrong goes wrong for as long as it is said', () => {
  const { chart, front, reviews, v1, v2 } = shop();
  reviews.addRoute('all', { targets: [RouteTarget.to(v1)], retry: RetryPolicy.none() });
  const clock = MeshTesting.of(chart).clock();
  const statusOf = () => clock.send(ask, { from: front }).status;
  clock.behave(reviews, Behaviour.answer(500).times(2).followedBy(Behaviour.answer(503).until(Duration.seconds(10))));
  expect([statusOf(), statusOf(), statusOf()]).toEqual([500, 500, 503]);
  clock.advance(Duration.seconds(10));
  expect(statusOf()).toBe(200);
  clock.behave(v1, Behaviour.answer(404, { takes: ms(30) }));
  clock.send(ask, { from: front }).expectStatus(404).expectElapsed(ms(30)).expectTarget(v1).expectFlags();
  clock.behave(v1, Behaviour.reset(ms(5)));
  // The sidecar beside the application answers in its place.
  clock.send(ask, { from: front }).expectStatus(503).expectElapsed(ms(5)).expectFlags();
  clock.behave(v1, Behaviour.refuse());
  clock.send(ask, { from: front }).expectStatus(503).expectFlags();
  expect(() => clock.send(ask, { from: front }).expectTarget(v2)).toThrow('[GET http://reviews:9080/ from front-v1.default] MESH_EXPECTATION: reviews.default.svc.cluster.local v2 must answer, got 503 after');
});

test('a Pod that is away is a connection that never opens, and another Pod is tried', () => {
  const { chart, front, reviews, v1 } = shop();
  reviews.addRoute('all', { targets: [RouteTarget.to(v1)] });
  const clock = MeshTesting.of(chart).clock();
  clock.behaveNamed('reviews-v1-0', Behaviour.unreachable());
  const answers = Array.from({ length: 20 }, () => clock.send(ask, { from: front }).expectStatus(200));
  const tried = answers.find(({ attempts }) => attempts.length > 1)!;
  expect(tried.attempts.map(({ pod, outcome }) => `${pod} ${outcome}`)).toEqual(['reviews-v1-0.default connect-timeout', 'reviews-v1-1.default answer']);
  expect(tried.attempts[0]!.took.toSeconds()).toBe(10); // Istio's connect timeout
  clock.setReady('reviews-v1-0', false);
  for (let i = 0; i < 20; i++) clock.send(ask, { from: front }).expectAttempts(1).expectStatus(200);
  clock.setReady('reviews-v1', false).setReady('reviews-v1-0', false);
  clock.send(ask, { from: front }).expectStatus(503).expectFlags('UH').expectAttempts(0);
});

test('an endpoint is ejected and comes back; half of them may be out', () => {
  const outlierDetection = { consecutive5xxErrors: 3, interval: Duration.seconds(1), baseEjectionTime: Duration.seconds(30), maxEjectionPercent: 50 };
  const { chart, front, reviews, v1 } = shop({ outlierDetection, locality: Locality.ignored() });
  reviews.addRoute('all', { targets: [RouteTarget.to(v1)], retry: RetryPolicy.none() });
  const clock = MeshTesting.of(chart).clock();
  clock.behaveNamed('reviews-v1-1', Behaviour.answer(500));
  for (let i = 0; clock.ejected().length === 0 && i < 100; i++) clock.send(ask, { from: front });
  expect(clock.ejected()).toEqual([{ proxy: 'front-v1.default', endpoint: expect.any(String), pod: 'reviews-v1-1.default' }]);
  for (let i = 0; i < 20; i++) clock.send(ask, { from: front }).expectStatus(200);
  clock.advance(Duration.seconds(29));
  expect(clock.ejected()).toHaveLength(1);
  clock.advance(Duration.seconds(1));
  expect(clock.ejected()).toEqual([]);
  const later = Array.from({ length: 20 }, () => clock.send(ask, { from: front }).status);
  expect(later).toContain(500);
});

test('too many at once overflow the limits of one version, and of no other', () => {
  const { chart, front, reviews, v1, v2 } = shop({}, 1);
  const limited = reviews.addVersion('v3', {
    replicas: 1,
    containers: [{ image: 'app' }],
    traffic: { connectionPool: ConnectionPool.http({ http1MaxPendingRequests: 1, tcp: { maxConnections: 1 } }) },
  });
  const to = (version: string) => [RouteMatch.http({ headers: [HeaderMatch.valueIs('version', version)] })];
  reviews.addRoute('limited', { match: to('v3'), targets: [RouteTarget.to(limited)], retry: RetryPolicy.none() });
  reviews.addRoute('rest', { targets: [RouteTarget.to(v1, { weight: 50 }), RouteTarget.to(v2, { weight: 50 })], retry: RetryPolicy.none() });
  const clock = MeshTesting.of(chart).clock();
  clock.behave(limited, Behaviour.answer(200, { takes: ms(100) }));
  const seen = (request: MeshRequest) => clock.sendAtOnce(5, request, { from: front }).map(({ status, flags }) => [status, ...flags].join(' ')).sort();
  expect(seen(ask.header('version', 'v3'))).toEqual(['200', '503 UO', '503 UO', '503 UO', '503 UO']);
  expect(seen(ask)).toEqual(Array(5).fill('200'));
});

test('faults, delays and mirrors', () => {
  const { chart, front, reviews, v1, v2 } = shop();
  reviews.addRoute('all', { targets: [RouteTarget.to(v1)], mirror: [Mirror.to(v2)], timeout: Duration.seconds(1) });
  new FaultInjection(chart, 'slow', { service: reviews, fault: Fault.delay({ fixedDelay: Duration.seconds(7), percent: 100 }) });
  const clock = MeshTesting.of(chart).clock();
  clock.behave(v2, Behaviour.answer(500, { takes: ms(400) }));
  const answer = clock.send(ask, { from: front }).expectStatus(200).expectElapsed(Duration.seconds(7)).expectFlags('DI');
  expect(answer.copies).toEqual([{ target: 'reviews/v2' }]);
  clock.advance(ms(400));
  expect(answer.copies).toEqual([{ target: 'reviews/v2', status: 500 }]);
});

test('a hundredth of all requests', () => {
  const { chart, front, reviews } = shop();
  new FaultInjection(chart, 'rare', { service: reviews, fault: Fault.abort({ httpStatus: 500, percent: 1 }) });
  const aborted = MeshTesting.of(chart).clock({ seed: 7 }).sendAtOnce(5000, ask, { from: front }).filter(({ status }) => status === 500);
  expect(Math.abs(aborted.length - 50)).toBeLessThanOrEqual(28);
});

test('requests that are open at the same time', () => {
  const { chart, front, v1 } = shop();
  const clock = MeshTesting.of(chart).clock();
  clock.behave(v1, Behaviour.hang()).behaveNamed('reviews-v2', Behaviour.hang());
  const open = clock.begin(ask, { from: front });
  clock.advance(Duration.hours(1));
  expect(open).toMatchObject({ done: false, status: undefined, elapsed: undefined, attempts: [] });
  expect(open.toString()).toBe('no answer yet');
  expect(() => clock.send(ask, { from: front })).toThrow('MESH_EXPECTATION: a request that is sent must be answered at some time');
});

test('callers and hosts without a sidecar', () => {
  const { chart, front, reviews } = shop();
  const outsider = new kplus.Deployment(chart, 'outsider', {
    podMetadata: { annotations: { 'sidecar.istio.io/inject': 'false' } }, containers: [{ image: 'app' }],
  });
  const billing = new ExternalService(chart, 'billing', { hosts: ['billing.example'], ports: [MeshPort.http(80)] });
  const clock = MeshTesting.of(chart).clock();
  clock.behave(billing, Behaviour.answer(201, { takes: ms(5) }));
  clock.send(MeshRequest.get('http://billing.example/'), { from: front }).expectStatus(201).expectElapsed(ms(5));
  clock.send(ask, { from: outsider }).expectStatus(200);
  clock.behave(reviews, Behaviour.unreachable());
  expect(clock.send(ask, { from: outsider })).toMatchObject({ done: true, status: undefined, details: 'nobody takes the connection' });
});

test('a gateway that asks for certificates', () => {
  const { chart, front } = shop();
  const secret = kplus.Secret.fromSecretName(chart, 's', 'cert');
  const gateway = new MeshGateway(chart, 'gw', {
    listeners: [GatewayListener.https({ port: 443, hosts: ['shop.example'], tls: GatewayTls.mutual(secret, { subjectAltNames: ['partner.example'] }) })],
  });
  front.exposeViaGateway(gateway, {});
  const t = MeshTesting.of(chart);
  const request = MeshRequest.get('https://shop.example/');
  const right = { clientCertificate: ClientCertificate.of('partner.example') };
  t.send(request, right).expectTarget(front);
  t.clock().send(request, right).expectStatus(200);
  expect(t.send(request)).toMatchObject({ outcome: 'failed' });
  expect(t.send(request).trace()).toContain('it asks for a certificate, and the caller shows none');
  const wrong = { clientCertificate: ClientCertificate.spiffe('shop', 'front') };
  expect(t.send(request, wrong).trace()).toContain('it takes certificates of other names, and the caller shows spiffe://cluster.local/ns/shop/sa/front');
  expect(t.clock().send(request, wrong)).toMatchObject({ done: true, status: undefined });
  expect(t.send(request, { ...right, serverName: 'other.example' })).toMatchObject({ outcome: 'failed' });
});

test.each<[string, () => unknown, string]>([
  ['a status below 200', () => Behaviour.answer(199), 'MESH_STATUS_INVALID: the status of an answer must be a whole number from 200 to 599, got 199; choose one in that range'],
  ['a status above 599', () => Behaviour.answer(600), 'MESH_STATUS_INVALID: the status of an answer must be a whole number from 200 to 599, got 600; choose one in that range'],
  ['no times', () => Behaviour.hang().times(0), 'MESH_COUNT_INVALID: times() must be a whole number from 1 to 1000000, got 0; choose one in that range'],
  ['no requests', () => MeshTesting.of(shop().chart).clock().sendAtOnce(0, ask), 'MESH_COUNT_INVALID: sendAtOnce() must be a whole number from 1 to 1000000, got 0; choose one in that range'],
  ['no seed', () => MeshTesting.of(shop().chart).clock({ seed: 0 }), 'MESH_SEED_INVALID: seed must be a whole number from 1 to 2147483646, got 0; choose one in that range'],
  ['an unknown name', () => MeshTesting.of(shop().chart).clock().behaveNamed('nobody', Behaviour.hang()), 'MESH_WORKLOAD_UNKNOWN: a workload of that name must exist in namespace default, got nobody'],
])('rejects %s', (_case, run, message) => {
  expect(run).toThrow(message);
});

test('rejects a behaviour of what never answers, and bytes', () => {
  const { chart, front } = shop();
  const gateway = new MeshGateway(chart, 'gw', { listeners: [GatewayListener.http({ hosts: ['a.example'] })] });
  const database = new MeshService(chart, 'db', { ports: [MeshPort.tcp(5432)] });
  database.addVersion('v1', { containers: [{ image: 'db' }] });
  const clock = MeshTesting.of(chart).clock();
  expect(() => clock.behave(gateway, Behaviour.hang())).toThrow('[test/gw] MESH_CALLER_UNKNOWN: a behaviour must be that of a MeshService, MeshVersion, ExternalService or workload, got MeshGateway');
  expect(() => clock.send(MeshRequest.get('http://db:5432/'), { from: front })).toThrow('MESH_PLAY_UNSUPPORTED: a request that is played must be one of HTTP, got http://db:5432/, which is taken as a stream of bytes');
});

test('the same seed gives the same answers', () => {
  const { chart, front, reviews, v1, v2 } = shop();
  reviews.addRoute('all', { targets: [RouteTarget.to(v1, { weight: 60 }), RouteTarget.to(v2, { weight: 40 })] });
  const t = MeshTesting.of(chart);
  const run = (seed: number) => t.clock({ seed }).sendAtOnce(200, ask, { from: front }).map(({ target }) => target);
  expect(run(3)).toEqual(run(3));
  expect(run(3)).not.toEqual(run(4));
  expect(new Set(run(3))).toEqual(new Set(['reviews/v1', 'reviews/v2']));
});
