import { AdsClient } from './support/ads-client';
import type { NodeFacts } from './support/ads-client';
import { sketches } from './support/compiled';
import type { Sketch } from './support/compiled';
import { startControlPlane } from '../../runtime/control-plane/control-plane';
import type { ControlPlane, ControlPlaneOptions } from '../../runtime/control-plane/control-plane';
import type { ControlPlaneEvent } from '../../runtime/control-plane/events';
import { staticSource } from '../../runtime/control-plane/sources/static';

const ID = 'sidecar~10.0.0.1~web-0.shop~shop.svc.cluster.local';
const NODE: NodeFacts = { id: ID, metadata: { NAMESPACE: 'shop', SERVICE_ACCOUNT: 'web' } };
const FIRST: Sketch = { clusters: { 'eds-a': '1' }, endpoints: { 'eds-a': 1 }, listeners: { L: '1' }, routes: { R: '1' }, secrets: ['ROOTCA', 'default'] };

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const open of opened.splice(0).reverse()) await open.close();
});

async function serve(sketch: Sketch, options: Partial<ControlPlaneOptions> = {}) {
  const { modelOf, compilerOf } = sketches();
  const events: ControlPlaneEvent[] = [];
  const controlPlane: ControlPlane = await startControlPlane({
    source: staticSource(modelOf(sketch)), compilerOf, port: 0, onEvent: event => events.push(event), ...options,
  });
  opened.push(controlPlane);
  const connect = (node: NodeFacts | undefined = NODE): AdsClient => {
    const client = new AdsClient(controlPlane.port, node);
    opened.push(client);
    return client;
  };
  return { controlPlane, events, connect, update: (next: Sketch) => controlPlane.update(modelOf(next)) };
}

/** Takes all of `FIRST` as Envoy does. */
async function takeAll(client: AdsClient) {
  client.ask('CDS');
  const clusters = await client.next();
  client.ack(clusters);
  client.ask('EDS', ['eds-a']);
  const endpoints = await client.next();
  client.ack(endpoints, ['eds-a']);
  client.ask('LDS');
  const listeners = await client.next();
  client.ack(listeners);
  client.ask('RDS', ['R']);
  const routes = await client.next();
  client.ack(routes, ['R']);
  return { clusters, endpoints, listeners, routes };
}

test('serves every type over one stream, and says when the proxy has taken everything', async () => {
  const { controlPlane, connect, events } = await serve(FIRST);
  const synced = controlPlane.synced(ID);
  const { clusters, endpoints, listeners, routes } = await takeAll(connect());
  expect([clusters, endpoints, listeners, routes].map(({ type, names }) => [type, names])).toEqual([
    ['CDS', ['eds-a']], ['EDS', ['eds-a']], ['LDS', ['L']], ['RDS', ['R']],
  ]);
  expect(clusters.response.controlPlane?.identifier).toBe('cdk8s-mesh');
  const { types } = await synced;
  expect(types.map(({ type, state, sent, acked }) => [type, state, sent !== undefined && sent === acked])).toEqual([
    ['CDS', 'SYNCED', true], ['EDS', 'SYNCED', true], ['LDS', 'SYNCED', true], ['RDS', 'SYNCED', true], ['SDS', 'IGNORED', false],
    ['ECDS', 'IGNORED', false], ['NDS', 'IGNORED', false],
  ]);
  expect(controlPlane.status()).toHaveLength(1);
  expect(events.at(-1)).toEqual({ kind: 'synced', node: ID, generation: 1 });
});

test('gives the same content the same version, on every stream and under every model', async () => {
  const { connect, update } = await serve(FIRST);
  const one = await takeAll(connect());
  const two = await takeAll(connect({ ...NODE, id: ID.replace('web-0', 'web-1') }));
  expect(two.clusters.version).toBe(one.clusters.version);
  expect(two.clusters.nonce).not.toBe(one.clusters.nonce);
  update({ ...FIRST, clusters: { 'eds-a': '2' } });
  update(FIRST);
  const three = await takeAll(connect({ ...NODE, id: ID.replace('web-0', 'web-2') }));
  expect(three.clusters.version).toBe(one.clusters.version);
});

test('pushes what changed to the proxies that have it', async () => {
  const { controlPlane, connect, update } = await serve(FIRST);
  const client = connect();
  const { routes } = await takeAll(client);
  update({ ...FIRST, routes: { R: '2' } });
  const push = await client.next();
  expect([push.type, push.names]).toEqual(['RDS', ['R']]);
  expect(push.version).not.toBe(routes.version);
  client.ack(push, ['R']);
  await expect(controlPlane.synced(ID)).resolves.toMatchObject({ id: ID, synced: true });
});

test('remembers a rejected version, with the words of the proxy, until its content changes', async () => {
  const { controlPlane, connect, update, events } = await serve(FIRST);
  const client = connect();
  await takeAll(client);
  update({ ...FIRST, listeners: { L: 'bad' } });
  const bad = await client.next();
  client.nack(bad, 'no such filter');
  await expect(controlPlane.synced(ID)).rejects.toThrow(`[${ID}] MESH_XDS_REJECTED: a proxy takes what it is sent, got LDS: no such filter`);
  expect(controlPlane.status()[0]!.types[2]).toMatchObject({ type: 'LDS', state: 'ERROR', error: 'no such filter', rejected: bad.version });
  expect(events).toContainEqual({ kind: 'rejected', node: ID, type: 'LDS', version: bad.version, message: 'no such filter' });
  // The endpoints come alone: were the rejected listeners sent again, they would come first or next.
  update({ ...FIRST, listeners: { L: 'bad' }, endpoints: { 'eds-a': 2 } });
  const endpoints = await client.next();
  expect(endpoints.type).toBe('EDS');
  client.ack(endpoints, ['eds-a']);
  update({ ...FIRST, listeners: { L: 'good' }, endpoints: { 'eds-a': 2 } });
  const good = await client.next();
  expect([good.type, good.names]).toEqual(['LDS', ['L']]);
  client.ack(good);
  await controlPlane.synced(ID);
  expect(controlPlane.status()[0]!.types[2]).toMatchObject({ state: 'SYNCED', acked: good.version });
});

