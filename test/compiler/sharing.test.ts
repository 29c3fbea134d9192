import { toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { compile, modelOf, resourcesOfYaml, SHOP } from './support';
import type { CompiledProxy } from '../../src/compiler/compiled-proxy';
import { createCompiler } from '../../src/compiler/compiler';
import { buildModel } from '../../src/model/model';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';

const RULES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: stock, namespace: shop }
spec:
  hosts: [stock]
  http:
  - match: [{ headers: { b: { exact: x }, a: { prefix: y } }, queryParams: { q: { exact: a }, p: { exact: b } } }]
    route: [{ destination: { host: stock, subset: v2 } }]
  - route: [{ destination: { host: stock, subset: v1 } }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: also-stock, namespace: shop }
spec: { hosts: ['*.shop.svc.cluster.local'], http: [{ route: [{ destination: { host: cart } }] }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: stock, namespace: shop }
spec: { host: stock, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: stock-more, namespace: shop }
spec: { host: stock, subsets: [{ name: v3, labels: { version: v3 } }], trafficPolicy: { loadBalancer: { simple: RANDOM } } }
`;

function bytes(compiled: CompiledProxy): string {
  return [
    ...compiled.listeners.map(message => toBinary(ListenerSchema, message)), ...compiled.clusters.map(message => toBinary(ClusterSchema, message)),
    ...compiled.routes.map(message => toBinary(RouteConfigurationSchema, message)),
    ...compiled.endpoints.map(message => toBinary(ClusterLoadAssignmentSchema, message)),
  ].map(message => Buffer.from(message).toString('base64')).join('\n');
}

test('the same bytes come out whatever the order of the input', () => {
  const resources = resourcesOfYaml(SHOP, RULES);
  const wanted = bytes(compile(buildModel(resources), 'cart.shop'));
  fc.assert(fc.property(fc.shuffledSubarray([...resources], { minLength: resources.length }), (shuffled) => {
    expect(bytes(compile(buildModel(shuffled), 'cart.shop'))).toBe(wanted);
  }), { numRuns: 25 });
});

test('the same bytes come out whichever proxy was compiled first', () => {
  const model = modelOf(SHOP, RULES);
  const compiler = createCompiler(model);
  compile(model, 'stock-v1.shop', {}, compiler);
  expect(bytes(compile(model, 'cart.shop', {}, compiler))).toBe(bytes(compile(model, 'cart.shop')));
});

test('proxies of one namespace share clusters, endpoints and routes by identity', () => {
  const model = modelOf(SHOP, RULES);
  const compiler = createCompiler(model);
  const [one, two] = ['cart.shop', 'stock-v1.shop'].map(name => compile(model, name, {}, compiler));
  const shared = (names: (compiled: CompiledProxy) => readonly object[]) => names(one).filter(message => names(two).includes(message)).length;
  expect(shared(({ routes }) => routes)).toBe(one.routes.length);
  expect(shared(({ endpoints }) => endpoints)).toBe(one.endpoints.length);
  expect(shared(({ clusters }) => clusters.filter(({ name }) => name.startsWith('outbound|')))).toBe(one.clusters.filter(({ name }) => name.startsWith('outbound|')).length);
});

test('a label that some rule asks callers for separates routes, and nothing else does', () => {
  const asking = RULES.replace('headers: {', 'sourceLabels: { app: cart }, headers: {');
  const model = modelOf(SHOP, asking);
  const compiler = createCompiler(model);
  const [cart, v1, v2] = ['cart.shop', 'stock-v1.shop', 'stock-v2.shop'].map(name => compile(model, name, {}, compiler));
  expect(v1.routes[0]).toBe(v2.routes[0]);
  expect(cart.routes[0]).not.toBe(v1.routes[0]);
});

test('the smallest mesh compiles: a proxy that nothing describes, and no service at all', () => {
  const compiled = createCompiler(buildModel([])).compile({
    type: 'sidecar',
    id: 'sidecar~10.0.0.1~a.b~b.svc.cluster.local',
    name: 'a',
    namespace: 'b',
    ips: ['10.0.0.1'],
    labels: {},
    serviceAccount: 'default',
    workload: 'a',
    clusterId: 'Kubernetes',
    cluster: '',
    dnsDomain: 'b.svc.cluster.local',
    locality: '',
    capture: 'iptables',
    dialect: 'istio',
    metadata: {},
  });
  expect(compiled.listeners.map(({ name }) => name)).toEqual(['virtualOutbound', 'virtualInbound']);
  expect(compiled.clusters.map(({ name }) => name)).toEqual(['BlackHoleCluster', 'PassthroughCluster', 'InboundPassthroughCluster']);
  expect(compiled.secrets).toEqual(['ROOTCA', 'default']);
});

const RACKS = ['r1', 'r2'].flatMap(rack => [`
apiVersion: v1
kind: Pod
metadata: { name: caller-${rack}, namespace: shop, labels: { app: caller, rack: ${rack} } }
spec: { containers: [{ name: app, image: app }] }
`, `
apiVersion: v1
kind: Pod
metadata: { name: racked-${rack}, namespace: shop, labels: { app: racked, rack: ${rack} } }
spec: { containers: [{ name: app, image: app }] }
`]).join('---');
const RACKED = `
apiVersion: v1
kind: Service
metadata: { name: racked, namespace: shop }
spec: { selector: { app: racked }, ports: [{ name: http, port: 80 }] }
`;
const BY_RACK = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: racked, namespace: shop }
spec:
  host: racked
  trafficPolicy: { outlierDetection: { interval: 1s }, loadBalancer: { localityLbSetting: { failoverPriority: [rack] } } }
`;
const OUTLIERS = BY_RACK.replace(/, loadBalancer: .*/, ' }');

/** Addresses of priority 0 behind the service, as a caller has them. */
function nearest(compiled: CompiledProxy): unknown[] {
  const { endpoints } = compiled.endpoints.find(({ clusterName }) => clusterName === 'outbound|80||racked.shop.svc.cluster.local')!;
  const first = endpoints.filter(({ priority }) => priority === 0).flatMap(({ lbEndpoints }) => lbEndpoints);
  return first.map(({ hostIdentifier }) => hostIdentifier.value);
}

test.each([
  ['a rule', {}, BY_RACK], ['the mesh', { meshConfig: { localityLbSetting: { failoverPriority: ['rack'] } } }, OUTLIERS],
])('callers whose labels %s asks about have endpoints of their own, though all else is the same', (_who, options, rule) => {
  const model = buildModel(resourcesOfYaml(RACKS, RACKED, rule), options);
  const compiler = createCompiler(model);
  const [one, two] = ['caller-r1.shop', 'caller-r2.shop'].map(name => nearest(compile(model, name, {}, compiler)));
  expect(one).toHaveLength(1);
  expect(two).toHaveLength(1);
  expect(one).not.toEqual(two);
});
