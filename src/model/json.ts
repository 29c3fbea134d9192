/** Reading of plain data whose shape nobody has checked: absent or wrong shapes give the empty value, never an exception. */
export type Json = Readonly<Record<string, unknown>>;

/** The value as an object; `{}` where it is anything else. */
export function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

/** Whether the value is an object that is neither null nor a list. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects of a list; `[]` where the value is no list. */
export function objectsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The value as text: numbers and booleans are written out, anything else is undefined. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** The texts of a list; `[]` where the value is no list. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf).filter((text): text is string => text !== undefined) : [];
}

/** The value as a number; undefined where it is not a number or the text of one. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined;
}

/** A map of texts, as labels and annotations are; entries of another shape are left out. */
export function textMapOf(value: unknown): Readonly<Record<string, string>> {
  const map: Record<string, string> = {};
  for (const [key, entry] of Object.entries(objectOf(value))) {
    const text = textOf(entry);
    if (text !== undefined) map[key] = text;
  }
  return map;
}
