import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { cli, folderOf, MESH, toBack } from './support';
import { envoyDataPlane } from '../../runtime/cli/up/envoy';
import type { UpEvent } from '../../runtime/cli/up/events';
import { Lock } from '../../runtime/cli/up/lock';
import { referenceDataPlane } from '../../runtime/cli/up/reference';
import { requestLine } from '../../runtime/cli/up/report';
import { runUp } from '../../runtime/cli/up/up';
import type { UpHandle, UpOptions } from '../../runtime/cli/up/up';

// Everything that really listens is in this file: files of tests run side by side, and addresses go by the names of workloads.
jest.setTimeout(30_000);

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

/** Asks `front`, through the gateway, to ask `back`. */
const callBack = (up: UpHandle) => get(`${up.gateways[0].url}/call?url=http://back:9000/here`).then(answer => answer.body.called as { status: number; body: any });

/** Waits for a condition to hold, asked every few milliseconds. */
async function until(holds: () => boolean | Promise<boolean>, milliseconds: number): Promise<number> {
  const began = performance.now();
  while (!await holds()) {
    if (performance.now() - began > milliseconds) throw new Error(`not within ${milliseconds} ms`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  return performance.now() - began;
}

/** Command lines of all processes of this machine. */
async function processes(): Promise<string[]> {
  const ps = spawn('ps', ['-eo', 'args'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of ps.stdout) text += String(chunk);
  return text.split('\n');
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

const realEnvoy = envoyEnvironment();
const engines: [string, (() => UpOptions['dataPlane']) | undefined][] = [
  ['reference', referenceDataPlane], ['envoy', realEnvoy && (() => envoyDataPlane(realEnvoy))],
];

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

for (const [name, engine] of engines) {
  (engine ? describe : describe.skip)(engine ? `on ${name}` : `not run: there is no Envoy, so nothing is seen on ${name}`, () => {
    test('requests travel from the gateway through two sidecars, and are told', async () => {
      const folder = folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v2') });
      const { up, events } = await start(folder, { dataPlane: engine!() });
      expect(events).toContainEqual({ kind: 'note', text: 'added Deployment/istio-system/istio-gate, as no workload carries the labels that a Gateway selects' });
      expect(up.gateways).toMatchObject([{ name: 'istio-gate.istio-system', port: 8080, page: '/' }]);
      const answer = await get(`${up.gateways[0].url}/call?url=http://back:9000/here`, { 'end-user': 'jason', 'x-request-id': 'abc', 'traceparent': '00-1-1-01' });
      expect(answer.body).toMatchObject({ service: 'front', version: 'v1', pod: 'front-v1', port: 8000, called: { status: 200 } });
      expect(answer.body.called.body).toMatchObject({
        service: 'back', version: 'v2', pod: 'back-v2', path: '/here', host: 'back:9000', headers: { 'end-user': 'jason', 'traceparent': '00-1-1-01' },
      });
      const told = () => events.filter(event => event.kind === 'request');
      await until(() => told().length >= 2, 3000);
      expect(told().map(event => requestLine(event)).sort()).toEqual(['GET /call?url=http://back:9000/here  jason  → front-v1', 'GET /here  jason  → back-v2  rule to-v2'].sort());
    });

    test('a changed file is live within a second, and no request fails meanwhile', async () => {
      const folder = folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v1') });
      const { up } = await start(folder, { dataPlane: engine!() });
      let [going, failed, last] = [true, 0, ''];
      const load = Promise.all([1, 2, 3, 4].map(async () => {
        while (going) {
          const { status, body } = await callBack(up);
          if (status !== 200) failed++;
          last = body.version;
        }
      }));
      await until(() => last === 'v1', 2000);
      for (const version of ['v2', 'v1', 'v2']) {
        writeFileSync(join(folder, 'next'), toBack(version));
        renameSync(join(folder, 'next'), join(folder, 'back.yaml')); // as editors do
        expect(await until(() => last === version, 3000)).toBeLessThan(1000);
      }
      going = false;
      await load;
      expect(failed).toBe(0);
    });
  });
}

test('a bad edit is told with file and line, and the last good state keeps serving', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v1') });
  const { up, events } = await start(folder);
  const rejected = () => events.flatMap(event => (event.kind === 'rejected' ? event.errors : []));
  writeFileSync(join(folder, 'back.yaml'), toBack('v9'));
  await until(() => rejected().length === 1, 3000);
  expect(rejected()[0]).toContain('[back.yaml:9] MESH_SUBSET_MISSING: VirtualService/default/back: routes to the subset v9 of back');
  expect((await callBack(up)).body.version).toBe('v1');
  writeFileSync(join(folder, 'back.yaml'), 'kind: [');
  await until(() => rejected().length === 2, 3000);
  expect(rejected()[1]).toContain('[back.yaml:1] MESH_YAML_SYNTAX');
  expect((await callBack(up)).body.version).toBe('v1');
  writeFileSync(join(folder, 'back.yaml'), toBack('v2'));
  await until(async () => (await callBack(up)).body.version === 'v2', 3000);
});

test('a folder that cdk8s synth removes and writes anew is taken up without a word, and no request fails meanwhile', async () => {
  const folder = folderOf({ 'dist/mesh.yaml': MESH, 'dist/back.yaml': toBack('v1') });
  const { up, events } = await start(folder, { paths: ['dist'] });
  expect((await callBack(up)).body.version).toBe('v1');
  rmSync(join(folder, 'dist'), { recursive: true });
  const failed: unknown[] = [];
  for (let i = 0; i < 20; i++) {
    const { status } = await callBack(up);
    if (status !== 200) failed.push(status);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'dist/back.yaml'), toBack('v2'));
  writeFileSync(join(folder, 'dist/mesh.yaml'), MESH);
  await until(async () => (await callBack(up)).body.version === 'v2', 3000);
  expect(failed).toEqual([]);
  expect(events.filter(({ kind }) => kind === 'rejected' || kind === 'failed')).toEqual([]);
});

test('a workload that comes with a change is started, one that goes is ended', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v1') });
  const { up } = await start(folder);
  const third = MESH.slice(MESH.indexOf('apiVersion: apps/v1')).split('---').find(text => text.includes('name: back-v2'))!.replaceAll('v2', 'v3');
  writeFileSync(join(folder, 'third.yaml'), `${third}---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: z}\n`
    + 'spec: {host: back.default.svc.cluster.local, subsets: [{name: v3, labels: {version: v3}}]}\n');
  await until(() => up.workloads.some(({ name }) => name === 'back-v3.default'), 3000);
  writeFileSync(join(folder, 'third.yaml'), 'apiVersion: v1\nkind: Namespace\nmetadata: {name: empty}\n');
  await until(() => !up.workloads.some(({ name }) => name === 'back-v3.default'), 3000);
});

test('a service that comes with a change is called by those that run already, and so is a port that a workload gains', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH });
  const { up, events } = await start(folder);
  const call = async (url: string) => (await get(`${up.gateways[0].url}/call?url=${url}`)).body.called as { error?: string; status?: number; body: any };
  expect((await call('http://side:7000/')).error).toBe('no service of the mesh is called side with port 7000');
  const side = (ports: readonly number[]) => `apiVersion: v1
kind: Service
metadata: {name: side}
spec: {selector: {app: side}, ports: [${ports.map(port => `{name: http-${port}, port: ${port}}`).join(', ')}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: side-v1}
spec:
  selector: {matchLabels: {app: side}}
  template:
    metadata: {labels: {app: side, version: v1}}
    spec: {containers: [{name: side, image: side, ports: [${ports.map(port => `{containerPort: ${port}}`).join(', ')}]}]}
`;
  writeFileSync(join(folder, 'side.yaml'), side([7000]));
  await until(async () => (await call('http://side:7000/')).status === 200, 3000);
  writeFileSync(join(folder, 'side.yaml'), side([7000, 7001]));
  await until(async () => (await call('http://side:7001/')).status === 200, 3000);
  expect((await call('http://side:7001/')).body).toMatchObject({ service: 'side', port: 7001 });
  expect((await call('http://side:7000/')).body).toMatchObject({ service: 'side', port: 7000 });
  rmSync(join(folder, 'side.yaml'));
  await until(async () => (await call('http://side:7000/')).error !== undefined, 3000);
  expect(up.workloads.map(({ name }) => name)).not.toContain('side-v1.default');
  expect(events.filter(({ kind }) => kind === 'rejected' || kind === 'failed')).toEqual([]);
});

