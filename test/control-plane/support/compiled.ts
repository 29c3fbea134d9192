import { create } from '@bufbuild/protobuf';
import type { CompiledProxy } from '../../../src/compiler/compiled-proxy';
import type { Model } from '../../../src/model/model';
import { buildModel } from '../../../src/model/model';
import { ClusterSchema, Cluster_DiscoveryType } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Cluster } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { ClusterLoadAssignment } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import type { Listener } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';

/** A configuration in short: names, each with a mark that stands for its content. */
export interface Sketch {
  readonly clusters?: Readonly<Record<string, string>>;
  readonly endpoints?: Readonly<Record<string, number>>;
  readonly listeners?: Readonly<Record<string, string>>;
  readonly routes?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
}

/** Clusters named `eds…` are of type EDS. */
export function compiledOf(sketch: Sketch): CompiledProxy {
  return {
    clusters: entries(sketch.clusters).map(([name, mark]) => cluster(name, mark)),
    endpoints: entries(sketch.endpoints).map(([name, weight]) => assignment(name, weight)),
    listeners: entries(sketch.listeners).map(([name, mark]) => listener(name, mark)),
    routes: entries(sketch.routes).map(([name, mark]) => route(name, mark)),
    secrets: sketch.secrets ?? [],
  };
}

/** A model that means a sketch, and the compiler that knows it: the control plane sees nothing but the two together. */
export function sketches(): { modelOf: (sketch: Sketch) => Model; compilerOf: (model: Model) => { compile: () => CompiledProxy } } {
  const known = new Map<Model, CompiledProxy>();
  return {
    modelOf: sketch => {
      const model = buildModel([]);
      known.set(model, compiledOf(sketch));
      return model;
    },
    compilerOf: model => ({ compile: () => known.get(model)! }),
  };
}

function entries<T>(record: Readonly<Record<string, T>> = {}): [string, T][] {
  return Object.entries(record);
}

function cluster(name: string, mark: string): Cluster {
  return create(ClusterSchema, {
    name, altStatName: mark, clusterDiscoveryType: { case: 'type', value: name.startsWith('eds') ? Cluster_DiscoveryType.EDS : Cluster_DiscoveryType.STATIC },
  });
}

function assignment(clusterName: string, weight: number): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, { clusterName, endpoints: [{ loadBalancingWeight: weight }] });
}

function listener(name: string, statPrefix: string): Listener {
  return create(ListenerSchema, { name, statPrefix });
}

function route(name: string, mark: string): RouteConfiguration {
  return create(RouteConfigurationSchema, { name, internalOnlyHeaders: [mark] });
}
