import { compile, listenerJson, modelOf, routesJson, routesOfHost, SHOP } from './support';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';
import type { ProxyOptions } from '../../src/model/proxy';

const rule = (spec: string, name = 'r'): string => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: shop }
spec: ${spec}`;
const sidecar = (spec: string): string => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: s, namespace: shop }
spec: ${spec}`;
const entry = (name: string, spec: string): string => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: shop }
spec: ${spec}`;
const service = (name: string, spec: string): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: ${spec}`;

const compiled = (texts: readonly string[], options: ProxyOptions = {}, mesh: Record<string, unknown> = {}) => {
  const resources = [SHOP, ...texts].flatMap(text => parseManifests(text).resources);
  return compile(buildModel(resources, { meshConfig: mesh }), 'cart.shop', options);
};
const names = (texts: readonly string[], options: ProxyOptions = {}, mesh: Record<string, unknown> = {}): string[] => (
  compiled(texts, options, mesh).listeners.map(({ name }) => name));
const proxyOfChain = (chain: any): any => chain.filters[chain.filters.length - 1].typedConfig;

describe('which listeners there are', () => {
  const web = service('web', '{ clusterIP: 10.96.9.9, ports: [{ name: http-a, port: 15021 }, { name: http-b, port: 15090 }, { name: http-c, port: 15001 }, { name: tcp, port: 15006 }] }');

  test('the ports that capture and those that the proxy says it has are left alone where a listener would take every address', () => {
    expect(names([web]).filter(name => /_150(21|90|01|06)$/.test(name))).toEqual(['10.96.9.9_15006']);
    const elsewhere = { metadata: { ENVOY_STATUS_PORT: undefined, ENVOY_PROMETHEUS_PORT: undefined } };
    expect(names([web], elsewhere).filter(name => /_150(21|90|01|06)$/.test(name))).toEqual(['0.0.0.0_15021', '0.0.0.0_15090', '10.96.9.9_15006']);
    expect(names([web], elsewhere, { proxyListenPort: 15021 })).not.toContain('0.0.0.0_15021');
  });

  test('a TCP port of a Sidecar resource without a bind is caught at the address of each service', () => {
    const found = names([sidecar('{ egress: [{ port: { number: 5432, protocol: TCP, name: db }, hosts: ["./*"] }] }')]);
    expect(found.filter(name => name.endsWith('_5432'))).toEqual(['10.96.1.2_5432']);
  });

  test('behind a unix socket a service is meant at its only port, or at none', () => {
    const text = (host: string): string => (
      sidecar(`{ egress: [{ port: { number: 0, protocol: TCP, name: x }, bind: "unix:///x", hosts: ["./${host}.shop.svc.cluster.local"] }] }`));
    const to = (host: string): string => proxyOfChain(listenerJson(compiled([text(host)]), 'unix:///x_0').filterChains[0]).cluster;
    expect([to('cart'), to('stock')]).toEqual(['outbound|8000||cart.shop.svc.cluster.local', 'outbound|0||stock.shop.svc.cluster.local']);
  });

  test('a port for an HTTP proxy shares with nobody and asks for no protocol', () => {
    const text = sidecar('{ egress: [{ port: { number: 8000, protocol: HTTP_PROXY, name: x }, hosts: ["./*"] }] }');
    const [chain, ...more] = listenerJson(compiled([text]), '0.0.0.0_8000').filterChains;
    expect([chain.filterChainMatch, more]).toEqual([undefined, []]);
    expect(routesJson(compiled([text]), '8000').virtualHosts.map(({ name }) => name)).toContain('stock.shop.svc.cluster.local:9000');
  });

  test('an entry without address or resolution is caught at its endpoints where it selects some, and everywhere where it does not', () => {
    const spec = (more: string): string => `{ hosts: [db.example], ports: [{ number: 6000, name: tcp, protocol: TCP }]${more} }`;
    expect(names([entry('e', spec(''))])).toContain('0.0.0.0_6000');
    expect(names([entry('e', spec(', workloadSelector: { labels: { app: nobody } }'))]).filter(name => name.endsWith('_6000'))).toEqual([]);
  });
});

