import { clusterJson, compile, modelOf, resourcesOfYaml, SHOP } from './support';
import { buildModel } from '../../src/model/model';
import type { Model } from '../../src/model/model';

/** Outbound clusters in full, where a combination of fields says more than each of them. */

const resource = (kind: string, metadata: object, spec: object): string => (
  `---\n${JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind, metadata: { namespace: 'shop', ...metadata }, spec })}\n`);
const rule = (spec: object, name = 'stock'): string => resource('DestinationRule', { name }, { host: 'stock.shop.svc.cluster.local', ...spec });
const entry = (spec: object, annotations: Record<string, string> = {}): string => (
  resource('ServiceEntry', { name: 'far', annotations }, { hosts: ['far.example'], ...spec }));

const modelWith = (...more: string[]): Model => modelOf([SHOP, ...more].join(''));
const named = (model: Model, cluster: string, options = {}) => clusterJson(compile(model, 'cart.shop', options), cluster);
const stock = (model: Model, port = 8000, subset = '') => named(model, `outbound|${port}|${subset}|stock.shop.svc.cluster.local`);
const far = (model: Model, port = 80, subset = '') => named(model, `outbound|${port}|${subset}|far.example`);
const HTTP = { number: 80, name: 'http', protocol: 'HTTP' };
const SUBSET = { name: 'v1', labels: { version: 'v1' } };
const labelled = (metadata: string): string => (
  SHOP.replace('kind: Service\nmetadata: { name: stock,', `kind: Service\nmetadata: { ${metadata}, name: stock,`));
const optionsOf = (cluster: any) => {
  const { '@type': type, ...options } = cluster.typedExtensionProtocolOptions?.['envoy.extensions.upstreams.http.v3.HttpProtocolOptions'] ?? {};
  return type === undefined ? undefined : options;
};

describe('balancing', () => {
  test('hashing leaves the warm-up of the default policy where it has no settings of its own', () => {
    const warmup = { duration: '10s' };
    const balanced = (hash: object) => (
      stock(modelWith(rule({ trafficPolicy: { loadBalancer: { consistentHash: { useSourceIp: true, ...hash }, warmup } } }))));
    expect(balanced({ maglev: {} })).toMatchObject({ lbPolicy: 'MAGLEV', leastRequestLbConfig: { slowStartConfig: { slowStartWindow: '10s' } } });
    expect(balanced({ ringHash: {} })).toMatchObject({ lbPolicy: 'RING_HASH', leastRequestLbConfig: {} });
    const sized = balanced({ ringHash: { minimumRingSize: 7 } });
    expect(sized).toMatchObject({ lbPolicy: 'RING_HASH', ringHashLbConfig: { minimumRingSize: '7' } });
    expect(sized.leastRequestLbConfig).toBeUndefined();
  });

  test('PASSTHROUGH of a rule holds for its subsets too, whatever they say', () => {
    const model = modelWith(rule({
      trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } },
      subsets: [{ ...SUBSET, trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } } }],
    }));
    for (const subset of ['', 'v1']) expect(stock(model, 8000, subset)).toMatchObject({ type: 'ORIGINAL_DST', lbPolicy: 'CLUSTER_PROVIDED' });
  });

  test('PASSTHROUGH keeps how the names of a service would be looked up, and gives its addresses up', () => {
    const cluster = far(modelWith(entry({ resolution: 'DNS', ports: [HTTP] }),
      rule({ host: 'far.example', trafficPolicy: { loadBalancer: { simple: 'PASSTHROUGH' } } }, 'far')));
    expect(cluster).toMatchObject({ type: 'ORIGINAL_DST', dnsRefreshRate: '60s', respectDnsTtl: true });
    expect(cluster.loadAssignment).toBeUndefined();
  });

  test('close endpoints are chosen by their health, so no share of them has to be well', () => {
    const healthy = rule({ trafficPolicy: { outlierDetection: { minHealthPercent: 40 } } });
    const close = stock(modelOf(labelled('annotations: { networking.istio.io/traffic-distribution: preferclose }') + healthy));
    expect(close.commonLbConfig).toEqual({ healthyPanicThreshold: {}, localityWeightedLbConfig: {} });
    expect(stock(modelWith(healthy)).commonLbConfig).toEqual({ healthyPanicThreshold: { value: 40 } });
  });
});

