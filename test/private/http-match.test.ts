import * as fc from 'fast-check';
import { both, compareMatches, covers, literalStart, type HttpMatch } from '../../src/private/http-match';
import { fullMatch } from '../../src/private/re2';

interface Request { readonly path: string; readonly method: string; readonly headers: Record<string, string>; readonly query: Record<string, string> }

/** What the conditions mean, written without regard to how they are compared. */
function matches(match: HttpMatch, request: Request): boolean {
  const text = (condition: any, value: string | undefined) => value !== undefined
    && (condition.exact === undefined || value === condition.exact)
    && (condition.prefix === undefined || value.startsWith(condition.prefix))
    && (condition.regex === undefined || fullMatch(condition.regex, value));
  const fold = (value: string | undefined) => (match.ignoreUriCase ? value?.toLowerCase() : value);
  const { uri } = match;
  const path = uri === undefined || (uri.regex === undefined
    ? text({ exact: fold(uri.exact), prefix: fold(uri.prefix) }, fold(request.path)) : text(uri, request.path));
  return path
    && (match.method === undefined || text(match.method, request.method))
    && Object.entries(match.headers ?? {}).every(([name, condition]) => text(condition, request.headers[name]))
    && Object.entries(match.withoutHeaders ?? {}).every(([name, condition]) => !text(condition, request.headers[name]))
    && Object.entries(match.queryParams ?? {}).every(([name, condition]) => text(condition, request.query[name]));
}

const word = fc.constantFrom('a', 'ab', 'b', 'abc', '');
const condition = fc.oneof(
  word.map((exact) => ({ exact })), fc.constantFrom('a', 'ab', 'b').map((prefix) => ({ prefix })),
  fc.constantFrom('a.*', 'a|b', 'ab?', '[ab]+').map((regex) => ({ regex })), fc.constant({}));
const conditions = fc.dictionary(fc.constantFrom('x', 'y'), condition, { maxKeys: 2, noNullPrototype: true });
const path = fc.constantFrom('/', '/a', '/A', '/a/b', '/ab', '/b');
const uri = fc.oneof(path.map((exact) => ({ exact })), path.map((prefix) => ({ prefix })), fc.constantFrom('/a.*', '/[ab]', '/a/b?').map((regex) => ({ regex })));
const match: fc.Arbitrary<HttpMatch> = fc.record({
  uri,
  ignoreUriCase: fc.constant(true),
  method: fc.constantFrom('GET', 'PUT').map((exact) => ({ exact })),
  headers: conditions,
  withoutHeaders: conditions,
  queryParams: conditions,
}, { requiredKeys: [] });
/** Two matches that have to do with each other: the first has some conditions of the second, and perhaps some of its own. */
const fields = ['uri', 'ignoreUriCase', 'method', 'headers', 'withoutHeaders', 'queryParams'];
const related = fc.tuple(match, match, fc.subarray(fields), fc.boolean()).map(([second, other, shared, more]): [HttpMatch, HttpMatch] => {
  const pick = (from: HttpMatch, keys: string[]) => Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)));
  return [{ ...(more ? pick(other, fields.filter((key) => !shared.includes(key))) : {}), ...pick(second, shared) }, second];
});
const values = fc.dictionary(fc.constantFrom('x', 'y'), word, { maxKeys: 2, noNullPrototype: true });
const request: fc.Arbitrary<Request> = fc.record({ path, method: fc.constantFrom('GET', 'PUT'), headers: values, query: values });
const runs = { numRuns: 4000, seed: 7 };

test('what covers a match takes each of its requests', () => {
  let seen = 0;
  fc.assert(fc.property(related, request, ([wide, narrow], one) => {
    if (!covers(wide, narrow) || !matches(narrow, one)) return;
    seen++;
    expect(matches(wide, one)).toBe(true);
  }), { ...runs, numRuns: 8000 });
  expect(seen).toBeGreaterThan(200);
});

test('a match covers itself, and all requests cover it', () => {
  fc.assert(fc.property(match, (one) => {
    expect([covers(one, one), covers({}, one)]).toEqual([true, true]);
  }), { ...runs, numRuns: 500 });
});

test('the match of both takes the requests that each takes, unless that cannot be said', () => {
  let said = 0;
  fc.assert(fc.property(fc.oneof(related, fc.tuple(match, match)), request, ([a, b], one) => {
    const together = both(a, b);
    if (together === 'unknown') return;
    said++;
    expect(together !== 'never' && matches(together, one)).toBe(matches(a, one) && matches(b, one));
  }), runs);
  expect(said).toBeGreaterThan(2000);
});

test('order does not depend on which of two comes first', () => {
  fc.assert(fc.property(match, match, (a, b) => {
    expect(Math.sign(compareMatches(a, b)) + Math.sign(compareMatches(b, a))).toBe(0);
  }), runs);
});

test.each([['/api/v[0-9]+', '/api/v'], ['/ab?', '/a'], ['/ab+', '/ab'], ['/a*', '/'], ['a|b', ''], ['.*', ''], ['/a{2}', '/'], ['', ''], ['/plain', '/plain']])(
  'each match of %s begins with "%s"', (regex, start) => {
    expect(literalStart(regex)).toBe(start);
  });
