import { Agent, createServer } from 'http';
import { isDeepStrictEqual } from 'util';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { envoyBinary, listen, send, startEnvoy, type Received, type RunningEnvoy } from './envoy-process';
import { requests, routes, type Sent } from './generated-routes';
import { lowest } from './request';
import { decide, matchRoute, normalizePath, notFound, prepareRoutes, type Answer, type Forward, type HttpRequestFacts } from '../../src/evaluator';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../src/xds/registry';

const HOSTS = 150;
const REQUESTS_PER_HOST = 20;
const SEED = 20260701;
const DOMAINS = ['exact.test', '*.wild.test', '*-x.wild.test', '*.deep.wild.test', 'pre.*', 'pre.long.*', '*', 'MiXed.test', '[::1]'];
const NAMES = [
  'exact.test', 'EXACT.test:80', 'a.wild.test', '.wild.test', 'wild.test', 'a-x.wild.test', '-x.wild.test', 'b.deep.wild.test', 'pre.a', 'pre.long.a', 'pre.',
  'mixed.TEST:1', '[::1]', '[::1]:99', 'other', 'exact.test.',
];

const binary = envoyBinary();
const compare = binary === undefined ? test.skip : test;

const generated = fc.sample(routes, { numRuns: HOSTS, seed: SEED });
const configuration = {
  name: 'generated',
  ignore_port_in_host_matching: true,
  virtual_hosts: [
    ...generated.map((virtualHost, i) => ({ name: `v${i}`, domains: [`v${i}.test`], ...virtualHost })),
    ...DOMAINS.map(domain => ({
      name: domain, domains: [domain], routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: `domain ${domain}` } } }],
    })),
    { name: 'tls', domains: ['tls.test'], require_tls: 'ALL', routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] },
  ],
};
const table = prepareRoutes(fromJson(RouteConfigurationSchema, configuration as unknown as JsonValue, { registry }));
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
const upstreams = ['up0', 'up1'].map(name => createServer((incoming, outgoing) => {
  outgoing.setHeader('x-up', 'upstream');
  outgoing.setHeader('x-out', 'upstream');
  outgoing.end(JSON.stringify({ name, path: incoming.url, headers: incoming.headersDistinct }));
}));
let envoy: RunningEnvoy;

beforeAll(async () => {
  if (binary === undefined) return;
  const ports = await Promise.all(upstreams.map(listen));
  envoy = await startEnvoy(binary, manager(), ports.map((port, i) => ({
    name: `up${i}`,
    load_assignment: {
      cluster_name: `up${i}`,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] }],
    },
  })));
}, 30_000);

afterAll(async () => {
  agent.destroy();
  await envoy?.stop();
  await Promise.all(upstreams.map(server => new Promise(resolve => server.listening ? server.close(resolve) : resolve(undefined))));
});

