import { clusterJson, compile, listenerJson, modelOf, routesJson, SHOP } from './support';
import { createCompiler } from '../../src/compiler/compiler';
import { findWorkload } from '../../src/model/find-workload';
import { proxyOf } from '../../src/model/proxy';
import { TrafficDirection } from '../../src/xds/gen/envoy/config/core/v3/base_pb';

const filter = (patches: string, name = 'patches', more = '', namespace = 'shop'): string => `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ${more} configPatches: [${patches}] }`;

const patch = (applyTo: string, operation: string, match: string, value = ''): string => (
  `{ applyTo: ${applyTo}, match: { ${match} }, patch: { operation: ${operation}${value === '' ? '' : `, value: ${value}`} } }`);

const stock = 'outbound|8000||stock.shop.svc.cluster.local';
const at = (...texts: string[]) => compile(modelOf(SHOP, ...texts), 'cart.shop');

/** How many places each patch of the model takes hold in at a workload, in order of application. */
function places(workload: string, ...texts: string[]): [number, string | undefined][] {
  const model = modelOf(SHOP, ...texts);
  return createCompiler(model).patchMatches(proxyOf(model, findWorkload(model, workload))).map(({ places: found, problem }) => [found, problem]);
}

const httpFilters = (compiled: ReturnType<typeof compile>, port = 8080): string[] => listenerJson(compiled, 'virtualInbound').filterChains
  .find(({ filterChainMatch: match }: any) => match?.destinationPort === port).filters
  .flatMap(({ typedConfig }: any) => typedConfig.httpFilters ?? []).map(({ name }: any) => name);

const LUA = '{ name: mine, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, inline_code: x } }';
const subFilter = (name: string) => `context: SIDECAR_INBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: ${name} } } } }`;
const router = subFilter('envoy.filters.http.router');

describe('HTTP filters', () => {
  const standard = ['istio.metadata_exchange', 'envoy.filters.http.grpc_stats', 'envoy.filters.http.fault', 'envoy.filters.http.cors', 'istio.stats', 'envoy.filters.http.router'];

  test.each<[string, string, string[]]>([
    ['INSERT_FIRST, whatever it names', patch('HTTP_FILTER', 'INSERT_FIRST', router, LUA), ['mine', ...standard]],
    ['INSERT_BEFORE', patch('HTTP_FILTER', 'INSERT_BEFORE', router, LUA), [...standard.slice(0, -1), 'mine', 'envoy.filters.http.router']],
    ['INSERT_AFTER', patch('HTTP_FILTER', 'INSERT_AFTER', subFilter('istio.metadata_exchange'), LUA), [standard[0], 'mine', ...standard.slice(1)]],
    ['INSERT_BEFORE without an anchor', patch('HTTP_FILTER', 'INSERT_BEFORE', 'context: SIDECAR_INBOUND', LUA), ['mine', ...standard]],
    ['INSERT_AFTER without an anchor', patch('HTTP_FILTER', 'INSERT_AFTER', 'context: SIDECAR_INBOUND', LUA), [...standard, 'mine']],
    ['an anchor that is not there', patch('HTTP_FILTER', 'INSERT_BEFORE', subFilter('nobody'), LUA), standard],
    ['REMOVE', patch('HTTP_FILTER', 'REMOVE', subFilter('envoy.filters.http.fault')), standard.filter(name => name !== 'envoy.filters.http.fault')],
    ['REMOVE without an anchor', patch('HTTP_FILTER', 'REMOVE', 'context: SIDECAR_INBOUND'), standard],
    ['REPLACE', patch('HTTP_FILTER', 'REPLACE', subFilter('envoy.filters.http.fault'), LUA), standard.map(name => (name === 'envoy.filters.http.fault' ? 'mine' : name))],
    ['another port', patch('HTTP_FILTER', 'INSERT_FIRST', 'context: SIDECAR_INBOUND, listener: { portNumber: 8081 }', LUA), standard],
    ['another context', patch('HTTP_FILTER', 'INSERT_FIRST', 'context: GATEWAY', LUA), standard],
  ])('%s', (_what, text, expected) => {
    expect(httpFilters(at(filter(text)))).toEqual(expected);
  });

  test('MERGE runs after everything else, so it reaches what was inserted', () => {
    const merge = patch('HTTP_FILTER', 'MERGE', subFilter('mine'), '{ typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, stat_prefix: s } }');
    const found = listenerJson(at(filter(`${merge}, ${patch('HTTP_FILTER', 'INSERT_FIRST', router, LUA)}`)), 'virtualInbound');
    expect(JSON.stringify(found)).toContain('"inlineCode":"x","statPrefix":"s"');
  });

  test('an extension whose messages are not known here goes to Envoy as JSON', () => {
    const compressor = 'type.googleapis.com/envoy.extensions.filters.http.compressor.v3.Compressor';
    const value = `{ name: gzip, typed_config: { "@type": ${compressor}, some: { field: 1 } } }`;
    const chains = listenerJson(at(filter(patch('HTTP_FILTER', 'INSERT_FIRST', router, value))), 'virtualInbound').filterChains;
    const manager = chains.flatMap(({ filters }: any) => filters).find(({ typedConfig }: any) => typedConfig.httpFilters).typedConfig;
    expect(manager.httpFilters[0].typedConfig)
      .toEqual({ '@type': 'type.googleapis.com/xds.type.v3.TypedStruct', 'typeUrl': compressor, 'value': { some: { field: 1 } } });
  });
});

