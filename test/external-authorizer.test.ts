import { Chart, Duration, Testing } from 'cdk8s';
import { parse } from 'yaml';
import {
  AccessAction, AccessCondition, AccessOperation, AccessSource, AuthorizationRule, type AuthorizationRuleProps, ExtAuthz, ExternalAuthorizer,
  type ExternalAuthorizerProps, type HttpAuthzOptions, Mesh, MeshPort, MeshRequest, MeshService, MeshTesting, istio,
} from '../src';
import { failures, only } from './support/synth';

function shop() {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  const service = (name: string, ports = [MeshPort.http(8080)]) => {
    const made = new MeshService(chart, name, { ports });
    made.addVersion('v1', { containers: [{ image: name }] });
    return made;
  };
  const [front, accounts] = ['front', 'accounts'].map((name) => service(name)) as [MeshService, MeshService];
  return { chart, mesh: new Mesh(chart, 'mesh'), front, accounts, service, opa: service('opa', [MeshPort.grpc(9191)]) };
}

const configured = (chart: Chart) => parse(only(chart, 'ConfigMap').data.mesh);

test('is a provider in the MeshConfig of the Mesh, which a rule names', () => {
  const { chart, mesh, opa, accounts } = shop();
  const authorizer = new ExternalAuthorizer(chart, 'by-opa', { mesh, ask: ExtAuthz.grpc(opa) });
  new AuthorizationRule(chart, 'admin', { to: accounts, authorizer, operations: [AccessOperation.http({ paths: ['/admin/*'] })] });
  expect(only(chart, 'ConfigMap')).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'istio-cdk8s-mesh',
      namespace: 'istio-system',
      labels: { 'cdk8s-mesh.dev/mesh-config': 'shared' },
      annotations: { 'cdk8s-mesh.dev/path': 'test/mesh' },
    },
    data: { mesh: expect.any(String) },
  });
  expect(configured(chart)).toEqual({ extensionProviders: [{ name: 'by-opa', envoyExtAuthzGrpc: { service: 'opa.shop.svc.cluster.local', port: 9191 } }] });
  expect(only(chart, 'AuthorizationPolicy').spec).toEqual({
    selector: { matchLabels: { app: 'accounts' } },
    action: 'CUSTOM',
    provider: { name: 'by-opa' },
    rules: [{ to: [{ operation: { paths: ['/admin/*'] } }] }],
  });
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('everything that can be said of it, false and the lowest too; providers are sorted', () => {
  const { chart, mesh, service } = shop();
  const auth = service('auth', [MeshPort.http(8000), MeshPort.tcp(9000)]);
  new ExternalAuthorizer(chart, 'second', {
    mesh,
    ask: ExtAuthz.http(auth, {
      port: 8000,
      pathPrefix: '/check',
      requestHeaders: ['authorization', 'x-*'],
      additionalHeaders: { 'x-from': 'mesh' },
      headersToUpstreamOnAllow: ['x-user'],
      headersToDownstreamOnAllow: ['*-cookie'],
      headersToDownstreamOnDeny: ['location'],
    }),
    timeout: Duration.millis(1),
    failOpen: false,
    statusOnError: 503,
    clearRouteCache: false,
    body: { maxBytes: 1, allowPartial: false, asBytes: true },
  });
  new ExternalAuthorizer(chart, 'x', { mesh, name: 'first', ask: ExtAuthz.http(service('other')) });
  expect(configured(chart).extensionProviders).toEqual([
    { name: 'first', envoyExtAuthzHttp: { service: 'other.shop.svc.cluster.local', port: 8080 } },
    {
      name: 'second',
      envoyExtAuthzHttp: {
        service: 'auth.shop.svc.cluster.local',
        port: 8000,
        pathPrefix: '/check',
        includeRequestHeadersInCheck: ['authorization', 'x-*'],
        includeAdditionalHeadersInCheck: { 'x-from': 'mesh' },
        headersToUpstreamOnAllow: ['x-user'],
        headersToDownstreamOnAllow: ['*-cookie'],
        headersToDownstreamOnDeny: ['location'],
        timeout: '0.001s',
        failOpen: false,
        statusOnError: '503',
        clearRouteCache: false,
        includeRequestBodyInCheck: { maxRequestBytes: 1, allowPartialMessage: false, packAsBytes: true },
      },
    },
  ]);
});

test('what it refuses is refused, what it is not asked about passes', () => {
  const { chart, mesh, front, accounts, opa } = shop();
  new AuthorizationRule(chart, 'admin', {
    to: accounts,
    authorizer: new ExternalAuthorizer(chart, 'by-opa', { mesh, ask: ExtAuthz.grpc(opa) }),
    operations: [AccessOperation.http({ paths: ['/admin/*'] })],
  });
  const testing = MeshTesting.of(chart);
  const ask = (path: string, externalAuthorizer: number) => testing.send(MeshRequest.get(`http://accounts:8080${path}`), { from: front, externalAuthorizer });
  ask('/admin/x', 200).expectTarget(accounts);
  ask('/admin/x', 401).expectDenied();
  ask('/', 401).expectTarget(accounts);
});

