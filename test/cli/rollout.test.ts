import { Testing, Yaml } from 'cdk8s';
import { parseAllDocuments } from 'yaml';
import { cli, folderOf, MESH } from './support';
import { ArgoCanary } from '../../examples/canary/argo';
import { Canary } from '../../examples/canary/main';

const textOf = (manifests: object[]): string => Yaml.stringify(...manifests);
const own = (at?: number) => Testing.synth(new Canary(Testing.app(), 'canary', at));
const argo = () => Testing.synth(new ArgoCanary(Testing.app(), 'canary'));
const run = async (argv: string[], files: Record<string, string>) => cli(['rollout', ...argv], { cwd: folderOf(files) });

test('show prints every step, the weights, where it is, what is next, and that all requests are served', async () => {
  const { code, stdout, stderr } = await run(['show', 'dist'], { 'dist/a.yaml': textOf(own(3)) });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe(`reviews-v2.default  engine none
at: step 3: weight 30 %
next: step 5: weight 100 %
apply workloads: Service/reviews, Deployment/reviews-v1, Deployment/reviews-v2
then subsets: DestinationRule/reviews
then routes: VirtualService/reviews
  STATE                   V1   V2   SAFE
  step 0: cookie beta=on  100  0    yes
  step 1: mirror 20 %     100  0    yes
  step 2: weight 5 %      95   5    yes
> step 3: weight 30 %     70   30   yes
  step 4: pause 1800s     70   30   yes
  step 5: weight 100 %    0    100  yes
  given up                100  0    yes
`);
});

test('show says what Argo will do', async () => {
  const { code, stdout } = await run(['show', 'dist', '-o', 'json'], { 'dist/a.yaml': textOf(argo()) });
  const [report] = JSON.parse(stdout);
  expect(code).toBe(0);
  expect(report).toMatchObject({ name: 'reviews', namespace: 'default', engine: 'argo' });
  expect(report.waves).toEqual([
    { name: 'workloads', objects: ['Service/reviews', 'Deployment/reviews-v1', 'Deployment/reviews-v2'] },
    { name: 'subsets', objects: ['DestinationRule/reviews'] },
    { name: 'routes', objects: ['VirtualService/reviews'] },
    { name: 'rollout', objects: ['AnalysisTemplate/reviews-success-rate', 'Rollout/reviews'] },
  ]);
  expect(report.states.map(({ name, weights, safe }: any) => [name, weights.stable, weights.canary, safe])).toEqual([
    ['the canary is not ready yet', 100, 0, true],
    ['step 0: setCanaryScale replicas 2', 100, 0, true],
    ['step 1: setHeaderRoute reviews-v2-cohort-0', 100, 0, true],
    ['step 2: setCanaryScale replicas 2', 100, 0, true],
    ['step 3: setMirrorRoute reviews-v2-mirror', 100, 0, true],
    ['step 4: pause', 100, 0, true],
    ['step 5: setMirrorRoute reviews-v2-mirror, away', 100, 0, true],
    ['step 6: setCanaryScale weight 5', 100, 0, true],
    ['step 7: setWeight 5', 95, 5, true],
    ['step 8: setCanaryScale matchTrafficWeight', 95, 5, true],
    ['step 9: pause 600s', 95, 5, true],
    ['step 10: setWeight 30', 70, 30, true],
    ['step 11: pause 1800s', 70, 30, true],
    ['step 12: setWeight 100', 0, 100, true],
    ['given up', 100, 0, true],
    ['promoted', 100, 0, true],
  ]);
});

const HAND_WRITTEN = `${MESH}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: back}
spec:
  replicas: 2
  selector: {matchLabels: {app: back}}
  template: {metadata: {labels: {app: back}}, spec: {containers: [{name: back, image: back}]}}
  strategy:
    canary:
      trafficRouting:
        istio: {virtualService: {name: back}, destinationRule: {name: split, stableSubsetName: old, canarySubsetName: new}}
        managedRoutes: [{name: testers}]
      steps: [{setHeaderRoute: {name: testers, match: [{headerName: x, headerValue: {exact: y}}]}}, {pause: {}}, {setWeight: 50}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: split}
spec: {host: back, subsets: [{name: old, labels: {app: back}}, {name: new, labels: {app: back}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: back}
spec: {hosts: [back], http: [{route: [{destination: {host: back, subset: old}, weight: 100}, {destination: {host: back, subset: new}, weight: 0}]}]}
`.replace(/apiVersion: networking.istio.io\/v1\nkind: DestinationRule\nmetadata: {name: back}\n.*\n---\n/, '');