function manager(): object {
  const filter = (name: string, type: string) => ({ name, typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.http.${type}` } });
  return {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    'stat_prefix': 'generated',
    'normalize_path': true,
    'route_config': configuration,
    'http_filters': [
      filter('envoy.filters.http.fault', 'fault.v3.HTTPFault'),
      filter('envoy.filters.http.cors', 'cors.v3.Cors'),
      filter('envoy.filters.http.router', 'router.v3.Router'),
    ],
  };
}

/** What the caller sees, as far as the evaluator foretells it. */
interface Seen {
  readonly status: number;
  readonly body?: string;
  readonly upstream?: { name: string; path: string; host: string; headers: Record<string, string[]> };
  readonly headers: Record<string, string>;
}

const WATCHED_REQUEST = ['x-out', 'x-a', 'x-b', 'x-other', 'x-envoy-original-path'];
const WATCHED_RESPONSE = [
  'location', 'x-out', 'x-up', 'x-a', 'x-other', 'grpc-status', 'access-control-allow-origin', 'access-control-allow-methods', 'access-control-max-age',
  'access-control-allow-credentials', 'access-control-expose-headers',
];

function observed({ status, headers, body }: Received): Seen {
  const watched = pick(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])), WATCHED_RESPONSE);
  if (!body.startsWith('{')) return { status, headers: watched, body };
  const upstream = JSON.parse(body) as { name: string; path: string; headers: Record<string, string[]> };
  const host = upstream.headers.host![0]!;
  const arrived = joined(pick(upstream.headers, WATCHED_REQUEST));
  return { status, headers: watched, upstream: { name: upstream.name, path: upstream.path, host, headers: arrived } };
}

/** Several fields of one name and one field with commas say the same. */
function joined(headers: Record<string, string[]>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.flatMap(value => value.split(',').map(part => part.trim()))]));
}

function foretold(sent: Sent, host: string): Seen {
  const normalized = normalizePath(sent.path, { normalize: true, mergeSlashes: false, escapedSlashes: 'keep' });
  if (normalized.kind !== 'path') return { status: normalized.status, headers: {}, body: '' };
  const headers = new Map(Object.entries(sent.headers));
  const facts: HttpRequestFacts = { method: sent.method, scheme: 'http', authority: host, path: normalized.path, headers };
  const rule = matchRoute(table, facts);
  const decision = rule === undefined ? notFound(facts) : decide(rule, facts, lowest);
  const traced = matchRoute(table, facts, () => undefined);
  expect(traced).toBe(rule);
  return decision.kind === 'answer' ? answered(decision) : forwarded(decision, facts);
}

function answered({ status, body, headers }: Answer): Seen {
  const values = new Map<string, string[]>();
  for (const [name, value] of headers) values.set(name, [...values.get(name) ?? [], value]);
  return { status, body, headers: pick(Object.fromEntries([...values].map(([name, list]) => [name, list.join(', ')])), WATCHED_RESPONSE) };
}

function forwarded(decision: Forward, facts: HttpRequestFacts): Seen {
  const sent = new Map([...(facts.headers as Map<string, string>)].map(([name, value]) => [name, [value]]));
  const back = apply(new Map([['x-up', ['upstream']], ['x-out', ['upstream']]]), decision.responseHeaders);
  return {
    status: 200,
    upstream: {
      name: decision.cluster,
      path: decision.path,
      host: decision.authority,
      headers: joined(pick(Object.fromEntries(apply(sent, decision.requestHeaders)), WATCHED_REQUEST)),
    },
    headers: pick(Object.fromEntries([...back].map(([name, values]) => [name, values.join(', ')])), WATCHED_RESPONSE),
  };
}

function apply(headers: Map<string, string[]>, { remove, add }: Forward['requestHeaders']): Map<string, string[]> {
  remove.forEach(name => headers.delete(name));
  for (const { name, value, append, only } of add) {
    const present = headers.has(name);
    if ((only === 'ifAbsent' && present) || (only === 'ifPresent' && !present)) continue;
    headers.set(name, append ? [...headers.get(name) ?? [], value] : [value]);
  }
  return headers;
}

function pick<T>(all: Record<string, T>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(names.filter(name => all[name] !== undefined).map(name => [name, all[name]!]));
}

async function differences(cases: readonly { host: string; sent: Sent }[]): Promise<unknown[]> {
  const found = await Promise.all(cases.map(async ({ host, sent }) => {
    const real = observed(await send(envoy.port, sent.method, sent.path, { ...sent.headers, host }, agent));
    const said = foretold(sent, host);
    return isDeepStrictEqual(real, said) ? [] : [{ host, sent, real, said }];
  }));
  return found.flat();
}

compare(`${binary === undefined ? 'not run: no Envoy (ENVOY_BIN) | ' : ''}generated routes are decided as real Envoy decides them`, async () => {
  const cases = generated.flatMap((_, i) => fc.sample(requests, { numRuns: REQUESTS_PER_HOST, seed: SEED + i }).map(sent => ({ host: `v${i}.test`, sent })));
  const found = await differences(cases);
  expect(found.slice(0, 3)).toEqual([]);
  expect(found).toHaveLength(0);
}, 60_000);

compare(`${binary === undefined ? 'not run: no Envoy (ENVOY_BIN) | ' : ''}virtual hosts are chosen as real Envoy chooses them`, async () => {
  const cases = [...NAMES, 'tls.test', 'tls.test:80'].map(host => ({ host, sent: { method: 'GET', path: '/x?y', headers: {} } }));
  expect(await differences(cases)).toEqual([]);
});
