import { headerReader } from './condition';
import type { HeaderMutations, HttpRequestFacts } from './decision';
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

/** Header changes of all levels in one list. */
export interface PreparedMutations {
  /** The changes, where no value depends on the request. */
  readonly fixed?: HeaderMutations;
  readonly remove: readonly string[];
  readonly add: readonly { readonly value: Value; readonly keepEmpty: boolean; readonly shape: Omit<Addition, 'value'> }[];
}

export const NO_MUTATIONS: HeaderMutations = Object.freeze({ remove: [], add: [] });

/**
 * Joins levels in the order in which Envoy applies them. Each level removes before it adds and overwrites before it appends,
 * so a later level's removal also takes away what an earlier one added.
 */
export function prepareMutations(levels: readonly HeaderLevel[]): PreparedMutations {
  const remove = new Set<string>();
  let add: PreparedMutations['add'][number][] = [];
  for (const level of levels) {
    const removed = new Set(level.toRemove.map(name => name.toLowerCase()));
    removed.forEach(name => remove.add(name));
    add = add.filter(({ shape }) => !removed.has(shape.name));
    const own = level.toAdd.map(prepareOption);
    add.push(...own.filter(({ shape }) => !shape.append), ...own.filter(({ shape }) => shape.append));
  }
  const plain = add.every(({ value }) => typeof value === 'string');
  const prepared = { remove: [...remove], add };
  if (!plain) return prepared;
  return { ...prepared, fixed: remove.size === 0 && add.length === 0 ? NO_MUTATIONS : evaluate(prepared, undefined) };
}

/** The changes for one request. */
export function mutationsFor(prepared: PreparedMutations, request: HttpRequestFacts): HeaderMutations {
  return prepared.fixed ?? evaluate(prepared, request);
}

function evaluate({ remove, add }: Pick<PreparedMutations, 'remove' | 'add'>, request: HttpRequestFacts | undefined): HeaderMutations {
  const out: Addition[] = [];
  for (const { value, keepEmpty, shape } of add) {
    const text = typeof value === 'string' ? value : value(request!);
    if (text !== '' || keepEmpty) out.push({ ...shape, value: text });
  }
  return { remove, add: out };
}

function prepareOption(option: HeaderValueOption): PreparedMutations['add'][number] {
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

/** Applies response header changes to the headers of an answer that the proxy makes itself. */
export function applyToAnswer(headers: readonly (readonly [string, string])[], mutations: HeaderMutations): readonly (readonly [string, string])[] {
  if (mutations.remove.length === 0 && mutations.add.length === 0) return headers;
  let out = headers.filter(([name]) => !mutations.remove.includes(name));
  for (const { name, value, append, only } of mutations.add) {
    const present = out.some(([known]) => known === name);
    if ((only === 'ifAbsent' && present) || (only === 'ifPresent' && !present)) continue;
    if (!append) out = out.filter(([known]) => known !== name);
    out = [...out, [name, value]];
  }
  return out;
}
