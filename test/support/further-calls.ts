import { Chart, Duration } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import type { Shop } from './every-construct';
import {
  AccessAction, AccessCondition, AccessLog, AccessOperation, AccessSource, AuthorizationRule, AuthorizerAnswer, Behaviour, CanaryRollout, CanaryStep,
  ClientCertificate, ClientTls, CorsOrigin, CorsPolicy, EgressGateway, EgressHosts, ExternalService, GatewayListener, GatewayTls, GatewayWorkload,
  GrpcMatch, HashOn, HeaderChange, HeaderMatch, HttpMethod, IstioVersion, JwtAuthentication, JwtLocation, LoadBalancing, Locality, LogProvider, Mesh,
  MeshGateway, MeshMetric, MeshPort, MeshRequest, MeshService, MeshTesting, MeshValidation, MetricOverride, Mirror, PathMatch, QueryParameterMatch,
  RateLimit, RateLimitKey, RateLimitQuota, RateLimitService, Redirect, Resolution, Rewrite, RouteMatch, RouteTarget, SidecarScope, Telemetry,
  TlsMatch, TlsOrigination, TraceTag, Tracing, TracingProvider, VirtualHost, WasmExtension, WasmModule,
} from '../../src';

type Scenario = (shop: Shop) => unknown;

const secret = (shop: Shop): kplus.ISecret => kplus.Secret.fromSecretName(shop, 'cert', 'cert');
const rule = (shop: Shop, more: object): void => { new AuthorizationRule(shop, 'rule', { to: shop.reviews, action: AccessAction.DENY, ...more }); };
const traffic = (shop: Shop, policy: object): void => { new MeshService(shop, 'cart', { ports: [MeshPort.http(80)], traffic: policy }); };
const route = (shop: Shop, more: object): void => shop.reviews.addRoute('all', { targets: [RouteTarget.to(shop.v1)], ...more });
const matching = (match: (shop: Shop) => RouteMatch): Scenario => (shop) => {
  shop.reviews.addRoute('some', { match: [match(shop)], targets: [RouteTarget.to(shop.v1)] });
};
const onHeaders = (header: () => HeaderMatch): Scenario => matching(() => RouteMatch.http({ headers: [header()] }));
const onQuery = (parameter: () => QueryParameterMatch): Scenario => matching(() => RouteMatch.http({ queryParameters: [parameter()] }));
const listen = (shop: Shop, listener: GatewayListener, workload?: GatewayWorkload): MeshGateway => new MeshGateway(shop, 'door', { listeners: [listener], workload });
const rewriting = (rewrite: () => Rewrite): Scenario => (shop) => {
  shop.reviews.addRoute('some', { match: [RouteMatch.http({ path: PathMatch.startsWith('/api/') })], targets: [RouteTarget.to(shop.v1)], rewrite: rewrite() });
};
const outside = (shop: Shop, port: MeshPort, more: object = {}): ExternalService => (
  new ExternalService(shop, 'google', { hosts: ['www.googleapis.com'], ports: [port], resolution: Resolution.fixed('192.0.2.7'), ...more }));