const SERVER = `
const { createServer } = require('node:http');
const { env } = process;
const picked = Object.fromEntries(Object.keys(env).filter(key => /SERVICE_|^PORT|PROXY|^HOST$|POD_/i.test(key)).map(key => [key, env[key]]));
createServer((request, response) => response.end(JSON.stringify({ service: 'mine', env: picked }))).listen(Number(env.PORT), env.HOST);
`;

test('a command stands for a workload, with its ports, its proxy and every service in its environment', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v1'), 'server.js': SERVER });
  const { up } = await start(folder, { paths: ['mesh.yaml', 'back.yaml'], runs: { 'front-v1': `"${process.execPath}" server.js` } });
  const { body: { service, env } } = await get(up.gateways[0].url);
  const { ip, ports } = up.workloads.find(({ name }) => name === 'front-v1.default')!;
  expect(service).toBe('mine');
  expect(env).toMatchObject({ HOST: '127.0.0.1', PORT: String(ports[8000]), PORT_8000: String(ports[8000]), POD_NAME: 'front-v1', BACK_SERVICE_PORT: '9000' });
  expect(env.HTTP_PROXY).toBe(`http://${ip}:15080`);
  expect(env.http_proxy).toBe(env.HTTP_PROXY);
  expect(env.NO_PROXY).toContain('127.0.0.1');
  // The sidecar answers at the address of a service: the address means the service, and so does the name.
  const dialled = `http://${env.BACK_SERVICE_HOST}:${env.BACK_SERVICE_PORT}/x`;
  expect((await get(dialled)).body).toMatchObject({ service: 'back', version: 'v1' });
  expect((await get(dialled, { host: 'back:9000' })).body).toMatchObject({ service: 'back', version: 'v1' });
});

