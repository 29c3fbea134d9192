import { endpointsKey, portOnEntry } from './endpoints';
import { groupBy } from './group-by';
import { objectsOf, textOf } from './json';
import { compare } from './resource';
import { selects } from './selectors';
import type { Endpoint, Service, ServicePort, Workload } from './service';
import { targetPortOn } from './workloads';

/** One service port that leads to a workload, with the port it reaches there. */
export interface Target {
  readonly service: Service;
  readonly port: ServicePort;
  readonly targetPort: number;
}

/**
 * Finds the services that lead to a workload (istio-behaviour A3, last bullet), oldest first. They decide its inbound side.
 * All of them are of the workload's namespace: selectors do not reach further. Of one second, their host names decide.
 */
export function targetFinder(services: readonly Service[], endpoints: ReadonlyMap<string, readonly Endpoint[]>): (workload: Workload) => Target[] {
  const byNamespace = groupBy(services.filter(service => service.resolution !== 'alias').sort(byAgeAndHost), service => service.namespace);
  return (workload) => {
    const here = byNamespace.get(workload.namespace) ?? [];
    const selecting = new Set(here.filter(service => isSelected(service, workload)));
    const selectedInKubernetes = [...selecting].some(service => service.registry === 'Kubernetes' && portsOn(service, workload).length > 0);
    return here.flatMap((service) => {
      if (selecting.has(service)) return portsOn(service, workload);
      const counts = service.registry === 'Kubernetes' ? !selectedInKubernetes : isInline(service, workload);
      return counts ? portsByAddress(service, workload, endpoints.get(endpointsKey(service)) ?? []) : [];
    });
  };
}

function byAgeAndHost(a: Service, b: Service): number {
  return compare(a.creationTimestamp, b.creationTimestamp) || compare(a.hostname, b.hostname);
}

function isSelected(service: Service, workload: Workload): boolean {
  return Object.keys(service.selector).length > 0 && selects(service.selector, workload.labels);
}

/** Whether a ServiceEntry lists the workload among its endpoints. */
function isInline(service: Service, workload: Workload): boolean {
  return objectsOf(service.resource.spec.endpoints).some(endpoint => workload.ips.includes(textOf(endpoint.address) ?? ''));
}

function portsOn(service: Service, workload: Workload): Target[] {
  return service.ports.flatMap((port): Target[] => {
    const targetPort = workload.kind === 'WorkloadEntry' ? portOnEntry(workload.resource.spec, port) : targetPortOn(workload, port);
    return targetPort === undefined ? [] : [{ service, port, targetPort }];
  });
}

/** Ports on which the endpoints of a service have the workload's own address, each once. */
function portsByAddress(service: Service, workload: Workload, endpoints: readonly Endpoint[]): Target[] {
  const mine = endpoints.filter(endpoint => endpoint.address === workload.ip);
  return service.ports.flatMap(port => [...new Set(mine.filter(endpoint => endpoint.servicePortName === port.name).map(endpoint => endpoint.port))]
    .map((targetPort): Target => ({ service, port, targetPort })));
}
