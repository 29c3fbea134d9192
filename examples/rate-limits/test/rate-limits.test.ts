import { Testing } from 'cdk8s';
import { EnvoyPatch, MeshRequest, MeshTesting, PatchOperation, PatchTarget } from 'cdk8s-mesh';
import { parse } from 'yaml';
import { RateLimits } from '../main';

const chart = new RateLimits(Testing.app(), 'rate-limits');
const mesh = MeshTesting.of(chart);

/** The filters that a request meets, as the simulator tells them. */
const traceOf = (request: MeshRequest) => mesh.send(request, { from: chart.front }).expectTarget(chart.accounts).trace();

test('logins are counted, ten a minute', () => {
  expect(traceOf(MeshRequest.post('http://accounts:8080/login'))).toContain('local_ratelimit');
  const [{ spec }] = Testing.synth(chart).filter(({ metadata }) => metadata.name === 'login');
  expect(spec.configPatches[0].patch.value.typed_config.descriptors).toEqual([
    { entries: [{ key: 'header_match', value: 'login' }], token_bucket: { max_tokens: 10, tokens_per_fill: 10, fill_interval: '60s' } },
  ]);
});

test('searches are counted by one service for all pods, a thousand an hour for each key', () => {
  expect(traceOf(MeshRequest.get('http://accounts:8080/search?q=mesh').header('x-api-key', 'ann'))).toContain('envoy.filters.http.ratelimit.search');
  const [{ data }] = Testing.synth(chart).filter(({ kind }) => kind === 'ConfigMap');
  expect(parse(data['shop.search.yaml'])).toEqual({
    domain: 'shop/search',
    descriptors: [{ key: 'rate_limit', value: 'search', descriptors: [{ key: 'x-api-key', rate_limit: { unit: 'hour', requests_per_unit: 1000 } }] }],
  });
});

test('the script runs before the application sees a request', () => {
  expect(traceOf(MeshRequest.get('http://accounts:8080/me'))).toContain('envoy.filters.http.lua');
});

test('a patch that would take hold nowhere fails synthesis', () => {
  const broken = new RateLimits(Testing.app(), 'rate-limits');
  new EnvoyPatch(broken, 'nowhere', {
    service: broken.accounts,
    applyTo: PatchTarget.HTTP_FILTER,
    match: { listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager', subFilter: { name: 'no.such.filter' } } } } },
    operation: PatchOperation.REMOVE,
    expectMatches: 1,
  });
  expect(() => Testing.synth(broken)).toThrow(/\[rate-limits\/nowhere\] MESH_PATCH_[A-Z]+: /);
});

test('synthesizes', () => {
  expect(Testing.synth(chart)).toMatchSnapshot();
});
