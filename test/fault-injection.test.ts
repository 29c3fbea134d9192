import { Duration, Testing } from 'cdk8s';
import { Fault, FaultInjection, HeaderMatch, MeshPort, MeshService, PathMatch, RouteMatch, RouteTarget } from '../src';
import { exact, jason, prefix, regex, reviewsWithVersions } from './support/reviews';
import { all, failures, only } from './support/synth';

const slow = Fault.delay({ fixedDelay: Duration.seconds(7) });
const broken = Fault.abort({ httpStatus: 500, percent: 10 });
const DELAY = { delay: { fixedDelay: '7s', percentage: { value: 100 } } };
const ABORT = { abort: { httpStatus: 500, percentage: { value: 10 } } };
const JASON = { headers: { 'end-user': { exact: 'jason' } } };

const rules = (chart: Parameters<typeof only>[0]) => only(chart, 'VirtualService').spec.http
  .map(({ name, match, fault, route }: any) => [name, match, fault, route.map(({ destination }: any) => destination.subset).join()]);

test('a service without routes gets the fault, and the route that it had all along', () => {
  const { chart, reviews } = reviewsWithVersions();
  new FaultInjection(chart, 'slow-jason', { service: reviews, fault: slow, match: [jason] });
  expect(only(chart, 'VirtualService').spec).toEqual({
    hosts: ['reviews'],
    http: [
      { name: 'slow-jason-default', match: [JASON], fault: DELAY, route: [{ destination: { host: 'reviews' } }] },
      { name: 'default', route: [{ destination: { host: 'reviews' } }] },
    ],
  });
});

test('without a match the fault is on each rule itself', () => {
  const { chart, reviews, v1, v2 } = reviewsWithVersions();
  reviews.addRoute('a', { match: [prefix('/a')], targets: [RouteTarget.to(v1)] });
  reviews.addRoute('b', { targets: [RouteTarget.to(v2)] });
  new FaultInjection(chart, 'broken', { service: reviews, fault: broken });
  expect(rules(chart)).toEqual([['a', [{ uri: { prefix: '/a' } }], ABORT, 'v1'], ['b', undefined, ABORT, 'v2']]);
});

test('each request goes where it would have gone: a copy of every rule that takes some of them', () => {
  const { chart, reviews, v1, v2 } = reviewsWithVersions();
  reviews.addRoute('jason', { match: [jason], targets: [RouteTarget.to(v2)] });
  reviews.addRoute('api', { match: [prefix('/api'), exact('/login')], timeout: Duration.seconds(9), targets: [RouteTarget.to(v2)] });
  reviews.addRoute('default', { targets: [RouteTarget.to(v1, { weight: 90 }), RouteTarget.to(v2, { weight: 10 })] });
  new FaultInjection(chart, 'f', { service: reviews, fault: slow, match: [prefix('/api/v1'), jason], pastLimits: true });
  expect(rules(chart)).toEqual([
    ['f-api', [{ uri: { prefix: '/api/v1' } }, { uri: { prefix: '/api' }, ...JASON }, { uri: { exact: '/login' }, ...JASON }], DELAY, 'v2'],
    ['api', [{ uri: { prefix: '/api' } }, { uri: { exact: '/login' } }], undefined, 'v2'],
    ['jason', [JASON], DELAY, 'v2'],
    ['default', undefined, undefined, 'v1,v2'],
  ]);
  const { timeout, route } = only(chart, 'VirtualService').spec.http[0];
  expect([timeout, route[0].destination.host]).toEqual(['9s', 'reviews']);
});

test('the copy keeps weights', () => {
  const { chart, reviews, v1, v2 } = reviewsWithVersions();
  reviews.addRoute('default', { targets: [RouteTarget.to(v1, { weight: 100 }), RouteTarget.to(v2, { weight: 0 })] });
  new FaultInjection(chart, 'f', { service: reviews, fault: slow, match: [jason] });
  expect(only(chart, 'VirtualService').spec.http[0].route.map(({ weight }: any) => weight)).toEqual([100, 0]);
});

test('of two faults of one kind the more specific one holds, of two kinds both', () => {
  const { chart, reviews } = reviewsWithVersions();
  new FaultInjection(chart, 'b-all', { service: reviews, fault: broken });
  new FaultInjection(chart, 'a-jason', { service: reviews, fault: slow, match: [jason] });
  new FaultInjection(chart, 'c-all', { service: reviews, fault: Fault.delay({ fixedDelay: Duration.seconds(1) }) });
  const short = { delay: { fixedDelay: '1s', percentage: { value: 100 } } };
  expect(rules(chart)).toEqual([['a-jason-default', [JASON], { ...DELAY, ...ABORT }, ''], ['default', undefined, { ...short, ...ABORT }, '']]);
});

