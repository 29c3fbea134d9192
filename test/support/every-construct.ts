import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chart, Duration, Testing } from 'cdk8s';
import { parse, parseAllDocuments } from 'yaml';
import { answering } from './wasm-module';
import { restricted } from '../../examples/restricted';
import {
  AccessAction, AccessLog, AccessOperation, AuthorizationRule, CanaryRollout, CanaryStep, EastWestGateway, EgressGateway, EgressHosts,
  EgressPolicy, EnvoyPatch, ExtAuthz, ExternalAuthorizer, ExternalService, Fault, FaultInjection, GatewayListener, JwtAuthentication,
  LogProvider, LuaExtension, Mesh, MeshGateway, MeshPort, MeshRequest, type MeshResult, MeshService, MeshTesting, MtlsMode, MtlsPolicy,
  PatchContext, PatchOperation, PatchTarget, PathMatch, RateLimit, RateLimitQuota, RateLimitService, ReferenceControlPlane, ReferenceProxy,
  RemoteSecret, Resolution, RouteMatch, RouteTarget, type SendOptions, SidecarScope, Telemetry, Tracing, TracingProvider,
  VirtualHost, VirtualMachine, WasmExtension, WasmModule, WorkloadMode,
} from '../../src';
import { explainRequest } from '../../src/analysis/explain';
import { buildModel } from '../../src/model/model';
import { resourcesOf } from '../../src/model/parse';
import { compile, listenerJson } from '../compiler/support';

/** Two services of a namespace: `front` calls `reviews`, which has two versions; `legacy` calls it too, and has no sidecar. */
export class Shop extends Chart {
  public readonly front: MeshService = this.service('front');
  public readonly legacy: MeshService = this.service('legacy');
  public readonly reviews: MeshService = this.service('reviews');
  public readonly frontV1 = this.version(this.front, 'v1');
  public readonly legacyV1 = this.version(this.legacy, 'v1', { 'sidecar.istio.io/inject': 'false' });
  public readonly v1 = this.version(this.reviews, 'v1');
  public readonly v2 = this.version(this.reviews, 'v2');

  public constructor() {
    super(Testing.app(), 'shop', { namespace: 'shop' });
  }

  public service(name: string, port = MeshPort.http(8080)): MeshService {
    return new MeshService(this, name, { ports: [port] });
  }

  public version(service: MeshService, name: string, labels: Record<string, string> = {}) {
    return service.addVersion(name, { replicas: 1, containers: [{ image: `example/${service.name}:${name}` }], podMetadata: { labels } });
  }
}

type Ask = (url: string, options?: SendOptions) => MeshResult;
/** Makes the construct, and returns what must then hold for requests. `front` asks unless told otherwise. */
type Row = (shop: Shop) => (ask: Ask, mesh: MeshTesting) => void;

const REVIEWS = 'http://reviews:8080/';
const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const JWKS = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'RS256', use: 'sig' }] });

const folder = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-every-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** A program that stands for those of the package, which are large. */
const bundle = join(folder, 'index.cjs');
writeFileSync(bundle, 'process.exit(0);\n');
const teapot = join(folder, 'teapot.wasm');
writeFileSync(teapot, answering(418));

