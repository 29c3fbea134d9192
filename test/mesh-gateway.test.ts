import { Chart, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { GatewayListener, GatewayTls, GatewayWorkload, MeshGateway, type MeshGatewayProps, MeshPort, MeshService, RouteTarget, VirtualHost } from '../src';
import { all, only } from './support/synth';

const http: MeshGatewayProps = { listeners: [GatewayListener.http()] };

test('renders a Gateway and the workload that serves it', () => {
  const chart = Testing.chart();
  const gateway = new MeshGateway(chart, 'site', http);
  expect(only(chart, 'Gateway')).toEqual({
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: 'site', annotations: { 'cdk8s-mesh.dev/path': 'test/site' } },
    spec: { selector: { istio: 'site' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] },
  });
  expect(Testing.synth(chart).map(({ kind, metadata }) => [kind, metadata.name, metadata.annotations['cdk8s-mesh.dev/path']])).toEqual(
    ['ServiceAccount', 'Deployment', 'Service', 'Gateway'].map((kind) => [kind, 'site', 'test/site']));
  const { spec } = only(chart, 'Deployment');
  expect(spec.replicas).toBe(1);
  expect(spec.selector.matchLabels).toEqual({ istio: 'site' });
  expect(spec.template.metadata).toMatchObject({
    labels: { 'istio': 'site', 'sidecar.istio.io/inject': 'true' }, annotations: { 'inject.istio.io/templates': 'gateway' },
  });
  expect(spec.template.spec).toMatchObject({
    serviceAccountName: 'site',
    containers: [{ name: 'istio-proxy', image: 'auto', ports: [{ containerPort: 8080 }], securityContext: { runAsUser: 1337, capabilities: { drop: ['ALL'] } } }],
  });
  expect(only(chart, 'Service').spec).toMatchObject({ type: 'LoadBalancer', selector: { istio: 'site' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] });
  expect([gateway.name, gateway.selector, gateway.deployment?.name, gateway.service?.name]).toEqual(['site', { istio: 'site' }, 'site', 'site']);
});

test('ends TLS with the certificate of a Secret, which its identity may read', () => {
  const chart = Testing.chart();
  const tls = GatewayTls.simple(kplus.Secret.fromSecretName(chart, 'secret', 'bookinfo-cert'));
  new MeshGateway(chart, 'site', { listeners: [GatewayListener.https({ hosts: ['bookinfo.com'], tls })] });
  expect(only(chart, 'Gateway').spec.servers).toEqual([
    { port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: ['bookinfo.com'], tls: { mode: 'SIMPLE', credentialName: 'bookinfo-cert' } },
  ]);
  expect(only(chart, 'Service').spec.ports).toEqual([{ name: 'https', port: 443, targetPort: 8443 }]);
  expect(only(chart, 'Role').rules).toEqual([{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'watch', 'list'] }]);
  expect(only(chart, 'RoleBinding').subjects).toEqual([{ kind: 'ServiceAccount', name: 'site', apiGroup: '' }]);
});

test('several listeners of a protocol are named by their numbers, and bind to ports of their own', () => {
  const chart = Testing.chart();
  new MeshGateway(chart, 'site', { listeners: [80, 8080, 9080, 81].map((port) => GatewayListener.http({ port })) });
  expect(only(chart, 'Gateway').spec.servers.map((server: any) => server.port.name)).toEqual(['http-80', 'http-8080', 'http-9080', 'http-81']);
  expect(only(chart, 'Service').spec.ports.map((port: any) => [port.port, port.targetPort])).toEqual([[80, 10080], [8080, 8080], [9080, 9080], [81, 8081]]);
});

test('configures pods that run already', () => {
  const chart = Testing.chart();
  const gateway = new MeshGateway(chart, 'site', { ...http, workload: GatewayWorkload.existing({ istio: 'ingressgateway' }) });
  expect(Testing.synth(chart).map(({ kind }) => kind)).toEqual(['Gateway']);
  expect(only(chart, 'Gateway').spec.selector).toEqual({ istio: 'ingressgateway' });
  expect([gateway.deployment, gateway.service]).toEqual([undefined, undefined]);
});

