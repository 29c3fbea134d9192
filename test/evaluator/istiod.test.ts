import { golden, goldenAt } from './golden';
import { lowest, request } from './request';
import { clusterOutcome, decide, distribution, matchFilterChain, matchListener, matchRoute, prepare, type Connection, type HttpTerminal, type TraceEvent } from '../../src/evaluator';

const REVIEWS = 'reviews.default.svc.cluster.local';
const run = (name: string, body: () => void) => (goldenAt ? test(name, body) : test.skip(`not run: no reference output of istiod | ${name}`, body));
const dialled = (address: string, port: number): Connection => ({ address, port, transport: 'raw_buffer', http: 'http/1.1' });

function route(scenario: string, url: string, headers: Record<string, string> = {}, proxyName = 'productpage-v1', to = dialled('10.96.1.3', 9080)) {
  const proxy = prepare(golden(scenario, proxyName));
  const listener = matchListener(proxy.listeners, to, 'outbound')!;
  const chain = matchFilterChain(listener, to)!;
  const facts = request(url, headers);
  const rule = matchRoute(proxy.routesOf(chain.terminal as HttpTerminal)!, facts);
  return { proxy, listener, chain, rule, decision: rule && decide(rule, facts, lowest) };
}

run('jason goes to v2, others to v1', () => {
  const jason = route('sample-virtual-service-reviews-test-v2', 'http://reviews:9080/reviews/0', { 'end-user': 'jason' });
  expect(jason.listener.name).toBe('0.0.0.0_9080');
  expect(jason.decision).toMatchObject({ kind: 'forward', cluster: `outbound|9080|v2|${REVIEWS}`, timeoutMs: 0, virtualHost: `${REVIEWS}:9080` });
  const bob = route('sample-virtual-service-reviews-test-v2', 'http://reviews:9080/reviews/0', { 'end-user': 'bob' });
  expect(bob.decision).toMatchObject({ kind: 'forward', cluster: `outbound|9080|v1|${REVIEWS}` });
});

run('weights come out exactly', () => {
  const { rule } = route('sample-virtual-service-reviews-90-10', 'http://reviews:9080/');
  expect(distribution(rule!)).toEqual([{ cluster: `outbound|9080|v1|${REVIEWS}`, percent: 90 }, { cluster: `outbound|9080|v2|${REVIEWS}`, percent: 10 }]);
});

run('faults for jason only', () => {
  const at = dialled('10.96.1.2', 9080);
  const abort = route('sample-virtual-service-ratings-test-abort', 'http://ratings:9080/ratings/0', { 'end-user': 'jason' }, 'reviews-v1', at);
  expect(abort.decision).toMatchObject({ kind: 'answer', status: 500, flag: 'FI', body: 'fault filter abort', delayMs: 0 });
  const delay = route('sample-virtual-service-ratings-test-delay', 'http://ratings:9080/ratings/0', { 'end-user': 'jason' }, 'reviews-v1', at);
  expect(delay.decision).toMatchObject({ kind: 'forward', delayMs: 7000 });
  const bob = route('sample-virtual-service-ratings-test-delay', 'http://ratings:9080/ratings/0', {}, 'reviews-v1', at);
  expect(bob.decision).toMatchObject({ kind: 'forward', delayMs: 0 });
});

run('a destination of nobody passes through', () => {
  const { listener, decision, proxy } = route('base', 'http://example.org/', {}, 'productpage-v1', dialled('93.184.216.34', 80));
  expect(listener.name).toBe('0.0.0.0_80');
  expect(decision).toMatchObject({ cluster: 'PassthroughCluster', virtualHost: 'allow_any' });
  expect(clusterOutcome(proxy, 'PassthroughCluster').kind).toBe('original-destination');
  const tls = matchListener(proxy.listeners, { address: '93.184.216.34', port: 8443, transport: 'tls' }, 'outbound')!;
  expect(tls.name).toBe('virtualOutbound');
  expect(matchFilterChain(tls, { address: '93.184.216.34', port: 8443, transport: 'tls' })!.name).toBe('virtualOutbound-catchall-tcp');
});

