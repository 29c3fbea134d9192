import { Chart, Duration, Testing } from 'cdk8s';
import {
  EnvoyPatch, type EnvoyPatchProps, HeaderMatch, LuaExtension, Mesh, MeshPort, MeshService, PatchContext, PatchOperation, PatchTarget, PathMatch,
  QueryParameterMatch, RateLimit, RateLimitQuota, RouteMatch,
} from '../src';
import { only } from './support/synth';

const HCM = 'envoy.filters.network.http_connection_manager';

function shop(): { chart: Chart; reviews: MeshService } {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
  new Mesh(chart, 'mesh');
  return { chart, reviews };
}

const findings = (chart: Chart): string[] => chart.node.findAll().flatMap((construct) => construct.node.validate());

const serverHeader: EnvoyPatchProps = {
  applyTo: PatchTarget.NETWORK_FILTER,
  context: PatchContext.SIDECAR_INBOUND,
  match: { listener: { filterChain: { filter: { name: HCM } } } },
  operation: PatchOperation.MERGE,
  value: {
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      'server_header_transformation': 'PASS_THROUGH',
    },
  },
  expectMatches: 2,
};

describe('EnvoyPatch', () => {
  test('renders one EnvoyFilter, and what it expects', () => {
    const { chart, reviews } = shop();
    new EnvoyPatch(chart, 'no-server-header', { ...serverHeader, service: reviews, priority: -1, orMore: true });
    expect(only(chart, 'EnvoyFilter')).toEqual({
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: {
        name: 'no-server-header',
        namespace: 'shop',
        annotations: { 'cdk8s-mesh.dev/path': 'test/no-server-header', 'cdk8s-mesh.dev/expect-matches': '["2+"]' },
      },
      spec: {
        workloadSelector: { labels: { app: 'reviews' } },
        priority: -1,
        configPatches: [{
          applyTo: 'NETWORK_FILTER',
          match: { context: 'SIDECAR_INBOUND', listener: { filterChain: { filter: { name: HCM } } } },
          patch: { operation: 'MERGE', value: serverHeader.value },
        }],
      },
    });
  });

  test.each<[number, boolean, string[]]>([
    [4, false, []],
    [5, false, ['5 places of each proxy, got 4']],
    [3, false, ['3 places of each proxy, got 4']],
    [1, true, []],
    [5, true, ['at least 5 places of each proxy, got 4']],
    [0, false, ['0 places of each proxy, got 4']],
  ])('that must take hold in %i places, or more: %s', (expectMatches, orMore, said) => {
    const { chart, reviews } = shop();
    new EnvoyPatch(chart, 'x', { ...serverHeader, service: reviews, expectMatches, orMore });
    expect(findings(chart)).toEqual(said.map((each) => expect.stringContaining(each)));
    expect(findings(chart)).toEqual(said.map(() => expect.stringMatching(/^MESH_PATCH_PLACES: EnvoyFilter\/shop\/x spec.configPatches\[0\]: a patch must take hold in /)));
  });

  test('that matches nothing fails synthesis', () => {
    const { chart, reviews } = shop();
    const match = { listener: { filterChain: { filter: { name: 'envoy.filters.network.no_such_filter' } } } };
    new EnvoyPatch(chart, 'x', { ...serverHeader, service: reviews, match });
    expect(findings(chart)).toEqual([expect.stringContaining('a patch must take hold in 2 places of each proxy, got 0')]);
  });

  test.each<[string, Partial<EnvoyPatchProps>, string]>([
    ['a removal with a value', { operation: PatchOperation.REMOVE }, 'MESH_PATCH_INVALID: value must be set unless the operation is REMOVE, got one for REMOVE; set it, or choose REMOVE without it'],
    ['a merge without one', { value: undefined }, 'MESH_PATCH_INVALID: value must be set unless the operation is REMOVE, got none for MERGE; set it, or choose REMOVE without it'],
    ['-1 places', { expectMatches: -1 }, 'MESH_PATCH_INVALID: expectMatches must be a whole number from 0 to 1000000, got -1; choose one in that range'],
  ])('rejects %s', (_case, change, message) => {
    expect(() => new EnvoyPatch(Testing.chart(), 'x', { ...serverHeader, ...change })).toThrow(new Error(`[test/x] ${message}`));
  });
});

