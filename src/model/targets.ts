import { endpointsKey, portOnEntry } from './endpoints';
import { objectsOf, textOf } from './json';
import { selects } from './selectors';
import type { Endpoint, Service, ServicePort, Workload } from './service';
import { targetPortOn } from './workloads';

/** One service port that leads to a workload, with the port it reaches there. */
export interface Target {
  readonly service: Service;
  readonly port: ServicePort;
  readonly targetPort: number;
}

/** Services that lead to a workload (istio-behaviour A3, last bullet), oldest first. They decide its inbound side. */
export function targetsOf(workload: Workload, services: readonly Service[], endpoints: ReadonlyMap<string, readonly Endpoint[]>): Target[] {
  const selected = services.filter(service => service.resolution !== 'alias' && isSelected(service, workload));
  const found = selected.flatMap(service => portsOn(service, workload));
  const kubernetes = found.some(target => target.service.registry === 'Kubernetes') ? []
    : services.filter(service => service.registry === 'Kubernetes' && service.namespace === workload.namespace && !selected.includes(service))
      .flatMap(service => byAddress(service, workload, endpoints));
  const inline = services.filter(service => service.registry === 'External' && service.namespace === workload.namespace)
    .filter(service => objectsOf(service.resource.spec.endpoints).some(endpoint => workload.ips.includes(textOf(endpoint.address) ?? '')))
    .flatMap(service => byAddress(service, workload, endpoints));
  return unique([...found, ...kubernetes, ...inline], services);
}

function isSelected(service: Service, workload: Workload): boolean {
  return service.namespace === workload.namespace && Object.keys(service.selector).length > 0 && selects(service.selector, workload.labels);
}

function portsOn(service: Service, workload: Workload): Target[] {
  return service.ports.flatMap((port): Target[] => {
    const targetPort = workload.kind === 'WorkloadEntry' ? portOnEntry(workload.resource.spec, port)
      : targetPortOn(workload, port);
    return targetPort === undefined ? [] : [{ service, port, targetPort }];
  });
}

function byAddress(service: Service, workload: Workload, endpoints: ReadonlyMap<string, readonly Endpoint[]>): Target[] {
  const mine = (endpoints.get(endpointsKey(service)) ?? []).filter(endpoint => endpoint.address === workload.ip);
  return service.ports.flatMap(port => mine.filter(endpoint => endpoint.servicePortName === port.name)
    .map((endpoint): Target => ({ service, port, targetPort: endpoint.port })));
}

/** Oldest service first, each service port once. */
function unique(targets: readonly Target[], services: readonly Service[]): Target[] {
  const age = new Map(services.map((service, index) => [service, index]));
  const seen = new Set<string>();
  return [...targets].sort((a, b) => (age.get(a.service) ?? 0) - (age.get(b.service) ?? 0)).filter((target) => {
    const key = `${age.get(target.service)}/${target.port.number}/${target.targetPort}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
