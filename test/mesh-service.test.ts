import { Chart, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  GatewayListener, HeaderMatch, LoadBalancing, MeshGateway, MeshPort, MeshService, type MeshServiceProps, PathMatch, RouteMatch, RouteTarget,
} from '../src';
import { all, failures, only } from './support/synth';

const http: MeshServiceProps = { ports: [MeshPort.http(9080)] };
const image = { containers: [{ image: 'reviews:v1' }] };

test('renders a Service and an identity, by the names that were chosen', () => {
  const chart = Testing.chart();
  new MeshService(chart, 'reviews', http);
  const annotations = { 'cdk8s-mesh.dev/path': 'test/reviews' };
  expect(Testing.synth(chart)).toEqual([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reviews', annotations }, automountServiceAccountToken: false },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'reviews', annotations, labels: { app: 'reviews' } },
      spec: { type: 'ClusterIP', externalIPs: [], selector: { app: 'reviews' }, ports: [{ name: 'http', port: 9080, targetPort: 9080 }] },
    },
  ]);
});

test('name, namespace and serviceAccountName replace the defaults, in the version too', () => {
  const chart = Testing.chart();
  new MeshService(chart, 'Reviews', { ...http, name: 'reviews', namespace: 'bookinfo', serviceAccountName: 'bookinfo-reviews' }).addVersion('v1', image);
  expect(Testing.synth(chart).map((object) => [object.kind, object.metadata.namespace, object.metadata.name])).toEqual([
    ['ServiceAccount', 'bookinfo', 'bookinfo-reviews'],
    ['Service', 'bookinfo', 'reviews'],
    ['Deployment', 'bookinfo', 'reviews-v1'],
    ['DestinationRule', 'bookinfo', 'reviews'],
  ]);
  expect(only(chart, 'Deployment').spec.template.spec.serviceAccountName).toBe('bookinfo-reviews');
});

describe('addVersion()', () => {
  test('renders a Deployment whose pods the Service and the subset select', () => {
    const chart = Testing.chart();
    const version = new MeshService(chart, 'reviews', { ports: [MeshPort.http(80, { targetPort: 9080 }), MeshPort.grpc(81, { targetPort: 9080 })] })
      .addVersion('v1', image);
    const { metadata, spec } = only(chart, 'Deployment');
    const labels = { app: 'reviews', version: 'v1' };
    expect(metadata).toEqual({ name: 'reviews-v1', labels, annotations: { 'cdk8s-mesh.dev/path': 'test/reviews/v1' } });
    expect(spec.selector.matchLabels).toEqual(labels);
    expect(spec.template.metadata.labels).toMatchObject(labels);
    expect(spec.template.spec.containers[0]).toMatchObject({ name: 'reviews', image: 'reviews:v1', ports: [{ containerPort: 9080 }] });
    expect([version.version, version.subset, version.labels, version.workload.name]).toEqual(['v1', 'v1', labels, 'reviews-v1']);
    expect(only(chart, 'DestinationRule').spec).toEqual({ host: 'reviews', subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
  });

  test('keeps what the Deployment is given', () => {
    const chart = Testing.chart();
    new MeshService(chart, 'reviews', http).addVersion('v1', {
      replicas: 0,
      metadata: { name: 'other', labels: { team: 'a' }, annotations: { note: 'b' } },
      podMetadata: { labels: { tier: 'c' }, annotations: { note: 'd' } },
      containers: [{ name: 'main', image: 'x', ports: [{ number: 1234 }, { number: 9080 }] }, { name: 'second', image: 'y' }],
    });
    const { metadata, spec } = only(chart, 'Deployment');
    expect(metadata).toMatchObject({ name: 'other', labels: { team: 'a', app: 'reviews' }, annotations: { 'note': 'b', 'cdk8s-mesh.dev/path': 'test/reviews/v1' } });
    expect(spec.replicas).toBe(0);
    expect(spec.template.metadata).toMatchObject({ labels: { tier: 'c', version: 'v1' }, annotations: { note: 'd' } });
    expect(spec.template.spec.containers.map((container: any) => [container.name, container.ports])).toEqual([['main', [{ containerPort: 1234 }, { containerPort: 9080 }]], ['second', undefined]]);
  });

  test('subsets are in the order of their names, each with its own policy', () => {
    const chart = Testing.chart();
    const service = new MeshService(chart, 'reviews', { ...http, traffic: { loadBalancing: LoadBalancing.leastRequest() } });
    service.addVersion('v2', { ...image, traffic: { loadBalancing: LoadBalancing.random() } });
    service.addVersion('v1', image);
    expect(service.versions.map((version) => version.version)).toEqual(['v2', 'v1']);
    expect(only(chart, 'DestinationRule').spec).toEqual({
      host: 'reviews',
      trafficPolicy: { loadBalancer: { simple: 'LEAST_REQUEST' } },
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        { name: 'v2', labels: { version: 'v2' }, trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } },
      ],
    });
  });

  test('spread renders the same twice', () => {
    const chart = Testing.chart();
    new MeshService(chart, 'reviews', http).addVersion('v1', { ...image, spread: true });
    const terms = () => only(chart, 'Deployment').spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    expect(terms()).toHaveLength(2);
    expect(terms()).toHaveLength(2);
  });

  test('rejects another namespace than the service\'s', () => {
    expect(() => new MeshService(Testing.chart(), 'reviews', http).addVersion('v1', { ...image, metadata: { namespace: 'b' } })).toThrow(new Error(
      '[test/reviews/v1] MESH_NAMESPACE_DIFFERENT: a version must be in its service\'s namespace (none), got "b" of metadata; move the workload, or the service'));
  });

  test('without a container fails synthesis, and takes one until then', () => {
    const chart = Testing.chart();
    const version = new MeshService(chart, 'reviews', http).addVersion('v1', {});
    expect(failures(chart)).toEqual(['[test/reviews/v1] MESH_CONTAINER_MISSING: a version must have at least one container, got none; set containers, or call workload.addContainer()']);
    version.workload.addContainer({ image: 'late' });
    expect(only(chart, 'Deployment').spec.template.spec.containers[0].image).toBe('late');
  });

  test('takes an identity of its own', () => {
    const chart = Testing.chart();
    const serviceAccount = new kplus.ServiceAccount(chart, 'account', { metadata: { name: 'own' } });
    new MeshService(chart, 'reviews', http).addVersion('v1', { ...image, serviceAccount });
    expect(only(chart, 'Deployment').spec.template.spec.serviceAccountName).toBe('own');
  });

  test('takes a name of 63 characters, the Deployment\'s too, and none of 64', () => {
    const add = (service: string, id: string) => new MeshService(Testing.chart(), service, http).addVersion(id, image);
    expect(add('a'.repeat(60), 'v1').workload.name).toHaveLength(63);
    expect(() => add('a'.repeat(61), 'v1')).toThrow('MESH_NAME_INVALID: the name of a Deployment must be 1 to 63 characters');
    expect(() => add('a'.repeat(64), 'v1')).toThrow('MESH_NAME_INVALID: the name of a Service must be 1 to 63 characters');
  });

  test.each(['V1', 'v1.0', '-v1'])('rejects the version "%s"', (id) => {
    expect(() => new MeshService(Testing.chart(), 'reviews', http).addVersion(id, image)).toThrow(new Error(
      `[test/reviews/${id}] MESH_NAME_INVALID: the name of a version must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "${id}"; choose another id`));
  });
});

