import { performance } from 'node:perf_hooks';
import { ApiObject, Chart, Duration, Testing, Yaml } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  EgressPolicy, Fault, FaultInjection, GatewayListener, HeaderMatch, Mesh, MeshGateway, MeshPort, MeshRequest, MeshService, MeshTesting, MtlsMode,
  RetryOn, RetryPolicy, RouteMatch, RouteTarget, TlsMatch,
} from '../../src';
import { createCompiler } from '../../src/compiler/compiler';
import { assertTaken } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { get } from '../support/http-get';
import { IstioCluster } from '../support/istio-cluster';
import { describeReal } from '../support/real-parts';

const who = (name: string) => [RouteMatch.http({ headers: [HeaderMatch.valueIs('who', name)] })];
const seconds = (count: number) => Duration.millis(count * 1000);

/** What a cluster had already, taken into a mesh whose way out is closed. */
function adopted(mtls?: MtlsMode) {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop', disableResourceNameHashes: true });
  new Mesh(chart, 'mesh', { egress: EgressPolicy.REGISTRY_ONLY, mtls });
  const front = new MeshService(chart, 'front', { ports: [MeshPort.http(19080)] });
  front.addVersion('v1', { containers: [{ image: 'front' }] });

  const podLabels = { 'app.kubernetes.io/name': 'stock' };
  const container = { name: 'stock', image: 'stock', ports: [{ containerPort: 19080 }], securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } };
  const template = { metadata: { labels: podLabels }, spec: { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, containers: [container] } };
  const service = new ApiObject(chart, 'stock-service', {
    apiVersion: 'v1', kind: 'Service', metadata: { name: 'stock' }, spec: { selector: podLabels, ports: [{ name: 'http', port: 19080 }] },
  });
  const deployment = new ApiObject(chart, 'stock-old', {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'stock-old' }, spec: { selector: { matchLabels: podLabels }, template },
  });
  const stock = MeshService.fromService(chart, 'stock', service, { ports: [MeshPort.http(19080)], podLabels });
  const old = stock.addVersionFrom('old', deployment);
  const route = { timeout: seconds(2), retry: RetryPolicy.on([RetryOn.GATEWAY_ERROR], { attempts: 3 }), targets: [RouteTarget.to(old)] };
  stock.addRoute('all', route);
  stock.addRoute('short', { ...route, timeout: seconds(0.3), match: who('short') });
  new FaultInjection(chart, 'slow', { service: stock, fault: Fault.delay({ fixedDelay: seconds(0.4) }), match: who('slow') });
  new FaultInjection(chart, 'late', { service: stock, fault: Fault.delay({ fixedDelay: seconds(0.6) }), match: who('short'), pastLimits: true });
  new FaultInjection(chart, 'broken', { service: stock, fault: Fault.abort({ httpStatus: 500 }), match: who('broken') });

  const headless = new kplus.Service(chart, 'db-service', { metadata: { name: 'db' }, clusterIP: 'None', ports: [{ name: 'http', port: 19090 }] });
  const set = new kplus.StatefulSet(chart, 'db-set', { metadata: { name: 'db' }, service: headless, replicas: 1, containers: [{ image: 'db', portNumber: 19090 }] });
  headless.select(set);
  MeshService.fromService(chart, 'db', headless, { ports: [MeshPort.http(19090)] }).addVersionFrom('v1', set);

  const vault = new MeshService(chart, 'vault', { ports: [MeshPort.tls(18443)] });
  vault.addTlsRoute('all', { match: [TlsMatch.sni(['vault', 'vault.shop.svc.cluster.local'])], targets: [RouteTarget.to(vault.addVersion('v1', { containers: [{ image: 'vault' }] }))] });
  stock.exposeViaGateway(new MeshGateway(chart, 'site', { listeners: [GatewayListener.http({ hosts: ['shop.example'] })] }));
  return { chart, front, stock, old };
}

describeReal(['envoy'], 'an adopted mesh in real Envoy', (paths) => {
  let mesh: EnvoyMesh;
  beforeAll(async () => { mesh = await EnvoyMesh.start(paths.envoy, Yaml.stringify(...Testing.synth(adopted().chart))); }, 120_000);
  afterAll(async () => mesh.stop());

  test('every proxy takes all of it', async () => {
    const compiler = createCompiler(mesh.controlPlane.model);
    expect([...mesh.proxies.keys()].sort()).toEqual(['db', 'front-v1', 'site', 'stock-old', 'vault-v1']);
    for (const [name, proxy] of mesh.proxies) await assertTaken(mesh.envoys.get(name)!, compiler.compile(proxy));
  }, 60_000);

  const ask = async (service: string, port: number, headers: Record<string, string>) => {
    const start = performance.now();
    const { status, body } = await get({ ...mesh.address('front-v1', service, port), path: '/', headers: { host: `${service}:${port}`, ...headers } });
    return { status, body, took: performance.now() - start };
  };

  test('versions by hand and of a StatefulSet answer, a host that nobody declared is 502', async () => {
    expect(await ask('stock', 19080, {})).toMatchObject({ status: 200, body: 'stock-old' });
    expect(await ask('db', 19090, {})).toMatchObject({ status: 200, body: 'db' });
    expect(await ask('stock', 19080, { host: 'unknown.example' })).toMatchObject({ status: 502 });
  });

  test.each<[string, number, number]>([['slow', 200, 400], ['short', 200, 600], ['broken', 500, 0]])('a fault beside limits, as simulated: %s', async (name, status, least) => {
    const { chart, front, old } = adopted();
    const result = MeshTesting.of(chart).send(MeshRequest.get('http://stock:19080/').header('who', name), { from: front });
    const got = await ask('stock', 19080, { who: name });
    expect(got.status).toBe(status);
    expect(got.took).toBeGreaterThan(least - 10); // two clocks
    if (status === 200) result.expectTarget(old).expectDelay(Duration.millis(least));
    else result.expectStatus(status);
  });
});

describeReal(['kube-apiserver', 'etcd', 'istio-crds'], 'an adopted mesh on a real API server', (paths) => {
  test('is accepted', async () => {
    const cluster = await IstioCluster.start(paths);
    try {
      const { chart } = adopted(MtlsMode.STRICT);
      // what cdk8s-plus makes of workloads is no matter of adoption, nor restricted
      const ours = Testing.synth(chart).filter(({ kind, metadata }) => metadata.name === 'stock-old' || !['StatefulSet', 'Deployment'].includes(kind));
      expect(await cluster.complaints(ours)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  }, 120_000);
});
