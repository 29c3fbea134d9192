import { Duration } from 'cdk8s';
import {
  Behaviour, CanaryAnalysis, CanaryRollout, CanaryStep, ConnectionPool, EnvoyPatch, ExtAuthz, ExternalAuthorizer, Fault, GatewayListener,
  GatewayTls, HashOn, LoadBalancing, Locality, Mesh, MeshPort, MeshService, Mirror, type OutlierDetection, PatchOperation, PatchTarget,
  RateLimitQuota, RateLimitService, Redirect, type RetryBudget, RetryOn, RetryPolicy, RouteMatch, RouteTarget, TcpMatch, Tracing,
  TracingProvider, VirtualMachine, WasmExtension, WasmModule,
} from '../src';
import { Shop } from './support/every-construct';

/** A number's range: the least and the most that are taken, and the code with which what lies beyond is refused. */
interface Range {
  readonly low: number;
  readonly high: number;
  readonly code: string;
  readonly make: (value: number) => unknown;
}

type Make = Range['make'];
const INT32 = 2147483647;
const UINT32 = 4294967295;
const range = (code: string, low: number, high: number, make: Make): Range => ({ low, high, code, make });
const port = (make: Make): Range => range('MESH_PORT_INVALID', 1, 65535, make);
const percent = (make: Make): Range => range('MESH_PERCENT_INVALID', 0, 100, make);
const limit = (make: Make, low = 1, high = INT32): Range => range('MESH_LIMIT_INVALID', low, high, make);
const status = (make: Make, low = 200): Range => range('MESH_STATUS_INVALID', low, 599, make);

const per = Duration.seconds(1);
const service = (traffic: object) => new MeshService(new Shop(), 'cart', { ports: [MeshPort.http(80)], traffic });
const outliers = (outlierDetection: OutlierDetection) => service({ outlierDetection, locality: Locality.ignored() });
const budget = (retryBudget: RetryBudget) => service({ retryBudget });
const pool = (name: string): Range => limit((value) => ConnectionPool.http({ [name]: value }));

