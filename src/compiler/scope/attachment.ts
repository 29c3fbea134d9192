import type { Model } from '../../model/model';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';

/** How a policy says which workloads it is about. */
export interface Attachment {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: TargetRef;
  readonly targetRefs?: readonly TargetRef[];
}

interface TargetRef { readonly group?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string }

interface Target { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }

const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';

/** Policies about one workload: those of the root namespace before those of its own, each oldest first (istio-behaviour B7). */
export function attached<S extends Attachment>(model: Model, kind: string, workload: Target): readonly Resource<S>[] {
  const all = model.of(kind) as unknown as readonly Resource<S>[];
  const { rootNamespace } = model.config;
  const within = (namespace: string): Resource<S>[] => (
    all.filter(policy => policy.metadata.namespace === namespace && attaches(policy, workload)));
  return workload.namespace === rootNamespace ? within(rootNamespace) : [...within(rootNamespace), ...within(workload.namespace)];
}

/** Whether a policy of the right namespace is about a workload. */
export function attaches({ spec, metadata }: Resource<Attachment>, workload: Target): boolean {
  const refs = targetRefsOf(spec);
  if (refs.length === 0) return selects(spec.selector?.matchLabels ?? {}, workload.labels);
  // References reach gateways of the Gateway API only, and only in the policy's own namespace.
  const gateway = workload.labels[GATEWAY_NAME];
  return gateway !== undefined && metadata.namespace === workload.namespace
    && refs.some(({ kind, name, namespace }) => kind === 'Gateway' && name === gateway && (namespace ?? metadata.namespace) === workload.namespace);
}

export const targetRefsOf = (spec: Attachment): readonly TargetRef[] => (
  spec.targetRefs !== undefined && spec.targetRefs.length > 0 ? spec.targetRefs : spec.targetRef === undefined ? [] : [spec.targetRef]);
