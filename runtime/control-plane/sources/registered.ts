import { objectOf } from '../../../src/model/json';
import { resourcesOf } from '../../../src/model/parse';
import { proxyFromNode } from '../../../src/model/proxy';
import type { Resource } from '../../../src/model/resource';
import type { Placement } from '../../../src/model/workloads';

/** Kinds that stand for Pods which nobody but Kubernetes knows. */
const CONTROLLERS: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob']);

/** How far a proxy's own port is from that of the application, which has the port itself. */
const DISTANCE = 10_000;

/** Where the proxy of a Pod listens for a port of the application: the Pod has one network, in which the application may hold the port on all addresses. */
export function proxyPort(applicationPort: number): number {
  return applicationPort + DISTANCE <= 65_535 ? applicationPort + DISTANCE : applicationPort - DISTANCE;
}

/** What is known of a mesh whose Pods make themselves known by connecting. */
export interface Registered {
  readonly resources: readonly Resource[];
  readonly placement: ReadonlyMap<string, Placement>;
}

/** A Pod as it was made of a controller. */
interface RegisteredPod {
  readonly owner: Resource;
  readonly resources: readonly Resource[];
  readonly placement: Placement;
}

/** Pods by node id. */
export type RegisteredPods = Map<string, RegisteredPod>;

/**
 * Manifests with the Pods of connected proxies in place of the controllers that made them. A Pod belongs to the controller of its namespace
 * whose name its own begins with; its labels and ports are those of that controller's template.
 * @param made - Pods made before, which stay the same resources as long as their controller does
 */
export function withRegisteredPods(resources: readonly Resource[], nodeIds: Iterable<string>, made: RegisteredPods = new Map()): Registered {
  const controllers = new Map<string, Resource>();
  const others: Resource[] = [];
  for (const resource of resources) {
    const { kind, metadata: { namespace, name } } = resource;
    if (!CONTROLLERS.has(kind)) others.push(resource);
    else if (!controllers.has(`${namespace}/${name}`)) controllers.set(`${namespace}/${name}`, resource);
  }
  const placement = new Map<string, Placement>();
  for (const id of new Set(nodeIds)) {
    const { name, namespace, ips: [ip] } = proxyFromNode({ id });
    const owner = ownerOf(controllers, name, namespace);
    if (owner === undefined) continue;
    let pod = made.get(id);
    if (pod?.owner !== owner) made.set(id, pod = podOf(owner, name, ip));
    others.push(...pod.resources);
    placement.set(`${namespace}/${name}`, pod.placement);
  }
  return { resources: others, placement };
}

function podOf(owner: Resource, name: string, ip: string): RegisteredPod {
  const template = templateOf(owner);
  const { namespace } = owner.metadata;
  const resources = resourcesOf([{
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...objectOf(template.metadata), name, namespace, ownerReferences: [{ apiVersion: 'apps/v1', kind: owner.kind, name: owner.metadata.name, uid: '', controller: true }] },
    spec: template.spec,
    status: { podIP: ip, phase: 'Running' },
  }]);
  return { owner, resources, placement: { ip, ports: portsOf(objectOf(template.spec)) } };
}

/** The longest name wins; of several kinds with one name, the first. */
function ownerOf(controllers: ReadonlyMap<string, Resource>, pod: string, namespace: string): Resource | undefined {
  for (let end = pod.length; end > 0; end = pod.lastIndexOf('-', end - 1)) {
    const owner = controllers.get(`${namespace}/${pod.slice(0, end)}`);
    if (owner !== undefined) return owner;
  }
  return undefined;
}

function templateOf({ kind, spec }: Resource): Readonly<Record<string, unknown>> {
  return objectOf(kind === 'CronJob' ? objectOf(objectOf(spec.jobTemplate).spec).template : spec.template);
}

function portsOf(spec: Readonly<Record<string, unknown>>): Record<number, number> {
  const containers = Array.isArray(spec.containers) ? spec.containers as { ports?: { containerPort?: number }[] }[] : [];
  const numbers = containers.flatMap(({ ports }) => ports ?? []).map(({ containerPort }) => containerPort).filter(number => number !== undefined);
  return Object.fromEntries(numbers.map(number => [number, proxyPort(number)]));
}
