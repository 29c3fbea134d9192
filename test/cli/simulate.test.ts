import { cli, folderOf, MESH } from './support';

const SPLIT = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back}
spec:
  hosts: [back]
  http:
  - {name: jason, match: [{headers: {end-user: {exact: jason}}}], timeout: 10s, route: [{destination: {host: back, subset: v2}}]}
  - name: rest
    mirror: {host: back, subset: v2}
    mirrorPercentage: {value: 5}
    retries: {attempts: 3}
    route: [{destination: {host: back, subset: v1}, weight: 90}, {destination: {host: back, subset: v2}, weight: 10}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: read-only}
spec: {selector: {matchLabels: {app: back}}, rules: [{to: [{operation: {methods: [GET]}}]}]}
`;
const GOOD = `
- name: jason sees v2
  from: front-v1
  request: GET http://back:9000/x?y=1
  headers: {end-user: jason}
  expect: {target: back/v2, timeout: 10s, rule: jason, path: /x?y=1, host: back:9000, outcome: routed, headers: {End-User: jason}}
- from: front-v1
  request: http://back:9000/
  expect: {distribution: {back/v1: 90, back/v2: 10}, retries: 3, mirror: {back/v2: 5}, timeout: 0s}
- from: front-v1
  request: delete http://back.default:9000/
  expect: {outcome: denied, status: 403, details: 'rbac_access_denied_matched_policy[none]'}
- request: http://any.example:8080/
  expect: {target: front}
`;

async function simulate(requests: string, ...args: string[]) {
  const cwd = folderOf({ 'mesh/mesh.yaml': MESH, 'mesh/split.yaml': SPLIT, 'requests.yaml': requests });
  const { stdout, stderr, code } = await cli(['simulate', 'requests.yaml', 'mesh', ...args], { cwd });
  return { stdout, code, stderr: stderr.replace(/^note: .*\n/gm, '') };
}

test('what is expected holds', async () => {
  const { stdout, stderr, code } = await simulate(GOOD);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  expect(stdout).toBe([
    '   REQUEST                           FROM      RESULT',
    '✓  jason sees v2                     front-v1  100 % back/v2',
    '✓  GET http://back:9000/             front-v1  90 % back/v1, 10 % back/v2',
    '✓  DELETE http://back.default:9000/  front-v1  denied 403',
    '✓  GET http://any.example:8080/      outside   100 % front',
    '',
    '4 passed, 0 failed',
    '',
  ].join('\n'));
});

test('what fails names the line, what was expected and what came', async () => {
  const { stdout, code } = await simulate(`requests:
- name: wrong
  from: front-v1
  request: GET http://back:9000/
  expect: {target: back/v2, distribution: {back/v1: 100}, status: 200, flag: UH, retries: 2, mirror: {back/v1: 5}, redirect: http://x/, headers: {a: b}}
- {from: front-v1, request: 'POST http://back:9000/', expect: {outcome: routed}}
`);
  expect(code).toBe(1);
  expect(stdout.split('\n').slice(4)).toEqual([
    '✗ [requests.yaml:2] wrong: status must be 200, got none',
    '✗ [requests.yaml:2] wrong: flag must be UH, got none',
    '✗ [requests.yaml:2] wrong: redirect must be http://x/, got none',
    '✗ [requests.yaml:2] wrong: retries must be 2, got 3',
    '✗ [requests.yaml:2] wrong: header a must be b, got none',
    '✗ [requests.yaml:2] wrong: target must be back/v2, got 90 % back/v1, 10 % back/v2',
    '✗ [requests.yaml:2] wrong: distribution must be 100 % back/v1, got 90 % back/v1, 10 % back/v2',
    '✗ [requests.yaml:2] wrong: mirror must be 5 % to back/v1, got 0 %',
    '✗ [requests.yaml:6] POST http://back:9000/: outcome must be routed, got denied',
    '',
    '0 passed, 2 failed',
    '',
  ]);
});

test('a trace on demand, and JSON for programs', async () => {
  const one = '- {from: front-v1, request: \'POST http://back:9000/\', expect: {status: 200}}\n';
  expect((await simulate(one, '--trace')).stdout).toContain('ns[default]-policy[read-only]-rule[0]: allow: header :method ≠ "GET" (got "POST")');
  const { stdout, code } = await simulate(one, '-o', 'json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject([{
    name: 'POST http://back:9000/',
    where: 'requests.yaml:1',
    passed: false,
    failures: ['status must be 200, got 403'],
    request: { method: 'POST', url: 'http://back:9000/', from: 'front-v1' },
    expect: { status: 200 },
    result: { outcome: 'denied', status: 403 },
  }]);
});

const OVER_TIME = `
- behave: {back-v1: {does: 503, times: 3, then: 200}, back-v2: {does: 503, takes: 20ms, until: 30s}}
- name: a bad start
  from: front-v1
  request: http://back:9000/
  expect: {target: back, answer: {status: 503, within: 1s}}
- advance: 31s
- behave: {back-v1: 200}
- from: front-v1
  request: http://back:9000/
  atOnce: 4
  expect: {answer: {status: 200, flags: '', attempts: 1, atLeast: 0s, within: 0s, statuses: {200: 4}}}
- ready: {back-v1: false, back-v2: false}
- name: nobody is ready
  from: front-v1
  request: http://back:9000/
  expect: {answer: {status: 503, flags: UH, attempts: 0}}
`;

test('time goes by between requests that are played', async () => {
  const { stdout, stderr, code } = await simulate(OVER_TIME);
  expect(stderr).toBe('');
  expect(stdout).toContain('4 × 200');
  expect(stdout).toContain('503 UH after 0 s');
  expect(stdout).toContain('3 passed, 0 failed');
  expect(code).toBe(0);
  expect((await simulate(OVER_TIME, '--seed', '9')).code).toBe(0);
});

test('an answer that is not the expected one is told with what came instead', async () => {
  const wrong = '{status: 418, flags: UH, attempts: 3, target: back/v3, atLeast: 2s, statuses: {418: 1}}';
  const { stdout, code } = await simulate(`- from: front-v1\n  request: http://back:9000/\n  expect: {answer: ${wrong}}\n`);
  expect(code).toBe(1);
  expect(stdout.split('\n').filter(line => line.startsWith('✗ ['))).toEqual([
    'status must be 418, got 200', 'flags must be UH, got 200', 'attempts must be 3, got 1', 'target must be back/v3, got 200', 'must take at least 2 s, got 0 s',
    'statuses must be 1 × 418, got 1 × 200',
  ].map(failure => `✗ [requests.yaml:1] GET http://back:9000/: answer ${failure}`));
  const never = await simulate('- behave: {back-v1: hang, back-v2: hang}\n- from: front-v1\n  request: http://back:9000/\n  expect: {answer: {status: 200}}\n');
  expect(never.stdout).toContain('answer must come at some time, got none that a timeout ends');
  const { stdout: json } = await simulate('- from: front-v1\n  request: http://back:9000/\n  atOnce: 2\n', '-o', 'json');
  expect(JSON.parse(json)[0].answers).toMatchObject([{ status: 200, elapsedMs: 0, attempts: [{ outcome: 'answer' }] }, { status: 200 }]);
});

