import { Testing } from 'cdk8s';
import { ClientTls, ConnectionPool, EgressGateway, ExternalService, type ExternalServiceProps, GatewayWorkload, Mesh, MeshPort, MeshRequest, MeshService, MeshTesting, Resolution, TlsOrigination } from '../src';
import { all, failures, only } from './support/synth';

const host = 'api.example.com';
function given(props: Partial<ExternalServiceProps> = {}) {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh');
  const shop = new MeshService(chart, 'shop', { ports: [MeshPort.http(80)] });
  shop.addVersion('v1', { containers: [{ image: 'shop' }] });
  return { chart, shop, api: new ExternalService(chart, 'api', { hosts: [host], ports: [MeshPort.http(80)], ...props }) };
}

describe('TLS origination', () => {
  test('four fields agree: port 80 leads to 443, as TLS with the host\'s name', () => {
    const { chart, shop, api } = given({ tlsOrigination: TlsOrigination.simple(), exportTo: ['.'] });
    expect(only(chart, 'ServiceEntry').spec.ports).toEqual([{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 443 }]);
    expect(only(chart, 'DestinationRule', 'api').spec).toEqual({
      host, exportTo: ['.'], trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'SIMPLE', sni: host } }] },
    });
    MeshTesting.of(chart).send(MeshRequest.get(`http://${host}/`), { from: shop }).expectTarget(api);
    expect(failures(chart)).toEqual([]);
    expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
  });

  test('keeps what else is set for the port, and has a rule for each host', () => {
    const { chart } = given({
      hosts: [host, 'b.example.com'],
      ports: [MeshPort.http(8080, { targetPort: 8443 })],
      traffic: { connectionPool: ConnectionPool.tcp({ maxConnections: 1 }) },
      tlsOrigination: TlsOrigination.simple({ sni: 'c.example.com' }),
    });
    const pool = { connectionPool: { tcp: { maxConnections: 1 } } };
    const rules = all(chart, 'DestinationRule').filter(({ spec }) => spec.host !== 'shop');
    expect(rules.map(({ metadata, spec }) => [metadata.name, spec.host, spec.trafficPolicy])).toEqual([
      ['api', host], ['api-b-example-com', 'b.example.com'],
    ].map(([name, own]) => [name, own, { ...pool, portLevelSettings: [{ port: { number: 8080 }, ...pool, tls: { mode: 'SIMPLE', sni: 'c.example.com' } }] }]));
    expect(only(chart, 'ServiceEntry').spec.ports[0].targetPort).toBe(8443);
  });

  test.each<[string, Partial<ExternalServiceProps>, string]>([
    ['TLS inside TLS', { ports: [MeshPort.https(443)], tlsOrigination: TlsOrigination.simple() }, 'MESH_TLS_INVALID: ports under tlsOrigination must be plain HTTP, got HTTPS 443, which would be TLS inside TLS; leave tlsOrigination away, or declare MeshPort.http()'],
    ['plain HTTP to 443', { ports: [MeshPort.http(80, { targetPort: 443 })] }, 'MESH_TLS_INVALID: port 443 speaks TLS, got plain HTTP 80 for it; set tlsOrigination, or declare MeshPort.https(443) if the application speaks TLS'],
    ['TLS in two places', { traffic: { tls: ClientTls.simple() } }, 'MESH_TLS_INVALID: traffic of an external service must not set tls, got it there; use tlsOrigination'],
  ])('refuses %s', (_case, props, message) => {
    expect(() => given(props)).toThrow(new Error(`[test/api] ${message}`));
  });
});

describe('resolution', () => {
  test.each<[string, Resolution, string[], object]>([
    ['round robin', Resolution.dnsRoundRobin(), [host], { resolution: 'DNS_ROUND_ROBIN' }],
    ['passthrough', Resolution.passthrough(), ['*.example.com'], { resolution: 'NONE' }],
  ])('%s', (_case, resolution, hosts, expected) => {
    expect(only(given({ resolution, hosts }).chart, 'ServiceEntry').spec).toMatchObject({ hosts, ...expected });
  });

  test('simulated: every name under a wildcard', () => {
    const { chart, shop } = given({ resolution: Resolution.passthrough(), hosts: ['*.example.com'] });
    expect(MeshTesting.of(chart).send(MeshRequest.get('http://any.example.com/'), { from: shop }).outcome).toBe('routed');
  });

  test('round robin takes one host', () => {
    expect(() => given({ resolution: Resolution.dnsRoundRobin(), hosts: ['a.com', 'b.com'] })).toThrow(new Error(
      '[test/api] MESH_HOST_AMBIGUOUS: Resolution.dnsRoundRobin() takes one host, got a.com, b.com; declare one external service for each'));
  });
});

