import * as fc from 'fast-check';
import { policies } from './policies';
import { TOKENS } from './tokens';

/** Meshes over the same few workloads, so that running proxies take one after the other; and requests sent through them. */

export interface GeneratedRequest {
  /** A workload, or `outside`: through the gateway. */
  readonly from: 'client' | 'beta' | 'outside';
  /** Service that is dialled, or host of the service entry; from outside the host that is asked for. */
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

/** Requests sent through each mesh. */
const REQUESTS = 11;

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

const service = (name: string, namespace: string, portName = 'http', annotations = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, annotations },
  spec: { selector: { app: name }, ports: [{ name: portName, port: 8000, targetPort: 8080 }] },
});

/** What every mesh has: a client, two versions of alpha (whose Service is generated), one that calls as well, and one of another namespace. */
export const WORKLOADS: readonly object[] = [
  service('client', 'shop'), service('beta', 'shop'), service('gamma', 'other'),
  deployment('client', 'shop', { app: 'client' }),
  deployment('alpha-v1', 'shop', { app: 'alpha', version: 'v1' }), deployment('alpha-v2', 'shop', { app: 'alpha', version: 'v2' }),
  deployment('beta', 'shop', { app: 'beta' }), deployment('gamma', 'other', { app: 'gamma' }),
];

const optional = { requiredKeys: [] as [] };
const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => (
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value }));
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
const corsPolicy = fc.record({
  allowOrigins: fc.constantFrom<Spec[]>([{ exact: 'http://a.example' }], [{ prefix: 'http://a' }, { regex: 'http://[b].example' }]),
  allowMethods: fc.constantFrom(['GET'], ['GET', 'POST']),
  allowCredentials: fc.boolean(),
  maxAge: fc.constant('1h'),
}, { requiredKeys: ['allowOrigins'] });
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
  corsPolicy,
  mirrors: fc.constantFrom<Spec[]>([{ destination: { host: 'beta' } }], [{ destination: { host: 'alpha' }, percentage: { value: 50 } }, { destination: { host: 'beta' } }]),
}, optional)).map(([chosen, more]): Spec => ({ ...('route' in chosen ? more : 'match' in more ? { match: more.match } : {}), ...chosen }));

/** Most lists of rules end with one for all the rest. */
const rules = fc.tuple(fc.array(rule, { minLength: 1, maxLength: 4 }), fc.constantFrom(true, true, true, false), destination)
  .map(([some, ends, rest]): Spec[] => (ends ? [...some, { route: [{ destination: rest }] }] : some));
const named = (kind: string, group: string, name: string, namespace: string, spec: unknown) => (
  { apiVersion: `${group}.istio.io/v1`, kind, metadata: { name, namespace }, spec });

const services = fc.tuple(fc.constantFrom('http', 'http', 'http-web', '', 'tcp'), fc.constantFrom(undefined, undefined, undefined, '*', '*', '.', 'other'))
  .map(([portName, exportTo]) => [service('alpha', 'shop', portName, exportTo === undefined ? {} : { 'networking.istio.io/exportTo': exportTo })]);
/** A host that is no Service, answered by workloads that another Service may have too. */
const serviceEntries = fc.option(fc.record({
  app: fc.constantFrom('alpha', 'beta'),
  addresses: fc.constantFrom([], ['240.1.2.3']),
  location: fc.constantFrom('MESH_INTERNAL', 'MESH_EXTERNAL'),
}), { nil: undefined }).map(chosen => (chosen === undefined ? [] : [named('ServiceEntry', 'networking', 'entry', 'shop', {
  hosts: ['entry.example'],
  addresses: chosen.addresses,
  location: chosen.location,
  resolution: 'STATIC',
  ports: [{ number: 8000, name: 'http', protocol: 'HTTP', targetPort: 8080 }],
  workloadSelector: { labels: { app: chosen.app } },
})]));