test('a Lua script runs in every sidecar that it is about', () => {
  const { chart, reviews } = shop();
  new LuaExtension(chart, 'marked', { service: reviews, code: 'function envoy_on_request(handle) handle:headers():add("x-marked", "1") end' });
  expect(findings(chart)).toEqual([]);
  expect(only(chart, 'EnvoyFilter').spec.configPatches[0]).toMatchObject({ applyTo: 'HTTP_FILTER', patch: { operation: 'INSERT_BEFORE' } });
  expect(() => new LuaExtension(chart, 'x', { code: 'print(1)' })).toThrow(
    new Error('[test/x] MESH_PATCH_VALUE: code must define envoy_on_request or envoy_on_response, got "print(1)"; define one of them'));
});

describe('RateLimit', () => {
  const quota = RateLimitQuota.local({ requests: 10, per: Duration.minutes(1) });
  const bucket = { max_tokens: 10, tokens_per_fill: 10, fill_interval: '60s' };
  const limitOf = (chart: Chart) => only(chart, 'EnvoyFilter').spec.configPatches.map((each: { patch: { value: unknown } }) => each.patch.value);

  test('of all requests is one filter', () => {
    const { chart, reviews } = shop();
    new RateLimit(chart, 'all', { service: reviews, quota });
    expect(limitOf(chart)).toMatchObject([{ name: 'envoy.filters.http.local_ratelimit.all', typed_config: { token_bucket: bucket } }]);
    expect(findings(chart)).toEqual([]);
  });

  test('of some requests counts those', () => {
    const { chart, reviews } = shop();
    const match = [
      RouteMatch.http({ path: PathMatch.exactly('/login'), headers: [HeaderMatch.valueIs('x-a', 'b')] }),
      RouteMatch.http({ path: PathMatch.startsWith('/api') }),
    ];
    new RateLimit(chart, 'login', { service: reviews, quota, match });
    const action = (headers: unknown[]) => ({ actions: [{ header_value_match: { descriptor_key: 'header_match', descriptor_value: 'login', headers } }] });
    expect(limitOf(chart)).toMatchObject([
      { typed_config: { descriptors: [{ entries: [{ key: 'header_match', value: 'login' }], token_bucket: bucket }] } },
      {
        rate_limits: [
          action([{ name: ':path', string_match: { safe_regex: { regex: '(?:/login)(\\?.*)?' } } }, { name: 'x-a', string_match: { exact: 'b' } }]),
          action([{ name: ':path', string_match: { prefix: '/api' } }]),
        ],
      },
    ]);
    expect(findings(chart)).toEqual([]);
  });

  test('rejects what it cannot see', () => {
    const match = [RouteMatch.http({ queryParameters: [QueryParameterMatch.valueIs('a', 'b')] })];
    expect(() => new RateLimit(Testing.chart(), 'x', { quota, match })).toThrow(
      new Error('[test/x] MESH_MATCH_UNSUPPORTED: match must be by path, method, host or headers here, got queryParams; leave it away'));
  });

  test.each([[0], [1.5], [4_294_967_296]])('rejects %d requests', (requests) => {
    expect(() => RateLimitQuota.local({ requests, per: Duration.seconds(1) })).toThrow(
      new Error(`MESH_LIMIT_INVALID: requests must be a whole number from 1 to 4294967295, got ${requests}; choose one in that range`));
  });

  test.each([[49, false], [50, true], [51, true]])('a period of %d ms is taken: %s', (millis, taken) => {
    const make = () => RateLimitQuota.local({ requests: 1, per: Duration.millis(millis) });
    if (taken) expect(make).not.toThrow();
    else expect(make).toThrow(new Error('MESH_LIMIT_INVALID: per must be at least 50ms, got 49ms; raise it, and requests with it'));
  });
});
