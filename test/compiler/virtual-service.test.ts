import { compile, listenerJson, modelOf, resourcesOfYaml, routesOfHost, SHOP } from './support';
import { buildModel } from '../../src/model/model';

/** Routes towards the service `stock` under a VirtualService with these rules, as the client `cart` gets them. */
function routes(http: string, extra = ''): Record<string, any>[] {
  const rule = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: stock, namespace: shop }
spec:
  hosts: [stock]
  http: ${http}
`;
  return routesOfHost(compile(modelOf(SHOP, rule, ...(extra === '' ? [] : [extra])), 'cart.shop'), '8000', 'stock.shop.svc.cluster.local:8000');
}

const TO_STOCK = 'route: [{ destination: { host: stock } }]';
const STOCK = 'outbound|8000||stock.shop.svc.cluster.local';

test('a service without a VirtualService is reached by one default route', () => {
  const [route, ...more] = routesOfHost(compile(modelOf(SHOP), 'cart.shop'), '8000', 'stock.shop.svc.cluster.local:8000');
  expect(more).toEqual([]);
  expect(route).toMatchObject({ name: 'default', match: { prefix: '/' }, route: { cluster: STOCK, timeout: '0s' } });
});

test.each<[string, string, object]>([
  ['an exact path', '{ uri: { exact: /a } }', { path: '/a' }],
  ['a path prefix', '{ uri: { prefix: /a } }', { prefix: '/a' }],
  ['a path pattern', '{ uri: { regex: "/a.*" } }', { safeRegex: { regex: '/a.*' } }],
  ['a path in any case', '{ uri: { prefix: /a }, ignoreUriCase: true }', { prefix: '/a', caseSensitive: false }],
  ['a header by presence', '{ headers: { x-a: {} } }', { headers: [{ name: 'x-a', presentMatch: true }] }],
  ['a header by value', '{ headers: { x-a: { exact: b } } }', { headers: [{ name: 'x-a', stringMatch: { exact: 'b' } }] }],
  ['the absence of a header', '{ withoutHeaders: { x-a: {} } }', { headers: [{ name: 'x-a', presentMatch: true, invertMatch: true }] }],
  ['a method', '{ method: { exact: GET } }', { headers: [{ name: ':method', stringMatch: { exact: 'GET' } }] }],
  ['a query parameter', '{ queryParams: { q: { exact: a } } }', { queryParameters: [{ name: 'q', stringMatch: { exact: 'a' } }] }],
])('a rule may ask for %s', (_what, match, expected) => {
  const [route] = routes(`[{ match: [${match}], ${TO_STOCK} }]`);
  expect(route.match).toEqual({ prefix: expected.hasOwnProperty('path') || expected.hasOwnProperty('safeRegex') ? undefined : '/', caseSensitive: true, ...expected });
});

test('rules keep their order, and what follows a rule that takes everything is dropped', () => {
  const found = routes(`[{ name: a, match: [{ uri: { exact: /a } }], ${TO_STOCK} }, { name: rest, ${TO_STOCK} }, { name: late, match: [{ uri: { exact: /b } }], ${TO_STOCK} }]`);
  expect(found.map(route => route.name)).toEqual(['a', 'rest']);
});

test('a rule without any match that holds for the caller leaves the default route', () => {
  expect(routes(`[{ match: [{ sourceLabels: { app: other } }], ${TO_STOCK} }]`).map(route => route.name)).toEqual(['default']);
  expect(routes(`[{ match: [{ sourceLabels: { app: cart } }], ${TO_STOCK} }]`)[0].name).toBeUndefined();
});

test('a rule only for another port does not apply', () => {
  expect(routes(`[{ match: [{ port: 9999 }], ${TO_STOCK} }]`).map(route => route.name)).toEqual(['default']);
});

test.each([[0, 100], [1, 99], [50, 50], [100, 0]])('a share of %i leaves %i for the other, and nobody gets a weight of nothing', (first, second) => {
  const [{ route }] = routes(`[{ route: [{ destination: { host: stock, subset: v1 }, weight: ${first} }, { destination: { host: stock, subset: v2 }, weight: ${second} }] }]`);
  expect(route.weightedClusters.clusters.map(({ weight }: any) => weight)).toEqual([first, second].filter(weight => weight > 0));
});

test.each<[string, string, object]>([
  ['a timeout', 'timeout: 2s', { timeout: '2s', maxGrpcTimeout: '2s' }],
  ['a rewrite of the path', 'rewrite: { uri: /b }', { prefixRewrite: '/b' }],
  ['a rewrite of the host', 'rewrite: { authority: b.example }', { hostRewriteLiteral: 'b.example' }],
  ['retries', 'retries: { attempts: 3, perTryTimeout: 1s, retryOn: "5xx,429" }', {
    retryPolicy: expect.objectContaining({ numRetries: 3, perTryTimeout: '1s', retryOn: '5xx,retriable-status-codes', retriableStatusCodes: [429] }),
  }],
  ['a mirror of a tenth', 'mirror: { host: cart }, mirrorPercentage: { value: 10 }', {
    requestMirrorPolicies: [expect.objectContaining({
      cluster: 'outbound|8000||cart.shop.svc.cluster.local', runtimeFraction: { defaultValue: { numerator: 100000, denominator: 'MILLION' } },
    })],
  }],
])('a rule may carry %s', (_what, field, expected) => {
  expect(routes(`[{ ${field}, ${TO_STOCK} }]`)[0].route).toMatchObject(expected);
});

test('attempts of 0 turn retries off', () => {
  expect(routes(`[{ retries: { attempts: 0 }, ${TO_STOCK} }]`)[0].route.retryPolicy).toBeUndefined();
});

test.each<[string, string, object]>([
  ['a delay of everybody', 'delay: { fixedDelay: 1s, percentage: { value: 100 } }', { delay: { fixedDelay: '1s', percentage: { numerator: 1000000, denominator: 'MILLION' } } }],
  ['a delay of nobody', 'delay: { fixedDelay: 1s }', { delay: { fixedDelay: '1s', percentage: {} } }],
  ['an abort of 0.01 percent', 'abort: { httpStatus: 500, percentage: { value: 0.01 } }', { abort: { httpStatus: 500, percentage: { numerator: 100, denominator: 'MILLION' } } }],
  ['an abort with a gRPC status', 'abort: { grpcStatus: UNAVAILABLE }', { abort: { grpcStatus: 14 } }],
])('a fault may be %s', (_what, fault, expected) => {
  expect(routes(`[{ fault: { ${fault} }, ${TO_STOCK} }]`)[0].typedPerFilterConfig['envoy.filters.http.fault']).toMatchObject(expected);
});

test('a redirect comes before a direct answer, and a direct answer before destinations', () => {
  const [redirect] = routes(`[{ redirect: { uri: /b, redirectCode: 302 }, directResponse: { status: 418 }, ${TO_STOCK} }]`);
  expect(redirect).toMatchObject({ redirect: { pathRedirect: '/b', responseCode: 'FOUND' } });
  const [answer] = routes(`[{ directResponse: { status: 418, body: { string: tea } }, ${TO_STOCK} }]`);
  expect(answer.directResponse).toEqual({ status: 418, body: { inlineString: 'tea' } });
});

test('the route says which rule it came from', () => {
  const [{ metadata }] = routes(`[{ ${TO_STOCK} }]`);
  expect(metadata.filterMetadata.istio.config).toBe('/apis/networking.istio.io/v1/namespaces/shop/virtual-service/stock');
});

test('of two VirtualServices for one host the older speaks; without dates the one that sorts first', () => {
  const other = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a-stock, namespace: shop }
spec: { hosts: [stock], http: [{ name: first, ${TO_STOCK} }] }
`;
  expect(routes(`[{ name: second, ${TO_STOCK} }]`, other).map(route => route.name)).toEqual(['first']);
});

