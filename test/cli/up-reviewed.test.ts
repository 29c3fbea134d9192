import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { cli, folderOf, MESH, toBack } from './support';
import { rowsOf } from '../../runtime/cli/check/tally';
import { envoyDataPlane } from '../../runtime/cli/up/envoy';
import type { UpEvent } from '../../runtime/cli/up/events';
import { referenceDataPlane } from '../../runtime/cli/up/reference';
import { nextCommands, requestLine } from '../../runtime/cli/up/report';
import { runUp } from '../../runtime/cli/up/up';
import type { UpHandle, UpOptions } from '../../runtime/cli/up/up';
import type { Explanation } from '../../src/analysis/explain';

jest.setTimeout(60_000);

/** The mesh of the other tests under names of its own, since files of tests run side by side and addresses go by names. */
const renamed = (text: string) => text.replaceAll('front', 'shop').replaceAll('back', 'depot').replaceAll('istio: gate', 'istio: hatch-gate');
const SHOP = renamed(MESH);
const toDepot = (version: string) => renamed(toBack(version));

const realEnvoy = envoyEnvironment();
const withEnvoy = realEnvoy ? test : test.skip;

/** The environment in which real Envoy is found, where there is one. */
function envoyEnvironment(): UpOptions['env'] | undefined {
  const installed = join(__dirname, '../../.real-parts/envoy');
  for (const candidate of [process.env.ENVOY_BIN, existsSync(installed) ? installed : undefined, 'envoy']) {
    try {
      const env = { ...process.env, ENVOY_BIN: candidate };
      envoyDataPlane(env);
      return env;
    } catch {
      // the next one
    }
  }
  return undefined;
}

interface Answer { readonly status: number; readonly body: any }

function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => { body += chunk; })
        .on('end', () => resolve({ status: response.statusCode!, body: body.startsWith('{') ? JSON.parse(body) : body }));
    }).on('error', reject).end();
  });
}

