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
  for (const resource of [...resources].sort(byOrigin)) {
    const { namespace, name } = resource.metadata;
    latest.set(`${groupOf(resource.apiVersion)}/${resource.kind}/${namespace}/${name}`, resource);
  }
  const byKind = new Map<string, Resource[]>();
  for (const resource of [...latest.values()].sort(byAge)) {
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
