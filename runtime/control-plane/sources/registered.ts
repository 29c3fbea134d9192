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

/**
 * Manifests with the Pods of connected proxies in place of the controllers that made them. A Pod belongs to the controller of its namespace
 * whose name its own begins with; its labels and ports are those of that controller's template.
 */
export function withRegisteredPods(resources: readonly Resource[], nodeIds: Iterable<string>): Registered {
  const controllers = resources.filter(({ kind }) => CONTROLLERS.has(kind));
  const placement = new Map<string, Placement>();
  const pods: unknown[] = [];
  for (const id of new Set(nodeIds)) {
    const { name, namespace, ips: [ip] } = proxyFromNode({ id });
    const owner = ownerOf(controllers, name, namespace);
    if (owner === undefined) continue;
    const template = templateOf(owner);
    pods.push({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...objectOf(template.metadata), name, namespace, ownerReferences: [{ apiVersion: 'apps/v1', kind: owner.kind, name: owner.metadata.name, uid: '', controller: true }] },
      spec: template.spec,
      status: { podIP: ip, phase: 'Running' },
    });
    placement.set(`${namespace}/${name}`, { ip, ports: portsOf(objectOf(template.spec)) });
  }
  return { resources: [...resources.filter(({ kind }) => !CONTROLLERS.has(kind)), ...resourcesOf(pods)], placement };
}

function ownerOf(controllers: readonly Resource[], pod: string, namespace: string): Resource | undefined {
  const candidates = controllers.filter(({ metadata }) => metadata.namespace === namespace && (pod === metadata.name || pod.startsWith(`${metadata.name}-`)));
  return candidates.sort((a, b) => b.metadata.name.length - a.metadata.name.length)[0];
}

function templateOf({ kind, spec }: Resource): Readonly<Record<string, unknown>> {
  return objectOf(kind === 'CronJob' ? objectOf(objectOf(spec.jobTemplate).spec).template : spec.template);
}

function portsOf(spec: Readonly<Record<string, unknown>>): Record<number, number> {
  const containers = Array.isArray(spec.containers) ? spec.containers as { ports?: { containerPort?: number }[] }[] : [];
  const numbers = containers.flatMap(({ ports }) => ports ?? []).map(({ containerPort }) => containerPort).filter(number => number !== undefined);
  return Object.fromEntries(numbers.map(number => [number, proxyPort(number)]));
}
