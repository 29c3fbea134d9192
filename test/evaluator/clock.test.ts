import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { Behaviour, Clock, decide, matchRoute, prepare, prepareRoutes, RunningProxy, type Draw, type HttpRequestFacts, type Played } from '../../src/evaluator';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../src/xds/registry';

const message = <T>(schema: Parameters<typeof fromJson>[0], json: object): T => fromJson(schema, json as JsonValue, { registry }) as T;

function seeded(seed: number): Draw {
  let state = seed;
  return (_purpose, bound) => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
}

test('what is due happens in order of time, and at once in the order it was asked for', () => {
  const clock = new Clock();
  const seen: string[] = [];
  const note = (name: string, afterMs: number) => clock.after(afterMs, () => { seen.push(`${name} at ${clock.now}`); });
  [['c', 30], ['a', 10], ['d', 30], ['b', 20], ['e', 40]].forEach(([name, at]) => note(name as string, at as number));
  note('never', 25).cancel();
  clock.advance(30);
  expect(seen).toEqual(['a at 10', 'b at 20', 'c at 30', 'd at 30']);
  clock.after(5, () => note('f', 0));
  expect(clock.runUntil(() => seen.length === 6)).toBe(true);
  expect(seen.slice(4)).toEqual(['f at 35', 'e at 40']);
  expect(clock.runUntil(() => false)).toBe(false);
});

test('events in any order come out in order of time', () => {
  const clock = new Clock();
  const draw = seeded(7);
  const seen: number[] = [];
  for (let i = 0; i < 2000; i++) clock.after(draw('backOff', 500), () => { seen.push(clock.now); });
  clock.advance(500);
  expect(seen).toHaveLength(2000);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test('a behaviour goes from phase to phase, by requests and by time', () => {
  const clock = new Clock();
  const behaviour = new Behaviour([
    { reaction: { kind: 'refuse' }, requests: 2 }, { reaction: { kind: 'hang' }, untilMs: 100 }, { reaction: { kind: 'unreachable' }, requests: 1 },
  ], clock);
  expect([behaviour.take().kind, behaviour.take().kind, behaviour.take().kind]).toEqual(['refuse', 'refuse', 'hang']);
  clock.advance(100);
  expect([behaviour.now().kind, behaviour.now().kind, behaviour.take().kind, behaviour.take().kind]).toEqual(['unreachable', 'unreachable', 'unreachable', 'answer']);
});

test('a fault of 0.1 % meets 50 ± 28 of 50,000 requests', () => {
  const percentage = { numerator: 1000, denominator: 'MILLION' };
  const filter = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault', 'abort': { httpStatus: 500, percentage } };
  const table = prepareRoutes(message(RouteConfigurationSchema, {
    virtualHosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'c' }, typedPerFilterConfig: { 'envoy.filters.http.fault': filter } }] }],
  }));
  const endpoint = { endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: 1 } } } };
  const clusters = [message<never>(ClusterSchema, { name: 'c', loadAssignment: { clusterName: 'c', endpoints: [{ lbEndpoints: [endpoint] }] } })];
  const clock = new Clock();
  const draw = seeded(20260701);
  const proxy = new RunningProxy(prepare({ listeners: [], routes: [], endpoints: [], clusters }), { clock, draw, ready: () => undefined });
  const facts: HttpRequestFacts = { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: new Map() };
  const rule = matchRoute(table, facts)!;
  const answers: Played[] = [];
  for (let i = 0; i < 50_000; i++) {
    proxy.play(decide(rule, facts, draw), {
      dialled: { address: '', port: 0 },
      connect: () => 'connected',
      send: (_cluster, _host, done) => {
        const timer = clock.after(10, () => done({ kind: 'answer', status: 200, headers: {} }));
        return () => timer.cancel();
      },
    }, played => answers.push(played));
    clock.advance(1);
  }
  clock.advance(100);
  const aborted = answers.filter(({ flags }) => flags.includes('FI'));
  expect(answers).toHaveLength(50_000);
  expect(Math.abs(aborted.length - 50)).toBeLessThanOrEqual(28);
  expect(aborted.every(({ status, attempts }) => status === 500 && attempts.length === 0)).toBe(true);
});
