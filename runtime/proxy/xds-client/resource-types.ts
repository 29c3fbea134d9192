import { fromBinary } from '@bufbuild/protobuf';
import { checkFilters } from './supported-filters';
import { prepareCluster, prepareListener, prepareRoutes } from '../../../src/evaluator';
import { ClusterSchema, type Cluster } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema, type ClusterLoadAssignment } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema, type Listener } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema, type RouteConfiguration } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';

export type TypeName = 'CDS' | 'EDS' | 'LDS' | 'RDS';

/** The message of each type. */
export interface Messages {
  CDS: Cluster;
  EDS: ClusterLoadAssignment;
  LDS: Listener;
  RDS: RouteConfiguration;
}

/** What the client must know of one resource type. */
export interface ResourceType<T extends TypeName> {
  readonly url: string;
  /** A response holds all there is, and is asked for without names. */
  readonly wildcard: boolean;
  readonly decode: (bytes: Uint8Array) => Messages[T];
  readonly name: (message: Messages[T]) => string;
  /** Throws on what this proxy cannot serve: better refused than served wrongly. */
  readonly check: (message: Messages[T]) => void;
}

/** In the order in which Envoy takes them: clusters and endpoints before the routes that use them. */
export const TYPES: { readonly [T in TypeName]: ResourceType<T> } = {
  CDS: {
    url: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
    wildcard: true,
    decode: bytes => fromBinary(ClusterSchema, bytes),
    name: ({ name }) => name,
    check: message => void prepareCluster(message, undefined),
  },
  EDS: {
    url: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
    wildcard: false,
    decode: bytes => fromBinary(ClusterLoadAssignmentSchema, bytes),
    name: ({ clusterName }) => clusterName,
    check: () => undefined,
  },
  LDS: {
    url: 'type.googleapis.com/envoy.config.listener.v3.Listener',
    wildcard: true,
    decode: bytes => fromBinary(ListenerSchema, bytes),
    name: ({ name }) => name,
    check: message => {
      checkFilters(prepareListener(message));
    },
  },
  RDS: {
    url: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    wildcard: false,
    decode: bytes => fromBinary(RouteConfigurationSchema, bytes),
    name: ({ name }) => name,
    check: message => void prepareRoutes(message),
  },
};

export const TYPE_NAMES = Object.keys(TYPES) as TypeName[];