describe('clusters', () => {
  test('MERGE: a duration is replaced, a list grows, a message merges', () => {
    const value = '{ connect_timeout: 0.25s, circuit_breakers: { thresholds: [{ priority: HIGH, max_connections: 1 }] }, common_lb_config: { update_merge_window: 2s } }';
    const merged = clusterJson(at(filter(patch('CLUSTER', 'MERGE', 'cluster: { service: stock.shop.svc.cluster.local, portNumber: 8000 }', value))), stock);
    expect(merged).toMatchObject({ connectTimeout: '0.250s', commonLbConfig: { healthyPanicThreshold: {}, updateMergeWindow: '2s' } });
    expect(merged.circuitBreakers.thresholds).toHaveLength(2);
  });

  test('MERGE_AND_REPLACE_LIST replaces the list', () => {
    const value = '{ circuit_breakers: { thresholds: [{ max_connections: 1 }] } }';
    expect(clusterJson(at(filter(patch('CLUSTER', 'MERGE_AND_REPLACE_LIST', `cluster: { name: ${stock} }`, value))), stock).circuitBreakers).toEqual({ thresholds: [{ maxConnections: 1 }] });
  });

  test('a transport socket merges into the one of its name only', () => {
    const tls = '{ transport_socket: { name: envoy.transport_sockets.tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, max_session_keys: 0, sni: other } } }';
    const { transportSocket, transportSocketMatches } = clusterJson(at(filter(patch('CLUSTER', 'MERGE', `cluster: { name: ${stock} }`, tls))), stock);
    expect([transportSocket, transportSocketMatches[0].transportSocket.typedConfig.sni]).toEqual([undefined, 'other']);
    const other = '{ transport_socket: { name: other, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer } } }';
    expect(clusterJson(at(filter(patch('CLUSTER', 'MERGE', `cluster: { name: ${stock} }`, other))), stock).transportSocket).toBeUndefined();
  });

  test('REMOVE takes the assignment along, ADD stands before the inbound clusters', () => {
    const compiled = at(filter(`${patch('CLUSTER', 'REMOVE', `context: SIDECAR_OUTBOUND, cluster: { name: ${stock} }`)}, ${patch('CLUSTER', 'ADD', '', '{ name: mine, type: EDS, eds_cluster_config: { eds_config: { ads: {} }, service_name: x } }')}`));
    const names = compiled.clusters.map(({ name }) => name);
    expect(names.slice(names.indexOf('PassthroughCluster'))).toEqual(['PassthroughCluster', 'mine', 'inbound|8080||', 'InboundPassthroughCluster']);
    const assigned = compiled.endpoints.map(({ clusterName }) => clusterName);
    expect([assigned.includes(stock), assigned.includes('x')]).toEqual([false, true]);
  });

  test('an inbound cluster is known by the services before it', () => {
    expect(clusterJson(at(filter(patch('CLUSTER', 'MERGE', 'context: SIDECAR_INBOUND, cluster: { service: cart.shop.svc.cluster.local }', '{ connect_timeout: 3s }'))), 'inbound|8080||').connectTimeout).toBe('3s');
  });
});

