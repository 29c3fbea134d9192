import type { Json } from '../../../src/model/json';
import { isObject, objectOf, textMapOf, textOf } from '../../../src/model/json';

/** A request made up so that it meets one match of a rule. */
export interface MadeUp {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** The Host that the match asks for; absent where any will do. */
  readonly authority?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the match asks of the caller, and the port. */
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  readonly port?: number;
}

/** A request for a match; whether it really meets it is for the evaluator to say. `{}` stands for a rule without match. */
export function madeUp(match: Json): MadeUp {
  const query = Object.entries(objectOf(match.queryParams)).map(([name, condition]) => `${encodeURIComponent(name)}=${encodeURIComponent(textFor(condition))}`);
  const path = match.uri === undefined ? '/' : textFor(match.uri);
  const headers = Object.entries(objectOf(match.headers)).map(([name, condition]) => [name.toLowerCase(), textFor(condition)] as const);
  const pseudo = new Map(headers.filter(([name]) => name.startsWith(':')));
  const authority = match.authority === undefined ? pseudo.get(':authority') : textFor(match.authority);
  const port = Number(match.port);
  return {
    method: match.method === undefined ? pseudo.get(':method') ?? 'GET' : textFor(match.method),
    path: `${path.startsWith('/') ? path : `/${path}`}${query.length === 0 ? '' : `?${query.join('&')}`}`,
    headers: Object.fromEntries(headers.filter(([name]) => !name.startsWith(':'))),
    sourceLabels: textMapOf(match.sourceLabels),
    ...authority !== undefined && { authority },
    ...textOf(match.sourceNamespace) !== undefined && { sourceNamespace: textOf(match.sourceNamespace) },
    ...port > 0 && { port },
  };
}

/** Two matches of which both must hold: that of a rule, and that of the delegate it leads to. */
export function both(first: Json, second: Json): Json {
  const merged = (field: string) => ({ ...objectOf(first[field]), ...objectOf(second[field]) });
  return { ...first, ...second, headers: merged('headers'), queryParams: merged('queryParams') };
}

/** A text that meets a condition; any where only presence is asked for. */
function textFor(condition: unknown): string {
  if (!isObject(condition)) return textOf(condition) ?? 'any';
  const { exact, prefix, regex } = condition;
  return textOf(exact) ?? textOf(prefix) ?? (textOf(regex) === undefined ? 'any' : textOfPattern(textOf(regex)!));
}

/** A text that simple regular expressions match: of alternatives the first, of classes the first member, everything once. */
function textOfPattern(pattern: string): string {
  return pattern
    .replace(/^\^|\$$/g, '')
    .replace(/\((?:\?:)?([^()|]*)(?:\|[^()]*)?\)/g, '$1')
    .replace(/\\d/g, '0')
    .replace(/\\w/g, 'a')
    .replace(/\[([^\]^])[^\]]*\]/g, '$1')
    .replace(/(?<!\\)[*+?]|\{[\d,]+\}/g, '')
    .replace(/(?<!\\)\./g, 'x')
    .replace(/\\/g, '');
}
