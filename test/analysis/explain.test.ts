import { createExplainer, explainRequest, explanationText, type Explanation } from '../../src/analysis/explain';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';

const deployment = (name: string, version: string): string => `
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}-${version} }
spec:
  selector: { matchLabels: { app: ${name}, version: ${version} } }
  template:
    metadata: { labels: { app: ${name}, version: ${version} } }
    spec: { containers: [{ name: app, image: app, ports: [{ containerPort: 9080 }] }] }`;

const service = (name: string): string => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { clusterIP: 10.96.0.${name.length}, ports: [{ port: 9080, name: http }], selector: { app: ${name} } }`;

const BASE = [service('front'), service('reviews'), deployment('front', 'v1'), deployment('reviews', 'v1'), deployment('reviews', 'v2')].join('');
const SUBSETS = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: reviews
  subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 }, trafficPolicy: { loadBalancer: { simple: RANDOM } } }]`;

const virtualService = (http: string): string => `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec: { hosts: [reviews], http: ${http} }`;

const to = (subset: string, weight?: number): string => `{ destination: { host: reviews, subset: ${subset} }${weight === undefined ? '' : `, weight: ${weight}`} }`;

function model(...texts: string[]) {
  const parsed = parseManifests(texts.join(''), 'mesh.yaml');
  expect(parsed.errors).toEqual([]);
  return buildModel(withGatewayWorkloads(parsed.resources).resources);
}

const ask = { url: 'http://reviews:9080/reviews/0', from: 'front-v1' };
const shares = ({ targets }: Explanation) => targets.map(({ subset, percent, flag }) => [subset, percent, ...(flag === undefined ? [] : [flag])]);

test('a header decides between versions, and the trace says why the other rule lost', () => {
  const mesh = model(BASE, SUBSETS, virtualService(`[{ name: jason, match: [{ headers: { end-user: { exact: jason } } }], route: [${to('v2')}] }, { route: [${to('v1')}] }]`));
  const { explain } = createExplainer(mesh);
  const jason = explain({ ...ask, headers: { 'End-User': 'jason' } });
  expect(jason).toMatchObject({ outcome: 'routed', flag: '', rule: { name: 'jason', resource: 'VirtualService/default/reviews' }, proxy: 'front-v1.default' });
  expect(jason.targets).toMatchObject([{
    host: 'reviews.default.svc.cluster.local',
    subset: 'v2',
    port: 9080,
    percent: 100,
    endpoints: [{ workload: 'reviews-v2.default', percent: 100 }],
    loadBalancing: { policy: 'RANDOM', setBy: 'DestinationRule/default/reviews' },
  }]);
  const bob = explain({ ...ask, headers: { 'end-user': 'bob' } });
  expect(bob.targets).toMatchObject([{ subset: 'v1', loadBalancing: { policy: 'LEAST_REQUEST', setBy: 'Istio default' } }]);
  expect(bob.trace).toContainEqual(expect.objectContaining({ step: 'rule', name: 'jason', outcome: 'failed', because: 'header end-user ≠ "jason" (got "bob")' }));
  expect(bob.trace.filter(({ side }) => side === 'server').map(({ proxy }) => proxy)).toContain('reviews-v1.default');
  expect(explanationText(bob)).toContain('  ✗ rule        jason: header end-user ≠ "jason" (got "bob") [mesh.yaml:');
});

test('shares are exact, and an abort takes its part of each', () => {
  const mesh = model(BASE, SUBSETS, virtualService(`[{ fault: { abort: { httpStatus: 418, percentage: { value: 50 } }, delay: { fixedDelay: 7s, percentage: { value: 0.1 } } }, route: [${to('v1', 90)}, ${to('v2', 10)}] }]`));
  const explained = explainRequest(mesh, ask);
  expect(shares(explained)).toEqual([['v1', 45], ['v2', 5]]);
  expect(explained.fault).toEqual({ delaySeconds: 7, delayPercent: 0.1, abortStatus: 418, abortPercent: 50 });
});

test('an abort of every request is the answer', () => {
  const mesh = model(BASE, virtualService('[{ fault: { abort: { httpStatus: 418, percentage: { value: 100 } } }, route: [{ destination: { host: reviews } }] }]'));
  expect(explainRequest(mesh, ask)).toMatchObject({ outcome: 'answered', status: 418, flag: 'FI', targets: [] });
});