test('a Rollout that somebody wrote sends a cohort to pods that are not there yet: exit code 1', async () => {
  const { code, stdout } = await run(['show', 'rollout.yaml'], { 'rollout.yaml': HAND_WRITTEN });
  expect(code).toBe(1);
  expect(stdout).toContain('  step 0: setHeaderRoute testers  100  0    NO: 100 % 503 UH for route "testers"\n');
  expect(stdout).toContain('  step 1: pause                   100  0    yes\n');
  const { stdout: right } = await run(['show', 'rollout.yaml'], { 'rollout.yaml': HAND_WRITTEN.replace('steps: [', 'steps: [{setCanaryScale: {replicas: 1}}, ') });
  expect(right).not.toContain('NO:');
});

test.each<[string, string[], number]>([['the next step', [], 70], ['a step', ['--to', '5'], 0], ['the way back', ['--abort'], 100]])('next prints the routes of %s', async (_case, argv, stable) => {
  const { code, stdout } = await run(['next', 'dist', ...argv], { 'dist/a.yaml': textOf(own(2)) });
  expect(code).toBe(0);
  const [virtualService, ...others] = parseAllDocuments(stdout).map(document => document.toJS());
  expect(others).toEqual([]);
  expect(virtualService).toMatchObject({ kind: 'VirtualService', metadata: { name: 'reviews' }, spec: { hosts: ['reviews'] } });
  expect(virtualService.spec.http.at(-1).route[0]).toEqual({ destination: { host: 'reviews', subset: 'v1' }, weight: stable });
});

test('what next prints is what synthesis renders at that step', async () => {
  const { stdout } = await run(['next', 'dist', '--to', '1'], { 'dist/a.yaml': textOf(own(4)) });
  const virtualService = own(1).find(({ kind }) => kind === 'VirtualService');
  expect(parseAllDocuments(stdout)[0].toJS()).toEqual(virtualService);
});

const without = (kind: string, name: string) => textOf(own(2).filter(each => each.kind !== kind || each.metadata.name !== name));

test.each<[string, string[], Record<string, string>, number, RegExp]>([
  ['a step in which requests fail', ['next', 'dist'], { 'dist/a.yaml': without('Deployment', 'reviews-v2') }, 1, /^MESH_CANARY_BREAKS: every step must serve all requests, got 100 % 503 UH for route "reviews-v2-cohort-0" in step 3: weight 30 %; see/],
  ['no rollout', ['show', 'mesh.yaml'], { 'mesh.yaml': MESH }, 2, /^\[mesh\.yaml\] MESH_ROLLOUT_UNKNOWN: a rollout that is there, got none\n$/],
  ['a plan that is no JSON', ['show', 'dist'], { 'dist/a.yaml': textOf(own()).replace('"states": [', '"states" [') }, 2, /MESH_ROLLOUT_UNKNOWN: a rollout that is there, got none/],
  ['another rollout', ['next', 'dist', '--name', 'reviews-v3'], { 'dist/a.yaml': textOf(own()) }, 2, /^\[dist\] MESH_ROLLOUT_UNKNOWN: a rollout that is there, got reviews-v3; did you mean reviews-v2\?\n$/],
  ['a step after the last', ['next', 'dist'], { 'dist/a.yaml': textOf(own(5)) }, 2, /^MESH_STEP_INVALID: a step that comes after another, got reviews-v2 at its last, step 5: weight 100 %\n$/],
  ['routes of somebody else', ['next', 'dist'], { 'dist/a.yaml': textOf(own(2)).replace('weight: 95', 'weight: 94').replace('weight: 5\n', 'weight: 6\n') }, 2, /^MESH_STEP_INVALID: the routes of reviews-v2 are those of one of its steps, got others; name a step by --to\n$/],
  ['a step that is not there', ['next', 'dist', '--to', '6'], { 'dist/a.yaml': textOf(own(5)) }, 2, /^MESH_STEP_INVALID: a step of reviews-v2 is from 0 to 5, got 6\n$/],
  ['a step that is no number', ['next', 'dist', '--to', 'x'], { 'dist/a.yaml': textOf(own()) }, 2, /must be a whole number from 0/],
  ['no cluster', ['promote', 'reviews', '--kubeconfig', 'none'], {}, 2, /MESH_REMOTE_CLUSTER: a kubeconfig that can be read/],
])('%s ends with its reason', async (_case, argv, files, code, message) => {
  const outcome = await run(argv, files);
  expect([outcome.code, outcome.stdout]).toEqual([code, '']);
  expect(outcome.stderr).toMatch(message);
});

test.each(['show', 'next', 'promote', 'abort', 'pause', 'retry'])('%s --help has an example', async (verb) => {
  const { code, stdout } = await run([verb, '--help'], {});
  expect(code).toBe(0);
  expect(stdout).toContain(`$ cdk8s-mesh rollout ${verb} `);
});
