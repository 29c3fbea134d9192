import { Chart, Duration, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { parse } from 'yaml';
import {
  type GlobalQuotaOptions, HeaderMatch, Mesh, MeshPort, MeshRequest, MeshService, MeshTesting, PathMatch, RateLimit, RateLimitKey, RateLimitQuota,
  RateLimitService, type RateLimitServiceProps, RouteMatch,
} from '../src';
import { failures, only } from './support/synth';

function shop() {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
  const quotas = new RateLimitService(chart, 'quotas', { redis: 'redis.shop:6379' });
  new Mesh(chart, 'mesh');
  return { chart, reviews, quotas };
}

const quotasOf = (chart: Chart): Record<string, unknown> => (
  Object.fromEntries(Object.entries<string>(only(chart, 'ConfigMap').data).map(([file, text]) => [file, parse(text)])));
const global = (service: RateLimitService, more: Partial<GlobalQuotaOptions> = {}) =>
  RateLimitQuota.global({ service, requests: 10, per: Duration.minutes(1), ...more });

describe('a global quota', () => {
  test('is a domain of the service, a filter that asks about it, and actions that count for it', () => {
    const { chart, reviews, quotas } = shop();
    const match = [RouteMatch.http({ path: PathMatch.exactly('/login') })];
    const each = [RateLimitKey.header('X-Key'), RateLimitKey.clientAddress()];
    new RateLimit(chart, 'login', { service: reviews, quota: global(quotas, { each, failClosed: true, timeout: Duration.seconds(1) }), match });
    expect(quotasOf(chart)).toEqual({
      'shop.login.yaml': {
        domain: 'shop/login',
        descriptors: [{
          key: 'rate_limit',
          value: 'login',
          descriptors: [{ key: 'x-key', descriptors: [{ key: 'remote_address', rate_limit: { unit: 'minute', requests_per_unit: 10 } }] }],
        }],
      },
    });
    const { spec } = only(chart, 'EnvoyFilter');
    expect(spec.workloadSelector).toEqual({ labels: { app: 'reviews' } });
    expect(spec.configPatches.map(({ applyTo, patch }: any) => [applyTo, patch])).toEqual([
      ['HTTP_FILTER', {
        operation: 'INSERT_BEFORE',
        value: {
          name: 'envoy.filters.http.ratelimit.login',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit',
            'domain': 'shop/login',
            'stage': 1,
            'failure_mode_deny': true,
            'timeout': '1s',
            'rate_limit_service': {
              grpc_service: { envoy_grpc: { cluster_name: 'outbound|8081||quotas.shop.svc.cluster.local', authority: 'quotas.shop.svc.cluster.local' } },
              transport_api_version: 'V3',
            },
          },
        },
      }],
      ['VIRTUAL_HOST', {
        operation: 'MERGE',
        value: {
          rate_limits: [{
            stage: 1,
            actions: [
              { header_value_match: { descriptor_key: 'rate_limit', descriptor_value: 'login', headers: [{ name: ':path', string_match: { safe_regex: { regex: '(?:/login)(\\?.*)?' } } }] } },
              { request_headers: { header_name: 'x-key', descriptor_key: 'x-key' } },
              { remote_address: {} },
            ],
          }],
        },
      }],
    ]);
    expect(failures(chart)).toEqual([]);
    expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
  });

  test('counts every request where nothing is matched, and lets them pass while nobody counts', () => {
    const { chart, reviews, quotas } = shop();
    new RateLimit(chart, 'all', { service: reviews, quota: global(quotas) });
    const [filter, counting] = only(chart, 'EnvoyFilter').spec.configPatches.map(({ patch }: any) => patch.value);
    expect(filter.typed_config).toMatchObject({ failure_mode_deny: false });
    expect(filter.typed_config).not.toHaveProperty('timeout');
    expect(counting).toEqual({ rate_limits: [{ actions: [{ generic_key: { descriptor_key: 'rate_limit', descriptor_value: 'all' } }] }] });
    expect(MeshTesting.of(chart).send(MeshRequest.get('http://reviews:9080/'), { from: reviews }).expectTarget(reviews).trace()).toContain('envoy.filters.http.ratelimit.all');
  });

  test('is sorted among others, and its pods are replaced with it', () => {
    const { chart, reviews, quotas } = shop();
    const hash = () => only(chart, 'Deployment', 'quotas-v1').spec.template.metadata.annotations['cdk8s-mesh.dev/configuration'];
    new RateLimit(chart, 'b', { service: reviews, quota: global(quotas) });
    const before = hash();
    new RateLimit(chart, 'a', { service: reviews, quota: global(quotas, { requests: 4_294_967_295, per: Duration.days(7) }) });
    expect(Object.keys(quotasOf(chart))).toEqual(['shop.a.yaml', 'shop.b.yaml']);
    expect(quotasOf(chart)['shop.a.yaml']).toMatchObject({ descriptors: [{ rate_limit: { unit: 'week', requests_per_unit: 4_294_967_295 } }] });
    expect(hash()).not.toBe(before);
  });

  test.each<[string, Duration]>([
    ['second', Duration.seconds(1)], ['minute', Duration.seconds(60)], ['hour', Duration.minutes(60)], ['day', Duration.hours(24)], ['week', Duration.days(7)],
  ])('per %s', (unit, per) => {
    const { chart, reviews, quotas } = shop();
    new RateLimit(chart, 'x', { service: reviews, quota: global(quotas, { per, requests: 1 }) });
    expect(quotasOf(chart)['shop.x.yaml']).toMatchObject({ descriptors: [{ rate_limit: { unit, requests_per_unit: 1 } }] });
  });

  test.each<[Partial<GlobalQuotaOptions>, string]>([
    [{ requests: 0 }, 'MESH_LIMIT_INVALID: requests must be a whole number from 1 to 4294967295, got 0; choose one in that range'],
    [{ requests: 4_294_967_296 }, 'MESH_LIMIT_INVALID: requests must be a whole number from 1 to 4294967295, got 4294967296; choose one in that range'],
    [{ per: Duration.minutes(5) }, 'MESH_LIMIT_INVALID: per must be a second, a minute, an hour, a day or a week, got 300000ms; choose requests for one of those'],
    [{ per: Duration.millis(999) }, 'MESH_LIMIT_INVALID: per must be a second, a minute, an hour, a day or a week, got 999ms; choose requests for one of those'],
    [{ timeout: Duration.millis(0) }, 'MESH_DURATION_INVALID: timeout must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'],
    [{ each: [RateLimitKey.header('x'), RateLimitKey.header('X')] }, 'MESH_LIMIT_INVALID: each must name different things, got x twice; leave one of them away'],
  ])('rejects %j', (change, message) => {
    const { quotas } = shop();
    expect(() => global(quotas, change)).toThrow(new Error(message));
  });
});

