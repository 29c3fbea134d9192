import { Chart, Duration, Testing } from 'cdk8s';
import {
  AccessAction, AccessCondition, AccessOperation, type AccessOperationOptions, AccessSource, type AccessSourceOptions, AuthorizationRule,
  JwtAuthentication,
  type JwtAuthenticationProps, JwtLocation, Mesh, MeshPort, MeshService, MtlsMode, MtlsPolicy,
} from '../src';
import { only } from './support/synth';

const service = (chart: Chart, name: string): MeshService => new MeshService(chart, name, { ports: [MeshPort.http(9080)] });
const shop = (): Chart => new Chart(Testing.app(), 'test', { namespace: 'shop' });
const selector = { matchLabels: { app: 'reviews' } };

describe('MtlsPolicy', () => {
  test('renders one PeerAuthentication for a service', () => {
    const chart = shop();
    new MtlsPolicy(chart, 'db-mtls', { service: service(chart, 'reviews'), mode: MtlsMode.STRICT, ports: { 9080: MtlsMode.DISABLE } });
    expect(only(chart, 'PeerAuthentication')).toEqual({
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'db-mtls', namespace: 'shop', annotations: { 'cdk8s-mesh.dev/path': 'test/db-mtls' } },
      spec: { selector, mtls: { mode: 'STRICT' }, portLevelMtls: { 9080: { mode: 'DISABLE' } } },
    });
    expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
  });

  test('is about the whole namespace without a service', () => {
    const chart = shop();
    new MtlsPolicy(chart, 'default', { mode: MtlsMode.PERMISSIVE, namespace: 'other' });
    expect(only(chart, 'PeerAuthentication')).toMatchObject({ metadata: { namespace: 'other' }, spec: { mtls: { mode: 'PERMISSIVE' } } });
  });

  test.each<[string, (chart: Chart) => unknown, string]>([
    ['ports without a service', (chart) => new MtlsPolicy(chart, 'x', { mode: MtlsMode.STRICT, ports: { 1: MtlsMode.DISABLE } }),
      'MESH_SELECTOR_MISSING: ports must be those of a service, got 1 without one; set service'],
    ['port 0', (chart) => new MtlsPolicy(chart, 'x', { mode: MtlsMode.STRICT, service: service(chart, 'a'), ports: { 0: MtlsMode.DISABLE } }),
      'MESH_PORT_INVALID: a port of ports must be a whole number from 1 to 65535, got 0; choose one in that range'],
    ['a port by name', (chart) => new MtlsPolicy(chart, 'x', { mode: MtlsMode.STRICT, service: service(chart, 'a'), ports: { http: MtlsMode.DISABLE } }),
      'MESH_PORT_INVALID: a port of ports must be a whole number from 1 to 65535, got NaN; choose one in that range'],
    ['another namespace than the service\'s', (chart) => new MtlsPolicy(chart, 'x', { mode: MtlsMode.STRICT, service: service(chart, 'a'), namespace: 'b' }),
      'MESH_NAMESPACE_DIFFERENT: a policy must be in the namespace of its workloads, "shop", got "b"; leave namespace away'],
  ])('rejects %s', (_case, make, message) => {
    expect(() => make(shop())).toThrow(new Error(`[test/x] ${message}`));
  });
});

