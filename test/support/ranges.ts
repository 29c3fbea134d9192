import { ApiObject, Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { Shop } from './every-construct';
import {
  AccessAction, AccessOperation, type ArgoRolloutOptions, AuthorizationRule, AuthorizerAnswer, Behaviour, CanaryAnalysis, CanaryRollout,
  CanaryStep, ConnectionPool, CorsOrigin, CorsPolicy, EastWestGateway, EnvoyPatch, ExtAuthz, ExternalAuthorizer, ExternalService, Fault,
  FaultInjection, GatewayListener, GatewayTls, GatewayWorkload, HashOn, HeaderMatch, JwtAuthentication, LoadBalancing, Locality, Mesh, MeshClock,
  MeshGateway, MeshPort, MeshRequest, MeshService, MeshTesting, Mirror, MtlsMode, MtlsPolicy, type OutlierDetection, PatchOperation, PatchTarget,
  PathMatch, RateLimit, RateLimitQuota, RateLimitService, Redirect, Resolution, type RetryBudget, RetryOn, RetryPolicy, RolloutEngine, RouteMatch,
  RouteTarget, SidecarScope, Stickiness, TcpMatch, Telemetry, TlsMatch, Tracing, TracingProvider, type TrafficPolicyProps, VirtualMachine,
  WasmExtension, WasmModule,
} from '../../src';

/** A range of a number, or of a duration's milliseconds: what is taken, the code with which what lies beyond is refused, and where it can be seen. */
export interface Range {
  /** Lowest and highest; several pairs where there are gaps. */
  readonly taken: readonly (readonly [number, number])[];
  readonly code: string;
  /** Hands the value over. What it returns, else what the shop renders, is where the value is looked for. */
  readonly put: (shop: Shop, value: number) => unknown;
  /** How the value is seen there; as it is by default. */
  readonly as?: (value: number) => unknown;
  /** Further values that are refused, besides those right beyond the ends, NaN and Infinity. */
  readonly not?: readonly number[];
  /** How far beyond its ends the refused neighbours are; 1 by default. */
  readonly step?: number;
}

type Put = Range['put'];
type More = Partial<Pick<Range, 'as' | 'not' | 'step'>>;

const INT32 = 2147483647;
const UINT32 = 4294967295;
/** The longest duration that Go can count, in milliseconds. */
const LONGEST = 9223372036000;
const per = Duration.seconds(1);

const range = (code: string, low: number, high: number, put: Put, more: More = {}): Range => ({ taken: [[low, high]], code, put, ...more });
const port = (put: Put, more: More = {}): Range => range('MESH_PORT_INVALID', 1, 65535, put, more);
const percent = (put: Put, more: More = {}): Range => range('MESH_PERCENT_INVALID', 0, 100, put, { step: 0.5, not: [0.00005], ...more });
const limit = (put: Put, low = 1, high = INT32, more: More = {}): Range => range('MESH_LIMIT_INVALID', low, high, put, more);
const status = (put: Put, low = 200): Range => range('MESH_STATUS_INVALID', low, 599, put);
const priority = (put: Put, more: More = {}): Range => range('MESH_PRIORITY_RANGE', -INT32 - 1, INT32, put, more);
/** A duration as Istio's resources say it. */
const duration = (put: (shop: Shop, value: Duration) => unknown, low = 1, more: More & { readonly high?: number } = {}): Range => ({
  ...range('MESH_DURATION_INVALID', low, more.high ?? LONGEST, (shop, value) => put(shop, Duration.millis(value)), {
    as: (value) => `${value / 1000}s`, not: [0.5, 1.5], ...more,
  }),
});
const seconds = (put: (shop: Shop, value: Duration) => unknown, low: number, more: More & { readonly high?: number } = {}): Range => (
  duration(put, low, { step: 1000, not: [500, 1500], as: (value) => value / 1000, ...more }));

const traffic = (shop: Construct, policy: TrafficPolicyProps): void => { new MeshService(shop, 'cart', { ports: [MeshPort.http(80)], traffic: policy }); };
const outliers = (shop: Shop, outlierDetection: OutlierDetection): void => traffic(shop, { outlierDetection, locality: Locality.ignored() });
const budget = (shop: Shop, retryBudget: RetryBudget): void => traffic(shop, { retryBudget });
const pool = (name: string): Range => limit((shop, value) => traffic(shop, { connectionPool: ConnectionPool.http({ [name]: value }) }));
const ring = (shop: Shop, loadBalancing: LoadBalancing): void => traffic(shop, { loadBalancing });
const fault = (shop: Shop, what: Fault): void => { new FaultInjection(shop, 'broken', { service: shop.reviews, fault: what }); };
const route = (shop: Shop, more: object): void => shop.reviews.addRoute('all', { targets: [RouteTarget.to(shop.v1)], ...more });
const listen = (shop: Shop, listener: GatewayListener, workload?: GatewayWorkload): void => { new MeshGateway(shop, 'door', { listeners: [listener], workload }); };
const wasm = (shop: Shop, more: object): void => { new WasmExtension(shop, 'wasm', { service: shop.reviews, module: WasmModule.file('/a.wasm'), ...more }); };
const authorizer = (shop: Shop, more: object): void => {
  new ExternalAuthorizer(shop, 'by-opa', { mesh: new Mesh(shop, 'mesh'), ask: ExtAuthz.grpc(shop.service('opa', MeshPort.grpc(9191))), ...more });
};
const spans = (shop: Shop, tracing: Tracing): void => { new Telemetry(shop, 'spans', { mesh: new Mesh(shop, 'mesh'), tracing }); };
const rollout = (shop: Shop, more: object): CanaryRollout => {
  const { reviews: service, v1: stable, v2: canary } = shop;
  return new CanaryRollout(shop, 'to-v2', { service, stable, canary, steps: [CanaryStep.weight(5), CanaryStep.weight(100)], ...more });
};
const argo = (shop: Shop, options: ArgoRolloutOptions): void => {
  rollout(shop, { steps: [CanaryStep.header('x-canary', 'yes'), CanaryStep.pause(), CanaryStep.weight(100)], engine: RolloutEngine.argo(options) });
};
const analysed = (shop: Shop, options: object): void => argo(shop, { analysis: CanaryAnalysis.successRate({ prometheus: 'http://prometheus:9090', ...options }) });
/** A service with ports at both ends of what there is. */
const wide = (shop: Shop, make: (number: number) => MeshPort): MeshService => {
  const service = new MeshService(shop, 'wide', { ports: [make(1), make(65535)] });
  shop.version(service, 'v1');
  return service;
};
const onWide = (make: (number: number) => MeshPort, put: (shop: Shop, service: MeshService, value: number) => void): Put => (
  (shop, value) => put(shop, wide(shop, make), value));
/** The order of two routes, of which `mine` has the priority. */
const ordered = (shop: Shop, add: (shop: Shop, id: string, rank: number) => void, value: number): unknown => {
  add(shop, 'mine', value);
  add(shop, 'other', 0);
  const [rendered] = shop.node.findAll().filter((each) => ApiObject.isApiObject(each) && each.kind === 'VirtualService').map((each) => (each as ApiObject).toJson());
  return { place: [...rendered.spec.http ?? [], ...rendered.spec.tcp ?? [], ...rendered.spec.tls ?? []].findIndex((rule: any) => JSON.stringify(rule).includes('mine')) };
};
const place = (value: number): number => (value > 0 ? 0 : 1);
const said = (put: (value: number) => unknown) => (_shop: Shop, value: number): unknown => JSON.parse(JSON.stringify({ ...put(value) as object }));
const asked = (shop: Shop): [MeshRequest, { from: MeshService }] => [MeshRequest.get(`http://${shop.reviews.name}:8080/`), { from: shop.front }];

/** Every number that callers hand over, by the struct or method that declares it. */
export const NUMBERS: Readonly<Record<string, Range>> = {
  'AbortOptions.httpStatus': status((shop, httpStatus) => fault(shop, Fault.abort({ httpStatus }))),
  'AbortOptions.percent': percent((shop, value) => fault(shop, Fault.abort({ httpStatus: 500, percent: value }))),
  'AccessOperationOptions.ports': port((shop, value) => {
    new AuthorizationRule(shop, 'rule', { to: shop.reviews, action: AccessAction.DENY, operations: [AccessOperation.http({ ports: [value] })] });
  }, { as: String }),
  'AccessOperationOptions.notPorts': port((shop, value) => {
    new AuthorizationRule(shop, 'rule', { to: shop.reviews, action: AccessAction.DENY, operations: [AccessOperation.http({ notPorts: [value] })] });
  }, { as: String }),
  'ArgoRolloutOptions.canaryReplicas': range('MESH_ENGINE_LIMIT', 1, 10_000, (shop, canaryReplicas) => argo(shop, { canaryReplicas })),
  'AuthorizerBody.maxBytes': limit((shop, maxBytes) => authorizer(shop, { body: { maxBytes } }), 1, UINT32),
  'CanaryMirrorOptions.percent': percent((shop, value) => { rollout(shop, { steps: [CanaryStep.mirror({ percent: value }), CanaryStep.weight(100)] }); }),
  'CanaryRolloutProps.at': range('MESH_STEP_INVALID', 0, 1, (shop, at) => { rollout(shop, { at }); }, { as: (at) => [5, 100][at] }),
  'ConnectionMatchOptions.port': port(onWide((number) => MeshPort.tcp(number), (_shop, service, value) => (
    service.addTcpRoute('all', { match: [TcpMatch.of({ port: value })], targets: [RouteTarget.to(service, { port: 1 })] })))),
  'DelayOptions.percent': percent((shop, value) => fault(shop, Fault.delay({ fixedDelay: per, percent: value }))),
  'DeployedGatewayOptions.replicas': limit((shop, replicas) => listen(shop, GatewayListener.http(), GatewayWorkload.deployed({ replicas })), 0),
  'DirectResponseRouteProps.status': status((shop, value) => shop.reviews.addDirectResponse('closed', { status: value })),
  'EastWestGatewayProps.replicas': limit((shop, replicas) => { new EastWestGateway(shop, 'east', { network: 'here', replicas }); }, 0),
  'EnvoyPatchProps.expectMatches': range('MESH_PATCH_INVALID', 0, 1_000_000, (shop, expectMatches) => {
    const patch = new EnvoyPatch(shop, 'patch', { applyTo: PatchTarget.CLUSTER, operation: PatchOperation.REMOVE, expectMatches });
    return ApiObject.of(patch).toJson(); // how often it matches is another matter
  }, { as: (value) => `[${value}]` }),
  'EnvoyPatchProps.priority': priority((shop, value) => {
    return ApiObject.of(new EnvoyPatch(shop, 'patch', { applyTo: PatchTarget.CLUSTER, operation: PatchOperation.REMOVE, expectMatches: 1, priority: value })).toJson();
  }),
  'ExternalAuthorizerProps.statusOnError': {
    taken: [[400, 417], [421, 424], [426, 426], [428, 429], [431, 431], [500, 508], [510, 511]],
    code: 'MESH_STATUS_INVALID',
    put: (shop, statusOnError) => authorizer(shop, { statusOnError }),
    as: String,
  },
  'GlobalQuotaOptions.requests': limit((shop, requests) => {
    const quota = RateLimitQuota.global({ service: new RateLimitService(shop, 'quotas', { redis: 'redis.data:6379' }), requests, per });
    new RateLimit(shop, 'few', { service: shop.reviews, quota });
  }, 1, UINT32),
  'GrpcAuthzOptions.port': {
    ...port(onWide((number) => MeshPort.grpc(number), (shop, service, value) => {
      new ExternalAuthorizer(shop, 'by-opa', { mesh: new Mesh(shop, 'mesh'), ask: ExtAuthz.grpc(service, { port: value }) });
    })),
    code: 'MESH_PORT_UNKNOWN',
  },
  'HttpAuthzOptions.port': {
    ...port(onWide((number) => MeshPort.http(number), (shop, service, value) => {
      new ExternalAuthorizer(shop, 'by-opa', { mesh: new Mesh(shop, 'mesh'), ask: ExtAuthz.http(service, { port: value }) });
    })),
    code: 'MESH_PORT_UNKNOWN',
  },
  'HttpConnectionPoolOptions.http1MaxPendingRequests': pool('http1MaxPendingRequests'),
  'HttpConnectionPoolOptions.http2MaxRequests': pool('http2MaxRequests'),
  'HttpConnectionPoolOptions.maxConcurrentStreams': pool('maxConcurrentStreams'),
  'HttpConnectionPoolOptions.maxRequestsPerConnection': pool('maxRequestsPerConnection'),
  'HttpConnectionPoolOptions.maxRetries': pool('maxRetries'),
  'HttpListenerOptions.port': port((shop, value) => listen(shop, GatewayListener.http({ port: value }))),
  'HttpRouteMatchOptions.port': port((shop, value) => {
    wide(shop, (number) => MeshPort.http(number)).addRoute('some', { match: [RouteMatch.http({ port: value })], targets: [RouteTarget.to(shop.front)] });
  }),
  'HttpRuleOptions.priority': priority((shop, value) => ordered(shop, ({ reviews }, id, rank) => (
    reviews.addRoute(id, { priority: rank, match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('x-id', id)] })], targets: [RouteTarget.to(reviews)] })), value), { as: place }),
  'HttpsListenerOptions.port': port((shop, value) => listen(shop, GatewayListener.https({ port: value, tls: GatewayTls.istioMutual() }))),
  'ListenerOptions.nodePort': port((shop, nodePort) => listen(shop, GatewayListener.http({ nodePort }))),
  'LocalQuotaOptions.requests': limit((shop, requests) => { new RateLimit(shop, 'few', { service: shop.reviews, quota: RateLimitQuota.local({ requests, per }) }); }, 1, UINT32),
  'LocalityDistribution.to': range('MESH_LOCALITY_INVALID', 1, 100, (shop, value) => {
    traffic(shop, { locality: Locality.distribute([{ from: 'a', to: value === 100 ? { b: value } : { b: value, c: 100 - value } }]) });
  }),
  'MaglevOptions.tableSize': limit((shop, tableSize) => ring(shop, LoadBalancing.maglev(HashOn.sourceIp(), { tableSize })), 2, 4999999, { not: [65536, 5000011] }),
  'MeshClockOptions.seed': range('MESH_SEED_INVALID', 1, INT32 - 1, (shop, seed) => ({ seen: MeshTesting.of(shop).clock({ seed }).send(...asked(shop)).status !== undefined && seed })),
  'MeshPortOptions.targetPort': port((shop, targetPort) => { new MeshService(shop, 'cart', { ports: [MeshPort.http(80, { targetPort })] }); }),
  'MirrorOptions.percent': percent((shop, value) => route(shop, { mirror: [Mirror.to(shop.v2, { percent: value })] })),
  'MirrorOptions.port': port(onWide((number) => MeshPort.http(number), (shop, service, value) => route(shop, { mirror: [Mirror.to(service, { port: value })] }))),
  'MtlsPolicyProps.ports': port((shop, value) => { new MtlsPolicy(shop, 'strict', { service: shop.reviews, mode: MtlsMode.STRICT, ports: { [value]: MtlsMode.DISABLE } }); }, { as: () => 'DISABLE' }),
  'OutlierDetection.consecutive5xxErrors': limit((shop, value) => outliers(shop, { consecutive5xxErrors: value }), 0, UINT32),
  'OutlierDetection.consecutiveGatewayErrors': limit((shop, value) => outliers(shop, { consecutiveGatewayErrors: value }), 0, UINT32),
  'OutlierDetection.consecutiveLocalOriginFailures': limit((shop, value) => outliers(shop, { consecutiveLocalOriginFailures: value }), 1, UINT32),
  'OutlierDetection.maxEjectionPercent': limit((shop, value) => outliers(shop, { maxEjectionPercent: value }), 1, 100),
  'OutlierDetection.minHealthPercent': limit((shop, value) => outliers(shop, { minHealthPercent: value }), 0, 100),
  'RateLimitServiceProps.replicas': limit((shop, replicas) => { new RateLimitService(shop, 'quotas', { redis: 'redis.data:6379', replicas }); }, 0),
  'RedirectOptions.port': port((shop, value) => shop.reviews.addRedirect('gone', { redirect: Redirect.to({ port: value }) })),
  'RetryBudget.minRetryConcurrency': limit((shop, minRetryConcurrency) => budget(shop, { minRetryConcurrency }), 0, UINT32),
  'RetryBudget.percent': percent((shop, value) => budget(shop, { percent: value }), { not: [] }),
  'RetryOptions.attempts': range('MESH_RETRIES_INVALID', 1, INT32, (shop, attempts) => route(shop, { retry: RetryPolicy.on([RetryOn.RESET], { attempts }) })),
  'RingHashOptions.minimumRingSize': limit((shop, minimumRingSize) => ring(shop, LoadBalancing.consistentHash(HashOn.sourceIp(), { minimumRingSize })), 1, 8388608),
  'RouteTargetOptions.port': port(onWide((number) => MeshPort.http(number), (_shop, service, value) => service.addRoute('all', { targets: [RouteTarget.to(service, { port: value })] }))),
  'RouteTargetOptions.weight': range('MESH_WEIGHT_INVALID', 0, INT32, (shop, weight) => {
    shop.reviews.addRoute('all', { targets: [RouteTarget.to(shop.v1, { weight }), RouteTarget.to(shop.v2, { weight: 1 })] });
  }),
  'SendOptions.externalAuthorizer': status((shop, externalAuthorizer) => {
    const opa = shop.service('opa', MeshPort.grpc(9191));
    shop.version(opa, 'v1');
    new AuthorizationRule(shop, 'asked', { to: shop.reviews, authorizer: new ExternalAuthorizer(shop, 'by-opa', { mesh: new Mesh(shop, 'mesh'), ask: ExtAuthz.grpc(opa) }) });
    const [request, options] = asked(shop);
    return { status: MeshTesting.of(shop).send(request, { ...options, externalAuthorizer }).status ?? 200 };
  }),
  'SuccessRateOptions.atLeast': range('MESH_PERCENT_INVALID', 1, 100, (shop, atLeast) => analysed(shop, { atLeast }), { as: (value) => new RegExp(`>= ${value / 100}\\b`), step: 1 }),
  'SuccessRateOptions.failureLimit': range('MESH_STEP_INVALID', 0, INT32, (shop, failureLimit) => analysed(shop, { failureLimit })),
  'TcpConnectionPoolOptions.maxConnections': limit((shop, maxConnections) => traffic(shop, { connectionPool: ConnectionPool.tcp({ maxConnections }) })),
  'TcpListenerOptions.port': port((shop, value) => listen(shop, GatewayListener.tcp({ port: value }))),
  'TcpOperationOptions.ports': port((shop, value) => {
    new AuthorizationRule(shop, 'rule', { to: shop.reviews, action: AccessAction.DENY, operations: [AccessOperation.tcp({ ports: [value] })] });
  }, { as: String }),
  'TcpRouteProps.priority': priority((shop, value) => {
    const service = shop.service('queue', MeshPort.tcp(80));
    return ordered(shop, (_shop, id, rank) => service.addTcpRoute(id, {
      priority: rank, match: [TcpMatch.of({ sourceLabels: { app: id } })], targets: [RouteTarget.to(service)],
    }), value);
  }, { as: place }),
  'TlsListenerOptions.port': port((shop, value) => listen(shop, GatewayListener.tls({ port: value, tls: GatewayTls.passthrough() }))),
  'TlsRouteProps.priority': priority((shop, value) => {
    const service = shop.service('queue', MeshPort.tls(80));
    return ordered(shop, (_shop, id, rank) => service.addTlsRoute(id, {
      priority: rank, match: [TlsMatch.sni(['queue'], { sourceLabels: { app: id } })], targets: [RouteTarget.to(service)],
    }), value);
  }, { as: place }),
  'TracingOptions.percent': percent((shop, value) => spans(shop, Tracing.to(TracingProvider.zipkin(shop.reviews), { percent: value })), { not: [0.009], step: 0.01 }),
  'TracingProviderOptions.maxTagLength': limit((shop, maxTagLength) => spans(shop, Tracing.to(TracingProvider.zipkin(shop.reviews, { maxTagLength }))), 1, UINT32),
  'TracingProviderOptions.port': {
    ...port(onWide((number) => MeshPort.http(number), (shop, service, value) => {
      spans(shop, Tracing.to(TracingProvider.zipkin(service, { port: value })));
    })),
    code: 'MESH_PORT_UNKNOWN',
  },
  'VirtualMachineProps.weight': range('MESH_WEIGHT_INVALID', 0, UINT32, (shop, weight) => {
    new VirtualMachine(shop, 'machine', { service: shop.reviews, addresses: ['10.0.3.7'], weight });
  }),
  'Warmup.aggression': limit((shop, aggression) => ring(shop, LoadBalancing.roundRobin({ warmup: { duration: per, aggression } })), Number.MIN_VALUE, Number.MAX_VALUE, { step: Number.MAX_VALUE, not: [0] }),
  'Warmup.minimumPercent': limit((shop, minimumPercent) => ring(shop, LoadBalancing.roundRobin({ warmup: { duration: per, minimumPercent } })), 1, 100),
  'WasmExtensionProps.priority': priority((shop, value) => wasm(shop, { priority: value })),
  'WasmMatch.ports': port((shop, value) => wasm(shop, { match: [{ ports: [value] }] })),
  'AuthorizerAnswer.deny().status': status(said((value) => AuthorizerAnswer.deny(value)), 300),
  'Behaviour#times().count': range('MESH_COUNT_INVALID', 1, 1_000_000, said((value) => Behaviour.answer(200).times(value))),
  'Behaviour.answer().status': status(said((value) => Behaviour.answer(value))),
  'CanaryStep.weight().percent': range('MESH_WEIGHT_INVALID', 0, 100, (shop, value) => { rollout(shop, { steps: [CanaryStep.weight(value)] }); }),
  'MeshClock#sendAtOnce().count': range('MESH_COUNT_INVALID', 1, 1_000_000, (shop, count) => {
    // How many are taken is the question here, not what a million requests are answered.
    const begin = jest.spyOn(MeshClock.prototype, 'begin').mockReturnValue({ done: true } as never);
    try {
      return { answers: MeshTesting.of(shop).clock().sendAtOnce(count, ...asked(shop)).length };
    } finally {
      begin.mockRestore();
    }
  }),
  ...Object.fromEntries((['http', 'http2', 'grpc', 'https', 'tls', 'tcp'] as const).map((protocol) => (
    [`MeshPort.${protocol}().number`, port((shop, value) => { new MeshService(shop, 'cart', { ports: [MeshPort[protocol](value)] }); })]))),
  'RetryOn.status().status': {
    taken: [
      [100, 103], [200, 208], [226, 226], [300, 305], [307, 308], [400, 418], [421, 426], [428, 429], [431, 431], [451, 451], [500, 508], [510, 511],
    ],
    code: 'MESH_STATUS_INVALID',
    put: (shop, value) => route(shop, { retry: RetryPolicy.on([RetryOn.status(value)], { attempts: 1 }) }),
    as: String,
  },
};