test('name, namespace and the workload\'s options replace the defaults', () => {
  const chart = Testing.chart();
  const workload = GatewayWorkload.deployed({ replicas: 0, serviceType: kplus.ServiceType.NODE_PORT });
  new MeshGateway(chart, 'Site', { ...http, name: 'site', namespace: 'edge', workload });
  expect(new Set(Testing.synth(chart).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`))).toEqual(new Set(['edge/site']));
  expect([only(chart, 'Deployment').spec.replicas, only(chart, 'Service').spec.type]).toEqual([0, 'NodePort']);
});

test('is named with its namespace from another one', () => {
  const app = Testing.app();
  const gateway = new MeshGateway(new Chart(app, 'edge', { namespace: 'edge' }), 'site', http);
  expect([gateway.refFrom('edge'), gateway.refFrom('books'), gateway.refFrom()]).toEqual(['site', 'edge/site', 'edge/site']);
});

test('synthesized twice, the same', () => {
  const chart = Testing.chart();
  const gateway = new MeshGateway(chart, 'site', http);
  new MeshService(chart, 'a', { ports: [MeshPort.http(80)] }).exposeViaGateway(gateway);
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('hosts that are not named are those served, without the ones that a wildcard covers', () => {
  const chart = Testing.chart();
  const gateway = new MeshGateway(chart, 'site', {
    listeners: [GatewayListener.http({ hosts: ['*.a.com', 'b.com'] }), GatewayListener.http({ port: 81, hosts: ['x.a.com', 'b.com'] })],
  });
  new MeshService(chart, 'a', { ports: [MeshPort.http(80)] }).exposeViaGateway(gateway);
  expect(all(chart, 'VirtualService').map((object) => object.spec.hosts)).toEqual([['*.a.com', 'b.com']]);
});

describe('exposing rejects', () => {
  const given = () => {
    const chart = Testing.chart();
    const gateway = new MeshGateway(chart, 'site', { listeners: [GatewayListener.http({ hosts: ['*.a.com', 'b.com'] })] });
    return { chart, gateway, service: new MeshService(chart, 'a', { ports: [MeshPort.http(80)] }) };
  };

  test.each([
    ['a host that is not served', ['c.com'], 'MESH_GATEWAY_HOST_MISMATCH: hosts must be among those that gateway test/site serves (*.a.com, b.com), got "c.com"; add it to a listener'],
    ['no host', [], 'MESH_HOST_MISSING: hosts must name at least one host, got []; name one'],
    ['a host without a dot', ['a'], 'MESH_HOST_INVALID: a host of a gateway must have a dot, or be "*", got "a"; write the whole name'],
    ['a host twice', ['b.com', 'b.com'], 'MESH_HOST_DUPLICATE: hosts must differ, got "b.com" twice; leave one of the two away'],
    ['a host that another covers', ['*.a.com', 'x.a.com'], 'MESH_HOST_DUPLICATE: hosts must not cover each other, got "*.a.com" and "x.a.com"; leave the narrower one away'],
  ])('%s', (_case, hosts, message) => {
    const { gateway, service } = given();
    expect(() => service.exposeViaGateway(gateway, { hosts })).toThrow(new Error(`[test/a] ${message}`));
  });

  test('a host under two sets of hosts', () => {
    const { gateway, service } = given();
    service.exposeViaGateway(gateway, { hosts: ['b.com'] });
    expect(() => service.exposeViaGateway(gateway, { hosts: ['b.com', 'x.a.com'] })).toThrow(new Error(
      '[test/a] MESH_HOST_SHARED: host "b.com" of gateway test/site must have its routes in one place, got them at test/a too; use the same list of hosts, or add the routes there'));
  });

  test('a host that a virtual host has', () => {
    const { chart, gateway, service } = given();
    new VirtualHost(chart, 'v', { hosts: ['b.com'], gateways: [gateway] }).addRoute('a', { targets: [RouteTarget.to(service)] });
    expect(() => service.exposeViaGateway(gateway, { hosts: ['b.com'] })).toThrow(new Error(
      '[test/a] MESH_HOST_SHARED: host "b.com" of gateway test/site must have its routes in one place, got them at test/v too; use the same list of hosts, or add the routes there'));
  });
});

test.each<[string, () => unknown, string]>([
  ['no listener', () => new MeshGateway(Testing.chart(), 'a', { listeners: [] }), '[test/a] MESH_SERVERS_MISSING: listeners must have at least one listener, got []; add one, e.g. GatewayListener.http()'],
  ['two listeners on a port', () => new MeshGateway(Testing.chart(), 'a', { listeners: [GatewayListener.http(), GatewayListener.http()] }), '[test/a] MESH_PORT_DUPLICATE: the ports of listeners must differ, got 80 twice; give one listener all hosts of the port'],
  ['a name that is no DNS label', () => new MeshGateway(Testing.chart(), 'A', http), '[test/A] MESH_NAME_INVALID: the name of a Gateway must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "A"; choose another construct id or set name'],
  ['port 0', () => GatewayListener.http({ port: 0 }), 'MESH_PORT_INVALID: port must be a whole number from 1 to 65535, got 0; choose one in that range'],
  ['no host', () => GatewayListener.http({ hosts: [] }), 'MESH_HOST_MISSING: hosts must name at least one host, got []; name one'],
  ['a short host', () => GatewayListener.http({ hosts: ['reviews'] }), 'MESH_HOST_INVALID: a host of a gateway must have a dot, or be "*", got "reviews"; write the whole name'],
  ['text that is no host', () => GatewayListener.http({ hosts: ['a_b.com'] }), 'MESH_HOST_INVALID: a host must be a DNS name, "*." and a DNS name, or "*", got "a_b.com"; write one of those'],
  ['no label', () => GatewayWorkload.existing({}), 'MESH_SELECTOR_EMPTY: labels must have at least one label, got {}; Istio would configure every gateway of the mesh'],
])('rejects %s', (_case, make, message) => {
  expect(make).toThrow(new Error(message));
});
