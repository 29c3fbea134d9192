import { Chart, Duration, Testing } from 'cdk8s';
import {
  HeaderMatch, type HttpRouteProps, HttpMethod, MeshPort, MeshService, PathMatch, QueryParameterMatch, RetryOn, RetryPolicy, RouteMatch, RouteTarget,
} from '../src';
import { exact, jason, prefix, regex, reviewsWithVersions } from './support/reviews';
import { failures, only } from './support/synth';

const names = (chart: Chart) => only(chart, 'VirtualService').spec.http.map((rule: any) => rule.name);

describe('order', () => {
  test.each<[string, [string, HttpRouteProps['match'], number?][], string[]]>([
    ['all requests last', [['a', undefined], ['b', [jason]]], ['b', 'a']],
    ['exact path, then the longer prefix', [['a', [prefix('/a')]], ['b', [prefix('/a/b')]], ['c', [exact('/a')]]], ['c', 'b', 'a']],
    ['a prefix of "/" is no condition', [['a', [prefix('/')]], ['b', [regex('.*x')]], ['c', [jason]]], ['b', 'c', 'a']],
    ['a regular expression by its literal beginning, before an equal prefix', [['a', [prefix('/api')]], ['b', [regex('/api/v[0-9]+')]], ['c', [prefix('/api/v1/users')]], ['d', [regex('/api.*')]]], ['c', 'b', 'd', 'a']],
    ['the path before headers', [['a', [RouteMatch.http({ headers: [HeaderMatch.isPresent('x'), HeaderMatch.isPresent('y')] })]], ['b', [prefix('/b')]]], ['b', 'a']],
    ['the method before headers', [['a', [jason]], ['b', [RouteMatch.http({ method: HttpMethod.GET })]]], ['b', 'a']],
    ['more headers first, negated ones too', [['a', [jason]], ['b', [RouteMatch.http({ headers: [HeaderMatch.isPresent('x'), HeaderMatch.isPresent('y').negated()] })]]], ['b', 'a']],
    ['more parameters of the query first', [['a', [RouteMatch.http({ port: 9080 })]], ['b', [RouteMatch.http({ queryParameters: [QueryParameterMatch.isPresent('q')] })]]], ['b', 'a']],
    ['by the least specific alternative', [['a', [exact('/x'), prefix('/')]], ['b', [prefix('/b')]]], ['b', 'a']],
    ['priority before all', [['a', undefined, -1], ['b', [jason], 1], ['c', [exact('/c')]]], ['b', 'c', 'a']],
    ['by id among equals', [['b', [RouteMatch.http({ headers: [HeaderMatch.isPresent('b')] })]], ['a', [RouteMatch.http({ headers: [HeaderMatch.isPresent('a')] })]]], ['a', 'b']],
  ])('%s', (_case, routes, expected) => {
    for (const order of [routes, [...routes].reverse()]) {
      const { chart, reviews, v1 } = reviewsWithVersions();
      order.forEach(([id, match, priority]) => reviews.addRoute(id, { match, priority, targets: [RouteTarget.to(v1)] }));
      expect(names(chart)).toEqual(expected);
    }
  });
});