const exported = fc.constantFrom<Spec>({}, {}, {}, { exportTo: ['.'] }, { exportTo: ['*'] });
const tcpRules = fc.array(fc.record({
  match: fc.constantFrom<Spec[]>([{ sourceLabels: { app: 'client' } }], [{ port: 8001 }], [{ destinationSubnets: ['127.0.0.0/8'] }, { sourceLabels: { app: 'beta' } }]),
  route: destination.map(each => [{ destination: each }]),
}, { requiredKeys: ['route'] }), { minLength: 1, maxLength: 2 });
const virtualServices = fc.uniqueArray(fc.tuple(fc.constantFrom('alpha', 'beta', 'entry.example'), rules, rarely(tcpRules), exported), { maxLength: 3, selector: ([host]) => host })
  .map(all => all.map(([host, http, tcp, more], index) => named('VirtualService', 'networking', `inside-${index}`, 'shop', { hosts: [host], http, ...(tcp && { tcp }), ...more })));
const delegate = fc.option(fc.tuple(uri, rules), { nil: undefined }).map(chosen => (chosen === undefined ? undefined : {
  rule: { match: [{ uri: chosen[0] }], delegate: { name: 'part' } } as Spec,
  documents: [named('VirtualService', 'networking', 'part', 'shop', { http: chosen[1] })],
}));
const fromOutside = fc.tuple(fc.uniqueArray(fc.tuple(fc.constantFrom(['*'], ['*'], ['a.example'], ['*.example'], ['b.example', 'a.example']), rules), { maxLength: 2, selector: ([hosts]) => hosts[0] }), delegate)
  .map(([all, part]) => [
    ...all.map(([hosts, http], index) => named('VirtualService', 'networking', `outside-${index}`, 'shop', {
      hosts, gateways: ['istio-system/edge'], http: index === 0 && part !== undefined ? [part.rule, ...http] : http,
    })),
    ...(all.length > 0 ? part?.documents ?? [] : []),
  ]);
const server = (hosts: string[], number = 80) => ({ port: { number, name: `http-${number}`, protocol: 'HTTP' }, hosts });
const gateway = (servers: readonly Spec[]): object => named('Gateway', 'networking', 'edge', 'istio-system', { selector: { istio: 'ingressgateway' }, servers });
/** What is generated anew for each mesh and still must be there when the proxies start. */
export const FIRST: readonly object[] = [service('alpha', 'shop'), gateway([server(['*'])])];
const gateways = fc.constantFrom(
  [server(['*'])], [server(['*'])], [server(['*.example'])], [server(['shop/*'])], [server(['other/*'])], [server(['a.example']), server(['shop/b.example', '*.other'])],
  [{ ...server(['*']), tls: { httpsRedirect: true } }], [server(['a.example']), server(['*'], 8081)],
).map(servers => [gateway(servers)]);

const policy = fc.record({
  loadBalancer: fc.constantFrom<Spec>({ simple: 'ROUND_ROBIN' }, { simple: 'RANDOM' }, { consistentHash: { httpHeaderName: 'x' } }, { consistentHash: { useSourceIp: true } }),
  connectionPool: fc.constantFrom<Spec>({ http: { maxRequestsPerConnection: 1 } }, { tcp: { connectTimeout: '2s' } }, { http: { h2UpgradePolicy: 'UPGRADE' } }),
  outlierDetection: fc.constant<Spec>({ consecutive5xxErrors: 1000 }),
  tls: fc.constantFrom<Spec>({ mode: 'DISABLE' }, { mode: 'ISTIO_MUTUAL' }, { mode: 'ISTIO_MUTUAL' }),
}, optional);
/** An application that is asked in HTTP/2 has to speak it: behind a port of unknown protocol its sidecar does not translate. */
const withoutUpgrade = (document: object): object => (
  JSON.parse(JSON.stringify(document, (key, value: unknown) => (key === 'h2UpgradePolicy' ? undefined : value))) as object);
const destinationRules = fc.option(fc.tuple(policy, fc.constantFrom(...Array<string[]>(6).fill(['v1', 'v2']), ['v2', 'v1'], ['v1']), policy), { nil: undefined, freq: 9 }).map(chosen => (chosen === undefined ? [] : [
  named('DestinationRule', 'networking', 'alpha', 'shop', {
    host: 'alpha',
    trafficPolicy: chosen[0],
    subsets: chosen[1].map((name, index) => ({ name, labels: { version: name }, ...(index === 0 ? { trafficPolicy: chosen[2] } : {}) })),
  }),
]));

const egress = fc.constantFrom<Spec[]>(
  [{ hosts: ['./*'] }], [{ hosts: ['*/*'] }], [{ hosts: ['./alpha.shop.svc.cluster.local', 'other/*'] }], [{ hosts: ['~/*'] }],
  [{ port: { number: 8000, name: 'http', protocol: 'HTTP' }, hosts: ['./*'] }, { hosts: ['other/*'] }]);
