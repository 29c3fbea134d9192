import type { Data } from './typed';

/** Name of the container that the injector adds. */
export const PROXY = 'istio-proxy';
/** Init containers that capture traffic, or check that a CNI plugin has. */
export const INIT = 'istio-init';
export const VALIDATION = 'istio-validation';

/** A container as far as the injector looks into it. */
export interface Container extends Data {
  name: string;
  image?: string;
  args?: string[];
  env?: EnvVar[];
  ports?: Data[];
  lifecycle?: { postStart?: Data; preStop?: Data };
  securityContext?: Data;
  readinessProbe?: Data;
  livenessProbe?: Data;
  startupProbe?: Data;
}

export interface EnvVar extends Data {
  name: string;
  value?: string;
}

/** A Pod, or the template of one: both have metadata and a spec. */
export interface Pod {
  metadata: Data & { name?: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: Data & { containers: Container[]; initContainers?: Container[]; hostNetwork?: boolean; serviceAccountName?: string };
}

/** Who a Pod belongs to: Istio names the workload after it. */
export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** '' where the manifest names none. */
  readonly namespace: string;
}

export function annotationsOf(pod: Pod): Readonly<Record<string, string>> {
  return pod.metadata.annotations ?? {};
}

export function labelsOf(pod: Pod): Readonly<Record<string, string>> {
  return pod.metadata.labels ?? {};
}

/** The proxy's container, wherever it is. */
export function proxyOf(pod: Pod): Container | undefined {
  return containerOf(pod, PROXY);
}

/** A container by name; init containers are looked at last. */
export function containerOf(pod: Pod, name: string): Container | undefined {
  return [...pod.spec.containers ?? [], ...pod.spec.initContainers ?? []].find(container => container.name === name);
}

/** Containers of the application. */
export function applicationOf(pod: Pod): readonly Container[] {
  return (pod.spec.containers ?? []).filter(({ name }) => name !== PROXY);
}
