import { ApiObject, Chart, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
// eslint-disable-next-line import/no-extraneous-dependencies
import * as newest from 'cdk8s-plus-33'; // comes with cdk8s-cli
import { Construct, type IConstruct } from 'constructs';
import { CanaryRollout, CanaryStep, LoadBalancing, Mesh, MeshPort, MeshRequest, MeshService, MeshTesting, MtlsMode, RouteTarget } from '../src';
import { all, failures, only } from './support/synth';

/** A Deployment and a Service that know nothing of a mesh. */
function there(name?: string, port: number = 9080) {
  const chart = Testing.chart();
  const deployment = new kplus.Deployment(chart, 'old', { metadata: { name: 'old-reviews' }, containers: [{ image: 'reviews', portNumber: port }] });
  const service = new kplus.Service(chart, 'service', { metadata: { name: 'reviews' }, selector: deployment, ports: [{ port, name }] });
  return { chart, deployment, service };
}
const ports = [MeshPort.http(9080)];

test('a Service that is there stays as it is, and gets versions and routes', () => {
  const { chart, deployment, service } = there('http');
  const before = only(chart, 'Service');
  const reviews = MeshService.fromService(chart, 'reviews', service, { ports });
  const v1 = reviews.addVersionFrom('v1', deployment);
  reviews.addRoute('all', { targets: [RouteTarget.to(v1)] });
  expect(only(chart, 'Service')).toEqual(before);
  expect(only(chart, 'DestinationRule').spec).toEqual({ host: 'reviews', subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
  expect([reviews.name, reviews.service === service, all(chart, 'ServiceAccount').map(({ metadata }) => metadata.name)]).toEqual(['reviews', true, ['reviews']]);
  MeshTesting.of(chart).send(MeshRequest.get('http://reviews:9080/'), { from: reviews }).expectTarget(v1);
  expect(failures(chart)).toEqual([]);
  expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
});

test.each<[string, string | undefined, number, string]>([
  ['a port without a name', undefined, 9080, 'MESH_PORT_NAME: port 9080 of test/service must be named "http", or begin with "http-", got no name; Istio reads the protocol from it'],
  ['a name of another protocol', 'tcp-web', 9080, 'MESH_PORT_NAME: port 9080 of test/service must be named "http", or begin with "http-", got "tcp-web"; Istio reads the protocol from it'],
  ['other ports', 'http', 80, 'MESH_PORT_UNKNOWN: ports must be those that test/service has (80), got 9080; declare a MeshPort for each'],
])('rejects %s', (_case, name, port, message) => {
  const { chart, service } = there(name, port);
  expect(() => MeshService.fromService(chart, 'reviews', service, { ports })).toThrow(new Error(`[test/reviews] ${message}`));
});

describe('workloads of whoever made them', () => {
  const labels = { app: 'reviews', tier: 'web' };
  const pods = (own: object = { labels }) => ({ metadata: own, spec: { containers: [{ name: 'x', image: 'x', ports: [{ containerPort: 9080 }] }] } });
  const byHand = (chart: Chart, kind: string, spec: object, apiVersion = 'apps/v1') => new ApiObject(chart, 'old', { apiVersion, kind, metadata: { name: 'old' }, spec });
  const newer = (chart: Chart) => new newest.Deployment(chart, 'old', { metadata: { name: 'old' }, containers: [{ image: 'reviews', portNumber: 9080 }] });

  test.each<[string, (chart: Chart) => IConstruct]>([
    ['a Deployment by hand', (chart) => byHand(chart, 'Deployment', { selector: { matchLabels: labels }, template: pods() })],
    ['a StatefulSet by hand', (chart) => byHand(chart, 'StatefulSet', { serviceName: 'reviews', selector: { matchLabels: labels }, template: pods() })],
    ['a DaemonSet by hand', (chart) => byHand(chart, 'DaemonSet', { selector: { matchLabels: labels }, template: pods() })],
    ['a Rollout of Argo', (chart) => byHand(chart, 'Rollout', { selector: { matchLabels: labels }, template: pods() }, 'argoproj.io/v1alpha1')],
    ['a Pod by hand', (chart) => new ApiObject(chart, 'old', { apiVersion: 'v1', kind: 'Pod', ...pods(), metadata: { name: 'old', labels } })],
    ['a Deployment of another cdk8s-plus', newer],
    ['a Deployment of this cdk8s-plus', (chart) => new kplus.Deployment(chart, 'old', { metadata: { name: 'old' }, containers: [{ image: 'reviews', portNumber: 9080 }] })],
  ])('%s becomes a version', (_case, make) => {
    const chart = Testing.chart();
    new Mesh(chart, 'mesh');
    const reviews = new MeshService(chart, 'reviews', { ports });
    const workload = make(chart);
    const v1 = reviews.addVersionFrom('v1', workload);
    const v2 = reviews.addVersion('v2', { containers: [{ image: 'x' }] });
    reviews.addRoute('all', { targets: [RouteTarget.to(v1, { weight: 100 }), RouteTarget.to(v2, { weight: 0 })] });
    const manifest = Testing.synth(chart).find(({ metadata }) => metadata.name === 'old');
    const template = manifest.spec.template ?? manifest;
    expect(template.metadata.labels).toMatchObject({ app: 'reviews', version: 'v1' });
    expect(template.spec.serviceAccountName).toBe('reviews');
    expect(manifest.metadata.annotations['cdk8s-mesh.dev/path']).toBe('test/old');
    expect([v1.object, v1.serviceAccountName, v1.labels]).toEqual([ApiObject.of(workload), 'reviews', { app: 'reviews', version: 'v1' }]);
    const mesh = MeshTesting.of(chart);
    mesh.send(MeshRequest.get('http://reviews:9080/'), { from: v2 }).expectTarget(v1);
    mesh.send(MeshRequest.get('http://reviews:9080/'), { from: v1 }).expectTarget(v1);
    mesh.send(MeshRequest.get('http://reviews:9080/'), { from: workload }).expectTarget(v1);
    expect(failures(chart)).toEqual([]);
    expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
  });

  test('of another cdk8s-plus too are rendered without a trace', () => {
    const chart = Testing.chart();
    new Mesh(chart, 'mesh');
    const spread = new newest.Deployment(chart, 'old', { metadata: { name: 'old' }, spread: true, containers: [{ image: 'reviews', portNumber: 9080 }] });
    new MeshService(chart, 'reviews', { ports }).addVersionFrom('v1', spread);
    expect(only(chart, 'Deployment').spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution).toHaveLength(2);
  });

  test('keep an identity of their own', () => {
    const chart = Testing.chart();
    const reviews = new MeshService(chart, 'reviews', { ports });
    const template = pods();
    reviews.addVersionFrom('v1', byHand(chart, 'Deployment', { template: { ...template, spec: { ...template.spec, serviceAccountName: 'old' } } }));
    expect(only(chart, 'Deployment').spec.template.spec.serviceAccountName).toBe('old');
    expect(reviews.serviceAccountNames).toEqual(['old', 'reviews']);
  });

  test.each<[string, (chart: Chart) => IConstruct, string]>([
    ['pods without labels', (chart) => byHand(chart, 'Deployment', { template: pods({}) }), 'MESH_LABEL_MISSING: Pods of a version must have labels, by which its Service finds them, got none in Deployment test/old; give its Pods some'],
    ['pods with no label', (chart) => byHand(chart, 'StatefulSet', { template: pods({ labels: {} }) }), 'MESH_LABEL_MISSING: Pods of a version must have labels, by which its Service finds them, got none in StatefulSet test/old; give its Pods some'],
    ['an object without pods', (chart) => byHand(chart, 'Rollout', { workloadRef: { name: 'x' } }, 'argoproj.io/v1alpha1'), 'MESH_WORKLOAD_UNKNOWN: a version must be run by an object with a Pod template, got Rollout test/old without; give a Deployment or the like'],
    ['a construct without an object', (chart) => new Construct(chart, 'old'), 'MESH_WORKLOAD_UNKNOWN: a version must be run by a Kubernetes object with Pods, got test/old, which is none; give a Deployment or the like'],
    ['a workload that is not complete', (chart) => new newest.Deployment(chart, 'old'), 'MESH_WORKLOAD_UNKNOWN: what is adopted must be complete before, got test/old: PodSpec must have at least 1 container; complete it first'],
    ['pods of another version', (chart) => byHand(chart, 'Deployment', { template: pods({ labels: { version: 'blue' } }) }), 'MESH_LABEL_DIFFERENT: the pods of test/old must carry the label version=v1, got version=blue; remove theirs, or name the version "blue"'],
    ['another namespace', (chart) => new ApiObject(chart, 'old', { apiVersion: 'v1', kind: 'Pod', ...pods(), metadata: { namespace: 'b', labels } }), 'MESH_NAMESPACE_DIFFERENT: a version must be in its service\'s namespace (none), got "b" of test/old; move the workload, or the service'],
  ])('reject %s', (_case, make, message) => {
    const chart = Testing.chart();
    const reviews = new MeshService(chart, 'reviews', { ports });
    expect(() => reviews.addVersionFrom('v1', make(chart))).toThrow(new Error(`[test/reviews/v1] ${message}`));
  });

  test('say so where they are none of this cdk8s-plus', () => {
    const chart = Testing.chart();
    const v1 = new MeshService(chart, 'reviews', { ports }).addVersionFrom('v1', newer(chart));
    expect(() => v1.workload).toThrow(new Error('[test/reviews/v1] MESH_WORKLOAD_UNKNOWN: workload is there for versions that a workload of cdk8s-plus-27 runs, got Deployment test/old/Resource; use object'));
  });
});

describe('pods by their labels', () => {
  const blue = { 'app.kubernetes.io/version': '1.2' };

  test('are a version that nothing is rendered for', () => {
    const chart = Testing.chart();
    new Mesh(chart, 'mesh');
    const reviews = new MeshService(chart, 'reviews', { ports });
    const v1 = reviews.addVersionByLabels('v1', blue, { serviceAccountName: 'old', traffic: { loadBalancing: LoadBalancing.random() } });
    reviews.addRoute('all', { targets: [RouteTarget.to(v1)] });
    expect(all(chart, 'Deployment')).toEqual([]);
    expect(only(chart, 'DestinationRule').spec.subsets).toEqual([{ name: 'v1', labels: blue, trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } }]);
    expect([v1.object, v1.labels, reviews.serviceAccountNames]).toEqual([undefined, { app: 'reviews', ...blue }, ['old', 'reviews']]);
    MeshTesting.of(chart).send(MeshRequest.get('http://reviews:9080/'), { from: v1 }).expectTarget(v1);
    expect(failures(chart)).toEqual([]);
    expect(() => v1.workload).toThrow('MESH_WORKLOAD_UNKNOWN: workload is there for versions that a workload of cdk8s-plus-27 runs, got pods that are known by their labels; use object');
  });

  test('that are rendered are those', () => {
    const chart = Testing.chart();
    new ApiObject(chart, 'old', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'old' },
      spec: { template: { metadata: { labels: { app: 'reviews', ...blue } }, spec: { containers: [{ name: 'x', image: 'x' }] } } },
    });
    const reviews = new MeshService(chart, 'reviews', { ports });
    const v1 = reviews.addVersionByLabels('v1', blue);
    reviews.addRoute('all', { targets: [RouteTarget.to(v1)] });
    expect(MeshTesting.of(chart).accessMatrix().entries.map(({ from }) => from)).toEqual(['old.default']);
    MeshTesting.of(chart).send(MeshRequest.get('http://reviews:9080/'), { fromName: 'old' }).expectTarget(v1);
  });

  test.each<[string, { [key: string]: string }, string]>([
    ['no label', {}, 'MESH_LABEL_INVALID: labels must have at least one label, got {}; leave it away for all'],
    ['those of another service', { app: 'ratings' }, 'MESH_LABEL_DIFFERENT: labels must not contradict those of the service\'s pods, app=reviews, got app=ratings; leave it away, or set podLabels of the service'],
    ['a label that is none', { 'a b': 'c' }, 'MESH_LABEL_INVALID: '],
  ])('reject %s', (_case, given, message) => {
    expect(() => new MeshService(Testing.chart(), 'reviews', { ports }).addVersionByLabels('v1', given)).toThrow(`[test/reviews/v1] ${message}`);
  });
});

