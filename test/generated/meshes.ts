import * as fc from 'fast-check';

/** Meshes over the same few workloads, so that running proxies take one after the other; and requests sent through them. */

export interface GeneratedRequest {
  /** A workload, or `outside`: through the gateway. */
  readonly from: 'client' | 'beta' | 'outside';
  /** Service that is dialled; from outside the host that is asked for. */
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface GeneratedMesh {
  /** Documents besides the workloads. */
  readonly documents: readonly object[];
  readonly requests: readonly GeneratedRequest[];
}

type Spec = Record<string, unknown>;

const deployment = (name: string, namespace: string, labels: Record<string, string>) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    template: {
      metadata: { labels: { ...labels, 'security.istio.io/tlsMode': 'istio' } },
      spec: { serviceAccountName: labels.app, containers: [{ name: 'app', image: 'x', ports: [{ containerPort: 8080 }] }] },
    },
  },
});

const service = (name: string, namespace: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 8000, targetPort: 8080 }] },
});

/** What every mesh has: a client, a service of two versions, one that calls as well, and one of another namespace. */
export const WORKLOADS: readonly object[] = [
  service('client', 'shop'), service('alpha', 'shop'), service('beta', 'shop'), service('gamma', 'other'),
  deployment('client', 'shop', { app: 'client' }),
  deployment('alpha-v1', 'shop', { app: 'alpha', version: 'v1' }), deployment('alpha-v2', 'shop', { app: 'alpha', version: 'v2' }),
  deployment('beta', 'shop', { app: 'beta' }), deployment('gamma', 'other', { app: 'gamma' }),
  {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'edge', namespace: 'istio-system' },
    spec: { selector: { istio: 'ingressgateway' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] },
  },
];

const optional = { requiredKeys: [] as [] };
const word = fc.constantFrom('a', 'ab', 'b');
const text = fc.oneof(
  fc.constantFrom('a', 'ab', 'b').map(exact => ({ exact })), fc.constantFrom('a', 'b').map(prefix => ({ prefix })),
  fc.constantFrom('a.*', 'a|b', '[ab]+').map(regex => ({ regex })));
const path = fc.constantFrom('/', '/a', '/a/b', '/ab', '/A', '/b?q=a', '/b?q=b&z');
const uri = fc.oneof(
  fc.constantFrom('/a', '/a/b', '/').map(exact => ({ exact })), fc.constantFrom('/a', '/ab', '/a/').map(prefix => ({ prefix })),
  fc.constantFrom('/a.*', '/[ab]').map(regex => ({ regex })));

const match = fc.record({
  uri,
  ignoreUriCase: fc.boolean(),
  method: fc.constantFrom('GET', 'POST').map(exact => ({ exact })),
  headers: fc.dictionary(fc.constantFrom('x', 'y'), text, { maxKeys: 2, noNullPrototype: true }),
  withoutHeaders: fc.dictionary(fc.constantFrom('x', 'y'), text, { maxKeys: 1, noNullPrototype: true }),
  queryParams: fc.dictionary(fc.constant('q'), text, { maxKeys: 1, noNullPrototype: true }),
  sourceLabels: fc.constantFrom({ app: 'client' }, { app: 'beta' }),
  port: fc.constantFrom(8000, 8001),
}, optional);

const destination = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('alpha', 'beta', 'gamma.other.svc.cluster.local').map((host): Spec => ({ host })) },
  { weight: 10, arbitrary: fc.constantFrom('v1', 'v2').map((subset): Spec => ({ host: 'alpha', subset })) },
  // Nearly valid: nobody has these.
  { weight: 1, arbitrary: fc.constantFrom<Spec>({ host: 'alpha', subset: 'v3' }, { host: 'nobody' }, { host: 'beta', port: { number: 8001 } }) });
const headers = fc.record({
  request: fc.record({ set: fc.constant({ 'x-set': 'yes' }), remove: fc.constant(['x']) }, optional),
  response: fc.record({ add: fc.constant({ 'x-answer': 'yes' }) }, optional),
}, optional);

const action: fc.Arbitrary<Spec> = fc.oneof(
  { weight: 4, arbitrary: destination.map((each): Spec => ({ route: [{ destination: each }] })) },
  {
    weight: 3,
    arbitrary: fc.tuple(destination, destination, fc.constantFrom(0, 1, 30, 50, 100))
      .map(([one, other, weight]): Spec => ({ route: [{ destination: one, weight }, { destination: other, weight: 100 - weight }] })),
  },
  fc.record({ uri: fc.constant('/moved'), redirectCode: fc.constantFrom(301, 302, 307) }).map((redirect): Spec => ({ redirect })),
  fc.record({ status: fc.constantFrom(200, 404, 503), body: fc.constant({ string: 'answered' }) }).map((directResponse): Spec => ({ directResponse })));

const rule = fc.tuple(action, fc.record({
  match: fc.array(match, { minLength: 1, maxLength: 2 }),
  headers,
  rewrite: fc.constantFrom<Spec>({ uri: '/r' }, { authority: 'other.example' }),
  timeout: fc.constantFrom('5s', '10s'),
  retries: fc.constantFrom<Spec>({ attempts: 0 }, { attempts: 2, retryOn: '5xx' }),
  fault: fc.constantFrom<Spec>({ abort: { httpStatus: 418, percentage: { value: 100 } } }, { abort: { httpStatus: 418, percentage: { value: 0 } } }),
}, optional)).map(([chosen, more]): Spec => ({ ...('route' in chosen ? more : 'match' in more ? { match: more.match } : {}), ...chosen }));

