import { cli, folderOf, MESH } from './support';

/** Every rule on a line of its own. */
const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back}
spec:
  hosts: [back]
  http:
  - match: [{headers: {end-user: {exact: jason}}, sourceLabels: {app: other}}]
    route: [{destination: {host: back, subset: v1}}]
  - match:
    - headers: {end-user: {exact: jason}}
    route: [{destination: {host: back, subset: v2}}]
  - name: rest
    route: [{destination: {host: back, subset: v1}}]
`;

const DELEGATING = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back}
spec:
  hosts: [back]
  http:
  - match: [{uri: {prefix: /own}}]
    delegate: {name: part}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: part}
spec:
  http:
  - match: [{uri: {prefix: /own/1}}]
    route: [{destination: {host: back, subset: v1}}]
  - route: [{destination: {host: back, subset: v2}}]
`;

async function explain(files: Record<string, string>, ...args: string[]) {
  const { stdout, stderr, code } = await cli(['explain', '.', ...args, '--from', 'front-v1', '-o', 'json'], { cwd: folderOf({ 'mesh.yaml': MESH, ...files }) });
  expect({ code, stderr: stderr.replace(/^note: .*\n/, '') }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as { rule: { where: string }; trace: { step: string; side: string; outcome: string; where?: string }[] };
}

const ruleSteps = ({ trace }: Awaited<ReturnType<typeof explain>>) => trace.filter(({ step, side }) => step === 'rule' && side === 'client')
  .map(({ outcome, where }) => [outcome, where]);

test('the rule that decided is named by its own line, and so is each that lost', async () => {
  const jason = await explain({ 'back.yaml': RULES }, 'http://back:9000/', '-H', 'end-user: jason');
  expect(jason.rule.where).toBe('back.yaml:10');
  expect(ruleSteps(jason)).toEqual([['chosen', 'back.yaml:10'], ['skipped', 'back.yaml:13']]);
  const others = await explain({ 'back.yaml': RULES }, 'http://back:9000/');
  expect(others.rule.where).toBe('back.yaml:13');
  expect(ruleSteps(others)).toEqual([['failed', 'back.yaml:10'], ['chosen', 'back.yaml:13']]);
});

test('a rule that was delegated is found where it is written', async () => {
  expect((await explain({ 'back.yaml': DELEGATING }, 'http://back:9000/own/2')).rule.where).toBe('back.yaml:18');
});

test('a rule at a gateway has its line as well', async () => {
  const { stdout } = await cli(['explain', '.', 'http://any.example:8080/', '--from', 'outside', '-o', 'json'], { cwd: folderOf({ 'mesh.yaml': MESH }) });
  const line = MESH.split('\n').findIndex(text => text.includes('gateways: [door]')) + 1;
  expect(JSON.parse(stdout).rule.where).toBe(`mesh.yaml:${line}`);
});
