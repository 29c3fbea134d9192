import type { View } from './view';
import type { Service, ServicePort } from '../model/service';

/** One port of the application, as the services in front of it describe it. */
export interface InboundPort {
  readonly targetPort: number;
  /** The service that decides protocol and policy: the oldest that leads here. */
  readonly service: Service;
  readonly port: ServicePort;
  /** All services whose port of the same number leads here. */
  readonly services: readonly Service[];
}

/** Target ports of the proxy's own services, ascending (istio-behaviour A3, E1). */
export function inboundPorts(view: View): readonly InboundPort[] {
  const found = new Map<number, { service: Service; port: ServicePort; services: Service[] }>();
  for (const { service, port, targetPort } of view.mesh.model.targetsOf(view.workload)) {
    const known = found.get(targetPort);
    if (known === undefined) found.set(targetPort, { service, port, services: [service] });
    else if (known.port.number === port.number && !known.services.includes(service)) known.services.push(service);
  }
  return [...found].sort(([a], [b]) => a - b).map(([targetPort, facts]) => ({ targetPort, ...facts }));
}