test('an annotation of the Pod template names a command too', async () => {
  const annotated = MESH.replace('labels: {app: front, version: v1}}\n    spec', `labels: {app: front, version: v1}, annotations: {cdk8s-mesh.dev/run: '"${process.execPath}" server.js'}}\n    spec`);
  const folder = folderOf({ 'mesh.yaml': annotated, 'server.js': SERVER });
  const { up } = await start(folder, { paths: ['mesh.yaml'] });
  expect((await get(up.gateways[0].url)).body.service).toBe('mine');
});

test('a command that does not listen on PORT is an error that names the port', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH });
  const began = performance.now();
  await expect(start(folder, { runs: { 'front-v1': 'exec sleep 60' }, listenMs: 500 })).rejects.toThrow(
    /^\[front-v1\.default\] MESH_APP_PORT_IGNORED: the command of a workload listens on the port in PORT, got nothing on 127\.0\.0\.1:\d+ after 0\.5 s while it runs; make `exec sleep 60` listen on HOST and PORT$/);
  expect(performance.now() - began).toBeLessThan(10_000);
});

test('a command that ends at once is quoted', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH });
  await expect(start(folder, { runs: { 'front-v1': 'echo no such thing >&2; exit 3' } })).rejects.toThrow('[front-v1.default] MESH_APP_ENDED: the command of a workload keeps running, got its end: no such thing');
});

test('a command for a workload that is not there lists those that are', async () => {
  await expect(start(folderOf({ 'mesh.yaml': MESH }), { runs: { frunt: 'true' } })).rejects.toThrow('MESH_WORKLOAD_UNKNOWN');
});

test('--port leads to the gateway as well', async () => {
  const { up } = await start(folderOf({ 'mesh.yaml': MESH }), { port: 18080 });
  expect(up.gateways[0].url).toBe('http://127.0.0.1:18080');
  expect((await get('http://127.0.0.1:18080/')).body).toMatchObject({ service: 'front' });
});

test.each(engines.flatMap(([name, engine]) => (engine ? [[name]] : [])))('with one loopback address for all, --check on %s finds its way and the output names real ports', async (name) => {
  const half = toBack('v1').replace('subset: v1}}]', 'subset: v1}, weight: 50}, {destination: {host: back, subset: v2}, weight: 50}]');
  const page = MESH.replace('{uri: {prefix: /}}', '{uri: {exact: /call}}');
  const outcome = await cli(['up', '.', '--loopback', 'single', '--data-plane', name, '--check', '--requests', '40'], {
    cwd: folderOf({ 'mesh.yaml': page, 'back.yaml': half }), env: realEnvoy ?? process.env,
  });
  expect(outcome.stdout).toMatch(/istio-gate\.istio-system {2}GET 127\.0\.0\.1:\d+\/call +front +100 % +100 % \(40 of 40\) +200/);
  expect(outcome.stdout).toMatch(/front-v1\.default +stand-in +127\.0\.0\.1:[12]\d{4} → 127\.0\.0\.1:\d+\n/);
  expect(outcome.code).toBe(0);
});

