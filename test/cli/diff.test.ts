import { cli, folderOf, MESH, toBack } from './support';

const folder = folderOf({
  'before/mesh.yaml': MESH,
  'before/back.yaml': toBack('v1'),
  'after/mesh.yaml': MESH,
  'after/back.yaml': toBack('v2'),
  'moved/all.yaml': `${toBack('v1')}---${MESH}`,
  'broken/mesh.yaml': 'kind: [',
});

test('a changed route is told with the proxies it holds for, and exit code 1', async () => {
  const outcome = await cli(['diff', 'before', 'after'], { cwd: folder });
  expect(outcome.code).toBe(1);
  expect(outcome.stderr.match(/note: added/g)).toHaveLength(1);
  expect(outcome.stdout).toMatch(/^~ route back\.default\.svc\.cluster\.local:9000 .*: to .*v1.* → .*v2.* \(for .*front-v1\.default.*\)$/m);
});

test('the same as JSON', async () => {
  const changes = JSON.parse((await cli(['diff', 'before', 'after', '-o', 'json'], { cwd: folder })).stdout) as { kind: string; proxies: string[] }[];
  expect(changes.find(({ kind }) => kind === 'route')).toMatchObject({ aspect: 'to', proxies: expect.arrayContaining(['front-v1.default']) });
});

test('resources in other files and another order are no difference', async () => {
  expect(await cli(['diff', 'before', 'moved'], { cwd: folder })).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('No difference for traffic and access.') });
});

test('in which order to apply the change, as text and as JSON with what is applied in between', async () => {
  const { code, stdout } = await cli(['diff', 'before', 'after', '--order'], { cwd: folder });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^1\. apply \w+\/default\/back\n/);
  const steps = JSON.parse((await cli(['diff', 'before', 'after', '--order', '-o', 'json'], { cwd: folder })).stdout) as object[];
  expect(steps[0]).toMatchObject({ action: 'apply', resource: expect.stringContaining('/default/back') });
  expect(await cli(['diff', 'before', 'moved', '--order'], { cwd: folder })).toMatchObject({ code: 0, stdout: '', stderr: 'Nothing to apply.\n' });
});

test('input that cannot be read is exit code 2, as everywhere', async () => {
  expect(await cli(['diff', 'before', 'broken'], { cwd: folder })).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('[broken/mesh.yaml:1] MESH_YAML_SYNTAX') });
  expect((await cli(['diff', 'before'], { cwd: folder })).code).toBe(2);
});