test('a refusal of what nobody wants any more is none', async () => {
  const { controlPlane, connect, update } = await serve(FIRST);
  const client = connect();
  await takeAll(client);
  update({ ...FIRST, listeners: { L: 'bad' } });
  client.nack(await client.next(), 'no such filter');
  await expect(controlPlane.synced(ID)).rejects.toThrow('MESH_XDS_REJECTED');
  // The good listeners wait for the clusters that they may need.
  update({ ...FIRST, clusters: { 'eds-a': '2' }, listeners: { L: 'good' } });
  const clusters = await client.next();
  expect(clusters.type).toBe('CDS');
  const synced = controlPlane.synced(ID);
  client.ack(clusters);
  for (let type = ''; type !== 'LDS';) {
    const push = await client.next();
    client.ack(push, push.type === 'LDS' ? [] : push.names);
    type = push.type;
  }
  await expect(synced).resolves.toMatchObject({ id: ID, synced: true });
});

test('gives a proxy the certificate of its own identity and the root, over the same stream', async () => {
  const { connect, controlPlane } = await serve(FIRST);
  const client = connect();
  client.ask('SDS', ['default', 'ROOTCA', 'kubernetes://anothers']);
  const secrets = await client.next();
  expect([...secrets.names].sort()).toEqual(['ROOTCA', 'default']);
  const bytes = Buffer.concat(secrets.response.resources.map(({ value }) => value)).toString('latin1');
  expect(bytes).toContain('-----BEGIN PRIVATE KEY-----');
  expect(bytes).toContain(controlPlane.rootCertificate);
});

test('names what a proxy still lacks when it does not get everything in time', async () => {
  const { controlPlane, connect } = await serve(FIRST);
  await expect(controlPlane.synced(ID, { timeoutMs: 1 })).rejects.toThrow('MESH_XDS_TIMEOUT: a proxy has its configuration within 0.001 s, got: no connection from it');
  const client = connect();
  client.ask('CDS');
  await client.next();
  await expect(controlPlane.synced(ID, { timeoutMs: 1 })).rejects.toThrow('got: CDS is not acknowledged; EDS is not asked for; LDS is not asked for; RDS is not asked for');
});

test.each<[string, NodeFacts | undefined]>([
  ['no node', undefined],
  ['an id of three parts', { id: 'sidecar~10.0.0.1~web-0.shop' }],
  ['an unknown type', { id: ID.replace('sidecar', 'teapot') }],
  ['an IP that is none', { id: ID.replace('10.0.0.1', 'localhost') }],
])('refuses %s as INVALID_ARGUMENT', async (_case, node) => {
  const { controlPlane } = await serve(FIRST);
  const client = new AdsClient(controlPlane.port, node);
  opened.push(client);
  client.ask('CDS');
  const { code, details } = await client.status();
  expect([code, details.slice(0, 17)]).toEqual([3, 'MESH_NODE_INVALID']);
  expect(controlPlane.status()).toEqual([]);
});

test('says that delta is not served yet', async () => {
  const { controlPlane } = await serve(FIRST);
  const client = new AdsClient(controlPlane.port, NODE, '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources');
  opened.push(client);
  client.ask('CDS');
  expect(await client.status()).toMatchObject({ code: 12, details: 'delta xDS is not served yet; use api_type GRPC instead of DELTA_GRPC' });
});

test('forgets a proxy that has gone', async () => {
  const { controlPlane, connect } = await serve(FIRST);
  const client = connect();
  await takeAll(client);
  const gone = new Promise<void>(resolve => { controlPlane.onEvent(event => { if (event.kind === 'disconnected') resolve(); }); });
  client.close();
  await gone;
  expect(controlPlane.status()).toEqual([]);
});

test('keeps what it served where a new model cannot be compiled, and says so', async () => {
  let broken = false;
  const { modelOf, compilerOf } = sketches();
  const { controlPlane, connect, events } = await serve(FIRST, {
    source: staticSource(modelOf(FIRST)),
    compilerOf: model => broken ? { compile: () => { throw new Error('a hole'); } } : compilerOf(model),
  });
  await takeAll(connect());
  await controlPlane.synced(ID);
  broken = true;
  controlPlane.update(modelOf({}));
  await expect(controlPlane.synced(ID)).rejects.toThrow('MESH_COMPILE_FAILED: this configuration compiles for every proxy, got "a hole"; what was served before stays');
  expect(controlPlane.status()[0]!.types[0]).toMatchObject({ type: 'CDS', state: 'SYNCED' });
  expect(events.filter(({ kind }) => kind === 'errors')).toHaveLength(1);
});

test('names the port that another program holds', async () => {
  const { controlPlane } = await serve(FIRST);
  await expect(serve(FIRST, { port: controlPlane.port })).rejects.toThrow(`MESH_PORT_TAKEN: the control plane listens on 127.0.0.1:${controlPlane.port}, got`);
});