describe('who shares a listener', () => {
  const range = (name: string, host: string, protocol: string): string => (
    entry(name, `{ hosts: [${host}], addresses: [10.8.0.0/16], ports: [{ number: 6000, name: p, protocol: ${protocol} }] }`));

  test('two detected ports of one address: the older one alone', () => {
    const { filterChains } = listenerJson(compiled([entry('a', '{ hosts: [a.example], ports: [{ number: 6000, name: p }] }'), range('b', 'b.example', '""')]), '0.0.0.0_6000');
    expect(filterChains.map((chain: any) => chain.filterChainMatch.prefixRanges)).toEqual([undefined]);
  });

  test('chains that forward bytes stand before the one that recognises HTTP', () => {
    const { filterChains } = listenerJson(compiled([range('b', 'b.example', '""')]), '0.0.0.0_6000');
    expect(filterChains.map((chain: any) => Object.keys(chain.filterChainMatch))).toEqual([['prefixRanges'], ['transportProtocol', 'applicationProtocols']]);
  });

  test('ranges that begin alike are one range, however they are written', () => {
    const other = entry('c', '{ hosts: [c.example], addresses: [10.8.7.6/16], ports: [{ number: 6000, name: p, protocol: TCP }] }');
    const { filterChains } = listenerJson(compiled([range('b', 'b.example', 'TCP'), other]), '0.0.0.0_6000');
    expect(filterChains.map((chain: any) => proxyOfChain(chain).cluster)).toEqual(['outbound|6000||b.example']);
  });
});

describe('tcp and tls routes', () => {
  const db = (spec: string, mesh: Record<string, unknown> = {}, options: ProxyOptions = {}) => listenerJson(compiled([rule(spec)], options, mesh), '10.96.1.2_5432');

  test('a destination without a port means the only port of its service, else the one that was dialled', () => {
    const to = (host: string): string => proxyOfChain(db(`{ hosts: [stock], tcp: [{ route: [{ destination: { host: ${host} } }] }] }`).filterChains[0]).cluster;
    expect(to('cart')).toBe('outbound|8000||cart.shop.svc.cluster.local');
    expect(to('stock')).toBe('outbound|5432||stock.shop.svc.cluster.local');
    expect(to('nowhere')).toBe('outbound|5432||nowhere.shop.svc.cluster.local');
  });

  test('several destinations share by weight, even if all weight is on one', () => {
    const { weightedClusters, cluster } = proxyOfChain(
      db('{ hosts: [stock], tcp: [{ route: [{ destination: { host: cart }, weight: 100 }, { destination: { host: stock }, weight: 0 }] }] }').filterChains[0]);
    expect([cluster, weightedClusters.clusters]).toEqual([undefined, [{ name: 'outbound|8000||cart.shop.svc.cluster.local', weight: 100 }]]);
  });

  test('a subnet of all addresses is a condition without content, so something stands behind it', () => {
    const { filterChains, defaultFilterChain } = db('{ hosts: [stock], tcp: [{ match: [{ destinationSubnets: [0.0.0.0/0] }], route: [{ destination: { host: cart } }] }] }');
    expect(filterChains.map((chain: any) => chain.filterChainMatch)).toEqual([{}]);
    expect(proxyOfChain(defaultFilterChain).cluster).toBe('outbound|5432||stock.shop.svc.cluster.local');
  });

  test('a match may ask for gateway and caller at once', () => {
    const to = (labels: string): string => proxyOfChain(
      db(`{ hosts: [stock], tcp: [{ match: [{ gateways: [mesh], sourceLabels: { app: ${labels} } }], route: [{ destination: { host: cart } }] }] }`).filterChains[0]).cluster;
    expect([to('cart'), to('other')]).toEqual(['outbound|8000||cart.shop.svc.cluster.local', 'outbound|5432||stock.shop.svc.cluster.local']);
  });

  test('the proxy\'s own idle time holds for every connection that no rule gives one', () => {
    const { filterChains } = db('{ hosts: [stock], tcp: [{ route: [{ destination: { host: cart } }] }] }', {}, { metadata: { IDLE_TIMEOUT: '30s' } });
    expect(proxyOfChain(filterChains[0]).idleTimeout).toBe('30s');
    const all = listenerJson(compiled([], { metadata: { IDLE_TIMEOUT: '30s' } }), 'virtualOutbound');
    expect(all.filterChains.map((chain: any) => proxyOfChain(chain).idleTimeout)).toEqual([undefined, '30s']);
  });

  test('a pattern of the mesh names the port of the listener where a rule routes, and none where no rule does', () => {
    const mesh = { outboundClusterStatName: '%SERVICE%_%SERVICE_PORT_NAME%' };
    expect(proxyOfChain(db('{ hosts: [stock], tcp: [{ route: [{ destination: { host: cart } }] }] }', mesh).filterChains[0]).statPrefix).toBe('cart.shop_tcp-db');
    expect(proxyOfChain(listenerJson(compiled([], {}, mesh), '10.96.1.2_5432').filterChains[0]).statPrefix).toBe('stock.shop_');
  });

  test('subnets of a tls match hold for the matches after it', () => {
    const tls = entry('e', '{ hosts: [a.example], ports: [{ number: 6443, name: tls, protocol: TLS }] }');
    const text = rule('{ hosts: [a.example], tls: [{ match: [{ sniHosts: [a.example], destinationSubnets: [10.1.0.0/16] }, { sniHosts: ["*"] }], route: [{ destination: { host: cart } }] }] }');
    const { filterChains, listenerFilters } = listenerJson(compiled([tls, text]), '0.0.0.0_6443');
    expect(filterChains.map(({ filterChainMatch: match }: any) => [match.serverNames, match.prefixRanges.length])).toEqual([[['a.example'], 1], [undefined, 1]]);
    expect(listenerFilters.map(({ name }: any) => name)).toEqual(['envoy.filters.listener.tls_inspector']);
  });
});

