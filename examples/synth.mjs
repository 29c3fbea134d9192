// `node examples/synth.mjs NAME` synthesizes an example of this folder into examples/NAME/dist, as `cdk8s synth` does for an app of your own.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bundleApp, root } from '../scripts/bundle.mjs';

const [name = ''] = process.argv.slice(2);
const main = `examples/${name}/main.ts`;
if (!/^[\w-]+$/.test(name) || !existsSync(join(root, main))) throw new Error(`examples/synth.mjs takes the name of an example, got "${name}"; see examples/README.md`);
const app = join(root, `node_modules/.cache/cdk8s-mesh/${name}.cjs`);
const dist = `examples/${name}/dist`;
await bundleApp(main, app);
execFileSync(process.execPath, ['--enable-source-maps', app], { cwd: root, env: { ...process.env, CDK8S_OUTDIR: dist }, stdio: 'inherit' });
console.log(`${dist}: look with  npx cdk8s-mesh analyze ${dist}`);
