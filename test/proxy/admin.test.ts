import { MeshUnderTest, NODE_ID } from './support/mesh';
import { get } from './support/proxy';
import { assignment, edsCluster, listener, rdsManager, route, routes } from './support/resources';
import { freePort, http, ok } from './support/sockets';

let mesh: MeshUnderTest;

afterEach(async () => mesh.close());

async function start() {
  mesh = await MeshUnderTest.create();
  const port = await freePort();
  const upstream = await mesh.upstream(http(() => ok('x')));
  await mesh.controlPlane({
    listeners: [listener(port, rdsManager('r'))], routes: [routes(route('up'))], clusters: [edsCluster('up')], endpoints: [assignment('up', [upstream.port])],
  });
  let quit: () => void;
  const quitted = new Promise<void>(resolve => quit = resolve);
  const proxy = await mesh.proxy({ admin: { host: '127.0.0.1', port: 0 }, onQuit: () => quit() });
  const fetched = async (path: string, method = 'GET') => {
    const response = await fetch(`http://${proxy.admin}${path}`, { method });
    return { status: response.status, text: await response.text() };
  };
  await proxy.ready;
  const client = await mesh.client(port);
  await client.send(get()).response();
  return { port, upstream, fetched, quitted };
}

test('dumps the configuration in force as Envoy does', async () => {
  const { fetched } = await start();
  const read = async (path: string) => (JSON.parse((await fetched(path)).text) as { configs: Record<string, any>[] }).configs;
  const configs = await read('/config_dump?include_eds');
  expect(configs.map(config => config['@type'])).toEqual(['Bootstrap', 'Clusters', 'Endpoints', 'Listeners', 'Routes']
    .map(name => `type.googleapis.com/envoy.admin.v3.${name}ConfigDump`));
  const [bootstrap, clusters, endpoints, listeners, routeConfigs] = configs;
  expect(bootstrap.bootstrap.node).toMatchObject({ id: NODE_ID, cluster: 'web.shop', metadata: { NAMESPACE: 'shop' } });
  expect(clusters.dynamic_active_clusters).toMatchObject([
    { cluster: { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', 'name': 'up', 'type': 'EDS', 'connect_timeout': '1s' } },
  ]);
  expect(clusters.dynamic_active_clusters[0].version_info).toBe(clusters.version_info);
  expect(endpoints.dynamic_endpoint_configs).toMatchObject([{ endpoint_config: { cluster_name: 'up' } }]);
  expect(listeners.dynamic_listeners).toMatchObject([{ name: 'l', active_state: { listener: { name: 'l', address: { socket_address: { address: '127.0.0.1' } } } } }]);
  expect(routeConfigs.dynamic_route_configs).toMatchObject([{ route_config: { name: 'r', virtual_hosts: [{ name: 'all' }] } }]);
  expect((await read('/config_dump')).map(config => config['@type'])).not.toContain('type.googleapis.com/envoy.admin.v3.EndpointsConfigDump');
});

test('counts', async () => {
  const { fetched, upstream } = await start();
  const { text } = await fetched('/stats');
  for (const line of ['http.test.downstream_rq_2xx: 1', 'cluster.up.upstream_rq_total: 1', 'cluster.up.membership_healthy: 1', 'control_plane.connected_state: 1',
    'listener_manager.lds.update_success: 1', 'listener_manager.lds.update_rejected: 0', 'cluster_manager.warming_clusters: 0']) expect(text).toContain(`${line}\n`);
  const prometheus = (await fetched('/stats/prometheus')).text;
  expect(prometheus).toContain('# TYPE envoy_cluster_upstream_rq_total counter\nenvoy_cluster_upstream_rq_total{envoy_cluster_name="up"} 1\n');
  expect(prometheus).toContain('envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="test"} 1\n');
  expect((await fetched('/clusters')).text).toContain(`up::127.0.0.1:${upstream.port}::rq_total::1\n`);
  const { cluster_statuses: statuses } = JSON.parse((await fetched('/clusters?format=json')).text) as { cluster_statuses: unknown[] };
  expect(statuses).toMatchObject([{ name: 'up', host_statuses: [{ address: { socket_address: { port_value: upstream.port } }, health_status: { eds_health_status: 'HEALTHY' } }] }]);
});

test('says who it is and whether it serves, and ends when asked by POST only', async () => {
  const { fetched, quitted, port } = await start();
  expect(await fetched('/ready')).toEqual({ status: 200, text: 'LIVE\n' });
  expect(JSON.parse((await fetched('/server_info')).text)).toMatchObject({ state: 'LIVE', node: { id: NODE_ID } });
  expect((await fetched('/listeners')).text).toBe(`l::127.0.0.1:${port}\n`);
  expect((await fetched('/nothing')).status).toBe(404);
  expect((await fetched('/quitquitquit')).status).toBe(405);
  expect(await fetched('/quitquitquit', 'POST')).toEqual({ status: 200, text: 'OK\n' });
  await quitted;
});

test('is not ready before the first configuration', async () => {
  mesh = await MeshUnderTest.create();
  const proxy = await mesh.proxy({ admin: { host: '127.0.0.1', port: 0 } });
  expect((await fetch(`http://${proxy.admin}/ready`)).status).toBe(503);
});