describe('addVersionFrom()', () => {
  test('labels a workload that exists and gives it the identity of the service', () => {
    const chart = Testing.chart();
    const deployment = new kplus.Deployment(chart, 'mine', { metadata: { name: 'mine' }, containers: [{ image: 'x' }] });
    const version = new MeshService(chart, 'reviews', http).addVersionFrom('v1', deployment, { traffic: { loadBalancing: LoadBalancing.roundRobin() } });
    const { metadata, spec } = only(chart, 'Deployment');
    expect(version.workload).toBe(deployment);
    expect(metadata).toEqual({ name: 'mine', annotations: { 'cdk8s-mesh.dev/path': 'test/mine' } });
    expect(spec.template.metadata.labels).toMatchObject({ app: 'reviews', version: 'v1' });
    expect(spec.template.spec.serviceAccountName).toBe('reviews');
    expect(only(chart, 'DestinationRule').spec.subsets[0].trafficPolicy).toEqual({ loadBalancer: { simple: 'ROUND_ROBIN' } });
  });

  test('leaves an identity that is there', () => {
    const chart = Testing.chart();
    const serviceAccount = new kplus.ServiceAccount(chart, 'account', { metadata: { name: 'own' } });
    new MeshService(chart, 'reviews', http).addVersionFrom('v1', new kplus.Deployment(chart, 'mine', { serviceAccount, containers: [{ image: 'x' }] }));
    expect(only(chart, 'Deployment').spec.template.spec.serviceAccountName).toBe('own');
  });

  test('rejects pods that carry another value of a label', () => {
    const chart = Testing.chart();
    const deployment = new kplus.Deployment(chart, 'mine', { podMetadata: { labels: { version: 'blue' } }, containers: [{ image: 'x' }] });
    expect(() => new MeshService(chart, 'reviews', http).addVersionFrom('v1', deployment)).toThrow(new Error(
      '[test/reviews/v1] MESH_LABEL_DIFFERENT: the pods of test/mine must carry the label version=v1, got version=blue; remove theirs, or name the version "blue"'));
  });

  test('rejects pods of another app', () => {
    const chart = Testing.chart();
    const deployment = new kplus.Deployment(chart, 'mine', { containers: [{ image: 'x' }] });
    deployment.select(kplus.LabelSelector.of({ labels: { app: 'other' } }));
    expect(() => new MeshService(chart, 'reviews', http).addVersionFrom('v1', deployment)).toThrow(new Error(
      '[test/reviews/v1] MESH_LABEL_DIFFERENT: the pods of test/mine must carry the label app=reviews, got app=other; remove theirs'));
  });

  test('rejects a workload in another namespace', () => {
    const chart = Testing.chart();
    const deployment = new kplus.Deployment(chart, 'mine', { metadata: { namespace: 'b' }, containers: [{ image: 'x' }] });
    expect(() => new MeshService(chart, 'reviews', { ...http, namespace: 'a' }).addVersionFrom('v1', deployment)).toThrow(new Error(
      '[test/reviews/v1] MESH_NAMESPACE_DIFFERENT: a version must be in its service\'s namespace "a", got "b" of test/mine; move the workload, or the service'));
  });
});

