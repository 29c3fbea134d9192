import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ApiObject, App, Chart, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { ExtAuthz, ExternalAuthorizer, ExternalService, Mesh, MeshPort, MeshService, ReferenceControlPlane, ReferenceProxy } from '../src';
import { all, failures, only } from './support/synth';

const folder = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-runtime-'));
const bundle = join(folder, 'index.cjs');
writeFileSync(bundle, 'console.log(process.argv.slice(2))');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function mesh() {
  const chart = Testing.chart();
  const controlPlane = new ReferenceControlPlane(chart, 'control-plane', { bundle });
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  const v1 = reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
  return { chart, controlPlane, reviews, v1 };
}

test('a control plane is a Deployment, a Service, a ServiceAccount and two ConfigMaps, the same twice', () => {
  const { chart } = mesh();
  const first = JSON.stringify(Testing.synth(chart));
  expect(JSON.stringify(Testing.synth(chart))).toBe(first);
  const own = Testing.synth(chart).filter(({ metadata }) => metadata.name.startsWith('cdk8s-mesh-'));
  expect(own.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort()).toEqual([
    'ConfigMap/cdk8s-mesh-control-plane-config', 'ConfigMap/cdk8s-mesh-runtime', 'Deployment/cdk8s-mesh-control-plane',
    'Service/cdk8s-mesh-control-plane', 'ServiceAccount/cdk8s-mesh-control-plane',
  ]);
  expect(gunzipSync(Buffer.from(only(chart, 'ConfigMap', 'cdk8s-mesh-runtime').binaryData['runtime.cjs.gz'], 'base64')).toString()).toBe('console.log(process.argv.slice(2))');
});

test('it serves the manifests of its chart but its own, and its Pod starts anew with them', () => {
  const { chart, reviews } = mesh();
  const hash = () => only(chart, 'Deployment', 'cdk8s-mesh-control-plane').spec.template.metadata.annotations['cdk8s-mesh.dev/configuration'];
  const served = () => only(chart, 'ConfigMap', 'cdk8s-mesh-control-plane-config').data['mesh.yaml'] as string;
  new kplus.Secret(chart, 'secret', { stringData: { password: 'swordfish' } });
  expect(served()).toContain('name: reviews-v1');
  expect(served()).not.toMatch(/cdk8s-mesh-control-plane|swordfish/);
  const before = hash();
  reviews.addVersion('v2', { containers: [{ image: 'reviews' }] });
  expect(served()).toContain('name: reviews-v2');
  expect(hash()).not.toBe(before);
});

test('it serves what constructs register in MeshConfig, and no other ConfigMap', () => {
  const { chart } = mesh();
  new kplus.ConfigMap(chart, 'other', { data: { color: 'teal' } });
  new ExternalAuthorizer(chart, 'by-reviews', { mesh: new Mesh(chart, 'mesh'), ask: ExtAuthz.http(new MeshService(chart, 'auth', { ports: [MeshPort.http(1)], namespace: 'auth' })) });
  const served = only(chart, 'ConfigMap', 'cdk8s-mesh-control-plane-config').data['mesh.yaml'] as string;
  expect(served).toContain('name: by-reviews');
  expect(served).not.toContain('teal');
});

test('both meet the restricted pod security standard', () => {
  const { chart, controlPlane, v1 } = mesh();
  new ReferenceProxy(chart, 'proxy', { controlPlane, workload: v1.workload });
  const plane = only(chart, 'Deployment', 'cdk8s-mesh-control-plane').spec.template.spec;
  const proxy = only(chart, 'Deployment', 'reviews-v1').spec.template.spec.containers[1];
  expect(plane.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(plane.automountServiceAccountToken).toBe(false);
  for (const container of [plane.containers[0], proxy]) {
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.readinessProbe.httpGet.path).toBe('/healthz/ready');
    expect(container.image).toBe('docker.io/library/node:22-slim');
  }
});

