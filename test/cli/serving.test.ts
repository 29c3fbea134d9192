import http from 'node:http';
import { cli, folderOf, MESH } from './support';
import type { Outcome } from './support';
import { proxyPort, withRegisteredPods } from '../../runtime/control-plane/sources/registered';
import type { RegisteredPods } from '../../runtime/control-plane/sources/registered';
import { resourcesOf } from '../../src/model/parse';
import { freePort, reserveLoopback } from '../support/loopback';
import type { LoopbackBlocks } from '../support/loopback';

/** A command that runs until the test ends it. */
class Running {
  public readonly outcome: Promise<Outcome>;
  private readonly ending = new AbortController();
  private text = '';
  private readonly waiting: { readonly words: string; readonly found: () => void }[] = [];

  public constructor(argv: readonly string[], env: Record<string, string> = {}) {
    this.outcome = cli(argv, {
      env,
      signal: this.ending.signal,
      onStdout: (text) => {
        this.text += text;
        for (const { words, found } of this.waiting) if (this.text.includes(words)) found();
      },
    });
  }

  /** Resolves once it has said these words. */
  public async says(words: string): Promise<void> {
    if (this.text.includes(words)) return;
    const said = new Promise<void>((found) => { this.waiting.push({ words, found }); });
    await Promise.race([said, this.outcome.then((outcome) => { throw new Error(JSON.stringify(outcome)); })]);
  }

  public async end(): Promise<Outcome> {
    this.ending.abort();
    return this.outcome;
  }
}

const status = (host: string, port: number, path: string, headers: Record<string, string> = {}): Promise<number> => new Promise((done, failed) => {
  http.get({ host, port, path, headers, agent: false }, (response) => {
    response.resume();
    done(response.statusCode!);
  }).on('error', failed);
});

describe('a control plane and a proxy', () => {
  let blocks: LoopbackBlocks;
  beforeAll(async () => { blocks = await reserveLoopback(); });
  afterAll(async () => blocks.release());

  test('serve an application, are ready when they are, serve on without the control plane, and end with Ctrl-C', async () => {
    const [xds, health] = [await freePort(), await freePort()];
    const application = http.createServer((_request, response) => response.end('good'));
    await new Promise<void>(done => application.listen(0, '127.0.0.1', done));
    const { port } = application.address() as { port: number };
    const ip = `127.${blocks.block(0)}.0.1`;
    const plane = new Running(['control-plane', folderOf({ 'mesh.yaml': MESH }), '--port', String(xds), '--health', String(health)]);
    await plane.says(`on 127.0.0.1:${xds}`);
    expect(await status('127.0.0.1', health, '/healthz/ready')).toBe(200);
    const proxy = new Running(['proxy', '--xds', `127.0.0.1:${xds}`, '--health', '15021'],
      { POD_NAME: 'back-v1-0', POD_IP: ip, ADDRESS_BLOCK: `127.${blocks.block(0)}.0.0/16`, APP_PORTS: `{"9000":"${port}"}` });
    await proxy.says('back-v1-0.default is ready');
    expect(await status(ip, 15021, '/healthz/ready')).toBe(200);
    expect(await status(ip, 15021, '/elsewhere')).toBe(404);
    // The Pod is known once its proxy is connected, and its listener comes with that news.
    while (await status(ip, 19000, '/', { host: 'back:9000' }).catch(() => 0) !== 200) await new Promise(next => setTimeout(next, 20));
    expect((await plane.end()).code).toBe(130);
    expect(await status(ip, 19000, '/', { host: 'back:9000' })).toBe(200);
    expect((await proxy.end()).code).toBe(130);
    await new Promise(done => application.close(done));
  });
});

test.each<[string, string[], Record<string, string>, string]>([
  ['a proxy without an address', ['proxy', '--xds', 'a:1'], { POD_NAME: 'a' }, 'MESH_INPUT_MISSING: a proxy has the name and the address of its Pod, got no --ip; give --ip or set POD_IP\n'],
  ['a proxy without a name', ['proxy', '--xds', 'a:1'], { POD_IP: '127.0.0.1' }, 'MESH_INPUT_MISSING: a proxy has the name and the address of its Pod, got no --name; give --name or set POD_NAME\n'],
  ['a proxy without a control plane', ['proxy'], {}, 'error: required option \'--xds <host:port>\' not specified'],
  ['a control plane without a port', ['proxy', '--xds', 'a'], {}, 'must be HOST:PORT.'],
  ['application ports that are none', ['proxy', '--xds', 'a:1', '--app-ports', '9080'], {}, 'must be a JSON object of ports.'],
  ['a port that is none', ['control-plane', '.', '--port', '65536'], {}, 'must be a port, 0 to 65535.'],
  ['an address that is none', ['control-plane', '.', '--host', 'here'], {}, 'must be an IP address.'],
  ['a folder that is not there', ['control-plane', 'gone'], {}, 'MESH_FILE_UNREADABLE'],
])('exit code 2 for %s', async (_case, argv, env, message) => {
  const { code, stderr } = await cli(argv, { env });
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test('Pods take labels and ports of the controller that their names begin with, the longest', () => {
  const deployment = (name: string, port: number) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: { template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'a', ports: [{ containerPort: port }] }] } } },
  });
  const { resources, placement } = withRegisteredPods(resourcesOf([deployment('web', 80), deployment('web-admin', 60_000)]), [
    'sidecar~10.0.0.1~web-5d9f-abc.shop~shop.svc.cluster.local', 'sidecar~10.0.0.2~web-admin-77-x.shop~shop.svc.cluster.local', 'sidecar~10.0.0.3~other-1.shop~shop.svc.cluster.local',
  ]);
  expect(resources.map(({ kind, metadata }) => [kind, metadata.name, metadata.labels.app])).toEqual([['Pod', 'web-5d9f-abc', 'web'], ['Pod', 'web-admin-77-x', 'web-admin']]);
  expect(Object.fromEntries(placement)).toEqual({
    'shop/web-5d9f-abc': { ip: '10.0.0.1', ports: { 80: 10_080 } }, 'shop/web-admin-77-x': { ip: '10.0.0.2', ports: { 60000: 50_000 } },
  });
});

test('a registered Pod stays the same resource as long as its controller does', () => {
  const deployment = (image: string) => resourcesOf([{
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' }, spec: { template: { spec: { containers: [{ name: 'a', image }] } } },
  }]);
  const ids = ['sidecar~10.0.0.1~web-5d9f-abc.shop~shop.svc.cluster.local'];
  const made: RegisteredPods = new Map();
  const [first, second] = [deployment('one'), deployment('two')];
  const [pod] = withRegisteredPods(first, ids, made).resources;
  expect(withRegisteredPods(first, ids, made).resources[0]).toBe(pod);
  expect(withRegisteredPods(second, ids, made).resources[0]!.spec.containers).toEqual([{ name: 'a', image: 'two' }]);
});

test.each([[1, 10_001], [55_535, 65_535], [55_536, 45_536], [65_535, 55_535]])('the proxy of an application on %i listens on %i', (port, expected) => {
  expect(proxyPort(port)).toBe(expected);
});
