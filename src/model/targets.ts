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
  const byNamespace = new Map([...groupBy(services.filter(service => service.resolution !== 'alias').sort(byAgeAndHost), service => service.namespace)]
    .map(([namespace, here]) => [namespace, shelfOf(here)]));
  return (workload) => {
    const shelf = byNamespace.get(workload.namespace);
    if (shelf === undefined) return [];
    const { here } = shelf;
    const selecting = new Set(selectingAt(shelf, workload));
    const selectedInKubernetes = [...selecting].some(at => here[at].registry === 'Kubernetes' && portsOn(here[at], workload).length > 0);
    // Where a selector decides, no other Service of Kubernetes has a say.
    const asked = selectedInKubernetes ? [...new Set([...selecting, ...shelf.external])].sort((a, b) => a - b) : here.keys();
    return [...asked].flatMap((at) => {
      const service = here[at];
      if (selecting.has(at)) return portsOn(service, workload);
      const counts = service.registry === 'Kubernetes' || isInline(service, workload);
      return counts ? portsByAddress(service, workload, endpoints.get(endpointsKey(service)) ?? []) : [];
    });
  };
}

/** Services of a namespace, found by their selectors. */
interface Shelf {
  readonly here: readonly Service[];
  /** Places of those that have a selector, by one of its labels. */
  readonly byLabel: ReadonlyMap<string, readonly number[]>;
  /** Places of those of ServiceEntries. */
  readonly external: readonly number[];
}

const labelKey = ([name, value]: [string, string]): string => `${name}\u0000${value}`;

function shelfOf(here: readonly Service[]): Shelf {
  const byLabel = new Map<string, number[]>();
  const external: number[] = [];
  here.forEach(({ selector, registry }, at) => {
    if (registry === 'External') external.push(at);
    const [first] = Object.entries(selector);
    if (first === undefined) return;
    const key = labelKey(first);
    const list = byLabel.get(key);
    if (list === undefined) byLabel.set(key, [at]);
    else list.push(at);
  });
  return { here, byLabel, external };
}

/** Places of the services whose selector takes a workload. */
function selectingAt({ here, byLabel }: Shelf, workload: Workload): number[] {
  const candidates = Object.entries(workload.labels).flatMap(label => byLabel.get(labelKey(label)) ?? []);
  return candidates.filter(at => selects(here[at].selector, workload.labels));
}

function byAgeAndHost(a: Service, b: Service): number {
  return compare(a.creationTimestamp, b.creationTimestamp) || compare(a.hostname, b.hostname);
}

/** Whether a ServiceEntry lists the workload among its endpoints. */
function isInline(service: Service, workload: Workload): boolean {
  return objectsOf(service.resource.spec.endpoints).some(endpoint => workload.ips.includes(textOf(endpoint.address) ?? ''));
}

function portsOn(service: Service, workload: Workload): Target[] {
  const targets = targetsOn(service, workload);
  if (service.registry !== 'Kubernetes' || workload.kind === 'WorkloadEntry') return targets;
  // Of several ports of a Service that lead to one place in one protocol, the first speaks for it.
  return targets.filter(({ port, targetPort }, at) => (
    targets.findIndex(other => other.targetPort === targetPort && other.port.protocol === port.protocol) === at));
}

function targetsOn(service: Service, workload: Workload): Target[] {
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
