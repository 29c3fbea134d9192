import { cli, folderOf, MESH } from './support';

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back}
spec:
  hosts: [back]
  http:
  - match: [{headers: {end-user: {exact: jason}}}]
    fault: {delay: {fixedDelay: 7s, percentage: {value: 100}}}
    route: [{destination: {host: back, subset: v2}}]
  - route: [{destination: {host: back, subset: v1}, weight: 90}, {destination: {host: back, subset: v2}, weight: 10}]
    mirror: {host: front}
    mirrorPercentage: {value: 0.5}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: back}
spec: {selector: {matchLabels: {app: back, version: v2}}, mtls: {mode: STRICT}}
`;

const files = {
  'mesh.yaml': MESH.replace('name: front, image: front,', 'name: front, image: front, env: [{name: BACK, value: "back:9000"}],'), 'back.yaml': RULES,
};
const graph = async (given: Record<string, string>, ...args: string[]) => (await cli(['graph', '.', ...args], { cwd: folderOf(given) })).stdout;

test('gateways, services and workloads, with shares, conditions, faults, copies, locks and known calls', async () => {
  expect((await graph(files)).split('\n')).toEqual([
    'flowchart LR',
    '  n0{{"istio-gate"}}',
    '  n1("back")',
    '  n2("front")',
    '  n3["back-v1"]',
    '  n4["back-v2 🔒"]',
    '  n5["front-v1"]',
    '  n0 -->|"/*"| n2',
    '  n1 -.->|"copy 0.5 %"| n2',
    '  n1 -->|"90 %"| n3',
    '  n1 -->|"10 %"| n4',
    '  n1 -->|"end-user = jason: delay 7s 100%"| n4',
    '  n2 --> n5',
    '  n5 --> n1',
    '',
  ]);
});

test('the same for Graphviz', async () => {
  const lines = (await graph(files, '-o', 'dot')).split('\n');
  expect(lines[0]).toBe('digraph mesh {');
  expect(lines).toEqual(expect.arrayContaining([
    '  n0 [label="istio-gate", shape=hexagon];', '  n1 -> n2 [label="copy 0.5 %", style=dashed];', '  n1 -> n3 [label="90 %"];', '  n5 -> n1;', '}',
  ]));
});

test('the same as JSON, whatever the order of files', async () => {
  const drawn = JSON.parse(await graph(files, '-o', 'json')) as { nodes: object[]; edges: object[] };
  expect(drawn.nodes).toContainEqual({ id: 'workload:back-v2.default', kind: 'workload', name: 'back-v2', namespace: 'default', locked: true });
  expect(drawn.edges).toContainEqual({
    from: 'service:back.default.svc.cluster.local', to: 'workload:back-v1.default', kind: 'route', percent: 90, when: '', fault: '',
  });
  const documents = files['mesh.yaml'].split('---');
  expect(JSON.parse(await graph({ 'a.yaml': files['back.yaml'], 'z.yaml': documents.reverse().join('---') }, '-o', 'json'))).toEqual(drawn);
});