describe('a route that can never match fails synthesis, naming its cover', () => {
  const repair = 'narrow that one, or give this one a higher priority';
  test.each<[string, HttpRouteProps['match'], HttpRouteProps['match'], string]>([
    ['the same match', [jason], [jason], 'route "b" of reviews must get requests, got all of them taken by route "a" (test/reviews)'],
    ['all requests twice', undefined, undefined, 'route "b" of reviews must get requests, got all of them taken by route "a" (test/reviews)'],
    ['a prefix of "/" beside all requests', [prefix('/')], undefined, 'route "b" of reviews must get requests, got all of them taken by route "a" (test/reviews)'],
  ])('%s', (_case, first, second, text) => {
    const { chart, reviews, v1 } = reviewsWithVersions();
    reviews.addRoute('a', { match: first, targets: [RouteTarget.to(v1)] });
    reviews.addRoute('b', { match: second, targets: [RouteTarget.to(v1)] });
    expect(failures(chart)).toEqual([`[test/reviews] MESH_RULE_UNREACHABLE: ${text}; ${repair}`]);
  });

  test('a wider match with a higher priority', () => {
    const { chart, reviews, v1 } = reviewsWithVersions();
    reviews.addRoute('wide', { match: [prefix('/a')], priority: 1, targets: [RouteTarget.to(v1)] });
    reviews.addRoute('narrow', { match: [RouteMatch.http({ path: PathMatch.startsWith('/a/b'), headers: [HeaderMatch.isPresent('x')] })], targets: [RouteTarget.to(v1)] });
    expect(failures(chart)).toEqual([
      `[test/reviews] MESH_RULE_UNREACHABLE: route "narrow" of reviews must get requests, got all of them taken by route "wide" of priority 1 (test/reviews); ${repair}`,
    ]);
  });

  test('one alternative of several is named', () => {
    const { chart, reviews, v1 } = reviewsWithVersions();
    reviews.addRoute('a', { match: [exact('/x')], targets: [RouteTarget.to(v1)] });
    reviews.addRoute('b', { match: [exact('/x'), exact('/y')], targets: [RouteTarget.to(v1)] });
    expect(failures(chart)).toEqual([
      `[test/reviews] MESH_RULE_UNREACHABLE: route "b" of reviews must get requests for {"uri":{"exact":"/x"}}, got all of them taken by route "a" (test/reviews); ${repair}`,
    ]);
  });

  test('routes that only overlap are fine', () => {
    const { chart, reviews, v1 } = reviewsWithVersions();
    for (const [id, match] of Object.entries({ a: [prefix('/a')], b: [prefix('/ab')], c: [jason], d: [regex('/c.*')], e: undefined })) {
      reviews.addRoute(id, { match, targets: [RouteTarget.to(v1)] });
    }
    expect(failures(chart)).toEqual([]);
  });
});

describe('targets', () => {
  test.each([0, 2147483647])('take the weight %d', (weight) => {
    expect(RouteTarget.to(reviewsWithVersions().v1, { weight }).weight).toBe(weight);
  });

  test.each([-1, 2147483648, 0.5])('reject the weight %d', (weight) => {
    expect(() => RouteTarget.to(reviewsWithVersions().v1, { weight })).toThrow(new Error(
      `[test/reviews/v1] MESH_WEIGHT_INVALID: weight must be a whole number from 0 to 2147483647, got ${weight}; choose one in that range`));
  });

  test('reject a port that the destination lacks', () => {
    expect(() => RouteTarget.to(reviewsWithVersions().v1, { port: 80 })).toThrow(new Error(
      '[test/reviews/v1] MESH_PORT_UNKNOWN: port must be one that the destination has (9080), got 80; choose one of those, or add it to the ports of the destination'));
  });

  test('name the port that is given, or that follows on another host', () => {
    const { chart, reviews } = reviewsWithVersions();
    const other = new MeshService(chart, 'other', { ports: [MeshPort.http(80), MeshPort.tcp(90)] });
    reviews.addRoute('a', { match: [exact('/a')], targets: [RouteTarget.to(reviews, { port: 9080 })] });
    reviews.addRoute('b', { match: [exact('/b')], targets: [RouteTarget.to(other)] });
    expect(only(chart, 'VirtualService').spec.http.map((rule: any) => rule.route)).toEqual([
      [{ destination: { host: 'reviews', port: { number: 9080 } } }], [{ destination: { host: 'other', port: { number: 80 } } }],
    ]);
  });

  test('on another host with several HTTP ports need a port', () => {
    const { chart, reviews } = reviewsWithVersions();
    const other = new MeshService(chart, 'other', { ports: [MeshPort.http(80), MeshPort.grpc(90)] });
    expect(() => reviews.addRoute('a', { targets: [RouteTarget.to(other)] })).toThrow(new Error(
      '[test/reviews] MESH_PORT_AMBIGUOUS: a target of route "a" must name a port unless its destination has exactly one HTTP port, got HTTP 80, GRPC 90 of test/other; set port of the RouteTarget'));
  });
});