/** Each construct that the package exports, by its name. */
export const EVERY_CONSTRUCT: Readonly<Record<string, Row>> = {
  AuthorizationRule: (shop) => {
    new AuthorizationRule(shop, 'no-admin', { to: shop.reviews, action: AccessAction.DENY, operations: [AccessOperation.http({ paths: ['/admin'] })] });
    return (ask) => {
      ask(`${REVIEWS}admin`).expectDenied();
      ask(REVIEWS).expectTarget(shop.reviews);
    };
  },

  CanaryRollout: (shop) => {
    const { reviews: service, v1: stable, v2: canary } = shop;
    const rollout = new CanaryRollout(shop, 'to-v2', { service, stable, canary, steps: [CanaryStep.weight(0), CanaryStep.weight(20)], at: 1 });
    return (ask, mesh) => {
      ask(REVIEWS).expectShare(stable, 80).expectShare(canary, 20);
      expect(mesh.rollout(rollout).failures()).toEqual([]);
    };
  },

  EastWestGateway: (shop) => {
    const door = new EastWestGateway(shop, 'eastwest', { network: 'here' });
    return (ask) => {
      ask(REVIEWS).expectTarget(shop.reviews);
      const [{ spec }] = Testing.synth(shop).filter(({ kind, metadata }) => kind === 'Gateway' && metadata.name === door.name);
      expect(spec.servers).toMatchObject([{ port: { number: 15443 }, tls: { mode: 'AUTO_PASSTHROUGH' } }]);
    };
  },

  EgressGateway: (shop) => {
    const via = new EgressGateway(shop, 'egress');
    new ExternalService(shop, 'google', { hosts: ['www.googleapis.com'], ports: [MeshPort.http(80)], resolution: Resolution.fixed('192.0.2.7'), via });
    return (ask) => {
      expect(ask('http://www.googleapis.com/books').distribution()).toEqual([{ target: 'egress/google', percent: 100 }]);
    };
  },

  EnvoyPatch: (shop) => {
    new EnvoyPatch(shop, 'hurry', {
      service: shop.front,
      applyTo: PatchTarget.HTTP_ROUTE,
      context: PatchContext.SIDECAR_OUTBOUND,
      match: { routeConfiguration: { vhost: { name: 'reviews.shop.svc.cluster.local:8080' } } },
      operation: PatchOperation.MERGE,
      value: { route: { timeout: '3s' } },
      expectMatches: 1,
    });
    return (ask) => { ask(REVIEWS).expectTimeout(Duration.seconds(3)); };
  },

  ExternalAuthorizer: (shop) => {
    const opa = shop.service('opa', MeshPort.grpc(9191));
    shop.version(opa, 'v1');
    const authorizer = new ExternalAuthorizer(shop, 'by-opa', { mesh: new Mesh(shop, 'mesh'), ask: ExtAuthz.grpc(opa) });
    new AuthorizationRule(shop, 'asked', { to: shop.reviews, authorizer, operations: [AccessOperation.http({ paths: ['/admin'] })] });
    return (ask) => {
      ask(`${REVIEWS}admin`, { from: shop.front, externalAuthorizer: 403 }).expectDenied();
      ask(`${REVIEWS}admin`).expectTarget(shop.reviews);
      ask(REVIEWS, { from: shop.front, externalAuthorizer: 403 }).expectTarget(shop.reviews);
    };
  },

  ExternalService: (shop) => {
    const billing = new ExternalService(shop, 'billing', { hosts: ['billing.example'], ports: [MeshPort.http(80)], resolution: Resolution.fixed('192.0.2.8') });
    return (ask) => { ask('http://billing.example/').expectTarget(billing); };
  },

  FaultInjection: (shop) => {
    new FaultInjection(shop, 'broken', { service: shop.reviews, fault: Fault.abort({ httpStatus: 503 }) });
    return (ask) => { expect(ask(REVIEWS).expectStatus(503).flag).toBe('FI'); };
  },

  JwtAuthentication: (shop) => {
    new JwtAuthentication(shop, 'jwt', { service: shop.reviews, issuer: 'https://issuer.example', jwks: JWKS });
    return (ask) => { ask(REVIEWS).expectDenied(); };
  },

  LuaExtension: (shop) => {
    new LuaExtension(shop, 'marked', { service: shop.reviews, code: 'function envoy_on_request(handle) handle:headers():add("x-marked", "1") end' });
    return (ask) => { expect(ask(REVIEWS).expectTarget(shop.reviews).trace()).toContain('envoy.filters.http.lua'); };
  },

  Mesh: (shop) => {
    new Mesh(shop, 'mesh', { mtls: MtlsMode.STRICT });
    return (ask) => {
      ask(REVIEWS).expectTarget(shop.reviews);
      expect(ask(REVIEWS, { from: shop.legacy }).outcome).toBe('failed');
    };
  },

  MeshGateway: (shop) => {
    const gateway = new MeshGateway(shop, 'door', { listeners: [GatewayListener.http({ hosts: ['shop.example'] })] });
    shop.reviews.exposeViaGateway(gateway, { match: [RouteMatch.http({ path: PathMatch.under('/reviews') })] });
    return (_ask, mesh) => {
      mesh.send(MeshRequest.get('http://shop.example/reviews/0')).expectTarget(shop.reviews);
      mesh.send(MeshRequest.get('http://shop.example/')).expectStatus(404);
    };
  },

  MeshService: (shop) => {
    shop.version(shop.service('ratings'), 'v1');
    return (ask) => {
      expect(ask('http://ratings:8080/').distribution()).toEqual([{ target: 'ratings', percent: 100 }]);
    };
  },

  MeshVersion: (shop) => {
    const v3 = shop.version(shop.reviews, 'v3');
    shop.reviews.addRoute('all', { targets: [RouteTarget.to(v3, { weight: 100 }), RouteTarget.to(shop.v1, { weight: 0 })] });
    return (ask) => { ask(REVIEWS).expectShare(v3, 100); };
  },

  MtlsPolicy: (shop) => {
    new MtlsPolicy(shop, 'strict', { service: shop.reviews, mode: MtlsMode.STRICT });
    return (ask) => {
      ask(REVIEWS).expectTarget(shop.reviews);
      expect(ask(REVIEWS, { from: shop.legacy }).outcome).toBe('failed');
      ask('http://front:8080/', { from: shop.legacy }).expectTarget(shop.front);
    };
  },

  RateLimit: (shop) => {
    new RateLimit(shop, 'few', { service: shop.reviews, quota: RateLimitQuota.local({ requests: 10, per: Duration.minutes(1) }) });
    return (ask) => { expect(ask(REVIEWS).expectTarget(shop.reviews).trace()).toContain('local_ratelimit'); };
  },

  RateLimitService: (shop) => {
    const service = new RateLimitService(shop, 'quotas', { redis: 'redis.data.svc.cluster.local:6379' });
    new RateLimit(shop, 'few', { service: shop.reviews, quota: RateLimitQuota.global({ service, requests: 10, per: Duration.minutes(1) }) });
    return (ask) => { expect(ask(REVIEWS).expectTarget(shop.reviews).trace()).toContain('envoy.filters.http.ratelimit'); };
  },

  ReferenceControlPlane: (shop) => {
    const plane = new ReferenceControlPlane(shop, 'control-plane', { bundle });
    shop.reviews.addRoute('all', { targets: [RouteTarget.to(shop.v2)] });
    return (ask) => {
      // What its proxies are told comes from the manifests that it is given, so those alone say what happens to a request.
      const served = MeshTesting.fromYaml(servedBy(shop, plane));
      served.send(MeshRequest.get(REVIEWS), { fromName: 'front-v1.shop' }).expectTarget(shop.v2);
      ask(REVIEWS).expectTarget(shop.v2);
    };
  },

  ReferenceProxy: (shop) => {
    const controlPlane = new ReferenceControlPlane(shop, 'control-plane', { bundle });
    for (const version of [shop.frontV1, shop.v1, shop.v2]) new ReferenceProxy(version, 'proxy', { controlPlane, workload: version.workload });
    shop.reviews.addRoute('all', { targets: [RouteTarget.to(shop.v2)] });
    return () => {
      // The application dials the name, which its Pod resolves to an address of the proxy beside it; that goes on to the proxy beside the other.
      const [{ spec }] = Testing.synth(shop).filter(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'front-v1');
      const { ip } = spec.template.spec.hostAliases.find(({ hostnames }: { hostnames: string[] }) => hostnames.includes('reviews'));
      const model = buildModel(resourcesOf(parseAllDocuments(servedBy(shop, controlPlane)).map((document) => document.toJS())));
      const told = explainRequest(model, { url: REVIEWS, from: 'front-v1.shop', dialled: { address: ip, port: 8080 } }, { capture: 'explicit', dialect: 'stock', explicit: { addressBlock: '127.1.0.0/16' } });
      expect(told).toMatchObject({ outcome: 'routed', proxy: 'front-v1.shop', targets: [{ host: 'reviews.shop.svc.cluster.local', subset: 'v2', percent: 100 }] });
      expect([...new Set(told.trace.map(({ proxy }) => proxy))]).toEqual(['front-v1.shop', 'reviews-v2.shop']);
    };
  },

  RemoteSecret: (shop) => {
    const stock = shop.service('stock');
    new RemoteSecret(shop, 'west', { cluster: 'west', server: 'https://10.2.0.1:6443', authority: '-----BEGIN CERTIFICATE-----\nof the other\n-----END CERTIFICATE-----\n', token: 'token' });
    return (ask) => {
      const here = Testing.synth(shop);
      // The clusters that a control plane reads besides its own are those that such Secrets name.
      const named = here.filter(({ kind, metadata }) => kind === 'Secret' && metadata.labels?.['istio/multiCluster'] === 'true')
        .flatMap(({ stringData }) => Object.values<string>(stringData).map((text) => parse(text)['current-context'] as string));
      const other = new Shop();
      other.version(new MeshService(other, 'stock', { ports: [MeshPort.http(8080)] }), 'v1');
      const clusters: Record<string, any[]> = { west: Testing.synth(other).filter(({ metadata }) => metadata.name === 'stock-v1') };
      expect(ask('http://stock:8080/').distribution()).toEqual([{ target: 'stock', percent: 100, status: 503, because: expect.stringContaining('no') }]);
      const both = MeshTesting.ofManifests([...here, ...named.flatMap((cluster) => clusters[cluster])]);
      both.send(MeshRequest.get('http://stock:8080/'), { from: shop.front }).expectTarget(stock);
    };
  },

  SidecarScope: (shop) => {
    new SidecarScope(shop, 'nothing', { service: shop.front, egress: [EgressHosts.namespace('istio-system')], outboundTrafficPolicy: EgressPolicy.REGISTRY_ONLY });
    return (ask) => {
      expect(ask(REVIEWS).outcome).toBe('failed');
      ask('http://front:8080/', { from: shop.reviews }).expectTarget(shop.front);
    };
  },

  Telemetry: (shop) => {
    const mesh = new Mesh(shop, 'mesh');
    new Telemetry(shop, 'errors', {
      mesh,
      service: shop.reviews,
      accessLogs: [AccessLog.to(LogProvider.json({ fields: { code: '%RESPONSE_CODE%' } }), { mode: WorkloadMode.SERVER })],
      tracing: Tracing.to(TracingProvider.zipkin(shop.front), { percent: 7, mode: WorkloadMode.SERVER }),
    });
    return (ask) => {
      ask(REVIEWS).expectTarget(shop.reviews);
      // What a request leaves behind at each hop, as the proxies there are told: a line, and a span of 7 %, where it comes in at reviews, neither where it left front.
      const logged = { accessLog: [{ typedConfig: { logFormat: { jsonFormat: { code: '%RESPONSE_CODE%' } } } }], tracing: { randomSampling: { value: 7 } } };
      expect(reportsOf(shop, 'reviews-v1.shop', 'virtualInbound')).toMatchObject([logged]);
      expect(reportsOf(shop, 'front-v1.shop', '0.0.0.0_8080')).toEqual([{ accessLog: [], tracing: expect.not.objectContaining({ randomSampling: { value: 7 } }) }]);
    };
  },

  VirtualHost: (shop) => {
    const gateways = [new MeshGateway(shop, 'door', { listeners: [GatewayListener.http()] })];
    new VirtualHost(shop, 'site', { hosts: ['shop.example'], gateways })
      .addRoute('reviews', { match: [RouteMatch.http({ path: PathMatch.startsWith('/reviews') })], targets: [RouteTarget.to(shop.reviews)] })
      .addRoute('rest', { targets: [RouteTarget.to(shop.front)] });
    return (_ask, mesh) => {
      mesh.send(MeshRequest.get('http://shop.example/reviews')).expectTarget(shop.reviews);
      mesh.send(MeshRequest.get('http://shop.example/')).expectTarget(shop.front);
    };
  },

  VirtualMachine: (shop) => {
    const pricing = shop.service('pricing');
    new VirtualMachine(shop, 'machine', { service: pricing, addresses: ['10.0.3.7'] });
    return (ask) => { expect(ask('http://pricing:8080/').expectTarget(pricing).trace()).toContain('10.0.3.7:8080'); };
  },

  WasmExtension: (shop) => {
    new WasmExtension(shop, 'teapot', { service: shop.reviews, module: WasmModule.file(teapot) });
    return (ask) => { expect(ask(REVIEWS).trace()).toContain('teapot'); };
  },
};

