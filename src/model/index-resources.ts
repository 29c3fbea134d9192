import { groupOf, kindKeys } from './kinds';
import type { Resource } from './resource';
import { byAge, compare } from './resource';

/** Resources by kind (see `kindKeys`), oldest first, each object once. */
export type ResourceIndex = (kind: string) => readonly Resource[];

/**
 * Indexes resources. Of an object given several times the last one counts, as with `kubectl apply`: last by file name and line,
 * so that the order in which files were read never matters; objects without a file come after those with one, in the order given.
 */
export function indexResources(resources: readonly Resource[]): ResourceIndex {
  const latest = new Map<string, Resource>();
  for (const resource of resources) {
    const { namespace, name } = resource.metadata;
    const key = `${groupOf(resource.apiVersion)}/${resource.kind}/${namespace}/${name}`;
    const known = latest.get(key);
    // Only twins are compared: where each stands is known at a cost.
    if (known === undefined || byOrigin(known, resource) <= 0) latest.set(key, resource);
  }
  const byKind = new Map<string, Resource[]>();
  for (const resource of [...latest.values()].sort((a, b) => byAge(a, b) || compare(groupOf(a.apiVersion), groupOf(b.apiVersion)))) {
    for (const key of kindKeys(resource.apiVersion, resource.kind)) {
      const list = byKind.get(key);
      if (list) list.push(resource);
      else byKind.set(key, [resource]);
    }
  }
  return kind => byKind.get(kind) ?? [];
}

function byOrigin(a: Resource, b: Resource): number {
  if (a.origin.file === undefined || b.origin.file === undefined) return Number(a.origin.file === undefined) - Number(b.origin.file === undefined);
  return compare(a.origin.file, b.origin.file) || (a.origin.line ?? 0) - (b.origin.line ?? 0);
}
