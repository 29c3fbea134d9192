import { FAILSAFE_SCHEMA, load, Type } from 'js-yaml';
import type { Document, Pair, YAMLError, YAMLMap } from 'yaml';
import { isAlias, isMap, isNode, isScalar, LineCounter, parseAllDocuments } from 'yaml';

/**
 * Text to values, with the line of each. Two readers take part: js-yaml makes the values of all that is plainly written, several times
 * as fast as `yaml`; `yaml` reads anchors, tags, merge keys and all that js-yaml refuses, says what is wrong, and knows where things
 * stand. It is asked for lines only when somebody wants one.
 */

export type Path = readonly (string | number)[];

/** What keeps a document from being read. */
export type YamlFault =
  /** Not YAML: the parser's own words. */
  | { readonly kind: 'syntax'; readonly message: string; readonly line: number }
  /** A key of the outermost object comes twice. */
  | { readonly kind: 'twice'; readonly line: number }
  /** Nested deeper than the parser can descend. */
  | { readonly kind: 'deep'; readonly line: number }
  /** Aliases that stand for more than `MAX_ALIASES` values, or for one around them. */
  | { readonly kind: 'aliases'; readonly line?: number };

export interface YamlDocument {
  /** Undefined where a fault says why. */
  readonly value?: unknown;
  readonly fault?: YamlFault;
  /** Line of the key that holds the value at the path, or of its nearest ancestor; of a list item where it begins. Counted from 1. */
  readonly lineOf: (path: Path) => number | undefined;
}

/** Aliases a document may resolve before it counts as a YAML bomb. */
export const MAX_ALIASES = 1000;

/** Every document of a text. Never throws. */
export function readYaml(text: string): YamlDocument[] {
  return chunksOf(text).flatMap(readChunk);
}

/** The text of one document, from its line of `---` on. */
export interface Chunk {
  text: string;
  /** Where it stands. Whoever finds the same text at another place says so here, and all lines told of it follow. */
  linesBefore: number;
}

/** The documents of a chunk. Never throws. */
export function readChunk(chunk: Chunk): YamlDocument[] {
  return (SEVERAL.test(chunk.text) ? undefined : quick(chunk)) ?? thorough(chunk);
}

/** After directives and `...` a line of `---` is not all that parts documents. */
const SEVERAL = /^(?:%|\.\.\.)/m;

/** Texts that can be read each by itself, in order. */
export function chunksOf(text: string): Chunk[] {
  const plain = text.startsWith('\uFEFF') ? text.slice(1) : text;
  return SEVERAL.test(plain) ? [{ text: plain, linesBefore: 0 }] : partedChunks(plain);
}

/** A line that begins with `---` begins a document, whatever stands around it: in a block of text or in quotes it would be an error. */
function partedChunks(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  let start = 0;
  let linesBefore = 0;
  let lines = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) {
    lines++;
    if (!text.startsWith('---', end + 1) || !/^[ \t\r\n]?$/.test(text.charAt(end + 4))) continue;
    chunks.push({ text: text.slice(start, end + 1), linesBefore });
    start = end + 1;
    linesBefore = lines;
  }
  chunks.push({ text: text.slice(start), linesBefore });
  return chunks;
}

/**
 * Where the two readers differ, or where one holds for the other: anchors, tags, merge keys; tabs and lone carriage returns; empty keys
 * and keys that are null, a list or an object, `? ` keys; what stands on the line of `---`; blank lines that are not empty, and indentation told by a number, in blocks of text;
 * comments that touch what they follow.
 */
const INTRICATE = new RegExp([
  String.raw`<<|[\s[{,:](?:&\S|!|[?:]\s)|^[&!?:]`, String.raw`\t|\r(?!\n)`, String.raw`(?:~|[Nn]ull|NULL)\s*[:,}]|[\]}]\s*:`,
  String.raw`(?:^|\n)---(?![ \r]*(?:\n|$)| +#)`, String.raw`\n +\r?(?:\n|$)|[|>][-+]?\d`, String.raw`["'[\]{},]#`,
].join('|'));

/** Plain scalars of YAML's core schema that are no strings. */
const CORE = /^(?:~|[Nn]ull|NULL|[Tt]rue|TRUE|[Ff]alse|FALSE|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.(?:inf|Inf|INF)|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)|\.nan|\.NaN|\.NAN)$/;

const SCHEMA = FAILSAFE_SCHEMA.extend({
  implicit: [new Type('tag:yaml.org,2002:null', { kind: 'scalar', resolve: (text: string) => CORE.test(text), construct: coreValue })],
});