describe('addRoute()', () => {
  test('renders one VirtualService, its rules named by their ids and sorted', () => {
    const chart = Testing.chart();
    const service = new MeshService(chart, 'reviews', http);
    const [v1, v2] = ['v1', 'v2'].map((id) => service.addVersion(id, image));
    service.addRoute('default', { targets: [RouteTarget.to(v1, { weight: 100 }), RouteTarget.to(v2, { weight: 0 })] });
    service.addRoute('jason', { match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'jason')] })], targets: [RouteTarget.to(v2)] });
    expect(only(chart, 'VirtualService')).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'reviews', annotations: { 'cdk8s-mesh.dev/path': 'test/reviews' } },
      spec: {
        hosts: ['reviews'],
        http: [
          { name: 'jason', match: [{ headers: { 'end-user': { exact: 'jason' } } }], route: [{ destination: { host: 'reviews', subset: 'v2' } }] },
          {
            name: 'default',
            route: [
              { destination: { host: 'reviews', subset: 'v1' }, weight: 100 },
              { destination: { host: 'reviews', subset: 'v2' }, weight: 0 },
            ],
          },
        ],
      },
    });
  });

  test('needs an HTTP port', () => {
    const service = new MeshService(Testing.chart(), 'mongo', { ports: [MeshPort.tcp(27017)] });
    expect(() => service.addRoute('all', { targets: [RouteTarget.to(service)] })).toThrow(new Error(
      '[test/mongo] MESH_ROUTE_PROTOCOL: a route needs an HTTP, HTTP2 or GRPC port of service test/mongo, got TCP 27017; add such a port, or choose another kind of route'));
  });

  test('renders the same twice', () => {
    const chart = Testing.chart();
    const service = new MeshService(chart, 'reviews', http);
    service.addRoute('all', { targets: [RouteTarget.to(service.addVersion('v1', image))] });
    expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
  });
});

