import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CODES } from '../../src/model/codes';

const root = join(__dirname, '../..');

/** Codes that source files write, with a file for each. */
function written(): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of ['src', 'runtime']) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath ?? entry.path, entry.name);
      if (!entry.name.endsWith('.ts') || file.includes('/xds/gen/') || file.endsWith('model/codes.ts')) continue;
      // A code is a whole string, or stands before a colon in one; `MESH_INTERNAL` of a ServiceEntry is a value of Istio's.
      for (const [, code] of readFileSync(file, 'utf8').matchAll(/['"`\] ](MESH_[A-Z_]+[A-Z])(?=['"`:])/g)) found.set(code, file);
    }
  }
  for (const value of ['MESH_EXTERNAL', 'MESH_INTERNAL']) found.delete(value);
  return found;
}

test('every code that is written is registered', () => {
  expect([...written()].filter(([code]) => CODES[code] === undefined)).toEqual([]);
});

test('every registered code is written somewhere', () => {
  const known = written();
  expect(Object.keys(CODES).filter(code => !known.has(code))).toEqual([]);
});

test('the registry is sorted, and its meanings are short phrases', () => {
  expect(Object.keys(CODES)).toEqual(Object.keys(CODES).sort());
  for (const meaning of Object.values(CODES)) expect(meaning).toMatch(/^[a-zA-Z0-9-].{8,}[^.]$/);
});

test('docs/errors.md is the registry', () => {
  expect(() => execFileSync(process.execPath, ['scripts/generate-errors.mjs', '--check'], { cwd: root, stdio: 'pipe' })).not.toThrow();
});