test('a share to a subset that nobody defines fails, and all of it fails the request', () => {
  const half = explainRequest(model(BASE, SUBSETS, virtualService(`[{ route: [${to('v1', 50)}, ${to('v9', 50)}] }]`)), ask);
  expect(half.outcome).toBe('routed');
  expect(shares(half)).toEqual([['v1', 50], ['v9', 50, 'NC']]);
  expect(explainRequest(model(BASE, SUBSETS, virtualService(`[{ route: [${to('v9')}] }]`)), ask)).toMatchObject({ outcome: 'failed', status: 503, flag: 'NC' });
});

test('timeout, retries, rewrite and headers are told with who set them', () => {
  const rule = `[{ timeout: 10s, retries: { attempts: 3, perTryTimeout: 2s, retryOn: 5xx }, rewrite: { uri: /v2/ }, match: [{ uri: { prefix: /reviews/ } }],
    headers: { request: { set: { x-from: front }, remove: [x-secret] } }, route: [{ destination: { host: reviews } }] }]`;
  const explained = explainRequest(model(BASE, virtualService(rule)), { ...ask, headers: { 'x-secret': '1' } });
  expect(explained).toMatchObject({
    timeoutSeconds: 10,
    retries: { attempts: 3, on: ['5xx'], perTryTimeoutSeconds: 2 },
    setBy: { timeout: 'VirtualService/default/reviews', retries: 'VirtualService/default/reviews' },
    request: { path: '/v2/0', headers: { 'x-from': 'front', 'x-envoy-original-path': '/reviews/0' } },
  });
  expect(explained.request!.headers).not.toHaveProperty('x-secret');
  const plain = explainRequest(model(BASE), ask);
  expect(plain).toMatchObject({ timeoutSeconds: 0, retries: { attempts: 2 }, setBy: { timeout: 'Istio default', retries: 'Istio default' } });
});