/** Waits for a condition to hold. */
async function until(holds: () => boolean): Promise<void> {
  const began = performance.now();
  while (!holds()) {
    if (performance.now() - began > 5000) throw new Error('not within 5 s');
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

const handles: UpHandle[] = [];
afterEach(async () => { for (const handle of handles.splice(0)) await handle.close(); });

async function start(folder: string, options: Partial<UpOptions> = {}): Promise<{ up: UpHandle; events: UpEvent[] }> {
  const events: UpEvent[] = [];
  const up = await runUp({
    paths: ['.'], cwd: folder, env: process.env, dataPlane: referenceDataPlane(), signal: new AbortController().signal, on: event => events.push(event), ...options,
  });
  handles.push(up);
  return { up, events };
}

/** The program, as users have it. */
let program = '';
beforeAll(() => {
  program = join(folderOf({}), 'index.cjs');
  buildSync({ entryPoints: [join(__dirname, '../../runtime/main.ts')], bundle: true, platform: 'node', target: 'node20', format: 'cjs', outfile: program, logLevel: 'error' });
});

/** Starts `up` in a process of its own; `ready` tells whether it became so. */
function begin(folder: string, args: readonly string[]) {
  const child = spawn(process.execPath, [program, 'up', ...args], { cwd: folder, env: realEnvoy ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  const exit = new Promise<number | null>(resolve => child.once('close', resolve));
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
  const ready = new Promise<boolean>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => { if ((stdout += chunk.toString()).includes('Ctrl-C ends it')) resolve(true); });
    void exit.then(() => resolve(false));
  });
  return { child, exit, ready, stdout: () => stdout, stderr: () => stderr };
}

const children: ChildProcess[] = [];
afterEach(() => { for (const child of children.splice(0)) child.kill('SIGTERM'); });

/** Command lines of all processes of this machine. */
async function processes(): Promise<string[]> {
  const ps = spawn('ps', ['-eo', 'args'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of ps.stdout) text += String(chunk);
  return text.split('\n');
}

describe('after an up that was killed', () => {
  /** Kills `up` with `args`, and starts it anew. */
  const twice = async (args: readonly string[], between: () => Promise<void>) => {
    const folder = folderOf({ 'mesh.yaml': SHOP });
    const first = begin(folder, ['mesh.yaml', ...args]);
    expect([await first.ready, first.stderr()]).toEqual([true, '']);
    process.kill(first.child.pid!, 'SIGKILL');
    // Its pipes stay open as long as what it started.
    await new Promise(resolve => first.child.once('exit', resolve));
    await between();
    const second = begin(folder, ['mesh.yaml', ...args]);
    expect([await second.ready, second.stderr()]).toEqual([true, '']);
    expect(second.stdout()).toMatch(new RegExp(`^note: ended [1-9]\\d* process(es)? that a killed \`cdk8s-mesh up mesh\\.yaml\` \\(process ${first.child.pid}\\) had left running$`, 'm'));
    second.child.kill('SIGINT');
    expect(await second.exit).toBe(130);
  };

  withEnvoy('its Envoys are ended, their folders removed, and the next one starts', async () => {
    const folders = () => readdirSync(tmpdir()).filter(name => name.startsWith('cdk8s-mesh-envoy-'));
    const before = new Set(folders());
    await twice(['--data-plane', 'envoy'], async () => { expect(folders().filter(name => !before.has(name)).length).toBeGreaterThan(0); });
    expect(folders().filter(name => !before.has(name))).toEqual([]);
  });

  test('its commands are ended, and nobody else', async () => {
    const server = 'require(\'http\').createServer().listen(process.env.PORT, process.env.HOST)';
    const stranger = spawn('sleep', ['424'], { detached: true });
    await twice(['--run', `shop-v1=sleep 423 & exec "${process.execPath}" -e "${server}"`], async () => { expect(await processes()).toContain('sleep 423'); });
    expect(await processes()).not.toContain('sleep 423');
    expect(await processes()).toContain('sleep 424');
    stranger.kill();
  });
});

/** Rules of every kind for `depot`: by a user, by another header, by a method and a path, and one that nothing reaches. */
const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: depot}
spec:
  hosts: [depot]
  http:
  - {match: [{headers: {end-user: {exact: jason}}}], route: [{destination: {host: depot, subset: v2}}]}
  - {match: [{headers: {X-Tier: {regex: "go(ld|od)"}}}], route: [{destination: {host: depot, subset: v1}}]}
  - {match: [{uri: {prefix: /stock}, method: {exact: POST}}], route: [{destination: {host: depot, subset: v2}}]}
  - {match: [{uri: {exact: /broken}}], fault: {abort: {httpStatus: 503, percentage: {value: 100}}}, route: [{destination: {host: depot, subset: v2}}]}
  - route: [{destination: {host: depot, subset: v1}, weight: 50}, {destination: {host: depot, subset: v2}, weight: 50}]
  - {match: [{uri: {exact: /never}}], route: [{destination: {host: depot, subset: v2}}]}
`;

describe('--check', () => {
  const engines = ['reference', ...realEnvoy ? ['envoy'] : []];

  test.each(engines)('drives every rule inside the mesh from a sidecar, a row each, on %s', async (name) => {
    const outcome = await cli(['up', '.', '--data-plane', name, '--check', '--requests', '200'], {
      cwd: folderOf({ 'mesh.yaml': SHOP, 'rules.yaml': RULES }), env: realEnvoy ?? process.env,
    });
    const row = (request: string, target: string, share: string, status: number, rule: number) => expect(outcome.stdout).toMatch(new RegExp(
      `^shop-v1\\.default  ${request} +${target} +${share} +\\S+ % \\(\\d+ of 20\\) +${status} .* VirtualService/default/depot spec\\.http\\[${rule}\\]$`, 'm'));
    row('GET depot:9000/  end-user: jason', 'depot v2', '100 %', 200, 0);
    row('GET depot:9000/  x-tier: gold', 'depot v1', '100 %', 200, 1);
    row('POST depot:9000/stock', 'depot v2', '100 %', 200, 2);
    row('GET depot:9000/broken', 'abort 503', '100 %', 503, 3);
    row('GET depot:9000/', 'depot v1', '50 %', 200, 4);
    row('GET depot:9000/', 'depot v2', '50 %', 200, 4);
    expect(outcome.stdout).toContain('Every request went where the configuration says.\n\nNot exercised:\n'
      + '  VirtualService/default/depot spec.http[5]: GET http://depot:9000/never from shop-v1.default is taken by VirtualService/default/depot spec.http[4]\n');
    expect(outcome.code).toBe(0);
  });

  test('needs no gateway where there are rules', async () => {
    const inside = SHOP.slice(0, SHOP.indexOf('apiVersion: networking.istio.io/v1\nkind: Gateway'));
    const outcome = await cli(['up', '.', '--check'], { cwd: folderOf({ 'mesh.yaml': inside, 'rules.yaml': toDepot('v2') }) });
    expect(outcome.stdout).toMatch(/^shop-v1\.default {2}GET depot:9000\/ +depot v2 +100 % +100 % \(100 of 100\) +200/m);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(await cli(['up', '.', '--check'], { cwd: folderOf({ 'mesh.yaml': inside }) })).toEqual({
      code: 2,
      stdout: '',
      stderr: 'MESH_GATEWAY_MISSING: a check sends requests through a gateway that speaks HTTP, or to services that rules are for, got a mesh without either; add a Gateway or a VirtualService\n',
    });
    expect(await cli(['up', '.', '--port', '18081'], { cwd: folderOf({ 'mesh.yaml': inside }) })).toEqual({
      code: 2, stdout: '', stderr: 'MESH_GATEWAY_MISSING: --port 18081 leads to a gateway, got a mesh without one; add a Gateway\n',
    });
  });

  test('finds requests that go elsewhere than the configuration says', () => {
    const plan = { proxy: 'a.b', address: '', port: 1, method: 'GET', path: '/', headers: { 'x-tier': 'gold' }, count: 1, spec: { from: 'a.b', url: 'http://c/' } };
    const line = {
      proxy: 'a.b', method: 'GET', path: '/', authority: 'c', user: '', status: 200, flags: '', cluster: 'outbound|80|v2|c', upstream: '1', route: '', local: '', milliseconds: 1, check: '0', fromProxy: false,
    };
    const explained = { targets: [{ host: 'c', subset: 'v1', percent: 100 }], rule: { written: 'rule' } } as unknown as Explanation;
    expect(rowsOf([line], () => plan, () => explained)).toMatchObject([
      { route: 'a.b  GET c/  x-tier: gold', target: 'c v1', expectedPercent: 100, observed: 0, good: false }, { target: 'c v2', expectedPercent: 0, observed: 1, good: false },
    ]);
  });
});

describe('a stand-in', () => {
  test('calls onward when a header says so, and passes on what rules ask for', async () => {
    const { up, events } = await start(folderOf({ 'mesh.yaml': SHOP, 'rules.yaml': RULES }));
    const [{ url }] = up.gateways;
    const { body } = await get(`${url}/any/path`, { 'x-call': 'http://shop:8000/, http://depot:9000/stock', 'x-tier': 'gold', 'x-other': 'stays' });
    expect(body.called.body).toMatchObject({ service: 'shop', headers: { 'x-tier': 'gold' }, called: { url: 'http://depot:9000/stock', status: 200 } });
    const seen = body.called.body.called.body;
    expect(seen).toMatchObject({ service: 'depot', version: 'v1', path: '/stock', headers: { 'x-tier': 'gold' } });
    expect(seen.headers).not.toHaveProperty('x-other');
    expect(seen.headers).not.toHaveProperty('x-call');
    expect(events.filter(({ kind }) => kind === 'failed')).toEqual([]);
    expect(nextCommands(up, ['.'])[1]).toBe(`curl -s -H 'x-call: http://depot:9000/' -H 'end-user: jason' ${url}/`);
  });

  test.each(['reference', ...realEnvoy ? ['envoy'] : []])('that is asked at its address is told once, on %s', async (name) => {
    const { up, events } = await start(folderOf({ 'mesh.yaml': SHOP }), { dataPlane: name === 'envoy' ? envoyDataPlane(realEnvoy!) : referenceDataPlane() });
    const { ip } = up.workloads.find(each => each.name === 'depot-v1.default')!;
    await get(`${up.gateways[0].url}/call?url=http://depot:9000/through`);
    await get(`http://${ip}:9000/direct`);
    const told = () => events.flatMap(event => (event.kind === 'request' ? [requestLine(event)] : []));
    await until(() => told().length >= 3);
    expect(told().filter(line => !line.includes('/call'))).toEqual([expect.stringMatching(/^GET \/through {2}→ depot-v\d$/), 'GET /direct  → depot-v1  sent to its address']);
  });
});

