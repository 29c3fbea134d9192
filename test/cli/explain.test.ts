import { cli, folderOf, MESH, toBack } from './support';

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

const HEADERS = RULES.replace('  - name: rest\n', '  - name: rest\n    headers: {response: {set: {x-via: mesh}, remove: [x-secret]}}\n');
const DENY = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: back}
spec:
  selector: {matchLabels: {app: back}}
  rules: [{to: [{operation: {methods: [GET]}}]}]
`;

/** The way of a request: each place it passes, with the steps that took it on. */
function way({ trace }: Awaited<ReturnType<typeof explain>>): string[] {
  return trace.filter(({ outcome, step }) => outcome === 'chosen' || step === 'iptables').map(({ side, step }) => `${side} ${step}`)
    .filter((entry, index, all) => entry !== all[index - 1]);
}

test('the life of a packet: each hop on both sides, there and back', async () => {
  const explained = await explain({ 'back.yaml': HEADERS }, 'http://back:9000/');
  expect(way(explained)).toEqual([
    'client iptables', 'client listener', 'client filterChain', 'client filters', 'client virtualHost', 'client rule', 'client cluster', 'client endpoint', 'client iptables',
    'server iptables', 'server tls', 'server listener', 'server filterChain', 'server filters', 'server virtualHost', 'server rule', 'server cluster', 'server iptables',
    'server application', 'server response', 'server iptables', 'client response', 'client iptables',
  ]);
  expect(explained).toMatchObject({ response: { set: { 'x-via': 'mesh' }, removed: ['x-secret'] } });
  const { stdout } = await cli(['explain', '.', 'http://back:9000/', '--from', 'front-v1'], { cwd: folderOf({ 'mesh.yaml': MESH, 'back.yaml': HEADERS }) });
  expect(stdout).toContain('\n  answer     with x-via: mesh, no x-secret\n');
  expect(stdout).toMatch(/\nback at front-v1\.default\n {2}✓ response {4}headers: .*removes x-secret, sets x-via: mesh\n {2}· iptables {4}connection tracking: the answer goes back on its connection, which no chain looks at again\n$/);
});

test.each<[string, string, string, string[]]>([
  ['into the mesh', 'http://any.example:8080/', 'outside', [
    'client iptables', 'client listener', 'client filterChain', 'client filters', 'client virtualHost', 'client rule', 'client cluster', 'client endpoint',
    'server iptables', 'server tls', 'server listener', 'server filterChain', 'server filters', 'server virtualHost', 'server rule', 'server cluster', 'server iptables',
    'server application', 'server response', 'server iptables', 'client response',
  ]],
  ['out of the mesh', 'http://unknown.example/', 'front-v1', [
    'client iptables', 'client listener', 'client filterChain', 'client filters', 'client virtualHost', 'client rule', 'client cluster', 'client iptables',
    'client application', 'client response', 'client iptables',
  ]],
  ['out of the mesh as bytes', 'https://unknown.example/', 'front-v1', [
    'client iptables', 'client listener', 'client filterChain', 'client filters', 'client cluster', 'client iptables', 'client application', 'client response', 'client iptables',
  ]],
])('the life of a packet %s', async (_case, url, from, expected) => {
  const { stdout } = await cli(['explain', '.', url, '--from', from, '-o', 'json'], { cwd: folderOf({ 'mesh.yaml': MESH }) });
  expect(way(JSON.parse(stdout))).toEqual(expected);
});

test('a host that is declared outside the mesh: what is spoken to it, and that it answers', async () => {
  const entry = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec: {hosts: [api.example], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
`;
  const { stdout } = await cli(['explain', '.', 'http://api.example/', '--from', 'front-v1'], { cwd: folderOf({ 'mesh.yaml': MESH, 'api.yaml': entry }) });
  expect(stdout).toContain('✓ tls         plain text: the proxy sends plain text\n  ✓ application api.example:80: somebody outside the mesh answers\nback at front-v1.default\n');
});

test('what a policy refuses comes no further than its filter', async () => {
  const denied = await cli(['explain', '.', 'POST', 'http://back:9000/', '--from', 'front-v1', '-o', 'json'], { cwd: folderOf({ 'mesh.yaml': MESH, 'deny.yaml': DENY }) });
  const { outcome, status, trace } = JSON.parse(denied.stdout) as { outcome: string; status: number; trace: unknown[] };
  expect({ outcome, status, last: trace.at(-1) }).toMatchObject({ outcome: 'denied', status: 403, last: { side: 'server', step: 'policy' } });
});