const GATEWAY = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gw }
spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [bookinfo.com] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: site }
spec: { hosts: [bookinfo.com], gateways: [gw], http: [{ match: [{ uri: { prefix: /reviews } }], route: [{ destination: { host: reviews, port: { number: 9080 } } }] }] }`;

test('requests from outside enter at the gateway that serves the host', () => {
  const { explain } = createExplainer(model(BASE, GATEWAY));
  for (const from of ['outside', 'gateway:gw', 'gateway:default/gw', 'gateway:istio-ingressgateway', 'istio-ingressgateway.istio-system']) {
    const explained = explain({ url: 'http://bookinfo.com/reviews/1', from });
    expect(explained).toMatchObject({ outcome: 'routed', proxy: 'istio-ingressgateway.istio-system', targets: [{ subset: '', percent: 100 }] });
  }
  expect(explain({ url: 'http://bookinfo.com/nothing', from: 'outside' })).toMatchObject({ outcome: 'failed', status: 404, flag: 'NR' });
  expect(explain({ url: 'http://elsewhere.com/reviews/1', from: 'outside' })).toMatchObject({ outcome: 'failed', status: 404, flag: 'NR' });
  expect(explain({ url: 'http://bookinfo.com:8443/', from: 'outside' })).toMatchObject({ outcome: 'failed', flag: '' });
});

test('a host outside the mesh passes through, or is blocked', () => {
  const passed = explainRequest(model(BASE), { url: 'http://example.org/', from: 'front-v1' });
  expect(passed).toMatchObject({ outcome: 'routed', targets: [{ host: 'example.org', cluster: 'PassthroughCluster', port: 80 }] });
  const parsed = parseManifests(BASE).resources;
  const blocked = buildModel(parsed, { meshConfig: { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } } });
  expect(explainRequest(blocked, { url: 'http://example.org:9080/', from: 'front-v1' })).toMatchObject({ outcome: 'answered', status: 502 });
});

test('under explicit capture the same rules decide, at addresses of the proxy\'s own', () => {
  const rules = virtualService(`[{ match: [{ headers: { end-user: { exact: jason } } }], route: [${to('v2')}] }, { route: [${to('v1')}] }]`);
  const { explain } = createExplainer(model(BASE, SUBSETS, rules, GATEWAY), { capture: 'explicit', explicit: { addressBlock: '127.7.0.0/16', httpProxyPort: 15080 } });
  const jason = explain({ ...ask, headers: { 'end-user': 'jason' } });
  expect(shares(jason)).toEqual([['v2', 100]]);
  expect(jason.trace[0]).toMatchObject({ step: 'listener', outcome: 'chosen', name: expect.stringMatching(/^127\.7\.\d+\.\d+_9080$/) });
  expect(jason.trace.some(({ side, step }) => side === 'server' && step === 'filterChain')).toBe(true);
  // What passes through on a cluster cannot here: nobody kept where the caller wanted to go.
  expect(explain({ url: 'http://example.org/', from: 'front-v1' })).toMatchObject({ outcome: 'answered', status: 502 });
  expect(explain({ url: 'http://bookinfo.com/reviews/1', from: 'outside' })).toMatchObject({ outcome: 'routed', proxy: 'istio-ingressgateway.istio-system' });
});

test.each([
  [{ url: 'reviews:9080', from: 'front-v1' }, 'MESH_URL_INVALID: a URL must read http://HOST[:PORT]/PATH or https://…, got "reviews:9080"; write one like http://reviews:9080/reviews/0'],
  [{ url: 'http://reviews:99999/', from: 'front-v1' }, 'MESH_URL_INVALID: '],
  [{ url: 'http://a/', from: 'nobody' }, 'MESH_WORKLOAD_UNKNOWN: '],
  [{ url: 'http://a/', from: 'gateway:nobody' }, 'MESH_GATEWAY_UNKNOWN: gateway:NAME must name a Gateway or its workload, got nobody; there is none'],
  [{ url: 'http://a/', from: 'outside' }, 'MESH_GATEWAY_UNKNOWN: a request from outside needs a gateway, got a mesh without one; add a Gateway and the workload it selects'],
])('a question about nothing says so: %j', (question, message) => {
  expect(() => explainRequest(model(BASE), question)).toThrow(message);
});

test('the request is shown as the application gets it: what a token says in headers, without the token', () => {
  const mesh = model(BASE, `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec:
  selector: { matchLabels: { app: reviews } }
  jwtRules: [{ issuer: me, jwks: '{"keys":[]}', outputClaimToHeaders: [{ header: x-reader, claim: sub }] }]`);
  const { request } = explainRequest(mesh, { ...ask, headers: { 'x-kind': 'a' }, claims: { iss: 'me', sub: 'jason' } });
  expect(request).toEqual({ method: 'GET', authority: 'reviews:9080', path: '/reviews/0', headers: { 'x-kind': 'a', 'x-reader': 'jason' } });
});

test('what the caller\'s proxy passes on as bytes is read by a target whose Sidecar says that it is HTTP', () => {
  const sidecar = `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: reviews }
spec: { workloadSelector: { labels: { app: reviews } }, ingress: [{ port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: '127.0.0.1:9080' }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: reviews }
spec: { selector: { matchLabels: { app: reviews } }, action: DENY, rules: [{ to: [{ operation: { paths: [/secret] } }] }] }`;
  const { explain } = createExplainer(model(BASE.replaceAll('name: http }', 'name: tcp }'), sidecar));
  expect(explain({ ...ask, url: 'http://reviews:9080/secret' })).toMatchObject({ outcome: 'denied', status: 403 });
  expect(explain(ask)).toMatchObject({ outcome: 'routed', request: { path: '/reviews/0' } });
});

test('a target whose proxy passes bytes on gets the request as it was sent', () => {
  const tokens = `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens }
spec: { selector: { matchLabels: { app: reviews } }, jwtRules: [{ issuer: me, jwks: '{"keys":[]}' }] }`;
  const bytes = service('db').replace('name: http', 'name: tcp') + deployment('db', 'v1');
  const { explain } = createExplainer(model(BASE, bytes, tokens, virtualService('[{ route: [{ destination: { host: db }, weight: 50 }, { destination: { host: reviews }, weight: 50 }] }]')));
  expect(Object.keys(explain({ ...ask, claims: { iss: 'me' } }).request!.headers)).toEqual(['authorization']);
});
