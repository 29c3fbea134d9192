import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { folderOf, MESH } from './support';
import { envoyDataPlane } from '../../runtime/cli/up/envoy';
import type { UpOptions } from '../../runtime/cli/up/up';

jest.setTimeout(60_000);

/** The mesh of the other tests under names of its own, since files of tests run side by side and addresses go by names. */
const renamed = (text: string) => text.replaceAll('front', 'shop').replaceAll('back', 'depot').replaceAll('istio: gate', 'istio: hatch-gate');
const SHOP = renamed(MESH);

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

/** The program, as users have it. */
let program = '';
beforeAll(() => {
  program = join(folderOf({}), 'index.cjs');
  buildSync({ entryPoints: [join(__dirname, '../../runtime/main.ts')], bundle: true, platform: 'node', target: 'node20', format: 'cjs', outfile: program, logLevel: 'error' });
});

/** Starts `up` in a process of its own; `ready` tells whether it became so. */
function begin(folder: string, args: readonly string[]) {
  const child = spawn(process.execPath, [program, 'up', ...args], { cwd: folder, env: realEnvoy ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  const exit = new Promise<number | null>(resolve => child.once('close', resolve));
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
  const ready = new Promise<boolean>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => { if ((stdout += chunk.toString()).includes('Ctrl-C ends it')) resolve(true); });
    void exit.then(() => resolve(false));
  });
  return { child, exit, ready, stdout: () => stdout, stderr: () => stderr };
}

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
