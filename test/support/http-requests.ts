import * as fc from 'fast-check';
import type { HttpMatch } from '../../src/private/http-match';
import { fullMatch } from '../../src/private/re2';

/** A request, as far as matches look at it. */
export interface Request {
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly query: Record<string, string>;
}

/** What the conditions mean, written without regard to how they are compared. */
export function matches(match: HttpMatch, request: Request): boolean {
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
/** Any match. */
export const match: fc.Arbitrary<HttpMatch> = fc.record({
  uri,
  ignoreUriCase: fc.constant(true),
  method: fc.constantFrom('GET', 'PUT').map((exact) => ({ exact })),
  headers: conditions,
  withoutHeaders: conditions,
  queryParams: conditions,
}, { requiredKeys: [] });
const fields = ['uri', 'ignoreUriCase', 'method', 'headers', 'withoutHeaders', 'queryParams'];
/** Two matches that have to do with each other: the first has some conditions of the second, and perhaps some of its own. */
export const related = fc.tuple(match, match, fc.subarray(fields), fc.boolean()).map(([second, other, shared, more]): [HttpMatch, HttpMatch] => {
  const pick = (from: HttpMatch, keys: string[]) => Object.fromEntries(Object.entries(from).filter(([key]) => keys.includes(key)));
  return [{ ...(more ? pick(other, fields.filter((key) => !shared.includes(key))) : {}), ...pick(second, shared) }, second];
});
const values = fc.dictionary(fc.constantFrom('x', 'y'), word, { maxKeys: 2, noNullPrototype: true });
/** Any request. */
export const request: fc.Arbitrary<Request> = fc.record({ path, method: fc.constantFrom('GET', 'PUT'), headers: values, query: values });
