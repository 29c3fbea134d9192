// The package as a user gets it: packs the tarball, makes the app that `cdk8s init typescript-app` makes in an empty folder,
// installs the tarball there, and does what README says: synth, a test, `up`. Chart and test are README's own blocks. Then it runs the
// steps of both pipelines of docs/pipelines.md, on a branch that changes a share.
// `--keep` leaves the folder; `--no-build` packs lib/ and assets/ as they stand.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

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

/** A page's fenced block whose info string carries this title. */
function blockOf(page, title) {
  const block = readFileSync(join(root, page), 'utf8').split(/^```/m).find((each) => each.split('\n', 1)[0].endsWith(` title="${title}"`));
  must(block, `${page} has no block with title="${title}"`);
  return block.slice(block.indexOf('\n') + 1);
}
const readmeBlock = (title) => blockOf('README.md', title);

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

/** A script as a pipeline's shell runs it: ended by the first command that fails. */
async function shell(script, cwd, env = {}) {
  return run('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd, maxBuffer: 64 * MIB, env: { ...process.env, CI: 'true', ...env } });
}

/** The scripts of both pipelines of docs/pipelines.md, in order. */
function pipelineSteps() {
  const github = parse(blockOf('docs/pipelines.md', '.github/workflows/mesh.yaml'));
  const gitlab = parse(blockOf('docs/pipelines.md', '.gitlab-ci.yml'));
  return { GitHub: github.jobs.mesh.steps.filter((step) => step.run).map((step) => step.run), GitLab: gitlab.mesh.script };
}

/** The app as a repository with a base branch, and a clone with a branch that changes shares, in which scripts of pipelines run. */
async function branch(app) {
  const origin = join(work, 'origin');
  const clone = join(work, 'clone');
  const git = (cwd, ...args) => run('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], { cwd });
  cpSync(app, origin, { recursive: true, filter: (from) => !/node_modules|dist$/.test(from.slice(app.length)) });
  writeFileSync(join(origin, '.gitignore'), 'node_modules\ndist\nfindings.sarif\nchanges.txt\n');
  await git(origin, 'init', '--quiet', '--initial-branch', 'main');
  await git(origin, 'add', '.');
  await git(origin, 'commit', '--quiet', '-m', 'base');
  await git(work, 'clone', '--quiet', origin, clone);
  const main = readFileSync(join(clone, 'main.ts'), 'utf8');
  writeFileSync(join(clone, 'main.ts'), main.replace('weight: 90', 'weight: 80').replace('weight: 10', 'weight: 20'));
  await git(clone, 'checkout', '--quiet', '-b', 'more-of-v2');
  await git(clone, 'commit', '--quiet', '-a', '-m', 'more of v2');
  const base = (await git(clone, 'rev-parse', 'origin/main')).stdout.trim();
  const env = { BASE: 'main', CI_MERGE_REQUEST_DIFF_BASE_SHA: base, GITHUB_STEP_SUMMARY: join(work, 'summary.md') };
  const sarif = () => JSON.parse(readFileSync(join(clone, 'findings.sarif'), 'utf8'));
  return {
    run: async (steps) => {
      for (const step of steps) await shell(step, clone, env);
      const { version, runs: [{ results }] } = sarif();
      must(version === '2.1.0' && results.every(({ level }) => level === 'note'), `findings in ${JSON.stringify(results)}`);
      const changes = readFileSync(join(clone, 'changes.txt'), 'utf8');
      must(/90.*80/.test(changes), `no change of shares in\n${changes}`);
      await git(clone, 'worktree', 'remove', '--force', join(work, 'base'));
      return changes.split('\n')[0];
    },
    finding: async (steps) => {
      writeFileSync(join(clone, 'dist/odd.yaml'), 'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: odd}\nspec: {servers: [{hosts: [a.example]}]}\n');
      const step = steps.find((each) => each.includes('sarif'));
      const { code } = await shell(step, clone, env).then(() => ({ code: 0 }), (error) => error);
      must(code === 1, `ended with ${code}`);
      const { runs: [{ tool, results }] } = sarif();
      const [first] = results.filter(({ level }) => level === 'error');
      must(first?.locations[0].physicalLocation.artifactLocation.uri === 'dist/odd.yaml', `got ${JSON.stringify(results)}`);
      must(results.every(({ ruleId, ruleIndex, message, locations }) => tool.driver.rules[ruleIndex].id === ruleId && message.text !== '' && locations[0].physicalLocation), 'a result lacks a part');
      rmSync(join(clone, 'dist/odd.yaml'));
      return `${first.ruleId}: ${results.length} results`;
    },
    diffCodes: async () => {
      const codes = [];
      for (const other of ['dist', join(app, 'dist'), 'nowhere']) {
        codes.push(await run('npx', ['cdk8s-mesh', 'diff', 'dist', other], { cwd: clone }).then(() => 0, (error) => error.code));
      }
      must(codes.join() === '0,1,2', `got ${codes.join()} for itself, the base and a folder that is not there`);
    },
  };
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
  for (const [resolution, module] of [['node', 'commonjs'], ['node16', 'node16']]) {
    await check(`tsc, strict, with skipLibCheck off and moduleResolution ${resolution}`, async () => {
      await npx('tsc', '--noEmit', '--strict', '--skipLibCheck', 'false', '--moduleResolution', resolution, '--module', module);
    });
  }
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
  const pipelines = await branch(app);
  for (const [name, steps] of Object.entries(pipelineSteps())) {
    await check(`the ${name} pipeline: synth, analyze, diff against the base branch`, () => pipelines.run(steps));
  }
  await check('the expectations of docs/pipelines.md hold', async () => {
    writeFileSync(join(app, 'expectations.yaml'), blockOf('docs/pipelines.md', 'expectations.yaml'));
    await shell(blockOf('docs/pipelines.md', 'simulate'), app);
  });
  await check('a finding ends analyze with 1, and is in the SARIF file', () => pipelines.finding(pipelineSteps().GitHub));
  await check('diff ends with 0, 1 and 2', () => pipelines.diffCodes());
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
