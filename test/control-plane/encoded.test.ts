import { create, fromBinary, toJson } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { encodeResource, encodeRoutes } from '../../runtime/control-plane/store/encoded';
import type { EncodedResource } from '../../runtime/control-plane/store/encoded';
import { VirtualHostSchema } from '../../src/xds/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '../../src/xds/gen/envoy/config/route/v3/route_pb';

const host = (name: string) => create(VirtualHostSchema, { name, domains: [name, `${name}:80`], routes: [{ name: 'default', match: { pathSpecifier: { case: 'prefix', value: '/' } } }] });
const routes = (names: readonly string[]) => create(RouteConfigurationSchema, {
  name: '80', virtualHosts: names.map(host), validateClusters: false, ignorePortInHostMatching: true, maxDirectResponseBodySizeBytes: 1048576,
});

/** The message inside `resources` of a response. */
function decoded({ entry }: EncodedResource) {
  const reader = new BinaryReader(Buffer.concat(entry));
  reader.tag();
  const any = new BinaryReader(reader.bytes());
  any.tag();
  expect(any.string()).toBe('type.googleapis.com/envoy.config.route.v3.RouteConfiguration');
  any.tag();
  return fromBinary(RouteConfigurationSchema, any.bytes());
}

test('a route configuration put together from its virtual hosts is the one it was, in their order', () => {
  for (const names of [[], ['a'], ['b', 'a', 'c']]) {
    const message = routes(names);
    expect(toJson(RouteConfigurationSchema, decoded(encodeRoutes(message)))).toEqual(toJson(RouteConfigurationSchema, message));
    expect(decoded(encodeRoutes(message))).toEqual(decoded(encodeResource(RouteConfigurationSchema, routes(names), '80')));
  }
});

test('what is equal has one hash, what differs another', () => {
  expect(encodeRoutes(routes(['a', 'b'])).hash).toBe(encodeRoutes(routes(['a', 'b'])).hash);
  expect(encodeRoutes(routes(['a', 'b'])).hash).not.toBe(encodeRoutes(routes(['b', 'a'])).hash);
});
