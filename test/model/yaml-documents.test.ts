import fc from 'fast-check';
import { isNode, LineCounter, parseAllDocuments } from 'yaml';
import { readYaml } from '../../src/model/yaml-documents';

interface Read { readonly value?: unknown; readonly line?: number; readonly error?: string }

/** What `yaml` alone makes of a text; documents without content left out. */
function judge(text: string): Read[] {
  const lines = new LineCounter();
  return parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'silent' }).map((document): Read => {
    if (document.errors.length > 0) return { error: document.errors[0]!.message };
    try {
      const { contents } = document;
      return { value: document.toJS({ maxAliasCount: 1000 }), line: isNode(contents) ? lines.linePos(contents.range![0]).line : undefined };
    } catch {
      return { error: 'aliases' };
    }
  }).filter(hasContent);
}

const read = (text: string): Read[] => readYaml(text)
  .map(({ value, fault, lineOf }): Read => (fault === undefined ? { value, line: lineOf([]) } : { error: fault.kind })).filter(hasContent);

const hasContent = ({ value, error }: Read): boolean => error !== undefined || (value !== null && value !== undefined);

/** JSON cannot tell -0, NaN and infinities. */
const shown = (documents: readonly Read[]): string => JSON.stringify(documents.map(({ value, line, error }) => (error === undefined ? [value, line] : 'error')),
  (_key, value: unknown) => (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)) ? `number ${Object.is(value, -0) ? '-0' : value}` : value));

const SCALARS = ['yes', 'on', 'True', 'FALSE', 'null', 'Null', '~', '', '0777', '0o17', '0b11', '0x1F', '-0x1F', '1_000', '+5', '-0', '1.', '.5', '+.5', '1e3', '-1.5E-7', '.inf', '-.INF',
  '.nan', '12345678901234567890123', '2020-01-01', '2020-01-01T00:00:00Z', '1:30', '=', '10m', 'NULL', 'Infinity', '0o8', '1.2.3', '\'yes\'', '"1"'];

test.each(SCALARS)('a scalar %j is what YAML 1.2 says', (scalar) => {
  expect(readYaml(`a: ${scalar}\nb: [${scalar}]\n`)[0]!.value).toEqual(parseAllDocuments(`a: ${scalar}\nb: [${scalar}]\n`)[0]!.toJS());
});

test('what a reader of YAML 1.1 would change stays a string', () => {
  expect(readYaml('{a: yes, b: 2020-01-01, c: 1_000, d: 1:30}')[0]!.value).toEqual({ a: 'yes', b: '2020-01-01', c: '1_000', d: '1:30' });
});

test('no key reaches a prototype', () => {
  const value = readYaml('__proto__: {polluted: true}\nconstructor: {prototype: {polluted: true}}\n')[0]!.value as object;
  expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test.each<[string, string, (number | undefined)[]]>([
  ['comments before the first document', '# a\n\nkind: A\n', [3]],
  ['a marker with a comment', '--- # first\n# why\nkind: A\n--- \nkind: B\n', [3, 5]],
  ['content on the line of the marker', '--- {kind: A}\n--- # two\n{kind: B}\n', [1, 3]],
  ['Windows line ends', '---\r\nkind: A\r\n---\r\nkind: B\r\n', [2, 4]],
  ['directives and ends of documents', '%YAML 1.2\n---\nkind: A\n...\n---\nkind: B\n', [3, 6]],
  ['dashes that part nothing', 'kind: |\n  ---\n  a\n---\nkind: ---\n', [1, 5]],
])('knows the lines with %s', (_case, text, lines) => {
  expect(read(text).map(({ line }) => line)).toEqual(lines);
});

test('finds lines of values in every way of writing', () => {
  const [block, flow, alias] = readYaml('spec:\n  hosts:\n  - a\n  - b\n---\n{spec: {hosts: [a,\n b]}}\n---\nx: &x\n  hosts: [a]\nspec: *x\n');
  expect([[], ['spec', 'hosts', 1], ['spec', 'none']].map(path => block!.lineOf(path))).toEqual([1, 4, 1]);
  expect(flow!.lineOf(['spec', 'hosts', 1])).toBe(7);
  expect(alias!.lineOf(['spec', 'hosts', 0])).toBe(10);
});

test('reads every text as the parser that knows all of YAML does', () => {
  const pieces = fc.constantFrom('a', 'a: ', 'kind: ', '- ', '\n', '\n  ', '\n    ', ': ', '{', '}', '[', ']', ', ', '"x"', '\'y\'', '"', '\'', '#', ' # c', '|', '|-\n  ', '>\n  ', '? ',
    ...SCALARS, '\t', ' ', '\r\n', '\r', '__proto__: ', '%', '@', '`', '---\n', '---', '...\n', '\\', '\u0085', '\u2028', 'ü', '\u{1F600}', '<<: ', '&a ', '*a', '!!str ', '"a":', 'spec:\n  ports:\n  - name: a\n    port: 80\n');
  // Slips in indentation that are let through: of a closing quote, of a comment before a block of text, of a bracket after \r\n.
  const lenient = /^Missing closing|^Block scalar values in collections must be indented|sufficiently indented/;
  fc.assert(fc.property(fc.array(pieces, { minLength: 1, maxLength: 14 }).map(all => all.join('')), (text) => {
    const expected = judge(text);
    fc.pre(!expected.some(({ error }) => error !== undefined && lenient.test(error)));
    const got = read(text);
    // Which document an error belongs to is a matter of taste.
    if (expected.some(({ error }) => error !== undefined)) expect(got.some(({ error }) => error !== undefined)).toBe(true);
    else expect(shown(got)).toBe(shown(expected));
  }), { numRuns: 2000 });
});
