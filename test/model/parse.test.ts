import fc from 'fast-check';
import { parseManifests, resourcesOf } from '../../src/model/parse';
import type { Parsed } from '../../src/model/parse';
import { resourceName, whereOf } from '../../src/model/resource';

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\nspec: {}\n';
const messages = (text: string): string[] => parseManifests(text, 'app.yaml').errors.map(error => error.message);

test('reads every document, with its place', () => {
  const { resources, errors } = parseManifests(`# a comment\n${SERVICE}---\n---\napiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
spec:
  hosts: [reviews]
  http:
  - route:
    - destination:
        host: reviews
    timeout: 1s
`, 'app.yaml');
  expect(errors).toEqual([]);
  expect(resources.map(resourceName)).toEqual(['Service/default/reviews', 'VirtualService/shop/reviews']);
  const [service, rule] = resources;
  expect(whereOf(service)).toBe('app.yaml:2');
  expect(whereOf(rule)).toBe('app.yaml:8');
  expect(whereOf(rule, ['spec', 'http', 0, 'route', 0, 'destination', 'host'])).toBe('app.yaml:18');
  expect(whereOf(rule, ['spec', 'http', 0, 'timeout'])).toBe('app.yaml:19');
  // Of a value that is not there the nearest ancestor speaks.
  expect(whereOf(rule, ['spec', 'http', 0, 'retries', 'attempts'])).toBe('app.yaml:16');
});

test('reads JSON', () => {
  expect(parseManifests(JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'reviews' } })).resources).toHaveLength(1);
});

test('a List is the objects in it, each with its line', () => {
  const { resources } = parseManifests(`apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: reviews}
- apiVersion: v1
  kind: Namespace
  metadata: {name: shop}
`, 'app.yaml');
  expect(resources.map(resource => [resourceName(resource), whereOf(resource)])).toEqual([['Service/default/reviews', 'app.yaml:4'], ['Namespace/shop', 'app.yaml:7']]);
  expect(whereOf(resources[0], ['metadata', 'name'])).toBe('app.yaml:6');
});

test('a typed list gives its kind to items that leave it out', () => {
  const { resources } = parseManifests('{"apiVersion":"v1","kind":"ServiceList","items":[{"metadata":{"name":"reviews"}}]}');
  expect(resources.map(resourceName)).toEqual(['Service/default/reviews']);
});

test('the construct that rendered an object is its place', () => {
  const [resource] = resourcesOf([{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'reviews', annotations: { 'cdk8s-mesh.dev/path': 'app/Reviews' } } }]);
  expect(whereOf(resource)).toBe('app/Reviews');
});

test.each([
  ['no YAML', 'kind: Service\n metadata: {}\n', '[app.yaml:1] MESH_YAML_SYNTAX: the text must be YAML, got: Nested mappings are not allowed in compact mappings; repair the syntax'],
  ['two objects without a separator', SERVICE + SERVICE,
    '[app.yaml:5] MESH_YAML_SEPARATOR: a document holds each top-level key once, got one again in line 5; put a line --- between two objects'],
  ['a document that is no object', '- a\n- b\n', '[app.yaml:1] MESH_DOCUMENT_INVALID: a document is a Kubernetes object, got a list; write apiVersion, kind and metadata'],
  ['a document without kind', 'apiVersion: v1\n', '[app.yaml:1] MESH_DOCUMENT_INVALID: a Kubernetes object has apiVersion and kind, got none for kind; add kind'],
  ['an object without name', 'apiVersion: v1\nkind: Service\n',
    '[app.yaml:1] MESH_DOCUMENT_INVALID: a Kubernetes object has metadata.name, got a Service without; add metadata.name'],
  ['a misspelt kind', 'apiVersion: networking.istio.io/v1\nkind: VirtualServce\nmetadata: {name: a}\n',
    '[app.yaml:1] MESH_KIND_UNKNOWN: the group networking.istio.io has no such kind, got VirtualServce; did you mean VirtualService?'],
  ['a misspelt group', 'apiVersion: networkin.istio.io/v1\nkind: Sidecars\nmetadata: {name: a}\n',
    '[app.yaml:1] MESH_KIND_UNKNOWN: no group of Istio is called so, got apiVersion networkin.istio.io/v1; did you mean networking.istio.io?'],
  ['a kind in the wrong group', 'apiVersion: networking.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\n',
    '[app.yaml:1] MESH_KIND_UNKNOWN: kind AuthorizationPolicy belongs to the group security.istio.io, got apiVersion networking.istio.io/v1; write a version of that group'],
  ['a version that never was', 'apiVersion: networking.istio.io/v7\nkind: Sidecar\nmetadata: {name: a}\n',
    '[app.yaml:1] MESH_VERSION_UNKNOWN: kind Sidecar is served as networking.istio.io/v1, networking.istio.io/v1beta1, networking.istio.io/v1alpha3, got apiVersion networking.istio.io/v7; use one of these'],
])('says what is wrong with %s', (_case, text, message) => {
  expect(messages(text)).toEqual([message]);
});