describe('a Service of whoever made it', () => {
  const spec = { selector: { 'app.kubernetes.io/name': 'reviews' }, ports: [{ name: 'http', port: 9080 }] };
  const podLabels = { 'app.kubernetes.io/name': 'reviews' };

  test.each<[string, (chart: Chart) => IConstruct]>([
    ['by hand', (chart) => new ApiObject(chart, 'service', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'reviews' }, spec })],
    ['of another cdk8s-plus', (chart) => {
      const service = new newest.Service(chart, 'service', { metadata: { name: 'reviews' }, ports: [{ name: 'http', port: 9080 }] });
      service.selectLabel('app.kubernetes.io/name', 'reviews');
      return service;
    }],
  ])('%s comes with the labels that its pods have', (_case, make) => {
    const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
    new Mesh(chart, 'mesh');
    const service = make(chart);
    const reviews = MeshService.fromService(chart, 'reviews', service, { ports, podLabels });
    reviews.addVersionFrom('v1', new ApiObject(chart, 'old', {
      apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'old' }, spec: { template: { metadata: { labels: podLabels }, spec: { containers: [{ name: 'x', image: 'x' }] } } },
    }));
    reviews.connections.allowFrom(reviews);
    expect(only(chart, 'Deployment').spec.template.metadata.labels).toEqual({ ...podLabels, version: 'v1' });
    expect(only(chart, 'AuthorizationPolicy').spec.selector).toEqual({ matchLabels: podLabels });
    expect(all(chart, 'Service')).toHaveLength(1);
    expect(() => reviews.service).toThrow(new Error('[test/reviews] MESH_SERVICE_UNKNOWN: service is there for Services of cdk8s-plus-27, got test/service; use that'));
  });

  test.each<[string, (chart: Chart) => IConstruct, string]>([
    ['an object of another kind', (chart) => new ApiObject(chart, 'x', { apiVersion: 'v1', kind: 'Secret' }), 'MESH_SERVICE_UNKNOWN: what is adopted must be a Service, got a Secret at test/x; give the Service'],
    ['no object', (chart) => new Construct(chart, 'x'), 'MESH_SERVICE_UNKNOWN: what is adopted must be a Service, got none at test/x; give the Service'],
  ])('is not %s', (_case, make, message) => {
    const chart = Testing.chart();
    expect(() => MeshService.fromService(chart, 'reviews', make(chart), { ports })).toThrow(new Error(`[test] ${message}`));
  });

  test('has pods with labels', () => {
    const { chart, service } = there('http');
    expect(() => MeshService.fromService(chart, 'reviews', service, { ports, podLabels: {} })).toThrow(new Error(
      '[test/reviews] MESH_LABEL_INVALID: podLabels must have at least one label, got {}; leave it away for all'));
  });
});

