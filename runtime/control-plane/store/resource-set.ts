import { versionOf } from './encoded';
import type { EncodedResource } from './encoded';

/** Resources of one type by name, in the order they are sent. */
export type ResourceSet = ReadonlyMap<string, EncodedResource>;

export function setOf(resources: readonly EncodedResource[]): ResourceSet {
  return new Map(resources.map(resource => [resource.name, resource]));
}

/** The set of a list; the same object for the same list. */
export function setOfList<T>(sets: WeakMap<readonly T[], ResourceSet>, list: readonly T[], encode: (item: T) => EncodedResource): ResourceSet {
  let set = sets.get(list);
  if (set === undefined) sets.set(list, set = setOf(list.map(encode)));
  return set;
}

/** A long set that many proxies have, followed by a short one of their own: nothing of the long one is copied or counted again. */
export function joined(shared: ResourceSet, own: ResourceSet): ResourceSet {
  if (own.size === 0) return shared;
  for (const name of own.keys()) if (shared.has(name)) return setOf([...shared.values(), ...own.values()]);
  return new Joined(shared, own);
}

class Joined implements ResourceSet {
  public readonly size: number;

  public constructor(public readonly shared: ResourceSet, public readonly own: ResourceSet) {
    this.size = shared.size + own.size;
  }

  public get [Symbol.toStringTag](): string { return 'ResourceSet'; }

  public get(name: string): EncodedResource | undefined { return this.own.get(name) ?? this.shared.get(name); }

  public has(name: string): boolean { return this.own.has(name) || this.shared.has(name); }

  public forEach(call: (value: EncodedResource, key: string, map: ResourceSet) => void): void {
    for (const [name, resource] of this) call(resource, name, this);
  }

  public * entries(): MapIterator<[string, EncodedResource]> {
    yield* this.shared;
    yield* this.own;
  }

  public * keys(): MapIterator<string> {
    yield* this.shared.keys();
    yield* this.own.keys();
  }

  public * values(): MapIterator<EncodedResource> {
    yield* this.shared.values();
    yield* this.own.values();
  }

  public [Symbol.iterator](): MapIterator<[string, EncodedResource]> { return this.entries(); }
}

const differences = new WeakMap<ResourceSet, WeakMap<ResourceSet, ReadonlySet<string>>>();

/** Names under which two sets that nobody changes any more do not hold the same; found once for all proxies that have them. */
export function differencesOf(before: ResourceSet, after: ResourceSet): ReadonlySet<string> {
  if (before === after) return NONE;
  let known = differences.get(after);
  if (known === undefined) differences.set(after, known = new WeakMap());
  let found = known.get(before);
  if (found === undefined) known.set(before, found = differing(before, after));
  return found;
}

const NONE: ReadonlySet<string> = new Set();

function differing(before: ResourceSet, after: ResourceSet): ReadonlySet<string> {
  if (before instanceof Joined && after instanceof Joined) {
    const [shared, own] = [differencesOf(before.shared, after.shared), differencesOf(before.own, after.own)];
    return own.size === 0 ? shared : new Set([...shared, ...own]);
  }
  const names = new Set<string>();
  for (const [name, resource] of after) if (!isSame(before.get(name), resource)) names.add(name);
  for (const name of before.keys()) if (!after.has(name)) names.add(name);
  return names;
}

/** Whether two resources of one name have the same content. */
export const isSame = (a: EncodedResource | undefined, b: EncodedResource | undefined): boolean => a === b || (a !== undefined && a.hash === b?.hash);

const versions = new WeakMap<ResourceSet, string>();

/** Version of a set that nobody changes any more: of its names and contents. */
export function versionOfSet(set: ResourceSet): string {
  let version = versions.get(set);
  if (version === undefined) {
    version = set instanceof Joined ? versionOf([{ name: '', hash: versionOfSet(set.shared) }, ...set.own.values()]) : versionOf(set.values());
    versions.set(set, version);
  }
  return version;
}
