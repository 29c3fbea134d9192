import * as fc from 'fast-check';
import { createCompiler } from '../../src/compiler/compiler';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';
import { proxyFromNode } from '../../src/model/proxy';
import type { Resource } from '../../src/model/resource';
import { inCluster } from '../generated/cluster';
import { FIRST, meshes, WORKLOADS } from '../generated/meshes';
import { differences } from '../golden/compare';
import { loadScenario } from '../golden/load';
import { Istiod } from '../support/istiod';
import type { Node } from '../support/istiod';
import { describeReal } from '../support/real-parts';

/** A few at the desk, 200 in `.ci/run`; `ISTIOD_MESHES=1000 ISTIOD_SEED=2` looks further. */
const RUNS = Number(process.env.ISTIOD_MESHES ?? (process.env.CI === 'true' ? 200 : 20));
const SEED = Number(process.env.ISTIOD_SEED ?? 20261121);
/** Its server is made for tests that end: it keeps what it made for each mesh. */
const MESHES_PER_PROCESS = 50;
/** At most this many problems are told. */
const TOLD = 10;

describeReal(['istiod', 'istiod-golden'], 'a real istiod', ({ istiod: binary }) => {
  const { meshConfig } = loadScenario('base')!;
  let istiod: Istiod;

  beforeAll(async () => { istiod = await Istiod.start(binary!); }, 60_000);
  afterAll(async () => { await istiod?.stop(); }, 30_000);

  test('sends what it sent when its answers were recorded', async () => {
    const { resources, proxies } = loadScenario('base')!;
    const answers = await istiod.answers({ resources, meshConfig, nodes: Object.fromEntries(proxies.map(({ name, node }) => [name, node])) });
    for (const { name, expected } of proxies) {
      const { cds, eds, lds, rds } = answers[name]!;
      expect([name, lds.length, rds.length, cds.length, eds.length]).toEqual([name, ...Object.values(expected).map(list => list.length)]);
    }
  }, 60_000);

  test(`sends what the compiler makes, for ${RUNS} generated meshes`, async () => {
    const problems: string[] = [];
    for (const [index, { documents }] of fc.sample(meshes, { numRuns: RUNS, seed: SEED }).entries()) {
      if (index % MESHES_PER_PROCESS === MESHES_PER_PROCESS - 1) {
        await istiod.stop();
        istiod = await Istiod.start(binary!);
      }
      const found = await compare(documents);
      if (found.length > 0) problems.push(`mesh ${index} of seed ${SEED}: ${found.slice(0, 3).join('\n    ')}\n    ${JSON.stringify(documents)}`);
    }
    process.stdout.write(`${RUNS} generated meshes compared with istiod, ${problems.length} problems\n`);
    expect(problems.slice(0, TOLD)).toEqual([]);
  }, 60_000 + RUNS * 2_000);

  /** What istiod sends differently to some proxy of the mesh. */
  async function compare(documents: readonly object[]): Promise<string[]> {
    const kept = FIRST.filter(first => !documents.some(document => sameName(document, first)));
    const { resources: given, errors } = parseManifests(inCluster([...WORKLOADS, ...kept, ...documents]).map(document => JSON.stringify(document)).join('\n---\n'));
    if (errors.length > 0) throw errors[0]!;
    // An API server would not take what its webhook refuses.
    const verdicts = await istiod.verdicts(given);
    const resources = given.filter((_, index) => verdicts[index]!.error === undefined);
    const nodes = Object.fromEntries(resources.filter(({ kind }) => kind === 'Pod').map(pod => [pod.metadata.name, nodeOf(pod)]));
    const answers = await istiod.answers({ resources, meshConfig, nodes });
    const model = buildModel(resources, { meshConfig });
    const compiler = createCompiler(model);
    return Object.entries(nodes).flatMap(([name, node]) => (
      differences({ expected: answers[name]! }, compiler.compile(proxyFromNode(node, model)))
        // What rules send to beyond the imports of a Sidecar stands at the end, in an order that changes from one istiod to the next.
        .filter(difference => !difference.startsWith('cds: order')).map(difference => `${name}: ${difference}`)));
  }
});

const sameName = (a: any, b: any): boolean => (
  a.kind === b.kind && a.metadata.name === b.metadata.name && a.metadata.namespace === b.metadata.namespace);

/** The xDS node with which the agent of a Pod introduces itself. */
function nodeOf({ metadata: { name, namespace, labels }, spec, status }: Resource): Node {
  const ip = String(status!.podIP);
  const router = labels.istio === 'ingressgateway';
  return {
    id: `${router ? 'router' : 'sidecar'}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${labels.app ?? name}.${namespace}`,
    metadata: {
      NAME: name,
      NAMESPACE: namespace,
      LABELS: labels,
      SERVICE_ACCOUNT: spec.serviceAccountName,
      CLUSTER_ID: 'Kubernetes',
      ISTIO_VERSION: '1.32.0',
      INSTANCE_IPS: ip,
      WORKLOAD_NAME: name,
      INTERCEPTION_MODE: 'REDIRECT',
      ...(router ? {} : { DNS_CAPTURE: 'true' }),
    },
  };
}