describe('routes', () => {
  const vhost = (more = '') => `context: SIDECAR_OUTBOUND, routeConfiguration: { name: "8000", vhost: { name: "stock.shop.svc.cluster.local:8000"${more} } }`;
  const namesAt = (text: string): string[] => routesJson(at(filter(text)), '8000').virtualHosts.find(({ name }) => name.startsWith('stock.'))?.routes?.map(({ name }) => name) ?? [];

  test.each<[string, string, string[]]>([
    ['INSERT_FIRST', patch('HTTP_ROUTE', 'INSERT_FIRST', vhost(), '{ name: mine }'), ['mine', 'default']],
    ['INSERT_FIRST where the named route is not', patch('HTTP_ROUTE', 'INSERT_FIRST', vhost(', route: { name: none }'), '{ name: mine }'), ['default']],
    ['INSERT_AFTER', patch('HTTP_ROUTE', 'INSERT_AFTER', vhost(', route: { action: ROUTE }'), '{ name: mine }'), ['default', 'mine']],
    ['REMOVE', patch('HTTP_ROUTE', 'REMOVE', vhost(', route: { action: ROUTE }')), []],
    ['another action', patch('HTTP_ROUTE', 'REMOVE', vhost(', route: { action: REDIRECT }')), ['default']],
    ['a domain of the host', patch('HTTP_ROUTE', 'REMOVE', 'routeConfiguration: { portNumber: 8000, vhost: { domainName: stock } }'), []],
    ['a virtual host REPLACEd', patch('VIRTUAL_HOST', 'REPLACE', vhost(), '{ name: stock.mine, domains: [stock], routes: [{ name: mine }] }'), ['mine']],
    ['a virtual host REMOVEd', patch('VIRTUAL_HOST', 'REMOVE', vhost()), []],
  ])('%s', (_what, text, expected) => {
    expect(namesAt(text)).toEqual(expected);
  });

  test('other hosts of the same rule keep their routes', () => {
    const merged = routesJson(at(filter(patch('HTTP_ROUTE', 'MERGE', vhost(), '{ route: { timeout: 7s } }'))), '8000').virtualHosts;
    expect(merged.map(({ routes }) => routes[0].route?.timeout)).toEqual(['0s', '7s', '0s']);
  });

  test('inbound routes stand in the listener', () => {
    const text = JSON.stringify(listenerJson(at(filter(patch('HTTP_ROUTE', 'MERGE', 'context: SIDECAR_INBOUND, routeConfiguration: { portNumber: 8080 }', '{ route: { timeout: 9s } }'))), 'virtualInbound'));
    expect(text.split('"timeout":"9s"')).toHaveLength(3);
  });
});