const RANGES: Readonly<Record<string, Range>> = {
  'AuthorizerBody.maxBytes': limit((maxBytes) => {
    const shop = new Shop();
    const opa = shop.service('opa', MeshPort.grpc(9191));
    new ExternalAuthorizer(shop, 'by-opa', { mesh: new Mesh(shop, 'mesh'), ask: ExtAuthz.grpc(opa), body: { maxBytes } });
  }, 1, UINT32),
  'CanaryRollout.at': range('MESH_STEP_INVALID', 0, 1, (at) => {
    const shop = new Shop();
    new CanaryRollout(shop, 'to-v2', { service: shop.reviews, stable: shop.v1, canary: shop.v2, steps: [CanaryStep.weight(5), CanaryStep.weight(100)], at });
  }),
  'CanaryStep.mirror()': percent((value) => CanaryStep.mirror({ percent: value })),
  'CanaryStep.weight()': range('MESH_WEIGHT_INVALID', 0, 100, (value) => CanaryStep.weight(value)),
  'ConnectionPool.maxConnections': limit((maxConnections) => ConnectionPool.tcp({ maxConnections })),
  ...Object.fromEntries(['http1MaxPendingRequests', 'http2MaxRequests', 'maxRequestsPerConnection', 'maxRetries', 'maxConcurrentStreams']
    .map((name) => [`ConnectionPool.${name}`, pool(name)])),
  'EnvoyPatch.expectMatches': range('MESH_PATCH_INVALID', 0, 1_000_000, (expectMatches) => {
    new EnvoyPatch(new Shop(), 'patch', { applyTo: PatchTarget.CLUSTER, operation: PatchOperation.REMOVE, expectMatches });
  }),
  'Fault.abort().httpStatus': status((httpStatus) => Fault.abort({ httpStatus })),
  'Fault.abort().percent': percent((value) => Fault.abort({ httpStatus: 500, percent: value })),
  'Fault.delay().percent': percent((value) => Fault.delay({ fixedDelay: per, percent: value })),
  'GatewayListener.http().nodePort': port((nodePort) => GatewayListener.http({ nodePort })),
  'GatewayListener.http().port': port((value) => GatewayListener.http({ port: value })),
  'GatewayListener.https().port': port((value) => GatewayListener.https({ port: value, tls: GatewayTls.istioMutual() })),
  'GatewayListener.tcp().port': port((value) => GatewayListener.tcp({ port: value })),
  'GatewayListener.tls().port': port((value) => GatewayListener.tls({ port: value, tls: GatewayTls.passthrough() })),
  'LoadBalancing.consistentHash().minimumRingSize': limit((minimumRingSize) => LoadBalancing.consistentHash(HashOn.sourceIp(), { minimumRingSize }), 1, 8388608),
  'LoadBalancing.maglev().tableSize': limit((tableSize) => LoadBalancing.maglev(HashOn.sourceIp(), { tableSize }), 2, 4999999),
  'Warmup.minimumPercent': limit((minimumPercent) => LoadBalancing.roundRobin({ warmup: { duration: per, minimumPercent } }), 1, 100),
  'Locality.distribute()': range('MESH_LOCALITY_INVALID', 1, 99, (value) => Locality.distribute([{ from: 'a', to: { b: value, c: 100 - value } }])),
  'MeshPort.number': port((value) => MeshPort.http(value)),
  'MeshPort.targetPort': port((targetPort) => MeshPort.tcp(1, { targetPort })),
  'Mirror.percent': percent((value) => Mirror.to(new Shop().v1, { percent: value })),
  'OutlierDetection.consecutive5xxErrors': limit((value) => outliers({ consecutive5xxErrors: value }), 0, UINT32),
  'OutlierDetection.consecutiveGatewayErrors': limit((value) => outliers({ consecutiveGatewayErrors: value }), 0, UINT32),
  'OutlierDetection.consecutiveLocalOriginFailures': limit((value) => outliers({ consecutiveLocalOriginFailures: value }), 1, UINT32),
  'OutlierDetection.maxEjectionPercent': limit((value) => outliers({ maxEjectionPercent: value }), 1, 100),
  'OutlierDetection.minHealthPercent': limit((value) => outliers({ minHealthPercent: value }), 0, 100),
  'RateLimitQuota.global().requests': limit((requests) => {
    const quotas = new RateLimitService(new Shop(), 'quotas', { redis: 'redis:6379' });
    return RateLimitQuota.global({ service: quotas, requests, per });
  }, 1, UINT32),
  'RateLimitQuota.local().requests': limit((requests) => RateLimitQuota.local({ requests, per }), 1, UINT32),
  'Redirect.port': port((value) => Redirect.to({ port: value })),
  'RetryBudget.minRetryConcurrency': limit((minRetryConcurrency) => budget({ minRetryConcurrency }), 0, UINT32),
  'RetryBudget.percent': percent((value) => budget({ percent: value })),
  'RetryPolicy.attempts': range('MESH_RETRIES_INVALID', 1, INT32, (attempts) => RetryPolicy.on([RetryOn.RESET], { attempts })),
  'RouteMatch.port': port((value) => RouteMatch.http({ port: value })),
  'RouteTarget.weight': range('MESH_WEIGHT_INVALID', 0, INT32, (weight) => RouteTarget.to(new Shop().v1, { weight })),
  'TcpMatch.port': port((value) => TcpMatch.of({ port: value })),
  'Tracing.percent': percent((value) => Tracing.to(TracingProvider.zipkin(new Shop().reviews), { percent: value })),
  'TracingProvider.maxTagLength': limit((maxTagLength) => TracingProvider.zipkin(new Shop().reviews, { maxTagLength }), 1, UINT32),
  'VirtualMachine.weight': range('MESH_WEIGHT_INVALID', 0, UINT32, (weight) => {
    const shop = new Shop();
    new VirtualMachine(shop, 'machine', { service: shop.reviews, weight });
  }),
  'WasmExtension.priority': range('MESH_PRIORITY_RANGE', -INT32 - 1, INT32, (priority) => {
    new WasmExtension(new Shop(), 'wasm', { module: WasmModule.file('/a.wasm'), priority });
  }),
  'addDirectResponse().status': status((value) => { new Shop().reviews.addDirectResponse('closed', { status: value }); }),
  'Behaviour.answer()': status((value) => Behaviour.answer(value)),
  'Behaviour.times()': range('MESH_COUNT_INVALID', 1, 1_000_000, (value) => Behaviour.answer(200).times(value)),
};

