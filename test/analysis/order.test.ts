import fc from 'fast-check';
import { createExplainer } from '../../src/analysis/explain';
import { applyOrder, stepText } from '../../src/analysis/order';
import { buildModel } from '../../src/model/model';
import { parseManifests } from '../../src/model/parse';
import type { Resource } from '../../src/model/resource';
import { resourceName } from '../../src/model/resource';

const object = (kind: string, name: string, spec: string, group = 'networking.istio.io/v1', metadata = '') => (
  `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: ${name}${metadata}}\nspec: ${spec}\n---\n`);
const service = (name: string, ports = '{port: 80, name: http}') => object('Service', name, `{ports: [${ports}], selector: {app: ${name}}}`, 'v1');
const deployment = (name: string, version: string) => object('Deployment', `${name}-${version}`,
  `{selector: {matchLabels: {app: ${name}, version: ${version}}}, template: {metadata: {labels: {app: ${name}, version: ${version}}}, spec: {containers: [{name: a, image: a, ports: [{containerPort: 80}]}]}}}`, 'apps/v1');
const subsets = (...names: string[]) => object('DestinationRule', 'web', `{host: web, subsets: [${names.map(name => `{name: ${name}, labels: {version: ${name}}}`).join(', ')}]}`);
const rule = (name: string, route: string) => object('VirtualService', name, `{hosts: [web], http: [${route}]}`);
const to = (host: string, subset = '', port = '') => `{route: [{destination: {host: ${host}${subset === '' ? '' : `, subset: ${subset}`}${port === '' ? '' : `, port: {number: ${port}}`}}}]}`;
const CALLER = service('caller') + deployment('caller', 'v1');
const security = (kind: string, name: string, spec: string) => object(kind, name, spec, 'security.istio.io/v1');

const read = (yaml: string): Resource[] => parseManifests(CALLER + yaml, 'f.yaml').resources;
const plan = (before: string, after: string) => applyOrder(read(before), read(after));
const order = (before: string, after: string) => plan(before, after).map((step, index) => stepText(step, index + 1));

const V1 = service('web') + deployment('web', 'v1');
const V2 = V1 + deployment('web', 'v2');

test.each<[string, string, string, string[]]>([
  ['a first subset before the route to it', V1, V1 + rule('web', to('web', 'v1')) + subsets('v1'), ['1. apply DestinationRule/default/web', '2. apply VirtualService/default/web']],
  ['a new version, its subset, then the route', V1 + subsets('v1') + rule('web', to('web', 'v1')), V2 + subsets('v1', 'v2') + rule('web', to('web', 'v2')), [
    '1. apply Deployment/default/web-v2, and wait until its Pods are ready', '2. apply DestinationRule/default/web', '3. apply VirtualService/default/web',
  ]],
  ['a subset that another replaces, kept until the route has moved', V2 + subsets('v1') + rule('web', to('web', 'v1')), V2 + subsets('v2') + rule('web', to('web', 'v2')), [
    '1. apply DestinationRule/default/web, still with subset v1', '2. apply VirtualService/default/web', '3. apply DestinationRule/default/web',
  ]],
  ['the route away, then the old version', V2 + subsets('v1', 'v2') + rule('web', to('web', 'v1')), service('web') + deployment('web', 'v2') + subsets('v2') + rule('web', to('web', 'v2')), [
    '1. apply DestinationRule/default/web, still with subset v1', '2. apply VirtualService/default/web', '3. apply DestinationRule/default/web', '4. delete Deployment/default/web-v1',
  ]],
  ['everything of a subset removed', V1 + subsets('v1') + rule('web', to('web', 'v1')), V1, ['1. delete VirtualService/default/web', '2. delete DestinationRule/default/web']],
  ['a port of a Service, kept until nobody asks for it', `${V1}${rule('web', to('web', '', '80'))}`,
    `${service('web', '{port: 81, name: http, targetPort: 80}')}${deployment('web', 'v1')}${rule('web', to('web', '', '81'))}`,
    ['1. apply Service/default/web, still with port 80', '2. apply VirtualService/default/web', '3. apply Service/default/web']],
  ['a delegate before its root', V1, V1 + rule('a-root', '{delegate: {name: part}}') + object('VirtualService', 'part', `{http: [${to('web')}]}`),
    ['1. apply VirtualService/default/part', '2. apply VirtualService/default/a-root']],
  ['a gateway and its Secret before the routes on it', V1, `${V1}${object('VirtualService', 'a', `{hosts: [a.example], gateways: [g], http: [${to('web')}]}`)}${
    object('Gateway', 'g', '{selector: {istio: ingressgateway}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}, hosts: [a.example]}]}')
  }apiVersion: v1\nkind: Secret\nmetadata: {name: c}\n---\n`, ['1. apply Secret/default/c', '2. apply Gateway/default/g', '3. apply VirtualService/default/a']],
  ['tokens before whoever asks for them', V1, V1 + security('AuthorizationPolicy', 'a', '{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ["*"]}}]}]}')
    + security('RequestAuthentication', 'r', '{jwtRules: [{issuer: a}]}'), ['1. apply RequestAuthentication/default/r', '2. apply AuthorizationPolicy/default/a']],
  ['and after them when they go', V1 + security('AuthorizationPolicy', 'a', '{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ["*"]}}]}]}')
    + security('RequestAuthentication', 'r', '{jwtRules: [{issuer: a}]}'), V1, ['1. delete AuthorizationPolicy/default/a', '2. delete RequestAuthentication/default/r']],
  ['mutual TLS that callers speak before servers ask for it', V1 + object('DestinationRule', 'web', '{host: web, trafficPolicy: {tls: {mode: DISABLE}}}'),
    V1 + object('DestinationRule', 'web', '{host: web, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}') + security('PeerAuthentication', 'a', '{mtls: {mode: STRICT}}'),
    ['1. apply DestinationRule/default/web', '2. apply PeerAuthentication/default/a']],
  ['plain text that servers take before callers send it', V1 + object('DestinationRule', 'web', '{host: web, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}') + security('PeerAuthentication', 'a', '{mtls: {mode: STRICT}}'),
    V1 + object('DestinationRule', 'web', '{host: web, trafficPolicy: {tls: {mode: DISABLE}}}') + security('PeerAuthentication', 'a', '{mtls: {mode: PERMISSIVE}}'),
    ['1. apply PeerAuthentication/default/a', '2. apply DestinationRule/default/web']],
  ['nothing where nothing changed but status and order', `${V1}${subsets('v1')}`, `${subsets('v1')}${V1.replace('kind: Service', 'kind: Service\nstatus: {a: b}')}`, []],
])('%s', (_case, before, after, expected) => expect(order(before, after)).toEqual(expected));

