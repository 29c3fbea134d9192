/** Keeps objects of an earlier model where a later one has the same, so that whoever goes by identity sees what really changed. */

/** The former value where both are equal in depth, else the new one. */
export function keepEqual<T>(former: T | undefined, next: T): T {
  return former !== undefined && isSame(former, next) ? former : next;
}

/** The items, each the former one of its key where equal; the former list itself where nothing changed at all. */
export function keepItems<T>(former: readonly T[], next: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const known = new Map(former.map(item => [keyOf(item), item]));
  const kept = next.map(item => keepEqual(known.get(keyOf(item)), item));
  return sameItems(former, kept) ? former : kept;
}

/** Results made of items one by one. */
export interface Made<A, B> {
  readonly items: readonly A[];
  readonly results: readonly B[];
}

/** Makes a result of each item, or takes over the former one of the same item; `keeps` says which results depend on their item alone. */
export function remake<A, B>(
  former: Made<A, B> | undefined, items: readonly A[], make: (item: A) => B, keeps: (result: B) => boolean = () => true,
): Made<A, B> {
  // Most lists differ in one place, so the former result stands where it stood.
  let places: Map<A, number> | undefined;
  const results = items.map((item, index) => {
    if (former === undefined) return make(item);
    let place: number | undefined = index;
    if (former.items[index] !== item) {
      places ??= new Map(former.items.map((each, at): [A, number] => [each, at]));
      place = places.get(item);
    }
    return place !== undefined && keeps(former.results[place]) ? former.results[place] : make(item);
  });
  return { items, results };
}

/** Whether two lists hold the same objects in the same order. */
export function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length
    && keys.every(key => Object.hasOwn(b, key) && isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
