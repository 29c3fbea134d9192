import { Chart, Testing } from 'cdk8s';
import {
  AccessOperation, AccessSource, EgressHosts, EgressPolicy, ExternalService, GatewayListener, GatewayWorkload, Mesh, MeshGateway, MeshPort,
  MeshRequest, MeshService, MeshTesting, SidecarScope, type SidecarScopeProps,
} from '../src';
import { only } from './support/synth';

const shop = (): Chart => new Chart(Testing.app(), 'test', { namespace: 'shop' });
const service = (chart: Chart, name: string): MeshService => {
  const made = new MeshService(chart, name, { ports: [MeshPort.http(9080)] });
  made.addVersion('v1', { containers: [{ image: name }] });
  return made;
};

describe('SidecarScope', () => {
  test('renders hosts, listeners and ports', () => {
    const chart = shop();
    const [reviews, ratings] = ['reviews', 'ratings'].map((name) => service(chart, name));
    const books = new ExternalService(chart, 'books', { hosts: ['www.googleapis.com'], ports: [MeshPort.tls(443)] });
    new SidecarScope(chart, 'scope', {
      service: reviews,
      egress: [EgressHosts.service(ratings), EgressHosts.namespace('istio-system'), EgressHosts.externalService(books), EgressHosts.ownNamespace(), EgressHosts.ownNamespace()],
      egressListeners: [{ port: MeshPort.tcp(3306), bind: 'unix:///var/run/db', hosts: [EgressHosts.named('*.db.example')] }],
      ingress: [{ port: MeshPort.http(9080, { targetPort: 8080 }) }, { port: MeshPort.http(9081), defaultEndpoint: 'unix:///var/run/app', bind: '0.0.0.0' }],
      outboundTrafficPolicy: EgressPolicy.REGISTRY_ONLY,
    });
    expect(only(chart, 'Sidecar')).toEqual({
      apiVersion: 'networking.istio.io/v1',
      kind: 'Sidecar',
      metadata: { name: 'scope', namespace: 'shop', annotations: { 'cdk8s-mesh.dev/path': 'test/scope' } },
      spec: {
        workloadSelector: { labels: { app: 'reviews' } },
        egress: [
          { port: { number: 3306, name: 'tcp', protocol: 'TCP' }, bind: 'unix:///var/run/db', hosts: ['*/*.db.example'] },
          { hosts: ['shop/ratings.shop.svc.cluster.local', 'istio-system/*', '*/www.googleapis.com', './*'] },
        ],
        ingress: [
          { port: { number: 9080, name: 'http-9080', protocol: 'HTTP' }, defaultEndpoint: '0.0.0.0:8080' },
          { port: { number: 9081, name: 'http-9081', protocol: 'HTTP' }, defaultEndpoint: 'unix:///var/run/app', bind: '0.0.0.0' },
        ],
        outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      },
    });
  });

  test.each<[string, SidecarScopeProps, string]>([
    ['no host', { egress: [] }, 'MESH_SCOPE_INVALID: egress must name hosts, got []; leave it away for all, or write [EgressHosts.named(…)] for few'],
    ['a listener without hosts', { egressListeners: [{ port: MeshPort.http(1), hosts: [] }] }, 'MESH_SCOPE_INVALID: an egress listener must have hosts, got [] on port 1; add EgressHosts, or leave the listener away'],
    ['ports of nobody', { ingress: [{ port: MeshPort.http(1) }] }, 'MESH_SELECTOR_MISSING: ingress must be that of a service, got none; set service'],
  ])('rejects %s', (_case, props, message) => {
    expect(() => new SidecarScope(shop(), 'x', props)).toThrow(new Error(`[test/x] ${message}`));
  });

  test('rejects an endpoint elsewhere', () => {
    const chart = shop();
    expect(() => new SidecarScope(chart, 'x', { service: service(chart, 'a'), ingress: [{ port: MeshPort.http(1), defaultEndpoint: '10.0.0.1:80' }] })).toThrow(
      new Error('[test/x] MESH_SCOPE_INVALID: defaultEndpoint must be 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT or unix:///path, got "10.0.0.1:80"; write one of those'));
  });
});