describe('listeners', () => {
  test('a listener is added before the one that takes everything, and merged and removed by name', () => {
    const compiled = at(filter([
      patch('LISTENER', 'ADD', '', '{ name: mine, address: { socket_address: { address: 127.0.0.1, port_value: 9 } } }'),
      patch('LISTENER', 'REMOVE', 'listener: { portNumber: 9000 }'),
      patch('LISTENER', 'MERGE', 'listener: { name: virtualOutbound }', '{ per_connection_buffer_limit_bytes: 7 }'),
    ].join(', ')));
    const names = compiled.listeners.map(({ name }) => name);
    expect(names.slice(names.indexOf('mine'))).toEqual(['mine', 'virtualOutbound', 'virtualInbound']);
    expect([names.includes('10.96.1.2_9000'), listenerJson(compiled, 'virtualOutbound').perConnectionBufferLimitBytes]).toEqual([false, 7]);
  });

  test('a chain is chosen by what it matches', () => {
    const remove = patch('FILTER_CHAIN', 'REMOVE', 'context: SIDECAR_INBOUND, listener: { name: virtualInbound, portNumber: 8080, filterChain: { transportProtocol: raw_buffer } }');
    const chains = listenerJson(at(filter(remove)), 'virtualInbound').filterChains.filter(({ name }: any) => name === '0.0.0.0_8080');
    expect(chains.map(({ filterChainMatch }: any) => filterChainMatch.transportProtocol)).toEqual(['tls']);
  });

  test('explicit capture has no virtual listener: its ports answer to that name', () => {
    const text = filter(patch('HTTP_FILTER', 'INSERT_FIRST', 'context: SIDECAR_INBOUND, listener: { name: virtualInbound, portNumber: 8080 }', LUA));
    const compiled = compile(modelOf(SHOP, text), 'cart.shop', { capture: 'explicit', explicit: { addressBlock: '127.9.0.0/16' } });
    const patched = compiled.listeners.filter(({ filterChains }) => filterChains.some(({ filters }) => filters.some(({ configType }) => (
      configType.case === 'typedConfig' && Buffer.from(configType.value.value).includes('mine')))));
    expect(patched.map(({ trafficDirection }) => trafficDirection)).toEqual([TrafficDirection.INBOUND]);
  });
});

describe('who is patched', () => {
  const first = (name: string, more: string, namespace: string) => filter(patch('HTTP_FILTER', 'INSERT_FIRST', 'context: SIDECAR_INBOUND', `{ name: ${name} }`), name, more, namespace);

  test('by priority, then the root namespace, then name; not by other namespaces, other labels, other versions', () => {
    const version = filter(patch('HTTP_FILTER', 'INSERT_FIRST', 'context: SIDECAR_INBOUND, proxy: { proxyVersion: "^1\\\\.1[0-9]" }', '{ name: old }'), 'old');
    const compiled = at(first('b', '', 'shop'), first('a', '', 'shop'), first('root', '', 'istio-system'), first('early', 'priority: -1,', 'shop'),
      first('other', '', 'other'), first('labelled', 'workloadSelector: { labels: { app: stock } },', 'shop'), version);
    // Each was put in front of those applied before it.
    expect(httpFilters(compiled).slice(0, 5)).toEqual(['b', 'a', 'root', 'early', 'istio.metadata_exchange']);
  });

  test('each patch reports its places, and why it has none', () => {
    const text = filter([
      patch('HTTP_FILTER', 'INSERT_BEFORE', router, LUA),
      patch('HTTP_FILTER', 'INSERT_BEFORE', subFilter('none'), LUA),
      patch('CLUSTER', 'MERGE', 'cluster: { service: stock.shop.svc.cluster.local }', '{ lb_polic: RANDOM }'),
      patch('CLUSTER', 'MERGE', 'cluster: { service: stock.shop.svc.cluster.local }', '{ lb_policy: NONE }'),
    ].join(', '));
    expect(places('cart.shop', text)).toEqual([
      [4, undefined], [0, undefined], [3, expect.stringContaining('lb_polic')], [0, expect.stringContaining('LbPolicy')],
    ]);
  });

  test('proxies that the same patches are about share what is patched', () => {
    const model = modelOf(SHOP, filter(patch('CLUSTER', 'MERGE', 'context: SIDECAR_OUTBOUND', '{ connect_timeout: 1s }')));
    const compiler = createCompiler(model);
    const [one, two] = ['stock-v1.shop', 'stock-v2.shop'].map(name => compile(model, name, {}, compiler).clusters.find(({ name: own }) => own === stock));
    expect(one).toBe(two);
  });
});
