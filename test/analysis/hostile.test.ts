import fc from 'fast-check';
import { stringify } from 'yaml';
import { analyzeResources } from '../../src/analysis';
import { diffMeshes } from '../../src/analysis/diff';
import { applyOrder } from '../../src/analysis/order';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';

/** Everything said about a text; a hostile one must come to an end with findings, not with an exception. */
function codes(yaml: string): string[] {
  const { resources, errors } = parseManifests(yaml, 'f.yaml');
  return analyzeResources(resources, errors).map(({ code }) => code);
}

const times = (count: number, make: (index: number) => string, between = '\n---\n'): string => Array.from({ length: count }, (_, index) => make(index)).join(between);
const object = (kind: string, name: string, spec: string, group = 'networking.istio.io/v1') => `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}`;
const service = (name: string) => object('Service', name, `{ports: [{port: 80, name: http}], selector: {app: ${name}}}`, 'v1');

test('a YAML bomb is one error', () => {
  const levels = times(9, index => `l${index + 1}: &l${index + 1} [${Array(9).fill(`*l${index}`).join(', ')}]`, '\n');
  expect(codes(`l0: &l0 x\n${levels}\nkind: VirtualService`)).toEqual(['MESH_YAML_SYNTAX']);
});

test('delegates in a circle, and thousands that name nobody', () => {
  const circle = times(3, index => object('VirtualService', `d${index}`, `{http: [{delegate: {name: d${(index + 1) % 3}}}]}`));
  expect(new Set(codes(circle))).toEqual(new Set(['MESH_DELEGATE_INVALID']));
  const self = object('VirtualService', 'it', '{hosts: [a.example], gateways: [g], http: [{delegate: {name: it}}]}');
  expect(codes(self)).toContain('MESH_DELEGATE_INVALID');
  const many = object('VirtualService', 'it', `{hosts: [a.example], gateways: [g], http: [${times(3000, index => `{delegate: {name: n${index}}}`, ', ')}]}`);
  expect(codes(many).filter(code => code === 'MESH_DELEGATE_MISSING')).toHaveLength(3000);
});

test('expressions of a megabyte', () => {
  const long = 'a'.repeat(1_000_000);
  const match = (regex: string) => `{match: [{uri: {regex: "${regex}"}}], route: [{destination: {host: web}}]}`;
  const found = codes(`${service('web')}\n---\n${object('VirtualService', 'it', `{hosts: [web], http: [${match(long)}, ${match(`(${long}|b)*`)}, ${match('(a*)*b')}]}`)}`);
  expect(found.filter(code => code === 'MESH_REGEX_INVALID')).toHaveLength(2);
});

test('thousands of services and wildcards everywhere', () => {
  const yaml = [
    times(5000, index => service(`s${index}`)),
    times(500, index => object('DestinationRule', `d${index}`, `{host: "*.ns${index}.svc.cluster.local", trafficPolicy: {tls: {mode: DISABLE}}}`)),
    times(500, index => object('ServiceEntry', `e${index}`, `{hosts: ["*.w${index}.example"], ports: [{number: 80, name: http, protocol: HTTP}]}`)),
    object('Gateway', 'g', '{selector: {a: b}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}'),
    times(500, index => object('VirtualService', `v${index}`, '{hosts: ["*"], gateways: [g], http: [{route: [{destination: {host: s1}}]}]}')),
    object('Sidecar', 'all', `{egress: [{hosts: [${times(2000, index => `"*/*.h${index}.example"`, ', ')}]}]}`),
  ].join('\n---\n');
  expect(codes(yaml).filter(code => code === 'MESH_RULE_UNREACHABLE')).toHaveLength(499);
});

test('thousands of rules in one VirtualService', () => {
  const rules = (make: (index: number) => string) => `${service('web')}\n---\n${object('VirtualService', 'it',
    `{hosts: [web], http: [${times(5000, index => `{match: [${make(index)}], route: [{destination: {host: web}}]}`, ', ')}]}`)}`;
  expect(codes(rules(index => `{uri: {exact: /p${index}}}`))).toEqual([]);
  expect(codes(rules(index => `{headers: {user: {exact: u${index}}}}`))).toEqual([]);
  expect(codes(rules(index => `{uri: {regex: "/p${index}[0-9]+"}}`))).toEqual([]);
  expect(codes(rules(index => `{headers: {h${index}: {}}}`))).toEqual([]);
  expect(codes(rules(() => '{uri: {prefix: /}}'))).toHaveLength(4999);
});

