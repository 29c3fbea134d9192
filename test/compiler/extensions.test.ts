import { toJson } from '@bufbuild/protobuf';
import { compile, listenerJson, modelOf, SHOP } from './support';
import type { ProxyOptions } from '../../src/model/proxy';
import { TypedExtensionConfigSchema } from '../../src/xds/gen/envoy/config/core/v3/extension_pb';
import { registry } from '../../src/xds/registry';

const GATE = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: gate, namespace: shop }
spec: { template: { metadata: { labels: { istio: ingressgateway } }, spec: { containers: [{ name: istio-proxy, image: x }] } } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gate, namespace: shop }
spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }, { port: { number: 5432, name: tcp, protocol: TCP }, hosts: ['*'] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db, namespace: shop }
spec: { hosts: ['*'], gateways: [gate], tcp: [{ route: [{ destination: { host: stock, port: { number: 5432 } } }] }] }
`;
const GUARDS = `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt, namespace: shop }
spec: { jwtRules: [{ issuer: i, jwks: '{}' }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: allow, namespace: shop }
spec: { rules: [{}] }
`;
const plugin = (name: string, spec: object = {}, namespace = 'shop', creationTimestamp = '2026-01-01T00:00:00Z') => JSON.stringify({
  apiVersion: 'extensions.istio.io/v1alpha1', kind: 'WasmPlugin', metadata: { name, namespace, creationTimestamp }, spec: { url: 'oci://reg.example/x:1', ...spec },
});
const script = (name: string, spec: object) => JSON.stringify({ apiVersion: 'extensions.istio.io/v1alpha1', kind: 'TrafficExtension', metadata: { name, namespace: 'shop' }, spec });
const named = (name: string, namespace = 'shop') => `extensions.istio.io/trafficextension/${namespace}.${name}~istio-translated-wasmplugin`;

const at = (workload: string, documents: readonly string[], options?: ProxyOptions) => compile(modelOf(SHOP, GATE, ...documents), workload, options);
const networkFilters = (listener: any): string[][] => listener.filterChains.map((chain: any) => chain.filters.map(({ name }: any) => name));
const httpFilters = (listener: any): string[] => listener.filterChains.flatMap((chain: any) => chain.filters)
  .find(({ typedConfig }: any) => typedConfig?.httpFilters).typedConfig.httpFilters.map(({ name }: any) => name);
const configs = (compiled: ReturnType<typeof at>): any[] => (
  (compiled.extensions ?? []).map(each => toJson(TypedExtensionConfigSchema, each, { registry })));

const ALL = [plugin('authn', { phase: 'AUTHN' }), plugin('authz', { phase: 'AUTHZ' }), plugin('stats', { phase: 'STATS' }), plugin('rest')];

describe('order', () => {
  test('inbound, each phase has its place among Istio\'s own filters', () => {
    expect(httpFilters(listenerJson(at('stock-v1.shop', [...ALL, GUARDS]), 'virtualInbound'))).toEqual([
      'istio.metadata_exchange', named('authn'), 'envoy.filters.http.jwt_authn', named('authz'), 'envoy.filters.http.rbac', named('stats'), named('rest'),
      'envoy.filters.http.grpc_stats', 'envoy.filters.http.fault', 'envoy.filters.http.cors', 'istio.stats', 'envoy.filters.http.router',
    ]);
  });

  test('outbound and at gateways as well', () => {
    const phases = ['authn', 'authz', 'stats', 'rest'].map(name => named(name));
    const seen = (compiled: ReturnType<typeof at>, listener: string) => httpFilters(listenerJson(compiled, listener)).filter(name => name.includes('~'));
    expect(seen(at('stock-v1.shop', ALL), '0.0.0.0_8000')).toEqual(phases);
    expect(seen(at('gate.shop', ALL), '0.0.0.0_80')).toEqual(phases);
  });

  test('in a phase the higher priority first, then the own namespace, then the older', () => {
    const documents = [
      plugin('young', {}, 'shop', '2026-01-02T00:00:00Z'), plugin('old', {}, 'shop', '2026-01-01T00:00:00Z'), plugin('root', {}, 'istio-system', '2026-01-03T00:00:00Z'),
      plugin('low', { priority: -5 }), plugin('high', { priority: 10 }), plugin('zero', { priority: 0 }), plugin('elsewhere', {}, 'other'),
    ];
    expect(httpFilters(listenerJson(at('cart.shop', documents), '0.0.0.0_8000')).filter(name => name.includes('~')))
      .toEqual([named('high'), named('zero'), named('low'), named('old'), named('young'), named('root', 'istio-system')]);
  });

  test('of bytes: before the connection manager, and around what guards a TCP port', () => {
    const network = ALL.map(text => JSON.stringify({ ...JSON.parse(text), spec: { ...JSON.parse(text).spec, type: 'NETWORK' } }));
    const names = ['authn', 'authz', 'stats', 'rest'].map(name => named(name));
    const compiled = at('stock-v1.shop', [...network, GUARDS]);
    const chains = networkFilters(listenerJson(compiled, 'virtualInbound'));
    expect(chains).toContainEqual(['istio.metadata_exchange', ...names, 'envoy.filters.network.http_connection_manager']);
    expect(chains).toContainEqual([
      'istio.metadata_exchange', named('authn'), named('authz'), 'envoy.filters.network.rbac', named('stats'), named('rest'), 'istio.stats', 'envoy.filters.network.tcp_proxy',
    ]);
    expect(networkFilters(listenerJson(compiled, '0.0.0.0_8000'))[0]).toEqual([...names, 'envoy.filters.network.http_connection_manager']);
    expect(networkFilters(listenerJson(compiled, '10.96.1.2_5432'))).toEqual([[...names, 'istio.stats', 'envoy.filters.network.tcp_proxy']]);
    expect(networkFilters(listenerJson(at('gate.shop', network), '0.0.0.0_5432'))[0].slice(0, 4)).toEqual(names);
    expect(networkFilters(listenerJson(at('gate.shop', network), '0.0.0.0_80'))).toEqual([[...names, 'envoy.filters.network.http_connection_manager']]);
  });
});

describe('what traffic passes', () => {
  const seenBy = (spec: object, workload = 'stock-v1.shop') => {
    const compiled = at(workload, [plugin('p', spec)]);
    return ['0.0.0.0_8000', '10.96.1.2_9000', 'virtualInbound'].filter(name => JSON.stringify(listenerJson(compiled, name)).includes(named('p')));
  };

  test.each<[string, object, string[]]>([
    ['all of a workload\'s', { selector: { matchLabels: { app: 'stock' } } }, ['0.0.0.0_8000', '10.96.1.2_9000', 'virtualInbound']],
    ['none of another\'s', { selector: { matchLabels: { app: 'cart' } } }, []],
    ['none where it attaches to a gateway of the Gateway API', { targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'x' }] }, []],
    ['what it calls', { match: [{ mode: 'CLIENT' }] }, ['0.0.0.0_8000', '10.96.1.2_9000']],
    ['what it is called by', { match: [{ mode: 'SERVER' }] }, ['virtualInbound']],
    ['a port that it calls', { match: [{ mode: 'CLIENT', ports: [{ number: 9000 }] }] }, ['10.96.1.2_9000']],
    ['either of two matches', { match: [{ mode: 'SERVER', ports: [{ number: 8080 }] }, { mode: 'CLIENT_AND_SERVER', ports: [{ number: 8000 }] }] }, ['0.0.0.0_8000', 'virtualInbound']],
  ])('%s', (_case, spec, listeners) => {
    expect(seenBy(spec)).toEqual(listeners);
  });

  test('a port of the application, in its own chain only', () => {
    const listener = listenerJson(at('stock-v1.shop', [plugin('p', { match: [{ mode: 'SERVER', ports: [{ number: 8080 }] }] })]), 'virtualInbound');
    const named8080 = listener.filterChains.filter((chain: any) => JSON.stringify(chain).includes(named('p'))).map(({ name }: any) => name);
    // Chains that take what no service has are of no port.
    expect([...new Set(named8080)]).toEqual(['0.0.0.0_8080']);
  });

  test('an extension that no listener asks for is not sent', () => {
    expect(configs(at('stock-v1.shop', [plugin('p', { match: [{ mode: 'CLIENT', ports: [{ number: 1 }] }] })]))).toEqual([]);
  });
});

describe('a module', () => {
  const config = (spec: object, options?: ProxyOptions, ...more: string[]) => configs(at('cart.shop', [plugin('p', spec), ...more], options))[0];

  test('is fetched by Istio\'s agent, with all that it needs for it', () => {
    expect(config({
      url: 'reg.example/x:1',
      sha256: 'ab',
      pluginName: 'root',
      pluginConfig: { b: 1, a: { c: [true] } },
      imagePullPolicy: 'Always',
      imagePullSecret: 'pull',
      failStrategy: 'FAIL_RELOAD',
      vmConfig: { env: [{ name: 'A', value: 'a' }, { name: 'B', valueFrom: 'HOST' }] },
    }, {}, JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pull', namespace: 'shop' }, data: { '.dockerconfigjson': 'e30=' } }))).toEqual({
      name: named('p'),
      typedConfig: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
        'config': {
          name: named('p'),
          rootId: 'root',
          failurePolicy: 'FAIL_RELOAD',
          configuration: { '@type': 'type.googleapis.com/google.protobuf.StringValue', 'value': '{"a":{"c":[true]},"b":1}' },
          vmConfig: {
            runtime: 'envoy.wasm.runtime.v8',
            code: { remote: { httpUri: { uri: 'oci://reg.example/x:1', cluster: '_', timeout: '30s' }, sha256: 'ab' } },
            environmentVariables: {
              hostEnvKeys: ['B'],
              keyValues: { A: 'a', ISTIO_META_WASM_IMAGE_PULL_POLICY: 'Always', ISTIO_META_WASM_IMAGE_PULL_SECRET: '{}', ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: '' },
            },
          },
        },
      },
    });
  });

  test('is told to earlier versions of Istio in their words', () => {
    const old = config({ failStrategy: 'FAIL_OPEN' }, { metadata: { ISTIO_VERSION: '1.24.1' } });
    expect([old.name, old.typedConfig.config.failOpen, old.typedConfig.config.failurePolicy]).toEqual(['extensions.istio.io/wasmplugin/shop.p', true, undefined]);
    expect(config({}).typedConfig.config.failurePolicy).toBe('FAIL_CLOSED');
  });

  test('that is a file is read by Envoy itself, whoever runs it', () => {
    const { config: wasm } = config({ url: 'file:///opt/x.wasm' }, { dialect: 'stock' }).typedConfig;
    expect(wasm.vmConfig).toEqual({ runtime: 'envoy.wasm.runtime.v8', code: { local: { filename: '/opt/x.wasm' } } });
  });

  test.each([['lets nobody pass', 'FAIL_CLOSE', { rules: {} }], ['lets everybody pass', 'FAIL_OPEN', {}]])('that stock Envoy cannot fetch %s under %s', (_case, failStrategy, rules) => {
    expect(config({ failStrategy }, { dialect: 'stock' }).typedConfig).toEqual({ '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC', ...rules });
  });

  test('for bytes has the type for bytes', () => {
    expect(config({ type: 'NETWORK' }).typedConfig['@type']).toBe('type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm');
    expect(config({ type: 'NETWORK' }, { dialect: 'stock' }).typedConfig).toMatchObject({ '@type': 'type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC', 'statPrefix': 'tcp.' });
  });
});

test('a TrafficExtension is a module under its own name, or a script that stands in the chain itself', () => {
  const compiled = at('cart.shop', [script('lua', { phase: 'AUTHN', lua: { inlineCode: 'x' } }), script('wasm', { wasm: { url: 'file:///x' } }), script('none', {})]);
  const filters = listenerJson(compiled, '0.0.0.0_8000').filterChains[0].filters[0].typedConfig.httpFilters.filter(({ name }: any) => name.startsWith('extensions.istio.io'));
  expect(filters).toEqual([
    {
      name: 'extensions.istio.io/trafficextension/shop.lua',
      typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua', 'defaultSourceCode': { inlineString: 'x' } },
    },
    {
      name: 'extensions.istio.io/trafficextension/shop.wasm',
      configDiscovery: {
        configSource: { ads: {}, resourceApiVersion: 'V3', initialFetchTimeout: '0s' },
        typeUrls: ['type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm', 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC'],
      },
    },
  ]);
  expect(configs(compiled).map(({ name }) => name)).toEqual(['extensions.istio.io/trafficextension/shop.wasm']);
});