describe('routes at the edges', () => {
  const routes = (http: string, ...more: string[]) => (
    routesOfHost(compiled([rule(`{ hosts: [stock], http: ${http} }`), ...more]), '8000', 'stock.shop.svc.cluster.local:8000'));
  const TO = 'route: [{ destination: { host: stock } }]';

  test('the name of a match stands behind a dot, even where its rule has none', () => {
    expect(routes(`[{ match: [{ name: m, uri: { exact: /a } }], ${TO} }]`)[0].name).toBe('.m');
  });

  test.each([
    ['503', ',retriable-status-codes', [503]],
    ['5xx,,503 ', '5xx,retriable-status-codes', [503]],
    ['retriable-status-codes,503', 'retriable-status-codes', [503]],
    [' 5xx , reset', '5xx,reset', undefined],
  ])('retryOn %j', (retryOn, expected, codes) => {
    expect(routes(`[{ retries: { attempts: 1, retryOn: "${retryOn}" }, ${TO} }]`)[0].route.retryPolicy).toMatchObject({ retryOn: expected, ...(codes && { retriableStatusCodes: codes }) });
  });

  test('headers asked for and headers unwanted stand in one order, by name', () => {
    const [{ match }] = routes(`[{ match: [{ headers: { b: { exact: x } }, withoutHeaders: { a: { exact: y } } }], ${TO} }]`);
    expect(match.headers.map(({ name }: any) => name)).toEqual(['a', 'b']);
  });

  test('a host that only differs in letters is no service', () => {
    expect(routes('[{ route: [{ destination: { host: Stock } }] }]')[0].route.cluster).toBe('outbound|8000||Stock.shop.svc.cluster.local');
  });

  test('a consistent hash of the rule holds at ports whose own settings have none, and pins retries without a key', () => {
    const policy = (text: string): string => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: d, namespace: shop }
spec: { host: stock, trafficPolicy: ${text} }`;
    const [{ route }] = routes('[{ route: [{ destination: { host: stock, port: { number: 8000 } } }] }]',
      policy('{ loadBalancer: { consistentHash: { httpHeaderName: x } }, portLevelSettings: [{ port: { number: 8000 }, connectionPool: { tcp: { maxConnections: 1 } } }] }'));
    expect([route.hashPolicy, route.retryPolicy.retryHostPredicate]).toEqual([[{ header: { headerName: 'x' } }], undefined]);
  });

  test('where every port is served, a name goes to the first service port, and only port 80 is meant by a name alone', () => {
    const text = service('web', '{ clusterIP: 10.96.9.9, ports: [{ name: http-a, port: 8080 }, { name: http, port: 80 }] }');
    const hosts = routesJson(compiled([text], {}, { proxyHttpPort: 15080 }), 'http_proxy').virtualHosts.filter(({ name }) => name.startsWith('web.'));
    expect(hosts.map(({ domains }) => domains.filter(domain => domain.startsWith('web:') || domain === 'web'))).toEqual([['web:80'], ['web:8080']]);
  });

  test('a share of copies that is too small to be written is sent as none', () => {
    const copies = (value: number) => routes(`[{ mirror: { host: cart }, mirrorPercentage: { value: ${value} }, ${TO} }]`)[0].route.requestMirrorPolicies;
    expect([copies(0), copies(0.00001)[0].runtimeFraction]).toEqual([undefined, { defaultValue: { denominator: 'MILLION' } }]);
  });

  test.each<[string, string, string, object | undefined]>([
    ['gateways of the delegate alone', '{ uri: { prefix: /a } }', '{ gateways: [mesh] }', { prefix: '/a' }],
    ['a gateway that the root leaves out', '{ gateways: [mesh] }', '{ gateways: [mesh, edge] }', undefined],
    ['the empty match of a header', '{ headers: { x: { exact: a } } }', '{ headers: { x: {} } }', undefined],
    ['a port of nothing', '{ port: 8000 }', '{ port: 0, uri: { exact: /b } }', { path: '/b' }],
  ])('a delegate with %s', (_what, root, own, expected) => {
    const delegate = rule(`{ http: [{ match: [${own}], ${TO} }] }`, 'd');
    const [first] = routes(`[{ match: [${root}], delegate: { name: d } }, { name: rest, ${TO} }]`, delegate);
    if (expected === undefined) expect(first.name).toBe('rest');
    else expect(first.match).toMatchObject(expected);
  });

  test('a range of addresses is a domain, too', () => {
    const text = entry('e', '{ hosts: [a.example], addresses: [10.8.0.0/16], ports: [{ number: 8000, name: http, protocol: HTTP }] }');
    expect(routesJson(compiled([text]), '8000').virtualHosts[0].domains).toEqual(['a.example', 'a.example.', '10.8.0.0/16']);
  });
});

describe('what a Sidecar resource imports', () => {
  test('~/* leaves out everything, whatever else is listed', () => {
    expect(names([sidecar('{ egress: [{ hosts: ["~/*", "./*"] }] }')]).filter(name => !name.startsWith('virtual'))).toEqual([]);
  });

  test('another name of a service is imported where it is listed, too', () => {
    const alias = service('other', '{ type: ExternalName, externalName: stock.shop.svc.cluster.local }');
    const domains = (...hosts: string[]) => {
      const found = routesJson(compiled([alias, sidecar(`{ egress: [{ hosts: ${JSON.stringify(hosts)} }] }`)]), '8000');
      return found.virtualHosts.flatMap(each => each.domains).filter(domain => domain === 'stock' || domain === 'other');
    };
    expect(domains('./stock.shop.svc.cluster.local')).toEqual(['stock']);
    expect(domains('./stock.shop.svc.cluster.local', './other.shop.svc.cluster.local')).toEqual(['stock', 'other']);
  });

  test('where hosts are named one by one, an entry does not add to a Service of the same name', () => {
    const text = entry('e', '{ hosts: [stock.shop.svc.cluster.local], ports: [{ number: 6000, name: tcp, protocol: TCP }] }');
    const found = (hosts: string) => names([text, sidecar(`{ egress: [{ hosts: ["${hosts}"] }] }`)]).filter(name => name.endsWith('_6000'));
    expect([found('./stock.shop.svc.cluster.local'), found('./*')]).toEqual([[], ['0.0.0.0_6000']]);
  });

  test('on a port of its own, a Service without that port leaves its name to an entry elsewhere that has it', () => {
    const text = entry('e', '{ hosts: [stock.shop.svc.cluster.local], ports: [{ number: 6000, name: http, protocol: HTTP }] }').replace('namespace: shop', 'namespace: other');
    const own = sidecar('{ egress: [{ port: { number: 6000, protocol: HTTP, name: x }, hosts: ["*/*"] }] }');
    expect(names([text, own])).toContain('0.0.0.0_6000');
  });

  test('a rule is imported by a host that is imported and not left out', () => {
    const text = rule('{ hosts: [cart, stock], http: [{ name: mine, route: [{ destination: { host: stock } }] }] }');
    const hosts = (egress: string) => (
      routesJson(compiled([text, sidecar(`{ egress: [{ hosts: ${egress} }] }`)]), '8000').virtualHosts.flatMap(each => each.routes.map(route => [each.name, route.name])));
    expect(hosts('["./*", "~./cart.shop.svc.cluster.local"]')).toContainEqual(['stock.shop.svc.cluster.local:8000', 'mine']);
  });
});

test('version 1.0 of HTTP is spoken by proxies that say so', () => {
  const found = listenerJson(compile(modelOf(SHOP), 'cart.shop', { metadata: { HTTP10: '1' } }), '0.0.0.0_8000');
  expect(proxyOfChain(found.filterChains[0]).httpProtocolOptions).toEqual({ acceptHttp10: true });
});
