import { isObject, numberOf, objectOf } from '../../model/json';
import type { Model } from '../../model/model';
import { resourcesOf } from '../../model/parse';
import type { Resource } from '../../model/resource';

/** Beyond so many Pods of one controller, more of them would say nothing new. */
const MOST = 100;

/** Pods for every controller that asks for several and has none in the input: endpoints that fail one by one. */
export function withReplicas(resources: readonly Resource[], { workloads }: Pick<Model, 'workloads'>): Resource[] {
  const pods = workloads.filter(({ kind }) => kind !== 'Pod').flatMap(({ resource }) => podsOf(resource));
  return [...resources, ...resourcesOf(pods)];
}

function podsOf({ kind, metadata: { name, namespace }, spec }: Resource): object[] {
  const replicas = Math.min(MOST, numberOf(spec.replicas) ?? 1);
  if (replicas < 2 || !isObject(spec.template)) return [];
  const { labels, annotations } = objectOf(spec.template.metadata);
  return Array.from({ length: replicas }, (_, i) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      // A StatefulSet counts its Pods from 0, and the others follow suit.
      name: `${name}-${i}`,
      generateName: `${name}-`,
      namespace,
      labels,
      annotations,
      ownerReferences: [{ kind, name, controller: true }],
    },
    spec: objectOf(objectOf(spec.template).spec),
  }));
}
