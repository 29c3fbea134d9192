import { execFileSync } from 'child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { createServer, request as httpRequest } from 'http';
import { request as httpsRequest } from 'https';
import { tmpdir } from 'os';
import { join } from 'path';
import { isDeepStrictEqual } from 'util';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { envoyBinary, freePorts, listen, startEnvoyWith, type RunningEnvoy } from './envoy-process';
import { accessFilters, IDENTITIES, requests, tokenFilters, type Sent } from './generated-policies';
import { admit, matchFilterChain, prepareListener, remoteAddressOf, type AccessContext, type HttpRequestFacts, type HttpTerminal } from '../../src/evaluator';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { registry } from '../../src/xds/registry';

const MANAGERS = 240;
const REQUESTS_EACH = 25;
const SEED = 4242;

const binary = envoyBinary();
const compare = binary === undefined ? test.skip : test;

const upstream = createServer((incoming, outgoing) => outgoing.end(JSON.stringify({ path: incoming.url, headers: incoming.headers })));
const generated = [
  ...fc.sample(accessFilters, { numRuns: MANAGERS / 2, seed: SEED }),
  ...fc.sample(tokenFilters, { numRuns: MANAGERS / 2, seed: SEED }),
];
let envoy: RunningEnvoy;
let listeners: { readonly port: number; readonly tls: boolean; readonly terminal: HttpTerminal }[];
let certificates: { dir: string; authority: string; callers: { key: string; cert: string }[] };

beforeAll(async () => {
  if (binary === undefined) return;
  certificates = makeCertificates();
  const port = await listen(upstream);
  const ports = await freePorts(generated.length);
  const messages = generated.map((filters, i) => listener(filters, i, ports[i]!));
  listeners = messages.map(({ json, port: own, tls }) => {
    const table = prepareListener(fromJson(ListenerSchema, json as unknown as JsonValue, { registry }));
    const chain = matchFilterChain(table, { address: '127.0.0.1', port: own, transport: 'raw_buffer' })!;
    return { port: own, tls, terminal: chain.terminal as HttpTerminal };
  });
  const plain = messages.find(({ tls }) => !tls)!.port;
  envoy = await startEnvoyWith(binary, plain, messages.map(({ json }) => json), [{
    name: 'up', load_assignment: { cluster_name: 'up', endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] }] },
  }]);
}, 120_000);

afterAll(async () => {
  await envoy?.stop();
  if (certificates !== undefined) rmSync(certificates.dir, { recursive: true, force: true });
  await new Promise(resolve => (upstream.listening ? upstream.close(resolve) : resolve(undefined)));
});

/** Every other listener ends TLS, and asks for a certificate. */
function listener(filters: object[], index: number, port: number): { json: object; port: number; tls: boolean } {
  const tls = index % 2 === 1;
  const inline = (name: string) => ({ filename: join(certificates.dir, name) });
  const own = JSON.parse(JSON.stringify(filters).replaceAll('"OWN"', String(port))) as object[];
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    'stat_prefix': 'generated',
    'use_remote_address': index % 4 === 2,
    'http_filters': [...own, { name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } }],
    'route_config': {
      response_headers_to_add: [{ header: { key: 'x-details', value: '%RESPONSE_CODE_DETAILS%' } }, { header: { key: 'x-flags', value: '%RESPONSE_FLAGS%' } }],
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'up' } }] }],
    },
  };
  const socket = {
    name: 'tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      'common_tls_context': {
        tls_certificates: [{ certificate_chain: inline('server.pem'), private_key: inline('server.key') }], validation_context: { trusted_ca: inline('ca.pem') },
      },
    },
  };
  const json = {
    name: `l${index}`,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    listener_filters: [{ name: 'tls', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector' } }],
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }], ...(tls && { transport_socket: socket }) }],
  };
  return { json, port, tls };
}

