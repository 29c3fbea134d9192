import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Testing } from 'cdk8s';
import { buildRuntime } from './pods';
import { Bookinfo } from '../../examples/bookinfo/bookinfo';
import { TOUR } from '../../examples/bookinfo/tour';
import { Mesh, ReferenceControlPlane, ReferenceProxy } from '../../src';
import type { Manifest } from '../support/api-server';
import { EVERY_CONSTRUCT, shopWith } from '../support/every-construct';
import { IstioCluster } from '../support/istio-cluster';
import { describeReal } from '../support/real-parts';

const START_MS = 120_000;

describeReal(['kube-apiserver', 'etcd', 'istio-crds'], 'a real API server takes', paths => {
  let cluster: IstioCluster;
  beforeAll(async () => { cluster = await IstioCluster.start(paths); }, START_MS);
  afterAll(async () => cluster?.stop(), START_MS);
  const complaints = async (manifests: readonly Manifest[]) => cluster.complaints(manifests);

  test.each(Object.keys(EVERY_CONSTRUCT))('%s', async (name) => {
    expect(await complaints(Testing.synth(shopWith(name).shop))).toEqual([]);
  });

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