const reported = (shop: Shop, more: object): void => { new Telemetry(shop, 'reported', { mesh: new Mesh(shop, 'mesh'), service: shop.reviews, ...more }); };
const collector = (shop: Shop, port: MeshPort): MeshService => shop.service('collector', port);
const wasm = (shop: Shop, module: WasmModule): void => { new WasmExtension(shop, 'wasm', { service: shop.reviews, module }); };
const host = (shop: Shop): VirtualHost => new VirtualHost(shop, 'site', { hosts: ['shop.example'] });
const tokens = (from: () => JwtLocation): Scenario => (shop) => {
  new JwtAuthentication(shop, 'jwt', { service: shop.reviews, issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/keys', locations: [from()] });
  new ExternalService(shop, 'issuer', { hosts: ['issuer.example'], ports: [MeshPort.https(443)] });
};
const get = MeshRequest.get('http://reviews:8080/');
const rollout = (shop: Shop, steps: CanaryStep[]): CanaryRollout => {
  const { reviews: service, v1: stable, v2: canary } = shop;
  return new CanaryRollout(shop, 'to-v2', { service, stable, canary, steps });
};

/** Calls of the public API that the tables of constructs and ranges do not make. */
export const FURTHER: readonly Scenario[] = [
  // who may do what
  (shop) => rule(shop, { when: [AccessCondition.header('x-team', { values: ['a'] })] }),
  (shop) => rule(shop, { when: [AccessCondition.claim(['role'], { values: ['a'] })] }),
  (shop) => rule(shop, { when: [AccessCondition.attribute('source.ip', { values: ['10.0.0.0/8'] })] }),
  (shop) => rule(shop, { operations: [AccessOperation.http({ methods: ['GET'] })] }),
  (shop) => rule(shop, { from: [AccessSource.service(shop.front)] }),
  (shop) => rule(shop, { from: [AccessSource.namespace('shop')] }),
  (shop) => rule(shop, { from: [AccessSource.principal('cluster.local/ns/shop/sa/front')] }),
  (shop) => rule(shop, { from: [AccessSource.requestPrincipal('https://issuer.example/me')] }),
  (shop) => rule(shop, { from: [AccessSource.ipBlock('10.0.0.0/8')] }),
  (shop) => rule(shop, { from: [AccessSource.of({ namespaces: ['shop'], services: [shop.front] })] }),
  (shop) => shop.front.connections.allowTo(shop.reviews, { operations: [AccessOperation.http({ methods: ['GET'] })] }),
  (shop) => shop.reviews.connections.allowFrom(shop.front, {}),
  (shop) => shop.reviews.connections.allowFromSource(AccessSource.namespace('shop'), {}),
  tokens(() => JwtLocation.header('x-token', { prefix: 'Bearer ' })),
  tokens(() => JwtLocation.queryParameter('token')),
  tokens(() => JwtLocation.cookie('token')),

  // what is reported
  (shop) => reported(shop, { accessLogs: [AccessLog.none(), AccessLog.to(LogProvider.text({ format: '%RESPONSE_CODE%' }))] }),
  (shop) => reported(shop, { metrics: [MetricOverride.setTag('host', 'request.host', { metric: MeshMetric.REQUEST_COUNT }), MetricOverride.removeTag('request_protocol')] }),
  (shop) => reported(shop, { metrics: [MetricOverride.disable({}), MetricOverride.enable({ metric: MeshMetric.RESPONSE_SIZE })] }),
  (shop) => reported(shop, {
    tracing: Tracing.to(TracingProvider.openTelemetry(collector(shop, MeshPort.grpc(4317)), {}), {
      tags: { team: TraceTag.literal('books'), user: TraceTag.header('x-user', 'nobody'), zone: TraceTag.environment('ZONE', 'none') },
    }),
  }),

  // routes
  onHeaders(() => HeaderMatch.valueStartsWith('x-id', 'a')),
  onHeaders(() => HeaderMatch.isPresent('x-id')),
  onQuery(() => QueryParameterMatch.valueIs('q', 'a')),
  onQuery(() => QueryParameterMatch.valueStartsWith('q', 'a')),
  onQuery(() => QueryParameterMatch.valueMatchesRegex('q', 'a+')),
  onQuery(() => QueryParameterMatch.isPresent('q')),
  onHeaders(() => HeaderMatch.valueMatchesRegex('x-id', 'a+')),
  matching(() => RouteMatch.http({ path: PathMatch.exactly('/a', {}), method: HttpMethod.GET })),
  matching(() => RouteMatch.http({ path: PathMatch.matchesRegex('/a+') })),
  (shop) => route(shop, { requestHeaders: [HeaderChange.set('x-a', '1'), HeaderChange.add('x-b', '2'), HeaderChange.remove('x-c')] }),
  (shop) => route(shop, { cors: CorsPolicy.of({ allowOrigins: [CorsOrigin.exactly('https://a.example'), CorsOrigin.startsWith('https://b.'), CorsOrigin.matchesRegex('https://c.*')] }) }),
  (shop) => route(shop, { mirror: [Mirror.to(shop.v2)] }),
  (shop) => shop.reviews.addRedirect('moved', { redirect: Redirect.toPath('/new', {}) }),
  (shop) => shop.reviews.addRedirect('moved', { match: [RouteMatch.http({ path: PathMatch.startsWith('/old/') })], redirect: Redirect.toPrefix('/new/', {}) }),
  rewriting(() => Rewrite.stripPrefix('/api')),
  rewriting(() => Rewrite.replacePrefix('/api', '/v2')),
  rewriting(() => Rewrite.addPrefix('/v2')),
  rewriting(() => Rewrite.path('/new')),
  rewriting(() => Rewrite.regex('/api/(.*)', '/\\1')),
  rewriting(() => Rewrite.host('other.example')),
  rewriting(() => Rewrite.path('/new').withHost('other.example')),
  (shop) => {
    const cart = shop.service('cart', MeshPort.grpc(80));
    cart.addGrpcRoute('get', { match: [GrpcMatch.method('shop.Cart', 'Get', {}), GrpcMatch.service('shop.Admin', {})], targets: [RouteTarget.to(cart)] });
  },
  (shop) => host(shop).addRedirect('moved', { redirect: Redirect.to({ host: 'other.example' }) }),
  (shop) => host(shop).addDirectResponse('closed', { status: 503, body: 'closed' }),
  (shop) => host(shop).addGrpcRoute('get', { match: [GrpcMatch.service('shop.Cart')], targets: [RouteTarget.to(shop.reviews)] }),
  (shop) => {
    const db = shop.service('db', MeshPort.tcp(5432));
    host(shop).addTcpRoute('db', { match: [], targets: [RouteTarget.to(db)] });
  },
  (shop) => {
    const db = shop.service('db', MeshPort.tls(5432));
    host(shop).addTlsRoute('db', { match: [TlsMatch.sni(['shop.example'])], targets: [RouteTarget.to(db)] });
  },
  (shop) => rollout(shop, [CanaryStep.cookie('canary', 'yes'), CanaryStep.weight(100)]),

  // how callers treat services
  (shop) => traffic(shop, { tls: ClientTls.simple({ sni: 'a.example' }) }),
  (shop) => traffic(shop, { tls: ClientTls.mutual({ clientCertificate: '/cert.pem', privateKey: '/key.pem' }) }),
  (shop) => traffic(shop, { tls: ClientTls.mutualFromSecret(secret(shop), {}) }),
  (shop) => traffic(shop, { loadBalancing: LoadBalancing.consistentHash(HashOn.header('x-user')) }),
  (shop) => traffic(shop, { loadBalancing: LoadBalancing.consistentHash(HashOn.queryParameter('user')) }),
  (shop) => traffic(shop, { loadBalancing: LoadBalancing.leastRequest({}) }),
  (shop) => traffic(shop, { locality: Locality.failover([{ from: 'us-east', to: 'us-west' }]), outlierDetection: {} }),
  (shop) => traffic(shop, { locality: Locality.failoverPriority(['topology.kubernetes.io/region']), outlierDetection: {} }),
  (shop) => outside(shop, MeshPort.http(80), { tlsOrigination: TlsOrigination.simple({}) }),
  (shop) => outside(shop, MeshPort.http(80), { tlsOrigination: TlsOrigination.mutual({ clientCertificate: '/cert.pem', privateKey: '/key.pem' }) }),
  (shop) => outside(shop, MeshPort.http(80), { tlsOrigination: TlsOrigination.mutualFromSecret(secret(shop), {}) }),
  (shop) => { outside(shop, MeshPort.http(80)).hostFrom('shop'); },
  (shop) => {
    const google = outside(shop, MeshPort.http(80));
    new SidecarScope(shop, 'scope', { service: shop.front, egress: [EgressHosts.service(shop.reviews), EgressHosts.externalService(google), EgressHosts.named('./*')] });
  },
  (shop) => {
    const quota = RateLimitQuota.global({ service: new RateLimitService(shop, 'quotas', { redis: 'redis.data:6379' }), requests: 1, per: Duration.seconds(1), each: [RateLimitKey.header('x-key')] });
    new RateLimit(shop, 'few', { service: shop.reviews, quota });
  },
  (shop) => wasm(shop, WasmModule.oci('registry.example/filter:1.0', {})),
  (shop) => wasm(shop, WasmModule.http('https://modules.example/filter.wasm', { sha256: 'a'.repeat(64) })),

  // doors
  (shop) => listen(shop, GatewayListener.https({ hosts: ['a.example'], tls: GatewayTls.simple(secret(shop), {}) })),
  (shop) => listen(shop, GatewayListener.https({ hosts: ['a.example'], tls: GatewayTls.mutual(secret(shop), {}) })),
  (shop) => listen(shop, GatewayListener.https({ hosts: ['a.example'], tls: GatewayTls.optionalMutual(secret(shop), {}) })),
  (shop) => listen(shop, GatewayListener.http(), GatewayWorkload.existing({ istio: 'ingressgateway' }, {})),
  (shop) => { listen(shop, GatewayListener.http()).refFrom('shop'); },
  (shop) => {
    const egress = new EgressGateway(shop, 'egress', {});
    outside(shop, MeshPort.http(80), { via: egress });
    egress.refFrom('shop');
    egress.hostFrom('shop');
  },

  // services and the mesh
  (shop) => { shop.reviews.hostFrom('shop'); shop.v1.hostFrom('shop'); },
  (shop) => {
    const deployment = new kplus.Deployment(shop, 'old', { metadata: { name: 'old' }, containers: [{ image: 'old', portNumber: 8080 }] });
    const service = new kplus.Service(shop, 'old-service', { metadata: { name: 'old' }, selector: deployment, ports: [{ port: 80, targetPort: 8080, name: 'http' }] });
    MeshService.fromService(shop, 'adopted', service, { ports: [MeshPort.http(80, { targetPort: 8080 })] }).addVersionFrom('v0', deployment, {});
  },
  (shop) => { shop.reviews.addVersionByLabels('v0', { 'app.kubernetes.io/version': '0.9' }, {}); },
  (shop) => { new Mesh(shop, 'mesh', { istioVersion: IstioVersion.of('1.30') }); },
  (shop) => { Mesh.fromExisting(shop, 'mesh', {}); },
  (shop) => { new Mesh(shop, 'mesh').inject(Chart.of(shop), {}); },
  () => { new MeshValidation({}); },

  // tests of users
  (shop) => { MeshTesting.of(shop).send(MeshRequest.post('http://reviews:8080/').header('x-a', 'b').withClaims({ iss: 'a' }), { from: shop.front }).expectTarget(shop.reviews); },
  (shop) => { MeshTesting.of(shop).send(MeshRequest.of('PUT', 'http://reviews:8080/'), { from: shop.front, authorizerAnswer: AuthorizerAnswer.allow({}) }).expectShare(shop.reviews, 100); },
  (shop) => {
    shop.reviews.addDirectResponse('closed', { status: 503 });
    MeshTesting.of(shop).send(get, { from: shop.front }).expectStatus(503).expectRule('closed');
  },
  (shop) => {
    shop.reviews.addRedirect('moved', { redirect: Redirect.toPath('/new') });
    MeshTesting.of(shop).send(get, { from: shop.front }).expectRedirect('http://reviews:8080/new');
  },
  (shop) => {
    route(shop, { timeout: Duration.seconds(3), mirror: [Mirror.to(shop.v2)] });
    MeshTesting.of(shop).send(get, { from: shop.front }).expectTimeout(Duration.seconds(3)).expectMirror(shop.v2, 100).expectRetries(2);
  },
  (shop) => { MeshTesting.of(shop).send(get, { from: shop.front }).expectDelay(Duration.seconds(1), 0); },
  (shop) => { MeshTesting.of(shop).send(get, { from: shop.front, clientCertificate: ClientCertificate.of('spiffe://cluster.local/ns/shop/sa/front') }); },
  (shop) => { MeshTesting.of(shop).send(get, { from: shop.front, clientCertificate: ClientCertificate.spiffe('shop', 'front', 'cluster.local') }); },
  () => { MeshTesting.ofManifests([]); },
  () => { MeshTesting.fromYaml('kind: Namespace\napiVersion: v1\nmetadata: {name: shop}\n'); },
  (shop) => { MeshTesting.of(shop).accessMatrix({}).allows('front-v1.shop', 'reviews.shop'); },
  (shop) => { MeshTesting.of(shop).brokenByStrict({}); },
  (shop) => {
    const tested = MeshTesting.of(shop).rollout(rollout(shop, [CanaryStep.weight(5)]));
    tested.failures(get);
    tested.stages('front-v1.shop', get);
  },
  (shop) => {
    const clock = MeshTesting.of(shop).clock({});
    clock.behave(shop.v1, Behaviour.answer(503).times(1).followedBy(Behaviour.answer(200)));
    clock.behaveNamed('reviews-v2.shop', Behaviour.answer(200));
    clock.setReady('reviews-v1.shop', true);
    clock.begin(get, { from: shop.front });
    clock.send(get, { from: shop.front })
      .expectStatus(200).expectAttempts(1).expectElapsed(Duration.millis(0), Duration.seconds(1)).expectTarget(shop.reviews).expectFlags();
  },
];
