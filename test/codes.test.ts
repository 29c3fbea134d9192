import { readdirSync, readFileSync } from 'fs';
import { join } from 'path';
import { CODES } from '../src/model/codes';

/** Istio's own words that look like our codes: values of ServiceEntry.spec.location. */
const ISTIO = ['MESH_INTERNAL', 'MESH_EXTERNAL'];
const root = join(__dirname, '..');
const sources = ['src', 'runtime'].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/xds.gen|generated/.test(file) && !file.endsWith('model/codes.ts')).map((file) => join(folder, file)));

test('every code that the sources name is registered', () => {
  const unknown = sources.flatMap((file) => [...readFileSync(join(root, file), 'utf8').matchAll(/['"`](MESH_[A-Z0-9_]+)['"`:]/g)]
    .map(([, code]) => code).filter((code) => !Object.hasOwn(CODES, code) && !ISTIO.includes(code)).map((code) => `${file}: ${code}`));
  expect(unknown).toEqual([]);
});

test('codes are in order, each with a meaning', () => {
  expect(Object.keys(CODES)).toEqual(Object.keys(CODES).sort());
  expect(Object.entries(CODES).filter(([, meaning]) => meaning.trim() === '')).toEqual([]);
});
