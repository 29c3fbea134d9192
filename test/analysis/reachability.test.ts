import fc from 'fast-check';
import { RE2JS } from 're2js';
import { analyzeResources } from '../../src/analysis';
import { createExplainer } from '../../src/analysis/explain';
import { conditionOf, covers, literalStart } from '../../src/analysis/reachability/text-cover';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';

const exact = (text: string) => ({ exact: text });
const prefix = (text: string) => ({ prefix: text });
const regex = (text: string) => ({ regex: text });
const wider = (wide: object, narrow: object, wideAnyCase = false, narrowAnyCase = false) => (
  covers(conditionOf(wide, wideAnyCase), conditionOf(narrow, narrowAnyCase)));

test.each<[object, object, boolean]>([
  [prefix('/a'), prefix('/a'), true], [prefix('/a'), prefix('/ab'), true], [prefix('/ab'), prefix('/a'), false],
  [prefix('/a'), exact('/a/b'), true], [prefix('/a'), exact('/b'), false], [exact('/a'), prefix('/a'), false], [exact('/a'), exact('/a'), true],
  [prefix('/a'), regex('/a.*'), true], [prefix('/a'), regex('/ab?c'), true], [prefix('/ab'), regex('/ab?c'), false],
  [prefix('/a'), regex('/a|/b'), false], [prefix('/a'), regex('(/a)/b'), false], [regex('/a.*'), prefix('/a/b'), true],
  [regex('/[ab]+'), exact('/ab'), true], [regex('/[ab]+'), exact('/c'), false], [regex('/[ab]+'), regex('/[ab]+'), true], [regex('/[ab]+'), regex('/a+'), false],
  [regex('.*'), prefix('/x'), true], [prefix(''), regex('x+'), true], [{}, exact('x'), true], [exact('x'), {}, false],
])('%j takes all of %j: %s', (wide, narrow, expected) => expect(wider(wide, narrow)).toBe(expected));

test('case counts where the wide condition looks at it', () => {
  expect(wider(prefix('/a'), exact('/A/b'), true)).toBe(true);
  expect(wider(prefix('/a'), exact('/a/b'), false, true)).toBe(false);
  expect(wider(prefix('/1'), exact('/1/b'), false, true)).toBe(true);
});

test('what is said to be covered is covered', () => {
  const piece = fc.constantFrom('/', 'a', 'b', '.*', 'a?', '[ab]', 'b+', '\\.', '(a|b)', '|');
  const condition = fc.oneof(
    fc.string({ unit: fc.constantFrom('/', 'a', 'b'), minLength: 1, maxLength: 4 }).chain(text => fc.constantFrom(exact(text), prefix(text))),
    fc.array(piece, { minLength: 1, maxLength: 5 }).map(parts => regex(parts.join(''))),
  );
  const takes = (match: { exact?: string; prefix?: string; regex?: string }, text: string): boolean => {
    if (match.exact !== undefined) return text === match.exact;
    return match.prefix !== undefined ? text.startsWith(match.prefix) : RE2JS.compile(match.regex!).matches(text);
  };
  const texts = fc.array(fc.string({ unit: fc.constantFrom('/', 'a', 'b', '.'), maxLength: 6 }), { minLength: 20, maxLength: 20 });
  fc.assert(fc.property(condition, condition, texts, (wide, narrow, samples) => {
    const taken = wider(wide, narrow) ? samples.filter(text => takes(narrow, text)) : [];
    expect(taken.filter(text => !takes(wide, text))).toEqual([]);
  }), { seed: 7, numRuns: 2000 });
});

test.each([['/a.*', '/a'], ['/ab?c', '/a'], ['/a\\.b', '/a.b'], ['/a+', '/a'], ['/a{2}', '/'], ['(/a)', ''], ['/a|b', ''], ['/a', '/a']])('%s begins with %s', (text, start) => {
  expect(literalStart(text).text).toBe(start);
});

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80, name: http}], selector: {app: web}}\n---\n';
const found = (spec: string) => {
  const { resources } = parseManifests(`${SERVICE}apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: it}\nspec: ${spec}`, 'f.yaml');
  return analyzeResources(resources).map(({ code, field, istioCode }) => `${code} ${istioCode} ${field}`);
};
const TO = 'route: [{destination: {host: web}}]';
const two = (first: string, second: string) => found(`{hosts: [web], http: [{match: [${first}], ${TO}}, {match: [${second}], ${TO}}]}`);
const DEAD = ['MESH_RULE_UNREACHABLE IST0131 spec.http[1]'];
const SAME = ['MESH_RULE_UNREACHABLE IST0130 spec.http[1]'];

