import { compile, listenerJson, resourcesOfYaml, SHOP } from './support';
import { refusals } from '../../src/compiler/refusals';
import { buildModel } from '../../src/model/model';

const COLLECTOR = `
apiVersion: v1
kind: Service
metadata: { name: collector, namespace: observe }
spec: { clusterIP: 10.96.2.1, ports: [{ name: grpc, port: 4317 }, { name: http, port: 9411 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: gate, namespace: shop }
spec: { template: { metadata: { labels: { istio: ingressgateway } }, spec: { containers: [{ name: istio-proxy, image: x }] } } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gate, namespace: shop }
spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }] }
`;
const HOST = 'collector.observe.svc.cluster.local';
const PROVIDERS = [
  { name: 'jaeger', zipkin: { service: HOST, port: 9411, maxTagLength: 99 } },
  { name: 'otel', opentelemetry: { service: `observe/${HOST}`, port: 4317 } },
  { name: 'otel-http', opentelemetry: { service: HOST, port: 9411, http: { path: '/v1/traces', timeout: '3s', headers: [{ name: 'x', value: 'y' }] }, resourceDetectors: { environment: {} } } },
  { name: 'sampler', opentelemetry: { service: HOST, port: 9411, http: { path: 'v1/traces' }, dynatraceSampler: { tenant: 't', clusterId: 7 } } },
  { name: 'dog', datadog: { service: HOST, port: 9411 } },
  { name: 'sky', skywalking: { service: HOST, port: 4317 } },
  { name: 'step', lightstep: { service: HOST, port: 4317, accessToken: 'x' } },
  { name: 'nowhere', zipkin: { service: 'none.observe.svc.cluster.local', port: 9411 } },
  { name: 'als', envoyHttpAls: { service: HOST, port: 4317, additionalRequestHeadersToLog: ['x'] } },
  { name: 'tcp', envoyTcpAls: { service: HOST, port: 4317, logName: 'mine', filterStateObjectsToLog: ['a'] } },
  { name: 'otel-log', envoyOtelAls: { service: HOST, port: 4317, logFormat: { labels: { b: '%PROTOCOL%', a: '%REQ_WITHOUT_QUERY(:PATH)%' } } } },
  { name: 'file', envoyFileAccessLog: { path: '/tmp/log', logFormat: { text: '%REQ_WITHOUT_QUERY(:PATH)%' } } },
];
const CLUSTER = { http: `outbound|9411||${HOST}`, grpc: `outbound|4317||${HOST}` };

const telemetry = (spec: object, name = 'default', namespace = 'istio-system') => (
  JSON.stringify({ apiVersion: 'telemetry.istio.io/v1', kind: 'Telemetry', metadata: { name, namespace }, spec }));

interface Setting { readonly meshConfig?: object; readonly workload?: string; readonly metadata?: Record<string, unknown> }

function managers(documents: readonly string[], { meshConfig = {}, workload = 'stock-v1.shop', metadata }: Setting = {}) {
  const model = buildModel(resourcesOfYaml(SHOP, COLLECTOR, ...documents), { meshConfig: { extensionProviders: PROVIDERS, ...meshConfig } });
  const compiled = compile(model, workload, { metadata });
  const managerIn = (listener: string): any => listenerJson(compiled, listener).filterChains.flatMap((chain: any) => chain.filters)
    .find(({ name }: any) => name === 'envoy.filters.network.http_connection_manager').typedConfig;
  return { managerIn, compiled };
}
const outbound = (documents: readonly string[], setting?: Setting) => managers(documents, setting).managerIn('0.0.0.0_8000');
const inbound = (documents: readonly string[], setting?: Setting) => managers(documents, setting).managerIn('virtualInbound');