test('two of them for one workload fail synthesis: Istio would deny all', () => {
  const { chart, mesh, accounts, opa, service } = shop();
  const auth = service('auth');
  new AuthorizationRule(chart, 'one', { to: accounts, authorizer: new ExternalAuthorizer(chart, 'a', { mesh, ask: ExtAuthz.grpc(opa) }) });
  new AuthorizationRule(chart, 'two', { to: auth, authorizer: new ExternalAuthorizer(chart, 'b', { mesh, ask: ExtAuthz.http(auth) }) });
  expect(failures(chart)).toEqual([]);
  new AuthorizationRule(chart, 'three', { to: accounts, authorizer: new ExternalAuthorizer(chart, 'c', { mesh, ask: ExtAuthz.http(auth) }) });
  expect(failures(chart)).toEqual([
    '[test/three] MESH_PROVIDER_CONFLICT: AuthorizationPolicy/shop/three spec.provider.name: one provider is asked about a workload, got c for shop/accounts-v1, '
    + 'beside a of AuthorizationPolicy/shop/one; what either is asked about is denied; name the same provider, or select other workloads',
  ]);
});

test('one that speaks HTTP is not asked about TCP, which fails synthesis unless the rule is about other ports', () => {
  const { chart, mesh, service } = shop();
  const mixed = service('mixed', [MeshPort.http(80), MeshPort.tcp(5432)]);
  const [byHttp, byGrpc] = [ExtAuthz.http(service('auth')), ExtAuthz.grpc(service('grpc', [MeshPort.grpc(1)]))].map((ask, at) => (
    new ExternalAuthorizer(chart, `a${at}`, { mesh, ask })));
  new AuthorizationRule(chart, 'web', { to: mixed, authorizer: byHttp, operations: [AccessOperation.http({ ports: [80] })] });
  new AuthorizationRule(chart, 'all', { to: service('grpc-asked', [MeshPort.tcp(5432)]), authorizer: byGrpc });
  expect(failures(chart)).toEqual([]);
  new AuthorizationRule(chart, 'x', { to: mixed, authorizer: byHttp });
  expect(failures(chart)).toEqual([
    '[test/x] MESH_ACCESS_PROTOCOL: AuthorizationPolicy/shop/x spec.rules[0]: an authorizer that speaks HTTP is asked about requests, got a0 for shop/mixed-v1, '
    + 'which serves TCP on 5432; whoever connects there passes; ask one that speaks gRPC, or name the ports of HTTP',
  ]);
});

test('a provider that the installation may have is no error beside one of the chart\'s own', () => {
  const { chart, mesh, accounts, opa } = shop();
  new ExternalAuthorizer(chart, 'by-opa', { mesh, ask: ExtAuthz.grpc(opa) });
  const selector = { matchLabels: accounts.podLabels };
  new istio.security.AuthorizationPolicy(chart, 'x', { spec: { selector, action: istio.security.AuthorizationPolicySpecAction.CUSTOM, provider: { name: 'elsewhere' }, rules: [{}] } });
  expect(failures(chart)).toEqual([]);
});

