// node bench/run.mjs analyze|compile|growth|simulate|synth
//
// Runs one measurement from the sources: bundles bench/NAME.ts, with the packages it uses left in node_modules, and starts it.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');
const NAMES = ['analyze', 'compile', 'growth', 'simulate', 'synth'];
const [name, ...rest] = process.argv.slice(2);
if (!NAMES.includes(name)) {
  console.error(`node bench/run.mjs ${NAMES.join('|')}`);
  process.exit(2);
}

const folder = join(ROOT, 'bench/results'); // below the project, so that packages are found
mkdirSync(folder, { recursive: true });
const program = join(folder, `${name}.cjs`);
await build({
  entryPoints: [join(ROOT, 'bench', `${name}.ts`)], absWorkingDir: ROOT, bundle: true, platform: 'node', target: 'node20', format: 'cjs',
  packages: 'external', alias: { 'cdk8s-mesh': join(ROOT, 'src/index.ts') }, outfile: program, logLevel: 'warning',
});
process.exitCode = spawnSync(process.execPath, ['--expose-gc', program, ...rest], { stdio: 'inherit', cwd: ROOT }).status ?? 1;