describe('tracing', () => {
  const by = (name: string) => telemetry({ tracing: [{ providers: [{ name }] }] });
  const providerOf = (manager: any) => manager.tracing.provider;

  test('sends spans to Zipkin as the proxy\'s version of Istio can', () => {
    const common = { collectorEndpointVersion: 'HTTP_JSON', traceId128bit: true, sharedSpanContext: false };
    const manager = outbound([by('jaeger')]);
    expect(providerOf(manager)).toMatchObject({
      name: 'envoy.tracers.zipkin',
      typedConfig: { ...common, collectorService: { httpUri: { uri: `http://${HOST}/api/v2/spans`, cluster: CLUSTER.http, timeout: '5s' } } },
    });
    expect(manager.tracing.maxPathTagLength).toBe(99);
    expect(providerOf(outbound([by('jaeger')], { metadata: { ISTIO_VERSION: '1.28.3' } })).typedConfig)
      .toMatchObject({ ...common, collectorCluster: CLUSTER.http, collectorEndpoint: '/api/v2/spans', collectorHostname: HOST });
  });

  test('sends spans to OpenTelemetry over gRPC, or over HTTP, in the name of the proxy\'s cluster', () => {
    expect(providerOf(inbound([by('otel')]))).toMatchObject({
      name: 'envoy.tracers.opentelemetry', typedConfig: { serviceName: 'stock.shop', grpcService: { envoyGrpc: { clusterName: CLUSTER.grpc, authority: HOST } } },
    });
    expect(providerOf(inbound([by('otel-http')])).typedConfig).toMatchObject({
      httpService: {
        httpUri: { uri: `${HOST}/v1/traces`, cluster: CLUSTER.http, timeout: '3s' },
        requestHeadersToAdd: [{ header: { key: 'x', value: 'y' }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
      },
      resourceDetectors: [{ name: 'envoy.tracers.opentelemetry.resource_detectors.environment' }],
    });
  });

  test('hands every span to a sampler of the provider\'s own', () => {
    const { tracing } = outbound([telemetry({ tracing: [{ providers: [{ name: 'sampler' }], randomSamplingPercentage: 5 }] })]);
    expect(tracing.randomSampling).toEqual({ value: 100 });
    expect(tracing.provider.typedConfig.sampler).toMatchObject({ typedConfig: { tenant: 't', clusterId: 7, httpService: { httpUri: { uri: `${HOST}/api/v2/samplingConfiguration` } } } });
  });

  test('knows Datadog and SkyWalking', () => {
    expect(providerOf(outbound([by('dog')])).typedConfig).toMatchObject({ collectorCluster: CLUSTER.http, serviceName: 'stock.shop', collectorHostname: HOST });
    const { tracing } = outbound([by('sky')]);
    expect([tracing.spawnUpstreamSpan, tracing.provider.typedConfig.grpcService.envoyGrpc.clusterName]).toEqual([true, CLUSTER.grpc]);
  });

  test('takes the mesh\'s provider where no resource names one, and a span of its own at gateways', () => {
    const meshConfig = { defaultProviders: { tracing: ['otel'] }, defaultConfig: { tracing: { sampling: 7, customTags: { mine: { literal: { value: 'x' } } } } } };
    const gate = managers([], { meshConfig, workload: 'gate.shop' }).managerIn('0.0.0.0_80');
    expect(gate.tracing).toMatchObject({ spawnUpstreamSpan: true, randomSampling: { value: 7 }, provider: { name: 'envoy.tracers.opentelemetry' } });
    expect(gate.tracing.customTags).toContainEqual({ tag: 'mine', literal: { value: 'x' } });
    expect(outbound([], { meshConfig }).tracing.spawnUpstreamSpan).toBeUndefined();
  });

  test.each([['a provider without a service', 'nowhere'], ['one that nobody defines', 'who'], ['Lightstep', 'step'], ['a log', 'file']])('%s traces nothing', (_case, name) => {
    expect(outbound([by(name)]).tracing).toBeUndefined();
  });

  test('each level says what it says of each field, for callers or the called', () => {
    const documents = [
      telemetry({ tracing: [{ providers: [{ name: 'otel' }], randomSamplingPercentage: 50, customTags: { a: { environment: { name: 'A', defaultValue: 'd' } } }, enableIstioTags: false }] }),
      telemetry({ tracing: [{ match: { mode: 'SERVER' }, randomSamplingPercentage: 0, useRequestIdForTraceSampling: false }] }, 'ns', 'shop'),
      telemetry({ selector: { matchLabels: { app: 'stock' } }, tracing: [{ match: { mode: 'CLIENT' }, disableSpanReporting: true }] }, 'own', 'shop'),
    ];
    expect(outbound(documents).tracing).toBeUndefined();
    const server = inbound(documents);
    expect(server.tracing).toMatchObject({ randomSampling: {}, customTags: [{ tag: 'a', environment: { name: 'A', defaultValue: 'd' } }] });
    expect(server.requestIdExtension.typedConfig.useRequestIdForTraceSampling).toBe(false);
    expect(outbound(documents, { workload: 'cart.shop' }).tracing.randomSampling).toEqual({ value: 50 });
  });

  test('tags are read from requests, and by format where the proxy can', () => {
    const spec = { tracing: [{ providers: [{ name: 'otel' }], customTags: { h: { header: { name: 'x' } }, f: { formatter: { value: '%PROTOCOL%' } } }, enableIstioTags: false, disableContextPropagation: true }] };
    expect(outbound([telemetry(spec)]).tracing).toMatchObject({ customTags: [{ tag: 'f', value: '%PROTOCOL%' }, { tag: 'h', requestHeader: { name: 'x' } }], noContextPropagation: true });
    const old = outbound([telemetry(spec)], { metadata: { ISTIO_VERSION: '1.28.0' } }).tracing;
    expect([old.customTags, old.noContextPropagation]).toEqual([[{ tag: 'h', requestHeader: { name: 'x' } }], undefined]);
  });

  test('without Telemetry the proxy\'s own configuration speaks', () => {
    const meshConfig = { defaultConfig: { tracing: { sampling: 120, maxPathTagLength: 9, enableIstioTags: false, customTags: { b: { header: { name: 'x' } } } } } };
    expect(outbound([], { meshConfig }).tracing).toEqual({
      clientSampling: { value: 100 }, overallSampling: { value: 100 }, randomSampling: { value: 1 }, maxPathTagLength: 9, customTags: [{ tag: 'b', requestHeader: { name: 'x' } }],
    });
  });
});

describe('access logs', () => {
  const to = (name: string) => telemetry({ accessLogging: [{ providers: [{ name }] }] });
  const logOf = (name: string, setting?: Setting) => outbound([to(name)], setting).accessLog[0];

  test('go to services that collect them', () => {
    expect(logOf('als')).toMatchObject({
      name: 'envoy.access_loggers.http_grpc',
      typedConfig: {
        commonConfig: { logName: 'http_envoy_accesslog', grpcService: { envoyGrpc: { clusterName: CLUSTER.grpc, authority: HOST } }, transportApiVersion: 'V3', filterStateObjectsToLog: ['upstream_peer', 'downstream_peer'] },
        additionalRequestHeadersToLog: ['x'],
      },
    });
    expect(logOf('tcp')).toMatchObject({ name: 'envoy.tcp_grpc_access_log', typedConfig: { commonConfig: { logName: 'mine', filterStateObjectsToLog: ['a'] } } });
    expect(logOf('otel-log')).toMatchObject({
      name: 'envoy.access_loggers.open_telemetry',
      typedConfig: {
        disableBuiltinLabels: true,
        commonConfig: { logName: 'otel_envoy_accesslog' },
        attributes: { values: [{ key: 'a', value: { stringValue: '%REQ_WITHOUT_QUERY(:PATH)%' } }, { key: 'b', value: { stringValue: '%PROTOCOL%' } }] },
        formatters: [{ name: 'envoy.formatter.req_without_query' }],
      },
    });
  });

  test('bring the formatter that an operator needs', () => {
    expect(logOf('file').typedConfig.logFormat).toMatchObject({ textFormatSource: { inlineString: '%REQ_WITHOUT_QUERY(:PATH)%\n' }, formatters: [{ name: 'envoy.formatter.req_without_query' }] });
  });

  test('of Istio\'s own provider have the mesh\'s format', () => {
    const meshConfig = { accessLogEncoding: 'JSON', accessLogFormat: '{"p":"%PROTOCOL%"}' };
    expect(logOf('ENVOY', { meshConfig }).typedConfig).toMatchObject({ path: '/dev/stdout', logFormat: { jsonFormat: { p: '%PROTOCOL%' } } });
  });

  test('of listeners themselves can be turned off for the mesh', () => {
    const logs = (disableEnvoyListenerLog: boolean) => {
      const { compiled } = managers([to('envoy')], { meshConfig: { disableEnvoyListenerLog } });
      return listenerJson(compiled, 'virtualOutbound').accessLog?.length ?? 0;
    };
    expect([logs(false), logs(true)]).toEqual([1, 0]);
  });
});

describe('what is not compiled is refused by its name', () => {
  const refused = (mesh: object, ...documents: string[]) => refusals(buildModel(resourcesOfYaml(SHOP, COLLECTOR, ...documents, JSON.stringify({
    apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' }, data: { mesh: JSON.stringify(mesh) },
  })))).map(({ message }) => message);

  test.each<[string, object, string]>([
    ['a header that stands in istiod\'s environment', { extensionProviders: [{ name: 'z', zipkin: { headers: [{ name: 'x', envName: 'X' }] } }] }, 'MeshConfig extensionProviders.zipkin.headers.envName is not compiled, got "X"; remove it, or run this on Istio'],
    ['logs to a cluster of Istio\'s bootstrap', { enableEnvoyAccessLogService: true }, 'MeshConfig enableEnvoyAccessLogService is not compiled, got true; remove it, or run this on Istio'],
    ['a default provider of another kind', { extensionProviders: [{ name: 's', stackdriver: {} }], defaultProviders: { metrics: ['s'] } }, 'MeshConfig defaultProviders.metrics names a provider of a kind that is not compiled, got "s"; remove it, or run this on Istio'],
  ])('%s', (_case, mesh, message) => {
    expect(refused(mesh)).toEqual([message]);
  });

  test('metrics of another system than Prometheus', () => {
    expect(refused({ enableEnvoyAccessLogService: false, extensionProviders: [{ name: 's', stackdriver: {} }] }, telemetry({ metrics: [{ providers: [{ name: 's' }, { name: 'prometheus' }] }] })))
      .toEqual(['Telemetry spec.metrics[0].providers[0].name names a provider of a kind that is not compiled, got "s"; remove it, or run this on Istio']);
  });
});

describe('levels of a Telemetry resource', () => {
  const own = (spec: object, name: string) => telemetry({ selector: { matchLabels: { app: 'stock' } }, ...spec }, name, 'shop');
  const logs = (manager: any): string[] => (manager.accessLog ?? []).map(({ typedConfig, filter }: any) => `${typedConfig.path}${filter === undefined ? '' : ' if'}`);

  test('a condition belongs to the providers beside it, not to those inherited', () => {
    const filter = { expression: 'response.code >= 400' };
    const wide = telemetry({ accessLogging: [{ providers: [{ name: 'file' }] }] });
    expect(logs(inbound([wide, own({ accessLogging: [{ filter }] }, 'a')]))).toEqual(['/tmp/log']);
    expect(logs(inbound([wide, own({ accessLogging: [{ providers: [{ name: 'file' }], filter }] }, 'a')]))).toEqual(['/tmp/log if']);
  });

  test('where no provider is at hand the mesh\'s file remains, unless it is switched off', () => {
    const meshConfig = { accessLogFile: '/dev/stdout' };
    expect(logs(inbound([telemetry({ accessLogging: [{ providers: [{ name: 'nobody' }] }] })], { meshConfig }))).toEqual(['/dev/stdout']);
    expect(logs(inbound([telemetry({ accessLogging: [{ providers: [{ name: 'file' }], disabled: true }] })], { meshConfig }))).toEqual([]);
  });

  test('all resources about a workload speak, the younger last', () => {
    const tags = (name: string, value: number) => own({ tracing: [{ providers: [{ name: 'jaeger' }], randomSamplingPercentage: value }] }, name);
    expect(inbound([tags('a', 5), tags('b', 7)]).tracing.randomSampling).toEqual({ value: 7 });
  });

  test('each provider that is Prometheus has statistics of its own', () => {
    const meshConfig = { extensionProviders: [{ name: 'second', prometheus: {} }], defaultProviders: { metrics: ['prometheus', 'second'] } };
    expect(inbound([], { meshConfig, metadata: { ISTIO_VERSION: '1.32.0' } }).httpFilters.filter(({ name }: any) => name === 'istio.stats')).toHaveLength(2);
  });
});