test.each<[string, string, string]>([
  ['a behaviour that nobody has', '- behave: {a: dance}\n', '[requests.yaml:1] MESH_SCENARIO_INVALID: behave must be a map of names and what each does: a status, hang, reset, refuse, unreachable, or {does, takes, times, until, then}, got {"a":"dance"}; correct it\n'],
  ['a change and a request in one', '- advance: 3s\n  request: http://a/\n', '[requests.yaml:2] MESH_SCENARIO_INVALID: a field must be one of behave, ready, advance, got request; remove it\n'],
  ['a seed of 0', '- request: http://a/\n', '--seed must be a whole number from 1 to 2147483646, got 0; leave it away for 1\n'],
  ['a field that is misspelt', '- request: http://a/\n  form: b\n', '[requests.yaml:2] MESH_SCENARIO_INVALID: a field must be one of name, from, namespace, request, headers, claims, at, address, externalAuthorizer, sni, clientCertificate, atOnce, expect, got form; did you mean from?\n'],
  ['a value of another form', '- request: http://a/\n  expect:\n    status: 99\n', '[requests.yaml:3] MESH_SCENARIO_INVALID: status must be an HTTP status, got 99; correct it\n'],
  ['a share above 100', '- request: http://a/\n  expect: {distribution: {a: 101}}\n', '[requests.yaml:2] MESH_SCENARIO_INVALID: distribution must be a map of targets and their percent, 0 to 100, got {"a":101}; correct it\n'],
  ['no request', '- from: a\n', '[requests.yaml:1] MESH_SCENARIO_INVALID: an entry must have a request, got none; write `request: GET http://HOST/`\n'],
  ['no URL', '- request: back\n', '[requests.yaml:1] MESH_SCENARIO_INVALID: request must be [METHOD] URL, such as GET http://reviews:9080/, got "back"; correct it\n'],
  ['no list', 'a: b\n', '[requests.yaml:1] MESH_SCENARIO_INVALID: a file must hold a list of requests, or `requests:` with one; write `- request: GET http://HOST/`\n'],
  ['nothing', '', '[requests.yaml] MESH_SCENARIO_INVALID: a file must hold a list of requests, got none; write `- request: GET http://HOST/`\n'],
  ['text', '- hello\n', '[requests.yaml:1] MESH_SCENARIO_INVALID: an entry must be a map, got "hello"; write `- request: GET http://HOST/`\n'],
])('%s is an error with its line', async (_case, requests, message) => {
  const seed = message.startsWith('--seed') ? ['--seed', '0'] : [];
  expect(await simulate(requests, ...seed)).toEqual({ code: 2, stdout: '', stderr: message });
});

test('a caller that does not exist, no YAML, and no file', async () => {
  const unknown = await simulate('- request: http://back:9000/\n  from: nobody\n');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/^\[requests\.yaml:1\] MESH_WORKLOAD_UNKNOWN: /);
  const broken = await simulate('- [');
  expect(broken.code).toBe(2);
  expect(broken.stderr).toMatch(/^\[requests\.yaml:1\] MESH_YAML_SYNTAX: /);
  const { code, stderr } = await cli(['simulate', 'none.yaml', '.'], { cwd: folderOf({}) });
  expect(code).toBe(2);
  expect(stderr).toContain('[none.yaml] MESH_FILE_UNREADABLE');
});

test('--help has examples', async () => {
  const { stdout, code } = await cli(['simulate', '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('$ cdk8s-mesh simulate requests.yaml dist --trace');
});
