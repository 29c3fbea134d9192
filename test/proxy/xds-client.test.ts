import { once } from 'events';
import { createServer, type AddressInfo } from 'net';
import { MeshUnderTest, NODE_ID } from './support/mesh';
import { get } from './support/proxy';
import { assignment, edsCluster, listener, manager, rdsManager, route, routes, type Sketch } from './support/resources';
import { freePort, http, ok } from './support/sockets';
import type { ControlPlane } from '../../runtime/control-plane/control-plane';

let mesh: MeshUnderTest;
let port: number;

beforeEach(async () => {
  mesh = await MeshUnderTest.create();
  port = await freePort();
});

afterEach(async () => mesh.close());

/** One listener with RDS, one EDS cluster: every type is in use. */
function sketch(upstreamPort: number, more: Sketch = {}): Sketch {
  return {
    listeners: [listener(port, rdsManager('r'))], routes: [routes(route('up'))], clusters: [edsCluster('up')], endpoints: [assignment('up', [upstreamPort])], ...more,
  };
}

async function ask(headers = ''): Promise<{ status: number; body: string }> {
  const client = await mesh.client(port);
  const { status, body } = await client.send(get('/', headers)).response();
  client.close();
  return { status, body };
}

function typesOf(controlPlane: ControlPlane): Record<string, string> {
  return Object.fromEntries(controlPlane.status()[0].types.map(({ type, state }) => [type, state]));
}

test('takes everything it is sent, is ready then, and acknowledges what is in force', async () => {
  const upstream = await mesh.upstream(http(() => ok('one')));
  const controlPlane = await mesh.controlPlane(sketch(upstream.port));
  const synced = controlPlane.synced(NODE_ID);
  const proxy = await mesh.proxy();
  await proxy.ready;
  expect(await ask()).toEqual({ status: 200, body: 'one' });
  expect((await synced).types.filter(({ state }) => state !== 'IGNORED').map(({ type, state }) => [type, state])).toEqual([
    ['CDS', 'SYNCED'], ['EDS', 'SYNCED'], ['LDS', 'SYNCED'], ['RDS', 'SYNCED'],
  ]);
});

test('an acknowledged change is in force: no request after it is decided by the old one', async () => {
  const upstream = await mesh.upstream(http(() => ok('one')));
  const other = await mesh.upstream(http(() => ok('two')));
  const controlPlane = await mesh.controlPlane(sketch(upstream.port));
  await (await mesh.proxy()).ready;
  for (let i = 0; i < 10; i++) {
    controlPlane.update(mesh.modelOf(sketch([other, upstream][i % 2].port)));
    await controlPlane.synced(NODE_ID);
    expect((await ask()).body).toBe(['two', 'one'][i % 2]);
  }
  expect(mesh.log).toEqual([]);
});

test.each<[string, (good: Sketch) => Sketch, string, string]>([
  ['routes with two equal domains', good => ({ ...good, routes: [{ name: 'r', virtualHosts: [{ name: 'a', domains: ['x'] }, { name: 'b', domains: ['x'] }] }] }), 'RDS',
    'r: only unique values for domains are permitted, duplicate entry of domain x'],
  ['a filter that it cannot carry out', good => ({
    ...good,
    listeners: [listener(port, {
      ...rdsManager('r'), httpFilters: [{ name: 'rbac', typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC' } }],
    })],
  }), 'LDS', 'l: filter chain: HTTP filter rbac (envoy.extensions.filters.http.rbac.v3.RBAC) is not supported by the reference proxy yet'],
])('refuses %s with the reason, and keeps serving what was there', async (_case, spoil, type, reason) => {
  const upstream = await mesh.upstream(http(() => ok('good')));
  const good = sketch(upstream.port);
  const controlPlane = await mesh.controlPlane(good);
  await (await mesh.proxy()).ready;
  controlPlane.update(mesh.modelOf(spoil(good)));
  await expect(controlPlane.synced(NODE_ID)).rejects.toThrow('MESH_XDS_REJECTED');
  expect(controlPlane.status()[0].types.find(each => each.type === type)).toMatchObject({ state: 'ERROR', error: reason });
  expect(await ask()).toEqual({ status: 200, body: 'good' });
  controlPlane.update(mesh.modelOf(good));
  await controlPlane.synced(NODE_ID);
});

test('refuses a listener whose address is taken, and serves the others', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const direct = routes({ match: { prefix: '/' }, directResponse: { status: 200, body: { inlineString: 'here' } } });
  const blocked = (taken.address() as AddressInfo).port;
  const controlPlane = await mesh.controlPlane({ listeners: [listener(blocked, manager(direct), 'blocked'), listener(port, manager(direct), 'free')] });
  await mesh.proxy();
  await expect(controlPlane.synced(NODE_ID)).rejects.toThrow(`error adding listener blocked: listen EADDRINUSE: address already in use 127.0.0.1:${blocked}`);
  expect(await ask()).toEqual({ status: 200, body: 'here' });
  taken.close();
});

test('goes on without a control plane, finds it again, and takes what changed meanwhile', async () => {
  const one = await mesh.upstream(http(() => ok('one')));
  const two = await mesh.upstream(http(() => ok('two')));
  const first = await mesh.controlPlane(sketch(one.port));
  await (await mesh.proxy()).ready;
  await first.close();
  expect((await ask()).body).toBe('one');
  const second = await mesh.controlPlane(sketch(two.port));
  const appeared = new Promise<void>(resolve => second.onEvent(event => {
    if (event.kind === 'synced') resolve();
  }));
  await appeared;
  expect((await ask()).body).toBe('two');
});

test('waits for a control plane that is not there yet', async () => {
  const upstream = await mesh.upstream(http(() => ok('late')));
  const proxy = await mesh.proxy();
  while (mesh.log.length === 0) await new Promise(resolve => setImmediate(resolve));
  await mesh.controlPlane(sketch(upstream.port));
  await proxy.ready;
  expect((await ask()).body).toBe('late');
});

test('asks for routes and endpoints as they are named, and drops what nothing names', async () => {
  const upstream = await mesh.upstream(http(() => ok('x')));
  const controlPlane = await mesh.controlPlane(sketch(upstream.port));
  const proxy = await mesh.proxy();
  await proxy.ready;
  controlPlane.update(mesh.modelOf({
    listeners: [listener(port, rdsManager('s'))], routes: [{ ...routes(route('down')), name: 's' }], clusters: [edsCluster('down')], endpoints: [assignment('down', [upstream.port])],
  }));
  await controlPlane.synced(NODE_ID);
  expect(await ask()).toEqual({ status: 200, body: 'x' });
  expect([...proxy.dataPlane.clusters.keys()]).toEqual(['down']);
  expect(proxy.dataPlane.resources.routes.map(({ name }) => name)).toEqual(['s']);
  expect(typesOf(controlPlane)).toMatchObject({ EDS: 'SYNCED', RDS: 'SYNCED' });
});