describe('rejects', () => {
  test.each<[string, Partial<ExternalAuthorizerProps>, string]>([
    ['a name that is none', { name: 'A' }, 'MESH_NAME_INVALID: the name of a provider must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "A"; choose another construct id or set name'],
    ['no time', { timeout: Duration.millis(0) }, 'MESH_DURATION_INVALID: timeout must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'],
    ...[399, 418, 420, 427, 512, 503.5].map((statusOnError): [string, Partial<ExternalAuthorizerProps>, string] => [`status ${statusOnError}`, { statusOnError },
      `MESH_STATUS_INVALID: statusOnError must be 400 to 417, 421 to 424, 426, 428, 429, 431, 500 to 508, 510 or 511, got ${statusOnError}; choose one of those, which Envoy has names for`]),
    ...[0, 4_294_967_296].map((maxBytes): [string, Partial<ExternalAuthorizerProps>, string] => [`${maxBytes} bytes`, { body: { maxBytes } },
      `MESH_LIMIT_INVALID: maxBytes must be a whole number from 1 to 4294967295, got ${maxBytes}; choose one in that range`]),
  ])('%s', (_case, change, message) => {
    const { chart, mesh, opa } = shop();
    expect(() => new ExternalAuthorizer(chart, 'x', { mesh, ask: ExtAuthz.grpc(opa), ...change })).toThrow(new Error(`[test/x] ${message}`));
  });

  test.each<Partial<ExternalAuthorizerProps>>([
    { statusOnError: 400 }, { statusOnError: 511 }, { body: { maxBytes: 1 } }, { body: { maxBytes: 4_294_967_295 } },
  ])('not %j', (change) => {
    const { chart, mesh, opa } = shop();
    expect(() => new ExternalAuthorizer(chart, 'x', { mesh, ask: ExtAuthz.grpc(opa), ...change })).not.toThrow();
  });

  test('a name twice', () => {
    const { chart, mesh, opa } = shop();
    new ExternalAuthorizer(chart, 'x', { mesh, ask: ExtAuthz.grpc(opa) });
    expect(() => new ExternalAuthorizer(chart, 'y', { mesh, name: 'x', ask: ExtAuthz.grpc(opa) })).toThrow(new Error(
      '[test/y] MESH_PROVIDER_DUPLICATE: a provider of MeshConfig must have a name of its own, got "x", which test/x has; choose another id or set name'));
  });

  test.each<[string, () => unknown, string]>([
    ['gRPC by a port of HTTP/1', () => ExtAuthz.grpc(shop().accounts), 'accounts] MESH_PROTOCOL_DIFFERENT: port 8080 must be GRPC or HTTP2, since it is asked by gRPC, got HTTP; name a port that speaks it'],
    ['HTTP by a port of TCP', () => ExtAuthz.http(shop().service('tcp', [MeshPort.tcp(1)])), 'tcp] MESH_PROTOCOL_DIFFERENT: port 1 must be HTTP or HTTP2, since it is asked by HTTP, got TCP; name a port that speaks it'],
    ['one of several ports, unnamed', () => ExtAuthz.http(shop().service('two', [MeshPort.http(1), MeshPort.http(2)])), 'two] MESH_PORT_AMBIGUOUS: port must be given where a service has several (1, 2), got none; set port'],
    ['a port that is not there', () => ExtAuthz.grpc(shop().opa, { port: 1 }), 'opa] MESH_PORT_UNKNOWN: port must be one that the service has (9191), got 1; choose one of those'],
    ['a service of no namespace', () => ExtAuthz.http(new MeshService(Testing.chart(), 'a', { ports: [MeshPort.http(1)] })),
      'a] MESH_NAMESPACE_MISSING: a service that is addressed from anywhere in the mesh must have a namespace, got none; set namespace, or that of its chart'],
    ['a relative prefix', () => ExtAuthz.http(shop().accounts, { pathPrefix: 'check' }), 'accounts] MESH_PATH_INVALID: pathPrefix must begin with /, got "check"; write "/check"'],
  ])('%s', (_case, make, message) => {
    expect(make).toThrow(new Error(`[test/${message}`));
  });

  test.each<HttpAuthzOptions>([{ requestHeaders: ['*'] }, { headersToUpstreamOnAllow: ['a*b'] }, { headersToDownstreamOnAllow: [''] }, { headersToDownstreamOnDeny: ['a b'] }])(
    'headers %j', (options) => {
      const [[name]] = Object.values(options);
      expect(() => ExtAuthz.http(shop().accounts, options)).toThrow(new Error(
        `MESH_HEADER_INVALID: the name of a header may have letters, digits and !#$%&'+-.^_\`|~, and one * at its beginning or end, got "${name}"; rename it`));
    });

  test.each<[string, Omit<AuthorizationRuleProps, 'authorizer'> & { readonly authorizer: boolean }, string]>([
    ['CUSTOM alone', { action: AccessAction.CUSTOM, authorizer: false }, 'action CUSTOM and an authorizer must come together, got action CUSTOM without one; set authorizer'],
    ['another action', { action: AccessAction.DENY, authorizer: true }, 'action CUSTOM and an authorizer must come together, got action DENY with one; leave action away'],
    ['a dry run', { dryRun: true, authorizer: true }, 'dryRun must be false where an authorizer is asked, got true; leave it away'],
    ['nobody', { from: [], authorizer: true }, 'a rule that is to CUSTOM must have callers, got from: []; leave it away for any'],
    ['callers by certificate', { from: [AccessSource.namespace('a')], authorizer: true }, 'which requests an authorizer is asked about must not depend on identities, got namespaces; use addresses, or let it decide'],
    ['callers by token', { when: [AccessCondition.claim(['role'], { values: ['a'] })], authorizer: true },
      'which requests an authorizer is asked about must not depend on identities, got request.auth.claims[role]; use addresses, or let it decide'],
  ])('a rule of %s', (_case, { authorizer, ...props }, message) => {
    const { chart, mesh, opa } = shop();
    const given = authorizer ? { authorizer: new ExternalAuthorizer(chart, 'opa-provider', { mesh, ask: ExtAuthz.grpc(opa) }) } : {};
    expect(() => new AuthorizationRule(chart, 'x', { ...props, ...given })).toThrow(new Error(`[test/x] MESH_ACCESS_INVALID: ${message}`));
  });

  test('a ConfigMap in the place of the installation\'s', () => {
    expect(() => new Mesh(Testing.chart(), 'mesh', { meshConfigName: 'istio' })).toThrow(new Error(
      '[test/mesh] MESH_NAME_INVALID: meshConfigName must not be that of the installation\'s own ConfigMap, got "istio"; choose another'));
  });
});
