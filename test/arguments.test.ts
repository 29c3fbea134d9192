import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shapesOf, shapesText } from './support/api-shapes';

const SOURCES = join(__dirname, '../src');
const TABLE = join(SOURCES, 'private/shapes.ts');

test('the table of arguments is that of the public types', () => {
  const text = shapesText(shapesOf(join(SOURCES, 'index.ts')));
  if (process.env.UPDATE_SHAPES === '1') writeFileSync(TABLE, text);
  expect(readFileSync(TABLE, 'utf8')).toBe(text);
});
