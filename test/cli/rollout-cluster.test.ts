import { Testing } from 'cdk8s';
import { stringify } from 'yaml';
import { cli, folderOf } from './support';
import { Canary } from '../../examples/canary/main';
import { IstioCluster } from '../support/istio-cluster';
import { describeReal } from '../support/real-parts';

const START_MS = 120_000;
const PODS = '/api/v1/namespaces/default/pods';

describeReal(['kube-apiserver', 'etcd', 'istio-crds', 'argo-crds'], 'rollout in a real cluster, without an engine', (paths) => {
  let cluster: IstioCluster;
  beforeAll(async () => {
    cluster = await IstioCluster.start(paths);
    expect(await cluster.complaints(Testing.synth(new Canary(Testing.app(), 'canary', 2)))).toEqual([]);
  }, START_MS);
  afterAll(async () => cluster?.stop(), START_MS);

  async function run(verb: string, name: string, ...argv: string[]) {
    const cwd = folderOf({ kubeconfig: stringify(cluster.server.kubeconfig()) });
    return cli(['rollout', verb, name, ...argv, '--kubeconfig', 'kubeconfig'], { cwd });
  }
  async function share(): Promise<number> {
    const { spec: { http } } = (await cluster.server.get('/apis/networking.istio.io/v1/namespaces/default/virtualservices/reviews')).body as any;
    return http.at(-1).route[1].weight;
  }
  /** A Pod as a Deployment makes it, and as a kubelet says that it is. */
  async function podOf(version: string, ready: boolean): Promise<void> {
    const metadata = { name: `reviews-${version}`, labels: { app: 'reviews', version } };
    const securityContext = { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } };
    await cluster.server.apply({ apiVersion: 'v1', kind: 'Pod', metadata, ...{ spec: { containers: [{ name: 'reviews', image: 'reviews', securityContext }] } } });
    await cluster.server.merge(`${PODS}/${metadata.name}/status`, { status: { podIP: '10.1.0.9', phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } });
  }

  test('show reads the plan from the cluster', async () => {
    const { code, stdout } = await run('show', 'reviews-v2');
    expect(stdout).toContain('at: step 2: weight 5 %\nnext: step 3: weight 30 %\n');
    expect(stdout).not.toContain('NO:');
    expect(code).toBe(0);
  });

  test('promote refuses a step before the pods are ready', async () => {
    await podOf('v1', true);
    await podOf('v2', false);
    const { code, stdout, stderr } = await run('promote', 'reviews-v2');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe('MESH_CANARY_BREAKS: versions have a subset and a ready pod before they get requests, got no ready pod of v2; apply and wait\n');
    expect(await share()).toBe(5);
  });

  test('promote takes routes that somebody else applied only by --force, and changes nothing in a dry run', async () => {
    await podOf('v2', true);
    const refused = await run('promote', 'reviews-v2');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('got 409 Apply failed with 1 conflict');
    expect((await run('promote', 'reviews-v2', '--force', '--dry-run')).stdout).toBe('reviews-v2: step 3: weight 30 % (dry run)\n');
    expect(await share()).toBe(5);
    expect((await run('promote', 'reviews-v2', '--force')).stdout).toBe('reviews-v2: step 3: weight 30 %\n');
    expect(await share()).toBe(30);
    expect((await run('show', 'reviews-v2')).stdout).toContain('at: step 3: weight 30 %\n');
  });

  test('abort, retry and the whole way', async () => {
    expect((await run('abort', 'reviews-v2')).stdout).toBe('reviews-v2: given up\n');
    expect(await share()).toBe(0);
    expect((await run('retry', 'reviews-v2')).stdout).toBe('reviews-v2: step 0: cookie beta=on\n');
    const ways = ['step 1: mirror 20 %', 'step 2: weight 5 %', 'step 3: weight 30 %', 'step 5: weight 100 %']; // step 4 is a pause
    for (const way of ways) expect((await run('promote', 'reviews-v2')).stdout).toBe(`reviews-v2: ${way}\n`);
    expect((await run('abort', 'reviews-v2')).stdout).toBe('reviews-v2: given up\n');
    expect((await run('promote', 'reviews-v2', '--full')).stdout).toBe('reviews-v2: step 5: weight 100 %\n');
    expect(await share()).toBe(100);
    expect(await run('promote', 'reviews-v2')).toMatchObject({ code: 2, stderr: 'MESH_STEP_INVALID: a step that comes after another, got reviews-v2 at its last, step 5: weight 100 %\n' });
  });

  test.each([
    ['pause', 'reviews-v2', 'MESH_ENGINE_LIMIT: a rollout is paused that an engine takes on, got reviews-v2 without one; it stands still until it is promoted\n'],
    ['promote', 'reviews-v3', '[namespace default] MESH_ROLLOUT_UNKNOWN: a rollout that is there, got reviews-v3; did you mean reviews-v2?\n'],
  ])('%s of %s ends with its reason', async (verb, name, message) => {
    expect(await run(verb, name)).toEqual({ code: 2, stdout: '', stderr: message });
  });

  test('Ctrl-C ends the command', async () => {
    const interrupt = new AbortController();
    interrupt.abort('SIGINT');
    const cwd = folderOf({ kubeconfig: stringify(cluster.server.kubeconfig()) });
    const { code, stdout } = await cli(['rollout', 'show', 'reviews-v2', '--kubeconfig', 'kubeconfig'], { cwd, signal: interrupt.signal });
    expect([code, stdout]).toEqual([130, '']);
  });
});
