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
