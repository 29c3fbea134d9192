import { createServer } from 'net';
import { get, ProxyUnderTest } from './support/proxy';
import { cluster, listener, manager, rdsManager, resources, route, routes } from './support/resources';
import { freePort, http, ok, RawClient } from './support/sockets';

let proxy: ProxyUnderTest;

afterEach(async () => proxy.close());

test('no request fails while routes, clusters and listeners change under load', async () => {
  proxy = new ProxyUnderTest({ realTime: true });
  const one = await proxy.upstream(http(() => ok('one')));
  const two = await proxy.upstream(http(() => ok('two')));
  const port = await freePort();
  proxy.port = port;
  const versions = [
    { listeners: [listener(port, rdsManager('r'))], routes: [routes(route('a'))], clusters: [cluster('a', [one.port])] },
    { listeners: [listener(port, rdsManager('r'))], routes: [routes(route('b'))], clusters: [cluster('b', [two.port])] },
    { listeners: [listener(port, { ...rdsManager('r'), serverName: 'other' })], routes: [routes(route('a'))], clusters: [cluster('a', [two.port, one.port])] },
    { listeners: [listener(port, manager(routes(route('a'))))], clusters: [cluster('a', [one.port]), cluster('b', [two.port])] },
  ];
  await proxy.apply(versions[0]);
  let running = true;
  let served = 0;
  const load = Array.from({ length: 8 }, async () => {
    const client = await proxy.client();
    while (running) {
      const { status, body } = await client.send(get()).response();
      if (status !== 200 || !['one', 'two'].includes(body)) throw new Error(`got ${status} ${body}`);
      served++;
    }
  });
  for (let i = 1; i <= 100; i++) {
    await proxy.apply(versions[i % versions.length]);
    const before = served;
    while (served < before + 10) await Promise.race([new Promise(resolve => setImmediate(resolve)), ...load]);
  }
  running = false;
  await Promise.all(load);
  expect(served).toBeGreaterThanOrEqual(1000);
  expect(proxy.reports.filter(({ status }) => status !== 200)).toEqual([]);
}, 30_000);

test('decides by the new routes from the moment that apply resolves', async () => {
  proxy = new ProxyUnderTest();
  const direct = (text: string) => routes({ match: { prefix: '/' }, directResponse: { status: 200, body: { inlineString: text } } });
  await proxy.serve(port => ({ listeners: [listener(port, rdsManager('r'))], routes: [direct('0')] }));
  const client = await proxy.client();
  for (let i = 1; i < 50; i++) {
    await proxy.apply({ listeners: [listener(proxy.port, rdsManager('r'))], routes: [direct(String(i))] });
    expect((await client.send(get()).response()).body).toBe(String(i));
  }
});

test('hosts that stay keep their connections, hosts that leave lose the idle ones', async () => {
  proxy = new ProxyUnderTest();
  const stays = await proxy.upstream(http(() => ok('stays')));
  const leaves = await proxy.upstream(http(() => ok('leaves')));
  const at = (ports: number[]) => ({ listeners: [listener(proxy.port, manager(routes(route('up'))))], clusters: [cluster('up', ports)] });
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [stays.port, leaves.port])] }));
  const client = await proxy.client();
  await client.send(get()).response();
  await client.send(get()).response();
  const closed = new Promise<void>(resolve => leaves.sockets[0].on('close', () => resolve()));
  await proxy.apply(at([stays.port]));
  await closed;
  for (let i = 0; i < 3; i++) expect((await client.send(get()).response()).body).toBe('stays');
  expect(stays.sockets).toHaveLength(1);
});

test('a removed listener takes no more connections, finishes what is under way, and asks its clients to leave', async () => {
  proxy = new ProxyUnderTest();
  let answer: () => void;
  const asked = new Promise<() => void>(resolve => answer = () => resolve(answer));
  let reply: () => void = () => undefined;
  const upstream = await proxy.upstream(socket => http(() => {
    reply = () => socket.write(ok('late'));
    answer();
    return undefined;
  })(socket));
  await proxy.serve(port => ({ listeners: [listener(port, manager(routes(route('up'))))], clusters: [cluster('up', [upstream.port])] }));
  const client = await proxy.client();
  client.send(get());
  await asked;
  await proxy.apply({ clusters: [cluster('up', [upstream.port])] });
  await expect(RawClient.open(proxy.port)).rejects.toThrow('ECONNREFUSED');
  reply();
  const text = await client.untilEnd();
  expect(text).toContain('connection: close\r\n');
  expect(text).toMatch(/late$/);
});

test('a listener that cannot be opened is named, and what was there stays', async () => {
  proxy = new ProxyUnderTest();
  const direct = routes({ match: { prefix: '/' }, directResponse: { status: 200 } });
  await proxy.serve(port => ({ listeners: [listener(port, manager(direct))] }));
  const taken = createServer();
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const { failed } = await proxy.dataPlane.apply(resources({ listeners: [listener(port, manager(direct))] }));
  expect(failed).toEqual([{ name: 'l', error: `listen EADDRINUSE: address already in use 127.0.0.1:${port}` }]);
  expect((await (await proxy.client()).send(get()).response()).status).toBe(200);
  taken.close();
});

test('a DNS cluster is looked up before routes use it, and again when its time has come', async () => {
  const answers = [['127.0.0.1'], ['127.0.0.2']];
  const names: string[] = [];
  proxy = new ProxyUnderTest({
    resolve: async name => {
      names.push(name);
      return answers[Math.min(names.length - 1, 1)];
    },
  });
  const upstream = await proxy.upstream(http(() => ok('x')));
  const loadAssignment = {
    clusterName: 'dns', endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress: { address: 'api.test', portValue: upstream.port } } } }] }],
  };
  await proxy.serve(port => ({
    listeners: [listener(port, manager(routes(route('dns'))))], clusters: [cluster('dns', [], { type: 'STRICT_DNS', dnsRefreshRate: '60s', loadAssignment })],
  }));
  expect((await (await proxy.client()).send(get()).response()).status).toBe(200);
  expect([...proxy.dataPlane.clusters.get('dns')!.hosts.keys()]).toEqual([`127.0.0.1:${upstream.port}`]);
  proxy.clock.advance(60_010);
  await new Promise(resolve => setImmediate(resolve));
  expect(names).toEqual(['api.test', 'api.test']);
  expect([...proxy.dataPlane.clusters.get('dns')!.hosts.keys()]).toEqual([`127.0.0.2:${upstream.port}`]);
});
