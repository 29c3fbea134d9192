import { Duration, Testing } from 'cdk8s';
import {
  CorsOrigin, CorsPolicy, type CorsPolicyOptions, Fault, FaultInjection, GrpcMatch, HeaderChange, HeaderMatch, HttpMethod, HttpScheme, MeshPort,
  MeshRequest, MeshService, MeshTesting, Mirror, PathMatch, Redirect, RedirectStatus, RetryOn, RetryPolicy, RouteMatch, RouteTarget, VirtualHost,
} from '../src';
import { exact, prefix, reviewsWithCaller, reviewsWithVersions } from './support/reviews';
import { failures, only } from './support/synth';

const get = (path: string) => MeshRequest.get(`http://reviews:9080${path}`);
const rule = (chart: any) => only(chart, 'VirtualService').spec.http[0];

describe('headers', () => {
  test('are set, added and removed, of requests and answers, for the route and for one target', () => {
    const { chart, reviews, v1, v2, front } = reviewsWithCaller();
    reviews.addRoute('all', {
      targets: [RouteTarget.to(v1, { weight: 0 }), RouteTarget.to(v2, { weight: 100, requestHeaders: [HeaderChange.set('x-version', 'v2')], responseHeaders: [HeaderChange.set('x-from', '')] })],
      requestHeaders: [HeaderChange.set('X-Team', 'books'), HeaderChange.add('x-id', '%REQ(x-request-id)%'), HeaderChange.remove('x-debug')],
      responseHeaders: [HeaderChange.remove('server')],
    });
    expect(rule(chart)).toMatchObject({
      headers: { request: { set: { 'x-team': 'books' }, add: { 'x-id': '%REQ(x-request-id)%' }, remove: ['x-debug'] }, response: { remove: ['server'] } },
      route: [{ weight: 0 }, { weight: 100, headers: { request: { set: { 'x-version': 'v2' } }, response: { set: { 'x-from': '' } } } }],
    });
    const result = MeshTesting.of(chart).send(get('/').header('x-debug', '1').header('x-team', 'other'), { from: front }).expectTarget(v2);
    const { headers } = result.toJson().request;
    expect([headers['x-team'], headers['x-debug']]).toEqual(['books', undefined]);
    expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
  });

  test.each<[string, () => unknown, string]>([
    ['a bad name', () => HeaderChange.set('a b', ''), 'MESH_HEADER_INVALID: the name of a header may have letters, digits and !#$%&\'*+-.^_`|~, got "a b"; rename it'],
    ['a pseudo header', () => HeaderChange.remove(':path'), 'MESH_HEADER_INVALID: the name of a header may have letters, digits and !#$%&\'*+-.^_`|~, got ":path"; rename it'],
    ['the host', () => HeaderChange.set('Host', 'a'), 'MESH_HEADER_INVALID: a header that is changed must not be the host, got "Host"; use Rewrite.host()'],
    ['a line break', () => HeaderChange.add('a', 'b\nc'), 'MESH_HEADER_INVALID: the value of header "a" must have no control characters, got "b\\nc"; remove them'],
    ['a lone percent sign', () => HeaderChange.set('a', '100%'), 'MESH_HEADER_INVALID: a percent sign in the value of header "a" must be doubled, or enclose a variable of Envoy, got "100%"; write %%'],
    ['a header twice', () => reviewsWithVersions().reviews.addDirectResponse('a', { status: 200, responseHeaders: [HeaderChange.set('a', '1'), HeaderChange.remove('A')] }),
      '[test/reviews] MESH_HEADER_INVALID: responseHeaders of route "a" must change each header once, got "a" twice; leave one of the two away'],
  ])('reject %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });

  test.each(['', '100%%', '%REQ(:path)%', '%START_TIME(%s)%', 'a\tb'])('take the value %j', (value) => {
    expect(HeaderChange.set('a', value).value).toBe(value);
  });
});

describe('mirrors', () => {
  test('copy shares, none and all included', () => {
    const { chart, reviews, v1, v2, front } = reviewsWithCaller();
    reviews.addRoute('all', { targets: [RouteTarget.to(v1)], mirror: [Mirror.to(v2, { percent: 0.1 }), Mirror.to(front), Mirror.to(v1, { percent: 0 })] });
    expect(rule(chart).mirrors).toEqual([
      { destination: { host: 'reviews', subset: 'v2' }, percentage: { value: 0.1 } },
      { destination: { host: 'front', port: { number: 9080 } }, percentage: { value: 100 } },
      { destination: { host: 'reviews', subset: 'v1' }, percentage: { value: 0 } },
    ]);
    MeshTesting.of(chart).send(get('/'), { from: front }).expectTarget(v1).expectMirror(v2, 0.1).expectMirror(front);
  });

  test.each([0, 0.0001, 100])('take %d percent', (percent) => {
    expect(Mirror.to(reviewsWithVersions().v1, { percent }).percent).toBe(percent);
  });

  test.each([-1, 0.00009, 100.1])('reject %d percent', (percent) => {
    expect(() => Mirror.to(reviewsWithVersions().v1, { percent })).toThrow(new Error(`MESH_PERCENT_INVALID: percent must be 0, or from 0.0001 to 100, got ${percent}; choose one in that range`));
  });
});

describe('CORS', () => {
  const policy: CorsPolicyOptions = { allowOrigins: [CorsOrigin.exactly('https://shop.example'), CorsOrigin.startsWith('https://dev-'), CorsOrigin.matchesRegex('https://.*[.]shop[.]example')] };

  test('preflights are answered by the proxy, those of strangers by the application', () => {
    const { chart, reviews, v1, front } = reviewsWithCaller();
    reviews.addRoute('all', { targets: [RouteTarget.to(v1)], cors: CorsPolicy.of({ ...policy, allowMethods: [HttpMethod.GET], allowHeaders: ['X-Id'], exposeHeaders: ['x-page'], maxAge: Duration.hours(1), allowCredentials: false }) });
    expect(rule(chart).corsPolicy).toEqual({
      allowOrigins: [{ exact: 'https://shop.example' }, { prefix: 'https://dev-' }, { regex: 'https://.*[.]shop[.]example' }],
      allowMethods: ['GET'],
      allowHeaders: ['x-id'],
      exposeHeaders: ['x-page'],
      maxAge: '3600s',
      allowCredentials: false,
    });
    const preflight = MeshRequest.of('OPTIONS', 'http://reviews:9080/').header('access-control-request-method', 'GET');
    const t = MeshTesting.of(chart);
    t.send(preflight.header('origin', 'https://shop.example'), { from: front }).expectStatus(200);
    t.send(preflight.header('origin', 'https://evil.example'), { from: front }).expectTarget(v1);
  });

  test('preflights of strangers end at the proxy where they are not forwarded', () => {
    const { chart, reviews, v1 } = reviewsWithCaller();
    reviews.addRoute('all', { targets: [RouteTarget.to(v1)], cors: CorsPolicy.of({ allowOrigins: [CorsOrigin.any()], forwardUnmatchedPreflights: false }) });
    expect(rule(chart).corsPolicy).toEqual({ allowOrigins: [{ regex: '.*' }], unmatchedPreflights: 'IGNORE' });
  });

  test.each<[string, () => unknown, string]>([
    ['no origin', () => CorsPolicy.of({ allowOrigins: [] }), 'MESH_CORS_INVALID: allowOrigins must have at least one CorsOrigin, got []; add one, e.g. CorsOrigin.exactly()'],
    ['credentials for everybody', () => CorsPolicy.of({ allowOrigins: [CorsOrigin.any()], allowCredentials: true }), 'MESH_CORS_INVALID: allowCredentials must not go with CorsOrigin.any(), got both: every site could act as its visitor; name the origins'],
    ['an origin with a path', () => CorsOrigin.exactly('https://shop.example/'), 'MESH_CORS_INVALID: an origin must be a scheme and a host, as https://shop.example, got "https://shop.example/"; browsers send no path and no "/" at its end'],
    ['an empty beginning', () => CorsOrigin.startsWith(''), 'MESH_CORS_INVALID: the beginning of an origin must have at least one character, got ""; use CorsOrigin.any()'],
    ['half a second', () => CorsPolicy.of({ ...policy, maxAge: Duration.millis(1500) }), 'MESH_DURATION_INVALID: maxAge must be a whole number of seconds from 1 to 9223372036, got 1.5s; choose one of those'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});

describe('redirects', () => {
  test.each<[string, Redirect, string, string]>([
    ['to another path', Redirect.toPath('/new'), '/old?q=1', 'http://reviews:9080/new?q=1'],
    ['to another host', Redirect.to({ host: 'shop.example' }), '/old', 'http://shop.example/old'],
    ['to HTTPS', Redirect.toHttps(), '/old', 'https://reviews:9080/old'],
    ['to HTTPS on its own port', Redirect.to({ scheme: HttpScheme.HTTPS, host: 'reviews', port: 443 }), '/old', 'https://reviews/old'],
    ['to another beginning', Redirect.toPrefix('/new'), '/old/x', 'http://reviews:9080/new/x'],
    ['to all of these', Redirect.toPath('/new', { scheme: HttpScheme.HTTPS, host: 'shop.example', port: 8443, status: RedirectStatus.SEE_OTHER }), '/old', 'https://shop.example:8443/new'],
  ])('%s', (_case, redirect, path, location) => {
    const { chart, reviews, v1, front } = reviewsWithCaller();
    reviews.addRedirect('old', { match: [prefix('/old')], redirect });
    reviews.addRoute('rest', { targets: [RouteTarget.to(v1)] });
    const t = MeshTesting.of(chart);
    t.send(get(path), { from: front }).expectRedirect(location);
    t.send(get('/'), { from: front }).expectTarget(v1);
  });

  test.each(Object.entries({ MOVED_PERMANENTLY: 301, FOUND: 302, SEE_OTHER: 303, TEMPORARY_REDIRECT: 307, PERMANENT_REDIRECT: 308 }))('%s is %d', (name, code) => {
    const { chart, reviews } = reviewsWithVersions();
    reviews.addRedirect('old', { redirect: Redirect.toPath('/new', { status: RedirectStatus[name as keyof typeof RedirectStatus] }) });
    expect(rule(chart).redirect).toEqual({ uri: '/new', redirectCode: code });
  });

  test.each<[string, () => unknown, string]>([
    ['that lead nowhere else', () => Redirect.to({}), 'MESH_REDIRECT_INVALID: Redirect.to() needs a host, a scheme or a port, got none: the caller would come back for ever; use Redirect.toPath() for another path'],
    ['to a beginning without one to replace', () => reviewsWithVersions().reviews.addRedirect('a', { match: [exact('/a')], redirect: Redirect.toPrefix('/b') }),
      '[test/reviews] MESH_REDIRECT_INVALID: each match of redirect "a" must be on PathMatch.startsWith() for Redirect.toPrefix(), got [{"exact":"/a"}]; use Redirect.toPath()'],
    ['to a wildcard', () => Redirect.to({ host: '*.a.com' }), 'MESH_HOST_INVALID: the host of a redirect must be one name, got "*.a.com"; write it without scheme, port and path'],
    ['to port 0', () => Redirect.to({ port: 0 }), 'MESH_PORT_INVALID: port must be a whole number from 1 to 65535, got 0; choose one in that range'],
  ])('reject those %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});

describe('direct responses', () => {
  test('are answered at the caller', () => {
    const { chart, reviews, v1, front } = reviewsWithCaller();
    reviews.addDirectResponse('closed', { match: [prefix('/admin')], status: 403, body: 'closed' });
    reviews.addRoute('rest', { targets: [RouteTarget.to(v1)] });
    expect(rule(chart)).toEqual({ name: 'closed', match: [{ uri: { prefix: '/admin' } }], directResponse: { status: 403, body: { string: 'closed' } } });
    MeshTesting.of(chart).send(get('/admin/x'), { from: front }).expectStatus(403);
    expect(MeshTesting.of(chart).send(get('/admin/x'), { from: front }).toJson().body).toBe('closed');
  });

  test.each([200, 599])('take status %d, and an empty body', (status) => {
    const { chart, reviews } = reviewsWithVersions();
    reviews.addDirectResponse('a', { status, body: '' });
    expect(rule(chart).directResponse).toEqual({ status, body: { string: '' } });
  });

  test.each([199, 600, 200.5])('reject status %d', (status) => {
    expect(() => reviewsWithVersions().reviews.addDirectResponse('a', { status })).toThrow(new Error(
      `[test/reviews] MESH_STATUS_INVALID: status of route "a" must be a whole number from 200 to 599, got ${status}; choose one in that range`));
  });

  test('take a body of 1 MiB and no more', () => {
    const { reviews } = reviewsWithVersions();
    reviews.addDirectResponse('a', { status: 200, body: 'x'.repeat(1048576) });
    expect(() => reviews.addDirectResponse('b', { status: 200, body: 'x'.repeat(1048577) })).toThrow(new Error(
      '[test/reviews] MESH_LIMIT_INVALID: body of route "b" must have at most 1048576 bytes, got 1048577; shorten it'));
  });
});

describe('gRPC', () => {
  const cart = () => {
    const base = reviewsWithCaller();
    const service = new MeshService(base.chart, 'cart', { ports: [MeshPort.grpc(7070)] });
    return { ...base, cart: service, a: service.addVersion('a', { containers: [{ image: 'cart' }] }), b: service.addVersion('b', { containers: [{ image: 'cart' }] }) };
  };

  test('calls are routed by service, method and metadata', () => {
    const { chart, cart: service, a, b, front } = cart();
    service.addGrpcRoute('add', { match: [GrpcMatch.method('shop.Cart', 'Add', { metadata: [HeaderMatch.valueIs('x-beta', 'on')] })], targets: [RouteTarget.to(b)] });
    service.addGrpcRoute('rest', { match: [GrpcMatch.service('shop.Cart')], targets: [RouteTarget.to(a)], retry: RetryPolicy.on([RetryOn.GRPC_UNAVAILABLE], { attempts: 1 }) });
    expect(only(chart, 'VirtualService').spec.http.map((r: any) => r.match)).toEqual([
      [{ uri: { exact: '/shop.Cart/Add' }, headers: { 'x-beta': { exact: 'on' } } }], [{ uri: { prefix: '/shop.Cart/' } }],
    ]);
    const call = (method: string) => MeshRequest.post(`http://cart:7070/shop.Cart/${method}`).header('content-type', 'application/grpc');
    const t = MeshTesting.of(chart);
    t.send(call('Add').header('x-beta', 'on'), { from: front }).expectTarget(b);
    t.send(call('Add'), { from: front }).expectTarget(a).expectRetries(1);
  });

  test.each<[string, () => unknown, string]>([
    ['a service with a slash', () => GrpcMatch.service('shop/Cart'), 'MESH_GRPC_NAME: the name of a gRPC service must be its package and its name, as shop.Cart, got "shop/Cart"; write it as its .proto file does'],
    ['no method', () => GrpcMatch.method('shop.Cart', ''), 'MESH_GRPC_NAME: the name of a gRPC method must be letters, digits and "_", got ""; write it as its .proto file does'],
    ['a service that does not speak it', () => reviewsWithVersions().reviews.addGrpcRoute('a', { targets: [] }), '[test/reviews] MESH_ROUTE_PROTOCOL: a gRPC route needs a GRPC or HTTP2 port of service test/reviews, got HTTP 9080; add such a port, or choose another kind of route'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});

test('callers are told apart by their labels and namespace', () => {
  const { chart, front, reviews, v1, v2 } = reviewsWithCaller();
  const other = new MeshService(chart, 'other', { ports: [MeshPort.http(80)] });
  other.addVersion('v1', { containers: [{ image: 'other' }] });
  reviews.addRoute('front', { match: [RouteMatch.http({ sourceLabels: { app: 'front' } })], targets: [RouteTarget.to(v2)] });
  reviews.addRoute('elsewhere', { match: [RouteMatch.http({ sourceNamespace: 'elsewhere', scheme: HttpScheme.HTTPS })], targets: [RouteTarget.to(v2)] });
  reviews.addRoute('rest', { targets: [RouteTarget.to(v1)] });
  const t = MeshTesting.of(chart);
  t.send(get('/'), { from: front }).expectTarget(v2);
  t.send(get('/'), { from: other }).expectTarget(v1);
  expect(() => RouteMatch.http({ sourceLabels: {} })).toThrow(new Error('MESH_LABEL_INVALID: sourceLabels must have at least one label, got {}; leave it away for all'));
  expect(() => RouteMatch.http({ sourceLabels: { app: 'a b' } })).toThrow(new Error('MESH_LABEL_INVALID: sourceLabels must be labels that Kubernetes takes, got app=a b; use letters, digits, "-", "_" and ".", at most 63, with a letter or digit at each end'));
});

test('a virtual host has every kind of rule', () => {
  const { chart, reviews, front } = reviewsWithCaller();
  new VirtualHost(chart, 'site', { hosts: ['shop.example'] })
    .addRoute('reviews', { match: [RouteMatch.http({ path: PathMatch.under('/reviews') })], targets: [RouteTarget.to(reviews)] })
    .addRedirect('old', { match: [exact('/old')], redirect: Redirect.toPath('/reviews') })
    .addDirectResponse('rest', { status: 404 });
  expect(only(chart, 'VirtualService').spec.http.map((r: any) => r.name)).toEqual(['old', 'reviews', 'rest']);
  expect(failures(chart)).toEqual([]);
  expect(front.ports).toHaveLength(1);
});

describe('a fault refuses to make limits useless', () => {
  const given = (fault: Fault, pastLimits?: boolean, on = RetryOn.GATEWAY_ERROR) => {
    const { chart, reviews, v1 } = reviewsWithVersions();
    reviews.addRoute('a', { targets: [RouteTarget.to(v1)], timeout: Duration.seconds(10), retry: RetryPolicy.on([on, RetryOn.CONNECT_FAILURE], { attempts: 3 }) });
    new FaultInjection(chart, 'fault', { service: reviews, fault, pastLimits });
    return failures(chart);
  };
  const repair = 'set pastLimits if that is meant, or put the fault on a service further on';

  test.each<[string, Fault, string]>([
    ['an abort that the route would retry', Fault.abort({ httpStatus: 503 }), 'an abort with 503 on route "a", whose 3 retries for it never come'],
    ['a delay of the whole timeout', Fault.delay({ fixedDelay: Duration.seconds(10) }), 'a delay of 10s on route "a", whose timeout of 10s does not count it'],
    ['a longer delay', Fault.delay({ fixedDelay: Duration.millis(10_001) }), 'a delay of 10.001s on route "a", whose timeout of 10s does not count it'],
  ])('%s', (_case, fault, got) => {
    expect(given(fault)).toEqual([`[test/fault] MESH_FAULT_DISABLES: a fault must not make limits of a route useless, got ${got}; ${repair}`]);
    expect(given(fault, true)).toEqual([]);
  });

  test.each<[string, Fault]>([
    ['a delay that is over before the timeout would be', Fault.delay({ fixedDelay: Duration.millis(9_999) })],
    ['the shortest delay', Fault.delay({ fixedDelay: Duration.millis(1) })],
    ['an abort that the route does not retry', Fault.abort({ httpStatus: 500 })],
  ])('but not %s', (_case, fault) => {
    expect(given(fault)).toEqual([]);
  });

  test.each<[RetryOn, number, boolean]>([
    [RetryOn.SERVER_ERROR, 500, true], [RetryOn.SERVER_ERROR, 499, false], [RetryOn.GATEWAY_ERROR, 501, false], [RetryOn.GATEWAY_ERROR, 502, true],
    [RetryOn.GATEWAY_ERROR, 504, true], [RetryOn.GATEWAY_ERROR, 505, false], [RetryOn.RETRIABLE_4XX, 409, true], [RetryOn.RETRIABLE_4XX, 408, false],
    [RetryOn.status(418), 418, true], [RetryOn.status(418), 417, false], [RetryOn.RESET, 503, false],
  ])('retries on %p: an abort with %i', (on, httpStatus, refused) => {
    expect(given(Fault.abort({ httpStatus }), undefined, on)).toHaveLength(refused ? 1 : 0);
  });

  test('and leaves routes alone that answer by themselves', () => {
    const { chart, reviews, v1, front } = reviewsWithCaller();
    reviews.addDirectResponse('closed', { match: [prefix('/admin')], status: 403 });
    reviews.addRoute('rest', { targets: [RouteTarget.to(v1)], retry: RetryPolicy.none() });
    new FaultInjection(chart, 'fault', { service: reviews, fault: Fault.abort({ httpStatus: 503 }) });
    expect(failures(chart)).toEqual([]);
    const t = MeshTesting.of(chart);
    t.send(get('/admin'), { from: front }).expectStatus(403);
    t.send(get('/'), { from: front }).expectStatus(503);
  });
});

test('retries: pause, other localities and hosts tried before', () => {
  const { chart, reviews, v1 } = reviewsWithVersions();
  reviews.addRoute('a', { targets: [RouteTarget.to(v1)], retry: RetryPolicy.on([RetryOn.RESET], { attempts: 1, backoff: Duration.millis(1), remoteLocalities: false, avoidPreviousHosts: false }) });
  expect(rule(chart).retries).toEqual({ attempts: 1, retryOn: 'reset', backoff: '0.001s', retryRemoteLocalities: false, retryIgnorePreviousHosts: false });
  expect(() => RetryPolicy.on([RetryOn.RESET], { attempts: 1, backoff: Duration.millis(0) })).toThrow(new Error(
    'MESH_DURATION_INVALID: backoff must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'));
});
