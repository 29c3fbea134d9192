import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Duration, Testing } from 'cdk8s';
import { stringify } from 'yaml';
import { restricted } from '../../examples/restricted';
import { CanaryAnalysis, CanaryRollout, CanaryStep, Mesh, MeshPort, MeshRequest, MeshService, MeshTesting, RolloutEngine } from '../../src';
import { argoStates, REVISION_LABEL } from '../../src/analysis/rollout/argo-states';
import { cli, folderOf } from '../cli/support';
import { ArgoController } from '../support/argo-controller';
import { IstioCluster } from '../support/istio-cluster';
import { describeReal } from '../support/real-parts';

const START_MS = 180_000;
const ROLLOUT = '/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/reviews';
const VIRTUAL_SERVICE = '/apis/networking.istio.io/v1/namespaces/shop/virtualservices/reviews';
const DESTINATION_RULE = '/apis/networking.istio.io/v1/namespaces/shop/destinationrules/reviews';

const steps = [
  CanaryStep.mirror({ percent: 20 }), CanaryStep.header('x-canary', 'true'), CanaryStep.pause(), CanaryStep.weight(25), CanaryStep.pause(),
  CanaryStep.weight(60), CanaryStep.pause(), CanaryStep.weight(100),
];

function shop(aborted: boolean, image = 'v2') {
  const chart = Testing.chart();
  const namespace = 'shop';
  new Mesh(chart, 'mesh');
  const reviews = new MeshService(chart, 'reviews', { namespace, ports: [MeshPort.http(9080)] });
  const front = new MeshService(chart, 'front', { namespace, ports: [MeshPort.http(9080)] });
  front.addVersion('v1', { containers: [{ image: 'front:v1' }] });
  const [stable, canary] = [['v1', 'v1'], ['v2', image]].map(([version, each]) => reviews.addVersion(version, { containers: [{ image: `reviews:${each}` }] }));
  const rollout = new CanaryRollout(chart, 'to-v2', { service: reviews, stable, canary, steps, engine: RolloutEngine.argo(), aborted });
  restricted(chart);
  return { rollout, manifests: Testing.synth(chart) };
}