test('with one loopback address for all, workloads differ by port', async () => {
  const { up } = await start(folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v2') }), { loopback: 'single' });
  expect(new Set(up.workloads.map(({ ip }) => ip))).toEqual(new Set(['127.0.0.1']));
  expect(up.gateways[0]).toMatchObject({ page: '/', listens: 8080 });
  expect((await callBack(up)).body).toMatchObject({ service: 'back', version: 'v2' });
});

test('what the reference proxy cannot do is refused by name', async () => {
  const strict = 'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: strict}\nspec: {mtls: {mode: STRICT}}\n';
  await expect(start(folderOf({ 'mesh.yaml': MESH, 'strict.yaml': strict }))).rejects.toThrow(
    '[strict.yaml:4] MESH_TLS_UNSUPPORTED: the reference proxy speaks no TLS yet, got PeerAuthentication/default/strict with mode STRICT; use --data-plane envoy');
});

test.each<[string, string, string]>([
  ['AuthorizationPolicy', 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: it}\nspec: {selector: {matchLabels: {app: back}}, rules: [{to: [{operation: {methods: [GET]}}]}]}\n',
    '[it.yaml:4] MESH_POLICY_UNSUPPORTED: the reference proxy enforces no AuthorizationPolicy, got AuthorizationPolicy/default/it, which needs the HTTP filter envoy.filters.http.rbac; use --data-plane envoy'],
  ['RequestAuthentication', 'apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: it}\nspec: {selector: {matchLabels: {app: back}}, jwtRules: [{issuer: a, jwksUri: "https://a.example/keys"}]}\n',
    '[it.yaml:4] MESH_POLICY_UNSUPPORTED: the reference proxy enforces no RequestAuthentication, got RequestAuthentication/default/it, which needs the HTTP filter envoy.filters.http.jwt_authn; use --data-plane envoy'],
  ['a hash', 'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: it}\nspec: {host: front, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}}\n',
    '[it.yaml:4] MESH_POLICY_UNSUPPORTED: the reference proxy balances by no hash, got DestinationRule/default/it with consistentHash; use --data-plane envoy'],
])('a policy that the reference proxy does not enforce ends up at once: %s', async (_kind, policy, message) => {
  const outcome = await cli(['up', '.'], { cwd: folderOf({ 'mesh.yaml': MESH, 'it.yaml': policy }) });
  expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
});

test('--check compares where requests went with what the configuration says', async () => {
  const half = toBack('v1').replace('subset: v1}}]', 'subset: v1}, weight: 50}, {destination: {host: back, subset: v2}, weight: 50}]');
  const page = MESH.replace('{uri: {prefix: /}}', '{uri: {prefix: "/call?url=http://back:9000/"}}').replace('match: [{uri: {prefix: "/call?url=http://back:9000/"}}], ', '');
  const outcome = await cli(['up', '.', '--check', '--requests', '100'], { cwd: folderOf({ 'mesh.yaml': page, 'back.yaml': half }) });
  expect(outcome.stdout).toMatch(/GET \/ +caller +100 +200/);
  expect(outcome.stdout).toMatch(/istio-gate\.istio-system {2}GET \S+\/ +front +100 % +100 % \(100 of 100\) +200/);
  expect(outcome.stdout).toContain('Every request went where the configuration says.');
  expect(outcome.code).toBe(0);
});

describe('addresses', () => {
  /** Starts `up` as a command and ends it once it is ready. */
  const once = async (folder: string) => {
    const stop = new AbortController();
    return cli(['up', '.'], { cwd: folder, signal: stop.signal, onStdout: (text) => { if (text.includes('Ctrl-C ends it')) stop.abort(); } });
  };

  test('are the same from run to run, and free again after Ctrl-C', async () => {
    const folder = folderOf({ 'mesh.yaml': MESH });
    const [first, second] = [await once(folder), await once(folder)];
    expect([first.code, second.code]).toEqual([130, 130]);
    const places = (text: string) => [...text.matchAll(/127\.(?!0\.0)\d+\.0\.1:\d+/g)].map(([place]) => place).sort();
    expect(places(second.stdout)).toEqual(places(first.stdout));
    expect(first.stdout).toContain('npx cdk8s-mesh explain . GET http://');
  });

  test('that somebody else holds are named, and so is a running up', async () => {
    const folder = folderOf({ 'mesh.yaml': MESH });
    const address = /front-v1\.default +stand-in +([\d.]+):8000/.exec((await once(folder)).stdout)![1];
    const other = createServer();
    await new Promise<void>(resolve => other.listen(8000, address, resolve));
    expect(await cli(['up', '.'], { cwd: folder })).toMatchObject({
      code: 2, stderr: `[front-v1.default] MESH_ADDRESS_IN_USE: the proxy of front-v1.default needs ${address}:8000 for itself, got: it is in use; end what listens there\n`,
    });
    const running = spawn('sleep', ['30']);
    new Lock(undefined, running.pid).hold({ pid: running.pid!, cwd: '/elsewhere', paths: ['dist'], addresses: [address], controlPlanePort: 1, admins: {} });
    expect((await cli(['up', '.'], { cwd: folder })).stderr).toContain(`it is in use by cdk8s-mesh up dist (process ${running.pid} in /elsewhere); stop it with`);
    running.kill();
    await new Promise(resolve => running.once('exit', resolve));
    expect(new Lock().others().map(({ pid }) => pid)).not.toContain(running.pid);
    await new Promise(resolve => other.close(resolve));
  });
});

