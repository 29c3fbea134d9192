/**
 * Lines up cells as Go's tab writer does, which is how istioctl's tables look: each column but the last is as wide as its
 * widest cell and `padding` blanks.
 */
export function columns(rows: readonly (readonly string[])[], padding: number): string {
  const widths: number[] = [];
  for (const row of rows) row.slice(0, -1).forEach((cell, at) => { widths[at] = Math.max(widths[at] ?? 0, [...cell].length + padding); });
  return rows.map(row => row.map((cell, at) => (at === row.length - 1 ? cell : cell + ' '.repeat(widths[at] - [...cell].length))).join('') + '\n').join('');
}
