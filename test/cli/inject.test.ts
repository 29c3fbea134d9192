import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { cli, folderOf } from './support';
import { compare } from '../injection/differences';
import { describeReal } from '../support/real-parts';

const workload = (name: string, extra = '', kind = 'Deployment') => `apiVersion: apps/v1
kind: ${kind}
metadata: {name: ${name}}
spec:${kind === 'Deployment' && extra.startsWith('replicas') ? `\n  ${extra}` : ''}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}${extra.startsWith('replicas') ? '' : extra}}}
    spec: {containers: [{name: app, image: x}]}
`;
const SERVICE = '# the way in\napiVersion: v1\nkind: Service\nmetadata: {name: s} # kept as it is\nspec: {ports: [{port: 80}]}\n';
const objects = (text: string) => parseAllDocuments(text).map(document => document.toJS() as { kind: string; metadata: { name: string } });

test('documents keep their order, and those that are no workloads their text', async () => {
  const folder = folderOf({ 'a.yaml': `${SERVICE}---\n${workload('web')}`, 'b.yaml': `---\n# only a comment\n---\n${workload('other')}` });
  const { code, stdout } = await cli(['inject', folder]);
  expect(code).toBe(0);
  expect(stdout.startsWith(`${SERVICE}---\napiVersion: apps/v1\n`)).toBe(true);
  expect(objects(stdout).filter(Boolean).map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual(['Service/s', 'Deployment/web', 'Deployment/other']);
  const again = await cli(['inject', '-f', '-'], { stdin: stdout });
  expect(again.stdout).toBe(stdout);
});

test('standard error says who got a sidecar, who did not and why, and what they add', async () => {
  const folder = folderOf({
    'a.yaml': [workload('web', 'replicas: 3'), workload('not', ', sidecar.istio.io/inject: "false"'), workload('agent', '', 'DaemonSet')].join('---\n'),
  });
  expect((await cli(['inject', folder])).stderr).toBe(`injected  Deployment/default/web   3 Pods, each: requests cpu 100m memory 128Mi, limits cpu 2 memory 1Gi
skipped   Deployment/default/not   label sidecar.istio.io/inject is "false"
injected  DaemonSet/default/agent  per node: requests cpu 100m memory 128Mi, limits cpu 2 memory 1Gi
2 of 3 workloads injected, 1 skipped. The sidecars of 4 Pods (a DaemonSet counted for one node) add requests cpu 400m memory 512Mi, limits cpu 8 memory 4Gi.
`);
  expect(await cli(['inject', '-f', '-'], { stdin: SERVICE })).toEqual({ code: 0, stdout: SERVICE, stderr: 'No workloads: nothing to inject.\n' });
});

test('-o json is a List', async () => {
  const { stdout } = await cli(['inject', '-f', '-', '-o', 'json'], { stdin: `${SERVICE}---\n${workload('web')}` });
  const list = JSON.parse(stdout) as { kind: string; items: { kind: string }[] };
  expect([list.kind, ...list.items.map(({ kind }) => kind)]).toEqual(['List', 'Service', 'Deployment']);
});

test('values, MeshConfig, revision and native proxies', async () => {
  const folder = folderOf({ 'app.yaml': workload('web'), 'values.yml': 'global: {hub: my.hub, tag: 9}', 'mesh.yml': 'trustDomain: td' });
  const { stdout } = await cli(['inject', 'app.yaml', '--values', 'values.yml', '--mesh-config', 'mesh.yml', '-r', 'blue', '--native-sidecar'], { cwd: folder });
  interface Template { metadata: { annotations: object }; spec: { initContainers: { image: string; env?: object[] }[] } }
  const [{ spec: { template } }] = objects(stdout) as unknown as [{ spec: { template: Template } }];
  expect(template.metadata.annotations).toMatchObject({ 'istio.io/rev': 'blue' });
  expect(template.spec.initContainers.map(({ image }) => image)).toEqual(['my.hub/proxyv2:9', 'my.hub/proxyv2:9']);
  expect(template.spec.initContainers[1].env).toContainEqual({ name: 'TRUST_DOMAIN', value: 'td' });
});

test('by labels, a namespace of any document counts', async () => {
  const folder = folderOf({ 'app.yaml': workload('web'), 'ns.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {istio-injection: enabled}}\n' });
  expect((await cli(['inject', 'app.yaml', '--select', 'labels'], { cwd: folder })).stderr).toContain('skipped   Deployment/default/web  neither it nor namespace default asks for a sidecar');
  expect((await cli(['inject', 'app.yaml', 'ns.yaml', '--select', 'labels'], { cwd: folder })).stderr).toContain('injected  Deployment/default/web');
});

test('YAML 1.1, as Kubernetes reads it, and texts that it would misread', async () => {
  const stdin = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: "yes", b: "0644"}}\nspec:\n  hostIPC: yes\n'
    + '  containers: [{name: a, image: x}]\n  volumes: [{name: v, configMap: {name: c, defaultMode: 0644}}]\n';
  const { stdout } = await cli(['inject', '-f', '-'], { stdin });
  expect(stdout).toContain('hostIPC: true');
  expect(stdout).toContain('defaultMode: 420');
  expect(stdout).toMatch(/a: "yes"\n\s+app?|a: "yes"\n\s+b: "0644"/);
});