const scope = fc.tuple(egress, fc.constantFrom('REGISTRY_ONLY', 'ALLOW_ANY')).map(([hosts, mode]): Spec => ({ egress: hosts, outboundTrafficPolicy: { mode } }));
/** The application is where it is; what is said of its port may not be what its Service says. */
const ingress = fc.constantFrom('HTTP', 'HTTP', 'TCP').map((protocol): Spec => ({
  ingress: [{ port: { number: 8080, protocol, name: `${protocol.toLowerCase()}-in` }, defaultEndpoint: '127.0.0.1:8080' }],
}));
const sidecars = fc.record({
  mesh: rarely(scope), namespace: fc.option(scope, { nil: undefined, freq: 2 }), client: rarely(scope), alpha: rarely(ingress),
}).map(({ mesh, namespace, client, alpha }) => [
  ...(mesh === undefined ? [] : [named('Sidecar', 'networking', 'default', 'istio-system', mesh)]),
  ...(namespace === undefined ? [] : [named('Sidecar', 'networking', 'default', 'shop', namespace)]),
  ...(client === undefined ? [] : [named('Sidecar', 'networking', 'client', 'shop', { workloadSelector: { labels: { app: 'client' } }, ...client })]),
  ...(alpha === undefined ? [] : [named('Sidecar', 'networking', 'alpha', 'shop', { workloadSelector: { labels: { app: 'alpha' } }, ...alpha })]),
]);

/** Most callers show no token, and most that do a good one. */
const credentials = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  { weight: 3, arbitrary: fc.constantFrom(TOKENS.plain, TOKENS.staff, TOKENS.guest).map(token => ({ authorization: `Bearer ${token}` })) },
  { weight: 1, arbitrary: fc.constantFrom(TOKENS.foreign, TOKENS.forged, TOKENS.expired, TOKENS.broken).map(token => ({ authorization: `Bearer ${token}` })) },
  { weight: 1, arbitrary: fc.constantFrom(TOKENS.plain, `T ${TOKENS.staff}`).map(token => ({ 'x-token': token })) });

/** What a browser asks before it sends a request to another origin. */
const PREFLIGHT = { 'origin': 'http://a.example', 'access-control-request-method': 'GET' };

/** What is asked of a mesh; nobody can dial what is not declared. */
const requestTo = (declaresEntry: boolean): fc.Arbitrary<GeneratedRequest> => fc.oneof(
  {
    weight: 7,
    arbitrary: fc.tuple(fc.constantFrom<'client' | 'beta'>('client', 'beta'), fc.constantFrom('alpha', 'alpha', 'beta', 'gamma.other', declaresEntry ? 'entry.example' : 'alpha')),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant('outside' as const), fc.constantFrom('a.example', 'a.example', 'b.example', 'c.other')) },
).chain(([from, host]) => fc.record({
  from: fc.constant(from),
  host: fc.constant(host),
  method: fc.constantFrom('GET', 'GET', 'POST', 'OPTIONS'),
  path,
  headers: fc.tuple(
    fc.dictionary(fc.constantFrom('x', 'y'), word, { maxKeys: 2, noNullPrototype: true }),
    fc.constantFrom({}, {}, {}, PREFLIGHT, { ...PREFLIGHT, origin: 'http://c.example' }), credentials,
  ).map(([plain, origin, token]) => ({ ...plain, ...origin, ...token })),
}));

/** Any mesh, most of them valid. */
export const meshes: fc.Arbitrary<GeneratedMesh> = fc.tuple(
  services, serviceEntries, gateways, virtualServices, fromOutside, destinationRules, policies, sidecars,
).map((all) => {
  const readsHttp = !JSON.stringify(all.at(-1)).includes('tcp-in');
  const speaksHttp = readsHttp && all[0][0]!.spec.ports[0]!.name.startsWith('http');
  return { documents: all.flat().map(document => (speaksHttp ? document : withoutUpgrade(document))), declaresEntry: all[1].length > 0 };
}).chain(({ documents, declaresEntry }) => fc.record({
  documents: fc.constant(documents),
  requests: fc.array(requestTo(declaresEntry), { minLength: REQUESTS, maxLength: REQUESTS }),
}));
