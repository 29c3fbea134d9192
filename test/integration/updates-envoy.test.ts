import { Agent, request } from 'node:http';
import { EnvoyMesh } from '../support/envoy-mesh';
import { describeReal } from '../support/real-parts';

const workload = (name: string, app: string, version: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${app}, version: ${version}}}
  template:
    metadata: {labels: {app: ${app}, version: ${version}}}
    spec: {containers: [{name: app, image: app, ports: [{containerPort: 9080}]}]}
`;

const APPLICATIONS = [
  'apiVersion: v1\nkind: Service\nmetadata: {name: back}\nspec: {selector: {app: back}, ports: [{name: http, port: 9080}]}\n',
  workload('front', 'front', 'v1'), workload('back-v1', 'back', 'v1'), workload('back-v2', 'back', 'v2'),
];

/** All traffic to one version, through a subset that no other step has: each update needs a new cluster and drops an old one. */
const routedTo = (version: string, subset: string): string => [...APPLICATIONS, `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: back}
spec: {host: back, subsets: [{name: ${subset}, labels: {version: ${version}}}]}
`, `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back}
spec: {hosts: [back], http: [{route: [{destination: {host: back, subset: ${subset}}}]}]}
`].join('---');

const UPDATES = 20;
const CALLERS = 4;

/** One request of `front` to `back`: status and body. */
async function get(mesh: EnvoyMesh, agent: Agent): Promise<string> {
  const { address: host, port } = mesh.address('front', 'back', 9080);
  return new Promise(resolve => {
    const call = request({ host, port, agent, headers: { host: 'back:9080' } }, response => {
      let body = '';
      response.on('data', chunk => { body += String(chunk); });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    });
    call.on('error', error => resolve(error.message));
    call.end();
  });
}

describeReal(['envoy'], 'traffic through real Envoys', paths => {
  let mesh: EnvoyMesh;
  let agent: Agent;

  beforeEach(async () => {
    agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
    mesh = await EnvoyMesh.start(paths.envoy!, routedTo('v1', 'step-0'));
  }, 30_000);

  afterEach(async () => {
    agent.destroy();
    await mesh.stop();
  }, 30_000);

  test(`no request fails while ${UPDATES} updates replace the clusters they go to`, async () => {
    const answers = new Map<string, number>();
    let running = true;
    const callers = Array.from({ length: CALLERS }, async () => {
      while (running) {
        const answer = await get(mesh, agent);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    });
    const before = mesh.controlPlane.status();
    try {
      for (let step = 1; step <= UPDATES; step++) {
        const version = step % 2 === 0 ? 'v1' : 'v2';
        await mesh.update(routedTo(version, `step-${step}`));
        await mesh.envoys.get('front')!.until(`step ${step} is in effect`, async () => {
          const answer = await get(mesh, agent);
          return answer === `200 back-${version}` ? [] : [answer];
        });
      }
    } finally {
      running = false;
      await Promise.all(callers);
    }
    expect([...answers.keys()].sort()).toEqual(['200 back-v1', '200 back-v2']);
    // The proxies of the services that are called have the same clusters, and take them as well; nobody reconnected.
    expect(mesh.controlPlane.status().map(({ id, connection, synced }) => [id, connection, synced]))
      .toEqual(before.map(({ id, connection }) => [id, connection, true]));
    const clusters = await mesh.envoys.get('front')!.admin('/clusters');
    expect([...new Set(clusters.body.match(/step-\d+/g))]).toEqual([`step-${UPDATES}`]);
  }, 60_000);

  test('Envoys serve on without their control plane, and take up with the next one', async () => {
    await mesh.without(async () => {
      for (let count = 0; count < 20; count++) expect(await get(mesh, agent)).toBe('200 back-v1');
    });
    for (const envoy of mesh.envoys.values()) {
      expect(Object.values(await envoy.stats('update_rejected')).every(count => count === 0)).toBe(true);
    }
    await mesh.update(routedTo('v2', 'step-1'));
    await mesh.envoys.get('front')!.until('the new control plane is in effect', async () => {
      const answer = await get(mesh, agent);
      return answer === '200 back-v2' ? [] : [answer];
    });
  }, 60_000);
});
