import { ApiObject, Chart, Duration, JsonPatch, Testing } from 'cdk8s';
import { Construct, type IConstruct } from 'constructs';
import * as library from '../src';
import {
  AccessAction, AccessOperation, AuthorizationRule, CanaryRollout, CanaryStep, EastWestGateway, EgressGateway, EgressPolicy, EnvoyPatch, ExtAuthz,
  ExternalAuthorizer, ExternalService, Fault, FaultInjection, GatewayListener, JwtAuthentication, LuaExtension, Mesh, MeshGateway, MeshPort,
  MeshRequest, MeshService, MeshTesting, MtlsMode, MtlsPolicy, PatchContext, PatchOperation, PatchTarget, RateLimit, RateLimitQuota, RateLimitService,
  ReferenceControlPlane, ReferenceProxy, RemoteSecret, RouteTarget, SidecarScope, Telemetry, VirtualHost, VirtualMachine,
  WasmExtension, WasmModule,
} from '../src';
import { failures, only } from './support/synth';

const image = { containers: [{ image: 'x' }] };

function shop() {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  const mesh = new Mesh(chart, 'mesh');
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  return { chart, mesh, reviews, v1: reviews.addVersion('v1', image), v2: reviews.addVersion('v2', image) };
}
type Shop = ReturnType<typeof shop>;

/** Each construct, and the kind of the object that it stands for. */
const CONSTRUCTS: Record<string, [string, (given: Shop) => IConstruct]> = {
  AuthorizationRule: ['AuthorizationPolicy', ({ chart, reviews }) => new AuthorizationRule(chart, 'x', {
    to: reviews, action: AccessAction.DENY, operations: [AccessOperation.http({ paths: ['/a'] })],
  })],
  CanaryRollout: ['VirtualService', ({ chart, reviews, v1, v2 }) => new CanaryRollout(chart, 'x', {
    service: reviews, stable: v1, canary: v2, steps: [CanaryStep.weight(5)],
  })],
  EastWestGateway: ['Gateway', ({ chart }) => new EastWestGateway(chart, 'x', { network: 'one' })],
  EgressGateway: ['Gateway', ({ chart }) => {
    const via = new EgressGateway(chart, 'x');
    new ExternalService(chart, 'api', { hosts: ['api.example'], ports: [MeshPort.tls(443)], via });
    return via;
  }],
  EnvoyPatch: ['EnvoyFilter', ({ chart, reviews }) => new EnvoyPatch(chart, 'x', {
    service: reviews, applyTo: PatchTarget.CLUSTER, context: PatchContext.SIDECAR_INBOUND, operation: PatchOperation.MERGE, value: { alt_stat_name: 'x' }, expectMatches: 1, orMore: true,
  })],
  ExternalAuthorizer: ['ConfigMap', ({ chart, mesh, reviews }) => new ExternalAuthorizer(chart, 'x', { mesh, ask: ExtAuthz.http(reviews) })],
  ExternalService: ['ServiceEntry', ({ chart }) => new ExternalService(chart, 'x', { hosts: ['a.example'], ports: [MeshPort.tls(443)] })],
  FaultInjection: ['VirtualService', ({ chart, reviews }) => new FaultInjection(chart, 'x', { service: reviews, fault: Fault.abort({ httpStatus: 500 }) })],
  JwtAuthentication: ['RequestAuthentication', ({ chart, reviews }) => new JwtAuthentication(chart, 'x', {
    service: reviews, issuer: 'https://issuer.example', jwks: '{"keys":[{"kty":"oct","k":"AQAB"}]}',
  })],
  LuaExtension: ['EnvoyFilter', ({ chart, reviews }) => new LuaExtension(chart, 'x', { service: reviews, code: 'function envoy_on_request(handle) end' })],
  Mesh: ['PeerAuthentication', () => new Mesh(Testing.chart(), 'x', { mtls: MtlsMode.STRICT, egress: EgressPolicy.REGISTRY_ONLY })],
  MeshGateway: ['Gateway', ({ chart }) => new MeshGateway(chart, 'x', { listeners: [GatewayListener.http({ hosts: ['a.example'] })] })],
  MeshService: ['Service', ({ chart }) => new MeshService(chart, 'x', { ports: [MeshPort.http(80)] })],
  MeshVersion: ['Deployment', ({ v1 }) => v1],
  MtlsPolicy: ['PeerAuthentication', ({ chart, reviews }) => new MtlsPolicy(chart, 'x', { service: reviews, mode: MtlsMode.STRICT })],
  RateLimit: ['EnvoyFilter', ({ chart, reviews }) => new RateLimit(chart, 'x', { service: reviews, quota: RateLimitQuota.local({ requests: 1, per: Duration.minutes(1) }) })],
  RateLimitService: ['Deployment', ({ chart }) => new RateLimitService(chart, 'x', { redis: 'redis:6379' })],
  ReferenceControlPlane: ['Deployment', ({ chart }) => new ReferenceControlPlane(chart, 'x', { bundle: __filename })],
  ReferenceProxy: ['Deployment', ({ chart, v1 }) => new ReferenceProxy(chart, 'x', {
    controlPlane: new ReferenceControlPlane(chart, 'control-plane', { bundle: __filename }), workload: v1.workload,
  })],
  RemoteSecret: ['Secret', ({ chart }) => new RemoteSecret(chart, 'x', {
    cluster: 'west', server: 'https://10.1.0.1:6443', authority: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n', token: 'a.b.c',
  })],
  SidecarScope: ['Sidecar', ({ chart, reviews }) => new SidecarScope(chart, 'x', { service: reviews, outboundTrafficPolicy: EgressPolicy.ALLOW_ANY })],
  Telemetry: ['Telemetry', ({ chart, mesh, reviews }) => new Telemetry(chart, 'x', { mesh, service: reviews, metricsInterval: Duration.seconds(5) })],
  VirtualHost: ['VirtualService', ({ chart, reviews }) => {
    const host = new VirtualHost(chart, 'x', { hosts: ['a.example'] });
    host.addRoute('all', { targets: [RouteTarget.to(reviews)] });
    return host;
  }],
  VirtualMachine: ['WorkloadGroup', ({ chart, reviews }) => new VirtualMachine(chart, 'x', { service: reviews })],
  WasmExtension: ['WasmPlugin', ({ chart, reviews }) => new WasmExtension(chart, 'x', { service: reviews, module: WasmModule.file('/modules/auth.wasm') })],
};