test('alternatives that overlap count a request once', () => {
  const { chart, reviews } = shop();
  const match = [RouteMatch.http({ path: PathMatch.startsWith('/a') }), RouteMatch.http({ path: PathMatch.exactly('/a/b') }), RouteMatch.http({ headers: [HeaderMatch.isPresent('x-a')] })];
  new RateLimit(chart, 'x', { service: reviews, quota: RateLimitQuota.local({ requests: 1, per: Duration.seconds(1) }), match });
  const [, { patch }] = only(chart, 'EnvoyFilter').spec.configPatches;
  const path = { name: ':path', string_match: { prefix: '/a', ignore_case: false } };
  expect(patch.value.rate_limits.map(({ actions: [{ header_value_match: { headers } }] }: any) => headers)).toEqual([
    [path], [{ ...path, invert_match: true }, { name: 'x-a', present_match: true }],
  ]);
});

describe('RateLimitService', () => {
  test('runs Envoy\'s service in pods of the restricted standard', () => {
    const { chart } = shop();
    const { spec } = only(chart, 'Deployment', 'quotas-v1');
    expect(spec.replicas).toBe(2);
    const { containers: [container], securityContext, volumes } = spec.template.spec;
    expect(Object.fromEntries(container.env.map(({ name, value }: any) => [name, value]))).toEqual({
      LOG_LEVEL: 'warn',
      USE_STATSD: 'false',
      REDIS_SOCKET_TYPE: 'tcp',
      REDIS_URL: 'redis.shop:6379',
      REDIS_TLS: 'false',
      RUNTIME_ROOT: '/data',
      RUNTIME_SUBDIRECTORY: 'ratelimit',
      RUNTIME_WATCH_ROOT: 'false',
      RUNTIME_IGNOREDOTFILES: 'true',
    });
    expect(container).toMatchObject({
      image: 'docker.io/envoyproxy/ratelimit:3fb70258',
      ports: [{ containerPort: 8081, name: 'grpc' }, { containerPort: 8080, name: 'http' }],
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 65532 },
      volumeMounts: [{ mountPath: '/data/ratelimit/config', name: 'quotas', readOnly: true }],
    });
    expect(securityContext).toMatchObject({ seccompProfile: { type: 'RuntimeDefault' } });
    expect(volumes).toEqual([{ name: 'quotas', configMap: { name: 'quotas-quotas' } }]);
    expect(only(chart, 'Service', 'quotas').spec.ports).toEqual([{ name: 'grpc', port: 8081, targetPort: 8081 }]);
    expect(quotasOf(chart)).toEqual({});
  });

  test('with TLS, a password, no pods, and names of its own', () => {
    const chart = Testing.chart();
    const redisPassword = { secret: kplus.Secret.fromSecretName(chart, 'secret', 'redis'), key: 'password' };
    new RateLimitService(chart, 'x', { redis: '[::1]:65535', redisTls: true, redisPassword, replicas: 0, name: 'quotas', namespace: 'shop', image: 'own:1' });
    const { spec, metadata } = only(chart, 'Deployment');
    expect([metadata.name, metadata.namespace, spec.replicas, spec.template.spec.containers[0].image]).toEqual(['quotas-v1', 'shop', 0, 'own:1']);
    expect(spec.template.spec.containers[0].env).toEqual(expect.arrayContaining([
      { name: 'REDIS_URL', value: '[::1]:65535' }, { name: 'REDIS_TLS', value: 'true' }, { name: 'REDIS_AUTH', valueFrom: { secretKeyRef: { name: 'redis', key: 'password' } } },
    ]));
  });

  test.each<[Partial<RateLimitServiceProps>, string]>([
    [{ redis: 'redis' }, '[test/x] MESH_ADDRESS_INVALID: redis must be HOST:PORT, got "redis"; write e.g. redis.data:6379'],
    [{ redis: 'redis:0' }, '[test/x] MESH_ADDRESS_INVALID: redis must be HOST:PORT, got "redis:0"; write e.g. redis.data:6379'],
    [{ redis: 'redis:65536' }, '[test/x] MESH_ADDRESS_INVALID: redis must be HOST:PORT, got "redis:65536"; write e.g. redis.data:6379'],
    [{ redis: 'redis://redis:1' }, '[test/x] MESH_ADDRESS_INVALID: redis must be HOST:PORT, got "redis://redis:1"; write e.g. redis.data:6379'],
    [{ replicas: -1 }, '[test/x] MESH_LIMIT_INVALID: replicas must be a whole number from 0 to 2147483647, got -1; choose one in that range'],
    [{ replicas: 2_147_483_648 }, '[test/x] MESH_LIMIT_INVALID: replicas must be a whole number from 0 to 2147483647, got 2147483648; choose one in that range'],
    [{ namespace: undefined }, '[test/x/Service] MESH_NAMESPACE_MISSING: a service that is addressed from anywhere in the mesh must have a namespace, got none; set namespace, or that of its chart'],
  ])('rejects %j', (change, message) => {
    expect(() => new RateLimitService(Testing.chart(), 'x', { redis: 'redis:1', namespace: 'shop', ...change })).toThrow(new Error(message));
  });

  test('takes 2147483647 pods', () => {
    expect(() => new RateLimitService(Testing.chart(), 'x', { redis: 'redis:1', namespace: 'shop', replicas: 2_147_483_647 })).not.toThrow();
  });

  test('holds what a ConfigMap holds', () => {
    const { chart, quotas } = shop();
    quotas._addQuota('shop/huge', { key: 'x'.repeat(1024 * 1024) });
    expect(failures(chart)).toEqual([expect.stringMatching(/^\[test\/quotas\] MESH_CONFIG_MAP_SIZE: a ConfigMap holds at most 1048576 bytes, got \d+ of quotas; share them among services$/)]);
  });
});
