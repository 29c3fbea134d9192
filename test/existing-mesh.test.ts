import { ApiObject, Chart, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  EgressGateway, EgressHosts, EgressPolicy, type ExistingMeshProps, ExternalService, GatewayListener, GatewayWorkload, IstioVersion, Mesh,
  MeshGateway, MeshPort, MeshRequest, MeshService, MeshTesting, MtlsMode, SidecarScope,
} from '../src';
import { all, failures, only } from './support/synth';

const shop = (): Chart => new Chart(Testing.app(), 'test', { namespace: 'shop' });
function service(chart: Chart, name: string, namespace?: string): MeshService {
  const made = new MeshService(chart, name, { ports: [MeshPort.http(80)], namespace });
  made.addVersion('v1', { containers: [{ image: name }] });
  return made;
}
const unknown = MeshRequest.get('http://unknown.example/');

describe('Mesh.fromExisting', () => {
  test('renders nothing, and says what everything else needs', () => {
    const chart = shop();
    const mesh = Mesh.fromExisting(chart, 'mesh', {
      istioVersion: IstioVersion.of('1.29'),
      rootNamespace: 'mesh-system',
      trustDomain: 'example.org',
      domain: 'corp.example',
      revision: 'stable',
      mtls: MtlsMode.STRICT,
      egress: EgressPolicy.REGISTRY_ONLY,
      ingressGateway: GatewayWorkload.existing({ door: 'in' }),
      meshConfig: { accessLogFile: '/dev/stdout' },
    });
    expect(Testing.synth(chart)).toEqual([]);
    expect([mesh.istioVersion.minor, mesh.rootNamespace, mesh.domain, mesh.revision, mesh.namespaceLabels]).toEqual([29, 'mesh-system', 'corp.example', 'stable', { 'istio.io/rev': 'stable' }]);
  });

  test('says nothing but Istio\'s defaults unless told', () => {
    const mesh = Mesh.fromExisting(shop(), 'mesh');
    expect([mesh.istioVersion, mesh.rootNamespace, mesh.domain, mesh.revision, mesh.namespaceLabels])
      .toEqual([IstioVersion.V1_31, 'istio-system', 'cluster.local', undefined, { 'istio-injection': 'enabled' }]);
  });

  test('its domain is that of hosts in full, its revision that of gateways', () => {
    const chart = shop();
    const mesh = Mesh.fromExisting(chart, 'mesh', { domain: 'corp.example', revision: 'stable' });
    const [front, books] = [service(chart, 'front'), service(chart, 'books', 'library')];
    front.connections.allowTo(books);
    const gateway = new MeshGateway(chart, 'site', { listeners: [GatewayListener.http({ hosts: ['books.example'] })] });
    books.exposeViaGateway(gateway);
    books.connections.allowFrom(gateway);
    new ExternalService(chart, 'api', { hosts: ['api.example'], ports: [MeshPort.http(80)], via: new EgressGateway(chart, 'egress', { workload: mesh.egressGateway }) });
    expect(only(chart, 'Sidecar').spec.egress).toEqual([{ hosts: ['library/books.library.svc.corp.example'] }]);
    expect(only(chart, 'VirtualService', 'site-books.example').spec.http[0].route).toEqual([{ destination: { host: 'books.library.svc.corp.example', port: { number: 80 } } }]);
    const { metadata, spec } = only(chart, 'DestinationRule', 'egress');
    expect([metadata.namespace, spec.host]).toEqual(['istio-system', 'istio-egressgateway.istio-system.svc.corp.example']);
    expect(MeshTesting.of(chart).send(MeshRequest.get('http://api.example/'), { from: books }).distribution())
      .toEqual([{ target: 'istio-egressgateway.istio-system/api', percent: 100 }]);
    expect(only(chart, 'Deployment', 'site').spec.template.metadata.labels).toMatchObject({ 'sidecar.istio.io/inject': 'true', 'istio.io/rev': 'stable' });
    const mesh2 = MeshTesting.of(chart);
    mesh2.send(MeshRequest.get('http://books.library/'), { from: front }).expectTarget(books);
    mesh2.send(MeshRequest.get('http://books.library.svc.corp.example/'), { from: front }).expectTarget(books);
    mesh2.send(MeshRequest.get('http://books.example/')).expectTarget(books);
    expect(failures(chart)).toEqual([]);
    expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
  });

  test('injects for its revision, domain and MeshConfig', () => {
    const chart = shop();
    Mesh.fromExisting(chart, 'mesh', { domain: 'corp.example', revision: 'stable', trustDomain: 'example.org' }).inject(chart);
    service(chart, 'front');
    const { metadata, spec } = only(chart, 'Deployment').spec.template;
    const proxy = [...spec.containers, ...spec.initContainers].find(({ name }: any) => name === 'istio-proxy');
    expect(metadata.annotations['istio.io/rev']).toBe('stable');
    expect(proxy.args).toContain('$(POD_NAMESPACE).svc.corp.example');
    expect(proxy.env).toContainEqual({ name: 'TRUST_DOMAIN', value: 'example.org' });
  });

  test('simulated: its egress, its mutual TLS and its trust domain', () => {
    const send = (props: ExistingMeshProps) => {
      const chart = shop();
      Mesh.fromExisting(chart, 'mesh', props);
      const [front, back] = [service(chart, 'front'), service(chart, 'back')];
      back.connections.allowFrom(front);
      new kplus.Deployment(chart, 'outsider', { metadata: { name: 'outsider' }, podMetadata: { labels: { 'sidecar.istio.io/inject': 'false' } }, containers: [{ image: 'x' }] });
      const mesh = MeshTesting.of(chart);
      const other = service(chart, 'other');
      expect(failures(chart)).toEqual([]);
      return {
        unknown: MeshTesting.of(chart).send(unknown, { from: other }),
        friend: mesh.send(MeshRequest.get('http://back/'), { from: front }).outcome,
        outsider: MeshTesting.of(chart).send(MeshRequest.get('http://other/'), { fromName: 'outsider.shop' }).outcome,
      };
    };
    const open = send({ trustDomain: 'example.org' });
    expect([open.unknown.outcome, open.friend, open.outsider]).toEqual(['routed', 'routed', 'routed']);
    const closed = send({ egress: EgressPolicy.REGISTRY_ONLY, mtls: MtlsMode.STRICT, rootNamespace: 'mesh-system' });
    closed.unknown.expectStatus(502);
    expect([closed.friend, closed.outsider]).toEqual(['routed', 'failed']);
  });

  test('simulated: a gateway out that runs already', () => {
    const chart = shop();
    const mesh = Mesh.fromExisting(chart, 'mesh', { egressGateway: GatewayWorkload.existing({ door: 'out' }, { serviceHost: 'out.doors.svc.cluster.local' }) });
    const front = service(chart, 'front');
    new ExternalService(chart, 'api', { hosts: ['api.example'], ports: [MeshPort.http(80)], via: new EgressGateway(chart, 'egress', { workload: mesh.egressGateway }) });
    expect(MeshTesting.of(chart).send(MeshRequest.get('http://api.example/'), { from: front }).distribution()).toEqual([{ target: 'out.doors/api', percent: 100 }]);
    expect(failures(chart)).toEqual([]);
    expect(all(chart, 'Deployment')).toHaveLength(1);
  });

  test('a gateway in that runs already needs no pods here, and another one does', () => {
    const chart = shop();
    const mesh = Mesh.fromExisting(chart, 'mesh', { ingressGateway: GatewayWorkload.existing({ door: 'in' }) });
    const front = service(chart, 'front');
    front.exposeViaGateway(new MeshGateway(chart, 'site', { listeners: [GatewayListener.http({ hosts: ['shop.example'] })], workload: mesh.ingressGateway }));
    expect(failures(chart)).toEqual([]);
    MeshTesting.of(chart).send(MeshRequest.get('http://shop.example/')).expectTarget(front);
    const servers = [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['a.example'] }];
    new ApiObject(chart, 'by-hand', { apiVersion: 'networking.istio.io/v1', kind: 'Gateway', metadata: { name: 'by-hand' }, spec: { selector: { door: 'out' }, servers } });
    expect(failures(chart)).toEqual([expect.stringMatching(/^\[test\/by-hand\] MESH_SELECTOR_UNMATCHED/)]);
  });

  test('synthesis checks against its MeshConfig', () => {
    const custom = (extensionProviders: object[]) => {
      const chart = shop();
      Mesh.fromExisting(chart, 'mesh', { meshConfig: { extensionProviders } });
      service(chart, 'front');
      service(chart, 'authz');
      new ApiObject(chart, 'ask', {
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'ask' },
        spec: { selector: { matchLabels: { app: 'front' } }, action: 'CUSTOM', provider: { name: 'ours' }, rules: [{}] },
      });
      return failures(chart);
    };
    expect(custom([{ name: 'ours', envoyExtAuthzHttp: { service: 'authz.shop.svc.cluster.local', port: 80 } }])).toEqual([]);
    expect(custom([])).toEqual([expect.stringMatching(/^\[test\/ask\] MESH_PROVIDER_\w+: .*ours/)]);
  });

  test('a chart beside it knows it too, where it is checked with it', () => {
    const app = Testing.app();
    Mesh.fromExisting(new Chart(app, 'platform'), 'mesh', { checks: app, egress: EgressPolicy.REGISTRY_ONLY });
    const chart = new Chart(app, 'shop', { namespace: 'shop' });
    MeshTesting.of(chart).send(unknown, { from: service(chart, 'front') }).expectStatus(502);
  });

  test.each<[string, ExistingMeshProps, string]>([
    ['a root namespace that is no name', { rootNamespace: 'a b' }, 'MESH_NAME_INVALID: rootNamespace must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "a b"; give the name of a namespace'],
    ['a revision that is no name', { revision: '1.29' }, 'MESH_NAME_INVALID: revision must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "1.29"; give the name that istiod was installed with'],
    ['a domain that is none', { domain: '' }, 'MESH_HOST_INVALID: a host must be a DNS name, "*." and a DNS name, or "*", got ""; write one of those'],
    ['a trust domain that is none', { trustDomain: 'a_b' }, 'MESH_HOST_INVALID: a host must be a DNS name, "*." and a DNS name, or "*", got "a_b"; write one of those'],
    ['a gateway in that is not there', { ingressGateway: GatewayWorkload.deployed() }, 'MESH_GATEWAY_DEPLOYED: ingressGateway must be pods that run already, got GatewayWorkload.deployed(); write GatewayWorkload.existing() with their labels'],
    ['a gateway out that is not there', { egressGateway: GatewayWorkload.deployed() }, 'MESH_GATEWAY_DEPLOYED: egressGateway must be pods that run already, got GatewayWorkload.deployed(); write GatewayWorkload.existing() with their labels'],
    ['one field in two places', { trustDomain: 'a.example', meshConfig: { trustDomain: 'a.example' } }, 'MESH_FIELD_EXCLUSIVE: meshConfig must leave out what a property says, got trustDomain in both; leave it away in one of them'],
  ])('rejects %s', (_case, props, message) => {
    expect(() => Mesh.fromExisting(shop(), 'mesh', props)).toThrow(new Error(`[test/mesh] ${message}`));
  });

  test('a domain or revision comes before what depends on it', () => {
    const chart = shop();
    new MeshGateway(chart, 'site', { listeners: [GatewayListener.http()] });
    expect(() => Mesh.fromExisting(chart, 'mesh', { revision: 'stable' })).toThrow(new Error(
      '[test/mesh] MESH_MESH_LATE: a Mesh with its own domain or revision must be made before what depends on them, got test/site first; make the Mesh first'));
    Mesh.fromExisting(chart, 'other', { egress: EgressPolicy.REGISTRY_ONLY });
  });

  test('a tree has one', () => {
    const chart = shop();
    Mesh.fromExisting(chart, 'mesh');
    expect(() => new Mesh(chart, 'second')).toThrow('MESH_MESH_DUPLICATE');
  });
});

