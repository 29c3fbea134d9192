// The package as a user gets it: packs the tarball, makes the app that `cdk8s init typescript-app` makes in an empty folder,
// installs the tarball there, and does what README says: synth, a test, `up`. Chart and test are README's own blocks.
// `--keep` leaves the folder; `--no-build` packs lib/ and assets/ as they stand.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '..');
const MIB = 1024 * 1024;
const LIMITS = { tarball: 5 * MIB, requireMs: 300, upMs: 30_000, stopMs: 10_000 };
const run = promisify(execFile);

let failed = 0;
let passed = 0;
/** One line per expectation; the first words of what went wrong below it. */
async function check(name, action) {
  try {
    const note = await action();
    passed++;
    console.log(`ok      ${name}${note ? ` (${note})` : ''}`);
  } catch (error) {
    failed++;
    const said = [error.message, error.stdout, error.stderr].filter(Boolean).join('\n').trim().split('\n').slice(0, 40);
    console.log(`FAILED  ${name}\n${said.map((line) => `          ${line}`).join('\n')}`);
  }
}
function must(condition, message) {
  if (!condition) throw new Error(message);
}

/** README's fenced block whose info string carries this file name. */
function readmeBlock(file) {
  const block = new RegExp(`^\`\`\`\\w+ title="${file}"\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(readFileSync(join(root, 'README.md'), 'utf8'));
  must(block, `README.md has no block with title="${file}"`);
  return block[1];
}

/** The template that `cdk8s init typescript-app` copies, filled in as it fills it, with README's chart and test in place of the empty ones. */
function makeApp(app, tarball) {
  const modules = join(root, 'node_modules');
  const version = (name) => JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version;
  cpSync(join(modules, 'cdk8s-cli/templates/typescript-app'), app, { recursive: true, filter: (from) => !/__snapshots__|\.hooks|\{\{\}\}/.test(from) });
  const values = {
    $base: 'hello', cdk8s_core_version: version('cdk8s'), constructs_version: version('constructs'),
    cdk8s_cli_spec: version('cdk8s-cli'), cdk8s_plus_version: '2.5.57',
  };
  for (const file of readdirSync(app)) {
    const path = join(app, file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/\{\{\s*(\$?\w+)\s*\}\}/g, (_all, name) => values[name]));
  }
  const manifest = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'));
  manifest.dependencies['cdk8s-mesh'] = `file:${tarball}`;
  writeFileSync(join(app, 'package.json'), JSON.stringify(manifest, null, 2));
  writeFileSync(join(app, 'main.ts'), readmeBlock('main.ts'));
  writeFileSync(join(app, 'main.test.ts'), readmeBlock('main.test.ts'));
}

/** Everything under a process group, as `ps` sees it. */
function groupMembers(group) {
  const rows = execFileSync('ps', ['-eo', 'pgid=,stat=,args='], { encoding: 'utf8' }).split('\n');
  return rows.filter((row) => Number(row.trim().split(/\s+/)[0]) === group && !/^\s*\d+\s+Z/.test(row));
}

/** `cdk8s-mesh up dist`, a request through the gateway, then Ctrl-C to its process group as a terminal sends it. */
async function up(app) {
  const start = performance.now();
  const child = spawn('npx', ['cdk8s-mesh', 'up', 'dist'], { cwd: app, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => { child.once('exit', (code, signal) => done(code ?? signal)); });
  let output = '';
  try {
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text; });
    const answer = await firstAnswer(() => output, ended);
    const took = performance.now() - start;
    process.kill(-child.pid, 'SIGINT');
    const code = await Promise.race([ended, new Promise((done) => { setTimeout(done, LIMITS.stopMs, 'still running'); })]);
    must(code === 130 || code === 'SIGINT', `Ctrl-C ended it with ${code}\n${output}`);
    await new Promise((done) => { setTimeout(done, 200); });
    const left = groupMembers(child.pid);
    must(left.length === 0, `left running:\n${left.join('\n')}`);
    return `${answer} after ${(took / 1000).toFixed(1)} s`;
  } finally {
    if (groupMembers(child.pid).length > 0) process.kill(-child.pid, 'SIGKILL');
  }
}

/** Asks each URL that `up` prints until one answers 200 with the version that served it. */
async function firstAnswer(output, ended) {
  const deadline = performance.now() + LIMITS.upMs;
  let code;
  void ended.then((value) => { code = value; });
  while (performance.now() < deadline && code === undefined) {
    for (const [url] of output().matchAll(/http:\/\/(?:localhost|127\.[\d.]+)(?::\d+)?(?:\/[\w/]*)?/g)) {
      const response = await fetch(url, { headers: { 'end-user': 'jason' }, signal: AbortSignal.timeout(2000) }).catch(() => undefined);
      const text = await response?.text().catch(() => '');
      if (response?.status === 200 && text.includes('v2')) return `GET ${url} ${response.status} from v2`;
    }
    await new Promise((done) => { setTimeout(done, 200); });
  }
  throw new Error(`${code === undefined ? `no answer within ${LIMITS.upMs / 1000} s` : `ended with ${code}`}\n${output()}`);
}

const work = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-pack-'));
const app = join(work, 'hello');
try {
  if (!process.argv.includes('--no-build')) {
    for (const task of ['pre-compile', 'compile']) execFileSync('npx', ['projen', task], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  let tarball;
  await check('npm pack: at most 5 MB, no source, no test', async () => {
    const [packed] = JSON.parse((await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], { cwd: root, maxBuffer: 64 * MIB })).stdout);
    tarball = join(work, packed.filename);
    const { size } = statSync(tarball);
    must(size <= LIMITS.tarball, `${(size / MIB).toFixed(2)} MB`);
    const own = packed.files.map((file) => file.path).filter((path) => !path.startsWith('node_modules/'));
    const strange = own.filter((path) => !/^(lib\/.*\.(js|d\.ts|map)|lib\/.*|assets\/runtime\/.*|\.jsii|package\.json|README\.md|LICENSE|NOTICE|API\.md|ARCHITECTURE\.md|CONTRIBUTING\.md|docs\/.*)$/.test(path));
    must(strange.length === 0, `unexpected files: ${strange.slice(0, 20).join(', ')}`);
    for (const needed of ['lib/src/index.js', 'lib/src/index.d.ts', 'assets/runtime/main/index.cjs', '.jsii', 'LICENSE', 'NOTICE', 'README.md']) {
      must(own.includes(needed), `${needed} is missing`);
    }
    return `${(size / MIB).toFixed(2)} MB, ${packed.files.length} files`;
  });
  makeApp(app, tarball);
  const npx = (...args) => run('npx', args, { cwd: app, maxBuffer: 64 * MIB, env: { ...process.env, CI: '1' } });
  await check('npm install of the tarball into a fresh cdk8s app', async () => {
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: app, maxBuffer: 64 * MIB });
  });
  await check('require(\'cdk8s-mesh\') in at most 0.3 s', async () => {
    const script = 'const t = performance.now(); require("cdk8s-mesh"); console.log(performance.now() - t)';
    const times = [];
    for (let i = 0; i < 5; i++) times.push(Number((await run(process.execPath, ['-e', script], { cwd: app })).stdout));
    const best = Math.min(...times);
    must(best <= LIMITS.requireMs, `${best.toFixed(0)} ms`);
    return `${best.toFixed(0)} ms with its peers, best of ${times.length}`;
  });
  await check('tsc, with skipLibCheck off', async () => { await npx('tsc', '--noEmit', '--skipLibCheck', 'false'); });
  await check('cdk8s synth', async () => {
    await npx('cdk8s', 'synth', '--check-upgrade=false');
    must(existsSync(join(app, 'dist')), 'there is no dist');
    return readdirSync(join(app, 'dist')).join(', ');
  });
  await check('explain prints what README shows', async () => {
    const { stdout } = await npx('cdk8s-mesh', 'explain', 'dist', 'GET', 'http://shop.example/reviews/0', '--from', 'outside', '-H', 'end-user: jason');
    const shown = readmeBlock('explain');
    must(stdout.startsWith(shown), `README shows\n${shown}\nit prints\n${stdout}`);
  });
  await check('jest: README\'s test writes its snapshot, then passes with --ci', async () => {
    await npx('jest', '--ci=false');
    await npx('jest', '--ci');
    must(existsSync(join(app, '__snapshots__')), 'no snapshot was written');
  });
  await check('cdk8s-mesh analyze dist', async () => { await npx('cdk8s-mesh', 'analyze', 'dist'); });
  await check('cdk8s-mesh up dist answers through the gateway and ends on Ctrl-C', () => up(app));
} catch (error) {
  failed++;
  console.log(`FAILED  ${error.message}`);
} finally {
  if (process.argv.includes('--keep')) console.log(app);
  else rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
