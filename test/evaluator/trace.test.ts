import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { requests, routes } from './generated-routes';
import { decide, matchRoute, prepareRoutes, type Draw, type HttpRequestFacts, type TraceEvent } from '../../src/evaluator';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../src/xds/registry';

/** The same sequence of draws for the same seed. */
function seeded(seed: number): Draw {
  let state = seed;
  return (_purpose, bound) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % bound;
  };
}

test('the decision is the same with and without a trace, and the trace names the rule that was chosen', () => {
  fc.assert(fc.property(routes, requests, fc.nat(), (virtualHost, sent, seed) => {
    const json = { name: 'generated', virtualHosts: [{ name: 'v', domains: ['*'], ...virtualHost }] };
    const table = prepareRoutes(fromJson(RouteConfigurationSchema, json as unknown as JsonValue, { registry }));
    const facts: HttpRequestFacts = { method: sent.method, scheme: 'http', authority: 'v', path: sent.path, headers: new Map(Object.entries(sent.headers)) };
    const events: TraceEvent[] = [];
    const trace = (event: TraceEvent) => void events.push(event);
    const plain = matchRoute(table, facts);
    const traced = matchRoute(table, facts, trace);
    expect(traced).toBe(plain);
    const rules = events.filter(({ step }) => step === 'rule');
    expect(rules).toHaveLength(virtualHost.routes.length);
    expect(rules.findIndex(({ outcome }) => outcome === 'chosen')).toBe(plain === undefined ? -1 : plain.index);
    if (plain !== undefined) expect(decide(plain, facts, seeded(seed), trace)).toEqual(decide(plain, facts, seeded(seed)));
  }), { numRuns: 500, seed: 7 });
});
