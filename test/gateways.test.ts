import { Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  EastWestGateway, EgressGateway, ExternalService, GatewayListener, GatewayTls, GatewayWorkload, Mesh, MeshGateway, MeshPort, MeshProfile,
  MeshRequest, MeshService, MeshTesting, RouteTarget, TlsMatch, TlsVersion, VirtualHost,
} from '../src';
import { failures, only } from './support/synth';
import { createExplainer } from '../src/analysis/explain';
import { buildModel } from '../src/model/model';
import { resourcesOf } from '../src/model/parse';

function shop(listeners: GatewayListener[], namespace?: string) {
  const chart = Testing.chart();
  const gateway = new MeshGateway(chart, 'gw', { listeners, namespace });
  const service = new MeshService(chart, 'shop', { ports: [MeshPort.http(80), MeshPort.https(8443), MeshPort.tcp(90)] });
  service.addVersion('v1', { containers: [{ image: 'shop' }] });
  return { chart, gateway, service };
}
const secret = kplus.Secret.fromSecretName(Testing.chart(), 'secret', 'shop-cert');
const hosts = ['shop.example'];
const servers = (listeners: GatewayListener[]) => only(shop(listeners).chart, 'Gateway').spec.servers;

describe('listeners', () => {
  test.each<[string, GatewayTls, object]>([
    ['simple', GatewayTls.simple(secret, { minVersion: TlsVersion.V1_3 }), { mode: 'SIMPLE', credentialName: 'shop-cert', minProtocolVersion: 'TLSV1_3' }],
    ['mutual', GatewayTls.mutual(secret, { subjectAltNames: ['a.example'] }), { mode: 'MUTUAL', credentialName: 'shop-cert', subjectAltNames: ['a.example'] }],
    ['optional mutual', GatewayTls.optionalMutual(secret), { mode: 'OPTIONAL_MUTUAL', credentialName: 'shop-cert' }],
    ['Istio mutual', GatewayTls.istioMutual(), { mode: 'ISTIO_MUTUAL' }],
    ['passthrough', GatewayTls.passthrough(), { mode: 'PASSTHROUGH' }],
    ['auto passthrough', GatewayTls.autoPassthrough(), { mode: 'AUTO_PASSTHROUGH' }],
  ])('TLS: %s', (_case, tls, expected) => {
    expect(servers([GatewayListener.tls({ hosts, tls })])).toEqual([{ port: { number: 443, name: 'tls', protocol: 'TLS' }, hosts, tls: expected }]);
  });

  test('several on one port are told apart by the name in the handshake, each with its certificate', () => {
    const listener = (host: string) => GatewayListener.https({ hosts: [host], tls: GatewayTls.simple(kplus.Secret.fromSecretName(Testing.chart(), 'secret', host.replace('*.', 'all-'))) });
    const { chart } = shop([listener('*.a.example'), listener('b.example'), GatewayListener.http({ httpsRedirect: true })]);
    expect(only(chart, 'Gateway').spec.servers.map((server: any) => [server.port.name, server.tls])).toEqual([
      ['https-443-all-a-example', { mode: 'SIMPLE', credentialName: 'all-a.example' }],
      ['https-443-b-example', { mode: 'SIMPLE', credentialName: 'b.example' }],
      ['http', { httpsRedirect: true }],
    ]);
    expect(only(chart, 'Service', 'gw').spec.ports).toEqual([{ name: 'https-443', port: 443, targetPort: 8443 }, { name: 'http', port: 80, targetPort: 8080 }]);
    expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
  });

  test('simulated: HTTP is sent to HTTPS, which is ended and routed', () => {
    const listeners = [GatewayListener.http({ hosts, httpsRedirect: true }), GatewayListener.https({ hosts, tls: GatewayTls.simple(secret) })];
    const { chart, gateway, service } = shop(listeners);
    service.exposeViaGateway(gateway, { targets: [RouteTarget.to(service, { port: 80 })] });
    const t = MeshTesting.of(chart);
    t.send(MeshRequest.get('http://shop.example/x')).expectRedirect('https://shop.example/x');
    t.send(MeshRequest.get('https://shop.example/x')).expectTarget(service);
    t.send(MeshRequest.get('http://other.example/x')).expectStatus(404);
  });

  test('simulated: TLS passes through to the service', () => {
    const { chart, gateway, service } = shop([GatewayListener.tls({ hosts, tls: GatewayTls.passthrough() })]);
    new VirtualHost(chart, 'site', { hosts, gateways: [gateway] }).addTlsRoute('all', { match: [TlsMatch.sni(hosts)], targets: [RouteTarget.to(service)] });
    MeshTesting.of(chart).send(MeshRequest.get('https://shop.example/x'), { from: gateway }).expectTarget(service);
  });

  test('simulated: bytes go to a TCP service', () => {
    const { chart, gateway, service } = shop([GatewayListener.tcp({ port: 9000 })]);
    new VirtualHost(chart, 'site', { hosts: ['*'], gateways: [gateway] }).addTcpRoute('all', { targets: [RouteTarget.to(service)] });
    MeshTesting.of(chart).send(MeshRequest.get('http://shop.example:9000/'), { from: gateway }).expectTarget(service);
  });

  test('a host may be for one namespace only', () => {
    const { chart, gateway, service } = shop([GatewayListener.http({ hosts: ['edge/a.example', './b.example', '*/c.example'] })], 'edge');
    expect(only(chart, 'Gateway').spec.servers[0].hosts).toEqual(['edge/a.example', './b.example', '*/c.example']);
    new VirtualHost(chart, 'in', { namespace: 'edge', hosts: ['a.example', 'b.example'], gateways: [gateway] }).addDirectResponse('x', { status: 200 });
    expect(() => new VirtualHost(chart, 'out', { namespace: 'books', hosts: ['a.example'], gateways: [gateway] })).toThrow(new Error(
      '[test/out] MESH_GATEWAY_HOST_MISMATCH: hosts must be among those that gateway test/gw serves (edge/a.example, ./b.example, */c.example), got "a.example"; add it to a listener'));
    new VirtualHost(chart, 'any', { namespace: 'books', hosts: ['c.example'], gateways: [gateway] }).addDirectResponse('x', { status: 200 });
    expect(service.name).toBe('shop');
    expect(failures(chart)).toEqual([]);
  });

  test('ports of nodes', () => {
    const chart = Testing.chart();
    new MeshGateway(chart, 'a', { listeners: [GatewayListener.http({ nodePort: 30080 })], workload: GatewayWorkload.deployed({ serviceType: kplus.ServiceType.NODE_PORT }) });
    new MeshGateway(chart, 'b', { listeners: [GatewayListener.http()], workload: GatewayWorkload.deployed({ hostPorts: true, serviceType: kplus.ServiceType.CLUSTER_IP }) });
    expect(only(chart, 'Service', 'a').spec.ports).toEqual([{ name: 'http', port: 80, targetPort: 8080, nodePort: 30080 }]);
    expect(only(chart, 'Deployment', 'b').spec.template.spec.containers[0].ports).toEqual([{ containerPort: 8080, hostPort: 80 }]);
  });

  test.each<[string, () => unknown, string]>([
    ['HTTP inside TLS that passes through', () => GatewayListener.https({ tls: GatewayTls.passthrough() }), 'MESH_TLS_INVALID: GatewayListener.https() must end TLS, got mode PASSTHROUGH, under which HTTP routes would never see a request; use GatewayListener.tls()'],
    ['names of nobody', () => GatewayTls.simple(secret, { subjectAltNames: ['a'] }), 'MESH_TLS_INVALID: GatewayTls.simple() asks callers for no certificate, got subjectAltNames a; use GatewayTls.mutual()'],
    ['HTTP and TLS on one port', () => shop([GatewayListener.http({ port: 443 }), GatewayListener.https({ tls: GatewayTls.simple(secret) })]),
      '[test/gw] MESH_PORT_DUPLICATE: the ports of listeners must differ, got 443 twice; give one listener all hosts of the port'],
    ['a host twice on a port', () => shop([GatewayListener.https({ hosts, tls: GatewayTls.simple(secret) }), GatewayListener.tls({ hosts, tls: GatewayTls.passthrough() })]),
      '[test/gw] MESH_HOST_DUPLICATE: a host must be on one listener of a port, got "shop.example" twice on port 443; leave it away on one of them'],
    ['a namespace that is none', () => GatewayListener.http({ hosts: ['a b/c.example'] }), 'MESH_HOST_INVALID: the namespace of a host must be a name, "." or "*", got "a b"; write one of those'],
    ['port 65536 of nodes', () => GatewayListener.http({ nodePort: 65536 }), 'MESH_PORT_INVALID: nodePort must be a whole number from 1 to 65535, got 65536; choose one in that range'],
  ])('reject %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});

test('the gateway between clusters passes mutual TLS on to any service of the mesh', () => {
  const chart = Testing.chart();
  new EastWestGateway(chart, 'istio-eastwestgateway', { network: 'network1', namespace: 'istio-system', replicas: 0 });
  expect(only(chart, 'Gateway').spec).toEqual({
    selector: { istio: 'istio-eastwestgateway' },
    servers: [{ port: { number: 15443, name: 'tls', protocol: 'TLS' }, hosts: ['*.local'], tls: { mode: 'AUTO_PASSTHROUGH' } }],
  });
  const { replicas, template } = only(chart, 'Deployment').spec;
  expect([replicas, template.metadata.labels['topology.istio.io/network'], template.spec.containers[0].env]).toEqual(
    [0, 'network1', [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: 'network1' }]]);
  expect(only(chart, 'Service')).toMatchObject({ metadata: { labels: { 'topology.istio.io/network': 'network1' } }, spec: { type: 'LoadBalancer' } });
  expect(only(chart, 'Service').spec.ports.map((port: any) => port.port)).toEqual([15021, 15443]);
});

test('simulated: a sidecar of another cluster comes to a service by the name in its handshake; who is none does not', () => {
  const chart = Testing.chart();
  new EastWestGateway(chart, 'door', { network: 'one' });
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
  const explainer = createExplainer(buildModel(resourcesOf(Testing.synth(chart))));
  const through = (host: string, alpn: string[]) => {
    const { outcome, targets } = explainer.explain({
      method: 'GET', url: `https://${host}:15443/`, headers: {}, from: 'gateway:door', tls: { sni: host, alpn, certificate: true },
    });
    return [outcome, targets.map(({ host: to, port, percent }) => `${percent} % ${to}:${port}`)];
  };
  const name = 'outbound_.9080_._.reviews.default.svc.cluster.local';
  expect(through(name, ['istio'])).toEqual(['routed', ['100 % reviews.default.svc.cluster.local:9080']]);
  expect(through(name, ['h2'])).toEqual(['failed', []]);
  expect(through('outbound_.9080_._.nobody.default.svc.cluster.local', ['istio'])).toEqual(['failed', []]);
});

describe('Mesh', () => {
  test.each<[string, MeshProfile | undefined, string[]]>([
    ['none', undefined, []],
    ['default', MeshProfile.DEFAULT, ['istio-ingressgateway LoadBalancer']],
    ['demo', MeshProfile.DEMO, ['istio-ingressgateway LoadBalancer', 'istio-egressgateway ClusterIP']],
  ])('profile %s', (_case, profile, expected) => {
    const chart = Testing.chart();
    new Mesh(chart, 'mesh', { profile });
    const services = Testing.synth(chart).filter(({ kind }) => kind === 'Service');
    expect(services.map(({ metadata, spec }) => `${metadata.name} ${spec.type}`)).toEqual(expected);
    expect(services.every(({ metadata }) => metadata.namespace === 'istio-system')).toBe(true);
  });

  test('simulated: requests enter by its gateway, and leave by its egress gateway', () => {
    const chart = Testing.chart();
    const mesh = new Mesh(chart, 'mesh', { profile: MeshProfile.DEMO });
    const service = new MeshService(chart, 'shop', { ports: [MeshPort.http(80)] });
    service.addVersion('v1', { containers: [{ image: 'shop' }] });
    service.exposeViaGateway(new MeshGateway(chart, 'gw', { listeners: [GatewayListener.http({ hosts })], workload: mesh.ingressGateway }));
    const egress = new EgressGateway(chart, 'egress', { workload: mesh.egressGateway });
    new ExternalService(chart, 'api', { hosts: ['api.example.com'], ports: [MeshPort.http(80)], via: egress });
    const t = MeshTesting.of(chart);
    t.send(MeshRequest.get('http://shop.example/')).expectTarget(service);
    expect(t.send(MeshRequest.get('http://api.example.com/'), { from: service }).distribution()).toEqual([{ target: 'istio-egressgateway.istio-system/api', percent: 100 }]);
    expect(failures(chart)).toEqual([]);
  });
});