describe('via an egress gateway', () => {
  function via(props: Partial<ExternalServiceProps> = {}) {
    const chart = Testing.chart();
    new Mesh(chart, 'mesh');
    const shop = new MeshService(chart, 'shop', { ports: [MeshPort.http(80)] });
    shop.addVersion('v1', { containers: [{ image: 'shop' }] });
    const egress = new EgressGateway(chart, 'egress');
    const api = new ExternalService(chart, 'api', { hosts: [host], ports: [MeshPort.http(80)], via: egress, ...props });
    return { chart, shop, egress, api };
  }

  test('HTTP goes to the gateway by mutual TLS, and from there as TLS to the host', () => {
    const { chart } = via({ tlsOrigination: TlsOrigination.simple() });
    expect(only(chart, 'Gateway').spec).toEqual({
      selector: { istio: 'egress' },
      servers: [{ port: { number: 443, name: 'https-api-example-com', protocol: 'HTTPS' }, hosts: [host], tls: { mode: 'ISTIO_MUTUAL' } }],
    });
    expect(only(chart, 'DestinationRule', 'egress').spec).toEqual({ host: 'egress', subsets: [{ name: 'api', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL', sni: host } } }] });
    expect(only(chart, 'VirtualService').spec).toEqual({
      hosts: [host],
      gateways: ['mesh', 'egress'],
      http: [
        { name: 'to-gateway', match: [{ gateways: ['mesh'], port: 80 }], route: [{ destination: { host: 'egress', subset: 'api', port: { number: 443 } } }] },
        { name: 'to-host', match: [{ gateways: ['egress'], port: 443 }], route: [{ destination: { host, port: { number: 80 } } }] },
      ],
    });
    expect(only(chart, 'Service', 'egress').spec).toMatchObject({ type: 'ClusterIP', ports: [{ name: 'tls', port: 443, targetPort: 8443 }] });
    expect(failures(chart)).toEqual([]);
    expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
  });

  test('simulated: a sidecar sends to the gateway', () => {
    const { chart, shop } = via();
    expect(MeshTesting.of(chart).send(MeshRequest.get(`http://${host}/`), { from: shop }).distribution()).toEqual([{ target: 'egress/api', percent: 100 }]);
  });

  test('TLS of applications passes through', () => {
    const { chart, shop } = via({ ports: [MeshPort.tls(443)] });
    expect(only(chart, 'Gateway').spec.servers).toEqual([{ port: { number: 443, name: 'tls-api-example-com', protocol: 'TLS' }, hosts: [host], tls: { mode: 'PASSTHROUGH' } }]);
    expect(only(chart, 'DestinationRule', 'egress').spec.subsets).toEqual([{ name: 'api' }]);
    expect(MeshTesting.of(chart).send(MeshRequest.get(`https://${host}/`), { from: shop }).distribution()).toEqual([{ target: 'egress/api', percent: 100 }]);
    expect(failures(chart)).toEqual([]);
  });

  test('several hosts share Gateway and DestinationRule', () => {
    const { chart, egress } = via();
    new ExternalService(chart, 'more', { hosts: ['a.example.com', 'b.example.com'], ports: [MeshPort.https(443)], via: egress });
    expect(only(chart, 'Gateway').spec.servers.map((server: any) => server.port.name)).toEqual(['tls-a-example-com', 'https-api-example-com', 'tls-b-example-com']);
    expect(only(chart, 'DestinationRule', 'egress').spec.subsets.map((subset: any) => subset.name)).toEqual(['more', 'api', 'more-b-example-com']);
    expect(failures(chart)).toEqual([]);
  });

  test.each<[string, () => unknown, string]>([
    ['bytes', () => via({ ports: [MeshPort.tcp(90)] }), '[test/api] MESH_PORT_AMBIGUOUS: an external service via an egress gateway must have one port, of HTTP or TLS, got TCP 90; declare one external service for each'],
    ['wildcards', () => via({ hosts: ['*.example.com'], resolution: Resolution.passthrough() }), '[test/api] MESH_HOST_WILDCARD: hosts via an egress gateway must be exact, got "*.example.com"; name each host'],
    ['a host twice', () => { const { chart, egress } = via(); new ExternalService(chart, 'again', { hosts: [host], ports: [MeshPort.http(81)], exportTo: ['.'], via: egress }); },
      `[test/again] MESH_HOST_SHARED: a host must leave by egress gateway test/egress once, got "${host}" twice; give one external service all its ports`],
    ['pods that run already, without their Service', () => new EgressGateway(Testing.chart(), 'e', { workload: GatewayWorkload.existing({ a: 'b' }) }),
      '[test/e] MESH_HOST_MISSING: an egress gateway of pods that run already must have the name of their Service, got none; set serviceHost of GatewayWorkload.existing()'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });

  test('a gateway that nothing leaves by fails synthesis', () => {
    const chart = Testing.chart();
    new EgressGateway(chart, 'egress');
    expect(failures(chart)).toEqual(['[test/egress] MESH_SERVERS_MISSING: an egress gateway must have an external service that goes via it, got none; set via of an ExternalService']);
  });
});
