import { Chart, Duration, Testing } from 'cdk8s';
import { parse } from 'yaml';
import {
  AccessLog, LogProvider, Mesh, MeshMetric, MeshPort, MeshService, MetricOverride, Telemetry, type TelemetryProps, WorkloadMode, TraceTag, Tracing,
  TracingProvider,
} from '../src';
import { listenerJson } from './compiler/support';
import { failures, only } from './support/synth';
import { createCompiler } from '../src/compiler/compiler';
import { buildModel } from '../src/model/model';
import { resourcesOf } from '../src/model/parse';
import { proxyOf } from '../src/model/proxy';

function shop() {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
  const collector = new MeshService(chart, 'collector', { ports: [MeshPort.grpc(4317), MeshPort.http(4318)], namespace: 'observability' });
  collector.addVersion('v1', { containers: [{ image: 'collector' }] });
  return { chart, mesh: new Mesh(chart, 'mesh'), reviews, collector };
}

const providers = (chart: Chart) => parse(only(chart, 'ConfigMap').data.mesh).extensionProviders;

/** The connection manager of reviews, where requests come in. */
function inbound(chart: Chart): any {
  const model = buildModel(resourcesOf(Testing.synth(chart)));
  const workload = model.workloads.find(({ workload: name }) => name === 'reviews-v1')!;
  const chain = listenerJson(createCompiler(model).compile(proxyOf(model, workload)), 'virtualInbound').filterChains
    .find(({ filterChainMatch: match }: any) => match?.destinationPort === 9080);
  return chain.filters.find(({ name }: any) => name === 'envoy.filters.network.http_connection_manager').typedConfig;
}

