import { toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { BASE } from './fields/base';
import { API_VERSIONS, DOCUMENTS } from './fields/documents';
import { resourcesOfYaml } from './support';
import { analyze } from '../../src/analysis';
import { createExplainer } from '../../src/analysis/explain';
import { createCompiler } from '../../src/compiler/compiler';
import { findWorkload } from '../../src/model/find-workload';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import { buildModel } from '../../src/model/model';
import { resourcesOf } from '../../src/model/parse';
import { proxyOf } from '../../src/model/proxy';
import type { Resource } from '../../src/model/resource';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '../../src/xds/gen/envoy/config/core/v3/extension_pb';
import { ClusterLoadAssignmentSchema } from '../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';
import { urlOf } from '../generated/agreement';
import { meshes as generatedMeshes, WORKLOADS as GENERATED } from '../generated/meshes';

/** A mesh with some of the documents of every kind, so that rules of one kind meet. */
const some = (specs: readonly object[]) => fc.subarray([...specs], { maxLength: Math.min(3, specs.length) });
const meshes = fc.record(Object.fromEntries(Object.entries(DOCUMENTS).map(([kind, specs]) => [kind, some(specs)])))
  .map(chosen => [...resourcesOfYaml(BASE), ...resourcesOf(Object.entries(chosen).flatMap(([kind, specs]) => specs.map((spec, index) => (
    { apiVersion: API_VERSIONS[kind] ?? 'networking.istio.io/v1', kind, metadata: { name: `r${index}`, namespace: 'shop' }, spec }))))]);

const shuffled = meshes.chain(resources => fc.tuple(fc.constant(resources), fc.shuffledSubarray(resources, { minLength: resources.length })));

/** Everything that some proxies are sent, as bytes. */
function bytesOf(resources: readonly Resource[], names: readonly string[]): Buffer {
  const model = buildModel(resources);
  const compiler = createCompiler(model);
  const sent = new Map(names.map((name) => {
    const proxy = proxyOf(model, findWorkload(model, name));
    const { listeners, clusters, routes, endpoints, extensions = [], names: table, secrets } = compiler.compile(proxy);
    return [name, [
      ...listeners.map(each => toBinary(ListenerSchema, each)), ...clusters.map(each => toBinary(ClusterSchema, each)),
      ...routes.map(each => toBinary(RouteConfigurationSchema, each)), ...endpoints.map(each => toBinary(ClusterLoadAssignmentSchema, each)),
      ...extensions.map(each => toBinary(TypedExtensionConfigSchema, each)), ...(table === undefined ? [] : [Buffer.from(JSON.stringify(table()))]),
      Buffer.from(secrets.join()),
    ]];
  }));
  return Buffer.concat([...sent].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, messages]) => messages));
}

const WORKLOADS = ['cart.shop', 'stock-v1.shop', 'ingress.shop', 'depot.other'];

test('the order of the documents changes nothing: only age and names do', () => {
  fc.assert(fc.property(shuffled, ([resources, other]) => {
    expect(bytesOf(other, WORKLOADS).equals(bytesOf(resources, WORKLOADS))).toBe(true);
  }), { numRuns: 25 });
});

test('the same bytes twice, whichever proxy is compiled first', () => {
  fc.assert(fc.property(meshes, (resources) => {
    expect(bytesOf(resources, [...WORKLOADS].reverse()).equals(bytesOf(resources, WORKLOADS))).toBe(true);
  }), { numRuns: 12 });
});

const GENERATED_WORKLOADS = ['client.shop', 'alpha-v1.shop', 'beta.shop', 'gamma.other', 'istio-ingressgateway.istio-system'];
/** Of meshes that are generated, the documents in two orders. */
const twoOrders = generatedMeshes.map(({ documents, requests }) => ({ documents: [...GENERATED, ...documents], requests }))
  .chain(({ documents, requests }) => fc.record({
    documents: fc.constant(documents), requests: fc.constant(requests), others: fc.shuffledSubarray(documents, { minLength: documents.length }),
  }));
const read = (documents: readonly object[]) => (
  withGatewayWorkloads(resourcesOf(documents.map((each): unknown => JSON.parse(JSON.stringify(each))))).resources);

test('in generated meshes the order of the documents changes neither bytes nor findings nor answers', () => {
  fc.assert(fc.property(twoOrders, ({ documents, others, requests }) => {
    const [one, other] = [read(documents), read(others)];
    expect(bytesOf(other, GENERATED_WORKLOADS).equals(bytesOf(one, GENERATED_WORKLOADS))).toBe(true);
    expect(JSON.stringify(analyze(buildModel(other)))).toBe(JSON.stringify(analyze(buildModel(one))));
    const [explainer, another] = [one, other].map(each => createExplainer(buildModel(each)));
    for (const request of requests.slice(0, 4)) {
      const { from, method, headers } = request;
      const spec = { method, url: urlOf(request), headers, from: from === 'outside' ? from : `${from}.shop` };
      expect(JSON.stringify(another!.explain(spec))).toBe(JSON.stringify(explainer!.explain(spec)));
    }
  }), { numRuns: 40 });
});

test('of two rules for one host the older wins, wherever it stands', () => {
  const rule = (name: string, creationTimestamp: string, timeout: string) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace: 'shop', creationTimestamp },
    spec: { hosts: ['stock'], http: [{ timeout, route: [{ destination: { host: 'stock' } }] }] },
  });
  const [older, newer] = [rule('b', '2026-01-01T00:00:00Z', '1s'), rule('a', '2026-01-02T00:00:00Z', '2s')];
  const base = resourcesOfYaml(BASE);
  const only = bytesOf([...base, ...resourcesOf([older])], ['cart.shop']);
  for (const both of [[older, newer], [newer, older]]) expect(bytesOf([...base, ...resourcesOf(both)], ['cart.shop']).equals(only)).toBe(true);
});