test('every annotation that Istio refuses is told of, and nothing is written', async () => {
  const bad = (name: string) => `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, annotations: {status.sidecar.istio.io/port: high}}\nspec: {containers: [{name: a, image: x}]}\n`;
  expect(await cli(['inject', '-f', '-'], { stdin: `${bad('one')}---\n${SERVICE}---\n${bad('two')}` })).toEqual({
    code: 1,
    stdout: '',
    stderr: ['one', 'two'].map(name => `[Pod/default/${name}] MESH_INJECT_ANNOTATION: annotation status.sidecar.istio.io/port must be a port, 0 to 65535, got "high"; correct it or leave it out\n`).join(''),
  });
});

test.each<[string, string[], string]>([
  ['no file', ['inject'], 'MESH_INPUT_MISSING: at least one FILE is named, got none; write `inject FILE`, or `inject -f -` for standard input\n'],
  ['a file that is not there', ['inject', 'gone.yaml'], '[gone.yaml] MESH_FILE_UNREADABLE: a file or folder that can be read, got: it does not exist; check the path\n'],
  ['no YAML', ['inject', '-f', '-'], '[standard input:1] MESH_YAML_SYNTAX'],
  ['values that are none', ['inject', 'ok.yaml', '--values', 'list.yml'], '[list.yml] MESH_FIELD_TYPE: values are an object, got [1]; name a file of values\n'],
  ['another form', ['inject', 'ok.yaml', '-o', 'xml'], 'error: option \'-o, --output <format>\' argument \'xml\' is invalid. Allowed choices are yaml, json.'],
])('exit code 2 for %s', async (_case, argv, message) => {
  const outcome = await cli(argv, { cwd: folderOf({ 'ok.yaml': SERVICE, 'list.yml': '[1]' }), stdin: 'kind: [' });
  expect([outcome.code, outcome.stdout]).toEqual([2, '']);
  expect(outcome.stderr).toContain(message);
});

describeReal(['istio-injected', 'istio-samples'], 'the command writes what istioctl kube-inject does', (paths) => {
  test.each(['probes', 'annotations', 'native-sidecar', 'kinds', 'skipped', 'gateway-template', 'bookinfo'])('%s', async (name) => {
    const input = name === 'bookinfo' ? join(paths['istio-samples'], 'bookinfo/platform/kube/bookinfo.yaml') : join(paths['istio-injected'], `${name}.in.yaml`);
    const { code, stdout } = await cli(['inject', input]);
    const wanted = objects(readFileSync(join(paths['istio-injected'], `${name}.out.yaml`), 'utf8')).filter(Boolean);
    expect({ code, ...compare(wanted, objects(stdout).filter(Boolean)) }).toMatchObject({ code: 0, differing: [] });
  });
});