describe('a connection that is forwarded', () => {
  const proxyOfPort = (rule: string, more = '', meshConfig?: Record<string, unknown>) => {
    const model = meshConfig === undefined ? modelOf(SHOP, rule, more) : buildModel(resourcesOfYaml(SHOP, rule, more), { meshConfig });
    return listenerJson(compile(model, 'cart.shop'), '10.96.1.2_5432').filterChains[0].filters.at(-1).typedConfig;
  };
  const rule = (policy: string, subset = '{}') => `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: stock, namespace: shop }\nspec: { host: stock, trafficPolicy: ${policy}, subsets: [{ name: v1, labels: { version: v1 }, trafficPolicy: ${subset} }] }`;
  const toSubset = 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: stock, namespace: shop }\nspec: { hosts: [stock], tcp: [{ route: [{ destination: { host: stock, subset: v1, port: { number: 5432 } } }] }] }';

  test('has the timeouts of the rule as a whole, not those of a port or subset', () => {
    const timeouts = '{ connectionPool: { tcp: { idleTimeout: 7s, maxConnectionDuration: 9s } } }';
    expect(proxyOfPort(rule(timeouts))).toMatchObject({ idleTimeout: '7s', maxDownstreamConnectionDuration: '9s' });
    expect(proxyOfPort(rule('{ portLevelSettings: [{ port: { number: 5432 }, connectionPool: { tcp: { idleTimeout: 7s } } }] }')).idleTimeout).toBeUndefined();
    expect(proxyOfPort(rule('{ loadBalancer: { simple: RANDOM } }', timeouts), toSubset).idleTimeout).toBeUndefined();
  });

  test('is hashed as its subset says, or the rule', () => {
    const hash = '{ loadBalancer: { consistentHash: { useSourceIp: true } } }';
    expect([proxyOfPort(rule(hash)), proxyOfPort(rule('{ loadBalancer: { simple: RANDOM } }', hash), toSubset)].map(({ hashPolicy }) => hashPolicy)).toEqual([[{ sourceIp: {} }], [{ sourceIp: {} }]]);
    expect(proxyOfPort(rule(hash, '{ loadBalancer: { simple: RANDOM } }'), toSubset).hashPolicy).toBeUndefined();
  });

  test('counts under the name that the mesh\'s pattern gives', () => {
    const outboundClusterStatName = '%SERVICE%_%SERVICE_PORT_NAME%_%SUBSET_NAME%';
    expect(proxyOfPort(rule('{ loadBalancer: { simple: RANDOM } }'), toSubset, { outboundClusterStatName }).statPrefix).toBe('stock.shop_tcp-db_v1');
    expect(proxyOfPort(rule('{ loadBalancer: { simple: RANDOM } }')).statPrefix).toBe('outbound|5432||stock.shop.svc.cluster.local');
  });
});