const constructs = Object.entries(library).filter(([, value]) => typeof value === 'function' && value.prototype instanceof Construct).map(([name]) => name);

test('every construct is looked at here', () => {
  expect(Object.keys(CONSTRUCTS)).toEqual(constructs.sort());
});

test.each(Object.entries(CONSTRUCTS))('%s takes a JSON patch, and what is checked and simulated has it', (_name, [kind, make]) => {
  const construct = make(shop());
  const object = ApiObject.of(construct);
  object.addJsonPatch(JsonPatch.add('/metadata/annotations/patched', 'yes'));
  expect(object.kind).toBe(kind);
  expect(object.toJson().metadata.annotations).toMatchObject({ patched: 'yes' });
});

describe('analysis sees what is patched', () => {
  test('a fault that the patch brings', () => {
    const { chart, reviews, v1 } = shop();
    reviews.addRoute('all', { targets: [RouteTarget.to(v1)] });
    expect(failures(chart)).toEqual([]);
    ApiObject.of(reviews.node.findChild('VirtualService')).addJsonPatch(JsonPatch.replace('/spec/http/0/route/0/destination/subset', 'v9'));
    expect(failures(chart)).toEqual([expect.stringMatching(/^\[test\/reviews\] MESH_SUBSET_MISSING: .*v9/)]);
  });

  test('a repair that the patch brings, in what MeshTesting simulates too', () => {
    const { chart, reviews, v2 } = shop();
    const rule = new ApiObject(chart, 'by-hand', {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'by-hand' },
      spec: { hosts: ['reviews'], http: [{ route: [{ destination: { host: 'reviews', subset: 'v9' } }] }] },
    });
    rule.addJsonPatch(JsonPatch.replace('/spec/http/0/route/0/destination/subset', 'v2'));
    expect(failures(chart)).toEqual([]);
    MeshTesting.of(chart).send(MeshRequest.get('http://reviews:9080/'), { from: reviews }).expectTarget(v2);
  });

  test('and it is rendered, the same twice', () => {
    const { chart, v1 } = shop();
    ApiObject.of(v1).addJsonPatch(JsonPatch.add('/spec/paused', true));
    expect(only(chart, 'Deployment', 'reviews-v1').spec.paused).toBe(true);
    expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
  });
});
