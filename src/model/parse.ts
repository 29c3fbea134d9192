import type { Document, LineCounter as Lines, YAMLError } from 'yaml';
import { isAlias, isMap, isNode, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import { MeshError } from './error';
import { isObject, objectOf, objectsOf, textMapOf, textOf } from './json';
import { groupOf, isClusterScoped, kindFault } from './kinds';
import type { ObjectMeta, Origin, Resource } from './resource';

/** Annotation by which rendered objects name the construct that made them. */
export const PATH_ANNOTATION = 'cdk8s-mesh.dev/path';

/** Aliases a document may resolve before it counts as a YAML bomb. */
const MAX_ALIASES = 1000;

/** Resources of a text, with everything that kept a document from being read. */
export interface Parsed {
  readonly resources: Resource[];
  readonly errors: MeshError[];
}

type Path = readonly (string | number)[];

/**
 * Reads Kubernetes manifests: YAML (or JSON) of any number of documents. `List`s are expanded. Never throws;
 * a document that cannot be read becomes an error that names file and line, the other documents are read all the same.
 */
export function parseManifests(text: string, file?: string): Parsed {
  const parsed: Parsed = { resources: [], errors: [] };
  const lines = new LineCounter();
  // Pretty errors would quote the source in the message; ours name file and line instead.
  let documents: readonly Document.Parsed[];
  try {
    documents = parseAllDocuments(text.replace(/^\uFEFF/, ''), { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'silent' });
  } catch {
    // The parser descends by recursion: only nesting without bound brings it down.
    parsed.errors.push(new MeshError('MESH_YAML_SYNTAX', 'values may be nested a few hundred levels deep, got more; flatten the document', place(file, 1)));
    return parsed;
  }
  const source = { file, lines, aliased: text.includes('*') };
  for (const document of documents) readDocument(document, source, parsed);
  return parsed;
}

/** Resources of plain objects, as `JSON.parse` or a synthesizer hands them over. Throws the first thing wrong with them. */
export function resourcesOf(objects: readonly unknown[]): Resource[] {
  const parsed: Parsed = { resources: [], errors: [] };
  objects.forEach((object, index) => readObject(object, { fallback: `object ${index + 1}`, origin: () => ({}) }, [], parsed));
  if (parsed.errors.length > 0) throw parsed.errors[0];
  return parsed.resources;
}

interface Source {
  readonly file?: string;
  readonly lines: Lines;
  /** Whether an alias may stand in it. */
  readonly aliased: boolean;
}

function readDocument(document: Document.Parsed, source: Source, parsed: Parsed): void {
  const at = (offset: number | undefined): string => place(source.file, offset === undefined ? undefined : source.lines.linePos(offset).line);
  if (document.errors.length > 0) {
    parsed.errors.push(yamlError(document.errors, source, at));
    return;
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
    // A value that holds itself has no end for whoever walks it.
    if (source.aliased) JSON.stringify(value);
  } catch {
    parsed.errors.push(new MeshError('MESH_YAML_SYNTAX',
      `aliases of one document may stand for ${MAX_ALIASES} values at most and for none around them, got more; write the values out`,
      at(document.contents?.range?.[0])));
    return;
  }
  if (value === null || value === undefined) return;
  const lineOf = (path: Path): number | undefined => lineAt(document, path, source.lines);
  const place_ = {
    fallback: place(source.file, lineOf([])),
    origin: (path: Path): Origin => ({ file: source.file, line: lineOf(path), lineOf: (inner: Path) => lineOf([...path, ...inner]) }),
  };
  readObject(value, place_, [], parsed);
}

interface Reading {
  /** How errors name the place where the origin has none. */
  readonly fallback: string;
  readonly origin: (path: Path) => Origin;
}

function readObject(value: unknown, reading: Reading, path: Path, parsed: Parsed): void {
  const origin = reading.origin(path);
  const where = origin.line === undefined ? reading.fallback : place(origin.file, origin.line);
  const fail = (code: string, rule: string): void => { parsed.errors.push(new MeshError(code, rule, where)); };
  if (!isObject(value)) {
    fail('MESH_DOCUMENT_INVALID', `a document is a Kubernetes object, got ${Array.isArray(value) ? 'a list' : JSON.stringify(value)}; write apiVersion, kind and metadata`);
    return;
  }
  const apiVersion = textOf(value.apiVersion);
  const kind = textOf(value.kind);
  // Configuration of kustomize stands beside manifests without being one.
  if (apiVersion !== undefined && groupOf(apiVersion) === 'kustomize.config.k8s.io') return;
  if (apiVersion === undefined || kind === undefined) {
    const missing = [apiVersion ?? 'apiVersion', kind ?? 'kind'].filter(name => name === 'apiVersion' || name === 'kind').join(' and ');
    fail('MESH_DOCUMENT_INVALID', `a Kubernetes object has apiVersion and kind, got none for ${missing}; add ${missing}`);
    return;
  }
  if (kind.endsWith('List') && Array.isArray(value.items)) {
    value.items.forEach((item, index) => {
      // The API server leaves out apiVersion and kind of the items of a typed list.
      const typed = kind !== 'List' && isObject(item) && item.kind === undefined ? { apiVersion, kind: kind.slice(0, -'List'.length), ...item } : item;
      readObject(typed, reading, [...path, 'items', index], parsed);
    });
    return;
  }
  const fault = kindFault(apiVersion, kind);
  if (fault !== undefined) return fail(fault.code, fault.rule);
  const metadata = objectOf(value.metadata);
  const name = textOf(metadata.name);
  if (name === undefined || name === '') {
    fail('MESH_DOCUMENT_INVALID', `a Kubernetes object has metadata.name, got a ${kind} without; add metadata.name`);
    return;
  }
  parsed.resources.push(resourceOf(value, apiVersion, kind, name, origin));
}

function resourceOf(document: Readonly<Record<string, unknown>>, apiVersion: string, kind: string, name: string, origin: Origin): Resource {
  const given = objectOf(document.metadata);
  const annotations = textMapOf(given.annotations);
  const namespace = isClusterScoped(kind) ? '' : textOf(given.namespace) || 'default';
  const metadata: ObjectMeta = {
    name,
    namespace,
    labels: textMapOf(given.labels),
    annotations,
    creationTimestamp: textOf(given.creationTimestamp),
    generateName: textOf(given.generateName),
    ownerReferences: objectsOf(given.ownerReferences)
      .map(owner => ({ kind: textOf(owner.kind) ?? '', name: textOf(owner.name) ?? '', controller: owner.controller === true })),
  };
  const path = annotations[PATH_ANNOTATION];
  return {
    apiVersion,
    kind,
    metadata,
    spec: objectOf(document.spec) as Record<string, unknown>,
    status: isObject(document.status) ? document.status as Record<string, unknown> : undefined,
    document,
    origin: path === undefined ? origin : { ...origin, path },
  };
}

function yamlError(errors: readonly YAMLError[], source: Source, at: (offset: number) => string): MeshError {
  // Two objects run together show as top-level keys that come twice.
  const twice = errors.find(error => error.code === 'DUPLICATE_KEY' && source.lines.linePos(error.pos[0]).col === 1);
  if (twice !== undefined) {
    const { line } = source.lines.linePos(twice.pos[0]);
    return new MeshError('MESH_YAML_SEPARATOR',
      `a document holds each top-level key once, got one again in line ${line}; put a line --- between two objects`, at(twice.pos[0]));
  }
  const [first] = errors;
  return new MeshError('MESH_YAML_SYNTAX', `the text must be YAML, got: ${first.message.replace(/\s+/g, ' ').trim()}; repair the syntax`, at(first.pos[0]));
}

function place(file: string | undefined, line: number | undefined): string {
  return line === undefined ? file ?? 'input' : `${file ?? 'input'}:${line}`;
}

/** Line of the key that holds the value at the path, or of its nearest ancestor; of a list item where it begins. */
function lineAt(document: Document.Parsed, path: Path, lines: Lines): number | undefined {
  let node: unknown = document.contents;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(item => isScalar(item.key) && String(item.key.value) === String(step));
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
  return offset === undefined ? undefined : lines.linePos(offset).line;
}
