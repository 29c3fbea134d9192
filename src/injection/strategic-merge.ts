import type { Field } from './field';
import { TYPES } from './generated/kubernetes';
import type { Data } from './typed';
import { isObject } from '../model/json';

/**
 * Kubernetes' strategic merge of a patch over an object of a type: objects field by field, lists that have a merge key element by element,
 * other lists as a whole; null removes a field. Neither argument is changed.
 */
export function strategicMerge(type: string, original: Data, patch: Data): Data {
  const out: Data = { ...original };
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete out[name];
    else out[name] = merged(fieldOf(type, name), out[name], value);
  }
  return out;
}

function merged(field: Field | undefined, original: unknown, patch: unknown): unknown {
  const type = field?.[1].replace(/^\*/, '') ?? '';
  const mergeKey = field?.[3];
  if (Array.isArray(original) && Array.isArray(patch) && mergeKey !== undefined) return mergedList(type.slice(2), mergeKey, original, patch);
  if (isObject(original) && isObject(patch)) return strategicMerge(type, original as Data, patch as Data);
  return withoutNulls(patch);
}

function mergedList(type: string, mergeKey: string, original: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const keyOf = (entry: unknown): unknown => (mergeKey === '' ? entry : (entry as Data)[mergeKey]);
  const result = [...original];
  for (const entry of patch) {
    const at = result.findIndex(known => keyOf(known) === keyOf(entry));
    if (at < 0) result.push(withoutNulls(entry));
    else if (mergeKey !== '') result[at] = strategicMerge(type, result[at] as Data, entry as Data);
  }
  return ordered(result, original.map(keyOf), patch.map(keyOf), keyOf);
}

/** Elements of the patch in its order, the others in theirs; between the two the order of the original decides, and new elements come first. */
function ordered(all: readonly unknown[], original: readonly unknown[], patch: readonly unknown[], keyOf: (entry: unknown) => unknown): unknown[] {
  const ofPatch = all.filter(entry => patch.includes(keyOf(entry))).sort((a, b) => patch.indexOf(keyOf(a)) - patch.indexOf(keyOf(b)));
  const others = all.filter(entry => !patch.includes(keyOf(entry)));
  const out: unknown[] = [];
  while (others.length > 0 && ofPatch.length > 0) {
    const [other, mine] = [original.indexOf(keyOf(others[0])), original.indexOf(keyOf(ofPatch[0]))];
    out.push(mine >= 0 && other < mine ? others.shift() : ofPatch.shift());
  }
  return [...out, ...others, ...ofPatch];
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const present = Object.entries(value).filter(([, entry]) => entry !== null && entry !== undefined);
  return Object.fromEntries(present.map(([key, entry]) => [key, withoutNulls(entry)]));
}

function fieldOf(type: string, name: string): Field | undefined {
  return TYPES[type]?.find(([field]) => field === name);
}
