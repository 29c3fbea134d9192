/** Where a resource was read. */
export interface Origin {
  /** Path of the file as the user gave it; absent for resources handed over as objects. */
  readonly file?: string;
  /** Line of the document's first key, counted from 1. */
  readonly line?: number;
  /** Construct path, from the annotation `cdk8s-mesh.dev/path`. */
  readonly path?: string;
  /** Line of the value at a path inside the document (`['spec', 'http', 0]`), or of its nearest ancestor. */
  readonly lineOf?: (path: readonly (string | number)[]) => number | undefined;
}

/** `metadata` of a Kubernetes object, as far as anything here reads it. */
export interface ObjectMeta {
  readonly name: string;
  /** Always present: `default` is filled in for namespaced kinds; `''` for cluster-scoped ones. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; absent where no API server has set it. */
  readonly creationTimestamp?: string;
  readonly generateName?: string;
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly controller?: boolean }[];
}

/** One Kubernetes or Istio object as plain data, with its origin. `S` is the shape of `spec`. */
export interface Resource<S = Record<string, unknown>> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: S;
  readonly status?: Record<string, unknown>;
  /** The whole document as read (Secret.data, EndpointSlice.endpoints, … live beside `spec`). */
  readonly document: Readonly<Record<string, unknown>>;
  readonly origin: Origin;
}

/** `Kind/namespace/name`, the name by which findings speak of a resource. */
export function resourceName(resource: Pick<Resource, 'kind' | 'metadata'>): string {
  const { namespace, name } = resource.metadata;
  return namespace === '' ? `${resource.kind}/${name}` : `${resource.kind}/${namespace}/${name}`;
}

/** Where a person should look: the construct path if there is one, else `file:line`, else the resource's name. */
export function whereOf(resource: Resource, path?: readonly (string | number)[]): string {
  const { origin } = resource;
  if (origin.path !== undefined) return origin.path;
  if (origin.file === undefined) return resourceName(resource);
  const line = (path && origin.lineOf?.(path)) ?? origin.line;
  return line === undefined ? origin.file : `${origin.file}:${line}`;
}

/** Istio's "oldest first": by creationTimestamp, then name, then namespace. Resources without a timestamp tie. */
export function byAge(a: Resource, b: Resource): number {
  return compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '')
    || compare(a.metadata.name, b.metadata.name) || compare(a.metadata.namespace, b.metadata.namespace);
}

/** Code-unit order, the same on every machine (no locale). */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
