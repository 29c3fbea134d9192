// `npm start`: bundles the programs, synthesizes Bookinfo and runs it on this machine. Arguments go to `cdk8s-mesh up`:
// `npm start -- --check` drives requests instead of waiting for them, `--data-plane envoy` takes real Envoy.
// `--task NAME` picks another task of the tour; `--task list` prints them.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { BINARY, bundleApp, bundleRuntime, root } from './bundle.mjs';

const EXAMPLE = 'examples/bookinfo';
const VERSIONS = { productpage: ['v1'], details: ['v1'], reviews: ['v1', 'v2', 'v3'], ratings: ['v1'] };

/** Prints one step with the time it took. */
async function step(name, action) {
  const start = performance.now();
  const result = await action();
  console.log(`  ${name.padEnd(42)} ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

/** Takes `--task NAME` out of the arguments. */
function takeTask(args) {
  const at = args.indexOf('--task');
  if (at < 0) return { args };
  return { task: args[at + 1] ?? 'list', args: [...args.slice(0, at), ...args.slice(at + 2)] };
}

/** Runs the app in a process of its own, as `cdk8s synth` does. Ends this one with its message where it fails. */
function synthesize(app, outdir, task) {
  try {
    const env = { ...process.env, CDK8S_OUTDIR: outdir, CDK8S_RECORD_CONSTRUCT_METADATA: 'false', ...(task && { BOOKINFO_TASK: task }) };
    return execFileSync(process.execPath, ['--enable-source-maps', app], { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const [, names, got] = /^Error: BOOKINFO_TASK must be one of (.*), got "(.*)"/m.exec(error.stderr) ?? [];
    if (names !== undefined) {
      console.error(`--task takes one of ${names}, got ${got}`);
      process.exit(2);
    }
    console.error(error.stderr);
    process.exit(error.status ?? 1);
  }
}

const { task, args } = takeTask(process.argv.slice(2));
const app = join(root, 'node_modules/.cache/cdk8s-mesh/bookinfo.cjs');
const outdir = `${EXAMPLE}/dist`;
process.chdir(root);

await step('bundle control plane, proxy and CLI', () => bundleRuntime());
await step('bundle examples/bookinfo', () => bundleApp(`${EXAMPLE}/main.ts`, app));
if (task === 'list') {
  console.log(synthesize(app, outdir, task));
  process.exit(0);
}
await step(`synthesize it to ${outdir}`, () => synthesize(app, outdir, task));

const runs = Object.entries(VERSIONS).flatMap(([service, versions]) => versions.map((version) =>
  `${service}-${version}=node ${EXAMPLE}/services/${service}.mjs --service-version ${version}`));
process.argv = [process.execPath, BINARY, 'up', outdir, ...runs.flatMap((run) => ['--run', run]), ...args];
console.log(`  ${relative(root, BINARY)} up ${outdir}\n`);
createRequire(import.meta.url)(BINARY); // in this process, so that Ctrl-C and exit codes are its own