run('inbound chains by port, transport and protocol', () => {
  const proxy = prepare(golden('base', 'reviews-v1'));
  const chainOf = (connection: Connection) => {
    const listener = matchListener(proxy.listeners, connection, 'inbound')!;
    return `${listener.name} ${matchFilterChain(listener, connection)!.name}`;
  };
  expect(chainOf(dialled('10.0.0.9', 9080))).toBe('virtualInbound 0.0.0.0_9080');
  expect(chainOf(dialled('10.0.0.9', 1234))).toBe('virtualInbound virtualInbound-catchall-http');
  expect(chainOf({ address: '10.0.0.9', port: 1234, transport: 'raw_buffer' })).toBe('virtualInbound virtualInbound');
  expect(chainOf(dialled('10.0.0.9', 15006))).toBe('virtualInbound virtualInbound-blackhole');
  const mtls: Connection = { address: '10.0.0.9', port: 9080, transport: 'tls', alpn: ['istio-http/1.1', 'istio', 'http/1.1'] };
  const listener = matchListener(proxy.listeners, mtls, 'inbound')!;
  expect(matchFilterChain(listener, mtls)!.terminatesTls).toBe(true);
  // A port of a service is taken even where none of its chains fits.
  expect(matchFilterChain(listener, { ...mtls, alpn: ['h2'] })).toBeUndefined();
});

run('endpoints of a subset, and none', () => {
  const proxy = prepare(golden('sample-destination-rule-all', 'productpage-v1'));
  const v2 = clusterOutcome(proxy, `outbound|9080|v2|${REVIEWS}`);
  expect(v2.kind === 'endpoints' && v2.cluster.shares.map(({ host, percent }) => [host.port, percent])).toEqual([[9080, 100]]);
  expect(clusterOutcome(proxy, 'outbound|9080|v9|nobody')).toMatchObject({ kind: 'failed', status: 503, flag: 'NC' });
  expect(clusterOutcome(proxy, 'outbound|9080|v2-mysql|ratings.default.svc.cluster.local')).toMatchObject({ kind: 'failed', status: 503, flag: 'UH' });
});

run('the gateway answers 404 for what nobody serves', () => {
  const at = dialled('0.0.0.0', 8080);
  const known = route('sample-bookinfo-gateway', 'http://bookinfo.com/productpage', {}, 'istio-ingressgateway', at);
  expect(known.decision).toMatchObject({ kind: 'forward', cluster: 'outbound|9080||productpage.default.svc.cluster.local' });
  expect(route('sample-bookinfo-gateway', 'http://bookinfo.com/nothing', {}, 'istio-ingressgateway', at).rule).toBeUndefined();
});

run('the trace tells why each rule lost', () => {
  const proxy = prepare(golden('sample-virtual-service-reviews-test-v2', 'productpage-v1'));
  const events: TraceEvent[] = [];
  const to = dialled('10.96.1.3', 9080);
  const chain = matchFilterChain(matchListener(proxy.listeners, to, 'outbound', events.push.bind(events))!, to)!;
  matchRoute(proxy.routesOf(chain.terminal as HttpTerminal)!, request('http://reviews:9080/', { 'end-user': 'bob' }), events.push.bind(events));
  const source = '/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews';
  expect(events).toEqual([
    { step: 'listener', name: '10.96.1.3:9080', outcome: 'failed', because: 'no listener for 10.96.1.3:9080' },
    { step: 'listener', name: '0.0.0.0_9080', outcome: 'chosen', because: 'listens for 0.0.0.0:9080' },
    {
      step: 'virtualHost',
      name: `${REVIEWS}:9080`,
      outcome: 'chosen',
      because: 'host "reviews" matches its domain "reviews"',
      detail: 'route configuration 9080',
    },
    {
      step: 'rule',
      name: 'route 1',
      index: 0,
      outcome: 'failed',
      because: 'header end-user ≠ "jason" (got "bob")',
      detail: 'path starts with "/" and header end-user = "jason"',
      source,
    },
    { step: 'rule', name: 'route 2', index: 1, outcome: 'chosen', because: 'path starts with "/"', detail: 'path starts with "/"', source },
  ]);
});
