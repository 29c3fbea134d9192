/** Who sees a resource: everybody, one list of namespaces, or nobody (istio-behaviour A6). */
export interface Visibility {
  readonly everyone: boolean;
  readonly namespaces: ReadonlySet<string>;
}

const NOBODY: Visibility = { everyone: false, namespaces: new Set() };

/** Meaning of exportTo values for a resource of `owner`; an empty list means the mesh's default. */
export function visibilityOf(exportTo: readonly string[] | undefined, owner: string, meshDefault: readonly string[]): Visibility {
  const values = exportTo === undefined || exportTo.length === 0 ? meshDefault : exportTo;
  const namespaces = new Set<string>();
  let everyone = false;
  for (const value of values) {
    if (value === '*') everyone = true;
    else if (value === '.') namespaces.add(owner);
    else namespaces.add(value);
  }
  // Nobody beats all but everybody.
  return namespaces.has('~') && !everyone ? NOBODY : { everyone, namespaces };
}

export const isVisible = (visibility: Visibility, namespace: string): boolean => visibility.everyone || visibility.namespaces.has(namespace);

/**
 * Items a namespace sees, in Istio's order: those kept to their own namespace, those exported to it by name, then public ones;
 * each group in the given order.
 */
export function inOrderOfVisibility<T>(items: readonly T[], of: (item: T) => { visibility: Visibility; owner: string }, namespace: string): T[] {
  const own: T[] = [], named: T[] = [], everyone: T[] = [];
  for (const item of items) {
    const { visibility, owner } = of(item);
    if (visibility.everyone) everyone.push(item);
    else if (visibility.namespaces.has(namespace)) (owner === namespace && visibility.namespaces.size === 1 ? own : named).push(item);
  }
  return [...own, ...named, ...everyone];
}
