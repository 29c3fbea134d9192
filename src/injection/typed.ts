import type { Field } from './field';
import { TYPES as KUBERNETES } from './generated/kubernetes';
import { OPENSHIFT } from './openshift';
import { formatQuantity, parseQuantity } from './quantity';
import { MeshError } from '../model/error';
import { isObject } from '../model/json';

const TYPES: Readonly<Record<string, readonly Field[]>> = { ...KUBERNETES, ...OPENSHIFT };

/** Plain data that this folder may change: always a copy of what the caller gave. */
export type Data = Record<string, unknown>;

/**
 * What a client written against the Kubernetes API makes of a value: fields in the order of their declaration, unknown ones gone,
 * zero values filled in or left out, quantities in their one form. Istio's injector reads and writes every workload this way.
 */
export function typed(type: string, value: unknown, where: string, path = ''): unknown {
  if (type.startsWith('*')) return typed(type.slice(1), value, where, path);
  if (type.startsWith('[]')) return listOf(type.slice(2), value, where, path);
  if (type.startsWith('{}')) return mapOf(type.slice(2), value, where, path);
  const fields = TYPES[type];
  if (fields === undefined) return scalarOf(type, value, where, path);
  if (!isObject(value)) throw wrongType('an object', value, where, path);
  const out: Data = {};
  for (const field of fields) {
    const [name, fieldType, always] = field;
    const given = value[name];
    const at = path === '' ? name : `${path}.${name}`;
    const read = given === undefined || given === null ? undefined : typed(fieldType, given, where, at);
    if (read !== undefined && (always !== undefined && always !== '' || !isEmpty(fieldType, read))) out[name] = read;
    else if (always === 'null') out[name] = null;
    else if (always === 'zero') out[name] = zeroOf(fieldType, where, at);
  }
  return out;
}

/** The empty value of a type, as Go writes it. */
function zeroOf(type: string, where: string, path: string): unknown {
  if (TYPES[type] !== undefined) return typed(type, {}, where, path);
  switch (type) {
    case 'string': return '';
    case 'bool': return false;
    case 'int': case 'int-or-string': return 0;
    case 'quantity': return '0';
    default: return null;
  }
}

/** Whether Go leaves the value out of a field marked omitempty. A pointer is left out only where it is absent. */
function isEmpty(type: string, value: unknown): boolean {
  if (type.startsWith('*')) return false;
  if (type.startsWith('[]')) return (value as unknown[]).length === 0;
  if (type.startsWith('{}')) return Object.keys(value as object).length === 0;
  return value === '' || value === 0 || value === false;
}

function listOf(type: string, value: unknown, where: string, path: string): unknown[] {
  if (!Array.isArray(value)) throw wrongType('a list', value, where, path);
  return value.map((entry, index) => (entry === null ? zeroOf(type, where, path) : typed(type, entry, where, `${path}[${index}]`)));
}

function mapOf(type: string, value: unknown, where: string, path: string): Data {
  if (!isObject(value)) throw wrongType('a map', value, where, path);
  return Object.fromEntries(Object.keys(value).sort().map(key => [key, value[key] === null ? zeroOf(type, where, path) : typed(type, value[key], where, `${path}.${key}`)]));
}

function scalarOf(type: string, value: unknown, where: string, path: string): unknown {
  switch (type) {
    case 'string':
      if (typeof value === 'string') return value;
      // YAML reads `version: 1` as a number; where a text belongs it is one.
      if (typeof value === 'number' || typeof value === 'boolean') return String(value);
      throw wrongType('a text', value, where, path);
    case 'bool':
      if (typeof value === 'boolean') return value;
      throw wrongType('true or false', value, where, path);
    case 'int':
      if (typeof value === 'number' && Number.isInteger(value)) return value;
      throw wrongType('a whole number', value, where, path);
    case 'int-or-string':
      if (typeof value === 'string' || typeof value === 'number' && Number.isInteger(value)) return value;
      throw wrongType('a whole number or a text', value, where, path);
    case 'quantity': {
      const quantity = typeof value === 'string' || typeof value === 'number' ? parseQuantity(String(value).trim()) : undefined;
      if (quantity === undefined) throw wrongType('a quantity such as 100m or 128Mi', value, where, path);
      return formatQuantity(quantity);
    }
    default: return value;
  }
}

function wrongType(expected: string, value: unknown, where: string, path: string): MeshError {
  return new MeshError('MESH_FIELD_TYPE', `${path === '' ? 'the object' : path} must be ${expected}, got ${JSON.stringify(value)}; write it as Kubernetes has it`, where);
}
