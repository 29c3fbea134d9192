import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Chart, Testing, Yaml } from 'cdk8s';
import type { Construct } from 'constructs';
import { Adoption } from '../../examples/adoption/main';
import { Bookinfo } from '../../examples/bookinfo/bookinfo';
import { RatingsMysql, RatingsMysqlVm } from '../../examples/bookinfo/mysql';
import { TOUR } from '../../examples/bookinfo/tour';
import { ArgoCanary } from '../../examples/canary/argo';
import { Canary } from '../../examples/canary/main';
import { ExternalServices } from '../../examples/external-services/main';
import { Gateways } from '../../examples/gateways/main';
import { Cluster } from '../../examples/multi-cluster/main';
import { RateLimits } from '../../examples/rate-limits/main';
import { VirtualMachines } from '../../examples/virtual-machine/main';
import { ZeroTrust } from '../../examples/zero-trust/main';
import { Authority } from '../../runtime/control-plane/ca/authority';
import { analyzeManifests, textOf } from '../../src/analysis';
import { createCompiler } from '../../src/compiler/compiler';
import { refusals } from '../../src/compiler/refusals';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import { buildModel } from '../../src/model/model';
import { resourcesOf } from '../../src/model/parse';
import { proxyOf } from '../../src/model/proxy';
import { assertTaken } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { IstioCluster } from '../support/istio-cluster';
import { describeReal } from '../support/real-parts';

const START_MS = 120_000;

type Example = new (scope: Construct, id: string) => Chart;

class BookinfoTour extends Bookinfo {
  public constructor(scope: Construct, id: string) {
    super(scope, id);
    TOUR['every-version'].apply(this);
  }
}

const EXAMPLES: readonly [string, Example][] = Object.entries({
  'adoption': Adoption,
  'bookinfo': BookinfoTour,
  'bookinfo, ratings from MySQL': RatingsMysql,
  'bookinfo, ratings from MySQL on a machine': RatingsMysqlVm,
  'canary': Canary,
  'canary-argo': ArgoCanary,
  'external-services': ExternalServices,
  'gateways': Gateways,
  'multi-cluster': Cluster,
  'rate-limits': RateLimits,
  'virtual-machine': VirtualMachines,
  'zero-trust': ZeroTrust,
});

/** What Istio says of every EnvoyFilter. */
const AGAINST_PATCHES = ['MESH_ENVOY_FILTER', 'MESH_PATCH_ORDER'];

const manifestsOf = (example: Example): any[] => Testing.synth(new example(Testing.app(), 'example'));

test('every folder of examples is among them', () => {
  const folders = readdirSync(join(__dirname, '../../examples'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  expect(folders.filter((folder) => !EXAMPLES.some(([name]) => name === folder))).toEqual([]);
});

describe.each(EXAMPLES)('example %s', (name, example) => {
  const manifests = manifestsOf(example);

  test('is the same each time it is synthesized', () => {
    const chart = new example(Testing.app(), 'example');
    expect(Yaml.stringify(...Testing.synth(chart))).toBe(Yaml.stringify(...manifests));
    expect(Yaml.stringify(...Testing.synth(chart))).toBe(Yaml.stringify(...manifests));
  });

  test('has nothing that analysis warns of', () => {
    const found = analyzeManifests(manifests).filter(({ severity, code }) => severity !== 'info' && !(name === 'rate-limits' && AGAINST_PATCHES.includes(code)));
    expect(found.map(textOf)).toEqual([]);
  });

  test('compiles for every proxy, each field of it', () => {
    const model = buildModel(withGatewayWorkloads(resourcesOf(manifests)).resources);
    expect(refusals(model)).toEqual([]);
    const compiler = createCompiler(model);
    for (const workload of model.workloads) expect(compiler.compile(proxyOf(model, workload)).listeners).not.toEqual([]);
  });
});

describeReal(['envoy'], 'real Envoy activates', paths => {
  test.each(EXAMPLES)('example %s, for every proxy', async (_name, example) => {
    const manifests = manifestsOf(example);
    const mesh = await EnvoyMesh.start(paths.envoy!, Yaml.stringify(...manifests, ...await secretsFor(manifests)));
    try {
      const compiler = createCompiler(mesh.controlPlane.model);
      for (const [name, proxy] of mesh.proxies) await assertTaken(mesh.envoys.get(name)!, compiler.compile(proxy));
    } finally {
      await mesh.stop();
    }
  }, START_MS);
});

describeReal(['kube-apiserver', 'etcd', 'istio-crds', 'argo-crds'], 'a real API server takes', paths => {
  let cluster: IstioCluster;
  beforeAll(async () => { cluster = await IstioCluster.start(paths); }, START_MS);
  afterAll(async () => cluster?.stop(), START_MS);

  test.each(EXAMPLES)('example %s, in namespaces of the restricted standard', async (_name, example) => {
    expect(await cluster.complaints(manifestsOf(example))).toEqual([]);
  });
});

/** The Secrets that gateways ask for, which an installation has from elsewhere. */
async function secretsFor(manifests: readonly any[]): Promise<object[]> {
  const authority = await Authority.create();
  const asked = manifests.filter(({ kind }) => kind === 'Gateway')
    .flatMap(({ metadata: { namespace }, spec }) => spec.servers.map(({ tls }: any) => ({ namespace, name: tls?.credentialName })));
  return Promise.all(asked.filter(({ name }) => name !== undefined).map(async ({ namespace, name }) => {
    const { certificateChain, privateKey } = await authority.identity(`spiffe://test/${name}`);
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      stringData: { 'tls.crt': certificateChain, 'tls.key': privateKey, 'ca.crt': authority.rootCertificate },
    };
  }));
}
