import { Chart, Duration, Testing } from 'cdk8s';
import { restricted } from '../../examples/restricted';
import {
  AccessLog, AccessOperation, AuthorizationRule, ExtAuthz, ExternalAuthorizer, LogProvider, Mesh, MeshMetric, MeshPort, MeshService, MetricOverride,
  RateLimit, RateLimitKey, RateLimitQuota, RateLimitService, Telemetry, TraceTag, Tracing, TracingProvider, WasmExtension, WasmFailStrategy,
  WasmModule, WasmPhase, WasmPullPolicy, WorkloadMode,
} from '../../src';
import { IstioCluster } from '../support/istio-cluster';
import { describeReal } from '../support/real-parts';

const START_MS = 120_000;

/** Every construct of extensions, with everything that it can say. */
function everything(): any[] {
  const chart = new Chart(Testing.app(), 'shop', { namespace: 'shop' });
  const mesh = new Mesh(chart, 'mesh');
  const service = (name: string, port: MeshPort) => new MeshService(chart, name, { ports: [port] });
  const [reviews, opa, collector] = [service('reviews', MeshPort.http(9080)), service('opa', MeshPort.grpc(9191)), service('collector', MeshPort.http(4318))];

  reviews.addVersion('v1', { containers: [{ image: 'example' }] });
  const authorizer = new ExternalAuthorizer(chart, 'by-opa', {
    mesh, ask: ExtAuthz.grpc(opa), timeout: Duration.seconds(1), failOpen: false, statusOnError: 503, clearRouteCache: true, body: { maxBytes: 1024 },
  });
  new AuthorizationRule(chart, 'admin', { to: reviews, authorizer, operations: [AccessOperation.http({ paths: ['/admin/*'] })] });

  const quotas = new RateLimitService(chart, 'quotas', { redis: 'redis.data:6379' });
  const each = [RateLimitKey.header('x-key'), RateLimitKey.clientAddress()];
  new RateLimit(chart, 'search', { service: reviews, quota: RateLimitQuota.global({ service: quotas, requests: 1, per: Duration.seconds(1), each, failClosed: true }) });

  new Telemetry(chart, 'reported', {
    mesh,
    service: reviews,
    accessLogs: [AccessLog.to(LogProvider.json({ fields: { code: '%RESPONSE_CODE%' } }), { filter: 'response.code >= 400', mode: WorkloadMode.SERVER }), AccessLog.none(WorkloadMode.CLIENT)],
    metrics: [
      MetricOverride.setTag('host', 'request.host', { metric: MeshMetric.REQUEST_COUNT, mode: WorkloadMode.SERVER }), MetricOverride.removeTag('request_protocol'),
      MetricOverride.disable({ metric: MeshMetric.REQUEST_SIZE }), MetricOverride.enable({ metric: MeshMetric.RESPONSE_SIZE }),
    ],
    metricsInterval: Duration.seconds(10),
    tracing: Tracing.to(TracingProvider.openTelemetryHttp(collector), {
      percent: 0, tags: { a: TraceTag.literal('b'), c: TraceTag.header('d', ''), e: TraceTag.environment('F') }, istioTags: false, mode: WorkloadMode.CLIENT_AND_SERVER,
    }),
  });

  new WasmExtension(chart, 'auth', {
    service: reviews,
    module: WasmModule.oci('registry.example/auth:1.0', { sha256: 'a0'.repeat(32), pull: WasmPullPolicy.ALWAYS }),
    phase: WasmPhase.AUTHN,
    priority: 0,
    onFailure: WasmFailStrategy.FAIL_RELOAD,
    match: [{ mode: WorkloadMode.SERVER, ports: [9080] }],
    config: { realm: 'shop' },
    env: { A: '' },
    hostEnv: ['HOME'],
    pluginName: 'auth',
  });
  restricted(chart);
  return Testing.synth(chart);
}

describeReal(['kube-apiserver', 'etcd', 'istio-crds'], 'a real API server takes extensions', paths => {
  let cluster: IstioCluster;
  beforeAll(async () => { cluster = await IstioCluster.start(paths); }, START_MS);
  afterAll(async () => cluster?.stop(), START_MS);

  test('with all their fields, in namespaces of the restricted standard', async () => {
    const manifests = everything();
    expect([...new Set(manifests.map(({ kind }) => kind))]).toEqual(expect.arrayContaining(['ConfigMap', 'AuthorizationPolicy', 'EnvoyFilter', 'Telemetry', 'WasmPlugin']));
    expect(await cluster.complaints(manifests)).toEqual([]);
  }, START_MS);
});
