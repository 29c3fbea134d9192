import { createServer, type IncomingMessage, type ServerResponse } from 'http';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { envoyBinary, freePort, listen, send, startEnvoyWith, type RunningEnvoy } from './envoy-process';
import { admit, type Verdict } from '../../src/evaluator';
import { prepareAccess } from '../../src/evaluator/access/http-filters';
import { HttpConnectionManagerSchema } from '../../src/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { registry } from '../../src/xds/registry';

const TYPE = 'type.googleapis.com/envoy.extensions.filters';
/** A port that is given to no program that asks for any. */
const NOBODY = 1;

interface Case {
  readonly name: string;
  readonly verdict: Verdict;
  readonly http: boolean;
  /** Settings of the filter. */
  readonly filter?: object;
  readonly response?: object;
}

const headers = { 'x-who': 'alice', 'x-else': 'more', 'location': 'https://login.example/' };
const listed = (...names: string[]): object => ({ patterns: names.map(exact => ({ exact })) });
const allow: Verdict = { kind: 'allow', headers };
const deny = (status: number): Verdict => ({ kind: 'deny', status, headers, body: 'not you' });
const unavailable: Verdict = { kind: 'unavailable' };

const EITHER: Omit<Case, 'http'>[] = [
  { name: 'allows', verdict: allow },
  { name: 'denies', verdict: deny(403) },
  { name: 'denies with a status of its own', verdict: deny(418) },
  { name: 'answers 503', verdict: deny(503) },
  { name: 'answers 503, failing open', verdict: deny(503), filter: { failure_mode_allow: true } },
  { name: 'is away', verdict: unavailable },
  { name: 'is away, with a status for that', verdict: unavailable, filter: { status_on_error: { code: 'BadGateway' } } },
  { name: 'is away, failing open', verdict: unavailable, filter: { failure_mode_allow: true } },
  { name: 'is away, failing open and saying so', verdict: unavailable, filter: { failure_mode_allow: true, failure_mode_allow_header_add: true } },
];
const CASES: Case[] = [
  ...EITHER.flatMap(each => [{ ...each, http: true }, { ...each, http: false }]),
  { name: 'allows, with a header for the application', http: true, verdict: allow, response: { allowed_upstream_headers: listed('x-who') } },
  { name: 'allows, with a header besides', http: true, verdict: allow, response: { allowed_upstream_headers_to_append: listed('x-who') } },
  { name: 'denies, with a header for the caller', http: true, verdict: deny(401), response: { allowed_client_headers: listed('x-who') } },
];
const nameOf = ({ name, http }: Case): string => `over ${http ? 'HTTP' : 'gRPC'} it ${name}`;

function filterOf({ filter, response, http }: Case, i: number): object {
  const service = http
    ? { http_service: { server_uri: { uri: 'http://authorizer', cluster: `a${i}`, timeout: '5s' }, ...(response && { authorization_response: response }) } }
    : { grpc_service: { envoy_grpc: { cluster_name: `a${i}` }, timeout: '5s' } };
  return { '@type': `${TYPE}.http.ext_authz.v3.ExtAuthz`, 'transport_api_version': 'V3', ...service, ...filter };
}

function manager(filter: object, routes: object, typed = true): object {
  return {
    ...(typed && { '@type': `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager` }),
    stat_prefix: 'a',
    route_config: routes,
    http_filters: [
      { name: 'envoy.filters.http.ext_authz', typed_config: filter },
      { name: 'envoy.filters.http.router', typed_config: { '@type': `${TYPE}.http.router.v3.Router` } },
    ],
  };
}

// Protobuf by hand, as far as an authorizer speaks it ------------------------------------------------------------------------------

function varint(value: number): number[] { return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))]; }
const number = (field: number, value: number): Buffer => Buffer.from([...varint(field * 8), ...varint(value)]);
function bytes(field: number, value: Buffer | string): Buffer {
  const content = Buffer.from(value);
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(content.length)]), content]);
}

/** CheckResponse of envoy.service.auth.v3. */
function checkResponse(verdict: Exclude<Verdict, { kind: 'unavailable' }>): Buffer {
  const options = Object.entries(verdict.headers ?? {}).map(([key, value]) => bytes(2, bytes(1, Buffer.concat([bytes(1, key), bytes(2, value)]))));
  if (verdict.kind === 'allow') return Buffer.concat([bytes(1, Buffer.alloc(0)), bytes(3, Buffer.concat(options))]);
  const denied = Buffer.concat([bytes(1, number(1, verdict.status)), ...options, bytes(3, verdict.body ?? '')]);
  return Buffer.concat([bytes(1, number(1, 7)), bytes(2, denied)]);
}

function answerHttp(verdict: Exclude<Verdict, { kind: 'unavailable' }>): (request: IncomingMessage, response: ServerResponse) => void {
  return (_request, response) => response.writeHead(verdict.kind === 'allow' ? 200 : verdict.status, { ...verdict.headers }).end(verdict.kind === 'deny' ? verdict.body : '');
}

