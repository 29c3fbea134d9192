import { Duration, Testing, Yaml } from 'cdk8s';
import {
  CanaryRollout, CanaryStep, ClientTls, ConnectionPool, CorsOrigin, CorsPolicy, EgressGateway, ExternalService, GatewayListener, GatewayTls,
  HashOn, HeaderChange, HeaderMatch, HttpMethod, LoadBalancing, Locality, MeshGateway, MeshPort, MeshService, Mirror, PathMatch, Redirect,
  Resolution, RetryOn, RetryPolicy, Rewrite, RouteMatch, RouteTarget, Stickiness, TcpMatch, TlsMatch, TlsOrigination, VirtualHost, VirtualMachine,
} from '../../src';
import { createCompiler } from '../../src/compiler/compiler';
import { assertTaken } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { EVERY_CONSTRUCT, shopWith } from '../support/every-construct';
import { get } from '../support/http-get';
import { describeReal } from '../support/real-parts';

/** A chart in which every construct of traffic stands, with every kind of rule and policy. */
function everything(): string {
  const chart = Testing.chart();
  const service = (name: string, ports: MeshPort[], traffic = {}) => new MeshService(chart, name, { ports, traffic });
  const version = (of: MeshService, name: string, traffic = {}) => of.addVersion(name, { containers: [{ image: 'example' }], traffic });
  const front = service('front', [MeshPort.http(19080)]);
  version(front, 'v1');

  const connectionPool = ConnectionPool.http({ http1MaxPendingRequests: 10, idleTimeout: Duration.seconds(5) });
  const reviews = service('reviews', [MeshPort.http(19080, { traffic: { connectionPool } })], {
    loadBalancing: LoadBalancing.consistentHash(HashOn.cookie('user', { ttl: Duration.seconds(0) }), { minimumRingSize: 2 }),
    outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 3, maxEjectionPercent: 100, minHealthPercent: 0 },
    locality: Locality.nearestFirst(),
  });
  const v1 = version(reviews, 'v1');
  const v2 = version(reviews, 'v2', { loadBalancing: LoadBalancing.roundRobin({ warmup: { duration: Duration.seconds(30) } }), retryBudget: { percent: 0 } });
  const tries = { attempts: 2, perTryTimeout: Duration.seconds(1), backoff: Duration.millis(10), remoteLocalities: true };
  const retry = RetryPolicy.on([RetryOn.GATEWAY_ERROR, RetryOn.status(409)], tries);
  reviews.addRoute('api', {
    match: [RouteMatch.http({ path: PathMatch.under('/api'), headers: [HeaderMatch.isPresent('x-key'), HeaderMatch.valueIs('x-old', '1').negated()] })],
    rewrite: Rewrite.replacePrefix('/api', '/v2').withHost('books.example'),
    timeout: Duration.seconds(5),
    retry,
    requestHeaders: [HeaderChange.set('x-team', 'books')],
    responseHeaders: [HeaderChange.add('x-at', '%START_TIME%'), HeaderChange.remove('server')],
    cors: CorsPolicy.of({ allowOrigins: [CorsOrigin.any()], allowMethods: [HttpMethod.GET], maxAge: Duration.hours(1) }),
    mirror: [Mirror.to(v1, { percent: 0.1 }), Mirror.to(front)],
    targets: [RouteTarget.to(v2, { requestHeaders: [HeaderChange.set('x-version', 'v2')] })],
  });
  reviews.addRedirect('old', { match: [RouteMatch.http({ path: PathMatch.startsWith('/old') })], redirect: Redirect.toPrefix('/new') });
  reviews.addDirectResponse('closed', { match: [RouteMatch.http({ path: PathMatch.under('/admin') })], status: 403, body: 'closed' });
  new CanaryRollout(chart, 'to-v2', {
    service: reviews, stable: v1, canary: v2, steps: [CanaryStep.cookie('beta', 'on'), CanaryStep.weight(0), CanaryStep.weight(30)], at: 1, stickiness: Stickiness.cookie('canary'),
  });

  const mongo = service('mongo', [MeshPort.tcp(27017)], { loadBalancing: LoadBalancing.maglev(HashOn.sourceIp()), tls: ClientTls.disable() });
  mongo.addTcpRoute('front', { match: [TcpMatch.of({ sourceLabels: { app: 'front' } })], targets: [RouteTarget.to(version(mongo, 'v1'), { weight: 1 }), RouteTarget.to(version(mongo, 'v2'), { weight: 0 })] });
  new VirtualMachine(chart, 'mongo-vm', { service: mongo, addresses: ['10.9.8.7'] });

  const egress = new EgressGateway(chart, 'egress');
  new ExternalService(chart, 'api', { hosts: ['api.example.com'], ports: [MeshPort.http(80)], resolution: Resolution.fixed('192.0.2.1'), tlsOrigination: TlsOrigination.simple(), via: egress });
  new ExternalService(chart, 'tls', { hosts: ['tls.example.com'], ports: [MeshPort.tls(443)], resolution: Resolution.fixed('192.0.2.2'), via: egress });
  const other = new ExternalService(chart, 'other', { hosts: ['other.example.com', 'more.example.com'], ports: [MeshPort.tls(8443)], resolution: Resolution.fixed('192.0.2.3') });
  new VirtualHost(chart, 'by-name', { hosts: other.hosts }).addTlsRoute('other', { match: [TlsMatch.sni(['other.example.com'])], targets: [RouteTarget.to(other)] });

  const gateway = new MeshGateway(chart, 'site', {
    listeners: [
      GatewayListener.http({ hosts: ['*/shop.example'] }), GatewayListener.http({ port: 81, httpsRedirect: true }), GatewayListener.tcp({ port: 19000 }),
      GatewayListener.tls({ hosts: ['vault.example'], tls: GatewayTls.passthrough() }), GatewayListener.https({ hosts: ['inner.example'], tls: GatewayTls.istioMutual() }),
    ],
  });
  reviews.exposeViaGateway(gateway, { hosts: ['shop.example'], targets: [RouteTarget.to(v1)] });
  return Yaml.stringify(...Testing.synth(chart));
}