describeReal(['kube-apiserver', 'etcd', 'istio-crds', 'argo-crds', 'argo-rollouts', 'jq'], 'the real controller of Argo Rollouts', (paths) => {
  let cluster: IstioCluster;
  let controller: ArgoController;
  /** Version of everything when the first revision was there, and what there was. */
  let healthy: string;
  let first: any[];
  const { rollout, manifests } = shop(false);
  const states = argoStates(manifests.find(({ kind }) => kind === 'Rollout'), manifests);

  beforeAll(async () => {
    cluster = await IstioCluster.start(paths);
    controller = await ArgoController.start(paths['argo-rollouts']!, cluster.server);
  }, START_MS);
  afterAll(async () => {
    await controller?.stop();
    await cluster?.stop();
  }, START_MS);

  const objectOf = (state: string, kind: string) => states.find(({ name }) => name === state)!.manifests.find(each => each.kind === kind) as any;
  /** The controller's routes and subsets are those that the state was proved with. */
  async function isAt(state: string): Promise<void> {
    const { http } = objectOf(state, 'VirtualService').spec;
    await controller.until(VIRTUAL_SERVICE, `that of ${state}: ${JSON.stringify(http)}`, ({ spec }) => same(spec?.http, http));
    const revision = (hash: string, rollouts: any) => (hash === rollouts.status.stableRS ? 'stable' : hash === rollouts.status.currentPodHash ? 'canary' : hash);
    const { body } = await cluster.server.get(ROLLOUT);
    await controller.until(DESTINATION_RULE, `that of ${state}`, ({ spec }) => same(
      spec.subsets.map((subset: any) => [subset.name, revision(subset.labels[REVISION_LABEL], body)]), [['stable', 'stable'], ['canary', 'canary']]));
  }
  const pausedAt = async (index: number) => controller.until(
    ROLLOUT, `paused at step ${index}`, ({ status }) => status?.currentStepIndex === index && status.pauseConditions?.length > 0);
  async function command(...argv: string[]) {
    const cwd = folderOf({ kubeconfig: stringify(cluster.server.kubeconfig()) });
    return cli(['rollout', ...argv, 'reviews', '-n', 'shop', '--kubeconfig', 'kubeconfig'], { cwd });
  }
  const stepNamed = (text: string) => states.find(({ name }) => name.endsWith(text))!;

  test('takes a first revision, whose pods get everything', async () => {
    expect(await cluster.complaints(shop(true).manifests)).toEqual([]);
    const rollouts = await controller.until(ROLLOUT, 'healthy', ({ status }) => status?.phase === 'Healthy');
    healthy = rollouts.metadata.resourceVersion;
    const { body } = await cluster.server.get(VIRTUAL_SERVICE) as any;
    const { items } = (await cluster.server.get('/apis/apps/v1/namespaces/shop/replicasets')).body as any;
    first = [body, (await cluster.server.get(DESTINATION_RULE)).body, ...items.map((each: any) => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', ...each }))];
    expect(body.spec.http).toEqual(objectOf('promoted', 'VirtualService').spec.http);
  }, START_MS);

  test('at each pause it wrote what the simulator proved', async () => {
    expect(await cluster.complaints(manifests)).toEqual([]);
    const pauses = states.filter(({ name }) => name.includes('pause'));
    expect(pauses.map(({ weight }) => weight)).toEqual([0, 25, 60]);
    for (const [index, { name, step }] of pauses.entries()) {
      await pausedAt(step!);
      await isAt(name);
      if (index < pauses.length - 1) expect(await command('promote')).toEqual({ code: 0, stdout: 'reviews: promoted\n', stderr: '' });
    }
  }, START_MS);

  test('show says where it is, and pause holds it there, a dry run not', async () => {
    const { code, stdout } = await command('show');
    expect(code).toBe(0);
    expect(stdout).toContain(`reviews.shop  engine argo\nPaused (CanaryPauseStep)\nat: ${states.filter(({ name }) => name.includes('pause')).at(-1)!.name}\n`);
    expect(stdout).not.toContain('NO:');
    const paused = async () => ((await cluster.server.get(ROLLOUT)).body as any).spec.paused;
    expect((await command('pause', '--dry-run')).stdout).toBe('reviews: paused (dry run)\n');
    expect(await paused()).toBe(undefined);
    expect((await command('pause')).code).toBe(0);
    expect(await paused()).toBe(true);
    await cluster.server.merge(ROLLOUT, { spec: { paused: null } });
  }, START_MS);

  test('what it wrote is what Argo CD is told to ignore, and nothing else', async () => {
    for (const { kind, name, jqPathExpressions = [], jsonPointers = [] } of rollout.ignoreDifferences) {
      const { body } = await cluster.server.get(kind === 'VirtualService' ? VIRTUAL_SERVICE : DESTINATION_RULE) as any;
      const wanted = manifests.find(each => each.kind === kind && each.metadata.name === name);
      const paths_ = jsonPointers.map(pointer => `.${pointer.split('/').slice(1).map(part => `[${JSON.stringify(part.replaceAll('~1', '/'))}]`).join('')}`);
      const filter = [...jqPathExpressions, ...paths_].map(path => `del(${path})`).join(' | ');
      const cut = (object: any) => JSON.parse(execFileSync(paths.jq!, ['-c', filter], { input: JSON.stringify(object), encoding: 'utf8' }));
      expect(cut(body).spec).toEqual(cut(wanted).spec);
      expect(cut(body).metadata.annotations).toEqual(cut(wanted).metadata.annotations);
      expect(body.spec).not.toEqual(wanted.spec);
    }
  });

  test('given up, all requests go to the stable revision again', async () => {
    expect((await command('abort')).stdout).toBe('reviews: given up\n');
    await controller.until(ROLLOUT, 'given up', ({ status }) => status?.phase === 'Degraded' && status.abort === true);
    await isAt('given up');
    expect((await command('show')).stdout).toContain('at: given up\n');
  }, START_MS);

  test('interrupted by a third revision, and given up again', async () => {
    expect((await command('retry')).code).toBe(0);
    await pausedAt(stepNamed('pause').step!);
    expect((await command('promote')).code).toBe(0);
    await isAt(states.filter(({ name }) => name.includes('pause'))[1].name);
    const before = (await cluster.server.get(ROLLOUT)).body as any;
    expect(await cluster.complaints(shop(false, 'v3').manifests)).toEqual([]);
    await controller.until(ROLLOUT, 'at a third revision', ({ status }) => status.currentPodHash !== before.status.currentPodHash && status.pauseConditions?.length > 0);
    await isAt(stepNamed('pause').name);
    expect((await command('abort')).code).toBe(0);
    await isAt('given up');
  }, START_MS);

  test('tried again and promoted, the new revision is the stable one', async () => {
    expect((await command('retry')).stdout).toBe('reviews: begun again\n');
    await pausedAt(stepNamed('pause').step!);
    expect((await command('promote', '--full')).stdout).toBe('reviews: promoted to the end\n');
    const { status } = await controller.until(ROLLOUT, 'promoted', each => each.status?.phase === 'Healthy' && each.status.stableRS === each.status.currentPodHash);
    await controller.until(VIRTUAL_SERVICE, 'that of promoted', ({ spec }) => same(spec?.http, objectOf('promoted', 'VirtualService').spec.http));
    await controller.until(DESTINATION_RULE, 'that of promoted', ({ spec }) => spec.subsets.every(({ labels }: any) => labels[REVISION_LABEL] === status.stableRS));
  }, START_MS);

  test('whatever it wrote, in the order in which it wrote it, served every request', async () => {
    const lists = [VIRTUAL_SERVICE, DESTINATION_RULE, '/apis/apps/v1/namespaces/shop/replicasets/'].map(path => path.slice(0, path.lastIndexOf('/')));
    const written = (await Promise.all(lists.map(async path => cluster.server.history(path, healthy))))
      .flat().sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
    expect(written.length).toBeGreaterThan(30);
    const now = new Map<string, any>(first.map(each => [`${each.kind}/${each.metadata.name}`, each]));
    const base = manifests.filter(({ kind, metadata }) => kind === 'Service' || (kind === 'Deployment' && metadata.name === 'front-v1') || metadata.name === 'front');
    const seen = new Set<string>();
    const shares = new Set<number>();
    for (const each of written) {
      now.set(`${each.kind}/${each.metadata.name}`, each);
      // A ReplicaSet stands for its pods: those that are there, whatever it asks for.
      const mesh = [...base, ...[...now.values()].map(({ apiVersion, kind, metadata: { name, namespace }, spec, status }) => (
        { apiVersion, kind, metadata: { name, namespace }, spec: kind === 'ReplicaSet' ? { ...spec, replicas: status?.availableReplicas ?? 0 } : spec }))];
      if (seen.has(JSON.stringify(mesh))) continue;
      seen.add(JSON.stringify(mesh));
      const t = MeshTesting.ofManifests(mesh);
      for (const request of [MeshRequest.get('http://reviews.shop:9080/'), MeshRequest.get('http://reviews.shop:9080/').header('x-canary', 'true')]) {
        const distribution = t.send(request, { fromName: 'front-v1.shop' }).distribution();
        shares.add(distribution.find(({ target }) => target.endsWith('/canary'))?.percent ?? 0);
        const failing = distribution.filter(({ because }) => because !== undefined);
        expect([each.kind, each.metadata.resourceVersion, failing]).toEqual([each.kind, each.metadata.resourceVersion, []]);
      }
    }
    expect([...shares].sort((x, y) => x - y)).toEqual([0, 25, 60, 100]);
  }, START_MS);

  test('too many failures give the rollout up; no request is no failure', async () => {
    const asked: string[] = [];
    let rate: string | undefined;
    // A stand-in for Prometheus: it notes what it is asked and answers with the rate of the moment.
    const prometheus = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => { body += chunk.toString(); }).on('end', () => {
        asked.push(new URLSearchParams(body).get('query') ?? '');
        const result = rate === undefined ? [] : [{ metric: {}, value: [0, rate] }];
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
      });
    });
    await new Promise<void>(resolve => { prometheus.listen(0, '127.0.0.1', resolve); });
    const { port } = prometheus.address() as AddressInfo;
    try {
      const analysis = CanaryAnalysis.successRate({ prometheus: `http://127.0.0.1:${port}`, interval: Duration.seconds(1), failureLimit: 0 });
      const ratings = (aborted: boolean) => {
        const chart = Testing.chart();
        const service = new MeshService(chart, 'ratings', { namespace: 'shop', ports: [MeshPort.http(9080)] });
        const [stable, canary] = ['v1', 'v2'].map(version => service.addVersion(version, { containers: [{ image: `ratings:${version}` }] }));
        const half = [CanaryStep.weight(50), CanaryStep.pause(), CanaryStep.weight(100)];
        new CanaryRollout(chart, 'ratings-v2', { service, stable, canary, steps: half, engine: RolloutEngine.argo({ analysis }), aborted });
        restricted(chart);
        return Testing.synth(chart);
      };
      const [path, routes] = [ROLLOUT, VIRTUAL_SERVICE].map(each => each.replace('reviews', 'ratings'));
      expect(await cluster.complaints(ratings(true))).toEqual([]);
      await controller.until(path, 'healthy', ({ status }) => status?.phase === 'Healthy');
      expect(await cluster.complaints(ratings(false))).toEqual([]);
      await controller.until(path, 'paused', ({ status }) => status?.pauseConditions?.length > 0 && asked.length > 1);
      const weights = ({ spec }: any) => spec?.http[0].route.map(({ weight }: any) => weight).join();
      await controller.until(routes, 'shared', each => weights(each) === '50,50');
      rate = '0.98';
      await controller.until(path, 'given up', ({ status }) => status?.abort === true);
      await controller.until(routes, 'the stable version\'s', each => weights(each) === '100,0');
      expect(asked[0]).toContain('destination_service_name="ratings",destination_service_namespace="shop",destination_version="v2",response_code!~"5.."}[1s]');
    } finally {
      await new Promise(resolve => { prometheus.close(resolve); });
    }
  }, START_MS);
});

/** Equal as data, in whatever order keys are. */
function same(a: unknown, b: unknown): boolean {
  const sorted = (value: unknown): unknown => (Array.isArray(value) ? value.map(sorted)
    : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)).map(([key, each]) => [key, sorted(each)])) : value);
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}
