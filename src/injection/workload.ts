import type { Owner, Pod } from './pod';
import type { Data } from './typed';
import { isObject, objectOf, objectsOf, textMapOf, textOf } from '../model/json';
import type { Json } from '../model/json';
import { groupOf } from '../model/kinds';

/** A workload that the injector knows: where its Pod template is, and whose it is. */
export interface Workload {
  /** Its type among Kubernetes' types. */
  readonly type: string;
  readonly owner: Owner;
  /** The template as the injector reads it: for a CronJob its metadata is that of the job template, as Istio's injector has it. */
  pod(object: Data): Pod | undefined;
  /** Writes a template back. */
  put(object: Data, pod: Pod): void;
}

const KINDS: ReadonlySet<string> = new Set([
  'Pod', 'ReplicationController', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob', 'DeploymentConfig',
]);

/** Any version counts, as in Istio's injector, but a Job of another group is another thing. */
const GROUPS: ReadonlySet<string> = new Set(['', 'apps', 'batch', 'extensions', 'apps.openshift.io']);

/** How to inject into an object; undefined where it is no workload, which is left alone. */
export function workloadOf(object: Json): Workload | undefined {
  const [apiVersion, kind] = [textOf(object.apiVersion) ?? '', textOf(object.kind) ?? ''];
  if (!KINDS.has(kind) || !GROUPS.has(groupOf(apiVersion))) return undefined;
  const metadata = objectOf(object.metadata);
  const owner = { apiVersion, kind, name: textOf(metadata.name) ?? '', namespace: textOf(metadata.namespace) ?? '' };
  switch (kind) {
    case 'Pod':
      return {
        type: kind,
        owner: controllerOf(metadata, owner),
        pod: pod => pod as unknown as Pod,
        put: (pod, made) => void Object.assign(pod, made),
      };
    case 'CronJob':
      return {
        type: kind,
        owner,
        pod: (cron) => {
          const job = jobTemplate(cron);
          return { metadata: job.metadata, spec: job.spec.template.spec };
        },
        put: (cron, made) => {
          const job = jobTemplate(cron);
          job.metadata = made.metadata;
          job.spec.template.spec = made.spec;
        },
      };
    default:
      return {
        type: kind,
        owner,
        pod: each => (each.spec as { template?: Pod }).template,
        put: (each, made) => { (each.spec as { template: Pod }).template = made; },
      };
  }
}

/** Replicas that a manifest asks for: one where it says nothing, none known for a DaemonSet. */
export function replicasOf(object: Json): number | undefined {
  if (object.kind === 'DaemonSet') return undefined;
  const spec = objectOf(object.spec);
  const count = object.kind === 'Job' ? spec.parallelism : object.kind === 'CronJob' ? objectOf(objectOf(spec.jobTemplate).spec).parallelism : spec.replicas;
  return typeof count === 'number' ? count : 1;
}

function jobTemplate(cron: Data): { metadata: Pod['metadata']; spec: { template: Pod } } {
  return (cron.spec as { jobTemplate: { metadata: Pod['metadata']; spec: { template: Pod } } }).jobTemplate;
}

/** The workload behind a Pod with a generated name: its controller, and what made that where the name tells. */
function controllerOf(metadata: Json, pod: Owner): Owner {
  const controller = objectsOf(metadata.ownerReferences).find(reference => reference.controller === true);
  if (!isObject(controller) || (textOf(metadata.generateName) ?? '') === '') return pod;
  const labels = textMapOf(metadata.labels);
  const owner = { apiVersion: textOf(controller.apiVersion) ?? '', kind: textOf(controller.kind) ?? '', name: textOf(controller.name) ?? '', namespace: pod.namespace };
  const without = (hash: string | undefined): string | undefined => (hash && owner.name.endsWith(`-${hash}`) ? owner.name.slice(0, -hash.length - 1) : undefined);
  const named = (kind: string, name: string, apiVersion = owner.apiVersion): Owner => ({ ...owner, apiVersion, kind, name: name || pod.name });
  if (owner.kind === 'ReplicaSet') {
    const deployment = without(labels['pod-template-hash']);
    if (deployment !== undefined) return named('Deployment', deployment);
    const rollout = without(labels['rollouts-pod-template-hash']);
    if (rollout !== undefined) return named('Rollout', rollout, 'v1alpha1');
  }
  if (owner.kind === 'ReplicationController' && labels.deploymentconfig) return named('DeploymentConfig', labels.deploymentconfig);
  if (owner.kind === 'Job') {
    const cron = /^(.+)-\d{8,10}$/.exec(owner.name);
    if (cron !== null) return named('CronJob', cron[1], 'batch/v1');
  }
  return named(owner.kind, owner.name);
}