describe('AuthorizationRule', () => {
  test('renders callers, operations and conditions', () => {
    const chart = shop();
    const [reviews, productpage] = ['reviews', 'productpage'].map((name) => service(chart, name));
    new AuthorizationRule(chart, 'readers', {
      to: reviews,
      from: [AccessSource.service(productpage), AccessSource.of({ namespaces: ['ops'], notIpBlocks: ['10.0.0.0/8'] })],
      operations: [AccessOperation.http({ methods: ['GET'], paths: ['/reviews/*'] }), AccessOperation.tcp({ ports: [9080] })],
      when: [AccessCondition.header('x-a', { values: ['b'] }), AccessCondition.claim(['realm', 'role'], { notValues: ['guest'] })],
      dryRun: true,
    });
    expect(only(chart, 'AuthorizationPolicy')).toEqual({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'readers', namespace: 'shop', annotations: { 'cdk8s-mesh.dev/path': 'test/readers', 'istio.io/dry-run': 'true' } },
      spec: {
        selector,
        action: 'ALLOW',
        rules: [{
          from: [{ source: { principals: ['cluster.local/ns/shop/sa/productpage'] } }, { source: { namespaces: ['ops'], notIpBlocks: ['10.0.0.0/8'] } }],
          to: [{ operation: { methods: ['GET'], paths: ['/reviews/*'] } }, { operation: { ports: ['9080'] } }],
          when: [{ key: 'request.headers[x-a]', values: ['b'] }, { key: 'request.auth.claims[realm][role]', notValues: ['guest'] }],
        }],
      },
    });
  });

  test('anything from anybody, and nothing from nobody', () => {
    const all = shop();
    new AuthorizationRule(all, 'x', { action: AccessAction.DENY });
    expect(only(all, 'AuthorizationPolicy').spec).toEqual({ action: 'DENY', rules: [{}] });
    const nothing = shop();
    new AuthorizationRule(nothing, 'x', { from: [] });
    expect(only(nothing, 'AuthorizationPolicy').spec).toEqual({ action: 'ALLOW' });
  });

  test.each<[string, () => unknown, string]>([
    ['a DENY rule without callers', () => new AuthorizationRule(shop(), 'x', { action: AccessAction.DENY, from: [] }),
      '[test/x] MESH_ACCESS_INVALID: a rule that is to DENY must have callers, got from: []; leave it away for any'],
    ['no operation', () => new AuthorizationRule(shop(), 'x', { operations: [] }),
      '[test/x] MESH_ACCESS_INVALID: operations must name at least one, got []; leave it away for any'],
    ['a caller without namespace', () => {
      const chart = Testing.chart();
      return new AuthorizationRule(chart, 'x', { from: [AccessSource.service(service(chart, 'a'))] });
    }, '[test/x] MESH_NAMESPACE_MISSING: a caller that is known by its identity must have a namespace, got none for test/a; set namespace, or that of its chart'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });

  test.each<[AccessSourceOptions, string]>([
    [{}, 'MESH_ACCESS_INVALID: an AccessSource must say something, got {}; name at least one thing'],
    [{ namespaces: [] }, 'MESH_ACCESS_INVALID: namespaces of an AccessSource must have values, none of them empty, got []; leave it away, or say values'],
    [{ principals: [''] }, 'MESH_ACCESS_INVALID: principals of an AccessSource must have values, none of them empty, got [""]; leave it away, or say values'],
    [{ ipBlocks: ['10.0.0.0/33'] }, 'MESH_ADDRESS_INVALID: an IP block must be an address, or one with a length of prefix (10.0.0.0/8), got "10.0.0.0/33"; write one of those'],
    [{ notRemoteIpBlocks: ['a'] }, 'MESH_ADDRESS_INVALID: an IP block must be an address, or one with a length of prefix (10.0.0.0/8), got "a"; write one of those'],
  ])('rejects the source %j', (options, message) => {
    expect(() => AccessSource.of(options)).toThrow(new Error(message));
  });

  test.each(['10.0.0.0/0', '10.0.0.0/32', '10.0.0.1', '::1', '2001:db8::/128'])('takes the block %s', (block) => {
    expect(() => AccessSource.ipBlock(block)).not.toThrow();
  });

  test.each<[AccessOperationOptions, string]>([
    [{}, 'MESH_ACCESS_INVALID: an AccessOperation must say something, got {}; name at least one thing'],
    [{ methods: ['get'] }, 'MESH_ACCESS_INVALID: methods must be upper case, as HTTP has them, got "get"; write "GET"'],
    [{ ports: [0] }, 'MESH_PORT_INVALID: a port of an operation must be a whole number from 1 to 65535, got 0; choose one in that range'],
    [{ notPorts: [65536] }, 'MESH_PORT_INVALID: a port of an operation must be a whole number from 1 to 65535, got 65536; choose one in that range'],
  ])('rejects the operation %j', (options, message) => {
    expect(() => AccessOperation.http(options)).toThrow(new Error(message));
  });
});

