import { analyzeResources } from '../../src/analysis';
import { parseManifests } from '../../src/model/parse';

const object = (kind: string, namespace: string, spec: string, apiVersion = 'networking.istio.io/v1', more = '', name = 'web') => (
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}${more}}\nspec: ${spec}\n---\n`);
const pod = (namespace: string) => object('Pod', namespace, '{containers: [{name: a, ports: [{containerPort: 80}]}]}', 'v1', ', labels: {app: web, version: v1}');
const MESH = object('Service', 'shop', '{ports: [{port: 80, name: http}], selector: {app: web}}', 'v1') + pod('shop') + pod('phone');
const HOST = 'web.shop.svc.cluster.local';
const subsets = (namespace: string, names: string, more = '') => object('DestinationRule', namespace, `{host: ${HOST}${more}, subsets: [${names.split(' ').map(name => `{name: ${name}, labels: {version: v1}}`).join(', ')}]}`);
const toV1 = (more = '') => object('VirtualService', 'shop', `{hosts: [${HOST}]${more}, http: [{route: [{destination: {host: ${HOST}, subset: v1}}]}]}`);

const found = (yaml: string, code: string) => analyzeResources(parseManifests(MESH + yaml, 'f.yaml').resources).filter(finding => finding.code === code)
  .map(({ severity, resource, field, message }) => [severity, resource, field, message]);
const shadowed = (yaml: string) => found(yaml, 'MESH_SUBSET_SHADOWED');

test('a DestinationRule of the callers that lacks a subset stands in the place of the one that has it', () => {
  expect(shadowed(subsets('shop', 'v1') + subsets('phone', 'v2') + toV1())).toEqual([['error', 'VirtualService/shop/web', 'spec.http[0].route[0].destination.subset',
    `routes to the subset v1 of ${HOST}, which callers of the namespace phone do not get: for them the DestinationRule of phone stands in its place and has v2`]]);
});

test('one that is not exported leaves callers without the subset', () => {
  expect(shadowed(subsets('shop', 'v1', ', exportTo: ["."]') + subsets('other', 'v2') + toV1())[0][3]).toContain('no DestinationRule that defines it is exported to them');
});

test.each<[string, string]>([
  ['rules that both have the subset', subsets('shop', 'v1') + subsets('phone', 'v1 v2') + toV1()],
  ['a route that those callers do not see', subsets('shop', 'v1') + subsets('phone', 'v2') + toV1(', exportTo: ["."]')],
  ['a rule of a namespace without callers', subsets('shop', 'v1') + subsets('other', 'v2') + toV1()],
  ['one rule alone', subsets('shop', 'v1') + toV1()],
])('does not blame %s', (_case, yaml) => expect(shadowed(yaml)).toEqual([]));

const wave = (yaml: string, number: string) => yaml.replace(/namespace: (\w+)/, `namespace: $1, annotations: {argocd.argoproj.io/sync-wave: "${number}"}`);
const early = (yaml: string) => found(yaml, 'MESH_APPLY_ORDER');

test('a route in an earlier wave than its subset', () => {
  expect(early(wave(subsets('shop', 'v1'), '2') + wave(toV1(), '1'))).toEqual([['warning', 'VirtualService/shop/web', 'metadata.annotations["argocd.argoproj.io/sync-wave"]',
    `is applied in wave 1 and needs the subset ${HOST} v1, which DestinationRule/shop/web gives in wave 2 only`]]);
});

test.each<[string, string]>([
  ['waves in the right order', wave(subsets('shop', 'v1'), '1') + wave(toV1(), '2')],
  ['one wave: within it Argo CD goes by kind', wave(subsets('shop', 'v1'), '1') + wave(toV1(), '1')],
  ['no waves', toV1() + subsets('shop', 'v1')],
])('does not blame %s', (_case, yaml) => expect(early(yaml)).toEqual([]));
