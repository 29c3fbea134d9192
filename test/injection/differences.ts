/** Field by field, what two plain values differ in, and how many fields there are. An object or list without entries counts as a field. */
export function compare(wanted: unknown, made: unknown, path = ''): { fields: number; differing: string[] } {
  if (isTree(wanted) && isTree(made) && Array.isArray(wanted) === Array.isArray(made)) {
    const keys = [...new Set([...Object.keys(wanted), ...Object.keys(made)])];
    const parts = keys.map(key => compare((wanted as Record<string, unknown>)[key], (made as Record<string, unknown>)[key], `${path}/${key}`));
    return { fields: Math.max(1, parts.reduce((sum, part) => sum + part.fields, 0)), differing: parts.flatMap(part => part.differing) };
  }
  return { fields: 1, differing: wanted === made ? [] : [`${path}: wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(made)}`] };
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
