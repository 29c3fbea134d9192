import type { IConstruct } from 'constructs';
import { meshError } from './errors';
import type { HttpMatch } from './http-match';

/** A condition of Envoy's on a header, `:path` and `:method` among them. */
type HeaderCondition = Readonly<Record<string, unknown>>;
interface StringMatch { readonly exact?: string; readonly prefix?: string; readonly regex?: string }

const SUPPORTED = ['name', 'uri', 'ignoreUriCase', 'method', 'headers', 'withoutHeaders', 'authority'];

/** A match of HTTP requests as conditions on headers, for parts of Envoy that know nothing else. */
export function headerConditions(owner: IConstruct, match: HttpMatch): HeaderCondition[] {
  const other = Object.entries(match).find(([key, value]) => value !== undefined && !SUPPORTED.includes(key));
  if (other !== undefined) {
    throw meshError(owner, 'MESH_MATCH_UNSUPPORTED', `match must be by path, method, host or headers here, got ${other[0]}; leave it away`);
  }
  const { uri, method, authority, headers, withoutHeaders, ignoreUriCase } = match;
  return [
    ...uri === undefined ? [] : [path(uri, ignoreUriCase === true)],
    ...method === undefined ? [] : [condition(':method', method)],
    ...authority === undefined ? [] : [condition(':authority', authority)],
    ...Object.entries(headers ?? {}).map(([name, value]) => condition(name, value)),
    ...Object.entries(withoutHeaders ?? {}).map(([name, value]) => (
      { ...condition(name, value), invert_match: true, treat_missing_header_as_empty: true })),
  ];
}

/** The header holds the query too, of which a match by path says nothing. */
function path({ exact, prefix, regex }: StringMatch, folds: boolean): HeaderCondition {
  if (prefix !== undefined) return { name: ':path', string_match: { prefix, ignore_case: folds } };
  const pattern = exact === undefined ? regex! : exact.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return { name: ':path', string_match: { safe_regex: { regex: `${folds ? '(?i)' : ''}(?:${pattern})(\\?.*)?` } } };
}

function condition(name: string, { exact, prefix, regex }: StringMatch): HeaderCondition {
  if (exact !== undefined) return { name, string_match: { exact } };
  if (prefix !== undefined) return { name, string_match: { prefix } };
  return regex === undefined ? { name, present_match: true } : { name, string_match: { safe_regex: { regex } } };
}