/** Durations, in milliseconds: the least that is taken, which is one, or zero where that has a meaning. */
const DURATIONS: Readonly<Record<string, (value: Duration) => unknown>> = {
  'Fault.delay().fixedDelay': (fixedDelay) => Fault.delay({ fixedDelay }),
  'RetryPolicy.perTryTimeout': (perTryTimeout) => RetryPolicy.on([RetryOn.RESET], { attempts: 1, perTryTimeout }),
  'RetryPolicy.backoff': (backoff) => RetryPolicy.on([RetryOn.RESET], { attempts: 1, backoff }),
  'HttpRouteProps.timeout': (timeout) => {
    const { reviews, v1 } = new Shop();
    reviews.addRoute('all', { targets: [RouteTarget.to(v1)], timeout });
  },
  'ConnectionPool.connectTimeout': (connectTimeout) => ConnectionPool.tcp({ connectTimeout }),
  'ConnectionPool.maxConnectionDuration': (maxConnectionDuration) => ConnectionPool.tcp({ maxConnectionDuration }),
  'ConnectionPool.idleTimeout of HTTP': (idleTimeout) => ConnectionPool.http({ idleTimeout }),
  'OutlierDetection.interval': (interval) => outliers({ interval }),
  'OutlierDetection.baseEjectionTime': (baseEjectionTime) => outliers({ baseEjectionTime }),
  'Warmup.duration': (duration) => LoadBalancing.roundRobin({ warmup: { duration } }),
  'CanaryStep.pause()': (duration) => CanaryStep.pause(duration),
};

const codeOf = (make: () => unknown): string => {
  try {
    make();
    return 'taken';
  } catch (error) {
    const { message } = error as Error;
    expect(message).toMatch(/^(\[[^\]]+\] )?MESH_\w+: .*, got -?[\w.+]+/);
    return /MESH_\w+/.exec(message)![0];
  }
};

describe.each(Object.entries(RANGES))('%s', (_name, { low, high, code, make }) => {
  test(`takes ${low} and ${high}, and neither what is beyond nor what is no number`, () => {
    expect([low, high].map((value) => codeOf(() => make(value)))).toEqual(['taken', 'taken']);
    expect([low - 1, high + 1, NaN, Infinity].map((value) => codeOf(() => make(value)))).toEqual([code, code, code, code]);
  });
});

test.each(Object.entries(DURATIONS))('%s takes 1 ms, and neither 0 nor half of one', (_name, make) => {
  expect(codeOf(() => make(Duration.millis(1)))).toBe('taken');
  expect([Duration.millis(0), Duration.millis(0.5)].map((value) => codeOf(() => make(value)))).toEqual(['MESH_DURATION_INVALID', 'MESH_DURATION_INVALID']);
});

test('shares have steps of Envoy: 0.0001 is taken, half of it is not', () => {
  expect([0.0001, 0.00005].map((value) => codeOf(() => Fault.delay({ fixedDelay: per, percent: value })))).toEqual(['taken', 'MESH_PERCENT_INVALID']);
});

test('an analysis asks for more than 0 and up to 100 percent', () => {
  const analysis = (atLeast: number) => codeOf(() => CanaryAnalysis.successRate({ prometheus: 'http://prometheus:9090', atLeast }));
  expect([0.1, 100].map(analysis)).toEqual(['taken', 'taken']);
  expect([0, 100.1].map(analysis)).not.toContain('taken');
});