test('tens of thousands of fields that nobody knows', () => {
  const fields = times(20_000, index => `zz${index}: 1`, ', ');
  expect(codes(object('VirtualService', 'it', `{hosts: [a.example], http: [{route: [{destination: {host: a.example}}]}], ${fields}}`)).filter(code => code === 'MESH_FIELD_UNKNOWN')).toHaveLength(20_000);
});

test('the same name and host again and again', () => {
  const yaml = [service('web'), times(1000, () => object('VirtualService', 'it', '{hosts: [web], http: [{route: [{destination: {host: web}}]}]}')),
    times(1000, () => object('DestinationRule', 'it', '{host: web, subsets: [{name: a}, {name: a}]}')), times(1000, () => service('web'))].join('\n---\n');
  expect(codes(yaml).length).toBeGreaterThan(0);
});

test('structures that are nested deeply', () => {
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  const patch = `{configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE, value: {name: ${deep}}}}]}`;
  expect(codes(object('EnvoyFilter', 'it', patch, 'networking.istio.io/v1alpha3')).length).toBeGreaterThan(0);
  expect(codes(`apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: ${deep}`)).toEqual(expect.any(Array));
});

test('values of the wrong shape in every place', () => {
  for (const kind of ['VirtualService', 'DestinationRule', 'Gateway', 'ServiceEntry', 'Sidecar', 'WorkloadEntry', 'WorkloadGroup']) {
    for (const spec of ['null', '7', 'text', '[]', '{hosts: 7, host: 7, http: 7, servers: 7, ports: 7, egress: 7, template: 7}', '{http: [null], servers: [null], ports: [null], endpoints: [null]}']) {
      expect(codes(object(kind, 'it', spec))).toEqual(expect.any(Array));
    }
  }
  for (const kind of ['AuthorizationPolicy', 'RequestAuthentication', 'PeerAuthentication']) {
    for (const spec of ['null', '7', '{rules: 7, jwtRules: 7, portLevelMtls: 7, selector: 7}', '{rules: [null], jwtRules: [null]}']) {
      expect(codes(object(kind, 'it', spec, 'security.istio.io/v1'))).toEqual(expect.any(Array));
    }
  }
});

test('two meshes of a thousand services are told apart', () => {
  const mesh = (weight: number) => buildModel(parseManifests([times(1000, index => service(`s${index}`)),
    object('Pod', 'caller', '{containers: [{name: a}]}', 'v1'),
    object('VirtualService', 'it', `{hosts: [s1], http: [{route: [{destination: {host: s1}, weight: ${weight}}, {destination: {host: s2}, weight: ${100 - weight}}]}]}`)].join('\n---\n'), 'f.yaml').resources);
  expect(diffMeshes(mesh(10), mesh(20))).toEqual([expect.objectContaining({ kind: 'route', aspect: 'to' })]);
});

test('the order of five thousand changes that need one another', () => {
  const mesh = (version: string) => parseManifests(times(1250, index => [
    service(`s${index}`), object('DestinationRule', `s${index}`, `{host: s${index}, subsets: [{name: ${version}, labels: {version: ${version}}}]}`),
    object('VirtualService', `s${index}`, `{hosts: [s${index}], http: [{route: [{destination: {host: s${index}, subset: ${version}}}]}]}`),
  ].join('\n---\n')), 'f.yaml').resources;
  const steps = applyOrder(mesh('v1'), mesh('v2'));
  expect(steps).toHaveLength(3 * 1250);
  expect(steps.filter(({ keeps }) => keeps?.join() === 'subset v1')).toHaveLength(1250);
  // Routes that delegate in a circle can be applied in no right order, and come to an end all the same.
  const circle = (host: string) => parseManifests(times(3, index => object('VirtualService', `d${index}`, `{http: [{match: [{uri: {prefix: /${host}}}], delegate: {name: d${(index + 1) % 3}}}]}`)), 'f.yaml').resources;
  expect(applyOrder(circle('a'), circle('b'))).toHaveLength(3);
});

