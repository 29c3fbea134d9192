import { execFileSync } from 'child_process';
import { mkdtempSync, rmSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { envoyBinary, freePort, send, startEnvoyWith } from './envoy-process';
import { handshakeFailure, matchFilterChain, prepareCluster, prepareListener, transportTo } from '../../src/evaluator';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { registry } from '../../src/xds/registry';

const binary = envoyBinary();
const compare = binary === undefined ? test.skip : test;
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.';

compare(`${binary === undefined ? 'not run: no Envoy (ENVOY_BIN) | ' : ''}plain text, TLS and certificates meet as they do between real Envoys`, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'handshake-'));
  const pem = (name: string) => ({ filename: join(dir, name) });
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2',
    '-subj', '/CN=test', '-addext', 'subjectAltName=URI:spiffe://cluster.local/ns/a/sa/b'], { cwd: dir, stdio: 'ignore' });
  const certificate = { tls_certificates: [{ certificate_chain: pem('cert.pem'), private_key: pem('key.pem') }], validation_context: { trusted_ca: pem('cert.pem') } };
  const [front, strict, permissive, plain, nobody] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()];
  const manager = (route_config: object) => [{
    name: 'http',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      'stat_prefix': 's',
      route_config,
      'http_filters': [{ name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } }],
    },
  }];
  const answers = manager({ virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }] }] });
  const ended = {
    name: 'mtls',
    filter_chain_match: { transport_protocol: 'tls' },
    filters: answers,
    transport_socket: { name: 'tls', typed_config: { '@type': `${TLS}DownstreamTlsContext`, 'common_tls_context': certificate, 'require_client_certificate': true } },
  };
  const inspector = [{ name: 'tls', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector' } }];
  const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const servers = [
    { name: 'strict', address: at(strict), listener_filters: inspector, filter_chains: [ended] },
    { name: 'permissive', address: at(permissive), listener_filters: inspector, filter_chains: [ended, { name: 'plain', filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: answers }] },
    { name: 'plain', address: at(plain), filter_chains: [{ name: 'plain', filters: answers }] },
  ];
  const sockets: Record<string, object> = {
    raw: {},
    mutual: { transport_socket: { name: 'tls', typed_config: { '@type': `${TLS}UpstreamTlsContext`, 'common_tls_context': certificate } } },
    simple: { transport_socket: { name: 'tls', typed_config: { '@type': `${TLS}UpstreamTlsContext`, 'common_tls_context': {} } } },
  };
  const clusters = servers.flatMap(({ name, address }) => Object.entries(sockets).map(([kind, socket]) => ({
    name: `${kind}-${name}`, ...socket, load_assignment: { cluster_name: `${kind}-${name}`, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  })));
  const gone = { name: 'gone', load_assignment: { cluster_name: 'gone', endpoints: [{ lb_endpoints: [{ endpoint: { address: at(nobody) } }] }] } };
  const routes = {
    response_headers_to_add: [{ header: { key: 'x-flags', value: '%RESPONSE_FLAGS%' } }],
    virtual_hosts: [{ name: 'v', domains: ['*'], routes: [...clusters, gone].map(({ name }) => ({ match: { path: `/${name}` }, route: { cluster: name } })) }],
  };
  const envoy = await startEnvoyWith(binary!, front, [{ name: 'front', address: at(front), filter_chains: [{ filters: manager(routes) }] }, ...servers], [...clusters, gone]);
  try {
    const seen: Record<string, string> = {};
    const said: Record<string, string> = {};
    for (const json of clusters) {
      const { status, headers } = await send(front, 'GET', `/${json.name}`, {});
      seen[json.name] = status === 200 ? '200' : `${status} ${String(headers['x-flags'])}`;
      const cluster = prepareCluster(fromJson(ClusterSchema, json as unknown as JsonValue, { registry }), undefined);
      const spoken = transportTo(cluster, cluster.hosts[0]!, undefined);
      const server = servers.find(({ name }) => json.name.endsWith(`-${name}`))!;
      const listener = prepareListener(fromJson(ListenerSchema, server as unknown as JsonValue, { registry }));
      const chain = matchFilterChain(listener, { ...spoken, address: '127.0.0.1', port: cluster.hosts[0]!.port });
      const failure = chain === undefined ? 'no chain' : handshakeFailure(chain, spoken);
      said[json.name] = failure === '' ? '200' : `503 ${spoken.transport === 'tls' ? 'UF' : 'UC'}`;
    }
    expect(said).toEqual(seen);
    expect(seen).toMatchObject({ 'raw-strict': '503 UC', 'mutual-strict': '200', 'raw-plain': '200' });
    expect((await send(front, 'GET', '/gone', {})).headers['x-flags']).toBe('UF');
  } finally {
    await envoy.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}, 60_000);