describe('names', () => {
  test('whose addresses are raced are one logical name of either family', () => {
    const spec = { resolution: 'DNS', ports: [HTTP] };
    expect(far(modelWith(entry(spec, { 'istio.io/connect-strategy': 'race_first_tcp_connect' }))))
      .toMatchObject({ type: 'LOGICAL_DNS', dnsLookupFamily: 'ALL' });
    expect(far(modelWith(entry(spec)))).toMatchObject({ type: 'STRICT_DNS', dnsLookupFamily: 'V4_ONLY' });
  });

  test('are looked up in the family of the caller', () => {
    const model = modelWith(entry({ resolution: 'DNS', ports: [HTTP] }));
    expect(named(model, 'outbound|80||far.example', { metadata: { INSTANCE_IPS: 'fd00::7' } }).dnsLookupFamily).toBe('V6_ONLY');
  });

  test('a port of its own is dialled for an entry without resolution, and never for a headless Service', () => {
    for (const targetPort of [8080, 80]) {
      const model = modelWith(entry({ resolution: 'NONE', ports: [{ ...HTTP, targetPort }] }));
      expect(far(model).originalDstLbConfig).toEqual({ upstreamPortOverride: targetPort });
    }
    const headless = stock(modelOf(SHOP.replace('clusterIP: 10.96.1.2', 'clusterIP: None')));
    expect([headless.type, headless.originalDstLbConfig]).toEqual(['ORIGINAL_DST', undefined]);
  });
});

describe('connections', () => {
  test('a rule upgrades any port, except where the caller decides', () => {
    const upgraded = modelWith(rule({ trafficPolicy: { connectionPool: { http: { h2UpgradePolicy: 'UPGRADE', maxConcurrentStreams: 5 } } } }));
    const commonHttpProtocolOptions = {};
    expect(optionsOf(stock(upgraded, 5432)))
      .toEqual({ commonHttpProtocolOptions, explicitHttpConfig: { http2ProtocolOptions: { maxConcurrentStreams: 5 } } });
    expect(optionsOf(stock(upgraded, 9000)))
      .toEqual({ commonHttpProtocolOptions, useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} } });
  });

  test('where a port has an entry, nothing is left of what the rule says of all', () => {
    const portLevelSettings = [{ port: { number: 8000 }, tls: { mode: 'DISABLE' } }];
    const cluster = stock(modelWith(rule({ trafficPolicy: { proxyProtocol: { version: 'V2' }, retryBudget: { percent: 10 }, portLevelSettings } })));
    expect([cluster.transportSocket, cluster.circuitBreakers.thresholds[0].retryBudget]).toEqual([undefined, undefined]);
  });

  test('keepalive of zero probes is none, and so are no concurrent retries', () => {
    const connectionPool = { tcp: { tcpKeepalive: { probes: 0, time: '9s' } } };
    const cluster = stock(modelWith(rule({ trafficPolicy: { connectionPool, retryBudget: { minRetryConcurrency: 0 } } })));
    expect(cluster.upstreamConnectionOptions).toEqual({ tcpKeepalive: { keepaliveTime: 9 } });
    expect(cluster.circuitBreakers.thresholds[0].retryBudget).toEqual({ budgetPercent: { value: 20 }, minRetryConcurrency: 3 });
  });

  test('the mesh keeps connections alive that nobody declared, too', () => {
    const defaultTrafficPolicy = { connectionPool: { tcp: { connectTimeout: '3s' } } };
    const model = buildModel(resourcesOfYaml(SHOP), { meshConfig: { tcpKeepalive: { time: '10s' }, defaultTrafficPolicy } });
    for (const name of ['PassthroughCluster', 'InboundPassthroughCluster']) {
      expect(named(model, name)).toMatchObject({ upstreamConnectionOptions: { tcpKeepalive: { keepaliveTime: 10 } }, connectTimeout: '3s' });
    }
  });

  test('to the application come from an address of each family the Pod has', () => {
    const bind = (ips: string) => named(modelWith(), 'InboundPassthroughCluster', { metadata: { INSTANCE_IPS: ips } }).upstreamBindConfig;
    const v6 = { address: '::6', portValue: 0 };
    expect(bind('10.1.0.1')).toEqual({ sourceAddress: { address: '127.0.0.6', portValue: 0 } });
    expect(bind('fd00::1')).toEqual({ sourceAddress: v6 });
    expect(bind('10.1.0.1,fd00::1')).toEqual({ sourceAddress: { address: '127.0.0.6', portValue: 0 }, extraSourceAddresses: [{ address: v6 }] });
  });

  test('sessions outlive the endpoint that began them, in the cluster of all endpoints', () => {
    const model = modelOf(labelled('labels: { istio.io/persistent-session: c }') + rule({ subsets: [SUBSET] }));
    expect(stock(model).commonLbConfig.overrideHostStatus).toEqual({ statuses: ['HEALTHY', 'DRAINING', 'UNKNOWN', 'DEGRADED'] });
    expect(stock(model, 8000, 'v1').commonLbConfig.overrideHostStatus).toBeUndefined();
  });

  test('own failures are counted apart only if their number is given', () => {
    const outlierDetection = { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 0 };
    expect(stock(modelWith(rule({ trafficPolicy: { outlierDetection } }))).outlierDetection)
      .toEqual({ enforcingSuccessRate: 0, splitExternalLocalOriginErrors: true, enforcingLocalOriginSuccessRate: 0 });
  });
});