describe('egress of the Mesh', () => {
  test.each(Object.values(EgressPolicy))('%s is the Sidecar of the root namespace', (egress) => {
    const chart = shop();
    new Mesh(chart, 'mesh', { egress, rootNamespace: 'root' });
    expect(Testing.synth(chart)).toEqual([{
      apiVersion: 'networking.istio.io/v1',
      kind: 'Sidecar',
      metadata: { name: 'default', namespace: 'root', annotations: { 'cdk8s-mesh.dev/path': 'test/mesh' } },
      spec: { outboundTrafficPolicy: { mode: egress } },
    }]);
    expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
  });

  function closed() {
    const chart = shop();
    new Mesh(chart, 'mesh', { egress: EgressPolicy.REGISTRY_ONLY });
    return { chart, front: service(chart, 'front'), back: service(chart, 'back', 'elsewhere') };
  }

  test('simulated: 502 for a host that nobody declared, and all others as before', () => {
    const { chart, front, back } = closed();
    const declared = new ExternalService(chart, 'api', { hosts: ['api.example'], ports: [MeshPort.http(80)] });
    const mesh = MeshTesting.of(chart);
    mesh.send(unknown, { from: front }).expectStatus(502);
    mesh.send(unknown, { from: back }).expectStatus(502);
    mesh.send(MeshRequest.get('http://api.example/'), { from: front }).expectTarget(declared);
    mesh.send(MeshRequest.get('http://back.elsewhere/'), { from: front }).expectTarget(back);
    expect(failures(chart)).toEqual([]);
  });

  test('a scope of one\'s own keeps it, unless it says otherwise', () => {
    const { chart, front, back } = closed();
    const scopes = [
      new SidecarScope(chart, 'narrow', { service: front, egress: [EgressHosts.ownNamespace()] }),
      new SidecarScope(chart, 'open', { service: back, outboundTrafficPolicy: EgressPolicy.ALLOW_ANY }),
    ];
    expect(scopes.map(({ name }) => only(chart, 'Sidecar', name).spec.outboundTrafficPolicy)).toEqual([{ mode: 'REGISTRY_ONLY' }, { mode: 'ALLOW_ANY' }]);
    const mesh = MeshTesting.of(chart);
    mesh.send(unknown, { from: front }).expectStatus(502);
    expect(mesh.send(unknown, { from: back }).outcome).toBe('routed');
    expect(failures(chart)).toEqual([]);
  });

  test('a Sidecar by hand that forgets it fails synthesis', () => {
    const { chart } = closed();
    const byHand = (id: string, spec: object) => new ApiObject(chart, id, { apiVersion: 'networking.istio.io/v1beta1', kind: 'Sidecar', metadata: { name: id }, spec });
    byHand('says', { outboundTrafficPolicy: { mode: 'ALLOW_ANY' }, workloadSelector: { labels: { app: 'front' } } });
    expect(failures(chart)).toEqual([]);
    byHand('forgets', { egress: [{ hosts: ['*/*'] }] });
    expect(failures(chart)).toEqual(['[test/forgets] MESH_EGRESS_OPEN: Sidecar/shop/forgets spec.outboundTrafficPolicy: a Sidecar must say where else its pods may go, since it replaces the one by which egress of the Mesh closes the way out, got none; set mode to REGISTRY_ONLY, or to ALLOW_ANY if that is meant']);
  });
});
