import type { MeshConfig } from './mesh-config';
import type { Resource } from './resource';
import type { Endpoint, Service, Workload } from './service';

/** Resources of one mesh and the registry made of them: plain immutable data, the only input of compiler and analysis. */
export interface Model {
  readonly config: MeshConfig;
  /** Cluster domain, `cluster.local`. */
  readonly domain: string;
  readonly clusterId: string;
  /** All resources of a kind, oldest first (creationTimestamp, name, namespace); never in file order. */
  readonly of: (kind: string) => readonly Resource[];
  /** Oldest first. */
  readonly services: readonly Service[];
  readonly servicesByHost: ReadonlyMap<string, readonly Service[]>;
  readonly workloads: readonly Workload[];
  /** Endpoints of one port of a service, in a stable order. */
  readonly endpointsOf: (service: Service, portName: string) => readonly Endpoint[];
  /** Services whose selector takes this workload, with the target port each service port leads to; oldest service first (A3). */
  readonly targetsOf: (workload: Workload) => readonly { readonly service: Service; readonly port: Service['ports'][number]; readonly targetPort: number }[];
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>>;
}
