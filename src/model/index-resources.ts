import { sameItems } from './keep';
import { groupOf, kindKeys } from './kinds';
import type { Resource } from './resource';
import { byAge, compare } from './resource';

/** Resources by kind (see `kindKeys`), oldest first, each object once. */
export type ResourceIndex = (kind: string) => readonly Resource[];

interface State {
  readonly resources: readonly Resource[];
  /** The one of each object that counts; absent once a later index has taken it over. */
  latest?: Map<string, Resource>;
  readonly lists: ReadonlyMap<string, readonly Resource[]>;
}

const states = new WeakMap<ResourceIndex, State>();

/**
 * Indexes resources. Of an object given several times the last one counts, as with `kubectl apply`: last by file name and line,
 * so that the order in which files were read never matters; objects without a file come after those with one, in the order given.
 * @param previous - an index made here: only the difference to its resources is looked at, and a kind they agree on keeps its list
 */
export function indexResources(resources: readonly Resource[], previous?: ResourceIndex): ResourceIndex {
  const former = previous && states.get(previous);
  return indexOf((former && changed(former, resources)) ?? whole(resources, former?.lists));
}

function indexOf(state: State): ResourceIndex {
  const index: ResourceIndex = kind => state.lists.get(kind) ?? NONE;
  states.set(index, state);
  return index;
}

const keyOf = ({ apiVersion, kind, metadata: { namespace, name } }: Resource): string => `${groupOf(apiVersion)}/${kind}/${namespace}/${name}`;

const byPlace = (a: Resource, b: Resource): number => byAge(a, b) || compare(groupOf(a.apiVersion), groupOf(b.apiVersion));

function whole(resources: readonly Resource[], former: State['lists'] | undefined): State {
  const latest = new Map<string, Resource>();
  for (const resource of resources) {
    const key = keyOf(resource);
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
    const known = former?.get(kind) ?? [];
    const members = new Set(list);
    lists.set(kind, known.length === list.length && known.every(resource => members.has(resource)) ? known : list.sort(byPlace));
  }
  return { resources, latest, lists };
}

/** What became of an index when some resources that stand together were replaced; undefined where that is not all, or twins are among them. */
function changed(former: State, resources: readonly Resource[]): State | undefined {
  const { resources: before, latest } = former;
  // With twins, what goes may bring back what it covered.
  if (latest?.size !== before.length) return undefined;
  const least = Math.min(before.length, resources.length);
  let start = 0;
  while (start < least && before[start] === resources[start]) start++;
  let end = 0;
  while (end < least - start && before[before.length - 1 - end] === resources[resources.length - 1 - end]) end++;
  const gone = before.slice(start, before.length - end);
  const come = resources.slice(start, resources.length - end);
  if (gone.length + come.length > least / 4) return undefined;
  former.latest = undefined;
  for (const resource of gone) latest.delete(keyOf(resource));
  for (const resource of come) latest.set(keyOf(resource), resource);
  if (latest.size !== resources.length) return undefined;

  const lists = new Map(former.lists);
  const left = new Set(gone);
  const kinds = new Map<string, Resource[]>();
  for (const [list, added] of [[gone, false], [come, true]] as const) {
    for (const resource of list) {
      for (const kind of kindKeys(resource.apiVersion, resource.kind)) {
        const news = kinds.get(kind) ?? [];
        kinds.set(kind, news);
        if (added) news.push(resource);
      }
    }
  }
  for (const [kind, news] of kinds) {
    const known = lists.get(kind) ?? NONE;
    const next = known.filter(resource => !left.has(resource));
    for (const resource of news) next.splice(placeIn(next, resource), 0, resource);
    if (next.length === 0) lists.delete(kind);
    else if (!sameItems(known, next)) lists.set(kind, next);
  }
  return { resources, latest, lists };
}

/** Where a resource belongs in a list in order. */
function placeIn(list: readonly Resource[], resource: Resource): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (byPlace(list[middle], resource) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const NONE: readonly Resource[] = [];

function byOrigin(a: Resource, b: Resource): number {
  if (a.origin.file === undefined || b.origin.file === undefined) return Number(a.origin.file === undefined) - Number(b.origin.file === undefined);
  return compare(a.origin.file, b.origin.file) || (a.origin.line ?? 0) - (b.origin.line ?? 0);
}