/** What answers a request to web in each state that the steps lead through, the first and the last included. */
function flagsOnTheWay(before: string, after: string): string[] {
  const now = new Map(read(after).map(resource => [resourceName(resource), resource]));
  const state = new Map(read(before).map(resource => [resourceName(resource), resource]));
  const flags = [answer([...state.values()])];
  for (const { action, resource, manifest } of plan(before, after)) {
    if (action === 'delete') state.delete(resource);
    else if (manifest === undefined) state.set(resource, now.get(resource)!);
    else state.set(resource, { ...now.get(resource)!, document: manifest, spec: manifest.spec as Record<string, unknown> });
    flags.push(answer([...state.values()]));
  }
  expect(new Set(state.keys())).toEqual(new Set(now.keys()));
  for (const [name, resource] of state) expect(resource.spec).toEqual(now.get(name)!.spec);
  return flags;
}

function answer(resources: readonly Resource[]): string {
  const { outcome, flag, targets } = createExplainer(buildModel(resources)).explain({ url: 'http://web/', from: 'caller-v1' });
  const dead = targets.find(target => target.percent > 0 && (target.endpoints.length === 0 || (target.flag ?? '') !== ''));
  return outcome === 'routed' && flag === '' && dead === undefined ? 'served' : `${outcome} ${flag} ${dead?.cluster ?? ''}`;
}

test('the wrong order is seen, and the given one never leaves a route without a target', () => {
  const [before, after] = [V2 + subsets('v1') + rule('web', to('web', 'v1')), V2 + subsets('v2') + rule('web', to('web', 'v2'))];
  expect(flagsOnTheWay(before, after)).toEqual(Array(4).fill('served'));
  // The route first, as the alphabet has it in other names: the subset is not there.
  expect(answer(read(V2 + subsets('v1') + rule('web', to('web', 'v2'))))).not.toBe('served');
});

test('any change between meshes that serve serves all the way', () => {
  const mesh = fc.record({
    versions: fc.subarray(['v1', 'v2', 'v3'], { minLength: 1 }),
    extra: fc.subarray(['v1', 'v2', 'v3']),
    weights: fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 2 }),
    plain: fc.boolean(),
    name: fc.constantFrom('web', 'a', 'z'),
  }).map(({ versions, extra, weights, plain, name }) => {
    const used = [...new Set(weights.map(weight => versions[weight % versions.length]))];
    const routes = used.map(version => `{destination: {host: web, subset: ${version}}, weight: ${Math.floor(100 / used.length)}}`);
    return service('web') + versions.map(version => deployment('web', version)).join('')
      + (plain ? rule(name, to('web')) : subsets(...new Set([...used, ...extra])) + rule(name, `{route: [${routes.join(', ')}]}`));
  });
  fc.assert(fc.property(mesh, mesh, (before, after) => {
    expect(new Set(flagsOnTheWay(before, after))).toEqual(new Set(['served']));
  }), { seed: 11, numRuns: 60 });
});
