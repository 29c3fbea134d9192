// The package in other languages: builds the Python and the Go package, runs the same chart in each and compares the manifests with
// those of JavaScript. `--java` builds Java's package as well, which takes minutes and a Maven. Needs lib/ (`npx projen compile`),
// Python 3 with venv, and Go; leaves dist/ behind.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const programs = join(root, 'test/languages');
const dist = join(root, 'dist');
const work = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-languages-'));
const env = { ...process.env, JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION: '20', JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION: '1' };
const run = (file, args, cwd = root, more = {}) => execFileSync(file, args, { cwd, encoding: 'utf8', env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26 });

/** Packages of other projects that registries here and there lack are built along. */
const DEPENDENCIES = ['constructs', 'cdk8s', 'cdk8s-plus-27'].map((name) => `node_modules/${name}`);

function python() {
  run('npx', ['jsii-pacmak', '--target', 'python', '-o', dist]);
  run('python3', ['-m', 'venv', join(work, 'venv')]);
  const wheel = readdirSync(join(dist, 'python')).find((name) => name.endsWith('.whl'));
  run(join(work, 'venv/bin/pip'), ['install', '--quiet', '--disable-pip-version-check', join(dist, 'python', wheel)]);
  return run(join(work, 'venv/bin/python'), [join(programs, 'python/main.py')], work);
}

function go() {
  run('npx', ['jsii-pacmak', '--target', 'go', '-o', dist, ...DEPENDENCIES, '.']);
  const app = join(work, 'go');
  cpSync(join(programs, 'go'), app, { recursive: true });
  const modules = readdirSync(join(dist, 'go')).map((folder) => {
    const [, path] = /^module (\S+)$/m.exec(readFileSync(join(dist, 'go', folder, 'go.mod'), 'utf8'));
    return `replace ${path} => ${join(dist, 'go', folder)}`;
  });
  writeFileSync(join(app, 'go.mod'), ['module shop', '', 'go 1.25', '', ...modules, ''].join('\n'));
  run('go', ['mod', 'tidy'], app, { GOFLAGS: '-mod=mod', GOWORK: 'off' });
  return run('go', ['run', '.'], app, { GOFLAGS: '-mod=mod', GOWORK: 'off' });
}

function java() {
  run('npx', ['jsii-pacmak', '--target', 'java', '-o', dist, ...DEPENDENCIES, '.']);
  const jars = readdirSync(join(dist, 'java'), { recursive: true }).filter((name) => /cdk8s-mesh-[\d.]+\.jar$/.test(name));
  if (jars.length !== 1) throw new Error(`dist/java must hold one jar of cdk8s-mesh, got ${jars.length}`);
}

let passed = 0;
let failed = 0;
function check(name, action) {
  const start = Date.now();
  try {
    action();
    passed++;
    console.log(`ok      ${name} (${Math.round((Date.now() - start) / 1000)} s)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${[error.message, error.stdout, error.stderr].filter(Boolean).join('\n').split('\n').slice(0, 40).join('\n')}`);
  }
}

try {
  const expected = run(process.execPath, [join(programs, 'reference.cjs')]);
  const same = (made) => {
    const [ours, theirs] = [expected, made].map((text) => text.trimEnd().split('\n'));
    const line = ours.findIndex((each, index) => each !== theirs[index]);
    if (line >= 0 || ours.length !== theirs.length) throw new Error(`line ${line + 1} must be ${ours[line]}, got ${theirs[line]}`);
    if (!expected.includes('kind: VirtualService')) throw new Error('the chart renders no VirtualService');
  };
  check('Python renders the manifests that JavaScript renders', () => same(python()));
  check('Go renders the manifests that JavaScript renders', () => same(go()));
  if (process.argv.includes('--java')) check('Java: the package is built', java);
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