/** Every duration, in milliseconds. */
export const DURATIONS: Readonly<Record<string, Range>> = {
  'AnswerOptions.takes': duration((_shop, takes) => JSON.parse(JSON.stringify(Behaviour.answer(200, { takes }))), 0, { as: Number }),
  'ArgoRolloutOptions.abortScaleDownDelay': seconds((shop, abortScaleDownDelay) => argo(shop, { abortScaleDownDelay }), 0, { high: INT32 * 1000 }),
  'ArgoRolloutOptions.scaleDownDelay': seconds((shop, scaleDownDelay) => argo(shop, { scaleDownDelay }), 0, { high: INT32 * 1000 }),
  'CorsPolicyOptions.maxAge': seconds((shop, maxAge) => route(shop, { cors: CorsPolicy.of({ allowOrigins: [CorsOrigin.any()], maxAge }) }), 1000, { as: (value) => `${value / 1000}s` }),
  'DelayOptions.fixedDelay': duration((shop, fixedDelay) => fault(shop, Fault.delay({ fixedDelay }))),
  'ExternalAuthorizerProps.timeout': duration((shop, timeout) => authorizer(shop, { timeout })),
  'GlobalQuotaOptions.per': {
    taken: [1, 60, 3600, 86400, 604800].map((each) => [each * 1000, each * 1000] as const),
    code: 'MESH_LIMIT_INVALID',
    put: (shop, value) => {
      const quota = RateLimitQuota.global({ service: new RateLimitService(shop, 'quotas', { redis: 'redis.data:6379' }), requests: 1, per: Duration.millis(value) });
      new RateLimit(shop, 'few', { service: shop.reviews, quota });
    },
    as: (value) => new Map([[1000, 'second'], [60_000, 'minute'], [3_600_000, 'hour'], [86_400_000, 'day'], [604_800_000, 'week']]).get(value),
  },
  'GlobalQuotaOptions.timeout': duration((shop, timeout) => {
    const quota = RateLimitQuota.global({ service: new RateLimitService(shop, 'quotas', { redis: 'redis.data:6379' }), requests: 1, per, timeout });
    new RateLimit(shop, 'few', { service: shop.reviews, quota });
  }),
  'HashCookieOptions.ttl': duration((shop, ttl) => ring(shop, LoadBalancing.consistentHash(HashOn.cookie('u', { ttl }))), 0),
  'HttpConnectionPoolOptions.idleTimeout': duration((shop, idleTimeout) => traffic(shop, { connectionPool: ConnectionPool.http({ idleTimeout }) })),
  'HttpForwardOptions.timeout': duration((shop, timeout) => route(shop, { timeout })),
  'HttpTracingProviderOptions.timeout': duration((shop, timeout) => spans(shop, Tracing.to(TracingProvider.openTelemetryHttp(shop.reviews, { timeout })))),
  'JwtAuthenticationProps.timeout': duration((shop, timeout) => {
    new JwtAuthentication(shop, 'jwt', { service: shop.reviews, issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/keys', timeout });
    new ExternalService(shop, 'issuer', { hosts: ['issuer.example'], ports: [MeshPort.https(443)], resolution: Resolution.dns() });
  }),
  'LocalQuotaOptions.per': {
    ...duration((shop, value) => { new RateLimit(shop, 'few', { service: shop.reviews, quota: RateLimitQuota.local({ requests: 1, per: value }) }); }, 50),
    code: 'MESH_(LIMIT|DURATION)_INVALID',
  },
  'OutlierDetection.baseEjectionTime': duration((shop, baseEjectionTime) => outliers(shop, { baseEjectionTime })),
  'OutlierDetection.interval': duration((shop, interval) => outliers(shop, { interval })),
  'RetryOptions.backoff': duration((shop, backoff) => route(shop, { retry: RetryPolicy.on([RetryOn.RESET], { attempts: 1, backoff }) })),
  'RetryOptions.perTryTimeout': duration((shop, perTryTimeout) => route(shop, { retry: RetryPolicy.on([RetryOn.RESET], { attempts: 1, perTryTimeout }) })),
  'StickinessOptions.ttl': seconds((shop, ttl) => { rollout(shop, { stickiness: Stickiness.cookie('canary', { ttl }) }); }, 1000, { as: (value) => new RegExp(`Max-Age=${value / 1000}$`) }),
  'SuccessRateOptions.interval': seconds((shop, interval) => analysed(shop, { interval }), 1000, { as: (value) => `${value / 1000}s` }),
  'TcpConnectionPoolOptions.connectTimeout': duration((shop, connectTimeout) => traffic(shop, { connectionPool: ConnectionPool.tcp({ connectTimeout }) })),
  'TcpConnectionPoolOptions.idleTimeout': duration((shop, idleTimeout) => traffic(shop, { connectionPool: ConnectionPool.tcp({ idleTimeout }) }), 0),
  'TcpConnectionPoolOptions.maxConnectionDuration': duration((shop, maxConnectionDuration) => traffic(shop, { connectionPool: ConnectionPool.tcp({ maxConnectionDuration }) })),
  'TelemetryProps.metricsInterval': duration((shop, metricsInterval) => { new Telemetry(shop, 'often', { mesh: new Mesh(shop, 'mesh'), metricsInterval }); }),
  'Warmup.duration': duration((shop, value) => ring(shop, LoadBalancing.roundRobin({ warmup: { duration: value } }))),
  'Behaviour#until().time': duration((_shop, time) => JSON.parse(JSON.stringify(Behaviour.hang().until(time))), 0, { as: Number }),
  'Behaviour.reset().takes': duration((_shop, takes) => JSON.parse(JSON.stringify(Behaviour.reset(takes))), 0, { as: Number }),
  'CanaryStep.pause().duration': duration((_shop, value) => ({ said: CanaryStep.pause(value).description }), 1, { as: (value) => `pause ${value / 1000}s` }),
  'MeshClock#advance().time': duration((shop, time) => {
    const clock = MeshTesting.of(shop).clock();
    clock.advance(time);
    return { now: clock.now.toMilliseconds() };
  }, 0, { as: Number }),
};

/** Ranges of what is no number: bytes of a text, ports within one. */
export const WITHIN: Readonly<Record<string, Range>> = {
  'DirectResponseRouteProps.body, in bytes': limit((shop, size) => {
    shop.reviews.addDirectResponse('closed', { status: 503, body: 'x'.repeat(Math.max(0, size)) });
  }, 0, 1_048_576, { as: (size) => 'x'.repeat(size) }),
  'RateLimitServiceProps.redis, its port': range('MESH_ADDRESS_INVALID', 1, 65535, (shop, value) => { new RateLimitService(shop, 'quotas', { redis: `redis.data:${value}` }); }, { as: (value) => `redis.data:${value}` }),
  'SidecarScopeProps.ingress, the port of defaultEndpoint': range('MESH_SCOPE_INVALID', 1, 65535, (shop, value) => {
    new SidecarScope(shop, 'scope', { service: shop.reviews, ingress: [{ port: MeshPort.http(8080), defaultEndpoint: `127.0.0.1:${value}` }] });
  }, { as: (value) => `127.0.0.1:${value}` }),
  'MeshServiceProps.name, in characters': range('MESH_NAME_INVALID', 1, 63, (shop, size) => { new MeshService(shop, 'cart', { name: 'x'.repeat(Math.max(0, size)), ports: [MeshPort.http(80)] }); }, { as: (size) => 'x'.repeat(size) }),
  'PathMatch.matchesRegex(), in characters': range('MESH_REGEX_INVALID', 1, 1024, (shop, size) => {
    shop.reviews.addRoute('all', { match: [RouteMatch.http({ path: PathMatch.matchesRegex('x'.repeat(Math.max(0, size))) })], targets: [RouteTarget.to(shop.v1)] });
  }, { as: (size) => 'x'.repeat(size) }),
};
