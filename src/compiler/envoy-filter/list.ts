import type { Patch } from './patch';

/** How a patch changes a list: the new list, and in how many places it did. */
export interface Changed<T> { readonly list: readonly T[]; readonly places: number }

/**
 * ADD, INSERT_*, REPLACE and REMOVE in an ordered list (istio-behaviour H6).
 * @param anchor - whether an item is the one that the patch names; undefined where it names none
 */
export function changeList<T>(list: readonly T[], patch: Patch, value: T | undefined, anchor: ((item: T) => boolean) | undefined): Changed<T> {
  const at = anchor === undefined ? -1 : list.findIndex(anchor);
  const insert = (index: number): Changed<T> => (
    value === undefined ? { list, places: 0 } : { list: [...list.slice(0, index), value, ...list.slice(index)], places: 1 });
  const nothing = { list, places: 0 };
  switch (patch.operation) {
    case 'ADD': return insert(list.length);
    case 'INSERT_FIRST': return insert(0);
    case 'INSERT_AFTER': return anchor === undefined ? insert(list.length) : at < 0 ? nothing : insert(at + 1);
    case 'INSERT_BEFORE': return anchor === undefined ? insert(0) : at < 0 ? nothing : insert(at);
    case 'REPLACE':
      return at < 0 || value === undefined ? nothing : { list: list.map((item, index) => (index === at ? value : item)), places: 1 };
    case 'REMOVE': {
      if (anchor === undefined) return nothing;
      const kept = list.filter(item => !anchor(item));
      return { list: kept, places: list.length - kept.length };
    }
    default: return nothing;
  }
}
