import { Chart, Duration, Testing, Yaml } from 'cdk8s';
import {
  HeaderMatch, LoadBalancing, Mesh, MeshPort, MeshService, PathMatch, RateLimit, RateLimitKey, RateLimitQuota, RateLimitService, RouteMatch,
} from '../../src';
import { createCompiler } from '../../src/compiler/compiler';
import { assertTaken } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { get } from '../support/http-get';
import { RunningRateLimitService } from '../support/rate-limit-service';
import { describeReal } from '../support/real-parts';

const START_MS = 120_000;
const at = (path: string) => RouteMatch.http({ path: PathMatch.exactly(path) });

function manifests(): any[] {
  const chart = new Chart(Testing.app(), 'shop', { namespace: 'shop' });
  new Mesh(chart, 'mesh');
  const accounts = new MeshService(chart, 'accounts', { ports: [MeshPort.http(18080)], traffic: { loadBalancing: LoadBalancing.roundRobin() } });
  const front = new MeshService(chart, 'front', { ports: [MeshPort.http(18080)] });
  for (const [service, version] of [[accounts, 'v1'], [accounts, 'v2'], [front, 'v1']] as const) {
    service.addVersion(version, { replicas: 1, containers: [{ image: 'example' }] });
  }
  const service = new RateLimitService(chart, 'quotas', { redis: 'redis.shop:6379', replicas: 1 });
  // A window of a day does not end while the test runs, and Envoy's 20 ms are too few for a busy machine.
  const global = (requests: number, more = {}) => (
    RateLimitQuota.global({ service, requests, per: Duration.days(1), timeout: Duration.seconds(5), failClosed: true, ...more }));
  new RateLimit(chart, 'login', { service: accounts, quota: global(10), match: [at('/login')] });
  new RateLimit(chart, 'search', { service: accounts, quota: global(3, { failClosed: false }), match: [at('/search'), RouteMatch.http({ headers: [HeaderMatch.isPresent('x-search')] })] });
  new RateLimit(chart, 'by-key', { service: accounts, quota: global(2, { each: [RateLimitKey.header('x-key')] }), match: [at('/api')] });
  const local = RateLimitQuota.local({ requests: 4, per: Duration.hours(1) });
  new RateLimit(chart, 'alone', { service: front, quota: local, match: [at('/alone'), RouteMatch.http({ headers: [HeaderMatch.isPresent('x-alone')] })] });
  return Testing.synth(chart);
}

describeReal(['envoy', 'ratelimit', 'redis'], 'quotas that real Envoys share', paths => {
  let service: RunningRateLimitService;
  let mesh: EnvoyMesh;

  beforeAll(async () => {
    const made = manifests();
    const named = (kind: string, name: string) => made.find(each => each.kind === kind && each.metadata.name === name);
    service = await RunningRateLimitService.start({
      binary: paths.ratelimit!, redis: paths.redis!, deployment: named('Deployment', 'quotas-v1'), quotas: named('ConfigMap', 'quotas-quotas'),
    });
    mesh = await EnvoyMesh.start(paths.envoy!, Yaml.stringify(...made), { applications: { 'quotas-v1': service.port } });
  }, START_MS);

  afterAll(async () => {
    await mesh?.stop();
    await service?.stop();
  }, START_MS);

  const ask = async (path: string, headers: Record<string, string> = {}, to = 'accounts') => (
    get({ ...mesh.address('front-v1', to, 18080), path, headers: { host: `${to}:18080`, ...headers } }));
  const statuses = async (count: number, ...request: Parameters<typeof ask>) => {
    const got: number[] = [];
    for (let sent = 0; sent < count; sent++) got.push((await ask(...request)).status);
    return got;
  };

  test('all is taken, nothing left warming', async () => {
    const compiler = createCompiler(mesh.controlPlane.model);
    for (const [name, proxy] of mesh.proxies) await assertTaken(mesh.envoys.get(name)!, compiler.compile(proxy));
  }, START_MS);

  test('the eleventh request of ten is answered 429, though two Envoys took turns', async () => {
    const answers = [];
    for (let sent = 0; sent < 12; sent++) answers.push(await ask(`/login?${sent}`));
    expect(answers.map(({ status }) => status)).toEqual([...new Array<number>(10).fill(200), 429, 429]);
    expect(new Set(answers.slice(0, 10).map(({ body }) => body))).toEqual(new Set(['accounts-v1', 'accounts-v2']));
    expect(await statuses(2, '/other')).toEqual([200, 200]);
  });

  test('a request that meets two alternatives counts once, and nothing of another quota', async () => {
    expect(await statuses(4, '/search', { 'x-search': '1' })).toEqual([200, 200, 200, 429]);
    expect(await statuses(2, '/search')).toEqual([429, 429]);
  });

  test('each value of a header has its own', async () => {
    expect(await statuses(3, '/api', { 'x-key': 'ann' })).toEqual([200, 200, 429]);
    expect(await statuses(3, '/api', { 'x-key': 'bob' })).toEqual([200, 200, 429]);
    expect(await statuses(4, '/api')).toEqual([200, 200, 200, 200]);
  });

  test('one that each Envoy counts for itself counts once too', async () => {
    expect(await statuses(5, '/alone', { 'x-alone': '1' }, 'front')).toEqual([200, 200, 200, 200, 429]);
  });

  test('while nobody counts, requests pass or are refused as the quota says', async () => {
    await service.stop();
    expect((await ask('/search', { 'x-search': '1' })).status).toBe(200);
    expect((await ask('/login')).status).toBe(500);
  });
});
