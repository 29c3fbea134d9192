import { create, equals, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, Message } from '@bufbuild/protobuf';
import { AnySchema, DurationSchema } from '@bufbuild/protobuf/wkt';
import {
  Cluster_EdsClusterConfigSchema, Cluster_TransportSocketMatchSchema,
} from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { LocalitySchema, MetadataSchema, TransportSocketSchema } from '../../src/xds/gen/envoy/config/core/v3/base_pb';
import { LbEndpointSchema, LocalityLbEndpointsSchema } from '../../src/xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import { ClusterLoadAssignmentSchema } from '../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import {
  HeaderMatcherSchema, RetryPolicySchema, RouteActionSchema, RouteMatchSchema, RouteSchema, VirtualHostSchema, WeightedCluster_ClusterWeightSchema,
} from '../../src/xds/gen/envoy/config/route/v3/route_components_pb';
import { StringMatcherSchema } from '../../src/xds/gen/envoy/type/matcher/v3/string_pb';
import * as literal from '../../src/xds/literals';

const any = literal.any('type.googleapis.com/x', new Uint8Array([1, 2]));
const socket = literal.transportSocket('tls', any);
const endpoint = literal.lbEndpoint({ address: '10.0.0.1', port: 80, healthStatus: 1, metadata: literal.metadata({ istio: { a: 'b' } }), loadBalancingWeight: 3 });
const retry = literal.retryPolicy({
  retryOn: '5xx', numRetries: 0, perTryTimeout: literal.duration(2n, 5), retryPriority: undefined, retryBackOff: undefined, hostSelectionRetryMaxAttempts: 5n,
});
const header = literal.headerMatcher('end-user', { case: 'stringMatch', value: literal.stringMatcher({ case: 'exact', value: 'jason' }) });
const match = literal.routeMatch({ pathSpecifier: { case: 'prefix', value: '/' }, caseSensitive: false, headers: [header] });
const weight = literal.clusterWeight({ name: 'a', weight: 0 });
const action = literal.routeAction({
  clusterSpecifier: literal.weightedClusters([weight]), timeout: literal.duration(1n, 0), maxGrpcTimeout: undefined, retryPolicy: retry,
});
const route = literal.route({ name: 'r', match, action: { case: 'route', value: action }, metadata: undefined, operation: 'o' });
const group = literal.localityLbEndpoints({ locality: literal.locality('r', 'z', 's'), lbEndpoints: [endpoint], loadBalancingWeight: 3, priority: 1 });

const MADE: readonly (readonly [schema: DescMessage, message: Message])[] = [
  [AnySchema, any],
  [DurationSchema, literal.duration(1n, 2)],
  [MetadataSchema, literal.metadata({ istio: { a: 'b' } })],
  [LocalitySchema, literal.locality('r', 'z', 's')],
  [TransportSocketSchema, socket],
  [Cluster_TransportSocketMatchSchema, literal.transportSocketMatch('m', { tlsMode: 'istio' }, socket)],
  [Cluster_EdsClusterConfigSchema, literal.edsClusterConfig(undefined, 'c')],
  [ClusterLoadAssignmentSchema, literal.clusterLoadAssignment('c', [group])],
  [LocalityLbEndpointsSchema, group],
  [LbEndpointSchema, endpoint],
  [VirtualHostSchema, literal.virtualHost({ name: 'h', domains: ['h'], routes: [route], includeRequestAttemptCount: true })],
  [RouteSchema, route],
  [RouteMatchSchema, match],
  [HeaderMatcherSchema, header],
  [StringMatcherSchema, literal.stringMatcher({ case: 'prefix', value: 'a' })],
  [RouteActionSchema, action],
  [WeightedCluster_ClusterWeightSchema, weight],
  [RetryPolicySchema, retry],
];

describe('a literal is a message as protobuf makes it', () => {
  test.each(MADE.map(([schema, message]) => [schema.typeName, schema, message] as const))('%s', (typeName, schema, message) => {
    expect(message.$typeName).toBe(typeName);
    // Every field that an empty message has, and no other than the type knows.
    const fields = Object.keys(message).filter(key => key !== '$typeName');
    expect(fields).toEqual(expect.arrayContaining(Object.keys(create(schema)).filter(key => key !== '$typeName')));
    expect(schema.members.map(({ localName }) => localName)).toEqual(expect.arrayContaining(fields));
    expect(equals(schema, fromBinary(schema, toBinary(schema, message)), message)).toBe(true);
  });
});

test('what messages share cannot be changed', () => {
  expect(() => literal.routeMatch({ pathSpecifier: { case: undefined } }).headers.push(header)).toThrow(TypeError);
});