test.each<[string, string, string, string[]]>([
  ['the same match', '{uri: {prefix: /a}}', '{uri: {prefix: /a}}', SAME],
  ['a header more', '{uri: {prefix: /a}}', '{uri: {prefix: /a}, headers: {x: {exact: y}}}', DEAD],
  ['a header less', '{uri: {prefix: /a}, headers: {x: {exact: y}}}', '{uri: {prefix: /a}}', []],
  ['a header that is only there', '{headers: {x: {}}}', '{headers: {X: {prefix: y}}}', DEAD],
  ['another value', '{headers: {x: {exact: y}}}', '{headers: {x: {exact: z}}}', []],
  ['a header that must be absent', '{withoutHeaders: {x: {}}}', '{headers: {x: {exact: y}}}', []],
  ['a port', '{port: 80}', '{port: 80, uri: {exact: /a}}', DEAD],
  ['another port', '{port: 80}', '{port: 81}', []],
  ['a source', '{sourceLabels: {app: a}}', '{sourceLabels: {app: a, version: b}}', DEAD],
  ['a wider source', '{sourceLabels: {app: a, version: b}}', '{sourceLabels: {app: a}}', []],
  ['a method', '{method: {exact: GET}}', '{method: {exact: GET}, queryParams: {q: {exact: a}}}', DEAD],
  ['a query', '{queryParams: {q: {exact: a}}}', '{queryParams: {q: {exact: a}}, uri: {prefix: /}}', DEAD],
  ['another namespace', '{sourceNamespace: a}', '{sourceNamespace: b}', []],
])('a rule after one with %s', (_case, first, second, expected) => expect(two(first, second)).toEqual(expected));

test('several earlier rules take together what none takes alone', () => {
  const rules = (...matches: string[]) => found(`{hosts: [web], http: [${matches.map(match => `{match: [${match}], ${TO}}`).join(', ')}]}`);
  expect(rules('{headers: {x: {}}}', '{withoutHeaders: {x: {}}}', '{uri: {prefix: /a}}')).toEqual(['MESH_RULE_UNREACHABLE IST0131 spec.http[2]']);
  expect(rules('{headers: {x: {}}, uri: {prefix: /a}}', '{withoutHeaders: {x: {}}, uri: {prefix: /}}', '{uri: {prefix: /a/b}}')).toEqual(['MESH_RULE_UNREACHABLE IST0131 spec.http[2]']);
  expect(rules('{headers: {x: {}}}', '{withoutHeaders: {y: {}}}', '{uri: {prefix: /a}}')).toEqual([]);
  expect(rules('{headers: {x: {exact: a}}}', '{withoutHeaders: {x: {}}}', '{uri: {prefix: /a}}')).toEqual([]);
  const listed = (matches: string[]) => matches.map(match => `{match: [${match}], ${TO}}`).join(', ');
  const onBoth = (...matches: string[]) => found(`{hosts: [web.default.svc.cluster.local], gateways: [mesh, g], http: [${listed(matches)}, {${TO}}]}`)
    .filter(text => text.includes('UNREACHABLE'));
  expect(onBoth('{gateways: [mesh]}', '{gateways: [g]}')).toEqual(['MESH_RULE_UNREACHABLE IST0130 spec.http[2]']);
  expect(onBoth('{gateways: [mesh]}', '{gateways: [g], uri: {prefix: /a}}')).toEqual([]);
});

test('one alternative of a rule may be covered', () => {
  expect(found(`{hosts: [web], http: [{match: [{uri: {prefix: /a}}], ${TO}}, {match: [{uri: {prefix: /a/b}}, {uri: {prefix: /c}}], ${TO}}]}`))
    .toEqual(['MESH_MATCH_INEFFECTIVE IST0131 spec.http[1].match[0]']);
});

