import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Testing } from 'cdk8s';
import { parseAllDocuments } from 'yaml';
import { buildRuntime } from './pods';
import { Bookinfo } from '../../examples/bookinfo/bookinfo';
import { TOUR } from '../../examples/bookinfo/tour';
import { Mesh, ReferenceControlPlane, ReferenceProxy } from '../../src';
import { ApiServer } from '../support/api-server';
import type { Manifest } from '../support/api-server';
import { describeReal } from '../support/real-parts';

const START_MS = 120_000;
const NAMESPACES = ['default', 'istio-system'];

describeReal(['kube-apiserver', 'etcd', 'istio-crds'], 'a real API server takes', paths => {
  let server: ApiServer;

  beforeAll(async () => {
    server = await ApiServer.start({ apiServer: paths['kube-apiserver']!, etcd: paths.etcd! });
    const crds = parseAllDocuments(readFileSync(paths['istio-crds']!, 'utf8')).map(document => document.toJS() as CustomResource);
    for (const crd of crds) expect(await server.apply(crd)).toMatchObject({ status: 201 });
    await Promise.all(crds.map(established));
    for (const name of NAMESPACES) await server.apply(namespace(name));
  }, START_MS);

  afterAll(async () => server?.stop(), START_MS);

  /** Until its kind can be applied. */
  async function established({ spec: { group, versions, names } }: CustomResource): Promise<void> {
    for (const { name } of versions.filter(({ served }) => served)) {
      for (const end = Date.now() + START_MS; ;) {
        const { body } = await server.get(`/apis/${group}/${name}`);
        if (body.resources?.some(({ kind }) => kind === names.kind) === true) break;
        if (Date.now() > end) throw new Error(`${group}/${name} ${names.kind} is not served`);
      }
    }
  }

  /** What the API server has against manifests: refusals, unknown fields, and warnings of the restricted standard. */
  async function complaints(manifests: readonly Manifest[]): Promise<string[]> {
    const found: string[] = [];
    for (const manifest of manifests) {
      const { status, body, warnings } = await server.apply(manifest);
      const where = `${manifest.kind}/${manifest.metadata.name}`;
      if (status !== 200 && status !== 201) found.push(`${where}: ${status} ${body.message}`);
      found.push(...warnings.map(warning => `${where}: ${warning}`));
    }
    return found;
  }

  test.each(Object.entries(TOUR))('Bookinfo under %s', async (_name, { apply }) => {
    const bookinfo = new Bookinfo(Testing.app(), 'bookinfo');
    apply(bookinfo);
    expect(await complaints(Testing.synth(bookinfo))).toEqual([]);
  });

  test('the reference mesh, programs and all, with a proxy beside a workload', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-bundle-'));
    try {
      const bookinfo = new Bookinfo(Testing.app(), 'bookinfo');
      const controlPlane = new ReferenceControlPlane(bookinfo, 'control-plane', { bundle: buildRuntime(folder) });
      new ReferenceProxy(bookinfo, 'proxy', { controlPlane, workload: bookinfo.reviewsV1.workload });
      expect(await complaints(Testing.synth(bookinfo))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('workloads with Istio\'s sidecar, restricted where a CNI plugin captures', async () => {
    const bookinfo = new Bookinfo(Testing.app(), 'bookinfo');
    new Mesh(Testing.chart(), 'mesh').inject(bookinfo, {
      values: { pilot: { cni: { enabled: true } }, global: { proxy: { seccompProfile: { type: 'RuntimeDefault' } } } },
    });
    expect(await complaints(Testing.synth(bookinfo))).toEqual([]);
  });

  test('no field that it does not know', async () => {
    const misspelt = { apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'odd' }, spec: { hosts: ['reviews'] } };
    expect(await complaints([misspelt])).toEqual([expect.stringContaining('.spec.hosts: field not declared in schema')]);
  });
});

interface CustomResource extends Manifest {
  readonly spec: {
    readonly group: string;
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
    readonly names: { readonly kind: string };
  };
}

function namespace(name: string): Manifest {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/warn': 'restricted' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } as Manifest['metadata'] };
}