test('proxy-config without DIRs asks the proxies that are up', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v2') });
  const { up } = await start(folder, { lock: new Lock(undefined, process.ppid) }); // as another process would see it
  const routes = (await cli(['pc', 'routes', 'deploy/front-v1'])).stdout.split('\n').filter(line => line.startsWith('9000 '));
  expect(routes[0]).toMatch(/^9000 +back\.default\.svc\.cluster\.local:9000 .* back\.default$/);
  const back = up.workloads.find(({ name }) => name === 'back-v2.default')!;
  expect((await cli(['pc', 'endpoints', 'front-v1'])).stdout).toMatch(new RegExp(`^${back.ip}:9000 +HEALTHY +OK +outbound\\|9000\\|v2\\|back`, 'm'));
  // Other meshes may be up on this machine.
  const others = await cli(['pc', 'routes', 'nobody']);
  expect([others.code, others.stderr]).toEqual([2, expect.stringMatching(/there run .*back-v1\.default, .*front-v1\.default, .*istio-gate\.istio-system/)]);
});

test('of two that start at once one runs; the other names it, and runs once that one is killed', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH });
  const program = join(folder, 'index.cjs');
  buildSync({ entryPoints: [join(__dirname, '../../runtime/main.ts')], bundle: true, platform: 'node', target: 'node20', format: 'cjs', outfile: program, logLevel: 'error' });
  const begin = () => {
    const child = spawn(process.execPath, [program, 'up', 'mesh.yaml'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    const exit = new Promise<number | null>(resolve => child.once('exit', resolve));
    child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
    const ready = new Promise<boolean>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => { if ((stdout += chunk.toString()).includes('Ctrl-C ends it')) resolve(true); });
      void exit.then(() => resolve(false));
    });
    return { child, exit, ready, stderr: () => stderr };
  };
  const both = [begin(), begin()];
  const ready = await Promise.all(both.map(each => each.ready));
  const [running, refused] = ready[0] ? both : [both[1], both[0]];
  expect(ready.filter(Boolean)).toHaveLength(1);
  expect(await refused.exit).toBe(2);
  expect(refused.stderr()).toMatch(new RegExp(`^\\[[a-z.0-9-]+\\] MESH_ADDRESS_IN_USE: .* got: it is in use by cdk8s-mesh up mesh\\.yaml \\(process ${running.child.pid} in ${folder}\\); stop it with .*\n$`));
  running.child.kill('SIGKILL');
  await running.exit;
  const next = begin();
  expect(await next.ready).toBe(true);
  next.child.kill('SIGINT');
  expect(await next.exit).toBe(130);
  expect(new Lock().others().map(({ pid }) => pid)).toEqual(expect.not.arrayContaining([running.child.pid, next.child.pid]));
});

test('the program itself ends in order on SIGINT', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH });
  const program = join(folder, 'index.cjs');
  buildSync({ entryPoints: [join(__dirname, '../../runtime/main.ts')], bundle: true, platform: 'node', target: 'node20', format: 'cjs', outfile: program, logLevel: 'error' });
  const child = spawn(process.execPath, [program, 'up', 'mesh.yaml', '--run', 'front-v1=exec sleep 322 & exec node -e "require(\'http\').createServer().listen(process.env.PORT, process.env.HOST)"'],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (!text.includes('Ctrl-C ends it') && (text += chunk.toString()).includes('Ctrl-C ends it')) child.kill('SIGINT');
  });
  expect(await new Promise(resolve => child.once('exit', resolve))).toBe(130);
  expect(await processes()).not.toContain('sleep 322');
});

test('Ctrl-C ends the program and everything it started', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'server.js': `${SERVER}\nrequire('node:child_process').spawn('sleep', ['321']);` });
  const stop = new AbortController();
  const outcome = await cli(['up', 'mesh.yaml', '--run', `front-v1="${process.execPath}" server.js & "${process.execPath}" server.js`], {
    cwd: folder, signal: stop.signal, onStdout: (text) => { if (text.includes('Ctrl-C ends it')) stop.abort(); },
  });
  expect(outcome.code).toBe(130);
  expect((await processes()).filter(line => line === 'sleep 321' || line.includes(folder))).toEqual([]);
});
