import { fullMatch } from './re2';
import type { networking } from '../../imports';

/** One alternative of a rule. `{}` matches every request. */
export type HttpMatch = networking.VirtualServiceSpecHttpMatch;
/** A condition on one string; without any field it asks only for presence. */
interface StringMatch { readonly exact?: string; readonly prefix?: string; readonly regex?: string }
type Conditions = Readonly<Record<string, StringMatch>>;

// ---- Order: which of two matches is the more specific -----------------------------------------------------------

/**
 * Less than 0 where `a` is the more specific: exact path, then the longer prefix (a regular expression counts as its literal
 * beginning, just before an equal prefix), then method, then more conditions on headers, on the query, and on the rest.
 */
export function compareMatches(a: HttpMatch, b: HttpMatch): number {
  const [left, right] = [rank(a), rank(b)];
  const index = left.findIndex((value, at) => value !== right[at]);
  return index === -1 ? 0 : right[index] - left[index];
}

function rank(match: HttpMatch): number[] {
  return [
    pathRank(match),
    match.method === undefined ? 0 : 1,
    count(match.headers) + count(match.withoutHeaders),
    count(match.queryParams),
    [match.authority, match.scheme, match.port, match.sourceLabels, match.sourceNamespace, match.gateways].filter((part) => part).length,
  ];
}

function pathRank({ uri }: HttpMatch): number {
  if (uri?.exact !== undefined) return Number.MAX_SAFE_INTEGER;
  if (uri?.regex !== undefined) return literalStart(uri.regex).length + 0.5;
  return uri?.prefix === undefined || uri.prefix === '/' ? 0 : uri.prefix.length;
}

