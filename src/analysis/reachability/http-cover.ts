import type { TextCondition } from './text-cover';
import { conditionOf, covers } from './text-cover';
import type { HttpMatch, StringMatch } from '../../compiler/istio-api';

/** A match of an HTTP rule in a form that can be compared with others. */
export interface HttpCondition {
  readonly uri?: TextCondition;
  /** The path as it was written. */
  readonly written?: string;
  readonly scheme?: TextCondition;
  readonly method?: TextCondition;
  readonly authority?: TextCondition;
  /** By lower-case name; undefined asks for the header's presence alone. */
  readonly headers: ReadonlyMap<string, TextCondition | undefined>;
  readonly withoutHeaders: ReadonlyMap<string, TextCondition | undefined>;
  readonly queryParams: ReadonlyMap<string, TextCondition | undefined>;
  readonly port: number;
  readonly sourceLabels: Readonly<Record<string, string>>;
  readonly sourceNamespace: string;
  readonly gateways: readonly string[];
}

/** `gateways` are those of the whole VirtualService, full names; a match may narrow them. */
export function httpConditionOf(match: HttpMatch, gateways: readonly string[], resolve: (gateway: string) => string): HttpCondition {
  const uri = conditionOf(match.uri, match.ignoreUriCase === true);
  return {
    // Every path begins with /.
    uri: uri?.kind === 'prefix' && uri.text === '/' ? undefined : uri,
    written: Object.entries(match.uri ?? {}).map(([kind, text]) => `${kind} ${String(text)}`)[0],
    scheme: conditionOf(match.scheme),
    method: conditionOf(match.method),
    authority: conditionOf(match.authority),
    headers: conditions(match.headers, true),
    withoutHeaders: conditions(match.withoutHeaders, true),
    queryParams: conditions(match.queryParams, false),
    port: match.port ?? 0,
    sourceLabels: match.sourceLabels ?? {},
    sourceNamespace: match.sourceNamespace ?? '',
    gateways: match.gateways === undefined || match.gateways.length === 0 ? gateways : match.gateways.map(resolve),
  };
}

function conditions(given: Readonly<Record<string, StringMatch | null>> | undefined, fold: boolean): ReadonlyMap<string, TextCondition | undefined> {
  return new Map(Object.entries(given ?? {}).map(([name, match]) => [fold ? name.toLowerCase() : name, conditionOf(match)]));
}

/** Whether each request that `narrow` takes is taken by `wide`; false also means "cannot tell". */
export function coversHttp(wide: HttpCondition, narrow: HttpCondition): boolean {
  return covers(wide.uri, narrow.uri)
    && covers(wide.method, narrow.method)
    && covers(wide.authority, narrow.authority)
    && covers(wide.scheme, narrow.scheme)
    && (wide.port === 0 || wide.port === narrow.port)
    && (wide.sourceNamespace === '' || wide.sourceNamespace === narrow.sourceNamespace)
    && every(wide.headers, (name, condition) => narrow.headers.has(name) && covers(condition, narrow.headers.get(name)))
    && every(wide.queryParams, (name, condition) => narrow.queryParams.has(name) && covers(condition, narrow.queryParams.get(name)))
    // What the wide one excludes, the narrow one has to exclude as well.
    && every(wide.withoutHeaders, (name, condition) => narrow.withoutHeaders.has(name) && covers(narrow.withoutHeaders.get(name), condition))
    && Object.entries(wide.sourceLabels).every(([key, value]) => narrow.sourceLabels[key] === value)
    && narrow.gateways.every(gateway => wide.gateways.includes(gateway));
}

function every(conditionsOfWide: HttpCondition['headers'], holds: (name: string, condition: TextCondition | undefined) => boolean): boolean {
  for (const [name, condition] of conditionsOfWide) if (!holds(name, condition)) return false;
  return true;
}

/** Whether Istio counts the route as one that takes everything, and puts it last among rules of one host on a gateway. */
export function isCatchAll(condition: HttpCondition): boolean {
  return [condition.uri, condition.scheme, condition.method, condition.authority].every(part => part === undefined)
    && condition.headers.size + condition.withoutHeaders.size + condition.queryParams.size === 0;
}

/** A condition for people: `prefix /api, header x`. */
export function describe(condition: HttpCondition): string {
  const text = (name: string, part: TextCondition | undefined) => (part === undefined ? name : `${name} ${part.kind === 'exact' ? '' : `${part.kind} `}${part.text}`);
  const words: string[] = [];
  const { written, scheme, method, authority } = condition;
  if (written !== undefined) words.push(written);
  for (const [name, part] of Object.entries({ scheme, method, authority })) if (part !== undefined) words.push(text(name, part));
  for (const [name, part] of condition.headers) words.push(text(`header ${name}`, part));
  for (const [name, part] of condition.withoutHeaders) words.push(text(`no header ${name}`, part));
  for (const [name, part] of condition.queryParams) words.push(text(`query ${name}`, part));
  if (condition.port !== 0) words.push(`port ${condition.port}`);
  for (const [key, value] of Object.entries(condition.sourceLabels)) words.push(`source ${key}=${value}`);
  if (condition.sourceNamespace !== '') words.push(`source namespace ${condition.sourceNamespace}`);
  return words.join(', ');
}
