import { headerReader } from './condition';
import type { Answer, HeaderMutations, HttpRequestFacts } from './decision';
import type { HeaderValueOption } from '../xds/gen/envoy/config/core/v3/base_pb';
import { HeaderValueOption_HeaderAppendAction as Action } from '../xds/gen/envoy/config/core/v3/base_pb';

type Addition = HeaderMutations['add'][number];

/** A value that depends on the request, or the text itself. */
type Value = string | ((request: HttpRequestFacts) => string);

/** One level (weighted cluster, route, virtual host, route configuration) of header changes. */
export interface HeaderLevel {
  readonly toAdd: readonly HeaderValueOption[];
  readonly toRemove: readonly string[];
}

/** Header changes of all levels. */
export interface PreparedMutations {
  /** All of them in one list, where no value depends on the request. */
  readonly fixed?: HeaderMutations;
  readonly levels: readonly PreparedLevel[];
}

interface PreparedLevel {
  readonly remove: readonly string[];
  /** Overwriting ones first, as Envoy applies them. */
  readonly add: readonly { readonly value: Value; readonly keepEmpty: boolean; readonly shape: Omit<Addition, 'value'> }[];
}

export const NO_MUTATIONS: HeaderMutations = Object.freeze({ remove: [], add: [] });
export const NO_CHANGES: PreparedMutations = Object.freeze({ fixed: NO_MUTATIONS, levels: [] });

/** Prepares levels given in the order in which Envoy applies them. */
export function prepareMutations(sources: readonly HeaderLevel[]): PreparedMutations {
  const levels = sources.filter(({ toAdd, toRemove }) => toAdd.length > 0 || toRemove.length > 0).map(prepareLevel);
  if (levels.length === 0) return NO_CHANGES;
  const plain = levels.every(({ add }) => add.every(({ value }) => typeof value === 'string'));
  return plain ? { levels, fixed: evaluate(levels, undefined) } : { levels };
}

function prepareLevel({ toAdd, toRemove }: HeaderLevel): PreparedLevel {
  const add = toAdd.map(prepareOption);
  return {
    remove: toRemove.map(name => name.toLowerCase()),
    add: [...add.filter(({ shape }) => overwrites(shape)), ...add.filter(({ shape }) => !overwrites(shape))],
  };
}

function overwrites({ append, only }: Omit<Addition, 'value'>): boolean {
  return !append && only !== 'ifAbsent';
}

/** The changes for one request. */
export function mutationsFor(prepared: PreparedMutations, request: HttpRequestFacts): HeaderMutations {
  return prepared.fixed ?? evaluate(prepared.levels, request);
}

/** Joins the levels: a later one's removal also takes away what an earlier one added, and its values see what that one changed. */
function evaluate(levels: readonly PreparedLevel[], request: HttpRequestFacts | undefined): HeaderMutations {
  const remove = new Set<string>();
  let out: Addition[] = [];
  for (const level of levels) {
    level.remove.forEach(name => remove.add(name));
    out = out.filter(({ name }) => !level.remove.includes(name));
    const seen = request && changed(request, remove, out);
    const own: Addition[] = [];
    for (const { value, keepEmpty, shape } of level.add) {
      const text = typeof value === 'string' ? value : value(seen!);
      if (text !== '' || keepEmpty) own.push({ ...shape, value: text });
    }
    out = [...out, ...own];
  }
  return { remove: [...remove], add: out };
}

/** The request as it reads after these changes. */
function changed(request: HttpRequestFacts, remove: ReadonlySet<string>, add: readonly Addition[]): HttpRequestFacts {
  const get = (name: string): string | undefined => {
    let value = remove.has(name) ? undefined : request.headers.get(name);
    for (const addition of add) {
      if (addition.name !== name) continue;
      if ((addition.only === 'ifAbsent' && value !== undefined) || (addition.only === 'ifPresent' && value === undefined)) continue;
      value = addition.append && value !== undefined ? `${value},${addition.value}` : addition.value;
    }
    return value;
  };
  return { method: request.method, authority: request.authority, path: request.path, scheme: request.scheme, headers: { get } };
}

function prepareOption(option: HeaderValueOption): PreparedLevel['add'][number] {
  const { header, keepEmptyValue } = option;
  // The deprecated `append` still decides where it is given.
  const legacy = option.append ? Action.APPEND_IF_EXISTS_OR_ADD : Action.OVERWRITE_IF_EXISTS_OR_ADD;
  const action = option.append === undefined ? option.appendAction : legacy;
  const raw = header === undefined ? '' : header.rawValue.length > 0 ? new TextDecoder('latin1').decode(header.rawValue) : header.value;
  const only = action === Action.ADD_IF_ABSENT ? { only: 'ifAbsent' as const }
    : action === Action.OVERWRITE_IF_EXISTS ? { only: 'ifPresent' as const } : {};
  return {
    value: prepareValue(raw),
    keepEmpty: keepEmptyValue,
    shape: { name: (header?.key ?? '').toLowerCase(), append: action === Action.APPEND_IF_EXISTS_OR_ADD, ...only },
  };
}

const COMMAND = /%%|%REQ\(([^)?]+)(?:\?([^)]+))?\)(?::(\d+))?%/g;

/**
 * Header values are format strings: `%%` is a percent sign and `%REQ(X?Y):Z%` a request header.
 * Other command operators speak of the connection, which only the proxy knows: they stay as written.
 */
function prepareValue(raw: string): Value {
  if (!raw.includes('%')) return raw;
  const parts: Value[] = [];
  let at = 0;
  for (const match of raw.matchAll(COMMAND)) {
    parts.push(raw.slice(at, match.index), match[0] === '%%' ? '%' : requestHeader(match[1]!, match[2], match[3]));
    at = match.index + match[0].length;
  }
  parts.push(raw.slice(at));
  if (parts.every(part => typeof part === 'string')) return parts.join('');
  return request => parts.map(part => (typeof part === 'string' ? part : part(request))).join('');
}

function requestHeader(name: string, alternative: string | undefined, length: string | undefined): (request: HttpRequestFacts) => string {
  const first = headerReader(name);
  const second = alternative === undefined ? () => undefined : headerReader(alternative);
  const limit = length === undefined ? Infinity : Number(length);
  return request => (first(request) ?? second(request) ?? '').slice(0, limit);
}

/** An answer of the proxy's own with a route's response header changes applied. */
export function withResponseHeaders(answer: Answer, mutations: HeaderMutations): Answer {
  if (mutations.remove.length === 0 && mutations.add.length === 0) return answer;
  let headers = answer.headers.filter(([name]) => !mutations.remove.includes(name));
  for (const { name, value, append, only } of mutations.add) {
    const present = headers.some(([known]) => known === name);
    if ((only === 'ifAbsent' && present) || (only === 'ifPresent' && !present)) continue;
    if (!append) headers = headers.filter(([known]) => known !== name);
    headers = [...headers, [name, value]];
  }
  return { ...answer, headers };
}