/** The manifests that a control plane serves, as its ConfigMap has them. */
function servedBy(shop: Shop, { name }: ReferenceControlPlane): string {
  return Testing.synth(shop).find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === `${name}-config`).data['mesh.yaml'];
}

/** What the connection managers of a listener that read 8080 report of requests. */
function reportsOf(shop: Shop, workload: string, listener: string): { accessLog: unknown[]; tracing: unknown }[] {
  const { defaultFilterChain, filterChains } = listenerJson(compile(buildModel(resourcesOf(Testing.synth(shop))), workload), listener);
  const chains = (filterChains ?? [defaultFilterChain]).filter(({ filterChainMatch }: any) => listener !== 'virtualInbound' || filterChainMatch?.destinationPort === 8080);
  const managers = chains.flatMap(({ filters }: any) => filters).filter(({ name }: any) => name === 'envoy.filters.network.http_connection_manager');
  const seen = managers.map(({ typedConfig: { accessLog = [], tracing } }: any) => JSON.stringify({ accessLog, tracing }));
  return [...new Set<string>(seen)].map((text) => JSON.parse(text));
}

/** A shop with this construct, fit for the restricted pod security standard, and what must hold there. */
export function shopWith(name: string): { readonly shop: Shop; readonly holds: ReturnType<Row> } {
  const shop = new Shop();
  const holds = EVERY_CONSTRUCT[name](shop);
  restricted(shop);
  return { shop, holds };
}