test('a bad document does not hide the good ones', () => {
  const { resources, errors } = parseManifests(`${SERVICE}---\nfoo: [\n---\n${SERVICE}`, 'app.yaml');
  expect(resources).toHaveLength(2);
  expect(errors).toHaveLength(1);
});

test('kinds of other groups are nobody’s business', () => {
  expect(messages('apiVersion: example.com/v1\nkind: Anything\nmetadata: {name: a}\n')).toEqual([]);
  expect(messages('apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n')).toEqual([]);
});

test('a YAML bomb is refused, not expanded', () => {
  const levels = Array.from({ length: 20 }, (_, level) => `a${level + 1}: &a${level + 1} [${Array.from({ length: 9 }, () => `*a${level}`).join(',')}]`);
  expect(messages(`a0: &a0 x\n${levels.join('\n')}\n`)).toEqual([
    '[app.yaml:1] MESH_YAML_SYNTAX: aliases of one document may stand for 1000 values at most and for none around them, got more; write the values out',
  ]);
});

test('a value that holds itself is refused', () => {
  expect(messages(`${SERVICE}status: &a {b: [*a]}\n`)).toEqual([
    '[app.yaml:1] MESH_YAML_SYNTAX: aliases of one document may stand for 1000 values at most and for none around them, got more; write the values out',
  ]);
});

test('whatever the text, reading ends with resources and errors that name their place', () => {
  const manifest = `${SERVICE}---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: "a"}}\n`;
  const mangled = fc.tuple(fc.nat(manifest.length), fc.nat(20), fc.string({ unit: fc.constantFrom('-', ':', ' ', '\n', '\t', '"', '[', '{', '}', '&a', '*a', '<<', '!!', '|', '0', 'a') }))
    .map(([start, length, text]) => manifest.slice(0, start) + text + manifest.slice(start + length));
  fc.assert(fc.property(fc.oneof(mangled, fc.string()), (text) => {
    const { resources, errors } = parseManifests(text, 'app.yaml');
    for (const resource of resources) expect(whereOf(resource)).toMatch(/^app\.yaml:\d+$/);
    for (const error of errors) expect(error.message).toMatch(/^\[app\.yaml(:\d+)?\] MESH_[A-Z_]+: .+; .+$/s);
  }), { numRuns: 500 });
});

test('nesting without end is refused', () => {
  expect(messages('['.repeat(100_000))[0]).toMatch(/^\[app\.yaml:1\] MESH_YAML_SYNTAX: /);
});

test('aliases and merge keys are what kubectl makes of them', () => {
  const { resources } = parseManifests('apiVersion: v1\nkind: Service\nmetadata: {name: a, labels: &l {app: a, version: 1}}\nspec: {selector: {<<: *l, tier: x}}\n');
  expect(resources[0].spec).toEqual({ selector: { app: 'a', version: 1, tier: 'x' } });
  expect(resources[0].metadata.labels).toEqual({ app: 'a', version: '1' });
});

test('an object handed over that is none is refused', () => {
  expect(() => resourcesOf([{ kind: 'Service' }])).toThrow('[object 1] MESH_DOCUMENT_INVALID: a Kubernetes object has apiVersion and kind, got none for apiVersion; add apiVersion');
});

test('of a text that follows another, documents that are still in it stay the same resources, with the lines of where they stand now', () => {
  const document = (name: string, extra = ''): string => `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n${extra}spec:\n  ports:\n    - port: 80\n`;
  const twice = document('b');
  const former = parseManifests([document('a'), twice, twice, document('c'), 'kind: [\n'].join('---\n'), 'mesh.yaml');
  const text = [document('a', '  namespace: other\n'), twice, twice, document('new'), document('c'), 'kind: [\n'].join('---\n');
  const lines = ({ resources }: Parsed) => resources.map(({ origin }) => [origin.line, origin.lineOf?.(['spec', 'ports', 0, 'port'])]);
  // Some were asked for their lines before they moved.
  lines(former);
  const [, firstTwin, secondTwin, last] = former.resources;
  const next = parseManifests(text, 'mesh.yaml', former);
  const scratch = parseManifests(text, 'mesh.yaml');
  expect(next.resources.map(resource => former.resources.includes(resource))).toEqual([false, true, true, false, true]);
  expect([next.resources[1], next.resources[2], next.resources[4]]).toEqual([firstTwin, secondTwin, last]);
  expect(next.resources[1]).not.toBe(next.resources[2]);
  expect(lines(next)).toEqual(lines(scratch));
  expect(next.resources.map(({ document: value }) => value)).toEqual(scratch.resources.map(({ document: value }) => value));
  expect(next.errors.map(({ message }) => message)).toEqual(scratch.errors.map(({ message }) => message));
});
