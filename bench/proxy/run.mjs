// node bench/proxy/run.mjs [--rounds 3] [--seconds 5] [--connections 64]
//
// Requests per second and latency of the reference proxy, of Envoy with one worker, and of @fastify/http-proxy, on the same routes.
// One core for the proxy, another for load and upstream; the engines take turns in one run, so that what else the machine does hits all.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { envoyBootstrap, resources } from './resources.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, '../..');
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '5' }, connections: { type: 'string', default: '64' } },
});
const ROUNDS = Number(values.rounds);
const SECONDS = Number(values.seconds);
const CONNECTIONS = Number(values.connections);
const READY_MS = 20_000;

const found = command => spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;
const pinned = found('taskset') && cpus().length > 1;
const on = (core, command) => (pinned ? ['taskset', '-c', String(core), ...command] : command);

if (!found('wrk')) {
  console.log('not run: no wrk on the path (apt-get install wrk)');
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'bench-proxy-'));
const children = [];
try {
  await main();
} finally {
  for (const child of children) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  }
  rmSync(folder, { recursive: true, force: true });
}

async function main() {
  const upstreams = { v1: await freePort(), v2: await freePort(), v3: await freePort() };
  start(1, [process.execPath, join(HERE, 'upstream.mjs'), ...Object.values(upstreams).map(String)]);
  const engines = [];
  for (const [name, launch] of [['reference proxy', reference], ['Envoy, one worker', envoy], ['@fastify/http-proxy', fastify]]) {
    const port = await freePort();
    const launched = await launch(port, upstreams);
    if (typeof launched === 'string') {
      console.log(`${name} — not run: ${launched}`);
      continue;
    }
    await listening(port);
    engines.push({ name, port, child: launched, rounds: [] });
  }
  for (const { child } of engines) child.kill('SIGSTOP');
  for (let round = 0; round <= ROUNDS; round++) {
    for (const engine of engines) {
      engine.child.kill('SIGCONT');
      const result = load(engine.port, round === 0 ? 2 : SECONDS); // the first round only warms up
      if (round > 0) engine.rounds.push(result);
      engine.child.kill('SIGSTOP');
    }
  }
  print(engines);
}

async function reference(port, upstreams) {
  const outfile = join(folder, 'reference.cjs');
  const config = join(folder, 'reference.json');
  await build({ entryPoints: [join(HERE, 'reference.ts')], outfile, bundle: true, platform: 'node', target: 'node20', format: 'cjs', logLevel: 'error', absWorkingDir: ROOT });
  writeFileSync(config, JSON.stringify(resources(port, upstreams)));
  return start(0, [process.execPath, outfile, config]);
}

function envoy(port, upstreams) {
  const binary = [process.env.ENVOY_BIN, join(ROOT, '.real-parts/envoy'), 'envoy'].find(each => each && (each === 'envoy' ? found(each) : existsSync(each)));
  if (binary === undefined) return 'no Envoy (set ENVOY_BIN, or run scripts/install-envoy.sh)';
  const config = join(folder, 'envoy.json');
  writeFileSync(config, JSON.stringify(envoyBootstrap(port, upstreams)));
  return start(0, [binary, '-c', config, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error', '--skip-deprecated-logs']);
}

function fastify(port, { v1, v2, v3 }) {
  const home = join(folder, 'fastify');
  try {
    execFileSync('npm', ['install', '--prefix', home, '--no-audit', '--no-fund', '--loglevel', 'error', 'fastify', '@fastify/http-proxy'], { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    return `npm could not install it (${String(error.stderr).trim().split('\n')[0]})`;
  }
  return start(0, [process.execPath, join(HERE, 'fastify.mjs'), String(port), String(v1), String(v2), String(v3)], { cwd: home });
}

/** Starts a process that ends with this one. */
function start(core, command, options = {}) {
  const [file, ...args] = on(core, command);
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
  children.push(child);
  return child;
}

function load(port, seconds) {
  const [file, ...args] = on(1, ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', `http://127.0.0.1:${port}/reviews/0`]);
  const output = execFileSync(file, args, { encoding: 'utf8' });
  const errors = /Socket errors.*|Non-2xx.*/.exec(output)?.[0];
  if (errors !== undefined) console.log(`port ${port}: ${errors}`);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]), p50: milliseconds(output, 50), p99: milliseconds(output, 99) };
}

function milliseconds(output, percent) {
  const [, value, unit] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(output);
  return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit];
}

function print(engines) {
  const middle = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
  const rows = engines.map(({ name, rounds }) => ({
    name, rate: middle(rounds.map(({ rate }) => rate)), p50: middle(rounds.map(({ p50 }) => p50)), p99: middle(rounds.map(({ p99 }) => p99)),
    all: rounds.map(({ rate }) => (rate / 1000).toFixed(1)).join(' '),
  }));
  const own = rows[0];
  console.log(`\nHTTP/1.1 keep-alive, ${CONNECTIONS} connections, 13-byte answers, ${ROUNDS} rounds of ${SECONDS} s each, medians;`
    + ` Node ${process.versions.node}, ${cpus()[0].model.trim()}, load average ${loadavg()[0].toFixed(1)}${pinned ? '' : ', not pinned to cores'}\n`);
  console.log('| engine | req/s | p50 ms | p99 ms | reference ÷ this: req/s | p99 | rounds, thousand req/s |');
  console.log('|---|--:|--:|--:|--:|--:|---|');
  for (const { name, rate, p50, p99, all } of rows) {
    console.log(`| ${name} | ${Math.round(rate)} | ${p50.toFixed(2)} | ${p99.toFixed(2)} | ${(own.rate / rate).toFixed(2)} | ${(own.p99 / p99).toFixed(2)} | ${all} |`);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(done => server.once('listening', done));
  const { port } = server.address();
  await new Promise(done => server.close(done));
  return port;
}

async function listening(port) {
  for (const end = Date.now() + READY_MS; Date.now() < end;) {
    const open = await new Promise(done => {
      const socket = connect(port, '127.0.0.1', () => done(true)).on('error', () => done(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise(done => setTimeout(done, 100));
  }
  throw new Error(`nothing listens on port ${port}`);
}