test('beside a workload stands a proxy, and services are found at its addresses', () => {
  const { chart, controlPlane, reviews, v1 } = mesh();
  new ExternalService(chart, 'books', { hosts: ['books.example'], ports: [MeshPort.http(80)] });
  const before = only(chart, 'Deployment', 'reviews-v1').spec.template.spec;
  new ReferenceProxy(chart, 'proxy', { controlPlane, workload: v1.workload });
  const { spec } = only(chart, 'Deployment', 'reviews-v1').spec.template;
  expect(spec.containers[0]).toEqual(before.containers[0]);
  expect(spec.containers.map(({ name }: { name: string }) => name)).toEqual(['reviews', 'mesh-proxy']);
  expect(spec.containers[1].command.slice(-6)).toEqual(['--xds', 'cdk8s-mesh-control-plane.default.svc:15010', '--health', '15021', '--admin', '15000']);
  expect(spec.enableServiceLinks).toBe(false);
  expect(spec.securityContext.sysctls).toEqual([{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }]);
  const names = spec.hostAliases.map(({ hostnames }: { hostnames: string[] }) => hostnames[0]);
  // The control plane is dialled as it is: its name must not lead back to the proxy.
  expect(names).toEqual(['books.example', 'reviews']);
  expect(spec.hostAliases.find(({ hostnames }: { hostnames: string[] }) => hostnames[0] === reviews.name)).toEqual({
    ip: expect.stringMatching(/^127\.1\.\d+\.\d+$/), hostnames: ['reviews', 'reviews.default', 'reviews.default.svc', 'reviews.default.svc.cluster.local'],
  });
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('the programs are in each namespace once', () => {
  const app = new App();
  const planeChart = new Chart(app, 'plane', { namespace: 'mesh' });
  const controlPlane = new ReferenceControlPlane(planeChart, 'control-plane', { bundle, manifests: app });
  const shop = new Chart(app, 'shop', { namespace: 'shop' });
  for (const name of ['a', 'b']) new ReferenceProxy(shop, `${name}-proxy`, { controlPlane, workload: new kplus.Deployment(shop, name, { containers: [{ image: name }] }) });
  expect([planeChart, shop].flatMap(chart => all(chart, 'ConfigMap')).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
    'mesh/cdk8s-mesh-runtime', 'mesh/cdk8s-mesh-control-plane-config', 'shop/cdk8s-mesh-runtime',
  ]);
  expect(all(shop, 'Deployment').map(({ spec }) => spec.template.spec.containers.length)).toEqual([2, 2]);
});

test('a plain object with a Pod template has one too', () => {
  const { chart, controlPlane } = mesh();
  const workload = new ApiObject(chart, 'by-hand', { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'agent' }, spec: { template: { spec: { containers: [{ name: 'agent' }] } } } } as any);
  new ReferenceProxy(chart, 'proxy', { controlPlane, workload });
  expect(only(chart, 'DaemonSet').spec.template.spec.containers).toHaveLength(2);
});

describe('wrong use', () => {
  const byHand = (chart: Chart, spec: unknown) => new ApiObject(chart, 'by-hand', { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'thing' }, spec } as any);

  test('an object without Pods', () => {
    const { chart, controlPlane } = mesh();
    new ReferenceProxy(chart, 'proxy', { controlPlane, workload: byHand(chart, {}) });
    expect(() => Testing.synth(chart)).toThrow(new Error('[test/proxy] MESH_WORKLOAD_UNKNOWN: a workload has a Pod template, got Thing thing without spec.template; name a Deployment or the like'));
  });

  test('the network of the host', () => {
    const { chart, controlPlane } = mesh();
    new ReferenceProxy(chart, 'proxy', { controlPlane, workload: byHand(chart, { template: { spec: { hostNetwork: true, containers: [] } } }) });
    expect(() => Testing.synth(chart)).toThrow('[test/proxy] MESH_WORKLOAD_UNKNOWN: a workload with a proxy has a network of its own, got thing with hostNetwork; leave it without a proxy');
  });

  test('two proxies', () => {
    const { chart, controlPlane, v1 } = mesh();
    new ReferenceProxy(chart, 'proxy', { controlPlane, workload: v1.workload });
    expect(() => new ReferenceProxy(chart, 'second', { controlPlane, workload: v1.workload }))
      .toThrow('[test/second] MESH_INJECT_TWICE: a workload has one proxy, got a second for test/reviews/v1/Deployment/Resource; leave it out');
  });

  test('programs that no ConfigMap holds', () => {
    const large = join(folder, 'large.cjs');
    writeFileSync(large, randomBytes(1_100_000));
    expect(() => new ReferenceControlPlane(Testing.chart(), 'control-plane', { bundle: large })).toThrow(/^\[test\/control-plane\] MESH_CONFIG_MAP_SIZE: a ConfigMap holds at most 1048576 bytes, got 110\d{4} of compressed programs; give another bundle$/);
  });

  test('manifests that no ConfigMap holds', () => {
    const { chart } = mesh();
    for (const id of ['one', 'two']) new kplus.Service(chart, id, { metadata: { annotations: { note: 'x'.repeat(600_000) } }, ports: [{ port: 1 }] });
    expect(failures(chart)).toEqual([expect.stringMatching(/^\[test\/control-plane\] MESH_CONFIG_MAP_SIZE: a ConfigMap holds at most 1048576 bytes, got 120\d{4} of manifests; serve fewer by `manifests`$/)]);
  });
});
