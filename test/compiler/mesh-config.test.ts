import { clusterJson, compile, listenerJson, resourcesOfYaml, SHOP } from './support';
import { buildModel } from '../../src/model/model';

const GATE = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gate, namespace: shop }
spec:
  selector: { app: cart }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }, { port: { number: 443, name: https, protocol: HTTPS }, hosts: ['*'], tls: { mode: SIMPLE, credentialName: c } }]
`;
const STOCK = 'outbound|8000||stock.shop.svc.cluster.local';

const at = (meshConfig: Record<string, unknown>, workload = 'stock-v1.shop', ...texts: string[]) => (
  compile(buildModel(resourcesOfYaml(SHOP, ...texts), { meshConfig }), workload));
const chain = (compiled: ReturnType<typeof compile>, port: number): any => listenerJson(compiled, 'virtualInbound').filterChains
  .find(({ filterChainMatch: match }: any) => match?.destinationPort === port && match.transportProtocol === 'tls');

test('defaultTrafficPolicy fills what rules leave open, and only pools and outlier detection', () => {
  const meshConfig = { defaultTrafficPolicy: { connectionPool: { tcp: { maxConnections: 3 } }, outlierDetection: { interval: '7s' }, loadBalancer: { simple: 'RANDOM' } } };
  const rule = 'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: { name: r, namespace: shop }\nspec: { host: stock, trafficPolicy: { connectionPool: { tcp: { maxConnections: 5 } } } }';
  const bare = clusterJson(at(meshConfig), STOCK);
  const ruled = clusterJson(at(meshConfig, 'stock-v1.shop', rule), STOCK);
  expect([bare.circuitBreakers.thresholds[0].maxConnections, bare.outlierDetection.interval, bare.lbPolicy]).toEqual([3, '7s', 'LEAST_REQUEST']);
  expect([ruled.circuitBreakers.thresholds[0].maxConnections, ruled.outlierDetection.interval]).toEqual([5, '7s']);
  expect(clusterJson(at(meshConfig), 'inbound|8080||').circuitBreakers.thresholds[0].maxConnections).toBe(3);
});

test('patterns name the statistics of clusters', () => {
  const compiled = at({ outboundClusterStatName: '%SERVICE%_%SERVICE_PORT_NAME%_%SERVICE_PORT%', inboundClusterStatName: '%SERVICE_FQDN%_%TARGET_PORT%' });
  expect([clusterJson(compiled, STOCK).altStatName, clusterJson(compiled, 'inbound|8080||').altStatName])
    .toEqual(['stock.shop_http_8000;', 'stock.shop.svc.cluster.local_8080;']);
});

test('a port for HTTP proxies listens on loopback, with routes of every port', () => {
  const compiled = at({ proxyHttpPort: 15002 });
  expect(listenerJson(compiled, '127.0.0.1_15002').address.socketAddress).toEqual({ address: '127.0.0.1', portValue: 15002 });
  expect(compiled.routes.find(({ name }) => name === 'http_proxy')?.virtualHosts.some(({ domains }) => domains.includes('cart.shop:8000'))).toBe(true);
});

test('inboundTrafficPolicy LOCALHOST leads to the application on loopback', () => {
  expect(clusterJson(at({ inboundTrafficPolicy: { mode: 'LOCALHOST' } }), 'inbound|8080||').loadAssignment.endpoints[0].lbEndpoints[0].endpoint.address.socketAddress)
    .toEqual({ address: '127.0.0.1', portValue: 8080 });
});

test('meshMTLS is for the mesh, tlsDefaults for the others', () => {
  const compiled = at({ meshMTLS: { minProtocolVersion: 'TLSV1_3' }, tlsDefaults: { minProtocolVersion: 'TLSV1_3', ecdhCurves: ['P-256'] } }, 'stock-v1.shop');
  expect(chain(compiled, 8080).transportSocket.typedConfig.commonTlsContext.tlsParams.tlsMinimumProtocolVersion).toBe('TLSv1_3');
  const gate = listenerJson(at({ tlsDefaults: { minProtocolVersion: 'TLSV1_3', ecdhCurves: ['P-256'] } }, 'cart.shop', GATE), '0.0.0.0_443');
  expect(gate.filterChains[0].transportSocket.typedConfig.commonTlsContext.tlsParams).toEqual({ tlsMinimumProtocolVersion: 'TLSv1_3', ecdhCurves: ['P-256'] });
});

test('what stands before a gateway is told by its ProxyConfig', () => {
  const topology = { numTrustedProxies: 2, forwardClientCertDetails: 'APPEND_FORWARD', proxyProtocol: {} };
  const listener = listenerJson(at({ defaultConfig: { gatewayTopology: topology } }, 'cart.shop', GATE), '0.0.0.0_80');
  expect(listener.listenerFilters.map(({ name }: any) => name)).toEqual(['envoy.filters.listener.proxy_protocol']);
  expect(listener.filterChains[0].filters[0].typedConfig).toMatchObject({ xffNumTrustedHops: 2, forwardClientCertDetails: 'APPEND_FORWARD' });
});

test('the mesh\'s retries inbound replace Istio\'s; none at all where it says so', () => {
  const policyOf = (policy: object): any => chain(at({ defaultInboundHttpRetryPolicy: policy }), 8080).filters
    .find(({ typedConfig }: any) => typedConfig.routeConfig).typedConfig.routeConfig.virtualHosts[0].routes[0].route.retryPolicy;
  expect([policyOf({ attempts: 5 }), policyOf({ attempts: 0 })]).toEqual([{ retryOn: 'reset-before-request', numRetries: 5 }, undefined]);
});

test('names of HTTP/1.1 headers keep their case where the mesh, or a proxy of itself, asks for it', () => {
  const proxyHeaders = { preserveHttp1HeaderCase: true };
  const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const seen = (meshConfig: object, metadata?: Record<string, unknown>) => {
    const model = buildModel(resourcesOfYaml(SHOP), { meshConfig: meshConfig as Record<string, unknown> });
    const compiled = compile(model, 'stock-v1.shop', { metadata });
    const manager = listenerJson(compiled, '0.0.0.0_8000').filterChains[0].filters[0].typedConfig;
    const inbound = clusterJson(compiled, 'inbound|8080||').typedExtensionProtocolOptions?.[OPTIONS];
    const http = clusterJson(compiled, STOCK).typedExtensionProtocolOptions?.[OPTIONS];
    const auto = clusterJson(compiled, STOCK.replace('8000', '9000')).typedExtensionProtocolOptions?.[OPTIONS];
    const tcp = clusterJson(compiled, STOCK.replace('8000', '5432')).typedExtensionProtocolOptions;
    const explicit = [inbound, http].map(options => options?.explicitHttpConfig?.httpProtocolOptions);
    const names = [manager.httpProtocolOptions, ...explicit, auto?.useDownstreamProtocolConfig?.httpProtocolOptions];
    return [...names.map(each => each?.headerKeyFormat?.statefulFormatter?.name), tcp];
  };
  const everywhere = ['preserve_case', 'preserve_case', 'preserve_case', 'preserve_case', undefined];
  expect(seen({ defaultConfig: { proxyHeaders } })).toEqual(everywhere);
  expect(seen({}, { PROXY_CONFIG: { proxyHeaders } })).toEqual(everywhere);
  expect(seen({})).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

test('aliases of the trust domain have an order of their own, and CA certificates bring further domains', () => {
  const compiled = at({ trustDomainAliases: ['td2', 'old', 'td2'], caCertificates: [{ pem: 'x', trustDomains: ['far', 'old'] }] }, 'stock-v1.shop');
  const { defaultValidationContext } = chain(compiled, 8080).transportSocket.typedConfig.commonTlsContext.combinedValidationContext;
  expect(defaultValidationContext.matchSubjectAltNames.map(({ prefix }: any) => prefix)).toEqual(['spiffe://cluster.local/', 'spiffe://old/', 'spiffe://td2/', 'spiffe://far/']);
});

test('patterns name the statistics of inbound connections, too', () => {
  const compiled = at({ inboundClusterStatName: '%SERVICE%_%SERVICE_PORT%_%SERVICE_PORT_NAME%' }, 'stock-v1.shop');
  const prefixes = listenerJson(compiled, 'virtualInbound').filterChains
    .flatMap((each: any) => each.filters.filter(({ name }: any) => name === 'envoy.filters.network.tcp_proxy').map((filter: any) => filter.typedConfig.statPrefix));
  expect(prefixes).toEqual(expect.arrayContaining(['BlackHoleCluster', '_0_virtualInbound', 'stock.shop_5432_tcp-db']));
});

test('inspectors look where chains ask: at ports with TLS alone, where the rest has none', () => {
  const policy = (mode: string, ports: object) => JSON.stringify({
    apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication', metadata: { name: 'p', namespace: 'shop' }, spec: { selector: { matchLabels: { app: 'stock' } }, mtls: { mode }, portLevelMtls: ports },
  });
  const predicates = (mode: string, ports: object) => Object.fromEntries(listenerJson(at({}, 'stock-v1.shop', policy(mode, ports)), 'virtualInbound').listenerFilters
    .map(({ name, filterDisabled }: any) => [name.split('.').pop(), filterDisabled]));
  const range = (start: number) => ({ destinationPortRange: { ...(start === 0 ? {} : { start }), end: start + 1 } });
  expect(predicates('DISABLE', { 8080: { mode: 'STRICT' } }).tls_inspector).toEqual({ notMatch: range(8080) });
  expect(predicates('STRICT', { 7070: { mode: 'PERMISSIVE' } }).http_inspector.orMatch.rules[0]).toEqual(range(0));
});

test('a node says how long connections may be idle, and that HTTP/1.0 is welcome', () => {
  const model = buildModel(resourcesOfYaml(SHOP), {});
  const compiled = compile(model, 'stock-v1.shop', { metadata: { IDLE_TIMEOUT: '42s', HTTP10: '1' } });
  const filters = (name: string) => listenerJson(compiled, name).filterChains.flatMap((each: any) => each.filters);
  expect(filters('virtualInbound').filter(({ typedConfig }: any) => typedConfig.idleTimeout === '42s')).not.toHaveLength(0);
  expect(filters('0.0.0.0_8000').find(({ name }: any) => name.endsWith('http_connection_manager')).typedConfig.httpProtocolOptions).toEqual({ acceptHttp10: true });
});
