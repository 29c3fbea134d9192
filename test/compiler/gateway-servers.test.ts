import { compile, listenerJson, resourcesOfYaml, routesJson, SHOP } from './support';
import { buildModel } from '../../src/model/model';

const PODS = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: gate, namespace: shop }
spec: { template: { metadata: { labels: { istio: ingressgateway } }, spec: { containers: [{ name: istio-proxy, image: x }] } } }
`;

const gateway = (name: string, servers: object[]) => JSON.stringify({
  apiVersion: 'networking.istio.io/v1', kind: 'Gateway', metadata: { name, namespace: 'shop' }, spec: { selector: { istio: 'ingressgateway' }, servers },
});
const rule = (name: string, hosts: string[], spec: object) => JSON.stringify({
  apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name, namespace: 'shop' }, spec: { hosts, gateways: ['gate'], ...spec },
});
const server = (number: number, protocol: string, hosts: string[], more: object = {}) => ({ port: { number, name: `${protocol.toLowerCase()}-${number}`, protocol }, hosts, ...more });
const to = (host: string) => ({ route: [{ destination: { host, port: { number: 8000 } } }] });
const at = (documents: readonly string[], meshConfig: object = {}, metadata?: Record<string, unknown>) => (
  compile(buildModel(resourcesOfYaml(SHOP, PODS, ...documents), { meshConfig: { ...meshConfig } }), 'gate.shop', { metadata }));

const contextOf = (tls: object, meshConfig: object = {}, protocol = 'HTTPS') => {
  const compiled = at([gateway('gate', [server(443, protocol, ['a.example.com'], { tls })]), rule('r', ['a.example.com'], { tcp: [to('cart')] })], meshConfig);
  return listenerJson(compiled, '0.0.0.0_443').filterChains[0].transportSocket.typedConfig.commonTlsContext;
};

describe('a port', () => {
  const service = (name: string, created: string, targetPort: number) => JSON.stringify({
    apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'shop', creationTimestamp: created }, spec: { selector: { istio: 'ingressgateway' }, ports: [{ name: 'http', port: 80, targetPort }] },
  });

  test('is bound where the first Service of the gateway leads it, not where others do', () => {
    const compiled = at([service('young', '2026-01-02T00:00:00Z', 8081), service('old', '2026-01-01T00:00:00Z', 8080), gateway('gate', [server(80, 'HTTP', ['*'])])]);
    expect(compiled.listeners.map(({ name }) => name)).toEqual(['0.0.0.0_8080']);
  });

  test('of plain HTTP takes neither TCP nor TLS on the same address, but either on another', () => {
    const tcp = rule('r', ['*'], { tcp: [to('cart')] });
    const servers = [server(7000, 'HTTP', ['*']), server(7000, 'TCP', ['*']), server(7000, 'TCP', ['*'], { bind: '10.0.0.9' })];
    const compiled = at([gateway('gate', servers), tcp]);
    expect(compiled.listeners.map(({ name }) => name).sort()).toEqual(['0.0.0.0_7000', '10.0.0.9_7000']);
    expect(listenerJson(compiled, '0.0.0.0_7000').filterChains).toHaveLength(1);
  });

  test('spreads its connections evenly where its node asks for it', () => {
    const documents = [gateway('gate', [server(80, 'HTTP', ['*'])])];
    expect(listenerJson(at(documents, {}, { OUTBOUND_LISTENER_EXACT_BALANCE: 'true' }), '0.0.0.0_80').connectionBalanceConfig).toEqual({ exactBalance: {} });
    expect(listenerJson(at(documents), '0.0.0.0_80').connectionBalanceConfig).toBeUndefined();
  });
});

describe('virtual hosts', () => {
  const domains = (documents: readonly string[], name = 'http.80') => routesJson(at(documents), name).virtualHosts.map(host => host.domains);

  test('of rules that spell a host in other letters than the server there are none', () => {
    expect(domains([gateway('gate', [server(80, 'HTTP', ['A.example.com'])]), rule('r', ['a.example.com'], { http: [to('cart')] })])).toEqual([['*']]);
    expect(domains([gateway('gate', [server(80, 'HTTP', ['A.example.com'])]), rule('r', ['A.example.com'], { http: [to('cart')] })])).toEqual([['a.example.com']]);
  });

  test('that only redirect are one, and keep the namespace of their server', () => {
    const redirect = { tls: { httpsRedirect: true } };
    expect(domains([gateway('gate', [server(80, 'HTTP', ['a.example.com', 'b.example.com'], redirect)])])).toEqual([['a.example.com', 'b.example.com']]);
    expect(domains([gateway('gate', [server(80, 'HTTP', ['./a.example.com'], redirect)])])).toEqual([['shop/a.example.com']]);
    expect(domains([gateway('gate', [server(80, 'HTTP', ['*/*', 'b.example.com'], redirect)])])).toEqual([['*']]);
  });

  test('have the routes of a rule once for each server that lets it in', () => {
    const servers = [server(80, 'HTTP', ['*.example.com']), { ...server(80, 'HTTP', ['a.example.com']), port: { number: 80, name: 'other', protocol: 'HTTP' } }];
    const [host] = routesJson(at([gateway('gate', servers), rule('r', ['a.example.com'], { http: [to('cart')] })]), 'http.80').virtualHosts;
    expect(host.routes).toHaveLength(2);
  });
});

describe('TLS', () => {
  test('a server of HTTPS counts under its own name, as it stands', () => {
    const named = at([gateway('gate', [server(443, 'HTTPS', ['*'], { name: 'front', tls: { mode: 'SIMPLE', credentialName: 'c' } })])]);
    expect(listenerJson(named, '0.0.0.0_443').filterChains[0].filters[0].typedConfig.statPrefix).toBe('front');
  });

  test('without a mode is passed on', () => {
    const documents = [gateway('gate', [server(443, 'TLS', ['a.example.com'], { tls: {} })]), rule('r', ['a.example.com'], { tls: [{ match: [{ sniHosts: ['a.example.com'], destinationSubnets: ['10.0.0.0/8'] }], ...to('cart') }] })];
    const [chain] = listenerJson(at(documents), '0.0.0.0_443').filterChains;
    expect([chain.filterChainMatch, chain.transportSocket]).toEqual([{ serverNames: ['a.example.com'] }, undefined]);
  });

  test('checks of keys and hashes belong to credentials, and only where clients show one', () => {
    const checks = { subjectAltNames: ['n'], verifyCertificateHash: ['00'], caCrl: '/l' };
    expect(contextOf({ mode: 'SIMPLE', credentialName: 'c', ...checks }).validationContext).toEqual({ matchSubjectAltNames: [{ exact: 'n' }] });
    expect(contextOf({ mode: 'MUTUAL', credentialName: 'c', ...checks }).combinedValidationContext.defaultValidationContext)
      .toEqual({ matchSubjectAltNames: [{ exact: 'n' }], verifyCertificateHash: ['00'] });
    const files = { serverCertificate: '/c', privateKey: '/k', caCertificates: '/r' };
    expect(contextOf({ mode: 'MUTUAL', ...files, ...checks }).combinedValidationContext.defaultValidationContext)
      .toEqual({ matchSubjectAltNames: [{ exact: 'n' }], crl: { filename: '/l' } });
    expect(contextOf({ mode: 'SIMPLE', ...files, ...checks })).not.toHaveProperty('validationContext');
  });

  test('insecureSkipVerify takes a client\'s certificate from anybody', () => {
    expect(contextOf({ mode: 'MUTUAL', credentialName: 'c', insecureSkipVerify: true }).combinedValidationContext.defaultValidationContext)
      .toEqual({ trustChainVerification: 'ACCEPT_UNTRUSTED' });
  });

  test('credentials: the workload\'s own, of a kind, of an external provider', () => {
    const names = (credentialName: string, meshConfig?: object) => {
      const { tlsCertificateSdsSecretConfigs: [own], combinedValidationContext } = contextOf({ mode: 'MUTUAL', credentialName }, meshConfig);
      const roots = combinedValidationContext.validationContextSdsSecretConfig.name;
      return [own.name, roots, own.sdsConfig.apiConfigSource?.grpcServices[0].envoyGrpc.clusterName];
    };
    expect(names('builtin://')).toEqual(['default', 'ROOTCA', 'sds-grpc']);
    expect(names('kubernetes-gateway://ns/c')).toEqual(['kubernetes-gateway://ns/c', 'kubernetes-gateway://ns/c-cacert', undefined]);
    expect(names('sds://c')).toEqual(['kubernetes://c', 'kubernetes://c-cacert', undefined]);
    const provider = { extensionProviders: [{ name: 'keys', sds: { name: 'x', service: 'cart.shop.svc.cluster.local', port: 8000 } }] };
    expect(names('sds://c', provider)).toEqual(['c', 'c-cacert', 'outbound|8000||cart.shop.svc.cluster.local']);
  });

  test('of the mesh itself takes no defaults for others, and bytes under it tell who calls', () => {
    expect(contextOf({ mode: 'ISTIO_MUTUAL' }, { tlsDefaults: { minProtocolVersion: 'TLSV1_3' } })).not.toHaveProperty('tlsParams');
    const compiled = at([gateway('gate', [server(443, 'TLS', ['*'], { tls: { mode: 'ISTIO_MUTUAL' } })]), rule('r', ['*'], { tcp: [to('cart')] })]);
    expect(listenerJson(compiled, '0.0.0.0_443').filterChains[0].filters[0].name).toBe('istio.metadata_exchange');
  });
});

test('who only hands on what is said of the client adds nothing of its own', () => {
  const manager = (forwardClientCertDetails: string) => listenerJson(
    at([gateway('gate', [server(80, 'HTTP', ['*'])])], { defaultConfig: { gatewayTopology: { forwardClientCertDetails } } }), '0.0.0.0_80',
  ).filterChains[0].filters[0].typedConfig;
  expect(manager('FORWARD_ONLY').setCurrentClientCertDetails).toBeUndefined();
  expect(manager('APPEND_FORWARD').setCurrentClientCertDetails).toEqual({ subject: true, cert: true, dns: true, uri: true });
});

test('of two destinations of bytes the one left keeps its weight', () => {
  const routes = { tcp: [{ route: [{ ...to('cart').route[0], weight: 100 }, { ...to('stock').route[0], weight: 0 }] }] };
  const [proxy] = listenerJson(at([gateway('gate', [server(9000, 'TCP', ['*'])]), rule('r', ['*'], routes)]), '0.0.0.0_9000').filterChains[0].filters.slice(-1);
  expect(proxy.typedConfig.weightedClusters.clusters).toEqual([{ name: 'outbound|8000||cart.shop.svc.cluster.local', weight: 100 }]);
});