const annotated = (annotation: string) => MESH.replace('labels: {app: front, version: v1}}\n    spec', `labels: {app: front, version: v1}, annotations: {${annotation}}}\n    spec`);

test.each([
  ['traffic.sidecar.istio.io/excludeOutboundPorts: "9000"', 'traffic.sidecar.istio.io/excludeOutboundPorts leaves out port 9000'],
  ['traffic.sidecar.istio.io/excludeOutboundIPRanges: 10.0.0.0/8', 'traffic.sidecar.istio.io/excludeOutboundIPRanges leaves out 10.0.0.0/8'],
  ['traffic.sidecar.istio.io/includeOutboundIPRanges: 192.168.0.0/16', expect.stringContaining('traffic.sidecar.istio.io/includeOutboundIPRanges has no range for 10.')],
])('an annotation leads past the proxy: %s', async (annotation, because) => {
  const { stdout } = await cli(['explain', '.', 'http://back:9000/', '--from', 'front-v1', '-o', 'json'], { cwd: folderOf({ 'mesh.yaml': annotated(annotation), 'back.yaml': RULES }) });
  const { trace, rule } = JSON.parse(stdout) as { trace: { side: string }[]; rule?: unknown };
  expect(trace.filter(({ side }) => side === 'client')).toEqual([expect.objectContaining({ step: 'iptables', outcome: 'skipped', because })]);
  expect(rule).toBeUndefined();
});

test.each([
  ['excludeInboundPorts: "9000"', 'skipped'], ['excludeInboundPorts: "9001"', 'chosen'],
  ['includeInboundPorts: "9001"', 'skipped'], ['includeInboundPorts: "9000,9001"', 'chosen'],
])('%s of the target', async (annotation, outcome) => {
  const mesh = MESH.replace('labels: {app: back, version: v1}}\n    spec', `labels: {app: back, version: v1}, annotations: {traffic.sidecar.istio.io/${annotation}}}\n    spec`);
  const { stdout } = await cli(['explain', '.', 'http://back:9000/', '--from', 'front-v1', '-o', 'json'], { cwd: folderOf({ 'mesh.yaml': mesh, 'back.yaml': toBack('v1') }) });
  expect((JSON.parse(stdout) as { trace: { side: string; step: string }[] }).trace.find(({ side, step }) => side === 'server' && step === 'iptables')).toMatchObject({ outcome });
});

const SIDE = `
apiVersion: v1
kind: Service
metadata: {name: side}
spec: {ports: [{name: http, port: 7000}], selector: {app: side}}
`;

interface Load { readonly clusters: number; readonly bytes: number }
interface Saving { readonly proxy: string; readonly now: Load; readonly scoped: Load; readonly hosts: string[] }

test('--optimize says what a scope would save each proxy, by compiling with and without', async () => {
  const env = MESH.replace('name: front, image: front,', 'name: front, image: front, env: [{name: BACK_URL, value: "http://back:9000/x"}],');
  const folder = folderOf({ 'mesh.yaml': env, 'side.yaml': SIDE });
  const { stdout, code } = await cli(['explain', '.', '--optimize', '-o', 'json'], { cwd: folder });
  const { proxies } = JSON.parse(stdout) as { proxies: Saving[] };
  expect(code).toBe(0);
  expect(proxies.map(({ proxy, hosts }) => [proxy, hosts])).toEqual([
    ['back-v1.default', ['~/*']], ['back-v2.default', ['~/*']], ['front-v1.default', ['default/back.default.svc.cluster.local']],
  ]);
  const compiled = async (...files: string[]) => {
    const dump = JSON.parse((await cli(['compile', ...files, '--proxy', 'front-v1'], { cwd: folder })).stdout) as { configs: { dynamicActiveClusters?: unknown[] }[] };
    return dump.configs.flatMap(({ dynamicActiveClusters = [] }) => dynamicActiveClusters).length;
  };
  const [front] = proxies.slice(-1);
  expect(front.now.clusters).toBe(await compiled('.'));
  expect(front.scoped.bytes).toBeLessThan(front.now.bytes);
  // The Sidecar that it prints does what it says.
  const one = await cli(['explain', '.', '--optimize', '--from', 'front-v1'], { cwd: folder });
  const sidecar = one.stdout.slice(one.stdout.indexOf('apiVersion:'));
  const other = folderOf({ 'mesh.yaml': env, 'side.yaml': SIDE, 'scope.yaml': sidecar });
  const scoped = JSON.parse((await cli(['explain', '.', '--optimize', '-o', 'json'], { cwd: other })).stdout) as { proxies: Saving[] };
  expect(scoped.proxies.at(-1)).toMatchObject({ scopedBy: 'scope-098-front-v1.default', now: front.scoped, scoped: front.scoped });
});

