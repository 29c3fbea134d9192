import { injectPod, meshSettings } from './inject';
import type { MeshSettings } from './inject';
import type { Pod } from './pod';
import { addedBy } from './resources';
import type { Added } from './resources';
import { skipReason } from './select';
import type { Selection } from './select';
import { typed } from './typed';
import type { Data } from './typed';
import { valuesOf } from './values';
import { replicasOf, workloadOf } from './workload';
import { MeshError } from '../model/error';
import { isObject, objectOf, textMapOf, textOf } from '../model/json';
import type { Json } from '../model/json';

export type { Added, Amount } from './resources';
export { sumOf } from './resources';
export type { Selection } from './select';

/** How sidecars are injected. */
export interface InjectionOptions {
  /**
   * Values of Istio's Helm chart `istiod`, under the chart's names: `{ global: { hub, tag, proxy: { resources } }, pilot: { cni: { enabled } } }`.
   * @default - those of Istio's default profile, hub docker.io/istio, tag 1.31.1
   */
  readonly values?: Json;
  /**
   * MeshConfig as its YAML has it.
   * @default - Istio's defaults
   */
  readonly meshConfig?: Json;
  /**
   * Revision of the control plane that the proxies belong to.
   * @default 'default'
   */
  readonly revision?: string;
  /**
   * Whether the proxy is an init container that stays (Kubernetes 1.29 and later), where a Pod does not say.
   * @default false
   */
  readonly nativeSidecar?: boolean;
  /**
   * Which workloads get a sidecar: `all` but those that decline, as `istioctl kube-inject` does; `labels`: those which the labels of their
   * namespace or their own ask one for, as the webhook on a cluster does.
   * @default 'all'
   */
  readonly selection?: Selection;
  /**
   * Labels of namespaces whose Namespace objects are not among the objects, by name.
   * @default - none
   */
  readonly namespaceLabels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What became of one workload. */
export interface Injected {
  /** `Kind/namespace/name`. */
  readonly workload: string;
  /** Why it has no sidecar; undefined where it has one. */
  readonly skipped?: string;
  /** What its sidecar adds to each Pod. */
  readonly added?: Added;
  /** Pods that the manifest asks for; undefined where the number of nodes decides. */
  readonly replicas?: number;
}

/** Objects with sidecars, in the order given. */
export interface Injection {
  /** Workloads as Kubernetes' API writes them; every other object is the very one that was given. */
  readonly objects: readonly unknown[];
  readonly workloads: readonly Injected[];
}

/**
 * Adds Istio's proxy to the workloads among some objects, as Istio's own injector does. Twice is the same as once. The objects given are left
 * as they are. Throws MESH_INJECT_ANNOTATION for an annotation that Istio refuses, MESH_INJECT_TEMPLATE, and MESH_FIELD_TYPE.
 */
export function inject(objects: readonly unknown[], options: InjectionOptions = {}): Injection {
  const revision = options.revision ?? 'default';
  const values = valuesOf(options.values);
  const settings = meshSettings(values, options.meshConfig ?? {}, revision, options.nativeSidecar ?? false);
  const job: Job = { settings, selection: options.selection ?? 'all', namespaceLabels: labelsByNamespace(objects, options.namespaceLabels), workloads: [] };
  return { objects: objects.map(object => injectInto(object, job)), workloads: job.workloads };
}

interface Job {
  readonly settings: MeshSettings;
  readonly selection: Selection;
  readonly namespaceLabels: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly workloads: Injected[];
}

function injectInto(object: unknown, job: Job): unknown {
  if (!isObject(object)) return object;
  if (object.kind === 'List' && object.apiVersion === 'v1') {
    const items = Array.isArray(object.items) ? object.items.map(item => injectInto(item, job)) : object.items;
    return { ...object, metadata: objectOf(object.metadata), items };
  }
  const workload = workloadOf(object);
  if (workload === undefined) return object;
  const { owner } = workload;
  const metadata = objectOf(object.metadata);
  const namespace = owner.namespace || 'default';
  const name = `${textOf(object.kind)}/${namespace}/${textOf(metadata.name) ?? textOf(metadata.generateName) ?? ''}`;
  const out = typed(workload.type, object, name) as Data;
  const pod = workload.pod(out);
  if (pod === undefined) throw new MeshError('MESH_FIELD_REQUIRED', 'a workload has spec.template, got none; write the template of its Pods', name);
  const skipped = skipReason(pod, job.selection, job.settings.revision, namespace, job.namespaceLabels.get(namespace) ?? {});
  if (skipped !== undefined) {
    job.workloads.push({ workload: name, skipped });
    return out;
  }
  const injected = injectPod(podOnly(pod), owner, job.settings, name);
  workload.put(out, injected);
  const replicas = replicasOf(object);
  job.workloads.push({ workload: name, added: addedBy(injected), ...replicas !== undefined && { replicas } });
  return out;
}

/** Metadata and spec alone: a Pod object has more, which is no matter of its injection. */
function podOnly({ metadata, spec }: Pod): Pod {
  return { metadata, spec };
}

function labelsByNamespace(objects: readonly unknown[], given: InjectionOptions['namespaceLabels'] = {}): Map<string, Readonly<Record<string, string>>> {
  const labels = new Map(Object.entries(given));
  const visit = (object: unknown): void => {
    if (!isObject(object)) return;
    if (object.kind === 'List' && Array.isArray(object.items)) object.items.forEach(visit);
    if (object.kind === 'Namespace' && object.apiVersion === 'v1') {
      const metadata = objectOf(object.metadata);
      labels.set(textOf(metadata.name) ?? '', textMapOf(metadata.labels));
    }
  };
  objects.forEach(visit);
  return labels;
}
