import { Chart, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  AccessOperation, AuthorizationRule, JwtAuthentication, Mesh, MeshPort, MeshRequest, MeshService, MeshTesting, WasmExtension,
  type WasmExtensionProps, WasmFailStrategy, WasmModule, WasmPhase, WasmPullPolicy, WorkloadMode,
} from '../src';
import { listenerJson } from './compiler/support';
import { failures, only } from './support/synth';
import { createCompiler } from '../src/compiler/compiler';
import { buildModel } from '../src/model/model';
import { resourcesOf } from '../src/model/parse';
import { proxyOf } from '../src/model/proxy';

const SHA = 'a0'.repeat(32);
const module = WasmModule.oci('registry.example/auth:1.0');

function shop() {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
  new Mesh(chart, 'mesh');
  return { chart, reviews };
}

const specOf = (chart: Chart) => only(chart, 'WasmPlugin').spec;

test('renders one WasmPlugin with all that can be said of it, zero and empty too', () => {
  const { chart, reviews } = shop();
  new WasmExtension(chart, 'auth', {
    service: reviews,
    module: WasmModule.oci('oci://registry.example/auth:1.0', { sha256: SHA, pull: WasmPullPolicy.ALWAYS, pullSecret: kplus.Secret.fromSecretName(chart, 'secret', 'registry') }),
    phase: WasmPhase.AUTHN,
    priority: 0,
    onFailure: WasmFailStrategy.FAIL_RELOAD,
    config: { realm: 'shop', retries: 0, strict: false },
    match: [{ mode: WorkloadMode.SERVER, ports: [9080] }, { mode: WorkloadMode.CLIENT }],
    env: { LOG: '', TEAM: 'books' },
    hostEnv: ['POD_NAME'],
    pluginName: 'basic',
    onConnections: false,
  });
  expect(only(chart, 'WasmPlugin')).toEqual({
    apiVersion: 'extensions.istio.io/v1alpha1',
    kind: 'WasmPlugin',
    metadata: { name: 'auth', namespace: 'shop', annotations: { 'cdk8s-mesh.dev/path': 'test/auth' } },
    spec: {
      selector: { matchLabels: { app: 'reviews' } },
      url: 'oci://registry.example/auth:1.0',
      sha256: SHA,
      imagePullPolicy: 'Always',
      imagePullSecret: 'registry',
      phase: 'AUTHN',
      priority: 0,
      failStrategy: 'FAIL_RELOAD',
      pluginConfig: { realm: 'shop', retries: 0, strict: false },
      match: [{ mode: 'SERVER', ports: [{ number: 9080 }] }, { mode: 'CLIENT' }],
      vmConfig: { env: [{ name: 'LOG', value: '' }, { name: 'TEAM', value: 'books' }, { name: 'POD_NAME', valueFrom: 'HOST' }] },
      pluginName: 'basic',
    },
  });
  expect(failures(chart)).toEqual([]);
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('modules by name, by digest, by HTTP, and in a file; nothing more is rendered', () => {
  const urlOf = (given: WasmModule) => {
    const { chart } = shop();
    new WasmExtension(chart, 'x', { module: given });
    return specOf(chart);
  };
  expect(urlOf(module)).toEqual({ url: 'oci://registry.example/auth:1.0' });
  expect(urlOf(WasmModule.oci(`auth@sha256:${SHA}`, { sha256: SHA }))).toEqual({ url: `oci://auth@sha256:${SHA}`, sha256: SHA });
  expect(urlOf(WasmModule.http('https://modules.example/auth.wasm', { sha256: SHA, pull: WasmPullPolicy.IF_NOT_PRESENT })))
    .toEqual({ url: 'https://modules.example/auth.wasm', sha256: SHA, imagePullPolicy: 'IfNotPresent' });
  expect(urlOf(WasmModule.file('/opt/auth.wasm'))).toEqual({ url: 'file:///opt/auth.wasm' });
});

test('run by phase among Istio\'s own filters, in a phase by priority', () => {
  const { chart, reviews } = shop();
  new JwtAuthentication(chart, 'jwt', { service: reviews, issuer: 'i', jwks: '{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}', required: false });
  new AuthorizationRule(chart, 'readers', { to: reviews, operations: [AccessOperation.http({ methods: ['GET'] })] });
  const at = (id: string, phase?: WasmPhase, priority?: number) => new WasmExtension(chart, id, { service: reviews, module, phase, priority });
  at('last');
  at('low', undefined, -1);
  at('stats', WasmPhase.STATS);
  at('authz', WasmPhase.AUTHZ);
  at('unranked', WasmPhase.AUTHN);
  at('zero', WasmPhase.AUTHN, 0);
  at('high', WasmPhase.AUTHN, 10);
  const model = buildModel(resourcesOf(Testing.synth(chart)));
  const workload = model.workloads.find(({ workload: name }) => name === 'reviews-v1')!;
  const hcm = listenerJson(createCompiler(model).compile(proxyOf(model, workload)), 'virtualInbound').filterChains
    .flatMap((chain: any) => chain.filters).find(({ typedConfig }: any) => typedConfig?.httpFilters).typedConfig;
  const names = hcm.httpFilters.map(({ name }: any) => /shop\.(\w+)~/.exec(name)?.[1] ?? name.replace('envoy.filters.http.', ''));
  expect(names.filter((name: string) => !/istio|grpc_stats|fault|cors/.test(name)))
    .toEqual(['high', 'zero', 'unranked', 'jwt_authn', 'authz', 'rbac', 'stats', 'low', 'last', 'router']);
});

test('the simulator tells that it cannot tell', () => {
  const { chart, reviews } = shop();
  new WasmExtension(chart, 'auth', { service: reviews, module });
  const trace = MeshTesting.of(chart).send(MeshRequest.get('http://reviews:9080/'), { from: reviews }).expectTarget(reviews).trace();
  expect(trace).toContain('shop.auth');
});

describe('rejects', () => {
  const props = (count: number) => Object.fromEntries(Array.from({ length: count }, (_each, index) => [`V${index}`, '']));
  test.each<[string, Partial<WasmExtensionProps>, string]>([
    ['priority 2147483648', { priority: 2147483648 }, 'MESH_PRIORITY_RANGE: priority must be a whole number from -2147483648 to 2147483647, got 2147483648; choose one in that range'],
    ['priority -2147483649', { priority: -2147483649 }, 'MESH_PRIORITY_RANGE: priority must be a whole number from -2147483648 to 2147483647, got -2147483649; choose one in that range'],
    ['port 0', { match: [{ ports: [0] }] }, 'MESH_PORT_INVALID: a port of match must be a whole number from 1 to 65535, got 0; choose one in that range'],
    ['port 65536', { match: [{ ports: [65536] }] }, 'MESH_PORT_INVALID: a port of match must be a whole number from 1 to 65535, got 65536; choose one in that range'],
    ['no match', { match: [] }, 'MESH_PLUGIN_INVALID: match must have an alternative, got []; leave it away for all traffic'],
    ['no name of a plugin', { pluginName: '' }, 'MESH_LIMIT_INVALID: the length of pluginName must be a whole number from 1 to 256, got 0; choose one in that range'],
    ['a long name of a plugin', { pluginName: 'x'.repeat(257) }, 'MESH_LIMIT_INVALID: the length of pluginName must be a whole number from 1 to 256, got 257; choose one in that range'],
    ['257 variables', { env: props(256), hostEnv: ['HOME'] }, 'MESH_LIMIT_INVALID: the number of variables must be a whole number from 1 to 256, got 257; choose one in that range'],
    ['a variable without name', { env: { '': 'a' } }, 'MESH_LIMIT_INVALID: the length of the name of a variable must be a whole number from 1 to 256, got 0; choose one in that range'],
    ['a variable with a long name', { hostEnv: ['X'.repeat(257)] }, 'MESH_LIMIT_INVALID: the length of the name of a variable must be a whole number from 1 to 256, got 257; choose one in that range'],
    ['a long variable', { env: { A: 'x'.repeat(2049) } }, 'MESH_LIMIT_INVALID: the length of a variable must be a whole number from 0 to 2048, got 2049; choose one in that range'],
    ['a variable that is no name', { env: { 'a-b': '' } }, 'MESH_PLUGIN_INVALID: the name of a variable must be letters, digits and _, not first a digit, got "a-b"; rename it'],
    ['a variable twice', { env: { A: '' }, hostEnv: ['A'] }, 'MESH_PLUGIN_INVALID: variables must differ by name, got A twice; leave one of the two away'],
    ['a name that is none', { name: 'A' }, 'MESH_NAME_INVALID: the name of a WasmPlugin must be 1 to 63 characters of a-z, 0-9 and "-", beginning and ending with a letter or digit, got "A"; choose another construct id or set name'],
  ])('%s', (_case, change, message) => {
    expect(() => new WasmExtension(shop().chart, 'x', { module, ...change })).toThrow(new Error(`[test/x] ${message}`));
  });

  test.each<[string, Partial<WasmExtensionProps>]>([
    ['the lowest', { priority: -2147483648, match: [{ ports: [1] }], pluginName: 'x', env: { A: '' } }],
    ['the highest', { priority: 2147483647, match: [{ ports: [65535] }], pluginName: 'x'.repeat(256), env: { ...props(255), A: 'x'.repeat(2048) } }],
    ['the longest name', { hostEnv: ['X'.repeat(256)] }],
  ])('not %s', (_case, change) => {
    expect(() => new WasmExtension(shop().chart, 'x', { module, ...change })).not.toThrow();
  });

  test.each<[string, () => unknown, string]>([
    ['an image without name', () => WasmModule.oci('oci://'), 'MESH_URL_INVALID: an OCI image must be named REGISTRY/NAME:TAG, got "oci://"; write e.g. registry.example/filter:1.0'],
    ['an image by HTTP', () => WasmModule.oci('https://registry.example/auth'), 'MESH_URL_INVALID: an OCI image must be named REGISTRY/NAME:TAG, got "https://registry.example/auth"; write e.g. registry.example/filter:1.0'],
    ['HTTP without host', () => WasmModule.http('https://'), 'MESH_URL_INVALID: a module must be at an http or https URL, got "https://"; write the whole URL'],
    ['a relative file', () => WasmModule.file('auth.wasm'), 'MESH_PATH_INVALID: the path of a module must begin with /, got "auth.wasm"; write the whole path'],
    ['a short checksum', () => WasmModule.http('http://a/b', { sha256: 'a'.repeat(63) }), `MESH_PLUGIN_INVALID: sha256 must be 64 characters of a-f and 0-9, got "${'a'.repeat(63)}"; copy what sha256sum prints`],
    ['a long one', () => WasmModule.oci('a:1', { sha256: 'a'.repeat(65) }), `MESH_PLUGIN_INVALID: sha256 must be 64 characters of a-f and 0-9, got "${'a'.repeat(65)}"; copy what sha256sum prints`],
    ['a digest that is none', () => WasmModule.oci('a@sha256:A'), 'MESH_PLUGIN_INVALID: sha256 must be 64 characters of a-f and 0-9, got "A"; copy what sha256sum prints'],
    ['two digests', () => WasmModule.oci(`a@sha256:${SHA}`, { sha256: 'b'.repeat(64) }),
      `MESH_PLUGIN_INVALID: sha256 must be that of the image's name, ${SHA}, got "${'b'.repeat(64)}"; leave it away`],
  ])('%s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});
