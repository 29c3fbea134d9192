import { Chart, Duration, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  AccessAction, AccessOperation, AccessSource, AuthorizationRule, CanaryRollout, CanaryStep, ConnectionPool, EgressGateway, EgressHosts, EgressPolicy,
  ExternalService, Fault, FaultInjection, GatewayListener, GatewayTls, GrpcMatch, HashOn, HeaderMatch, IstioVersion, JwtAuthentication, LoadBalancing,
  Locality, Mesh, MeshGateway, MeshPort, MeshRequest, MeshService, MeshTesting, Mirror, MtlsMode, MtlsPolicy, PathMatch, RateLimit, RateLimitQuota,
  RetryOn, RetryPolicy, RolloutEngine, RouteMatch, RouteTarget, SidecarScope, Stickiness, TcpMatch, TlsMatch, TlsOrigination, VirtualHost,
} from '../src';
import { failures, only } from './support/synth';

const KEYS = '{"keys":[{"kty":"oct","k":"AQAB","kid":"1","alg":"HS256"}]}';
const vip = RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'vip')] });

/** One app with everything in it, written as users of cdk8s-plus and of App Mesh would: a shop. */
function shop() {
  const chart = new Chart(Testing.app(), 'shop', { namespace: 'shop' });
  const mesh = new Mesh(chart, 'mesh', { istioVersion: IstioVersion.V1_31, mtls: MtlsMode.STRICT, egress: EgressPolicy.REGISTRY_ONLY });
  const stock = new MeshService(chart, 'stock', { ports: [MeshPort.http(9080)], traffic: { loadBalancing: LoadBalancing.leastRequest() } });
  const v1 = stock.addVersionFrom('v1', new kplus.Deployment(chart, 'old', { containers: [{ image: 'stock:v1', portNumber: 9080 }] }));
  const v2 = stock.addVersion('v2', {
    containers: [{ image: 'stock:v2', port: 9080 }],
    traffic: { connectionPool: ConnectionPool.tcp({ maxConnections: 100 }) },
  });
  stock.addRoute('vip', {
    match: [RouteMatch.http({ path: PathMatch.startsWith('/'), headers: [HeaderMatch.valueIs('end-user', 'vip')] })],
    targets: [RouteTarget.to(v2)],
    priority: 10,
    timeout: Duration.seconds(10),
    retry: RetryPolicy.on([RetryOn.GATEWAY_ERROR, RetryOn.RESET], { attempts: 3, perTryTimeout: Duration.seconds(2) }),
  });
  stock.addRoute('default', {
    targets: [RouteTarget.to(v1, { weight: 90 }), RouteTarget.to(v2, { weight: 10 })], mirror: [Mirror.to(v2, { percent: 5 })],
  });
  new FaultInjection(chart, 'slow-vip', { service: stock, fault: Fault.delay({ fixedDelay: Duration.seconds(7), percent: 100 }), match: [vip] });

  const ledger = new MeshService(chart, 'ledger', {
    ports: [MeshPort.tcp(27017), MeshPort.tls(8443), MeshPort.grpc(50051)],
    traffic: {
      loadBalancing: LoadBalancing.consistentHash(HashOn.cookie('u', { ttl: Duration.hours(1) })),
      connectionPool: ConnectionPool.http({ http2MaxRequests: 100, http1MaxPendingRequests: 10, idleTimeout: Duration.seconds(55) }),
      outlierDetection: { consecutive5xxErrors: 5, interval: Duration.seconds(10), baseEjectionTime: Duration.seconds(30), maxEjectionPercent: 50 },
      locality: Locality.failover([{ from: 'us-east', to: 'us-west' }]),
    },
  });
  const books = ledger.addVersion('v1', { containers: [{ image: 'ledger' }] });
  ledger.addTcpRoute('mongo', { match: [TcpMatch.of({ port: 27017 })], targets: [RouteTarget.to(books, { port: 27017 })] });
  ledger.addTlsRoute('sni', { match: [TlsMatch.sni(['ledger.shop.svc.cluster.local'])], targets: [RouteTarget.to(books, { port: 8443 })] });
  ledger.addGrpcRoute('rpc', { match: [GrpcMatch.method('pkg.Svc', 'Get')], targets: [RouteTarget.to(books, { port: 50051 })] });

  const front = new MeshService(chart, 'front', { ports: [MeshPort.http(9080)] });
  const page = front.addVersion('v1', { containers: [{ image: 'front' }] });
  const prices = new MeshService(chart, 'prices', { ports: [MeshPort.http(9080)] });
  const p1 = prices.addVersion('v1', { containers: [{ image: 'prices:v1' }] });
  const p2 = prices.addVersion('v2', { containers: [{ image: 'prices:v2' }] });
  new VirtualHost(chart, 'site', { hosts: ['shop.example'] })
    .addRoute('stock', { match: [RouteMatch.http({ path: PathMatch.startsWith('/stock') })], targets: [RouteTarget.to(stock)] });
  const rollout = new CanaryRollout(chart, 'prices-v2', {
    service: prices,
    stable: p1,
    canary: p2,
    steps: [
      CanaryStep.weight(5), CanaryStep.pause(Duration.minutes(5)), CanaryStep.header('x-canary', 'true'), CanaryStep.mirror({ percent: 20 }), CanaryStep.weight(100),
    ],
    stickiness: Stickiness.cookie('canary', { ttl: Duration.hours(1) }),
    engine: RolloutEngine.none(),
    at: 0,
  });
  const certificate = kplus.Secret.fromSecretName(chart, 's', 'cert');
  const gateway = new MeshGateway(chart, 'gw', { listeners: [GatewayListener.https({ port: 443, hosts: ['shop.example'], tls: GatewayTls.simple(certificate) })] });
  front.exposeViaGateway(gateway, {
    hosts: ['shop.example'],
    match: [RouteMatch.http({ path: PathMatch.exactly('/productpage') }), RouteMatch.http({ path: PathMatch.startsWith('/static') })],
  });
  const rates = new ExternalService(chart, 'rates', {
    hosts: ['rates.example'], ports: [MeshPort.http(80)], tlsOrigination: TlsOrigination.simple(), via: new EgressGateway(chart, 'egress'),
  });
  new SidecarScope(chart, 'scope', {
    service: stock, egress: [EgressHosts.namespace('istio-system'), EgressHosts.service(prices)], outboundTrafficPolicy: EgressPolicy.REGISTRY_ONLY,
  });
  front.connections.allowTo(stock);
  front.connections.allowTo(rates);
  new MtlsPolicy(chart, 'db-mtls', { service: ledger, mode: MtlsMode.PERMISSIVE });
  new JwtAuthentication(chart, 'jwt', { service: prices, issuer: 'https://issuer.example', jwks: KEYS, required: true });
  new AuthorizationRule(chart, 'readers', {
    to: prices,
    action: AccessAction.ALLOW,
    from: [AccessSource.service(front), AccessSource.namespace('ops')],
    operations: [AccessOperation.http({ methods: ['GET'], paths: ['/prices/*'] })],
  });
  new RateLimit(chart, 'login', {
    service: stock, quota: RateLimitQuota.local({ requests: 10, per: Duration.minutes(1) }), match: [RouteMatch.http({ path: PathMatch.exactly('/login') })],
  });
  return { chart, mesh, stock, v1, v2, front, page, rates, rollout };
}

