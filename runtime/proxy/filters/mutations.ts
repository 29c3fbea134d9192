import type { HeaderMutations } from '../../../src/evaluator';

/** Applies header changes to a list of fields: removals, then additions. */
export function mutated(fields: readonly (readonly [string, string])[], { remove, add }: HeaderMutations): (readonly [string, string])[] {
  let out = remove.length === 0 ? [...fields] : fields.filter(([name]) => !remove.includes(name));
  for (const { name, value, append, only } of add) {
    const present = out.some(([known]) => known === name);
    if ((only === 'ifAbsent' && present) || (only === 'ifPresent' && !present)) continue;
    if (!append) out = out.filter(([known]) => known !== name);
    out.push([name, value]);
  }
  return out;
}

/** True when the changes change nothing. */
export function isPlain({ remove, add }: HeaderMutations): boolean {
  return remove.length === 0 && add.length === 0;
}

/** Header lines, each with its CR LF. Characters that would end a line are dropped: no configured value may split a message. */
export function headerLines(fields: readonly (readonly [string, string])[]): string {
  let out = '';
  for (const [name, value] of fields) out += `${name}: ${SAFE.test(value) ? value : safe(value)}\r\n`;
  return out;
}

const SAFE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Text beyond Latin-1 goes out as the bytes of UTF-8. */
function safe(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1').replace(/[^\t\x20-\x7e\x80-\xff]/g, '');
}