describe('a StatefulSet behind a headless Service', () => {
  function database(port: MeshPort, mtls?: MtlsMode) {
    const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
    new Mesh(chart, 'mesh', { mtls });
    const name = port.protocol.toLowerCase();
    const service = new kplus.Service(chart, 'service', { metadata: { name: 'db' }, clusterIP: 'None', ports: [{ name, port: port.number }] });
    const set = new kplus.StatefulSet(chart, 'set', { metadata: { name: 'db' }, service, replicas: 3, containers: [{ image: 'db', portNumber: port.number }] });
    service.select(set);
    const db = MeshService.fromService(chart, 'db', service, { ports: [port] });
    const v1 = db.addVersionFrom('v1', set);
    const shop = new MeshService(chart, 'shop', { ports });
    shop.addVersion('v1', { containers: [{ image: 'shop' }] });
    return { chart, db, v1, shop };
  }

  test.each<[string, MeshPort]>([['HTTP', MeshPort.http(8080)], ['TCP', MeshPort.tcp(5432)]])('%s: reached by its name and by each pod\'s, by mutual TLS alone', (_case, port) => {
    const { chart, shop } = database(port, MtlsMode.STRICT);
    const mesh = MeshTesting.of(chart);
    for (const host of ['db', 'db-0.db', 'db-2.db.shop.svc.cluster.local']) {
      expect([host, mesh.send(MeshRequest.get(`http://${host}:${port.number}/`), { from: shop }).outcome]).toEqual([host, 'routed']);
    }
    expect(failures(chart)).toEqual([]);
  });

  test('routes lead to its version', () => {
    const { chart, db, v1, shop } = database(MeshPort.http(8080));
    db.addRoute('all', { targets: [RouteTarget.to(v1)] });
    MeshTesting.of(chart).send(MeshRequest.get('http://db:8080/'), { from: shop }).expectTarget(v1);
    expect(failures(chart)).toEqual([]);
  });
});

test('a rollout between versions that others made', () => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  const reviews = new MeshService(chart, 'reviews', { ports });
  const stable = reviews.addVersionByLabels('v1', { version: 'one' });
  const canary = reviews.addVersionFrom('v2', new newest.Deployment(chart, 'new', { containers: [{ image: 'reviews', portNumber: 9080 }] }));
  const rollout = new CanaryRollout(chart, 'to-v2', { service: reviews, stable, canary, steps: [CanaryStep.weight(0), CanaryStep.weight(100)] });
  expect(failures(chart)).toEqual([]);
  expect(MeshTesting.of(chart).rollout(rollout).failures()).toEqual([]);
});
