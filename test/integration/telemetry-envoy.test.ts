import { SHOP } from '../compiler/support';
import { EnvoyMesh } from '../support/envoy-mesh';
import { describeReal } from '../support/real-parts';

const HOST = 'cart.shop.svc.cluster.local';
const AT = { service: HOST, port: 8000 };

/** Every kind of provider that a Telemetry resource can name. */
const PROVIDERS = {
  tracing: [
    { name: 'zipkin', zipkin: { ...AT, traceContextOption: 'USE_B3_WITH_W3C_PROPAGATION', headers: [{ name: 'x', value: 'y' }] } },
    { name: 'otlp', opentelemetry: AT },
    { name: 'otlp-http', opentelemetry: { ...AT, http: { path: '/v1/traces', timeout: '3s' }, resourceDetectors: { environment: {}, dynatrace: {} } } },
    { name: 'dynatrace', opentelemetry: { ...AT, http: { path: '/v1/traces', timeout: '3s' }, dynatraceSampler: { tenant: 't', clusterId: 7 } } },
    { name: 'datadog', datadog: AT },
    { name: 'skywalking', skywalking: AT },
  ],
  accessLogging: [
    { name: 'http-als', envoyHttpAls: { ...AT, additionalRequestHeadersToLog: ['x'] } },
    { name: 'tcp-als', envoyTcpAls: AT },
    { name: 'otel-als', envoyOtelAls: { ...AT, logFormat: { text: '%REQ_WITHOUT_QUERY(:PATH)%', labels: { code: '%RESPONSE_CODE%' } } } },
    { name: 'json', envoyFileAccessLog: { path: '/dev/null', logFormat: { labels: { path: '%REQ_WITHOUT_QUERY(:PATH)%' } } } },
  ],
};
const MESH = JSON.stringify({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: { mesh: JSON.stringify({ extensionProviders: [...PROVIDERS.tracing, ...PROVIDERS.accessLogging] }) },
});
const TAGS = { a: { literal: { value: 'x' } }, b: { header: { name: 'x', defaultValue: 'y' } }, c: { environment: { name: 'HOME' } }, d: { formatter: { value: '%PROTOCOL%' } } };
const SECTION = {
  tracing: { customTags: TAGS, randomSamplingPercentage: 50, disableContextPropagation: true, useRequestIdForTraceSampling: false },
  accessLogging: { filter: { expression: 'response.code >= 400' } },
};

describeReal(['envoy'], 'real Envoy takes telemetry', ({ envoy }) => {
  let mesh: EnvoyMesh;
  beforeAll(async () => { mesh = await EnvoyMesh.start(envoy!, [SHOP, MESH].join('\n---\n'), { drainSeconds: 0 }); }, 60_000);
  afterAll(async () => mesh?.stop(), 30_000);

  test.each((['tracing', 'accessLogging'] as const).flatMap(section => PROVIDERS[section].map(({ name }) => [section, name] as const)))('%s: %s', async (section, name) => {
    const telemetry = {
      apiVersion: 'telemetry.istio.io/v1', kind: 'Telemetry', metadata: { name: 'mesh', namespace: 'istio-system' }, spec: { [section]: [{ ...SECTION[section], providers: [{ name }] }] },
    };
    await mesh.update([SHOP, MESH, JSON.stringify(telemetry)].join('\n---\n'));
    const { body } = await mesh.envoys.get('cart')!.admin('/config_dump?resource=dynamic_listeners');
    expect(body).toContain(section === 'tracing' ? 'envoy.tracers.' : 'access_log');
  }, 30_000);
});