test('synthesizes as it stands, without a finding, and the same twice', () => {
  const { chart } = shop();
  expect(failures(chart)).toEqual([]);
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('does what it says', () => {
  const { chart, stock, v2, front, page, rates, rollout } = shop();
  const t = MeshTesting.of(chart);
  const get = MeshRequest.get('http://stock:9080/');
  t.send(get.header('end-user', 'vip'), { from: front }).expectTarget(v2).expectDelay(Duration.seconds(7)).expectTimeout(Duration.seconds(10)).expectRetries(3);
  expect(t.send(get, { from: page }).expectMirror(v2, 5).distribution()).toEqual([{ target: 'stock/v1', percent: 90 }, { target: 'stock/v2', percent: 10 }]);
  t.send(MeshRequest.get('http://unknown.example:9080/'), { from: stock }).expectStatus(502);
  t.send(MeshRequest.get('https://shop.example/productpage')).expectTarget(front);
  expect(t.send(MeshRequest.get('http://rates.example/'), { from: front }).outcome).toBe('routed');
  expect(rates.hostsInScope()).toEqual(['*/rates.example']);
  expect(t.accessMatrix().allows('front-v1', 'stock')).toBe(true);
  expect(t.accessMatrix().allows('prices-v1', 'stock')).toBe(false);
  expect(t.brokenByStrict()).toEqual([]);
  expect(t.rollout(rollout).failures().map(({ because }) => because).filter((because) => !/policy|token|jwt/i.test(because))).toEqual([]);
  expect(t.coverage().length).toBeGreaterThan(5);
  expect(only(chart, 'VirtualService', 'ledger').spec.hosts).toEqual(['ledger', 'ledger.shop.svc.cluster.local']);
});