test('DestinationRules of a hundred namespaces for the same hosts, and waves on everything', () => {
  const wave = (text: string, index: number) => text.replace('metadata: {', `metadata: {annotations: {argocd.argoproj.io/sync-wave: "${index % 7}"}, `);
  const yaml = [
    times(100, index => object('Pod', 'a', '{containers: [{name: a}]}', 'v1').replace('metadata: {', `metadata: {namespace: n${index}, `)),
    times(2000, index => wave(object('DestinationRule', `d${index}`, `{host: s${index % 20}.default.svc.cluster.local, subsets: [{name: v${index % 3}}]}`), 6).replace('metadata: {', `metadata: {namespace: n${index % 100}, `)),
    times(20, index => service(`s${index}`)),
    times(500, index => wave(object('VirtualService', `v${index}`, `{hosts: [h${index}.example], http: [{route: [{destination: {host: s${index % 20}, subset: v1}}]}]}`), index % 6)),
  ].join('\n---\n');
  expect(codes(yaml)).toEqual(expect.arrayContaining(['MESH_SUBSET_SHADOWED', 'MESH_APPLY_ORDER']));
});

test('ten megabytes in one object', () => {
  const many = times(60_000, index => `{uri: {exact: /${'p'.repeat(120)}${index}}}`, ', ');
  expect(codes(`${service('web')}\n---\n${object('VirtualService', 'it', `{hosts: [web], http: [{match: [${many}], route: [{destination: {host: web}}]}]}`)}`)).toEqual([]);
});

test('objects of which any part is another value', () => {
  const sound = [
    {
      kind: 'VirtualService',
      spec: {
        hosts: ['web'],
        gateways: ['mesh'],
        http: [{
          match: [{ uri: { prefix: '/' }, headers: { x: { exact: 'a' } } }],
          route: [{ destination: { host: 'web', subset: 'v1', port: { number: 80 } }, weight: 1 }],
          delegate: { name: 'it' },
        }],
      },
    },
    {
      kind: 'DestinationRule',
      spec: {
        host: 'web',
        subsets: [{ name: 'v1', labels: { a: 'b' } }],
        trafficPolicy: { tls: { mode: 'SIMPLE' }, loadBalancer: { localityLbSetting: { distribute: [{ from: 'a', to: { b: 100 } }] } } },
      },
    },
    { kind: 'Gateway', spec: { selector: { a: 'b' }, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'], tls: { mode: 'SIMPLE' } }] } },
    { kind: 'ServiceEntry', spec: { hosts: ['a.example'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], resolution: 'STATIC', endpoints: [{ address: '1.2.3.4', ports: { http: 80 } }] } },
    { kind: 'Sidecar', spec: { workloadSelector: { labels: { a: 'b' } }, ingress: [{ port: { number: 80 } }], egress: [{ hosts: ['./*'] }] } },
    { kind: 'EnvoyFilter', spec: { configPatches: [{ applyTo: 'CLUSTER', match: { cluster: { name: 'a' } }, patch: { operation: 'MERGE', value: { name: 'a' } } }] } },
  ];
  const strange = fc.constantFrom(null, 7, '', '*', -1, [], {}, [null], [[]], { a: null }, true, '\u0000', '../..', 'a'.repeat(5000), 1e308, '__proto__');
  const places = (value: unknown, path: (string | number)[] = []): (string | number)[][] => (typeof value === 'object' && value !== null
    ? [path, ...Object.entries(value).flatMap(([key, item]) => places(item, [...path, Array.isArray(value) ? Number(key) : key]))] : [path]);
  const changed = (value: unknown, [first, ...rest]: (string | number)[], by: unknown): unknown => {
    if (first === undefined) return by;
    const copy = (Array.isArray(value) ? [...value] : { ...value as object }) as Record<string | number, unknown>;
    copy[first] = changed(copy[first], rest, by);
    return copy;
  };
  const placeIn = (spec: unknown) => fc.constantFrom(...places(spec));
  const one = fc.constantFrom(...sound).chain(({ kind, spec }) => fc.tuple(placeIn(spec), strange, placeIn(spec), strange)
    .map(([a, x, b, y]) => {
      const once = b.length > 0 && a.join().startsWith(b.join()) ? spec : changed(spec, b, y);
      return { apiVersion: 'networking.istio.io/v1', kind, metadata: { name: 'it' }, spec: changed(once, a, x) };
    }));
  fc.assert(fc.property(fc.array(one, { minLength: 1, maxLength: 4 }), (objects) => {
    expect(codes([service('web'), ...objects.map(each => stringify(each))].join('\n---\n'))).toEqual(expect.any(Array));
  }), { seed: 3, numRuns: 300 });
});