async function startGrpc(verdict: Exclude<Verdict, { kind: 'unavailable' }>, stops: (() => void)[]): Promise<number> {
  const server = new GrpcServer();
  const check = {
    path: '/envoy.service.auth.v3.Authorization/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  };
  server.addService({ check }, { check: (_call: unknown, done: (error: null, value: Buffer) => void) => done(null, checkResponse(verdict)) });
  stops.push(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

// ------------------------------------------------------------------------------------------------------------------------------------

const binary = envoyBinary();
const compare = binary === undefined ? test.skip : test;
const envoys: RunningEnvoy[] = [];
const stops: (() => void)[] = [];
/** The listener of each case. */
const portOf: number[] = [];

beforeAll(async () => {
  if (binary === undefined) return;
  const application = createServer((request, response) => response.end(JSON.stringify(request.headersDistinct)));
  stops.push(() => { application.closeAllConnections(); application.close(); });
  const port = await listen(application);
  const clusterAt = (name: string, at: number, http2: boolean): object => ({
    name,
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: at } } } }] }] },
    ...(http2 && {
      typed_extension_protocol_options: {
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
          '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions', 'explicit_http_config': { http2_protocol_options: {} },
        },
      },
    }),
  });
  const authorizers = await Promise.all(CASES.map(async ({ verdict, http }) => {
    if (verdict.kind === 'unavailable') return NOBODY;
    if (!http) return startGrpc(verdict, stops);
    const server = createServer(answerHttp(verdict));
    stops.push(() => { server.closeAllConnections(); server.close(); });
    return listen(server);
  }));
  const routes = {
    name: 'r',
    response_headers_to_add: [{ header: { key: 'x-flags', value: '%RESPONSE_FLAGS%' } }, { header: { key: 'x-details', value: '%RESPONSE_CODE_DETAILS%' } }],
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'application' } }] }],
  };
  const ports = await Promise.all(CASES.map(async () => freePort()));
  const clusters = [clusterAt('application', port, false), ...CASES.map(({ http }, i) => clusterAt(`a${i}`, authorizers[i]!, !http))];
  const listeners = CASES.map((each, i) => ({
    name: `l${i}`,
    address: { socket_address: { address: '127.0.0.1', port_value: ports[i] } },
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager(filterOf(each, i), routes) }] }],
  }));
  envoys.push(await startEnvoyWith(binary, ports[0]!, listeners, clusters));
  portOf.push(...ports);
}, 60_000);

afterAll(async () => {
  await Promise.all(envoys.map(async envoy => envoy.stop()));
  stops.forEach(stop => stop());
});

/** What the caller gets, or what the application does. */
interface Seen {
  readonly status: number;
  readonly flag: string;
  readonly details: string;
  readonly body?: string;
  readonly headers: Record<string, string | undefined>;
}

const WATCHED = ['x-who', 'x-else', 'location', 'x-envoy-auth-failure-mode-allowed'];
const watched = (get: (name: string) => string | undefined): Seen['headers'] =>
  Object.fromEntries(WATCHED.map(name => [name, get(name)] as const).filter(([, value]) => value !== undefined));

function foretold(each: Case, i: number): Seen {
  const parsed = fromJson(HttpConnectionManagerSchema, manager(filterOf(each, i), { name: 'r' }, false) as JsonValue, { registry });
  const filters = prepareAccess(parsed);
  const request = { method: 'GET', scheme: 'http', authority: 'a', path: '/', headers: new Map([['x-who', 'me']]) };
  const peer = { sourceAddress: '127.0.0.1', destinationAddress: '127.0.0.1', destinationPort: 1, serverName: '' };
  const result = admit(filters, request, { peer, remoteAddress: '127.0.0.1', authorizer: () => each.verdict });
  if (result.kind === 'admitted') return { status: 200, flag: '-', details: 'via_upstream', headers: watched(name => result.request.headers.get(name)) };
  const { status, flag, details, body } = result;
  return { status, flag, details, body, headers: watched(name => result.headers.find(([header]) => header === name)?.[1]) };
}

compare.each(CASES.map((each, i) => [nameOf(each), each, i] as const))(
  `${binary === undefined ? 'not run: no Envoy (ENVOY_BIN) | ' : ''}an external authorizer: %s, as real Envoy takes it`, async (_name, each, i) => {
    const { status, headers: got, body } = await send(portOf[i]!, 'GET', '/', { 'host': 'a', 'x-who': 'me' });
    const common = { status, flag: String(got['x-flags'] ?? ''), details: String(got['x-details'] ?? '') };
    const arrived = common.details === 'via_upstream' ? JSON.parse(body) as Record<string, string[]> : undefined;
    const real = arrived === undefined ? { ...common, body, headers: watched(name => got[name] as string | undefined) }
      : { ...common, headers: watched(name => arrived[name]?.join(',')) };
    expect(real).toEqual(foretold(each, i));
  });