describe('limits', () => {
  test('timeout and retries are rendered', () => {
    const { chart, reviews, v1 } = reviewsWithVersions();
    reviews.addRoute('a', {
      targets: [RouteTarget.to(v1)],
      timeout: Duration.seconds(10),
      retry: RetryPolicy.on([RetryOn.GATEWAY_ERROR, RetryOn.RESET], { attempts: 3, perTryTimeout: Duration.millis(1500) }),
    });
    expect(only(chart, 'VirtualService').spec.http[0]).toMatchObject({ timeout: '10s', retries: { attempts: 3, perTryTimeout: '1.5s', retryOn: 'gateway-error,reset' } });
  });

  test('a timeout of 1ms is the shortest', () => {
    const { chart, reviews, v1 } = reviewsWithVersions();
    reviews.addRoute('a', { targets: [RouteTarget.to(v1)], timeout: Duration.millis(1) });
    expect(only(chart, 'VirtualService').spec.http[0].timeout).toBe('0.001s');
  });

  test('retries may fill the timeout to the end', () => {
    const { reviews, v1 } = reviewsWithVersions();
    const retry = RetryPolicy.on([RetryOn.RESET], { attempts: 3, perTryTimeout: Duration.seconds(2) });
    expect(() => reviews.addRoute('a', { targets: [RouteTarget.to(v1)], timeout: Duration.seconds(6), retry })).not.toThrow();
  });
});

test.each<[string, (base: ReturnType<typeof reviewsWithVersions>) => Partial<HttpRouteProps>, string]>([
  ['no target', () => ({ targets: [] }), 'MESH_ROUTES_MISSING: route "a" must have at least one target, got []; add RouteTarget.to()'],
  ['a weight missing', ({ v1, v2 }) => ({ targets: [RouteTarget.to(v1, { weight: 1 }), RouteTarget.to(v2)] }), 'MESH_WEIGHT_INVALID: each of the 2 targets of route "a" must have a weight, got 1, none; set weight for each'],
  ['no weight at all', ({ v1, v2 }) => ({ targets: [RouteTarget.to(v1, { weight: 0 }), RouteTarget.to(v2, { weight: 0 })] }), 'MESH_WEIGHT_INVALID: the weights of route "a" must not all be 0, got 0, 0; the requests would have nowhere to go'],
  ['an empty match', () => ({ match: [] }), 'MESH_MATCH_EMPTY: match of route "a" must have at least one RouteMatch, got []; leave match away for all requests'],
  ['half a priority', () => ({ priority: 0.5 }), 'MESH_PRIORITY_RANGE: priority of route "a" must be a whole number from -2147483648 to 2147483647, got 0.5; choose one in that range'],
  ['a timeout of 0', () => ({ timeout: Duration.seconds(0) }), 'MESH_DURATION_INVALID: timeout of route "a" must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'],
  ['retries beyond the timeout', () => ({ timeout: Duration.seconds(2), retry: RetryPolicy.on([RetryOn.RESET], { attempts: 3, perTryTimeout: Duration.seconds(2) }) }),
    'MESH_RETRY_TIMEOUT: retries of route "a" must fit into its timeout, got 3 × 2s in 2s; raise timeout, or lower attempts or perTryTimeout'],
])('rejects %s in addRoute()', (_case, change, message) => {
  const base = reviewsWithVersions();
  expect(() => base.reviews.addRoute('a', { targets: [RouteTarget.to(base.v1)], ...change(base) })).toThrow(new Error(`[test/reviews] ${message}`));
});

test('rejects two routes with one id, and one without', () => {
  const { reviews, v1 } = reviewsWithVersions();
  reviews.addRoute('a', { match: [jason], targets: [RouteTarget.to(v1)] });
  expect(() => reviews.addRoute('a', { targets: [RouteTarget.to(v1)] })).toThrow(new Error(
    '[test/reviews] MESH_ROUTE_DUPLICATE: the ids of the routes of reviews must differ, got "a" twice (the other one is from test/reviews); give one of them another'));
  expect(() => reviews.addRoute('', { targets: [RouteTarget.to(v1)] })).toThrow(new Error(
    '[test/reviews] MESH_NAME_INVALID: the id of a route must have at least one character, got ""; give it one'));
});

test('a service of another namespace is addressed in full', () => {
  const app = Testing.app();
  const [a, b] = ['a', 'b'].map((namespace) => new MeshService(new Chart(app, namespace, { namespace }), 'svc', { ports: [MeshPort.http(80)] }));
  a.addRoute('all', { targets: [RouteTarget.to(b)] });
  expect(only(Chart.of(a), 'VirtualService').spec.http[0].route[0].destination).toEqual({ host: 'svc.b.svc.cluster.local', port: { number: 80 } });
});

test('a route to nothing says so', () => {
  expect(() => RouteTarget.to(undefined as never)).toThrow(
    new Error('MESH_FIELD_REQUIRED: destination of RouteTarget.to() must be given, got undefined; make it before it is used'));
});