function makeCertificates(): typeof certificates {
  const dir = mkdtempSync(join(tmpdir(), 'access-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=test');
  const issue = (name: string, uri: string) => {
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/O=test');
    writeFileSync(join(dir, `${name}.ext`), `subjectAltName=${uri}`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.pem`, '-days', '2', '-extfile', `${name}.ext`);
  };
  issue('server', 'DNS:books.example');
  IDENTITIES.forEach((identity, i) => issue(`caller${i}`, `URI:${identity}`));
  const text = (name: string) => readFileSync(join(dir, name), 'utf8');
  return { dir, authority: text('ca.pem'), callers: IDENTITIES.map((_, i) => ({ key: text(`caller${i}.key`), cert: text(`caller${i}.pem`) })) };
}

interface Seen {
  readonly status: number;
  readonly body?: string;
  readonly challenge?: string;
  readonly details?: string;
  readonly flags?: string;
  readonly path?: string;
  readonly arrived?: Record<string, string>;
}

const WATCHED = ['authorization', 'x-token', 'cookie', 'x-sub', 'x-team', 'x-level', 'x-payload', 'x-kind'];

async function observed(sent: Sent, port: number, tls: boolean): Promise<Seen> {
  const options = {
    host: '127.0.0.1',
    port,
    method: sent.method,
    path: sent.path,
    headers: { ...sent.headers, host: sent.host },
    localAddress: `127.0.0.${sent.from}`,
    agent: false as const,
    ...(tls && { servername: sent.serverName, rejectUnauthorized: false, ...(sent.caller !== undefined && certificates.callers[sent.caller]) }),
  };
  return new Promise((resolve, reject) => {
    const request = (tls ? httpsRequest : httpRequest)(options, response => {
      let body = '';
      response.on('data', chunk => { body += String(chunk); });
      response.on('end', () => resolve(seen(response.statusCode!, response.headers as Record<string, string>, body)));
    });
    request.on('error', reject);
    request.end();
  });
}

function seen(status: number, headers: Record<string, string>, body: string): Seen {
  if (status !== 200) {
    const { 'www-authenticate': challenge, 'x-details': details, 'x-flags': flags } = headers;
    return { status, body, ...(challenge !== undefined && { challenge }), ...(details !== undefined && { details, flags: flags === '-' ? '' : flags! }) };
  }
  const arrived = JSON.parse(body) as { path: string; headers: Record<string, string> };
  return { status, path: arrived.path, arrived: pick(name => arrived.headers[name]) };
}

function pick(read: (name: string) => string | undefined): Record<string, string> {
  return Object.fromEntries(WATCHED.flatMap(name => (read(name) === undefined ? [] : [[name, read(name)!.replace(/, /g, ',')]])));
}

function foretold(sent: Sent, { port, tls, terminal }: (typeof listeners)[number], withDetails: boolean): Seen {
  const facts: HttpRequestFacts = { method: sent.method, scheme: tls ? 'https' : 'http', authority: sent.host, path: sent.path, headers: new Map(Object.entries(sent.headers)) };
  const sourceAddress = `127.0.0.${sent.from}`;
  const identities = sent.caller === undefined ? [] : [IDENTITIES[sent.caller]!];
  const context: AccessContext = {
    peer: { sourceAddress, destinationAddress: '127.0.0.1', destinationPort: port, serverName: tls ? sent.serverName : '', ...(tls && { identities }) },
    remoteAddress: remoteAddressOf(terminal.manager, facts, sourceAddress),
    now: Math.floor(Date.now() / 1000),
  };
  const result = admit(terminal.access, facts, context);
  // The trace must change nothing.
  expect(JSON.stringify(admit(terminal.access, facts, context, () => undefined))).toBe(JSON.stringify(result));
  if (result.kind === 'admitted') return { status: 200, path: result.request.path, arrived: pick(name => result.request.headers.get(name)) };
  const challenge = result.headers.find(([name]) => name === 'www-authenticate')?.[1];
  const { status, body, details, flag } = result;
  return { status, body, ...(challenge !== undefined && { challenge }), ...(withDetails && { details, flags: flag }) };
}

compare(`${binary === undefined ? 'not run: no Envoy (ENVOY_BIN) | ' : ''}generated policies and tokens are judged as real Envoy judges them`, async () => {
  const found: unknown[] = [];
  const tally: Record<string, number> = {};
  for (const [i, place] of listeners.entries()) {
    const cases = fc.sample(requests, { numRuns: REQUESTS_EACH, seed: SEED + i });
    await Promise.all(cases.map(async sent => {
      const real = await observed(sent, place.port, place.tls);
      const said = foretold(sent, place, real.details !== undefined);
      const key = real.status === 200 ? '200' : `${real.status} ${real.body}`;
      tally[key] = (tally[key] ?? 0) + 1;
      if (!isDeepStrictEqual(real, said)) found.push({ sent, filters: JSON.stringify(generated[i]), real, said });
    }));
  }
  expect(found.slice(0, 3)).toEqual([]);
  expect(Object.keys(tally).length).toBeGreaterThan(8);
}, 300_000);