describe('connections', () => {
  test('one line opens the way on both sides', () => {
    const chart = shop();
    const [productpage, reviews] = ['productpage', 'reviews'].map((name) => service(chart, name));
    productpage.connections.allowTo(reviews);
    expect(only(chart, 'Sidecar')).toMatchObject({
      metadata: { name: 'productpage', namespace: 'shop' },
      spec: { workloadSelector: { labels: { app: 'productpage' } }, egress: [{ hosts: ['shop/reviews.shop.svc.cluster.local'] }], outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' } },
    });
    expect(only(chart, 'AuthorizationPolicy')).toMatchObject({
      metadata: { name: 'reviews', namespace: 'shop' },
      spec: { selector: { matchLabels: { app: 'reviews' } }, action: 'ALLOW', rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/productpage'] } }] }] },
    });
    expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
  });

  test('from either side it is the same', () => {
    const [to, from] = [shop(), shop()];
    service(to, 'a').connections.allowTo(service(to, 'b'));
    const a = service(from, 'a');
    service(from, 'b').connections.allowFrom(a);
    expect(Testing.synth(to)).toEqual(Testing.synth(from));
  });

  test('operations, outside hosts and other sources', () => {
    const chart = shop();
    const [a, b] = ['a', 'b'].map((name) => service(chart, name));
    a.connections.allowTo(b, { operations: [AccessOperation.http({ methods: ['GET'] })] });
    a.connections.allowTo(new ExternalService(chart, 'books', { hosts: ['www.googleapis.com'], ports: [MeshPort.tls(443)] }));
    b.connections.allowFromSource(AccessSource.namespace('istio-system'));
    expect(only(chart, 'Sidecar').spec.egress).toEqual([{ hosts: ['*/www.googleapis.com', 'shop/b.shop.svc.cluster.local'] }]);
    expect(only(chart, 'AuthorizationPolicy').spec.rules).toEqual([
      { from: [{ source: { namespaces: ['istio-system'] } }] },
      { from: [{ source: { principals: ['cluster.local/ns/shop/sa/a'] } }], to: [{ operation: { methods: ['GET'] } }] },
    ]);
  });

  test('a gateway with pods of its own is a caller', () => {
    const chart = shop();
    const reviews = service(chart, 'reviews');
    const gateway = new MeshGateway(chart, 'edge', { listeners: [GatewayListener.http()] });
    reviews.connections.allowFrom(gateway);
    const rules = [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/edge'] } }] }];
    expect(only(chart, 'AuthorizationPolicy')).toMatchObject({ metadata: { name: 'reviews' }, spec: { rules } });
    const existing = new MeshGateway(chart, 'old', { listeners: [GatewayListener.http()], workload: GatewayWorkload.existing({ istio: 'ingressgateway' }) });
    expect(() => reviews.connections.allowFrom(existing)).toThrow('MESH_ACCOUNT_UNKNOWN');
  });

  test('an isolated service neither calls nor is called', () => {
    const chart = shop();
    service(chart, 'a').connections.isolate();
    expect(only(chart, 'Sidecar').spec.egress).toEqual([{ hosts: ['~/*'] }]);
    expect(only(chart, 'AuthorizationPolicy').spec).toEqual({ selector: { matchLabels: { app: 'a' } }, action: 'ALLOW' });
  });

  test('a caller reaches what it declared, and nothing else', () => {
    const chart = shop();
    const [productpage, reviews, ratings] = ['productpage', 'reviews', 'ratings'].map((name) => service(chart, name));
    productpage.connections.allowTo(reviews);
    new Mesh(chart, 'mesh');
    expect(chart.node.findAll().flatMap((construct) => construct.node.validate())).toEqual([]);
    const mesh = MeshTesting.of(chart);
    const ask = (host: string, from: MeshService) => mesh.send(MeshRequest.get(`http://${host}:9080/`), { from });
    ask('reviews', productpage).expectTarget(reviews);
    expect(ask('ratings', productpage).toJson()).toMatchObject({ status: 502 });
    ask('ratings', reviews).expectTarget(ratings);
  });

  test('needs a namespace', () => {
    const chart = Testing.chart();
    const [a, b] = ['a', 'b'].map((name) => service(chart, name));
    expect(() => a.connections.allowTo(b)).toThrow(
      new Error('[test/b] MESH_NAMESPACE_MISSING: a service that others connect to must have a namespace, got none; set namespace, or that of its chart'));
    expect(Testing.synth(chart).map(({ kind }: { kind: string }) => kind)).not.toContain('Sidecar');
  });
});

test('operations are for services of the mesh', () => {
  const chart = shop();
  const a = service(chart, 'a');
  const books = new ExternalService(chart, 'books', { hosts: ['www.googleapis.com'], ports: [MeshPort.tls(443)] });
  expect(() => a.connections.allowTo(books, { operations: [AccessOperation.http({ methods: ['GET'] })] })).toThrow(new Error(
    '[test/a] MESH_ACCESS_INVALID: operations must be those of a service of the mesh, got some for test/books; leave them away'));
});
