import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { accessFilters, NOW, requests as access } from './generated-policies';
import { requests, routes } from './generated-routes';
import { admit, decide, matchRoute, prepareRoutes, type Draw, type HttpRequestFacts, type TraceEvent } from '../../src/evaluator';
import { prepareAccess } from '../../src/evaluator/access/http-filters';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { HttpConnectionManagerSchema } from '../../src/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
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

test('policies and tokens are judged the same with and without a trace', () => {
  fc.assert(fc.property(accessFilters, access, (filters, sent) => {
    const json = { stat_prefix: 's', http_filters: JSON.parse(JSON.stringify(filters).replaceAll('"OWN"', '80')) as object[] };
    const manager = fromJson(HttpConnectionManagerSchema, json as unknown as JsonValue, { registry });
    const prepared = prepareAccess(manager);
    const facts: HttpRequestFacts = { method: sent.method, scheme: 'http', authority: sent.host, path: sent.path, headers: new Map(Object.entries(sent.headers)) };
    const peer = { sourceAddress: `127.0.0.${sent.from}`, destinationAddress: '127.0.0.1', destinationPort: 80, serverName: '' };
    const context = { peer, remoteAddress: peer.sourceAddress, now: NOW };
    const events: TraceEvent[] = [];
    const plain = admit(prepared, facts, context);
    const traced = admit(prepared, facts, context, event => void events.push(event));
    expect(JSON.stringify(traced)).toBe(JSON.stringify(plain));
    expect(events.every(({ step }) => step === 'policy')).toBe(true);
  }), { numRuns: 300, seed: 7 });
});
