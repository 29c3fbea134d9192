import { groupOf, kindKeys } from './kinds';
import type { Resource } from './resource';
import { byAge, compare } from './resource';

/** Resources by kind (see `kindKeys`), oldest first, each object once. */
export type ResourceIndex = (kind: string) => readonly Resource[];

/**
 * Indexes resources. Of an object given several times the last one counts, as with `kubectl apply`: last by file name and line,
 * so that the order in which files were read never matters; objects without a file come after those with one, in the order given.
 * A kind whose resources are those of the previous index keeps its list.
 */
export function indexResources(resources: readonly Resource[], previous?: ResourceIndex): ResourceIndex {
  const latest = new Map<string, Resource>();
  for (const resource of resources) {
    const { namespace, name } = resource.metadata;
    const key = `${groupOf(resource.apiVersion)}/${resource.kind}/${namespace}/${name}`;
    const known = latest.get(key);
    // Only twins are compared: where each stands is known at a cost.
    if (known === undefined || byOrigin(known, resource) <= 0) latest.set(key, resource);
  }
  const byKind = new Map<string, Resource[]>();
  for (const resource of latest.values()) {
    for (const key of kindKeys(resource.apiVersion, resource.kind)) {
      const list = byKind.get(key);
      if (list) list.push(resource);
      else byKind.set(key, [resource]);
    }
  }
  const lists = new Map<string, readonly Resource[]>();
  for (const [kind, list] of byKind) {
    const former = previous?.(kind) ?? [];
    const members = new Set(list);
    lists.set(kind, former.length === list.length && former.every(resource => members.has(resource))
      ? former : list.sort((a, b) => byAge(a, b) || compare(groupOf(a.apiVersion), groupOf(b.apiVersion))));
  }
  return kind => lists.get(kind) ?? NONE;
}

const NONE: readonly Resource[] = [];

function byOrigin(a: Resource, b: Resource): number {
  if (a.origin.file === undefined || b.origin.file === undefined) return Number(a.origin.file === undefined) - Number(b.origin.file === undefined);
  return compare(a.origin.file, b.origin.file) || (a.origin.line ?? 0) - (b.origin.line ?? 0);
}
