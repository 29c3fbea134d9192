import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { parse } from 'yaml';
import { cli } from './cli/support';
import { blocksOf } from './support/snippets';

/** The pipelines of docs/pipelines.md as the services read them; scripts/pack-test.mjs runs their scripts in a fresh app. */
const page = join(__dirname, '../docs/pipelines.md');
const blocks = blocksOf(page).filter(({ language }) => language === 'yaml');
const [github, gitlab] = ['.github/workflows/mesh.yaml', '.gitlab-ci.yml'].map((name) => parse(blocks.find(({ title }) => title === name)!.text));

test.each(blocks.map(({ title, text }) => [title, text]))('%s is YAML, of which two readers understand the same', (_title, text) => {
  expect(load(text)).toEqual(parse(text));
});

test.each<[string, () => string[]]>([
  ['GitHub', () => github.jobs.mesh.steps.flatMap(({ run }: { run?: string }) => run ?? [])],
  ['GitLab', () => gitlab.mesh.script],
])('%s: synth, then analyze with SARIF, then diff against the base', (_name, scripts) => {
  const all = scripts().join('\n');
  const at = ['npm ci', 'npx cdk8s synth', 'npx cdk8s-mesh analyze dist -o sarif > findings.sarif', 'npx cdk8s-mesh diff ../base/dist dist'].map((line) => all.indexOf(line));
  expect(at).not.toContain(-1);
  expect(at).toEqual([...at].sort((a, b) => a - b));
});

test('GitHub: each step has one thing to do, what it uses has a version, and the file that is uploaded is the one that is written', () => {
  const { steps } = github.jobs.mesh;
  for (const step of steps) expect(['run', 'uses'].filter((key) => key in step)).toHaveLength(1);
  const used = steps.flatMap(({ uses }: { uses?: string }) => uses ?? []);
  expect(used.filter((name: string) => !/^[\w-]+\/[\w./-]+@v\d+$/.test(name))).toEqual([]);
  expect(steps.find(({ uses }: { uses?: string }) => uses?.includes('upload-sarif')).with).toEqual({ sarif_file: 'findings.sarif' });
  expect(github.permissions).toEqual({ 'contents': 'read', 'security-events': 'write' });
});

test('every command of the page is one that there is', async () => {
  const commands = [...new Set([...readFileSync(page, 'utf8').matchAll(/npx cdk8s-mesh ([\w-]+)/g)].map(([, command]) => command))];
  expect(commands.sort()).toEqual(['analyze', 'diff', 'simulate']);
  for (const command of commands) expect(await cli([command, '--help'])).toMatchObject({ code: 0 });
});