test('TCP and TLS rules', () => {
  const tcp = (...rules: string[]) => found(`{hosts: [web], tcp: [${rules.join(', ')}]}`).filter(text => text.includes('UNREACHABLE'));
  expect(tcp(`{${TO}}`, `{match: [{port: 80}], ${TO}}`)).toEqual(['MESH_RULE_UNREACHABLE IST0130 spec.tcp[1]']);
  expect(tcp(`{match: [{port: 80}], ${TO}}`, `{${TO}}`)).toEqual([]);
  const tls = (...names: string[]) => found(`{hosts: ["*.example"], gateways: [g], tls: [${names.map(name => `{match: [{sniHosts: ["${name}"]}], ${TO}}`).join(', ')}]}`).filter(text => text.includes('UNREACHABLE'));
  expect(tls('a.example', 'a.example')).toEqual(['MESH_RULE_UNREACHABLE IST0130 spec.tls[1]']);
  // Envoy finds the longest name, so a wildcard before it hides nothing.
  expect(tls('*.example', 'a.example')).toEqual([]);
});

test('a subnet in two TCP rules of a sidecar is refused: Envoy would refuse the listener (MESH_SUBNET_DUPLICATE)', () => {
  const tcp = (...matches: string[]) => found(`{hosts: [web], tcp: [${matches.map(match => `{match: [${match}], ${TO}}`).join(', ')}]}`)
    .filter(text => text.includes('MESH_SUBNET_DUPLICATE'));
  const [wide, narrow] = ['{destinationSubnets: [10.0.0.0/8, 11.0.0.0/8]}', '{destinationSubnets: [11.0.0.0/8]}'];
  expect(tcp(wide, narrow)).toEqual(['MESH_SUBNET_DUPLICATE undefined spec.tcp[1].match[0].destinationSubnets']);
  expect(tcp(`${narrow}, ${narrow}`)).toEqual(['MESH_SUBNET_DUPLICATE undefined spec.tcp[0].match[1].destinationSubnets']);
  expect(tcp(wide, '{destinationSubnets: [12.0.0.0/8]}')).toEqual([]);
  expect(tcp('{destinationSubnets: [11.0.0.0/8], sourceLabels: {app: a}}', '{destinationSubnets: [11.0.0.0/8], sourceLabels: {app: b}}')).toEqual([]);
  expect(tcp('{destinationSubnets: [11.0.0.0/8], port: 80}', '{destinationSubnets: [11.0.0.0/8], port: 81}')).toEqual([]);
  expect(tcp(narrow, '{sourceNamespace: ""}', narrow)).toEqual([]);
});

const part = fc.constantFrom('uri: {prefix: /a}', 'uri: {exact: /a}', 'uri: {regex: "/a.*"}', 'uri: {prefix: /}', 'headers: {x: {}}', 'headers: {x: {exact: v}}', 'withoutHeaders: {x: {}}',
  'withoutHeaders: {y: {}}', 'headers: {y: {}}', 'method: {exact: GET}', 'queryParams: {q: {exact: a}}', 'authority: {exact: web}', 'port: 80');
const oneMatch = fc.uniqueArray(part, { maxLength: 3, selector: text => text.split(':')[0] }).map(parts => `{${parts.join(', ')}}`);
const HEADERS: readonly Readonly<Record<string, string>>[] = [{}, { x: 'v' }, { x: 'w' }, { y: '1' }, { x: 'v', y: '1' }];
const requests = ['/', '/a', '/a/b', '/b', '/a?q=a'].flatMap(path => ['GET', 'PUT'].flatMap(method => (
  HEADERS.map(headers => ({ url: `http://web${path}`, method, headers, from: 'caller' })))));

test('a rule that is said to be unreachable decides no request', () => {
  const pods = ['web', 'caller'].map(name => `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, labels: {app: ${name}}}\nspec: {containers: [{name: a, ports: [{containerPort: 80}]}]}\n---\n`).join('');
  let dead = 0;
  fc.assert(fc.property(fc.array(oneMatch, { minLength: 2, maxLength: 5 }), (matches) => {
    const rules = matches.map((match, index) => `{name: r${index}, match: [${match}], ${TO}}`).join(', ');
    const { resources } = parseManifests(`${SERVICE}${pods}apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: it}\nspec: {hosts: [web], http: [${rules}]}`, 'f.yaml');
    const unreachable = new Set(analyzeResources(resources).filter(({ code }) => code === 'MESH_RULE_UNREACHABLE').map(({ field }) => `r${/\[(\d+)]/.exec(field!)![1]}`));
    if (unreachable.size === 0) return;
    dead += unreachable.size;
    const { explain } = createExplainer(buildModel(resources));
    expect(requests.map(request => explain(request).rule?.name).filter(name => name !== undefined && unreachable.has(name))).toEqual([]);
  }), { seed: 5, numRuns: 60 });
  expect(dead).toBeGreaterThan(20);
});