const rules = fc.array(rule, { minLength: 1, maxLength: 4 });
const named = (kind: string, group: string, name: string, namespace: string, spec: unknown) => (
  { apiVersion: `${group}.istio.io/v1`, kind, metadata: { name, namespace }, spec });

const virtualServices = fc.array(fc.tuple(fc.constantFrom('alpha', 'beta'), rules), { maxLength: 2 })
  .map(all => all.map(([host, http], index) => named('VirtualService', 'networking', `inside-${index}`, 'shop', { hosts: [host], http })));
const fromOutside = fc.array(fc.tuple(fc.constantFrom(['*'], ['a.example'], ['*.example']), rules), { maxLength: 2 })
  .map(all => all.map(([hosts, http], index) => named('VirtualService', 'networking', `outside-${index}`, 'shop', { hosts, gateways: ['istio-system/edge'], http })));

const policy = fc.record({
  loadBalancer: fc.constantFrom<Spec>({ simple: 'ROUND_ROBIN' }, { simple: 'RANDOM' }, { consistentHash: { httpHeaderName: 'x' } }, { consistentHash: { useSourceIp: true } }),
  connectionPool: fc.constantFrom<Spec>({ http: { maxRequestsPerConnection: 1 } }, { tcp: { connectTimeout: '2s' } }, { http: { h2UpgradePolicy: 'UPGRADE' } }),
  outlierDetection: fc.constant<Spec>({ consecutive5xxErrors: 1000 }),
  tls: fc.constantFrom<Spec>({ mode: 'DISABLE' }, { mode: 'ISTIO_MUTUAL' }, { mode: 'ISTIO_MUTUAL' }),
}, optional);
const destinationRules = fc.option(fc.tuple(policy, fc.constantFrom(['v1', 'v2'], ['v1', 'v2'], ['v1', 'v2'], ['v2', 'v1'], ['v1']), policy), { nil: undefined, freq: 9 }).map(chosen => (chosen === undefined ? [] : [
  named('DestinationRule', 'networking', 'alpha', 'shop', {
    host: 'alpha',
    trafficPolicy: chosen[0],
    subsets: chosen[1].map((name, index) => ({ name, labels: { version: name }, ...(index === 0 ? { trafficPolicy: chosen[2] } : {}) })),
  }),
]));

const peerAuthentication = fc.constantFrom(undefined, 'STRICT', 'PERMISSIVE', 'DISABLE')
  .map(mode => (mode === undefined ? [] : [named('PeerAuthentication', 'security', 'default', 'shop', { mtls: { mode } })]));

const source = fc.record({
  principals: fc.constantFrom(['*'], ['cluster.local/ns/shop/sa/client'], ['*/sa/beta']),
  namespaces: fc.constantFrom(['shop'], ['other', 'istio-*']),
  notNamespaces: fc.constantFrom(['other'], ['shop']),
}, optional);
const operation = fc.record({
  methods: fc.constantFrom(['GET'], ['POST', 'PUT']),
  paths: fc.constantFrom(['/a*'], ['/a', '*b'], ['/{*}/b']),
  notPaths: fc.constantFrom(['/a/b']),
  hosts: fc.constantFrom(['alpha*'], ['*']),
  notPorts: fc.constant(['8081']),
}, optional);
const authorizationRule = fc.record({
  from: fc.array(source.map(each => ({ source: each })), { minLength: 1, maxLength: 2 }),
  to: fc.array(operation.map(each => ({ operation: each })), { minLength: 1, maxLength: 2 }),
  when: fc.constant([{ key: 'request.headers[x]', values: ['a*'] }]),
}, optional);
const authorization = fc.array(fc.tuple(fc.constantFrom('ALLOW', 'DENY', 'AUDIT'), fc.array(authorizationRule, { minLength: 1, maxLength: 2 }), fc.constantFrom('alpha', 'beta')), { maxLength: 2 })
  .map(all => all.map(([chosen, list, app], index) => named('AuthorizationPolicy', 'security', `access-${index}`, 'shop', { selector: { matchLabels: { app } }, action: chosen, rules: list })));

const sidecar = fc.option(fc.tuple(fc.constantFrom(['./*'], ['*/*'], ['./alpha.shop.svc.cluster.local', 'other/*']), fc.constantFrom('REGISTRY_ONLY', 'ALLOW_ANY')), { nil: undefined, freq: 2 })
  .map(chosen => (chosen === undefined ? [] : [named('Sidecar', 'networking', 'default', 'shop', { egress: [{ hosts: chosen[0] }], outboundTrafficPolicy: { mode: chosen[1] } })]));

const request: fc.Arbitrary<GeneratedRequest> = fc.oneof(
  fc.tuple(fc.constantFrom<'client' | 'beta'>('client', 'beta'), fc.constantFrom('alpha', 'alpha', 'beta', 'gamma.other')), fc.tuple(fc.constant('outside' as const), fc.constantFrom('a.example', 'b.example')),
).chain(([from, host]) => fc.record({
  from: fc.constant(from),
  host: fc.constant(host),
  method: fc.constantFrom('GET', 'POST'),
  path,
  headers: fc.dictionary(fc.constantFrom('x', 'y'), word, { maxKeys: 2, noNullPrototype: true }),
}));

/** Any mesh, most of them valid. */
export const meshes: fc.Arbitrary<GeneratedMesh> = fc.record({
  documents: fc.tuple(virtualServices, fromOutside, destinationRules, peerAuthentication, authorization, sidecar).map(all => all.flat()),
  requests: fc.array(request, { minLength: 10, maxLength: 10 }),
});
