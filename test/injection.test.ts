import { ApiObject, App, Chart, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { InjectionSelection, IstioVersion, Mesh, MeshPort, MeshService } from '../src';
import { only } from './support/synth';
import { inject } from '../src/injection';
import type { InjectionOptions } from '../src/injection';

/** Workloads of cdk8s-plus and by hand. */
function fill(chart: Chart): Chart {
  new kplus.Deployment(chart, 'web', { containers: [{ image: 'web', portNumber: 8080, startup: kplus.Probe.fromTcpSocket() }], spread: true });
  new kplus.Job(chart, 'job', { containers: [{ image: 'job' }] });
  new kplus.Deployment(chart, 'out', { containers: [{ image: 'out' }], podMetadata: { labels: { 'sidecar.istio.io/inject': 'false' } } });
  new ApiObject(chart, 'by-hand', {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: { selector: { matchLabels: { app: 'db' } }, serviceName: 'db', template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'db' }] } } },
  } as any);
  new ApiObject(chart, 'settings', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { a: '1' } } as any);
  return chart;
}

const containers = (object: any): string[] => object.spec.template.spec.containers.map(({ name }: { name: string }) => name);

test.each<[string, Parameters<Mesh['inject']>[1], InjectionOptions]>([
  ['as it is', undefined, {}],
  ['with options', { nativeSidecar: true, revision: 'blue', values: { global: { hub: 'h' } }, meshConfig: { trustDomain: 'td' } },
    { nativeSidecar: true, revision: 'blue', values: { global: { hub: 'h' } }, meshConfig: { trustDomain: 'td' } }],
])('a chart renders what the injector makes of its manifests, %s', (_case, options, same) => {
  const plain = Testing.synth(fill(Testing.chart()));
  const chart = Testing.chart();
  new Mesh(chart, 'mesh').inject(chart, options);
  fill(chart);
  const rendered = Testing.synth(chart);
  expect(rendered).toEqual(inject(plain, same).objects);
  expect(Object.keys(rendered[0]).slice(0, 3)).toEqual(['apiVersion', 'kind', 'metadata']);
});

test('who declines stays as it is', () => {
  const chart = fill(Testing.chart());
  new Mesh(chart, 'mesh').inject(chart);
  expect(Testing.synth(chart).filter(({ kind }) => kind === 'Deployment').map(containers)).toEqual([['main', 'istio-proxy'], ['main']]);
});

test('renders the same twice, whatever is asked twice', () => {
  const bytes = (times: number) => {
    const chart = Testing.chart();
    const mesh = new Mesh(chart, 'mesh');
    new kplus.Job(chart, 'job', { containers: [{ image: 'job' }] });
    for (let time = 0; time < times; time++) mesh.inject(chart);
    expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
    return JSON.stringify(Testing.synth(chart));
  };
  expect(bytes(2)).toBe(bytes(1));
});

test('one workload alone', () => {
  const chart = Testing.chart();
  const mesh = new Mesh(chart, 'mesh');
  const service = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  const v1 = service.addVersion('v1', { containers: [{ image: 'x' }] });
  service.addVersion('v2', { containers: [{ image: 'x' }] });
  mesh.inject(v1.workload);
  expect(containers(only(chart, 'Deployment', 'reviews-v1'))).toEqual(['reviews', 'istio-proxy']);
  expect(containers(only(chart, 'Deployment', 'reviews-v2'))).toEqual(['reviews']);
});

test('by labels, a Namespace of any chart of the app counts', () => {
  const app = new App();
  const shop = new Chart(app, 'shop', { namespace: 'shop' });
  new Mesh(shop, 'mesh').inject(shop, { selection: InjectionSelection.BY_LABELS });
  new kplus.Deployment(shop, 'web', { containers: [{ image: 'x' }] });
  expect(containers(only(shop, 'Deployment'))).toEqual(['main']);
  new kplus.Namespace(new Chart(app, 'spaces'), 'shop', { metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } } });
  expect(containers(only(shop, 'Deployment'))).toEqual(['main', 'istio-proxy']);
});

test('an annotation that Istio refuses names the construct', () => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh').inject(chart);
  new kplus.Deployment(chart, 'web', { containers: [{ image: 'x' }], podMetadata: { annotations: { 'sidecar.istio.io/proxyCPU': 'much' } } });
  expect(() => Testing.synth(chart)).toThrow(new Error(
    '[test/web/Resource] MESH_INJECT_ANNOTATION: annotation sidecar.istio.io/proxyCPU must be a quantity such as 100m or 128Mi, got "much"; correct it or leave it out',
  ));
});

test('two ways for one workload', () => {
  const chart = Testing.chart();
  const mesh = new Mesh(chart, 'mesh');
  const web = new kplus.Deployment(chart, 'web', { containers: [{ image: 'x' }] });
  mesh.inject(chart);
  expect(() => mesh.inject(web, { nativeSidecar: true })).toThrow(new Error(
    '[test/web/Resource] MESH_INJECT_TWICE: a workload must be injected in one way, got {"nativeSidecar":true} after {}; inject it once',
  ));
});

test('a version of Istio whose sidecar is not known', () => {
  const chart = Testing.chart();
  expect(() => new Mesh(chart, 'mesh', { istioVersion: IstioVersion.of('1.29') }).inject(chart)).toThrow(new Error(
    '[test/mesh] MESH_ISTIO_VERSION: inject() renders the sidecar of Istio 1.31, got istioVersion 1.29; leave injection to that version\'s webhook',
  ));
});