describe('TLS', () => {
  test('with a Secret is for the workloads that a rule selects; a ConfigMap serves all', () => {
    const socket = (credentialName: string, more: object = {}) => {
      const cluster = stock(modelWith(rule({ ...more, trafficPolicy: { tls: { mode: 'SIMPLE', credentialName, sni: 'a.example' } } })));
      return cluster.transportSocket?.typedConfig.commonTlsContext.combinedValidationContext.validationContextSdsSecretConfig.name;
    };
    expect(socket('far')).toBeUndefined();
    expect(socket('far', { workloadSelector: { matchLabels: { app: 'cart' } } })).toBe('kubernetes://far-cacert');
    expect(socket('configmap://shop/far')).toBe('configmap://shop/far-cacert');
  });

  test('the names of an entry do not keep the certificate from being checked for the request\'s host', () => {
    const cluster = far(modelWith(entry({ resolution: 'DNS', subjectAltNames: ['san.example'], ports: [HTTP] }),
      rule({ host: 'far.example', trafficPolicy: { tls: { mode: 'SIMPLE' } } }, 'far')));
    expect(optionsOf(cluster).upstreamHttpProtocolOptions).toEqual({ autoSni: true, autoSanValidation: true });
    const { combinedValidationContext } = cluster.transportSocket.typedConfig.commonTlsContext;
    expect(combinedValidationContext.defaultValidationContext).toEqual({ matchSubjectAltNames: [{ exact: 'san.example' }] });
  });

  test('only the cluster of all endpoints says that a service is outside', () => {
    const model = modelWith(entry({ resolution: 'STATIC', endpoints: [{ address: '192.0.2.1', labels: { version: 'v1' } }], ports: [HTTP] }),
      rule({ host: 'far.example', subsets: [SUBSET] }, 'far'));
    const external = (subset: string) => far(model, 80, subset).metadata.filterMetadata.istio.external;
    expect([external(''), external('v1')]).toEqual([true, undefined]);
  });
});

describe('Sidecars', () => {
  const PODS = { number: 8080, name: 'http', protocol: 'HTTP' };
  const bound = (defaultEndpoint: string, ips: string) => {
    const model = modelWith(resource('Sidecar', { name: 'own' }, { ingress: [{ port: PODS, defaultEndpoint }] }));
    const cluster = named(model, 'inbound|8080||', { metadata: { INSTANCE_IPS: ips } });
    const [{ endpoint }] = cluster.loadAssignment.endpoints[0].lbEndpoints;
    return [endpoint.address.socketAddress.address, cluster.upstreamBindConfig?.sourceAddress.address];
  };

  test('lead to the application in a family that the Pod has', () => {
    expect(bound('[::1]:7000', '10.1.0.1')).toEqual(['127.0.0.1', undefined]);
    expect(bound('127.0.0.1:7000', 'fd00::1')).toEqual(['::1', undefined]);
    expect(bound('[::]:7000', '10.1.0.1')).toEqual(['::1', undefined]);
    expect(bound('[::]:7000', 'fd00::1')).toEqual(['fd00::1', '::6']);
    expect(bound('0.0.0.0:7000', 'fd00::1,10.1.0.1')).toEqual(['10.1.0.1', '127.0.0.6']);
  });

  test('that exclude a host from no namespace exclude it from all', () => {
    const seen = (...hosts: string[]) => compile(modelWith(resource('Sidecar', { name: 'own' }, { egress: [{ hosts }] })), 'cart.shop').clusters
      .flatMap(({ name }) => (name.startsWith('outbound|8000') ? [name.split('|')[3].split('.')[0]] : [])).sort();
    const host = 'stock.shop.svc.cluster.local';
    expect([seen('*/*'), seen('*/*', `~/${host}`), seen('~/*', `shop/${host}`)]).toEqual([['cart', 'stock'], ['cart'], []]);
  });
});

