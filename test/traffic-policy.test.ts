import { Duration, Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import {
  ClientTls, ConnectionPool, HashOn, LoadBalancing, Locality, Mesh, MeshPort, MeshRequest, MeshService, MeshTesting, type OutlierDetection,
  RouteTarget, type TrafficPolicyProps,
} from '../src';
import { all, failures, only } from './support/synth';

function service(traffic: TrafficPolicyProps, port?: TrafficPolicyProps, version?: TrafficPolicyProps) {
  const chart = Testing.chart();
  const a = new MeshService(chart, 'a', { ports: [MeshPort.http(80, { traffic: port }), MeshPort.tcp(90)], traffic });
  if (version !== undefined) a.addVersion('v1', { containers: [{ image: 'a' }], traffic: version });
  return chart;
}
const rule = (traffic: TrafficPolicyProps, port?: TrafficPolicyProps, version?: TrafficPolicyProps) => only(service(traffic, port, version), 'DestinationRule').spec;
const policy = (traffic: TrafficPolicyProps) => rule(traffic).trafficPolicy;

describe('load balancing', () => {
  test.each<[string, LoadBalancing, object]>([
    ['least request', LoadBalancing.leastRequest(), { simple: 'LEAST_REQUEST' }],
    ['round robin', LoadBalancing.roundRobin(), { simple: 'ROUND_ROBIN' }],
    ['random', LoadBalancing.random(), { simple: 'RANDOM' }],
    ['passthrough', LoadBalancing.passthrough(), { simple: 'PASSTHROUGH' }],
    ['warm-up', LoadBalancing.roundRobin({ warmup: { duration: Duration.seconds(30), minimumPercent: 1, aggression: 1.5 } }),
      { simple: 'ROUND_ROBIN', warmup: { duration: '30s', minimumPercent: 1, aggression: 1.5 } }],
    ['hash of a header', LoadBalancing.consistentHash(HashOn.header('X-User')), { consistentHash: { httpHeaderName: 'x-user' } }],
    ['hash of a cookie that lives a while', LoadBalancing.consistentHash(HashOn.cookie('u', { ttl: Duration.hours(1), path: '/' }), { minimumRingSize: 1 }),
      { consistentHash: { httpCookie: { name: 'u', ttl: '3600s', path: '/' }, ringHash: { minimumRingSize: 1 } } }],
    ['hash of a cookie of the session', LoadBalancing.consistentHash(HashOn.cookie('u', { ttl: Duration.seconds(0) })), { consistentHash: { httpCookie: { name: 'u', ttl: '0s' } } }],
    ['hash of the address', LoadBalancing.maglev(HashOn.sourceIp(), { tableSize: 65537 }), { consistentHash: { useSourceIp: true, maglev: { tableSize: 65537 } } }],
    ['hash of the query', LoadBalancing.maglev(HashOn.queryParameter('q')), { consistentHash: { httpQueryParameterName: 'q', maglev: {} } }],
  ])('%s', (_case, loadBalancing, expected) => {
    expect(rule({ loadBalancing })).toEqual({ host: 'a', trafficPolicy: { loadBalancer: expected } });
  });

  test.each([1, 8388608])('takes a ring of %d', (minimumRingSize) => {
    const loadBalancing = LoadBalancing.consistentHash(HashOn.sourceIp(), { minimumRingSize });
    expect(policy({ loadBalancing }).loadBalancer.consistentHash.ringHash).toEqual({ minimumRingSize });
  });

  test.each([0, 8388609])('rejects a ring of %d', (minimumRingSize) => {
    expect(() => LoadBalancing.consistentHash(HashOn.sourceIp(), { minimumRingSize })).toThrow(new Error(
      `MESH_LIMIT_INVALID: minimumRingSize must be a whole number from 1 to 8388608, got ${minimumRingSize}; choose one in that range`));
  });

  test.each([2, 4999999])('takes a table of %d', (tableSize) => {
    expect(() => LoadBalancing.maglev(HashOn.sourceIp(), { tableSize })).not.toThrow();
  });

  test.each([1, 4, 5000011])('rejects a table of %d', (tableSize) => {
    expect(() => LoadBalancing.maglev(HashOn.sourceIp(), { tableSize })).toThrow(new Error(`MESH_LIMIT_INVALID: tableSize must be a prime number below 5000011, got ${tableSize}; choose one, e.g. 65537`));
  });

  test.each([0, 101])('rejects a warm-up from %d percent', (minimumPercent) => {
    expect(() => LoadBalancing.leastRequest({ warmup: { duration: Duration.seconds(1), minimumPercent } })).toThrow(new Error(
      `MESH_LIMIT_INVALID: minimumPercent must be a whole number from 1 to 100, got ${minimumPercent}; choose one in that range`));
  });

  test('simulated: the policy is the one that callers use', () => {
    const chart = service({ loadBalancing: LoadBalancing.maglev(HashOn.header('x-user')) }, undefined, {});
    const { targets } = MeshTesting.of(chart).send(MeshRequest.get('http://a:80/').header('x-user', 'jason'), { fromName: 'a-v1' }).toJson();
    expect(targets[0].loadBalancing.policy).toBe('MAGLEV');
  });
});

describe('connection pool', () => {
  test('all limits', () => {
    const http = ConnectionPool.http({
      http1MaxPendingRequests: 1,
      http2MaxRequests: 2,
      maxRequestsPerConnection: 3,
      maxRetries: 4,
      maxConcurrentStreams: 5,
      idleTimeout: Duration.seconds(55),
      h2Upgrade: false,
      useClientProtocol: false,
      tcp: { maxConnections: 6, connectTimeout: Duration.millis(1), maxConnectionDuration: Duration.hours(1), idleTimeout: Duration.seconds(0) },
    });
    expect(policy({ connectionPool: http })).toEqual({
      connectionPool: {
        http: {
          http1MaxPendingRequests: 1,
          http2MaxRequests: 2,
          maxRequestsPerConnection: 3,
          maxRetries: 4,
          maxConcurrentStreams: 5,
          idleTimeout: '55s',
          h2UpgradePolicy: 'DO_NOT_UPGRADE',
          useClientProtocol: false,
        },
        tcp: { maxConnections: 6, connectTimeout: '0.001s', maxConnectionDuration: '3600s', idleTimeout: '0s' },
      },
    });
    expect(policy({ connectionPool: ConnectionPool.tcp({ maxConnections: 100 }) })).toEqual({ connectionPool: { tcp: { maxConnections: 100 } } });
  });

  test.each([1, 2147483647])('takes %d connections', (maxConnections) => {
    expect(() => ConnectionPool.tcp({ maxConnections })).not.toThrow();
  });

  test.each<[string, () => unknown, string]>([
    ['0, which would be no limit', () => ConnectionPool.http({ http1MaxPendingRequests: 0 }), 'MESH_LIMIT_INVALID: http1MaxPendingRequests must be at least 1, got 0, which Istio takes for no limit; leave it away for none'],
    ['more than Istio has', () => ConnectionPool.tcp({ maxConnections: 2147483648 }), 'MESH_LIMIT_INVALID: maxConnections must be a whole number from 1 to 2147483647, got 2147483648; choose one in that range'],
    ['nothing', () => ConnectionPool.http({ tcp: {} }), 'MESH_POLICY_EMPTY: a connection pool must have at least one limit, got none; set one, or leave the pool away'],
    ['two protocols', () => ConnectionPool.http({ h2Upgrade: true, useClientProtocol: true }), 'MESH_FIELD_EXCLUSIVE: h2Upgrade and useClientProtocol must not both be true, got both; choose one of them'],
    ['no time at all', () => ConnectionPool.tcp({ connectTimeout: Duration.millis(0) }), 'MESH_DURATION_INVALID: connectTimeout must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});

describe('outlier detection', () => {
  const locality = Locality.ignored();

  test('zeros are kept: they switch off', () => {
    const outlierDetection: OutlierDetection = {
      consecutive5xxErrors: 0,
      consecutiveGatewayErrors: 0,
      consecutiveLocalOriginFailures: 1,
      interval: Duration.millis(1),
      baseEjectionTime: Duration.seconds(30),
      maxEjectionPercent: 100,
      minHealthPercent: 0,
    };
    expect(policy({ outlierDetection, locality })).toEqual({
      loadBalancer: { localityLbSetting: { enabled: false } },
      outlierDetection: {
        consecutive5xxErrors: 0,
        consecutiveGatewayErrors: 0,
        splitExternalLocalOriginErrors: true,
        consecutiveLocalOriginFailures: 1,
        interval: '0.001s',
        baseEjectionTime: '30s',
        maxEjectionPercent: 100,
        minHealthPercent: 0,
      },
    });
  });

  test('asks what locality is to mean', () => {
    expect(() => service({ outlierDetection: {} })).toThrow(new Error('[test/a] MESH_LOCALITY_UNDECIDED: outlierDetection of traffic needs a choice of locality, got none: Istio would prefer near endpoints from now on; set locality to Locality.ignored(), Locality.nearestFirst() or another'));
    expect(() => service({}, { outlierDetection: {} })).toThrow('[test/a] MESH_LOCALITY_UNDECIDED: outlierDetection of port 80 needs a choice');
    expect(() => service({}, undefined, { outlierDetection: {} })).toThrow('[test/a/v1] MESH_LOCALITY_UNDECIDED: outlierDetection of traffic needs a choice');
    const one = { outlierDetection: { maxEjectionPercent: 1 } };
    expect(() => service({ outlierDetection: {}, locality }, one, { outlierDetection: {} })).not.toThrow();
  });

  test.each([[{ maxEjectionPercent: 101 }, 'MESH_LIMIT_INVALID: maxEjectionPercent must be a whole number from 1 to 100, got 101; choose one in that range'],
    [{ maxEjectionPercent: 0 }, 'MESH_LIMIT_INVALID: maxEjectionPercent must be at least 1, got 0, which Istio takes for its default; leave outlierDetection away for none'],
    [{ minHealthPercent: -1 }, 'MESH_LIMIT_INVALID: minHealthPercent must be a whole number from 0 to 100, got -1; choose one in that range'],
    [{ consecutive5xxErrors: 0.5 }, 'MESH_LIMIT_INVALID: consecutive5xxErrors must be a whole number from 0 to 4294967295, got 0.5; choose one in that range']])('rejects %j', (outlierDetection, message) => {
    expect(() => service({ outlierDetection, locality })).toThrow(new Error(`[test/a] ${message}`));
  });
});

describe('locality', () => {
  const outlierDetection: OutlierDetection = {};

  test.each<[string, Locality, object]>([
    ['nearest first', Locality.nearestFirst(), { enabled: true }],
    ['failover', Locality.failover([{ from: 'us-east', to: 'us-west' }]), { enabled: true, failover: [{ from: 'us-east', to: 'us-west' }] }],
    ['priority', Locality.failoverPriority(['topology.istio.io/network']), { enabled: true, failoverPriority: ['topology.istio.io/network'] }],
    ['shares', Locality.distribute([{ from: 'us/*', to: { 'us/a': 99, 'us/b/*': 1 } }]), { enabled: true, distribute: [{ from: 'us/*', to: { 'us/a': 99, 'us/b/*': 1 } }] }],
  ])('%s', (_case, locality, localityLbSetting) => {
    expect(policy({ outlierDetection, locality }).loadBalancer).toEqual({ localityLbSetting });
  });

  test('a failover that Istio would never do is refused, shares are not', () => {
    expect(() => service({ locality: Locality.nearestFirst() })).toThrow(new Error('[test/a] MESH_LOCALITY_UNDECIDED: locality of traffic needs outlierDetection, got none: without it Istio never fails over; set outlierDetection, or Locality.distribute()'));
    expect(() => service({ locality: Locality.distribute([{ from: '*', to: { us: 100 } }]) })).not.toThrow();
  });

  test.each<[string, () => unknown, string]>([
    ['a failover to itself', () => Locality.failover([{ from: 'a', to: 'a' }]), 'a failover must lead from one region to another, got "a" to "a"; name two regions'],
    ['no failover', () => Locality.failover([]), 'a failover must lead from one region to another, got []; name two regions'],
    ['a zone', () => Locality.failover([{ from: 'a/b', to: 'c' }]), 'a failover must lead from one region to another, got "a/b" to "c"; name two regions'],
    ['99 percent', () => Locality.distribute([{ from: 'a', to: { b: 99 } }]), 'the shares from "a" must add up to 100, got 99; change them'],
    ['0 percent', () => Locality.distribute([{ from: 'a', to: { b: 0, c: 100 } }]), 'each share from "a" must be a whole number from 1 to 100, got 0; choose one in that range'],
    ['places that overlap', () => Locality.distribute([{ from: 'a', to: { 'b/*': 50, 'b/c': 50 } }]), 'places must not overlap, got "b/c" within another of b/*, b/c; leave one of the two away'],
    ['a star in the middle', () => Locality.distribute([{ from: 'a/*/c', to: { b: 100 } }]), 'a place must be region, region/zone or region/zone/subzone, with "*" only at its end, got "a/*/c"; write one of those'],
    ['no label', () => Locality.failoverPriority([]), 'failoverPriority must have at least one label, got []; name labels, e.g. topology.kubernetes.io/region'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(`MESH_LOCALITY_INVALID: ${message}`));
  });
});

describe('TLS', () => {
  const secret = kplus.Secret.fromSecretName(Testing.chart(), 's', 'client-cert');
  test.each<[string, ClientTls, object]>([
    ['none', ClientTls.disable(), { mode: 'DISABLE' }],
    ['Istio\'s own', ClientTls.istioMutual(), { mode: 'ISTIO_MUTUAL' }],
    ['simple', ClientTls.simple({ sni: 'a.example', subjectAltNames: ['a.example'], caCertificates: '/ca.pem' }), { mode: 'SIMPLE', sni: 'a.example', subjectAltNames: ['a.example'], caCertificates: '/ca.pem' }],
    ['mutual', ClientTls.mutual({ clientCertificate: '/c.pem', privateKey: '/k.pem' }), { mode: 'MUTUAL', clientCertificate: '/c.pem', privateKey: '/k.pem' }],
    ['mutual from a Secret', ClientTls.mutualFromSecret(secret), { mode: 'MUTUAL', credentialName: 'client-cert' }],
  ])('%s', (_case, tls, expected) => {
    expect(policy({ tls })).toEqual({ tls: expected });
  });

  test.each<[string, () => unknown, string]>([
    ['no file', () => ClientTls.mutual({ clientCertificate: '', privateKey: '/k.pem' }), 'MESH_TLS_INVALID: ClientTls.mutual() needs the files clientCertificate and privateKey, got ""; name both files'],
    ['authorities beside a Secret', () => ClientTls.mutualFromSecret(secret, { caCertificates: '/ca.pem' }), 'MESH_TLS_INVALID: caCertificates must not be given beside a Secret, got "/ca.pem"; put the authorities under ca.crt of the Secret'],
    ['an SNI that is no name', () => ClientTls.simple({ sni: 'a b' }), 'MESH_HOST_INVALID: a host must be a DNS name, "*." and a DNS name, or "*", got "a b"; write one of those'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});

describe('retry budget', () => {
  test('zeros are kept', () => {
    expect(policy({ retryBudget: { percent: 0, minRetryConcurrency: 0 } })).toEqual({ retryBudget: { percent: 0, minRetryConcurrency: 0 } });
  });

  test.each<[string, () => unknown, string]>([
    ['less than nothing', () => service({ retryBudget: { percent: -1 } }), '[test/a] MESH_PERCENT_INVALID: percent of retryBudget must be from 0 to 100, got -1; choose a share in that range'],
    ['more than all', () => service({ retryBudget: { percent: 100.5 } }), '[test/a] MESH_PERCENT_INVALID: percent of retryBudget must be from 0 to 100, got 100.5; choose a share in that range'],
    ['a port', () => service({}, { retryBudget: {} }), '[test/a] MESH_FIELD_UNSUPPORTED: a port must have no retryBudget, which Istio has only for services and versions, got one on port 80; set it on the service'],
    ['one beside maxRetries', () => service({ retryBudget: {}, connectionPool: ConnectionPool.http({ maxRetries: 1 }) }), '[test/a] MESH_FIELD_EXCLUSIVE: retryBudget of traffic must not stand beside maxRetries of its connectionPool, got both: Envoy ignores maxRetries then; leave one of them away'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});

describe('service, port and version', () => {
  const pool = (maxConnections: number) => ConnectionPool.tcp({ maxConnections });
  const random = { simple: 'RANDOM' };

  test('a port has what it does not set from its service, which Istio itself would forget', () => {
    expect(rule({ loadBalancing: LoadBalancing.random() }, { connectionPool: pool(1) }).trafficPolicy).toEqual({
      loadBalancer: random, portLevelSettings: [{ port: { number: 80 }, loadBalancer: random, connectionPool: { tcp: { maxConnections: 1 } } }],
    });
  });

  test('a version replaces what it sets, in whole blocks, for a port with a policy too', () => {
    const service2 = { loadBalancing: LoadBalancing.random(), connectionPool: pool(1) };
    expect(rule(service2, undefined, { locality: Locality.ignored() }).subsets).toEqual([
      { name: 'v1', labels: { version: 'v1' }, trafficPolicy: { loadBalancer: { ...random, localityLbSetting: { enabled: false } } } },
    ]);
    expect(rule(service2, { connectionPool: pool(2) }, { loadBalancing: LoadBalancing.roundRobin() }).subsets[0].trafficPolicy).toEqual({
      loadBalancer: { simple: 'ROUND_ROBIN' },
      portLevelSettings: [{ port: { number: 80 }, loadBalancer: { simple: 'ROUND_ROBIN' }, connectionPool: { tcp: { maxConnections: 2 } } }],
    });
  });

  test('simulated: each version has its own policy', () => {
    const chart = Testing.chart();
    const a = new MeshService(chart, 'a', { ports: [MeshPort.http(80, { traffic: { loadBalancing: LoadBalancing.random() } })] });
    const v1 = a.addVersion('v1', { containers: [{ image: 'a' }] });
    const v2 = a.addVersion('v2', { containers: [{ image: 'a' }], traffic: { loadBalancing: LoadBalancing.roundRobin() } });
    a.addRoute('all', { targets: [RouteTarget.to(v1, { weight: 50 }), RouteTarget.to(v2, { weight: 50 })] });
    new Mesh(chart, 'mesh');
    const { targets } = MeshTesting.of(chart).send(MeshRequest.get('http://a:80/'), { from: a }).toJson();
    expect(targets.map(({ subset, loadBalancing }: any) => [subset, loadBalancing.policy])).toEqual([['v1', 'RANDOM'], ['v2', 'ROUND_ROBIN']]);
    expect(failures(chart)).toEqual([]);
    expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
  });
});

test('an empty policy is none: Istio refuses it', () => {
  expect(all(service({}, {}), 'DestinationRule')).toEqual([]);
});
