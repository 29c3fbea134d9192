import { Chart, Duration, Testing, Yaml } from 'cdk8s';
import { envoyDataPlane } from '../../runtime/cli/up/envoy';
import { LuaExtension, MeshPort, MeshService, PathMatch, RateLimit, RateLimitQuota, RouteMatch } from '../../src';
import { describeReal } from '../support/real-parts';
import { RunningMesh } from '../support/tour/running-mesh';

const START_MS = 400_000; // others may be running a mesh
const QUOTA = 10;

describeReal(['envoy'], 'extensions in real Envoys', ({ envoy }) => {
  let mesh: RunningMesh;

  beforeAll(async () => {
    const chart = new Chart(Testing.app(), 'shop', { namespace: 'default' });
    const [front, back] = ['front', 'back'].map(name => new MeshService(chart, name, { ports: [MeshPort.http(9080)] })) as [MeshService, MeshService];
    for (const service of [front, back]) service.addVersion('v1', { replicas: 1, containers: [{ image: 'example' }] });
    const quota = RateLimitQuota.local({ requests: QUOTA, per: Duration.hours(1) });
    new RateLimit(chart, 'login', { service: back, quota, match: [RouteMatch.http({ path: PathMatch.exactly('/login') })] });
    new LuaExtension(chart, 'marked', { service: back, code: 'function envoy_on_request(handle) handle:headers():add("x-marked", "by lua") end' });
    mesh = await RunningMesh.start(envoyDataPlane({ ...process.env, ENVOY_BIN: envoy }), Yaml.stringify(...Testing.synth(chart)));
  }, START_MS);

  afterAll(async () => mesh?.stop());

  const ask = async (path: string) => mesh.ask({ from: 'front-v1', url: `http://back:9080${path}` });

  test('the eleventh request of ten is answered 429, others pass', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < QUOTA + 2; count++) statuses.push((await ask('/login')).status);
    expect(statuses).toEqual([...new Array<number>(QUOTA).fill(200), 429, 429]);
    expect((await ask('/other')).status).toBe(200);
    expect((await ask('/login/more')).status).toBe(200);
  });

  test('a script changes requests', async () => {
    expect((await ask('/other')).seen?.headers['x-marked']).toBe('by lua');
  });
});
