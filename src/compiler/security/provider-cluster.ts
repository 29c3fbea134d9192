import type { Mesh } from '../mesh';
import { outboundCluster } from '../names';

/** Cluster of a service that MeshConfig or a policy names by itself. */
export interface ProviderCluster { readonly hostname: string; readonly cluster: string }

/** `HOST` or `NAMESPACE/HOST`; undefined where no service, or more than one, is meant, or the port is none. */
export function clusterOfProvider(mesh: Mesh, service: string | undefined, port: number | undefined): ProviderCluster | undefined {
  if (service === undefined || service === '' || port === undefined || !(port >= 1 && port <= 65535)) return undefined;
  const parts = service.split('/');
  const hostname = parts.length === 2 ? parts[1] : service;
  const found = (mesh.model.servicesByHost.get(hostname) ?? []).filter(({ namespace }) => parts.length !== 2 || namespace === parts[0]);
  if (new Set(found.map(({ namespace }) => namespace)).size !== 1) return undefined;
  return { hostname, cluster: outboundCluster(port, '', hostname) };
}
