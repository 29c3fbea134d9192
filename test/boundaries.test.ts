import { join } from 'node:path';
import { Testing } from 'cdk8s';
import { parse } from 'yaml';
import { givenStructs, shapesOf } from './support/api-shapes';
import { Shop } from './support/every-construct';
import { DURATIONS, NUMBERS, type Range, WITHIN } from './support/ranges';

/** What is compared with something, and has no range of its own: any other number is just not what was found. */
const COMPARED = [
  'MeshAnswer#expectAttempts().count', 'MeshAnswer#expectElapsed().least', 'MeshAnswer#expectElapsed().most', 'MeshAnswer#expectStatus().status',
  'MeshResult#expectDelay().delay', 'MeshResult#expectDelay().percent', 'MeshResult#expectMirror().percent', 'MeshResult#expectRetries().attempts',
  'MeshResult#expectShare().percent', 'MeshResult#expectStatus().status', 'MeshResult#expectTimeout().timeout',
];

const shapes = shapesOf(join(__dirname, '../src/index.ts'));

/** What callers hand over of a type, by the struct or method that declares it. */
function given(type: RegExp): string[] {
  const structs = givenStructs(shapes).map((struct): [string, Record<string, string>] => [struct, shapes.STRUCTS[struct]]);
  return [...structs, ...Object.entries(shapes.CALLS)].flatMap(([owner, types]) => (
    Object.entries(types).filter(([, each]) => type.test(each)).map(([name]) => `${owner}.${name.replace('?', '')}`)));
}

test('the table has every number and every duration of the public API', () => {
  const inTable = [...Object.keys(NUMBERS), ...Object.keys(DURATIONS), ...COMPARED];
  expect(given(/^[{]?(number|Duration)\b/).filter((each) => !inTable.includes(each))).toEqual([]);
  const known = [...given(/./)];
  expect(inTable.filter((each) => !known.includes(each))).toEqual([]);
  expect(inTable.length).toBe(new Set(inTable).size);
});

interface Taken { readonly refused?: string; readonly seen?: unknown }

function hand({ put }: Range, value: number): Taken {
  const shop = new Shop();
  let seen: unknown;
  try {
    seen = put(shop, value);
  } catch (error) {
    return { refused: (error as Error).message };
  }
  return { seen: seen ?? Testing.synth(shop) };
}

/** Where a value stands: paths of fields, into documents within texts too. */
function places(seen: unknown, value: unknown, path = ''): string[] {
  if (value instanceof RegExp ? typeof seen === 'string' && value.test(seen) : Object.is(seen, value)) return [path];
  if (typeof seen === 'string' && seen.includes('\n')) return places(parse(seen), value, path);
  if (typeof seen !== 'object' || seen === null) return [];
  return Object.entries(seen).flatMap(([name, each]) => places(each, value, `${path}/${name}`));
}

const all = { ...NUMBERS, ...DURATIONS, ...WITHIN };

describe.each(Object.entries(all))('%s', (name, range) => {
  const { taken, code, as = (value) => value, step = 1, not = [] } = range;

  test(`takes ${taken.map((each) => [...new Set(each)].join(' to ')).join(', ')}, and it stands where it belongs`, () => {
    const found = taken.flat().map((value) => {
      const { refused, seen } = hand(range, value);
      expect([value, refused]).toEqual([value, undefined]);
      return places(seen, as(value));
    });
    // One field has each of them; in a list within it, any place.
    const [first, ...others] = found.map((paths) => new Set(paths.map((path) => path.replace(/\d+/g, 'N'))));
    expect([...first].filter((path) => others.every((other) => other.has(path)))).not.toEqual([]);
  });

  test('refuses what is beyond', () => {
    const isTaken = (value: number): boolean => taken.some(([low, high]) => value >= low && value <= high);
    const beyond = taken.flatMap(([low, high]) => [low - step, high + step]).filter((value) => !isTaken(value));
    const values = name in NUMBERS ? [...beyond, ...not, NaN, Infinity, -Infinity] : [...beyond, ...not].filter((value) => value >= 0);
    for (const value of values) {
      const { refused } = hand(range, value);
      expect([value, refused]).toEqual([value, expect.stringMatching(new RegExp(`^(\\[shop/[^\\]]+\\] )?${code}: [^]+, got [^]+; [^]+$`))]);
    }
  });
});
