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
  return text
    .replaceAll('%SERVICE%', service.registry === 'Kubernetes' ? `${service.name}.${service.namespace}` : service.hostname)
    .replaceAll('%SERVICE_NAME%', service.name)
    .replaceAll('%SERVICE_FQDN%', service.hostname)
    .replaceAll('%SUBSET_NAME%', subset)
    .replaceAll('%TARGET_PORT%', targetPort === undefined ? '' : String(targetPort))
    .replaceAll('%SERVICE_PORT%', String(port.number))
    .replaceAll('%SERVICE_PORT_NAME%', port.name);
}