describeReal(['envoy'], 'real Envoy takes what the constructs of traffic render', (paths) => {
  let mesh: EnvoyMesh;
  beforeAll(async () => { mesh = await EnvoyMesh.start(paths.envoy, everything()); }, 120_000);
  afterAll(async () => mesh.stop());

  test('every proxy, wholly: nothing rejected, nothing left warming', async () => {
    const compiler = createCompiler(mesh.controlPlane.model);
    expect([...mesh.proxies.keys()].sort()).toEqual(['egress', 'front-v1', 'mongo-v1', 'mongo-v2', 'reviews-v1', 'reviews-v2', 'site']);
    for (const [name, proxy] of mesh.proxies) await assertTaken(mesh.envoys.get(name)!, compiler.compile(proxy));
  }, 60_000);

  test('routes do what they say', async () => {
    const ask = async (path: string, headers: Record<string, string> = {}) => get({ ...mesh.address('front-v1', 'reviews', 19080), path, headers: { host: 'reviews:19080', ...headers } });
    expect(await ask('/api/x', { 'x-key': '1' })).toMatchObject({ status: 200, body: 'reviews-v2' });
    expect(await ask('/admin')).toMatchObject({ status: 403, body: 'closed' });
    expect(await ask('/old/x')).toMatchObject({ status: 301 });
    expect(await ask('/')).toMatchObject({ status: 200, body: 'reviews-v1' });
    expect(await ask('/', { cookie: 'a=b; beta=on' })).toMatchObject({ status: 200, body: 'reviews-v2' });
    const outside = mesh.gatewayAddress('site', 80);
    expect(await get({ ...outside, path: '/', headers: { host: 'shop.example' } })).toMatchObject({ status: 200, body: 'reviews-v1' });
    expect(await get({ ...outside, path: '/', headers: { host: 'unknown.example' } })).toMatchObject({ status: 404 });
  });
});

describeReal(['envoy'], 'real Envoy activates, for every proxy of a mesh,', (paths) => {
  test.each(Object.keys(EVERY_CONSTRUCT))('%s', async (name) => {
    const every = await EnvoyMesh.start(paths.envoy, Yaml.stringify(...Testing.synth(shopWith(name).shop)));
    try {
      const compiler = createCompiler(every.controlPlane.model);
      for (const [workload, proxy] of every.proxies) await assertTaken(every.envoys.get(workload)!, compiler.compile(proxy));
    } finally {
      await every.stop();
    }
  }, 120_000);
});