/** The characters that every match of the expression begins with, as far as they are plain to see. */
export function literalStart(regex: string): string {
  if (regex.includes('|')) return '';
  const [plain] = /^[A-Za-z0-9/_~%:@!&=,; -]*/.exec(regex)!;
  return /^[?*{]/.test(regex.slice(plain.length)) ? plain.slice(0, -1) : plain;
}

function count(conditions: Conditions | undefined): number {
  return Object.keys(conditions ?? {}).length;
}

// ---- Cover: whether one match takes everything that another would -------------------------------------------------

/** Whether each request that meets `narrow` certainly meets `wide`. False also where that cannot be told. */
export function covers(wide: HttpMatch, narrow: HttpMatch): boolean {
  return pathCovers(wide, narrow)
    && entriesOf(wide.headers).every(([name, condition]) => implies(narrow.headers?.[name], condition))
    && entriesOf(wide.withoutHeaders).every(([name, condition]) => excludes(narrow, name, condition))
    && entriesOf(wide.queryParams).every(([name, condition]) => implies(narrow.queryParams?.[name], condition))
    && [['method'], ['authority'], ['scheme']].every(([field]) => {
      const condition = wide[field as 'method'];
      return condition === undefined || implies(narrow[field as 'method'], condition);
    })
    && (wide.port === undefined || wide.port === narrow.port)
    && (wide.sourceNamespace === undefined || wide.sourceNamespace === narrow.sourceNamespace)
    && Object.entries(wide.sourceLabels ?? {}).every(([name, value]) => narrow.sourceLabels?.[name] === value)
    && (wide.gateways === undefined || (narrow.gateways?.every((gateway) => wide.gateways?.includes(gateway)) ?? false));
}

function pathCovers(wide: HttpMatch, narrow: HttpMatch): boolean {
  if (wide.uri === undefined || wide.uri.prefix === '/') return true;
  if (narrow.uri === undefined) return false;
  const folds = narrow.ignoreUriCase === true && narrow.uri.regex === undefined; // Envoy never folds for an expression
  if (wide.uri.regex !== undefined) return !folds && implies(narrow.uri, wide.uri);
  if (folds && !wide.ignoreUriCase) return false;
  return implies(foldedBy(wide, narrow.uri), foldedBy(wide, wide.uri));
}

/** Lower case where the match ignores case. A regular expression is compared as it stands: Istio does not fold it. */
function foldedBy(match: HttpMatch, uri: StringMatch): StringMatch {
  return match.ignoreUriCase ? { exact: uri.exact?.toLowerCase(), prefix: uri.prefix?.toLowerCase(), regex: uri.regex } : uri;
}

/** Whether a string that meets `narrow` certainly meets `wide`. */
function implies(narrow: StringMatch | undefined, wide: StringMatch): boolean {
  if (narrow === undefined) return false;
  if (isPresence(wide)) return true;
  if (wide.exact !== undefined) return narrow.exact === wide.exact;
  if (wide.prefix !== undefined) {
    const start = narrow.exact ?? narrow.prefix ?? (narrow.regex === undefined ? undefined : literalStart(narrow.regex));
    return start?.startsWith(wide.prefix) ?? false;
  }
  return narrow.regex === wide.regex || (narrow.exact !== undefined && fullMatch(wide.regex!, narrow.exact));
}

/** Whether requests of `narrow` certainly never have a header that meets the condition. */
function excludes(narrow: HttpMatch, name: string, condition: StringMatch): boolean {
  const without = narrow.withoutHeaders?.[name];
  if (without !== undefined && implies(condition, without)) return true;
  const having = narrow.headers?.[name];
  return having !== undefined && together(having, condition) === 'never';
}

// ---- Both: the match that holds where two do ----------------------------------------------------------------------

/** `never`: no request can meet both. `unknown`: some may, but one match cannot say which. */
export type Both = HttpMatch | 'never' | 'unknown';

/** The requests that meet both matches. */
export function both(a: HttpMatch, b: HttpMatch): Both {
  if (covers(a, b)) return b;
  if (covers(b, a)) return a;
  const results = {
    ...pathOfBoth(a, b),
    headers: conditionsOfBoth(a.headers, b.headers),
    withoutHeaders: unionOf(a.withoutHeaders, b.withoutHeaders),
    queryParams: conditionsOfBoth(a.queryParams, b.queryParams),
    method: together(a.method, b.method),
    authority: together(a.authority, b.authority),
    scheme: together(a.scheme, b.scheme),
    port: same(a.port, b.port),
    sourceNamespace: same(a.sourceNamespace, b.sourceNamespace),
    sourceLabels: labelsOfBoth(a.sourceLabels, b.sourceLabels),
    gateways: gatewaysOfBoth(a.gateways, b.gateways),
  };
  const values = Object.values(results);
  if (values.includes('never') || contradictory(results)) return 'never';
  return values.includes('unknown') ? 'unknown' : results as HttpMatch;
}

type Result<T> = T | undefined | 'never' | 'unknown';

function pathOfBoth(a: HttpMatch, b: HttpMatch): { uri: Result<StringMatch>; ignoreUriCase?: boolean } {
  if (a.uri === undefined || b.uri === undefined) {
    const { uri, ignoreUriCase } = a.uri === undefined ? b : a;
    return { uri, ignoreUriCase };
  }
  if (pathCovers(a, b)) return { uri: b.uri, ignoreUriCase: b.ignoreUriCase };
  if (pathCovers(b, a)) return { uri: a.uri, ignoreUriCase: a.ignoreUriCase };
  if (a.ignoreUriCase || b.ignoreUriCase) {
    const fold = { ignoreUriCase: true };
    return { uri: together(foldedBy(fold, a.uri), foldedBy(fold, b.uri)) === 'never' ? 'never' : 'unknown' };
  }
  return { uri: together(a.uri, b.uri) };
}

function conditionsOfBoth(a: Conditions | undefined, b: Conditions | undefined): Result<Conditions> {
  if (a === undefined || b === undefined) return a ?? b;
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const merged = names.map((name) => [name, together(a[name], b[name])] as const);
  if (merged.some(([, condition]) => condition === 'never')) return 'never';
  if (merged.some(([, condition]) => condition === 'unknown')) return 'unknown';
  return Object.fromEntries(merged) as Conditions;
}

function unionOf(a: Conditions | undefined, b: Conditions | undefined): Result<Conditions> {
  if (a === undefined || b === undefined) return a ?? b;
  const clash = Object.keys(a).find((name) => b[name] !== undefined && !implies(a[name], b[name]) && !implies(b[name], a[name]));
  if (clash !== undefined) return 'unknown';
  return Object.fromEntries([...Object.entries(a), ...Object.entries(b)].map(([name, condition]) => {
    const [mine, other] = [a[name] ?? condition, b[name] ?? condition];
    return [name, implies(mine, other) ? other : mine]; // the wider one, as it is what must not be there
  }));
}

/** The strings that meet both conditions. */
function together(a: StringMatch | undefined, b: StringMatch | undefined): Result<StringMatch> {
  if (a === undefined || b === undefined) return a ?? b;
  if (implies(a, b)) return a;
  if (implies(b, a)) return b;
  if (a.exact !== undefined || b.exact !== undefined) return 'never'; // an exact value is known to fail the other condition
  return a.prefix !== undefined && b.prefix !== undefined ? 'never' : 'unknown';
}

function same<T>(a: T | undefined, b: T | undefined): Result<T> {
  if (a === undefined || b === undefined) return a ?? b;
  return a === b ? a : 'never';
}

function labelsOfBoth(a: Record<string, string> | undefined, b: Record<string, string> | undefined): Result<Record<string, string>> {
  if (a === undefined || b === undefined) return a ?? b;
  return Object.keys(a).some((name) => b[name] !== undefined && b[name] !== a[name]) ? 'never' : { ...a, ...b };
}

function gatewaysOfBoth(a: string[] | undefined, b: string[] | undefined): Result<string[]> {
  if (a === undefined || b === undefined) return a ?? b;
  const common = a.filter((gateway) => b.includes(gateway));
  return common.length > 0 ? common : 'never';
}

/** A header that must be there and must not. */
function contradictory(match: { headers: Result<Conditions>; withoutHeaders: Result<Conditions> }): boolean {
  if (typeof match.headers !== 'object' || typeof match.withoutHeaders !== 'object') return false;
  const { headers, withoutHeaders } = match;
  return Object.keys(withoutHeaders).some((name) => headers[name] !== undefined && implies(headers[name], withoutHeaders[name]));
}

function isPresence(condition: StringMatch): boolean {
  return condition.exact === undefined && condition.prefix === undefined && condition.regex === undefined;
}

function entriesOf(conditions: Conditions | undefined): [string, StringMatch][] {
  return Object.entries(conditions ?? {});
}
