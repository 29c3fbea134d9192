import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changeText, diffMeshes } from '../../src/analysis/diff';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';

const BASE = `
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {ports: [{port: 9080, name: http}], selector: {app: reviews}}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-v1, labels: {app: reviews, version: v1}}
spec: {serviceAccountName: reviews, containers: [{name: a, ports: [{containerPort: 9080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-v2, labels: {app: reviews, version: v2}}
spec: {serviceAccountName: reviews, containers: [{name: a, ports: [{containerPort: 9080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: mobile}
spec: {serviceAccountName: mobile, containers: [{name: a}]}
---
`;
const object = (kind: string, name: string, spec: string, group = 'networking.istio.io/v1') => `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n---\n`;
const subsets = (v1 = 'v1', v2 = 'v2') => object('DestinationRule', 'reviews', `{host: reviews, subsets: [{name: ${v1}, labels: {version: v1}}, {name: ${v2}, labels: {version: v2}}]}`);
const rules = (http: string, name = 'reviews') => object('VirtualService', name, `{hosts: [reviews], http: [${http}]}`);
const to = (subset: string, weight = 100) => `{destination: {host: reviews, subset: ${subset}}, weight: ${weight}}`;
const model = (yaml: string) => buildModel(parseManifests(BASE + yaml, 'f.yaml').resources);
const diff = (before: string, after: string) => diffMeshes(model(before), model(after)).map(changeText);

const HOST = 'reviews.default.svc.cluster.local:9080';
const EVERYWHERE = '(for mobile.default, reviews-v1.default, reviews-v2.default)';
const toV1 = (more = '') => `{route: [${to('v1')}]${more}}`;

test('the same mesh does not differ from itself', () => expect(diff(subsets() + rules(toV1()), subsets() + rules(toV1()))).toEqual([]));

test.each<[string, string, string, string[]]>([
  ['a shifted weight', subsets() + rules(toV1()), subsets() + rules(`{route: [${to('v1', 90)}, ${to('v2', 10)}]}`), [
    `~ route ${HOST} prefix /: to ${HOST} version=v1 → ${HOST} version=v1 90%, ${HOST} version=v2 10% ${EVERYWHERE}`,
    `+ target ${HOST} version=v2 endpoints reviews-v2.default:9080 HEALTHY ${EVERYWHERE}`,
  ]],
  ['a timeout', subsets() + rules(toV1()), subsets() + rules(toV1(', timeout: 3s')), [`+ route ${HOST} prefix /: timeout 3s ${EVERYWHERE}`]],
  ['a connection pool', subsets() + rules(toV1()), subsets().replace('labels: {version: v1}', '$&, trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}') + rules(toV1()), [
    `~ target ${HOST} version=v1: circuitBreakers … maxConnections: unlimited … → … maxConnections: 7 … ${EVERYWHERE}`,
  ]],
  ['a policy that shuts a caller out',
    '', object('AuthorizationPolicy', 'p', '{selector: {matchLabels: {version: v1}}, rules: [{from: [{source: {principals: ["cluster.local/ns/default/sa/reviews"]}}]}]}', 'security.istio.io/v1'), [
      '+ policy reviews-v1.default: access ALLOW {from: [{source: {principals: [cluster.local/ns/default/sa/reviews]}}]} (for reviews-v1.default)',
      '~ access mobile.default → reviews-v1.default ALLOW → DENY (AuthorizationPolicy/default/p)',
    ]],
  ['strict mutual TLS', '', object('PeerAuthentication', 'p', '{mtls: {mode: STRICT}}', 'security.istio.io/v1'), ['mobile', 'reviews-v1', 'reviews-v2'].map(name =>
    `~ policy ${name}.default: mutual TLS PERMISSIVE → STRICT (for ${name}.default)`)],
  ['two rules that change places and overlap',
    subsets() + rules(`{match: [{uri: {prefix: /a}}], route: [${to('v1')}]}, {match: [{uri: {prefix: /a/b}}], route: [${to('v2')}]}`),
    subsets() + rules(`{match: [{uri: {prefix: /a/b}}], route: [${to('v2')}]}, {match: [{uri: {prefix: /a}}], route: [${to('v1')}]}`),
    [`~ order ${HOST} prefix /a: asked before ${HOST} prefix /a/b → after ${HOST} prefix /a/b ${EVERYWHERE}`]],
])('tells %s', (_case, before, after, expected) => {
  const found = diff(before, after);
  expect(found).toHaveLength(expected.length);
  expected.forEach((text, index) => expect(found[index].slice(0, text.length)).toBe(text));
});

test.each<[string, string, string]>([
  ['a renamed VirtualService', subsets() + rules(toV1()), subsets() + rules(toV1(), 'other')],
  ['a renamed subset', subsets() + rules(toV1()), subsets('first') + rules(`{route: [${to('first')}]}`)],
  ['rules that change places and take different requests',
    subsets() + rules(`{match: [{uri: {prefix: /a}}], route: [${to('v1')}]}, {match: [{uri: {prefix: /b}}], route: [${to('v2')}]}`),
    subsets() + rules(`{match: [{uri: {prefix: /b}}], route: [${to('v2')}]}, {match: [{uri: {prefix: /a}}], route: [${to('v1')}]}`)],
  ['documents in another order', subsets() + rules(toV1()), rules(toV1()) + subsets()],
  ['a subset that nobody uses', subsets() + rules(toV1()), subsets('v1', 'unused') + rules(toV1())],
])('does not tell %s', (_case, before, after) => expect(diff(before, after)).toEqual([]));

const SAMPLES = join(__dirname, '../../../shared/data/istio-samples/bookinfo');
const sample = existsSync(SAMPLES) ? test : test.skip;
sample('tells the canary of Bookinfo in terms of traffic', () => {
  const load = (...files: string[]) => buildModel(files.flatMap(file => parseManifests(readFileSync(join(SAMPLES, file), 'utf8'), file).resources));
  const common = ['platform/kube/bookinfo.yaml', 'networking/destination-rule-all.yaml'];
  const changes = diffMeshes(load(...common, 'networking/virtual-service-reviews-v3.yaml'), load(...common, 'networking/virtual-service-reviews-80-20.yaml'));
  expect(changes.filter(({ kind }) => kind === 'route')).toEqual([expect.objectContaining({
    subject: `${HOST} prefix /`,
    aspect: 'to',
    before: `${HOST} version=v3`,
    after: `${HOST} version=v1 80%, ${HOST} version=v2 20%`,
  })]);
});
