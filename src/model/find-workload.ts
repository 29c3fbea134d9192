import { MeshError } from './error';
import type { Model } from './model';
import type { Workload } from './service';
import { closest } from './suggest';

/** Short and long names of the kinds that a workload may be named with, as kubectl has them. */
const KINDS: Readonly<Record<string, string>> = {
  pod: 'Pod',
  pods: 'Pod',
  po: 'Pod',
  deployment: 'Deployment',
  deployments: 'Deployment',
  deploy: 'Deployment',
  statefulset: 'StatefulSet',
  statefulsets: 'StatefulSet',
  sts: 'StatefulSet',
  daemonset: 'DaemonSet',
  daemonsets: 'DaemonSet',
  ds: 'DaemonSet',
  replicaset: 'ReplicaSet',
  replicasets: 'ReplicaSet',
  rs: 'ReplicaSet',
  job: 'Job',
  jobs: 'Job',
  cronjob: 'CronJob',
  cronjobs: 'CronJob',
  cj: 'CronJob',
};

/**
 * The workload a person names: `NAME`, `NAME.NAMESPACE`, `deploy/NAME`, `pod/NAME`. NAME is a Pod's or its controller's, or else
 * the `app` label that only one controller has. Of several Pods of one controller it is the first by name.
 * Throws MESH_WORKLOAD_UNKNOWN, which lists the candidates.
 */
export function findWorkload(model: Pick<Model, 'workloads'>, name: string, defaultNamespace = 'default'): Workload {
  const slash = name.indexOf('/');
  const kind = slash < 0 ? undefined : KINDS[name.slice(0, slash).toLowerCase()];
  if (slash >= 0 && kind === undefined) throw unknown(model, name, `a workload is written NAME, NAME.NAMESPACE or KIND/NAME with KIND one of deploy, sts, ds, job, pod, got ${name}`);
  const plain = name.slice(slash + 1);
  const ofKind = model.workloads.filter(workload => kind === undefined || (kind === 'Pod') === (workload.kind === 'Pod') || (kind !== 'Pod' && workload.workload !== workload.name));
  const dot = plain.lastIndexOf('.');
  const found = lookUp(ofKind, plain, defaultNamespace, kind)
    ?? (dot > 0 ? lookUp(ofKind, plain.slice(0, dot), plain.slice(dot + 1), kind) : undefined);
  if (found === undefined) throw unknown(model, name, `a workload of that name must exist in namespace ${dot > 0 ? plain.slice(dot + 1) : defaultNamespace}, got ${name}`);
  return found;
}

function lookUp(workloads: readonly Workload[], name: string, namespace: string, kind: string | undefined): Workload | undefined {
  const here = workloads.filter(workload => workload.namespace === namespace);
  if (kind === 'Pod') return here.find(workload => workload.name === name);
  const exact = kind === undefined ? here.find(workload => workload.name === name) : undefined;
  if (exact !== undefined) return exact;
  const controlled = here.find(workload => workload.workload === name);
  if (controlled !== undefined || kind !== undefined) return controlled;
  const labelled = here.filter(workload => workload.labels.app === name);
  return new Set(labelled.map(workload => workload.workload)).size === 1 ? labelled[0] : undefined;
}

function unknown(model: Pick<Model, 'workloads'>, name: string, rule: string): MeshError {
  const names = [...new Set(model.workloads.map(workload => `${workload.workload}.${workload.namespace}`))];
  if (names.length === 0) return new MeshError('MESH_WORKLOAD_UNKNOWN', `${rule}; the input has no Pod, Deployment or other workload`);
  const near = closest(name.slice(name.indexOf('/') + 1), names.flatMap(each => [each, each.slice(0, each.lastIndexOf('.'))]));
  const shown = names.length > 20 ? [...names.slice(0, 20), `… (${names.length} in all)`] : names;
  return new MeshError('MESH_WORKLOAD_UNKNOWN', `${rule}; ${near === undefined ? '' : `did you mean ${near}? `}there are ${shown.join(', ')}`);
}