describe('rules', () => {
  const detected = (model: Model, workload = 'cart.shop') => (
    clusterJson(compile(model, workload), 'outbound|8000||stock.shop.svc.cluster.local').outlierDetection?.maxEjectionPercent);
  const ejecting = (maxEjectionPercent: number) => ({ outlierDetection: { maxEjectionPercent } });

  test('that more namespaces see joins the one that fewer do', () => {
    const model = modelWith(
      rule({ exportTo: ['shop'], trafficPolicy: ejecting(10) }, 'a'),
      rule({ exportTo: ['shop', 'other'], trafficPolicy: ejecting(20), subsets: [SUBSET] }, 'b'));
    expect(detected(model)).toBe(10);
    expect(stock(model, 8000, 'v1').outlierDetection.maxEjectionPercent).toBe(10);
  });

  test('for selected workloads do not reach what arrives', () => {
    const connectionPool = { tcp: { maxConnections: 3 } };
    const workloadSelector = { matchLabels: { app: 'cart' } };
    const model = modelWith(rule({ host: 'cart.shop.svc.cluster.local', workloadSelector, trafficPolicy: { connectionPool } }));
    const limits = (name: string) => named(model, name).circuitBreakers.thresholds[0].maxConnections;
    expect([limits('outbound|8000||cart.shop.svc.cluster.local'), limits('inbound|8080||')]).toEqual([3, 4294967295]);
  });

  test('keep to themselves where MeshConfig says so, for no other default', () => {
    const seen = (defaultDestinationRuleExportTo: string[]) => {
      const model = buildModel(resourcesOfYaml(SHOP, rule({ trafficPolicy: ejecting(10) }).slice(4), `
apiVersion: apps/v1
kind: Deployment
metadata: { name: caller, namespace: far }
spec: { template: { metadata: { labels: { app: caller } }, spec: { containers: [{ name: app, image: x }] } } }
`), { meshConfig: { defaultDestinationRuleExportTo } });
      return detected(model, 'caller.far');
    };
    expect([seen(['.']), seen(['shop']), seen([])]).toEqual([undefined, 10, 10]);
  });
});

describe('what arrives', () => {
  const OWN = 'cart.shop.svc.cluster.local';
  const three = { connectionPool: { tcp: { maxConnections: 3 } } };
  const arriving = (model: Model) => named(model, 'inbound|8080||');
  const limit = (model: Model): number => arriving(model).circuitBreakers.thresholds[0].maxConnections;
  const meta = 'metadata: { name: cart, namespace: shop';
  const hidden = SHOP.replace(meta, `${meta}, annotations: { networking.istio.io/exportTo: other }`);

  test('at a port of a Sidecar resource has the limits of its service\'s rule, unless the resource has some', () => {
    const ingress = { port: { number: 8080, protocol: 'HTTP', name: 'in' }, defaultEndpoint: '127.0.0.1:8080' };
    const sidecar = (more: object) => resource('Sidecar', { name: 'own' }, { ingress: [{ ...ingress, ...more }] });
    const own = rule({ host: OWN, trafficPolicy: three });
    const five = { connectionPool: { tcp: { maxConnections: 5 } } };
    expect([limit(modelWith(own)), limit(modelWith(own, sidecar({}))), limit(modelWith(own, sidecar(five)))]).toEqual([3, 3, 5]);
    expect(arriving(modelWith(own, sidecar({}))).metadata.filterMetadata.istio.config).toContain('/destination-rule/stock');
  });

  test('has no rule where the workload does not see its own service', () => {
    expect(limit(modelOf(hidden + rule({ host: OWN, trafficPolicy: three })))).toBe(4294967295);
  });

  test('is sent by rules even to a service that its namespace exports to others alone', () => {
    const routes = resource('VirtualService', { name: 'all' }, { hosts: ['stock'], http: [{ route: [{ destination: { host: 'cart' } }] }] });
    const sidecar = resource('Sidecar', { name: 'own' }, { egress: [{ hosts: ['./stock.shop.svc.cluster.local'] }] });
    const clusters = (...more: string[]) => compile(modelOf([hidden, ...more].join('')), 'cart.shop').clusters.map(({ name }) => name);
    expect(clusters()).not.toContain(`outbound|8000||${OWN}`);
    expect(clusters(routes)).toContain(`outbound|8000||${OWN}`);
    expect(clusters(routes, sidecar)).toContain(`outbound|8000||${OWN}`);
  });
});
