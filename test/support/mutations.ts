import { Duration, Lazy } from 'cdk8s';
import type { Shapes } from './api-shapes';

/** One value in the place of another: at a path of the arguments of a call. */
export interface Mutation {
  readonly path: readonly (string | number)[];
  /** The member that it belongs to, by the struct or call that declares it. */
  readonly member: string;
  readonly value: unknown;
  /** Whether no compiler would let it pass: then it has to be refused. */
  readonly forbidden: boolean;
}

/** What callers may do to each argument of a call, by mistake or not. */
export function mutationsOf(shapes: Shapes, call: string, given: readonly unknown[]): Mutation[] {
  const found: Mutation[] = [];
  Object.entries(shapes.CALLS[call]).forEach(([name, type], index) => {
    if (type === 'Construct' || (name === 'id' && /^new |\.from/.test(call))) return; // scope and id belong to the library `constructs`
    visit(`${call}.${name}`, type, name.endsWith('?'), [index], given[index], 0);
  });
  return found;

  function visit(member: string, type: string, optional: boolean, path: readonly (string | number)[], value: unknown, depth: number): void {
    const add = (forbidden: boolean) => (mutant: unknown): void => { found.push({ path, member, value: mutant, forbidden }); };
    if (type !== 'any') [null, LATER].forEach(add(true));
    if (!optional && type !== 'any' && !member.includes('...')) add(true)(undefined);
    wrongValues(shapes, type).forEach(add(true));
    oddValues(type).forEach(add(false));
    for (const [own, members] of structsOf(type)) {
      for (const [name, inner] of Object.entries(members)) {
        const key = name.replace('?', '');
        if (depth < 2) visit(`${own}.${key}`, inner, name.endsWith('?'), [...path, key], (value as any)?.[key], depth + 1);
      }
    }
    const element = /^(\w+)\[\]$/.exec(type)?.[1];
    if (element !== undefined && Array.isArray(value) && value.length > 0) {
      add(false)([...value, value[0]]);
      if (structsOf(element).length > 0 && depth < 2) visit(`${member}[]`, element, false, [...path, 0], value[0], depth + 1);
    }
  }

  function structsOf(type: string): [string, Record<string, string>][] {
    const own = shapes.STRUCTS[type];
    return own === undefined ? [] : [...shapes.BASES[type] === undefined ? [] : structsOf(shapes.BASES[type]), [type, own]];
  }
}

/** The arguments with another value at a path; objects on the way that are not there are made. */
export function mutated(given: readonly unknown[], { path, value }: Mutation): unknown[] {
  const set = (holder: any, [key, ...rest]: readonly (string | number)[]): any => {
    const copy: any = Array.isArray(holder) ? [...holder] : { ...holder };
    copy[key] = rest.length === 0 ? value : set(copy[key], rest);
    return copy;
  };
  return set(given, path);
}

const LATER = Lazy.any({ produce: () => 'x' });

/** Values of another type. */
function wrongValues({ ENUMS, CLASSES, INTERFACES, STRUCTS }: Shapes, type: string): unknown[] {
  if (type in ENUMS) return ['WRONG'];
  if (CLASSES.includes(type) || type in INTERFACES) return [{}];
  if (type in STRUCTS) return ['x'];
  if (type.endsWith('[]')) return [{}, [null]];
  if (type === '{any}') return ['x', [], { x: NaN }];
  if (type.startsWith('{')) return ['x', []];
  return { string: [5], number: ['5'], boolean: ['yes'], Duration: ['5s'], any: [NaN, () => 'x'] }[type] ?? [];
}

/** Values of the type that are seldom right. */
function oddValues(type: string): unknown[] {
  const odd: Record<string, unknown[]> = {
    'string': ['', 'Not valid!\n'],
    'number': [NaN, -1, 0.5, Infinity],
    'Duration': [Duration.millis(0), Duration.millis(0.5)],
    'string[]': [[], [''], ['Not valid!\n']],
    'number[]': [[], [NaN], [-1]],
    '{string}': [{}, { '': 'x' }, { 'Not valid!\n': '' }],
    '{any}': [{}],
  };
  return odd[type] ?? (type.endsWith('[]') ? [[]] : type.startsWith('{') ? [{}] : []);
}

export function told(value: unknown): string {
  if (value === LATER) return 'a Lazy';
  if (value instanceof Duration) return `Duration of ${value.toMilliseconds({ integral: false })}ms`;
  if (Array.isArray(value)) return `[${value.map(told).join(', ')}]`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const { name } = value.constructor;
  return name === 'Object' ? `{ ${Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${told(each)}`).join(', ')} }` : `a ${name}`;
}