test('everything that can be said of one service, and what it registers', () => {
  const { chart, mesh, reviews, collector } = shop();
  new Telemetry(chart, 'reported', {
    mesh,
    service: reviews,
    accessLogs: [
      AccessLog.to(LogProvider.json({ name: 'errors', path: '/dev/stderr', fields: { code: '%RESPONSE_CODE%' }, omitEmptyValues: false }), {
        filter: 'response.code >= 400', mode: WorkloadMode.SERVER,
      }),
      AccessLog.none(WorkloadMode.CLIENT),
    ],
    metrics: [
      MetricOverride.setTag('host', 'request.host', { metric: MeshMetric.REQUEST_COUNT, mode: WorkloadMode.SERVER }),
      MetricOverride.removeTag('request_protocol'),
      MetricOverride.disable({ metric: MeshMetric.REQUEST_SIZE }),
      MetricOverride.enable({ metric: MeshMetric.RESPONSE_SIZE }),
    ],
    metricsInterval: Duration.seconds(10),
    tracing: Tracing.to(TracingProvider.openTelemetry(collector, { port: 4317, maxTagLength: 1 }), {
      percent: 0,
      tags: { team: TraceTag.literal('books'), user: TraceTag.header('X-User', ''), zone: TraceTag.environment('ZONE', 'none') },
      istioTags: false,
      mode: WorkloadMode.CLIENT_AND_SERVER,
    }),
  });
  expect(only(chart, 'Telemetry')).toEqual({
    apiVersion: 'telemetry.istio.io/v1',
    kind: 'Telemetry',
    metadata: { name: 'reported', namespace: 'shop', annotations: { 'cdk8s-mesh.dev/path': 'test/reported' } },
    spec: {
      selector: { matchLabels: { app: 'reviews' } },
      accessLogging: [
        { providers: [{ name: 'errors' }], filter: { expression: 'response.code >= 400' }, match: { mode: 'SERVER' } },
        { disabled: true, match: { mode: 'CLIENT' } },
      ],
      metrics: [{
        providers: [{ name: 'prometheus' }],
        overrides: [
          { match: { metric: 'REQUEST_COUNT', mode: 'SERVER' }, tagOverrides: { host: { operation: 'UPSERT', value: 'request.host' } } },
          { match: { metric: 'ALL_METRICS' }, tagOverrides: { request_protocol: { operation: 'REMOVE' } } },
          { match: { metric: 'REQUEST_SIZE' }, disabled: true },
          { match: { metric: 'RESPONSE_SIZE' }, disabled: false },
        ],
        reportingInterval: '10s',
      }],
      tracing: [{
        providers: [{ name: 'tracing' }],
        randomSamplingPercentage: 0,
        customTags: { team: { literal: { value: 'books' } }, user: { header: { name: 'x-user', defaultValue: '' } }, zone: { environment: { name: 'ZONE', defaultValue: 'none' } } },
        enableIstioTags: false,
        match: { mode: 'CLIENT_AND_SERVER' },
      }],
    },
  });
  expect(providers(chart)).toEqual([
    { name: 'errors', envoyFileAccessLog: { path: '/dev/stderr', logFormat: { labels: { code: '%RESPONSE_CODE%' } }, omitEmptyValues: false } },
    { name: 'tracing', opentelemetry: { service: 'collector.observability.svc.cluster.local', port: 4317, maxTagLength: 1 } },
  ]);
  expect(failures(chart)).toEqual([]);
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('what it says reaches the proxies', () => {
  const { chart, mesh, reviews, collector } = shop();
  const tracing = Tracing.to(TracingProvider.openTelemetry(collector, { port: 4317 }), { percent: 0 });
  new Telemetry(chart, 'all', { mesh, accessLogs: [AccessLog.to(LogProvider.text({ format: '%RESPONSE_CODE%' }), { filter: 'response.code >= 400' })], tracing });
  const all = inbound(chart);
  expect(all.accessLog).toMatchObject([{ typedConfig: { path: '/dev/stdout', logFormat: { textFormatSource: { inlineString: '%RESPONSE_CODE%\n' } } } }]);
  expect(all.tracing).toMatchObject({ randomSampling: {}, provider: { name: 'envoy.tracers.opentelemetry' } });
  expect(all.tracing.randomSampling).not.toHaveProperty('value', 1);
  new Telemetry(chart, 'none', { mesh, service: reviews, accessLogs: [AccessLog.none()], tracing: Tracing.none() });
  const none = inbound(chart);
  expect([none.accessLog, none.tracing]).toEqual([undefined, undefined]);
});

test('one provider serves many; the built-in log is not registered', () => {
  const { chart, mesh, reviews, collector } = shop();
  const provider = TracingProvider.zipkin(collector, { port: 4318 });
  new Telemetry(chart, 'a', { mesh, service: reviews, tracing: Tracing.to(provider), accessLogs: [AccessLog.to(LogProvider.istio())] });
  new Telemetry(chart, 'b', { mesh, service: collector, tracing: Tracing.to(provider) });
  expect(providers(chart)).toEqual([{ name: 'tracing', zipkin: { service: 'collector.observability.svc.cluster.local', port: 4318 } }]);
  expect(() => new Telemetry(chart, 'c', { mesh, tracing: Tracing.to(TracingProvider.openTelemetryHttp(collector, { port: 4318, timeout: Duration.seconds(3) })) }))
    .toThrow(new Error('[test/c] MESH_PROVIDER_DUPLICATE: a provider of MeshConfig must have a name of its own, got "tracing", which test/a has; choose another id or set name'));
});

test('by HTTP, with a path and a time', () => {
  const { chart, mesh, collector } = shop();
  const provider = TracingProvider.openTelemetryHttp(collector, { port: 4318, path: '/spans', timeout: Duration.millis(1), name: 'otlp' });
  new Telemetry(chart, 'a', { mesh, tracing: Tracing.to(provider) });
  expect(providers(chart)).toEqual([{ name: 'otlp', opentelemetry: { service: 'collector.observability.svc.cluster.local', port: 4318, http: { path: '/spans', timeout: '0.001s' } } }]);
});

test.each(Object.values(MeshMetric))('metric %s', (metric) => {
  const { chart, mesh } = shop();
  new Telemetry(chart, 'x', { mesh, metrics: [MetricOverride.disable({ metric })] });
  expect(only(chart, 'Telemetry').spec.metrics[0].overrides).toEqual([{ match: { metric }, disabled: true }]);
});

describe('rejects', () => {
  test.each<[string, Partial<TelemetryProps>, string]>([
    ['nothing', {}, 'MESH_POLICY_EMPTY: a Telemetry must say something, got no accessLogs, metrics, metricsInterval or tracing; set one of them'],
    ['empty lists', { accessLogs: [], metrics: [] }, 'MESH_POLICY_EMPTY: a Telemetry must say something, got no accessLogs, metrics, metricsInterval or tracing; set one of them'],
    ['no interval', { metricsInterval: Duration.millis(0) }, 'MESH_DURATION_INVALID: metricsInterval must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'],
    ['a name that is none', { name: 'A', tracing: Tracing.none() }, 'MESH_NAME_INVALID: the name of a Telemetry must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "A"; choose another construct id or set name'],
  ])('%s', (_case, props, message) => {
    const { chart, mesh } = shop();
    expect(() => new Telemetry(chart, 'x', { mesh, ...props })).toThrow(new Error(`[test/x] ${message}`));
  });

  test('a filter that is no CEL, at synthesis', () => {
    const { chart, mesh } = shop();
    new Telemetry(chart, 'x', { mesh, accessLogs: [AccessLog.to(LogProvider.text(), { filter: 'response.code >' })] });
    expect(failures(chart)).toEqual([expect.stringMatching(/^\[test\/x\/Telemetry\] MESH_EXPRESSION_INVALID|^\[test\/x\] MESH_EXPRESSION_INVALID/)]);
  });

  test.each<[string, () => unknown, string]>([
    ['a lone percent sign', () => LogProvider.text({ format: '100% of %PROTOCOL%' }),
      'MESH_LOG_FORMAT: a percent sign of format must be doubled, or enclose a command operator of Envoy, got "100% of %PROTOCOL%"; write %%'],
    ['one in a field', () => LogProvider.json({ fields: { a: '%' } }), 'MESH_LOG_FORMAT: a percent sign of field "a" must be doubled, or enclose a command operator of Envoy, got "%"; write %%'],
    ['no field', () => LogProvider.json({ fields: {} }), 'MESH_LOG_FORMAT: fields must have at least one, got {}; use LogProvider.text() for Istio\'s own format'],
    ['a provider without name', () => LogProvider.text({ name: '' }), 'MESH_NAME_INVALID: the name of a provider must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got ""; choose another'],
    ['a tag without name', () => MetricOverride.removeTag(''), 'MESH_TAG_INVALID: a tag must have a name, got ""; give it one'],
    ['a tag without value', () => MetricOverride.setTag('a', ''), 'MESH_TAG_INVALID: a tag that is set must have an expression, got "" for "a"; use MetricOverride.removeTag()'],
    ['an empty literal', () => TraceTag.literal(''), 'MESH_TAG_INVALID: the text of a tag must have a character, got ""; give it one'],
    ['no variable', () => TraceTag.environment(''), 'MESH_TAG_INVALID: the variable of a tag must have a character, got ""; give it one'],
    ['a relative path', () => TracingProvider.openTelemetryHttp(shop().collector, { port: 4318, path: 'v1' }), '[test/collector] MESH_PATH_INVALID: path must begin with /, got "v1"; write "/v1"'],
    ['gRPC by a port of HTTP', () => TracingProvider.openTelemetry(shop().collector, { port: 4318 }),
      '[test/collector] MESH_PROTOCOL_DIFFERENT: port 4318 must be GRPC or HTTP2, since it is asked by gRPC, got HTTP; name a port that speaks it'],
    ...[0, 4_294_967_296].map((maxTagLength): [string, () => unknown, string] => [`tags of ${maxTagLength}`, () => TracingProvider.zipkin(shop().collector, { port: 4318, maxTagLength }),
      `MESH_LIMIT_INVALID: maxTagLength must be a whole number from 1 to 4294967295, got ${maxTagLength}; choose one in that range`]),
    ...[-1, 0.009, 100.01, NaN].map((percent): [string, () => unknown, string] => [`${percent} %`, () => Tracing.to(TracingProvider.zipkin(shop().collector, { port: 4318 }), { percent }),
      `MESH_PERCENT_INVALID: percent must be 0, or from 0.01 to 100, got ${percent}; choose one in that range`]),
    ['a span\'s tag without name', () => Tracing.to(TracingProvider.zipkin(shop().collector, { port: 4318 }), { tags: { '': TraceTag.literal('a') } }), 'MESH_TAG_INVALID: a tag must have a name, got ""; give it one'],
  ])('%s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });

  test.each([0, 0.01, 100])('not %d %%', (percent) => {
    const { chart, mesh, collector } = shop();
    new Telemetry(chart, 'x', { mesh, tracing: Tracing.to(TracingProvider.zipkin(collector, { port: 4318, maxTagLength: 4_294_967_295 }), { percent }) });
    expect(only(chart, 'Telemetry').spec.tracing[0].randomSamplingPercentage).toBe(percent);
  });

  test('not doubled signs and operators with arguments', () => {
    expect(() => LogProvider.text({ format: '%START_TIME(%Y/%m)% %REQ(X?:PATH):5% %DYNAMIC_METADATA(a:b)% 1%%\n' })).not.toThrow();
  });
});
