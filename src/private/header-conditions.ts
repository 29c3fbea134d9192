import type { IConstruct } from 'constructs';
import { meshError } from './errors';
import { both, covers, type HttpMatch } from './http-match';
import { fullMatch } from './re2';
import { regexOf } from './text';

/** A condition of Envoy's on a header, `:path` and `:method` among them. */
export type HeaderCondition = Readonly<Record<string, unknown>>;
interface StringMatch { readonly exact?: string; readonly prefix?: string; readonly regex?: string }

/** A condition, or its contrary. Without `text` it asks for the header alone. */
interface Literal {
  readonly name: string;
  readonly text?: StringMatch;
  readonly folds?: boolean;
  readonly negated: boolean;
}

const SUPPORTED = ['name', 'uri', 'ignoreUriCase', 'method', 'headers', 'withoutHeaders', 'authority'];

/** More lists of conditions than anybody means. */
const MOST = 128;

/**
 * Alternatives as lists of conditions on headers, for parts of Envoy that know nothing else. A request that meets one of the alternatives, or
 * several, meets exactly one list: what is counted for each list would else be counted twice.
 */
export function headerConditions(owner: IConstruct, matches: readonly HttpMatch[]): HeaderCondition[][] {
  matches.forEach((match) => requireSupported(owner, match));
  const kept = matches.filter((match, index) => !matches.some((other, at) => (
    at !== index && covers(other, match) && (at < index || !covers(match, other)))));
  const lists = kept.flatMap((match, index) => {
    const overlapping = kept.slice(0, index).filter((other) => both(other, match) !== 'never').map(literalsOf);
    return overlapping.reduce((parts, other) => without(parts, other).slice(0, MOST + 1), [literalsOf(match)]);
  }).flatMap(conditionsOf);
  if (lists.length > MOST) {
    throw meshError(owner, 'MESH_MATCH_UNSUPPORTED', `alternatives of match must overlap in fewer ways, got more than ${MOST}; write them so that a request meets one`);
  }
  return lists;
}

function requireSupported(owner: IConstruct, match: HttpMatch): void {
  const other = Object.entries(match).find(([key, value]) => value !== undefined && !SUPPORTED.includes(key));
  if (other !== undefined) {
    throw meshError(owner, 'MESH_MATCH_UNSUPPORTED', `match must be by path, method, host or headers here, got ${other[0]}; leave it away`);
  }
}

function literalsOf({ uri, method, authority, headers, withoutHeaders, ignoreUriCase }: HttpMatch): Literal[] {
  const texts = (conditions: Readonly<Record<string, StringMatch>> | undefined, negated: boolean) => (
    Object.entries(conditions ?? {}).map(([name, text]) => ({ name, ...(!isEmpty(text) && { text }), negated })));
  return [
    ...uri === undefined ? [] : [{ name: ':path', text: uri, folds: ignoreUriCase === true, negated: false }],
    ...method === undefined ? [] : [{ name: ':method', text: method, negated: false }],
    ...authority === undefined ? [] : [{ name: ':authority', text: authority, negated: false }],
    ...texts(headers, false),
    ...texts(withoutHeaders, true),
  ];
}

const isEmpty = ({ exact, prefix, regex }: StringMatch): boolean => exact === undefined && prefix === undefined && regex === undefined;

/** The parts without what meets `other`: that fails its first condition; or meets the first and fails the second; and so on. */
function without(parts: readonly Literal[][], other: readonly Literal[]): Literal[][] {
  return parts.flatMap((part) => other.map((literal, index) => [...other.slice(0, index), { ...literal, negated: !literal.negated }, ...part]));
}

/** The lists of conditions that a list of literals comes to, no two of which hold together. */
function conditionsOf(literals: readonly Literal[]): HeaderCondition[][] {
  return literals.map(waysOf).reduce<HeaderCondition[][]>((lists, ways) => lists.flatMap((list) => ways.map((way) => [...list, way])), [[]]);
}

/** Envoy takes a header that is missing for one that fails every condition, inverted or not, unless told that it counts as empty. */
function waysOf({ name, text, folds = false, negated }: Literal): HeaderCondition[] {
  if (text === undefined) return [{ name, present_match: true, ...(negated && { invert_match: true }) }];
  const string_match = name === ':path' ? pathMatch(text, folds) : stringMatch(text);
  if (!negated) return [{ name, string_match }];
  if (name.startsWith(':')) return [{ name, string_match, invert_match: true }];
  if (!meetsEmpty(text)) return [{ name, string_match, invert_match: true, treat_missing_header_as_empty: true }];
  return [{ name, present_match: true, invert_match: true }, { name, string_match, invert_match: true }];
}

function meetsEmpty({ exact, prefix, regex }: StringMatch): boolean {
  return exact === '' || prefix === '' || (regex !== undefined && fullMatch(regex, ''));
}

/** The header holds the query too, of which a match by path says nothing. */
function pathMatch({ exact, prefix, regex }: StringMatch, folds: boolean): HeaderCondition {
  if (prefix !== undefined) return { prefix, ignore_case: folds };
  // Case is never folded in an expression that somebody wrote.
  const pattern = exact === undefined ? `(?:${regex})` : `${folds ? '(?i)' : ''}(?:${regexOf(exact)})`;
  return { safe_regex: { regex: `${pattern}(\\?.*)?` } };
}

function stringMatch({ exact, prefix, regex }: StringMatch): HeaderCondition {
  return exact !== undefined ? { exact } : prefix !== undefined ? { prefix } : { safe_regex: { regex: regex! } };
}
