import { createServer } from 'http';
import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import { envoyBinary, freePort, listen, send, startEnvoyWith } from './envoy-process';
import { lowest, request } from './request';
import { decide, matchRoute, pickEndpoint, prepareCluster, prepareRoutes } from '../../src/evaluator';
import { xxHash64 } from '../../src/evaluator/hash/xxhash';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../src/xds/registry';

test('xxHash64 is the published one', () => {
  // From the reference implementation, `xxhsum -H64`.
  expect(xxHash64('')).toBe(0xef46db3751d8e999n);
  expect(xxHash64('a')).toBe(0xd24ec4f1a98c6e5bn);
  expect(xxHash64('as')).toBe(0x1c330fb2d66be179n);
  expect(xxHash64('asdf')).toBe(0x415872f599cea71en);
  expect(xxHash64('Call me Ishmael. Some years ago--never mind how long precisely-')).toBe(0x02a2e85470d6fd96n);
});

const KEYS = 400;
const binary = envoyBinary();
const compare = binary === undefined ? test.skip : test;

const CLUSTERS = [
  { name: 'ring', lb_policy: 'RING_HASH' },
  { name: 'small-ring', lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 7 } },
  { name: 'bounded-ring', lb_policy: 'RING_HASH', ring_hash_lb_config: { minimum_ring_size: 64, maximum_ring_size: 200 } },
  { name: 'weighted-ring', lb_policy: 'RING_HASH', weights: [1, 5, 2, 7] },
  { name: 'maglev', lb_policy: 'MAGLEV' },
  { name: 'small-maglev', lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 101 } },
  { name: 'weighted-maglev', lb_policy: 'MAGLEV', weights: [1, 5, 2, 7] },
  { name: 'failing-ring', lb_policy: 'RING_HASH', priorities: [0, 0, 1, 1], unhealthy: [0] },
  { name: 'failing-maglev', lb_policy: 'MAGLEV', priorities: [0, 0, 1, 1], unhealthy: [0] },
];
const POLICIES = [
  [{ header: { header_name: 'x-user' } }],
  [{ query_parameter: { name: 'user' } }, { cookie: { name: 'user' } }],
  [{ header: { header_name: 'x-none' }, terminal: true }, { cookie: { name: 'user' }, terminal: true }, { header: { header_name: 'x-user' } }],
  [{ connection_properties: { source_ip: true } }, { header: { header_name: 'x-user' } }],
];

compare(`${binary === undefined ? 'not run: no Envoy (ENVOY_BIN) | ' : ''}ring and Maglev give each key to the host that real Envoy gives it to`, async () => {
  const servers = Array.from({ length: 4 }, () => createServer((incoming, outgoing) => outgoing.end(String(incoming.socket.localPort))));
  const ports = await Promise.all(servers.map(listen));
  const port = await freePort();
  const clusters = CLUSTERS.map(({ weights, priorities = [0, 0, 0, 0], unhealthy = [], ...cluster }) => ({
    ...cluster,
    load_assignment: {
      cluster_name: cluster.name,
      endpoints: [...new Set(priorities)].map(priority => ({
        priority,
        lb_endpoints: ports.flatMap((own, i) => (priorities[i] !== priority ? [] : [{
          endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: own } } },
          ...(weights && { load_balancing_weight: weights[i] }),
          ...((unhealthy as number[]).includes(i) && { health_status: 'UNHEALTHY' }),
        }])),
      })),
    },
  }));
  const routes = {
    name: 'routes',
    virtual_hosts: [{
      name: 'all',
      domains: ['*'],
      routes: CLUSTERS.flatMap(({ name }) => POLICIES.map((hash_policy, i) => ({ match: { prefix: `/${name}/${i}` }, route: { cluster: name, hash_policy } }))),
    }],
  };
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    'stat_prefix': 'hash',
    'route_config': routes,
    'http_filters': [{ name: 'router', typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' } }],
  };
  const envoy = await startEnvoyWith(binary!, port, [{
    name: 'main', address: { socket_address: { address: '127.0.0.1', port_value: port } }, filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  }], clusters);
  try {
    const table = prepareRoutes(fromJson(RouteConfigurationSchema, routes as unknown as JsonValue, { registry }));
    const differences: unknown[] = [];
    const hosts = new Set<string>();
    for (const [i, json] of clusters.entries()) {
      const cluster = prepareCluster(fromJson(ClusterSchema, json as unknown as JsonValue, { registry }), undefined);
      await Promise.all(Array.from({ length: KEYS }, async (_, key) => {
        const user = key % 7 === 0 ? `a much longer key than thirty-two bytes, number ${key}` : `user-${key}`;
        const path = `/${CLUSTERS[i]!.name}/${key % POLICIES.length}?user=${key}`;
        const headers = { 'x-user': user, 'cookie': `a=b; user=c${key}` };
        const { body } = await send(port, 'GET', path, headers);
        const facts = { ...request(`http://h${path}`, headers), sourceAddress: '127.0.0.1' };
        const decision = decide(matchRoute(table, facts)!, facts, lowest);
        const host = decision.kind === 'forward' ? pickEndpoint(cluster, lowest, decision.hash) : undefined;
        hosts.add(body);
        if (String(host?.port) !== body) differences.push({ path, user, real: body, said: host?.port });
      }));
    }
    expect(differences.slice(0, 3)).toEqual([]);
    expect(hosts.size).toBe(4);
  } finally {
    await envoy.stop();
    await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  }
}, 60_000);

test('a request without anything to hash goes anywhere', () => {
  const routes = { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'c', hash_policy: POLICIES[0] } }] }] };
  const table = prepareRoutes(fromJson(RouteConfigurationSchema, routes as unknown as JsonValue, { registry }));
  const facts = request('http://h/');
  expect(decide(matchRoute(table, facts)!, facts, lowest)).not.toHaveProperty('hash');
  expect(pickEndpoint(prepareCluster(create(ClusterSchema, { name: 'c' }), undefined), lowest, 5n)).toBeUndefined();
});
