import { cli, folderOf, MESH, toBack } from './support';

const GATE = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gate}
spec:
  selector: {matchLabels: {istio: gate}}
  template:
    metadata: {labels: {istio: gate}}
    spec: {containers: [{name: istio-proxy, image: proxyv2, ports: [{containerPort: 8080}]}]}
`;
const SOUND = `${MESH}${GATE}`;

describe('standard input', () => {
  test('of several documents is read like a file', async () => {
    expect(await cli(['analyze', '-'], { stdin: SOUND })).toMatchObject({ code: 0, stdout: '' });
    const { code, stdout } = await cli(['analyze', '-'], { stdin: `${SOUND}---${toBack('v9')}` });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^error \[stdin:\d+] MESH_SUBSET_MISSING/);
  });

  test('comes beside folders', async () => {
    expect(await cli(['analyze', '.', '-'], { cwd: folderOf({ 'mesh.yaml': SOUND }), stdin: toBack('v1') })).toMatchObject({ code: 0 });
  });

  test('is JSON as well, and what is neither is an error', async () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'it' }, spec: { host: 'nowhere' } }] };
    expect((await cli(['analyze', '-'], { stdin: JSON.stringify(list) })).stdout).toContain('MESH_HOST_UNKNOWN');
    expect(await cli(['analyze', '-'], { stdin: 'kind: [' })).toMatchObject({ code: 2, stdout: expect.stringContaining('[stdin:1] MESH_YAML_SYNTAX') });
  });
});

const FOREIGN = {
  'package.json': '{"name": "shop", "scripts": {}}',
  'settings.json': '[{"kind": "panel"}, 7]',
  'compose.yaml': 'services: {web: {image: a}}\n',
  'values.yaml': 'replicas: 3\n',
};
const TEMPLATES = {
  'chart/templates/web.yaml': 'apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Values.name }}}\n',
  'chart/templates/loop.yaml': '{{- range .Values.all }}\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .name }}\n{{- end }}\n',
};

describe('files below a folder', () => {
  test('that are no manifests are skipped, and told once', async () => {
    const folder = folderOf({ 'mesh.yaml': SOUND, ...FOREIGN });
    expect(await cli(['analyze', '.'], { cwd: folder })).toMatchObject({
      code: 0, stdout: '', stderr: expect.stringContaining('note: skipped 4 files that are no Kubernetes manifests: compose.yaml, package.json, settings.json and 1 more\n'),
    });
    expect((await cli(['diff', '.', '.'], { cwd: folder })).code).toBe(0);
  });

  test('that are templates are skipped, with what to do', async () => {
    expect(await cli(['analyze', '.'], { cwd: folderOf({ 'mesh.yaml': SOUND, ...TEMPLATES }) })).toMatchObject({
      code: 0, stdout: '', stderr: expect.stringContaining('note: skipped 2 templates that were not rendered (run `helm template` first): chart/templates/loop.yaml, chart/templates/web.yaml\n'),
    });
  });

  test('are judged where they are named', async () => {
    const folder = folderOf({ ...FOREIGN, ...TEMPLATES });
    for (const name of ['package.json', 'values.yaml', 'chart/templates/loop.yaml']) {
      expect(await cli(['analyze', name], { cwd: folder })).toMatchObject({ code: 2, stdout: expect.stringContaining(`[${name}:1]`) });
    }
  });

  test.each<[string, string]>([
    ['JSON', JSON.stringify({ apiVersion: 'networking.istio.io/v1', kind: 'DestinationRule', metadata: { name: 'it' }, spec: { host: 'nowhere' } })],
    ['text of a template in a manifest', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: t}\ndata:\n  a: |\n    {{- if .x }}\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: it}\nspec: {host: nowhere}\n'],
  ])('that are manifests are read: %s', async (kind, text) => {
    expect((await cli(['analyze', '.'], { cwd: folderOf({ 'mesh.yaml': SOUND, [`it.${kind === 'JSON' ? 'json' : 'yaml'}`]: text }) })).stdout).toContain('MESH_HOST_UNKNOWN');
  });

  test('that forgot their kind are errors all the same', async () => {
    expect(await cli(['analyze', '.'], { cwd: folderOf({ 'mesh.yaml': SOUND, 'it.yaml': 'apiVersion: v1\nmetadata: {name: a}\n' }) })).toMatchObject({ code: 2, stdout: expect.stringContaining('MESH_DOCUMENT_INVALID') });
  });
});

test('SARIF has all that code hosts ask for', async () => {
  const unnamed = 'apiVersion: v1\nkind: Service\nmetadata: {name: unnamed}\nspec: {ports: [{port: 80}]}\n';
  const folder = folderOf({ 'a mesh.yaml': `${SOUND}---${toBack('v9')}`, 'unnamed.yaml': unnamed });
  const { stdout, code } = await cli(['analyze', '.', '-o', 'sarif'], { cwd: folder });
  expect(code).toBe(1);
  const log = JSON.parse(stdout) as { version: string; $schema: string; runs: Run[] };
  expect(log).toMatchObject({ version: '2.1.0', $schema: expect.stringContaining('sarif-2.1.0') });
  const [{ tool: { driver }, results }] = log.runs;
  expect(driver.name).toBe('cdk8s-mesh');
  expect(results.length).toBeGreaterThan(1);
  for (const { id, shortDescription, fullDescription, help, defaultConfiguration } of driver.rules) {
    expect(id).toMatch(/^MESH_[A-Z_]+$/);
    for (const { text } of [shortDescription, fullDescription, help]) expect(text).toMatch(/\S{3}/);
    expect(['error', 'warning', 'note']).toContain(defaultConfiguration.level);
  }
  expect(new Set(driver.rules.map(({ id }) => id)).size).toBe(driver.rules.length);
  for (const { ruleId, ruleIndex, level, message, locations } of results) {
    expect(driver.rules[ruleIndex].id).toBe(ruleId);
    expect(['error', 'warning', 'note']).toContain(level);
    expect(message.text).toMatch(/\S/);
    expect(locations).toHaveLength(1);
    const { artifactLocation, region } = locations[0].physicalLocation;
    expect(artifactLocation.uri).toMatch(/^[^\s/\\][^\s\\]*$/);
    expect(Number.isInteger(region.startLine) && region.startLine >= 1).toBe(true);
  }
  expect(results.find(({ ruleId }) => ruleId === 'MESH_SUBSET_MISSING')!.locations[0].physicalLocation.artifactLocation.uri).toBe('a%20mesh.yaml');
});

interface Text { readonly text: string }
interface Run { readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly Rule[] } }; readonly results: readonly Result[] }
interface Rule {
  readonly id: string;
  readonly shortDescription: Text;
  readonly fullDescription: Text;
  readonly help: Text;
  readonly defaultConfiguration: { readonly level: string };
}
interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: Text;
  readonly locations: readonly { readonly physicalLocation: Place }[];
}
interface Place { readonly artifactLocation: { readonly uri: string }; readonly region: { readonly startLine: number } }
