import { MeshError } from './error';
import { isObject, objectOf, objectsOf, textMapOf, textOf } from './json';
import { groupOf, isClusterScoped, kindFault } from './kinds';
import type { ObjectMeta, Origin, Resource } from './resource';
import type { Chunk, Path, YamlDocument, YamlFault } from './yaml-documents';
import { chunksOf, MAX_ALIASES, readChunk } from './yaml-documents';

/** Annotation by which rendered objects name the construct that made them. */
export const PATH_ANNOTATION = 'cdk8s-mesh.dev/path';

/** Resources of a text, with everything that kept a document from being read. */
export interface Parsed {
  readonly resources: Resource[];
  readonly errors: MeshError[];
}

/**
 * Reads Kubernetes manifests: YAML (or JSON) of any number of documents. `List`s are expanded. Never throws;
 * a document that cannot be read becomes an error that names file and line, the other documents are read all the same.
 * @param former - what the same file held before: documents that are still in it stay the same resources, wherever they stand now
 */
export function parseManifests(text: string, file?: string, former?: Parsed): Parsed {
  const parsed: Parsed = { resources: [], errors: [] };
  const known = former && pieces.get(former);
  const own = new Map<string, Piece[]>();
  for (const chunk of chunksOf(text)) {
    const same = own.get(chunk.text) ?? [];
    own.set(chunk.text, same);
    const piece = moved(known?.get(chunk.text)?.[same.length], chunk) ?? pieceOf(chunk, file, parsed.errors);
    same.push(piece);
    parsed.resources.push(...piece.resources);
  }
  pieces.set(parsed, own);
  return parsed;
}

/** What one text of a file held. */
interface Piece {
  readonly chunk: Chunk;
  readonly resources: readonly Resource[];
  /** Nothing was wrong with it: errors tell a line once and for all. */
  readonly sound: boolean;
}

const pieces = new WeakMap<Parsed, ReadonlyMap<string, readonly Piece[]>>();

function pieceOf(chunk: Chunk, file: string | undefined, errors: MeshError[]): Piece {
  const own: Parsed = { resources: [], errors: [] };
  for (const document of readChunk(chunk)) readDocument(document, file, own);
  errors.push(...own.errors);
  return { chunk, resources: own.resources, sound: own.errors.length === 0 };
}

/** A piece that stands elsewhere now. Its text becomes the new one, so that the old file is not kept for it. */
function moved(piece: Piece | undefined, to: Chunk): Piece | undefined {
  if (piece?.sound !== true) return undefined;
  Object.assign(piece.chunk, to);
  return piece;
}

/** Resources of plain objects, as `JSON.parse` or a synthesizer hands them over. Throws the first thing wrong with them. */
export function resourcesOf(objects: readonly unknown[]): Resource[] {
  const parsed: Parsed = { resources: [], errors: [] };
  objects.forEach((object, index) => readObject(object, {
    where: () => `object ${index + 1}`, origin: (_path, construct) => (construct === undefined ? {} : { path: construct }),
  }, [], parsed));
  if (parsed.errors.length > 0) throw parsed.errors[0];
  return parsed.resources;
}

function readDocument({ value, fault, lineOf }: YamlDocument, file: string | undefined, parsed: Parsed): void {
  if (fault !== undefined) {
    parsed.errors.push(errorOf(fault, file));
    return;
  }
  if (value === null || value === undefined) return;
  readObject(value, {
    where: path => place(file, lineOf(path)),
    origin: (path, construct) => ({
      file,
      // Lines cost a second reading where the document holds a list: most are never asked for.
      get line() { return lineOf(path); },
      ...(construct !== undefined && { path: construct }),
      lineOf: inner => lineOf([...path, ...inner]),
    }),
  }, [], parsed);
}

interface Reading {
  /** How errors name the place of the object at a path. */
  readonly where: (path: Path) => string;
  /** Origin of the object at a path, which says what construct rendered it. */
  readonly origin: (path: Path, construct: string | undefined) => Origin;
}

function readObject(value: unknown, reading: Reading, path: Path, parsed: Parsed): void {
  const fail = (code: string, rule: string): void => { parsed.errors.push(new MeshError(code, rule, reading.where(path))); };
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
  parsed.resources.push(resourceOf(value, apiVersion, kind, name, construct => reading.origin(path, construct)));
}

function resourceOf(
  document: Readonly<Record<string, unknown>>, apiVersion: string, kind: string, name: string, originOf: (construct: string | undefined) => Origin,
): Resource {
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
  return {
    apiVersion,
    kind,
    metadata,
    spec: objectOf(document.spec) as Record<string, unknown>,
    status: isObject(document.status) ? document.status as Record<string, unknown> : undefined,
    document,
    origin: originOf(annotations[PATH_ANNOTATION]),
  };
}

function errorOf(fault: YamlFault, file: string | undefined): MeshError {
  const syntax = (rule: string): MeshError => new MeshError('MESH_YAML_SYNTAX', rule, place(file, fault.line));
  switch (fault.kind) {
    case 'twice': return new MeshError('MESH_YAML_SEPARATOR',
      `a document holds each top-level key once, got one again in line ${fault.line}; put a line --- between two objects`, place(file, fault.line));
    case 'syntax': return syntax(`the text must be YAML, got: ${fault.message}; repair the syntax`);
    case 'deep': return syntax('values may be nested a few hundred levels deep, got more; flatten the document');
    case 'aliases': return syntax(
      `aliases of one document may stand for ${MAX_ALIASES} values at most and for none around them, got more; write the values out`);
  }
}

function place(file: string | undefined, line: number | undefined): string {
  return line === undefined ? file ?? 'input' : `${file ?? 'input'}:${line}`;
}
