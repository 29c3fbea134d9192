import { parseDuration } from '../../model/durations';
import { isObject } from '../../model/json';
import { compare } from '../../model/resource';
import { closest } from '../../model/suggest';
import { fieldOf } from '../finding';
import type { Fault, Path } from '../finding';
import { KINDS, NODES } from './generated/istio';
import type { KindSchema, ObjectNode, Scalar, TypeRef } from './table';

/** Takes one fault at one place of a document. */
export type Report = (path: Path, fault: Fault) => void;

const BY_KIND: ReadonlyMap<string, KindSchema> = new Map(KINDS.map(kind => [`${kind.group}/${kind.kind}`, kind]));

/** Kinds whose fields are known here, by name. */
export const KNOWN_KINDS: readonly string[] = KINDS.map(({ kind }) => kind);

/** Schema of a kind of one of Istio's groups. */
export function schemaOf(apiVersion: string, kind: string): KindSchema | undefined {
  return BY_KIND.get(`${apiVersion.split('/')[0]}/${kind}`);
}

/** Compares a resource with what the API server's schema of its kind says. Returns whether its shape is safe to walk. */
export function checkSchema(document: Readonly<Record<string, unknown>>, schema: KindSchema, report: Report): boolean {
  const walk = new Walk(schema.kind, report);
  const version = String(document.apiVersion).split('/')[1];
  if (!schema.versions.includes(version)) {
    report(['apiVersion'], {
      code: 'MESH_VERSION_UNKNOWN',
      message: `${schema.kind} has the versions ${schema.versions.join(', ')}, got ${version}`,
      repair: `write apiVersion: ${schema.group}/${schema.versions[0]}`,
    });
  }
  for (const key of Object.keys(document).sort(compare)) {
    if (!TOP_LEVEL.has(key)) walk.unknownField([key], key, [...TOP_LEVEL].filter(known => known !== 'status'), []);
  }
  if (document.spec !== undefined) walk.check(document.spec, schema.spec, ['spec'], []);
  return walk.sound;
}

const TOP_LEVEL: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status']);

class Walk {
  /** False once a value was no object, list or scalar where one belongs. */
  public sound = true;

  public constructor(private readonly kind: string, private readonly report: Report) {}

  /** `above` are the structures that enclose the value, innermost last: a misplaced field is often one of theirs. */
  public check(value: unknown, type: TypeRef, path: Path, above: readonly ObjectNode[]): void {
    if (typeof type === 'string') return this.scalar(value, type, path);
    const node = NODES[type];
    if ('enum' in node) {
      if (typeof value !== 'string') return this.wrongType(path, 'a string', value);
      if (!node.enum.includes(value)) {
        const meant = closest(value, node.enum);
        this.report(path, {
          code: 'MESH_ENUM_INVALID',
          istioCode: 'IST0106',
          message: `${fieldOf(path)} is one of ${node.enum.join(', ')}, got ${JSON.stringify(value)}`,
          repair: meant === undefined ? 'choose one of them' : `did you mean ${meant}?`,
        });
      }
      return;
    }
    if ('list' in node) {
      if (!Array.isArray(value)) return this.wrongType(path, 'a list', value);
      return value.forEach((item, index) => this.check(item, node.list, [...path, index], above));
    }
    if (!isObject(value)) return this.wrongType(path, 'an object', value);
    if ('map' in node) {
      for (const key of Object.keys(value).sort(compare)) this.check(value[key], node.map, [...path, key], above);
      return;
    }
    this.object(value, node, path, above);
  }

  public unknownField(path: Path, key: string, known: readonly string[], above: readonly ObjectNode[]): void {
    const meant = closest(key, known);
    const elsewhere = above.some(node => key in node.fields);
    this.report(path, {
      code: 'MESH_FIELD_UNKNOWN',
      istioCode: 'IST0106',
      message: `${this.kind} has no field ${fieldOf(path)}`,
      repair: meant !== undefined ? `did you mean ${meant}?`
        : elsewhere ? `${key} belongs further out; check the indentation`
          : known.length === 0 ? 'remove it' : `its fields are ${[...known].sort(compare).join(', ')}`,
    });
  }

