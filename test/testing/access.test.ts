import { AuthorizerAnswer, MeshRequest, MeshTesting } from '../../src';

const service = (name: string, port = 9080) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: {app: ${name}}, ports: [{name: http, port: ${port}}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: ${name}, namespace: shop}
---
${deployment(name)}`;
const deployment = (name: string, labels = '') => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-v1, namespace: shop}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}, version: v1${labels}}}
    spec: {serviceAccountName: ${name}, containers: [{name: app, image: app}]}
---`;
const SHOP = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
${service('front')}
${service('reviews')}
${service('ratings')}
${deployment('legacy', ', sidecar.istio.io/inject: "false"')}
`;
const MODE = (mode: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: ${mode}}}
---`;
const POLICY = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: shop}
spec:
  selector: {matchLabels: {app: reviews}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/shop/sa/front]}}]
    to: [{operation: {methods: [GET]}}]
  - from: [{source: {ipBlocks: [192.0.2.0/24]}}]
---`;
const TOKENS = `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec:
  selector: {matchLabels: {app: ratings}}
  jwtRules:
  - {issuer: https://issuer.example, jwks: '{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0","alg":"HS256"}]}'}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: staff, namespace: shop}
spec:
  selector: {matchLabels: {app: ratings}}
  rules:
  - when: [{key: 'request.auth.claims[group]', values: [staff]}]
---`;
const ROUTES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
  http:
  - {name: jason, match: [{headers: {end-user: {exact: jason}}}], route: [{destination: {host: reviews}}]}
  - route: [{destination: {host: reviews}}]
---`;

const ask = (host: string) => MeshRequest.get(`http://${host}:9080/`);

test('a policy lets the front in and nobody else, and says so', () => {
  const t = MeshTesting.fromYaml(SHOP + POLICY);
  expect(t.send(ask('reviews'), { fromName: 'front-v1.shop' })).toMatchObject({ outcome: 'routed' });
  const denied = t.send(ask('reviews'), { fromName: 'ratings-v1.shop' }).expectDenied().expectStatus(403);
  expect(denied).toMatchObject({ outcome: 'denied', flag: '', details: 'rbac_access_denied_matched_policy[none]' });
  expect(denied.trace()).toContain('✗ policy      ns[shop]-policy[readers]-rule[0]: allow: caller ≠ "spiffe://cluster.local/ns/shop/sa/front"');
  expect(denied.trace()).toContain('[AuthorizationPolicy/shop/readers]');
  t.send(MeshRequest.post('http://reviews:9080/'), { fromName: 'front-v1.shop' }).expectDenied();
  expect(() => t.send(ask('reviews'), { fromName: 'front-v1.shop' }).expectDenied()).toThrow('the request must be denied, got 100 % reviews');
});

test('tokens by their claims, their age and whether there is one', () => {
  const t = MeshTesting.fromYaml(SHOP + TOKENS);
  const staff = ask('ratings').withClaims({ iss: 'https://issuer.example', sub: 'a', group: 'staff', exp: 1_900_000_000 });
  const from = { fromName: 'front-v1.shop' };
  expect(t.send(staff, from).outcome).toBe('routed');
  expect(t.send(staff, { ...from, at: new Date('2030-01-01T00:00:00Z') }).outcome).toBe('routed');
  expect(t.send(staff, { ...from, at: new Date('2031-01-01T00:00:00Z') }).expectDenied()).toMatchObject({ status: 401, details: 'jwt_authn_access_denied{Jwt_is_expired}' });
  expect(t.send(ask('ratings').withClaims({ iss: 'https://other.example' }), from).expectDenied().status).toBe(401);
  expect(t.send(ask('ratings').withClaims({ iss: 'https://issuer.example', sub: 'a', group: 'guests' }), from).expectDenied().status).toBe(403);
  expect(t.send(ask('ratings'), from).expectDenied().status).toBe(403);
  expect(t.send(ask('ratings').header('authorization', 'Bearer nonsense'), from).expectDenied().status).toBe(401);
});

test('STRICT cuts off callers without a sidecar, and says whom before it is set', () => {
  const legacy = { fromName: 'legacy-v1.shop' };
  const permissive = MeshTesting.fromYaml(SHOP);
  expect(permissive.send(ask('reviews'), legacy).outcome).toBe('routed');
  expect(permissive.brokenByStrict().map(({ from, to }) => `${from} ${to.split('.')[0]}`))
    .toEqual(['legacy-v1.shop front', 'legacy-v1.shop ratings', 'legacy-v1.shop reviews']);
  const strict = MeshTesting.fromYaml(SHOP + MODE('STRICT'));
  const cut = strict.send(ask('reviews'), legacy);
  expect(cut).toMatchObject({ outcome: 'failed', status: undefined });
  expect(cut.distribution()).toMatchObject([{ target: 'reviews', percent: 100 }]);
  expect(cut.distribution()[0]!.because).toContain('no filter chain of reviews-v1.shop takes a raw_buffer connection');
  expect(strict.send(ask('reviews'), { fromName: 'front-v1.shop' }).outcome).toBe('routed');
  expect(strict.brokenByStrict()).toEqual([]);
});

test('a DestinationRule that turns TLS off meets STRICT: 503, UC', () => {
  const off = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec: {host: reviews, trafficPolicy: {tls: {mode: DISABLE}}}
---`;
  const seen = MeshTesting.fromYaml(SHOP + MODE('STRICT') + off).send(ask('reviews'), { fromName: 'front-v1.shop' });
  expect(seen).toMatchObject({ outcome: 'failed', status: 503, flag: 'UC' });
  const forced = MeshTesting.fromYaml(SHOP + MODE('DISABLE') + off.replace('DISABLE', 'ISTIO_MUTUAL')).send(ask('reviews'), { fromName: 'front-v1.shop' });
  expect(forced).toMatchObject({ outcome: 'failed', status: 503, flag: 'UF' });
});

test('the matrix has every caller and every port', () => {
  const matrix = MeshTesting.fromYaml(SHOP + POLICY + MODE('STRICT')).accessMatrix();
  expect(matrix.entries).toHaveLength(4 * 3);
  expect(['front', 'ratings', 'reviews', 'legacy'].map(name => matrix.allows(`${name}-v1`, 'reviews'))).toEqual([true, false, false, false]);
  expect(matrix.denied().map(({ from }) => from)).toEqual(['ratings-v1.shop', 'reviews-v1.shop']);
  expect(matrix.toString()).toContain('front-v1.shop    reviews.shop.svc.cluster.local:9080  ✓\n');
  expect(matrix.toString()).toContain('ratings-v1.shop  reviews.shop.svc.cluster.local:9080  ✗ denied: rbac_access_denied_matched_policy[none]');
  expect(matrix.allows('nobody', 'reviews')).toBe(false);
});

test('coverage counts the rules that requests met', () => {
  const t = MeshTesting.fromYaml(SHOP + POLICY + ROUTES);
  const requests = () => t.coverage().map(({ resource, rule, requests: count }) => `${resource} ${rule} ${count}`);
  expect(requests()).toEqual([
    'VirtualService/shop/reviews jason 0', 'VirtualService/shop/reviews spec.http[1] 0',
    'AuthorizationPolicy/shop/readers spec.rules[0] 0', 'AuthorizationPolicy/shop/readers spec.rules[1] 0',
  ]);
  t.send(ask('reviews'), { fromName: 'front-v1.shop' });
  t.send(ask('reviews').header('end-user', 'jason'), { fromName: 'ratings-v1.shop' });
  t.accessMatrix();
  expect(requests()).toEqual([
    'VirtualService/shop/reviews jason 1', 'VirtualService/shop/reviews spec.http[1] 1',
    'AuthorizationPolicy/shop/readers spec.rules[0] 1', 'AuthorizationPolicy/shop/readers spec.rules[1] 0',
  ]);
});

test('an external authorizer answers as it is declared', () => {
  const custom = `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    extensionProviders: [{name: gate, envoyExtAuthzHttp: {service: gate.shop.svc.cluster.local, port: 8000}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: shop}
spec: {selector: {matchLabels: {app: reviews}}, action: CUSTOM, provider: {name: gate}, rules: [{to: [{operation: {paths: [/admin*]}}]}]}
---`;
  const t = MeshTesting.fromYaml(SHOP + service('gate', 8000) + custom);
  const from = { fromName: 'front-v1.shop' };
  const admin = MeshRequest.get('http://reviews:9080/admin');
  expect(t.send(admin, from).outcome).toBe('routed');
  expect(t.send(admin, { ...from, externalAuthorizer: 403 }).expectDenied()).toMatchObject({ status: 403, flag: 'UAEX', details: 'ext_authz_denied' });
  expect(t.send(ask('reviews'), { ...from, externalAuthorizer: 403 }).outcome).toBe('routed');
  const answered = (authorizerAnswer: AuthorizerAnswer) => t.send(admin, { ...from, authorizerAnswer });
  expect(answered(AuthorizerAnswer.allow()).outcome).toBe('routed');
  expect(answered(AuthorizerAnswer.deny()).expectDenied().status).toBe(403);
  expect(answered(AuthorizerAnswer.deny(302, { headers: { Location: 'https://login.example/' } })).expectDenied().status).toBe(302);
  expect(answered(AuthorizerAnswer.unavailable()).expectDenied()).toMatchObject({ status: 403, details: 'ext_authz_error' });
  expect(t.clock().send(admin, { ...from, authorizerAnswer: AuthorizerAnswer.deny(401) }).expectStatus(401).attempts).toHaveLength(1);
  expect(() => AuthorizerAnswer.deny(299)).toThrow('MESH_STATUS_INVALID: the status of a refusal must be a whole number from 300 to 599, got 299; choose one in that range');
  const open = custom.replace('port: 8000}', 'port: 8000, failOpen: true, statusOnError: "503"}');
  const lenient = MeshTesting.fromYaml(SHOP + service('gate', 8000) + open);
  expect(lenient.send(admin, { ...from, authorizerAnswer: AuthorizerAnswer.unavailable() }).outcome).toBe('routed');
});

test('a consistent hash keeps a user with one pod', () => {
  const pods = ['a', 'b', 'c'].map((name, i) => `
apiVersion: v1
kind: Pod
metadata: {name: cart-${name}, namespace: shop, labels: {app: cart}}
spec: {containers: [{name: app, image: app}]}
status: {podIP: 10.0.0.${i + 1}, phase: Running, conditions: [{type: Ready, status: 'True'}]}
---`).join('');
  const hash = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec: {host: cart, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}
---`;
  const cart = service('cart').split('---')[0]! + '---';
  const t = MeshTesting.fromYaml(`${SHOP}\n---${cart}${pods}${hash}`);
  const pod = (user: string) => {
    const [target] = t.send(ask('cart').header('x-user', user), { fromName: 'front-v1.shop' }).toJson().targets;
    return target.endpoints.map(({ address, percent }: { address: string; percent: number }) => `${percent} ${address}`);
  };
  const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
  users.forEach(user => expect(pod(user)).toHaveLength(1));
  expect(users.map(pod)).toEqual(users.map(pod));
  expect(new Set(users.flatMap(pod)).size).toBe(3);
  expect(t.send(ask('cart'), { fromName: 'front-v1.shop' }).toJson().targets[0].endpoints).toHaveLength(3);
});