describe('exposeViaGateway()', () => {
  const paths = (...found: string[]) => found.map((path) => RouteMatch.http({ path: PathMatch.startsWith(path) }));

  test('services under the same hosts share one VirtualService of the gateway, sorted', () => {
    const chart = Testing.chart();
    const gateway = new MeshGateway(chart, 'site', { listeners: [GatewayListener.http({ hosts: ['bookinfo.com'] })] });
    const [reviews, ratings] = ['reviews', 'ratings'].map((name) => new MeshService(chart, name, http));
    ratings.exposeViaGateway(gateway);
    reviews.exposeViaGateway(gateway, { hosts: ['bookinfo.com'], match: paths('/r', '/reviews') });
    expect(only(chart, 'VirtualService')).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'site-bookinfo.com', annotations: { 'cdk8s-mesh.dev/path': 'test/site' } },
      spec: {
        hosts: ['bookinfo.com'],
        gateways: ['site'],
        http: [
          { name: 'reviews', match: [{ uri: { prefix: '/r' } }, { uri: { prefix: '/reviews' } }], route: [{ destination: { host: 'reviews', port: { number: 9080 } } }] },
          { name: 'ratings', route: [{ destination: { host: 'ratings', port: { number: 9080 } } }] },
        ],
      },
    });
  });

  test('a service of another namespace is addressed in full', () => {
    const app = Testing.app();
    const edge = new Chart(app, 'edge', { namespace: 'edge' });
    const gateway = new MeshGateway(edge, 'site', { listeners: [GatewayListener.http()] });
    new MeshService(new Chart(app, 'books', { namespace: 'books' }), 'reviews', http).exposeViaGateway(gateway);
    expect(only(edge, 'VirtualService').spec.http[0].route[0].destination.host).toBe('reviews.books.svc.cluster.local');
    expect(() => new MeshService(new Chart(app, 'nowhere'), 'reviews', http).exposeViaGateway(gateway, { id: 'other' })).toThrow(new Error(
      '[nowhere/reviews] MESH_NAMESPACE_MISSING: a service that is addressed from namespace "edge" must have a namespace, got none; set namespace, or that of its chart'));
  });

  test('targets, id, priority and the other options of a route are taken', () => {
    const chart = Testing.chart();
    const gateway = new MeshGateway(chart, 'site', { listeners: [GatewayListener.http()] });
    const service = new MeshService(chart, 'reviews', http);
    service.exposeViaGateway(gateway, { id: 'b', priority: 1, match: paths('/x') });
    service.exposeViaGateway(gateway, { id: 'a', targets: [RouteTarget.to(service.addVersion('v1', image))], match: paths('/longer') });
    expect(only(chart, 'VirtualService').spec.http.map((rule: any) => [rule.name, rule.route[0].destination.subset])).toEqual([['b', undefined], ['a', 'v1']]);
  });

  test('each set of hosts has its VirtualService', () => {
    const chart = Testing.chart();
    const gateway = new MeshGateway(chart, 'site', { listeners: [GatewayListener.http()] });
    const service = new MeshService(chart, 'reviews', http);
    for (const hosts of [['b.com', 'a.com'], ['*.c.com'], ['*']]) service.exposeViaGateway(gateway, { hosts });
    expect(all(chart, 'VirtualService').map((object) => [object.metadata.name, object.spec.hosts])).toEqual([
      ['site-a.com', ['a.com', 'b.com']], ['site-all.c.com', ['*.c.com']], ['site-all', ['*']],
    ]);
  });
});

test.each<[string, string, Partial<MeshServiceProps>, string]>([
  ['a name that is no DNS label', 'Reviews', {}, '[test/Reviews] MESH_NAME_INVALID: the name of a Service must be 1 to 63 characters of a-z, 0-9 and "-", beginning with a letter, got "Reviews"; choose another construct id or set name'],
  ['a name that begins with a digit', '9a', {}, '[test/9a] MESH_NAME_INVALID: the name of a Service must be 1 to 63 characters of a-z, 0-9 and "-", beginning with a letter, got "9a"; choose another construct id or set name'],
  ['no port', 'a', { ports: [] }, '[test/a] MESH_PORT_MISSING: ports must have at least one port, got []; add one, e.g. MeshPort.http(80)'],
  ['a port twice', 'a', { ports: [MeshPort.http(80), MeshPort.tcp(80)] }, '[test/a] MESH_PORT_DUPLICATE: the numbers of ports must differ, got 80 twice; leave one of the two away'],
  ['a port name twice', 'a', { ports: [MeshPort.http(80, { name: 'http-a' }), MeshPort.http(81, { name: 'http-a' })] }, '[test/a] MESH_PORT_DUPLICATE: the names of ports must differ, got "http-a" twice; set name of one of them'],
  ['an account that is no DNS label', 'a', { serviceAccountName: 'A' }, '[test/a] MESH_NAME_INVALID: the name of a ServiceAccount must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "A"; set serviceAccountName'],
])('rejects %s', (_case, id, change, message) => {
  expect(() => new MeshService(Testing.chart(), id, { ...http, ...change })).toThrow(new Error(message));
});

test('containers that open other ports than the service sends requests to are refused', () => {
  const add = (port: MeshPort, container: object) => new MeshService(Testing.chart(), 'svc', { ports: [port] })
    .addVersion('v1', { containers: [{ image: 'a', ...container }] });
  const refused = '[test/svc/v1] MESH_CONTAINER_PORT: containers must open the target ports of their service, got 8080 without 9080; open it too, or set targetPort of the MeshPort';
  expect(() => add(MeshPort.http(9080), { portNumber: 8080 })).toThrow(new Error(refused));
  expect(() => add(MeshPort.http(9080), { ports: [{ number: 8080 }] })).toThrow(new Error(refused));
  expect(() => add(MeshPort.http(9080, { targetPort: 8080 }), { portNumber: 8080 })).not.toThrow();
  expect(() => add(MeshPort.http(9080), {})).not.toThrow();
});

test('a version is added once', () => {
  const service = new MeshService(Testing.chart(), 'svc', { ports: [MeshPort.http(9080)] });
  service.addVersion('v1', { containers: [{ image: 'a' }] });
  expect(() => service.addVersion('v1', { containers: [{ image: 'b' }] })).toThrow(
    new Error('[test/svc] MESH_VERSION_DUPLICATE: the names of versions must differ, and from those of the service\'s own parts, got "v1" again; choose another'));
});
