import { textOf } from '../../model/json';
import type { Service, ServicePort } from '../../model/service';
import type { Mesh } from '../mesh';

export interface StatFacts {
  readonly service?: Service;
  readonly port: Pick<ServicePort, 'name' | 'number'>;
  readonly subset?: string;
  readonly targetPort?: number;
}

/** Name under which a cluster counts: its own, or what the mesh's pattern makes of the service (istio-behaviour D2). */
export function statName(mesh: Mesh, pattern: 'outboundClusterStatName' | 'inboundClusterStatName', cluster: string, facts: StatFacts): string {
  const text = textOf(mesh.model.config.raw[pattern]) ?? '';
  const { service, port, subset = '', targetPort } = facts;
  if (text === '' || service === undefined) return `${cluster};`;
  return `${patternName(text.replaceAll('%TARGET_PORT%', String(targetPort ?? 0)), service, port, subset)};`;
}

/** A pattern filled in; the name of a service that Kubernetes does not know is its host. */
export function patternName(
  pattern: string, { registry, name, namespace, hostname }: Pick<Service, 'name' | 'namespace' | 'hostname'> & { readonly registry: string },
  port: StatFacts['port'], subset = '',
): string {
  const known = registry === 'Kubernetes';
  return pattern
    .replaceAll('%SERVICE%', known ? `${name}.${namespace}` : hostname)
    .replaceAll('%SERVICE_NAME%', known ? name : hostname)
    .replaceAll('%SERVICE_FQDN%', hostname)
    .replaceAll('%SUBSET_NAME%', subset)
    .replaceAll('%SERVICE_PORT%', String(port.number))
    .replaceAll('%SERVICE_PORT_NAME%', port.name);
}