  private object(value: Readonly<Record<string, unknown>>, node: ObjectNode, path: Path, above: readonly ObjectNode[]): void {
    const names = Object.keys(node.fields);
    const missing = (node.required ?? []).filter(name => value[name] === undefined);
    const misspelt = new Set<string>();
    for (const key of Object.keys(value).sort(compare)) {
      if (!Object.prototype.hasOwnProperty.call(node.fields, key)) {
        // A field that is already there cannot be the one that was meant.
        const free = names.filter(name => value[name] === undefined);
        const meant = closest(key, free);
        if (meant !== undefined) misspelt.add(meant);
        this.unknownField([...path, key], key, free.length > 0 ? free : names, above);
      } else {
        this.check(value[key], node.fields[key], [...path, key], [...above, node]);
      }
    }
    // A required field that was misspelt is told once, by its misspelling.
    for (const name of missing.filter(absent => !misspelt.has(absent))) {
      this.report(path, {
        code: 'MESH_FIELD_REQUIRED',
        istioCode: 'IST0106',
        message: `${fieldOf(path)} needs the field ${name}, got ${Object.keys(value).length === 0 ? '{}' : `only ${Object.keys(value).sort(compare).join(', ')}`}`,
        repair: `add ${name}`,
      });
    }
    for (const group of node.oneOf ?? []) {
      const set = group.filter(name => value[name] !== undefined);
      if (set.length > 1) {
        this.report([...path, set[1]], {
          code: 'MESH_FIELD_EXCLUSIVE',
          istioCode: 'IST0106',
          message: `${fieldOf(path)} takes one of ${group.join(', ')}, got ${set.join(' and ')}`,
          repair: 'keep one of them',
        });
      }
    }
  }

  private scalar(value: unknown, type: Scalar, path: Path): void {
    switch (type) {
      case 'any': return;
      case 'string': return typeof value === 'string' ? undefined : this.wrongType(path, 'a string', value, typeof value === 'object' ? undefined : `write "${String(value)}"`);
      case 'boolean': return typeof value === 'boolean' ? undefined : this.wrongType(path, 'true or false', value);
      case 'number': return typeof value === 'number' ? undefined : this.wrongType(path, 'a number', value);
      case 'int-or-string': return typeof value === 'string' || Number.isInteger(value) ? undefined : this.wrongType(path, 'an integer or a string', value);
      case 'integer': return Number.isInteger(value) ? undefined : this.wrongType(path, 'an integer', value);
      case 'unsigned': return Number.isInteger(value) && (value as number) >= 0 ? undefined : this.wrongType(path, 'an integer of 0 or more', value);
      case 'port': {
        if (!Number.isInteger(value)) return this.wrongType(path, 'a port number', value);
        return (value as number) >= 1 && (value as number) <= 65535 ? undefined : this.report(path, {
          code: 'MESH_PORT_INVALID', istioCode: 'IST0106', message: `${fieldOf(path)} is a port from 1 to 65535, got ${String(value)}`, repair: 'choose one in that range',
        });
      }
      default: return this.duration(value, type, path);
    }
  }

  private duration(value: unknown, type: 'duration' | 'duration0', path: Path): void {
    const milliseconds = typeof value === 'string' ? parseDuration(value) : undefined;
    const least = type === 'duration' ? 1 : 0;
    // Istio counts the durations that it checks in whole milliseconds.
    if (milliseconds !== undefined && milliseconds >= least && (least === 0 || Number.isInteger(milliseconds))) return;
    const number = typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value));
    this.report(path, {
      code: 'MESH_DURATION_INVALID',
      istioCode: 'IST0106',
      message: `${fieldOf(path)} is a duration such as 10s, 1.5s, 250ms or 1m30s${least === 1 ? ', at least 1ms' : ''}, got ${show(value)}`,
      repair: number && Number(value) > 0 ? `did you mean ${String(value)}s?`
        : milliseconds !== undefined && least === 1 ? 'leave the field out for none' : 'write a number and a unit of ms, s, m or h',
    });
  }

  private wrongType(path: Path, wanted: string, value: unknown, repair?: string): void {
    this.sound = false;
    this.report(path, {
      code: 'MESH_FIELD_TYPE',
      istioCode: 'IST0106',
      message: `${fieldOf(path)} is ${wanted}, got ${show(value)}`,
      repair: repair ?? (value === null ? 'give it a value or remove it' : `write ${wanted}`),
    });
  }
}

/** A value for a message, short. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