test('synthesized twice, the same', () => {
  const { chart, reviews } = reviewsWithVersions();
  new FaultInjection(chart, 'f', { service: reviews, fault: slow, match: [jason] });
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('renders nothing but rules: the VirtualService stays one', () => {
  const { chart, reviews } = reviewsWithVersions();
  new FaultInjection(chart, 'a', { service: reviews, fault: slow, match: [jason] });
  new FaultInjection(chart, 'b', { service: reviews, fault: broken, match: [prefix('/b')] });
  expect(all(chart, 'VirtualService')).toHaveLength(1);
});

test('a fault that no request can meet fails synthesis', () => {
  const { chart, reviews, v1 } = reviewsWithVersions();
  reviews.addRoute('api', { match: [prefix('/api')], targets: [RouteTarget.to(v1)] });
  new FaultInjection(chart, 'f', { service: reviews, fault: slow, match: [exact('/other')] });
  expect(failures(chart)).toEqual(['[test/f] MESH_FAULT_UNREACHABLE: the match must be one that a route of reviews has requests for, got one for which none has; match what one of its routes takes']);
});

test('a match that cannot be joined with a route\'s fails synthesis', () => {
  const { chart, reviews, v1 } = reviewsWithVersions();
  reviews.addRoute('api', { match: [regex('/api/v[0-9]+')], targets: [RouteTarget.to(v1)] });
  new FaultInjection(chart, 'f', { service: reviews, fault: slow, match: [regex('/.*/v1')] });
  expect(failures(chart)).toEqual(['[test/f] MESH_FAULT_MATCH: the match must be one that can be joined with each route\'s, got one that cannot with route "api" of reviews; match paths by prefix or exactly']);
});

test('needs an HTTP port and a match with something in it', () => {
  const chart = Testing.chart();
  const mongo = new MeshService(chart, 'mongo', { ports: [MeshPort.tcp(27017)] });
  expect(() => new FaultInjection(chart, 'f', { service: mongo, fault: slow })).toThrow(new Error(
    '[test/f] MESH_ROUTE_PROTOCOL: a fault needs an HTTP, HTTP2 or GRPC port of service test/mongo, got TCP 27017; add such a port, or choose another kind of route'));
  expect(() => new FaultInjection(chart, 'g', { service: mongo, fault: slow, match: [] })).toThrow(new Error(
    '[test/g] MESH_MATCH_EMPTY: match must have at least one RouteMatch, got []; leave match away for all requests'));
});

describe('Fault', () => {
  const rendered = (fault: Fault) => JSON.parse(JSON.stringify(fault._toKube()));

  test('hits all requests unless told otherwise', () => {
    expect(rendered(slow)).toEqual(DELAY);
    expect(rendered(Fault.abort({ httpStatus: 503 }))).toEqual({ abort: { httpStatus: 503, percentage: { value: 100 } } });
  });

  test.each([0, 0.0001, 0.1, 100])('takes %d percent', (percent) => {
    expect(rendered(Fault.abort({ httpStatus: 500, percent })).abort.percentage.value).toBe(percent);
    expect(rendered(Fault.delay({ fixedDelay: Duration.millis(1), percent })).delay.percentage.value).toBe(percent);
  });

  test.each([-1, 0.00009, 100.1, NaN])('rejects %d percent', (percent) => {
    expect(() => Fault.abort({ httpStatus: 500, percent })).toThrow(new Error(`MESH_PERCENT_INVALID: percent must be 0, or from 0.0001 to 100, got ${percent}; choose one in that range`));
    expect(() => Fault.delay({ fixedDelay: Duration.millis(1), percent })).toThrow(new Error(`MESH_PERCENT_INVALID: percent must be 0, or from 0.0001 to 100, got ${percent}; choose one in that range`));
  });

  test.each([200, 599])('aborts with %d', (httpStatus) => {
    expect(rendered(Fault.abort({ httpStatus })).abort.httpStatus).toBe(httpStatus);
  });

  test.each([199, 600])('does not abort with %d', (httpStatus) => {
    expect(() => Fault.abort({ httpStatus })).toThrow(new Error(`MESH_STATUS_INVALID: httpStatus must be a whole number from 200 to 599, got ${httpStatus}; choose one in that range`));
  });

  test('delays by at least a millisecond', () => {
    expect(rendered(Fault.delay({ fixedDelay: Duration.millis(1) })).delay.fixedDelay).toBe('0.001s');
    expect(() => Fault.delay({ fixedDelay: Duration.millis(0) })).toThrow(new Error('MESH_DURATION_INVALID: fixedDelay must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'));
    expect(() => Fault.delay({ fixedDelay: Duration.millis(1.5) })).toThrow(new Error('MESH_DURATION_INVALID: fixedDelay must be at least 1ms and a whole number of milliseconds, got 1.5ms; choose one of those'));
  });
});

test('a path is joined with a header', () => {
  const { chart, reviews, v1 } = reviewsWithVersions();
  reviews.addRoute('h', { match: [RouteMatch.http({ headers: [HeaderMatch.isPresent('x')] })], targets: [RouteTarget.to(v1)] });
  new FaultInjection(chart, 'f', { service: reviews, fault: slow, match: [RouteMatch.http({ path: PathMatch.startsWith('/a') })] });
  expect(rules(chart)[0]).toEqual(['f-h', [{ uri: { prefix: '/a' }, headers: { x: {} } }], DELAY, 'v1']);
});
