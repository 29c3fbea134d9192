import { ApiObject, Chart, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { IstioVersion, Mesh, MeshPort, MeshService, MtlsMode, RouteTarget } from '../src';
import { failures, only } from './support/synth';

const image = { containers: [{ image: 'x' }] };

function virtualService(chart: ReturnType<typeof Testing.chart>, subset: string) {
  return new ApiObject(chart, 'by-hand', {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'by-hand' },
    spec: { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews', subset } }] }] },
  });
}

test('renders nothing, and what is right passes', () => {
  const chart = Testing.chart();
  const mesh = new Mesh(chart, 'mesh');
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  reviews.addRoute('all', { targets: [RouteTarget.to(reviews.addVersion('v1', image))] });
  expect(mesh.istioVersion).toBe(IstioVersion.V1_31);
  expect(Testing.synth(chart).map(({ kind }) => kind)).toEqual(['ServiceAccount', 'Service', 'Deployment', 'DestinationRule', 'VirtualService']);
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('a finding fails synthesis at its construct, a hand-written one too', () => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] }).addVersion('v1', image);
  virtualService(chart, 'v9');
  expect(failures(chart)).toEqual([
    expect.stringMatching(/^\[test\/by-hand\] MESH_SUBSET_MISSING: VirtualService\/default\/by-hand spec\.http\[0\]\.route\[0\]\S*: .*v9.*IST0101.*; /),
  ]);
});

test('each synthesis looks at what the tree holds by then', () => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] }).addVersion('v1', image);
  expect(failures(chart)).toEqual([]);
  const wrong = virtualService(chart, 'v9');
  const found = failures(chart);
  expect(found).toEqual([expect.stringContaining('[test/by-hand] MESH_SUBSET_MISSING')]);
  expect(failures(chart)).toEqual(found);
  chart.node.tryRemoveChild(wrong.node.id);
  expect(failures(chart)).toEqual([]);
  // The same text from another construct of that path.
  virtualService(chart, 'v9');
  expect(failures(chart)).toEqual(found);
});

test('without a Mesh the same is rendered', () => {
  const chart = Testing.chart();
  virtualService(chart, 'v9');
  expect(failures(chart)).toEqual([]);
});

test('looks anew at each synthesis', () => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  virtualService(chart, 'v1');
  expect(failures(chart)).toHaveLength(1);
  reviews.addVersion('v1', image);
  expect(failures(chart)).toEqual([]);
});

test('renders each object once for it, and leaves no trace in what cdk8s-plus renders', () => {
  const terms = (withMesh: boolean) => {
    const chart = Testing.chart();
    if (withMesh) new Mesh(chart, 'mesh');
    new kplus.Deployment(chart, 'spread', { ...image, spread: true });
    return only(chart, 'Deployment').spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution.length;
  };
  expect([terms(false), terms(true)]).toEqual([2, 2]);
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  const object = new ApiObject(chart, 'counted', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'counted' } });
  const rendered = jest.spyOn(object, 'toJson');
  Testing.synth(chart);
  expect(rendered).toHaveBeenCalledTimes(2); // once to look, once by cdk8s itself
});

test('what cannot be rendered at all is left to cdk8s to say', () => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  new kplus.Deployment(chart, 'empty');
  expect(() => Testing.synth(chart)).toThrow('PodSpec must have at least 1 container');
});

test('a chart has one', () => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  expect(() => new Mesh(chart, 'second')).toThrow(new Error(
    '[test/second] MESH_MESH_DUPLICATE: constructs must be checked by one Mesh, got a second beside test/mesh; keep one of them'));
});

describe('several charts', () => {
  const service = (chart: Chart) => new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });

  test('with a Mesh each are checked each on its own: one app may hold a stage in each chart', () => {
    const app = Testing.app();
    for (const stage of ['dev', 'prod']) {
      const chart = new Chart(app, stage);
      new Mesh(chart, 'mesh');
      const reviews = service(chart);
      reviews.addRoute('all', { targets: [RouteTarget.to(reviews.addVersion('v1', image))] });
    }
    virtualService(new Chart(app, 'unwatched'), 'v9');
    expect(app.synthYaml()).toContain('reviews-v1');
  });

  test.each(['the Mesh in the app', 'checks'])('are checked together by %s', (way) => {
    const app = Testing.app();
    const [one, two] = ['one', 'two'].map((id) => new Chart(app, id));
    if (way === 'checks') new Mesh(one, 'mesh', { checks: app });
    else new Mesh(app, 'mesh');
    service(one);
    virtualService(two, 'v9');
    expect(failures(two)).toEqual([expect.stringMatching(/^\[two\/by-hand\] MESH_SUBSET_MISSING/)]);
  });
});

test.each(Object.values(MtlsMode))('mtls %s is the policy of the root namespace', (mtls) => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh', { mtls, rootNamespace: mtls === MtlsMode.STRICT ? 'root' : undefined });
  expect(Testing.synth(chart)).toEqual([{
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace: mtls === MtlsMode.STRICT ? 'root' : 'istio-system', annotations: { 'cdk8s-mesh.dev/path': 'test/mesh' } },
    spec: { mtls: { mode: mtls } },
  }]);
});

test('rootNamespace is a name', () => {
  expect(() => new Mesh(Testing.chart(), 'mesh', { rootNamespace: '' })).toThrow(new Error(
    '[test/mesh] MESH_NAME_INVALID: rootNamespace must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got ""; give the name of a namespace'));
});

test.each(['1.22', '1.31.1'])('IstioVersion takes %s', (version) => {
  expect(IstioVersion.of(version).minor).toBe(Number(version.split('.')[1]));
});

test.each(['1.21', '1.9', '2.0', '1', 'latest', ''])('IstioVersion rejects "%s"', (version) => {
  expect(() => IstioVersion.of(version)).toThrow(new Error(
    `MESH_ISTIO_VERSION: istioVersion must be 1.22 or a later 1.x, which serve networking.istio.io/v1, got "${version}"; choose a version that IstioVersion has`));
});