function coreValue(text: string): unknown {
  switch (text.charAt(0)) {
    case '~': case 'n': case 'N': return null;
    case 't': case 'T': return true;
    case 'f': case 'F': return false;
    default: return numberOf(text);
  }
}

function numberOf(text: string): number {
  if (text.startsWith('0o')) return parseInt(text.slice(2), 8);
  const letter = /[inIN]/.exec(text)?.[0].toLowerCase();
  return letter === 'n' ? NaN : letter === 'i' ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
}

/** The one document of a chunk where js-yaml can be trusted with it; what it refuses, `yaml` says better. */
function quick(chunk: Chunk): YamlDocument[] | undefined {
  if (INTRICATE.test(chunk.text)) return undefined;
  let value: unknown;
  try {
    value = load(chunk.text, { schema: SCHEMA });
  } catch {
    return undefined;
  }
  if (typeof value !== 'object') return undefined;
  let places: YamlDocument | undefined;
  return [{
    value,
    lineOf: path => (path.length === 0 ? firstLine(chunk) : (places ??= thorough(chunk, false)[0])?.lineOf(path)),
  }];
}

/** Line of the first thing in a document that is no comment. */
function firstLine({ text, linesBefore }: Chunk): number {
  const before = /^(?:---)?(?:[ \r\n]+|#[^\n]*)*/.exec(text)![0];
  return linesBefore + before.split('\n').length;
}

/** @param uniqueKeys - whether keys that come twice are an error: to look for them takes time that grows with the square of a map's width */
function thorough(chunk: Chunk, uniqueKeys = true): YamlDocument[] {
  // A text of its own: a part of a longer one would keep all of that alive.
  const text = ` ${chunk.text}`.slice(1);
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: chunk.linesBefore + line, column: col };
  };
  try {
    // Pretty errors would quote the source in the message; ours name file and line instead.
    const documents = parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'silent', uniqueKeys });
    return documents.map(document => documentOf(document, place, text.includes('*')));
  } catch {
    // The parser descends by recursion: only nesting without bound brings it down.
    return [{ fault: { kind: 'deep', line: chunk.linesBefore + 1 }, lineOf: () => undefined }];
  }
}

interface Place { readonly line: number; readonly column: number }
type PlaceAt = (offset: number) => Place;

function documentOf(document: Document.Parsed, place: PlaceAt, aliased: boolean): YamlDocument {
  const lineOf = (path: Path): number | undefined => lineIn(document, path, place);
  if (document.errors.length > 0) return { fault: faultOf(document.errors, place), lineOf };
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    // A value that holds itself has no end for whoever walks it.
    if (aliased) JSON.stringify(value);
    return { value, lineOf };
  } catch {
    return { fault: { kind: 'aliases', line: lineOf([]) }, lineOf };
  }
}

function faultOf(errors: readonly YAMLError[], place: PlaceAt): YamlFault {
  // Two objects run together show as top-level keys that come twice.
  const twice = errors.find(error => error.code === 'DUPLICATE_KEY' && place(error.pos[0]).column === 1);
  if (twice !== undefined) return { kind: 'twice', line: place(twice.pos[0]).line };
  const [first] = errors;
  return { kind: 'syntax', message: first.message.replace(/\s+/g, ' ').trim(), line: place(first.pos[0]).line };
}

/** Pairs of wide maps by their key: whoever asks for each of them would else look at all of them each time. */
const indexes = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();
const WIDE = 16;

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  const isIt = ({ key: own }: Pair): boolean => isScalar(own) && String(own.value) === key;
  if (map.items.length < WIDE) return map.items.find(isIt);
  let index = indexes.get(map);
  if (index === undefined) {
    // Of keys that come twice the first counts.
    index = new Map([...map.items].reverse().flatMap(pair => (isScalar(pair.key) ? [[String(pair.key.value), pair]] : [])));
    indexes.set(map, index);
  }
  return index.get(key);
}

function lineIn(document: Document.Parsed, path: Path, place: PlaceAt): number | undefined {
  let node: unknown = document.contents;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = pairOf(node, String(step));
      if (pair === undefined) break;
      offset = isNode(pair.key) ? pair.key.range?.[0] ?? offset : offset;
      node = pair.value;
    } else {
      const item: unknown = isNode(node) && 'items' in node && typeof step === 'number' ? (node.items as unknown[])[step] : undefined;
      if (!isNode(item)) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    }
  }
  return offset === undefined ? undefined : place(offset).line;
}
