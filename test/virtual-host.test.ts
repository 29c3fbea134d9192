import { Chart, Testing } from 'cdk8s';
import { GatewayListener, GatewayWorkload, MeshGateway, MeshPort, MeshService, RouteTarget, VirtualHost, type VirtualHostProps } from '../src';
import { prefix } from './support/reviews';
import { failures, only } from './support/synth';

const site: VirtualHostProps = { hosts: ['bookinfo.com'] };

function given(chart = Testing.chart()) {
  const [reviews, ratings] = ['reviews', 'ratings'].map((name) => new MeshService(chart, name, { ports: [MeshPort.http(9080)] }));
  const gateway = new MeshGateway(chart, 'edge', { listeners: [GatewayListener.http()], workload: GatewayWorkload.existing({ istio: 'ingressgateway' }) });
  return { chart, reviews, ratings, gateway };
}

test('spreads one host over several services, whose ports it names', () => {
  const { chart, reviews, ratings } = given();
  const host = new VirtualHost(chart, 'site', site)
    .addRoute('rest', { targets: [RouteTarget.to(ratings)] })
    .addRoute('reviews', { match: [prefix('/reviews')], targets: [RouteTarget.to(reviews)] });
  expect(host.hosts).toEqual(['bookinfo.com']);
  expect(only(chart, 'VirtualService')).toEqual({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'site', annotations: { 'cdk8s-mesh.dev/path': 'test/site' } },
    spec: {
      hosts: ['bookinfo.com'],
      http: [
        { name: 'reviews', match: [{ uri: { prefix: '/reviews' } }], route: [{ destination: { host: 'reviews', port: { number: 9080 } } }] },
        { name: 'rest', route: [{ destination: { host: 'ratings', port: { number: 9080 } } }] },
      ],
    },
  });
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test.each<[string, (gateway: MeshGateway) => Partial<VirtualHostProps>, object]>([
  ['a gateway', (gateway) => ({ gateways: [gateway] }), { gateways: ['edge'] }],
  ['a gateway and the mesh', (gateway) => ({ gateways: [gateway], mesh: true }), { gateways: ['mesh', 'edge'] }],
  ['the mesh, for some namespaces', () => ({ exportTo: ['.', 'other'] }), { exportTo: ['.', 'other'] }],
  ['every host of a gateway', (gateway) => ({ gateways: [gateway], hosts: ['*'] }), { gateways: ['edge'], hosts: ['*'] }],
])('is bound to %s', (_case, change, expected) => {
  const { chart, reviews, gateway } = given();
  new VirtualHost(chart, 'site', { ...site, ...change(gateway) }).addRoute('all', { targets: [RouteTarget.to(reviews)] });
  expect(only(chart, 'VirtualService').spec).toMatchObject(expected);
});

test('names a gateway of another namespace in full', () => {
  const app = Testing.app();
  const gateway = new MeshGateway(new Chart(app, 'edge', { namespace: 'edge' }), 'site', { listeners: [GatewayListener.http()] });
  const chart = new Chart(app, 'books', { namespace: 'books' });
  const service = new MeshService(chart, 'reviews', { ports: [MeshPort.http(80)] });
  new VirtualHost(chart, 'host', { ...site, gateways: [gateway] }).addRoute('all', { targets: [RouteTarget.to(service)] });
  expect(only(chart, 'VirtualService').spec.gateways).toEqual(['edge/site']);
});

test('without a route fails synthesis', () => {
  const chart = Testing.chart();
  new VirtualHost(chart, 'site', site);
  expect(failures(chart)).toEqual(['[test/site] MESH_ROUTES_MISSING: virtual host bookinfo.com must have at least one route, got none; call addRoute()']);
});

test.each<[string, (base: ReturnType<typeof given>) => Partial<VirtualHostProps>, string]>([
  ['no host', () => ({ hosts: [] }), 'MESH_HOST_MISSING: hosts must name at least one host, got []; name one'],
  ['an address', () => ({ hosts: ['10.0.0.1'] }), 'MESH_HOST_INVALID: a host must be a DNS name, "*." and a DNS name, or "*", got "10.0.0.1"; write one of those'],
  ['every host of the mesh', () => ({ hosts: ['*'] }), 'MESH_HOST_INVALID: host "*" is for gateways only, got it for callers inside the mesh; name the hosts, or set gateways'],
  ['nobody to serve', () => ({ mesh: false }), 'MESH_HOST_UNBOUND: a virtual host must be bound to the mesh or to a gateway, got mesh false and no gateways; set mesh, or add a gateway'],
  ['exportTo to all and one', () => ({ exportTo: ['*', 'a'] }), 'MESH_EXPORT_INVALID: exportTo must be distinct namespaces, "." for its own, or "*" alone, got [*, a]; list each once'],
  ['exportTo to nobody', () => ({ exportTo: [] }), 'MESH_EXPORT_INVALID: exportTo must be distinct namespaces, "." for its own, or "*" alone, got []; list each once'],
  ['exportTo twice', () => ({ exportTo: ['a', 'a'] }), 'MESH_EXPORT_INVALID: exportTo must be distinct namespaces, "." for its own, or "*" alone, got [a, a]; list each once'],
])('rejects %s', (_case, change, message) => {
  const base = given();
  expect(() => new VirtualHost(base.chart, 'site', { ...site, ...change(base) })).toThrow(new Error(`[test/site] ${message}`));
});

test('rejects a host of the mesh that has routes elsewhere, since Istio would ignore these', () => {
  const { chart, reviews } = given();
  reviews.addRoute('all', { targets: [RouteTarget.to(reviews)] });
  expect(() => new VirtualHost(chart, 'site', { hosts: ['reviews'] })).toThrow(new Error(
    '[test/site] MESH_HOST_SHARED: host "reviews" must have its routes in one place, got them at test/reviews too; add the routes there'));
});

test('two namespaces may each have private routes for a host', () => {
  const app = Testing.app();
  for (const namespace of ['a', 'b']) {
    const chart = new Chart(app, namespace, { namespace });
    const service = new MeshService(chart, 'svc', { ports: [MeshPort.http(80)] });
    new VirtualHost(chart, 'site', { ...site, exportTo: ['.'] }).addRoute('all', { targets: [RouteTarget.to(service)] });
  }
  expect(app.synthYaml()).toContain('bookinfo.com');
});