test('a stand-in finds Pods of a headless service by name', async () => {
  const pods = `apiVersion: v1
kind: Service
metadata: {name: rows}
spec: {clusterIP: None, selector: {app: rows}, ports: [{name: http, port: 7001}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: rows}
spec:
  serviceName: rows
  selector: {matchLabels: {app: rows}}
  template:
    metadata: {labels: {app: rows}}
    spec: {containers: [{name: rows, image: rows, ports: [{containerPort: 7001}]}]}
`;
  const { up } = await start(folderOf({ 'mesh.yaml': SHOP, 'rows.yaml': pods }));
  const { body } = await get(`${up.gateways[0].url}/call?url=http://rows-0.rows:7001/`);
  expect(body.called).toMatchObject({ status: 200, body: { service: 'rows', host: 'rows-0.rows:7001' } });
});

test('of a command that ends at once the first words are quoted as well as the last', async () => {
  const many = 'echo "Cannot find module"; seq 1 100; echo bye; exit 1';
  await expect(start(folderOf({ 'mesh.yaml': SHOP }), { runs: { 'shop-v1': many } })).rejects.toThrow(/got its end: Cannot find module \| 1 \| .* \| … 86 more lines … \| .* \| 100 \| bye; repair/);
});

test('what is no Envoy is named with its answer', async () => {
  const outcome = await cli(['up', '.', '--data-plane', 'envoy'], { cwd: folderOf({ 'mesh.yaml': SHOP }), env: { ...process.env, ENVOY_BIN: '/bin/echo' } });
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
  expect(outcome.stderr).toMatch(/^MESH_ENVOY_MISSING: ENVOY_BIN is an Envoy that runs, got \/bin\/echo, which answers --version with: .+; get one with .*\n$/);
});

test('only addresses that somebody listens on are told', async () => {
  const other = SHOP.replace('{name: http, port: 8000}', '{name: http, port: 8000, targetPort: 8888}');
  for (const loopback of ['block', 'single']) {
    const stop = new AbortController();
    const { stdout } = await cli(['up', '.', '--loopback', loopback], {
      cwd: folderOf({ 'mesh.yaml': other }), signal: stop.signal, onStdout: (text) => { if (text.includes('Ctrl-C ends it')) stop.abort(); },
    });
    expect(stdout).toMatch(loopback === 'block' ? /shop-v1\.default +stand-in +127\.\d+\.0\.1:8888 → 127\.0\.0\.1:\d+\n/ : /shop-v1\.default +stand-in +127\.0\.0\.1:\d+ → 127\.0\.0\.1:\d+\n/);
    expect(stdout).toContain('note: nobody reaches port 8000 of shop-v1.default through its proxy, as no Service leads to it\n');
  }
});