describe('JwtAuthentication', () => {
  test('renders the rule, and the policy that asks for a token', () => {
    const chart = shop();
    new JwtAuthentication(chart, 'jwt', {
      service: service(chart, 'reviews'),
      issuer: 'https://issuer.example',
      jwksUri: 'https://issuer.example/jwks.json',
      audiences: ['shop'],
      locations: [JwtLocation.header('x-token', { prefix: 'Bearer ' }), JwtLocation.cookie('token'), JwtLocation.queryParameter('token')],
      forwardOriginalToken: true,
      claimHeaders: { 'x-sub': 'sub' },
      payloadHeader: 'x-claims',
      timeout: Duration.seconds(2),
    });
    expect(only(chart, 'RequestAuthentication').spec).toEqual({
      selector,
      jwtRules: [{
        issuer: 'https://issuer.example',
        jwksUri: 'https://issuer.example/jwks.json',
        audiences: ['shop'],
        fromHeaders: [{ name: 'x-token', prefix: 'Bearer ' }],
        fromCookies: ['token'],
        fromParams: ['token'],
        forwardOriginalToken: true,
        outputClaimToHeaders: [{ header: 'x-sub', claim: 'sub' }],
        outputPayloadToHeader: 'x-claims',
        timeout: '2s',
      }],
    });
    expect(only(chart, 'AuthorizationPolicy').spec).toEqual({ selector, action: 'DENY', rules: [{ from: [{ source: { notRequestPrincipals: ['*'] } }] }] });
  });

  test('asks for tokens where HTTP is spoken, and leaves other ports alone', () => {
    const chart = shop();
    const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(80, { targetPort: 9080 }), MeshPort.grpc(9090), MeshPort.tcp(3306)] });
    reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
    new JwtAuthentication(chart, 'jwt', { service: reviews, issuer: 'a', jwks: '{"keys":[{"kty":"oct","k":"AQAB"}]}' });
    new Mesh(chart, 'mesh');
    expect(only(chart, 'AuthorizationPolicy').spec.rules).toEqual([
      { from: [{ source: { notRequestPrincipals: ['*'] } }], to: [{ operation: { ports: ['9080', '9090'] } }] },
    ]);
    expect(chart.node.findAll().flatMap((construct) => construct.node.validate())).toEqual([]);
  });

  test('asks for no token where none is required', () => {
    const chart = shop();
    new JwtAuthentication(chart, 'jwt', { issuer: 'a', jwks: '{"keys":[{"kty":"oct","k":"AQAB"}]}', required: false, forwardOriginalToken: false });
    expect(Testing.synth(chart).map(({ kind }: { kind: string }) => kind)).toEqual(['RequestAuthentication']);
    expect(only(chart, 'RequestAuthentication').spec).toEqual({ jwtRules: [{ issuer: 'a', jwks: '{"keys":[{"kty":"oct","k":"AQAB"}]}', forwardOriginalToken: false }] });
  });

  test.each<[Partial<JwtAuthenticationProps>, string]>([
    [{ issuer: '' }, 'MESH_JWT_INVALID: issuer must be the tokens\' claim iss, got ""; write it as tokens have it'],
    [{ jwks: '{"keys":[]}', jwksUri: 'https://a' }, 'MESH_JWT_INVALID: one of jwks and jwksUri must be set, got both; leave one of them away'],
    [{ jwks: 'https://a' }, 'MESH_JWT_INVALID: jwks must be the JSON text of a key set with a key, {"keys": [...]}, got "https://a"; copy what the issuer publishes'],
    [{ jwks: '{"keys":[]}' }, 'MESH_JWT_INVALID: jwks must be the JSON text of a key set with a key, {"keys": [...]}, got "{"keys":[]}"; copy what the issuer publishes'],
    [{ jwksUri: 'a' }, 'MESH_JWT_INVALID: jwksUri must begin with http:// or https://, got "a"; write the whole URL'],
    [{ audiences: [] }, 'MESH_JWT_INVALID: audiences must name at least one, got []; leave it away for any'],
    [{ payloadHeader: 'a b' }, 'MESH_HEADER_INVALID: the name of a header must be letters, digits and !#$%&\'*+-.^_`|~, got "a b"; write it without spaces and separators'],
    [{ timeout: Duration.millis(0) }, 'MESH_DURATION_INVALID: timeout must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'],
  ])('rejects %j', (change, message) => {
    expect(() => new JwtAuthentication(shop(), 'x', { issuer: 'a', ...change })).toThrow(new Error(`[test/x] ${message}`));
  });
});

test('policies that the mesh checks leave nothing to be said', () => {
  const chart = shop();
  const [reviews, productpage] = ['reviews', 'productpage'].map((name) => service(chart, name));
  reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
  productpage.addVersion('v1', { containers: [{ image: 'productpage' }] });
  new MtlsPolicy(chart, 'strict', { mode: MtlsMode.STRICT });
  new AuthorizationRule(chart, 'readers', { to: reviews, from: [AccessSource.service(productpage)] });
  new Mesh(chart, 'mesh');
  expect(chart.node.validate()).toEqual([]);
  expect(chart.node.findAll().flatMap((construct) => construct.node.validate())).toEqual([]);
});
