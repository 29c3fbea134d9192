import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Testing } from 'cdk8s';
import { build } from 'esbuild';

/** The package as it is installed, in a folder of its own, with its programs (assets/runtime) removed. */
const root = mkdtempSync(join(tmpdir(), 'cdk8s-mesh-broken-'));
afterAll(() => rmSync(root, { recursive: true }));

test('a package whose programs are gone says so, and how to go on', async () => {
  const place = join(root, 'lib/src/private/index.cjs');
  await build({ entryPoints: [join(__dirname, '../src/reference-control-plane.ts')], bundle: true, platform: 'node', packages: 'external', outfile: place });
  symlinkSync(join(__dirname, '../node_modules'), join(root, 'node_modules'));
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { ReferenceControlPlane }: typeof import('../src') = require(place);
  const chart = Testing.chart();
  expect(() => new ReferenceControlPlane(chart, 'control-plane')).toThrow(new Error(
    `[test/control-plane] MESH_RUNTIME_MISSING: the package brings its programs in assets/runtime, got none at ${root}/assets/runtime/main/index.cjs; install the package anew, or give a bundle`));
  expect(Testing.synth(chart).map(({ kind }) => kind)).not.toContain('ConfigMap');
});
