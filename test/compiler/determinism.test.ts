import { toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { BASE } from './fields/base';
import { DOCUMENTS } from './fields/documents';
import { resourcesOfYaml } from './support';
import { createCompiler } from '../../src/compiler/compiler';
import { findWorkload } from '../../src/model/find-workload';
import { buildModel } from '../../src/model/model';
import { resourcesOf } from '../../src/model/parse';
import { proxyOf } from '../../src/model/proxy';
import type { Resource } from '../../src/model/resource';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';

const API_VERSIONS: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'security.istio.io/v1',
  PeerAuthentication: 'security.istio.io/v1',
  RequestAuthentication: 'security.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
  TrafficExtension: 'extensions.istio.io/v1alpha1',
  WasmPlugin: 'extensions.istio.io/v1alpha1',
};

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
    const { listeners, clusters, routes, endpoints } = compiler.compile(proxyOf(model, findWorkload(model, name)));
    return [name, [
      ...listeners.map(each => toBinary(ListenerSchema, each)), ...clusters.map(each => toBinary(ClusterSchema, each)),
      ...routes.map(each => toBinary(RouteConfigurationSchema, each)), ...endpoints.map(each => toBinary(ClusterLoadAssignmentSchema, each)),
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