test('--optimize counts routes by their callers, and policies that admit by name', async () => {
  const routed = RULES.replace('  - match:\n    - headers', '  - match:\n    - sourceLabels: {app: front}\n      headers').replace('  - name: rest\n', '  - name: rest\n    match: [{sourceLabels: {app: front}}]\n');
  const admits = DENY.replace('{to: [', '{from: [{source: {principals: [cluster.local/ns/default/sa/back-account]}}], to: [').replace('{app: back}', '{app: front}');
  const account = MESH.replaceAll('spec: {containers: [{name: back', 'spec: {serviceAccountName: back-account, containers: [{name: back');
  const { stdout } = await cli(['explain', '.', '--optimize', '-o', 'json'], { cwd: folderOf({ 'mesh.yaml': account, 'back.yaml': routed, 'policy.yaml': admits }) });
  const { proxies } = JSON.parse(stdout) as { proxies: { proxy: string; hosts: string[] }[] };
  expect(proxies.map(({ proxy, hosts }) => [proxy, ...hosts])).toEqual([
    ['back-v1.default', 'default/front.default.svc.cluster.local'], ['back-v2.default', 'default/front.default.svc.cluster.local'],
    ['front-v1.default', 'default/back.default.svc.cluster.local'],
  ]);
});

test('a caller is named', async () => {
  expect(await cli(['explain', '.', 'http://back:9000/'], { cwd: folderOf({ 'mesh.yaml': MESH }) })).toMatchObject({ code: 2, stderr: expect.stringContaining('add --from WORKLOAD') });
});

test.each([
  ['http://bakc:9000/', 'note: no service of the mesh is called bakc; did you mean back?'],
  ['http://back:9001/', 'note: back has no port 9001; it has 9000'],
  ['http://somewhere.example/', 'note: no service of the mesh is called somewhere.example'],
])('a host that leads past the mesh is remarked upon: %s', async (url, note) => {
  const { code, stderr } = await cli(['explain', '.', url, '--from', 'front-v1'], { cwd: folderOf({ 'mesh.yaml': MESH }) });
  expect([code, stderr.split('\n')]).toEqual([0, expect.arrayContaining([note])]);
});

test.each([
  ['MUTUAL', 'sni=shop.example', { outcome: 'failed' }], ['MUTUAL', 'sni=shop.example,mtls', { outcome: 'routed' }],
  ['SIMPLE', 'sni=shop.example', { outcome: 'routed' }], ['OPTIONAL_MUTUAL', 'sni=shop.example', { outcome: 'routed' }],
])('a gateway of mode %s and a caller that speaks --tls %s', async (mode, tls, expected) => {
  const server = `servers: [{port: {number: 8443, name: https, protocol: HTTPS}, tls: {mode: ${mode}, credentialName: door}, hosts: ["*"]}]}`;
  const { stdout } = await cli(['explain', '.', 'https://shop.example:8443/', '--from', 'outside', '--tls', tls, '-o', 'json'], {
    cwd: folderOf({ 'mesh.yaml': MESH.replace(/servers: .*/, server) }),
  });
  expect(JSON.parse(stdout)).toMatchObject(expected);
});

describe('-o json', () => {
  const KEYS = ['outcome', 'status', 'flag', 'targets', 'request', 'timeoutSeconds', 'retries', 'mirrors'];
  const ask = async (...args: string[]) => {
    const { stdout } = await cli(['explain', '.', ...args, '--from', 'front-v1', '-o', 'json'], { cwd: folderOf({ 'mesh.yaml': MESH, 'back.yaml': toBack('v2') }) });
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  test.each([['http://back:9000/'], ['http://back:9999/'], ['http://nobody:9000/x?y']])('has what tools rely on first, whatever becomes of %s', async (url) => {
    const found = await ask(url);
    expect(Object.keys(found).slice(0, KEYS.length)).toEqual(KEYS);
    expect(Object.keys(found).at(-1)).toBe('trace');
    expect(found.request).toMatchObject({ method: 'GET', authority: url.split('/')[2] });
  });

  test('a method in lower case is one, and a header given twice is joined as Envoy joins it', async () => {
    expect(await ask('post', 'http://back:9000/', '-H', 'X-A: 1', '-H', 'x-a: 2')).toMatchObject({ request: { method: 'POST', headers: { 'x-a': '1,2' } } });
  });
});
