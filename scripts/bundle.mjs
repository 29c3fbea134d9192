// The esbuild calls that scripts share: the package's binary, and the example as one program.
import { chmodSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as esbuild from 'esbuild';

export const root = resolve(import.meta.dirname, '..');
export const BINARY = join(root, 'assets/runtime/main/index.cjs');

/** Bundles control plane, proxy and CLI into the binary, with the options of projen's task `bundle:runtime/main`. */
export async function bundleRuntime(options = {}) {
  const result = await esbuild.build({
    entryPoints: [join(root, 'runtime/main.ts')], absWorkingDir: root, bundle: true, platform: 'node', target: 'node20', format: 'cjs', minify: true,
    outfile: BINARY, logLevel: 'warning', ...options,
  });
  if (options.write !== false) chmodSync(BINARY, 0o755);
  return result;
}

/** Bundles a cdk8s app that imports `cdk8s-mesh` against this source tree; cdk8s itself stays in node_modules. */
export function bundleApp(entry, outfile) {
  return esbuild.build({
    entryPoints: [entry], absWorkingDir: root, bundle: true, platform: 'node', target: 'node20', format: 'cjs', sourcemap: 'inline', sourcesContent: false,
    alias: { 'cdk8s-mesh': join(root, 'src/index.ts') }, external: ['cdk8s', 'cdk8s-plus-27', 'constructs'], outfile, logLevel: 'warning',
  });
}
