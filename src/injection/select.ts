import { annotationsOf, labelsOf } from './pod';
import type { Pod } from './pod';

/** Which workloads are meant: all of them, as `istioctl kube-inject` does, or those that labels choose, as the webhook on a cluster does. */
export type Selection = 'all' | 'labels';

/** Namespaces of Kubernetes itself, into which nothing is injected. */
const SYSTEM: ReadonlySet<string> = new Set(['kube-system', 'kube-public', 'kube-node-lease', 'local-path-storage']);

const INJECT = 'sidecar.istio.io/inject';
const REVISION = 'istio.io/rev';

/** Why a Pod gets no sidecar, for people; undefined where it gets one. */
export function skipReason(
  pod: Pod, selection: Selection, revision: string, namespace: string, namespaceLabels: Readonly<Record<string, string>>,
): string | undefined {
  if (pod.spec.hostNetwork === true) return 'it uses the network of its host (hostNetwork), whose traffic is not its own';
  // Istio looks at the namespace that the Pod template itself names, which templates seldom do.
  if (SYSTEM.has(pod.metadata.namespace ?? '') || selection === 'labels' && SYSTEM.has(namespace)) return `namespace ${pod.metadata.namespace ?? namespace} is Kubernetes' own`;
  // The label is the newer form and wins over the annotation; any other value counts as absent.
  const [label, annotation] = [labelsOf(pod)[INJECT], annotationsOf(pod)[INJECT]];
  if ((label ?? annotation) === 'false') return `${label === undefined ? 'annotation' : 'label'} ${INJECT} is "false"`;
  return selection === 'all' ? undefined : unselected(pod, revision, namespace, namespaceLabels);
}

/** Why the webhook would not be asked about a Pod. */
function unselected(pod: Pod, revision: string, namespace: string, namespaceLabels: Readonly<Record<string, string>>): string | undefined {
  const labels = labelsOf(pod);
  const injection = namespaceLabels['istio-injection'];
  const namespaceRevision = namespaceLabels[REVISION];
  const isDefault = revision === 'default';
  if (injection === 'enabled') return isDefault ? undefined : `namespace ${namespace} belongs to revision default (istio-injection: enabled), not to ${revision}`;
  if (injection !== undefined) return `namespace ${namespace} has label istio-injection: ${injection}`;
  if (namespaceRevision !== undefined) return namespaceRevision === revision ? undefined : `namespace ${namespace} belongs to revision ${namespaceRevision}`;
  if (labels[REVISION] !== undefined) return labels[REVISION] === revision ? undefined : `it asks for revision ${labels[REVISION]}`;
  if (isDefault && labels[INJECT] === 'true') return undefined;
  return `neither it nor namespace ${namespace || 'default'} asks for a sidecar`;
}
