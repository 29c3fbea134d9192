import type { IConstruct } from 'constructs';
import { meshError } from './errors';
import { BASES, CALLS, CLASSES, ENUMS, INTERFACES, STRUCTS } from './shapes';

/** What is wrong with a value: its code, the rule and the repair. */
interface Fault { readonly path: string; readonly code: string; readonly rule: string; readonly got: string; readonly repair: string }
type Check = (value: unknown, path: string) => Fault | undefined;

/** The methods of each class: `.` before static ones, `#` before others. */
const callsOf = new Map<string, (readonly [string, string, Readonly<Record<string, string>>])[]>();
for (const [call, parameters] of Object.entries(CALLS)) {
  const [, owner, separator, method] = /^(\w+)([.#])(\w+)/.exec(call)!;
  callsOf.set(owner, [...callsOf.get(owner) ?? [], [separator, method, parameters]]);
}

/**
 * Holds callers to the types of the public methods of a class. Compilers do so for TypeScript, Go and Java; plain JavaScript and Python ask nobody, and what
 * they hand over by mistake would come out as a TypeError from within, or as YAML of another meaning.
 */
export function guarded(name: string, type: { readonly prototype: any }): void {
  Object.defineProperty(type.prototype, brandOf(name), { value: true });
  for (const [separator, method, parameters] of callsOf.get(name) ?? []) {
    const holder = separator === '.' ? type as any : type.prototype;
    const original: (...values: unknown[]) => unknown = holder[method];
    const check = parametersCheck(parameters);
    const where = ` of ${separator === '.' ? `${name}.` : ''}${method}()`;
    const held = function (this: any, ...values: unknown[]): unknown {
      const fault = check(values);
      if (fault !== undefined) throw faultError(separator === '#' ? this?.node && this : undefined, fault, where);
      return original.apply(this, values);
    };
    Object.defineProperty(holder, method, { value: held, writable: true, configurable: true, enumerable: separator === '.' });
  }
}

/** The same for the properties of a construct. */
export function requireProps(scope: IConstruct | undefined, struct: string, props: unknown): void {
  const fault = structCheck(struct)(props, '');
  if (fault !== undefined) throw faultError(scope, fault, '');
}

function faultError(scope: IConstruct | undefined, { path, code, rule, got, repair }: Fault, where: string): Error {
  return meshError(scope, code, `${path === '' ? 'properties' : path}${where} ${rule}, got ${got}; ${repair}`);
}

function parametersCheck(parameters: Readonly<Record<string, string>>): (values: readonly unknown[]) => Fault | undefined {
  const checks = Object.entries(parameters).map(([name, type]) => ({ name: name.replace(/^\.\.\.|\?$/g, ''), isRest: name.startsWith('...'), check: memberCheck(name, type) }));
  return (values) => {
    for (const [index, { name, isRest, check }] of checks.entries()) {
      for (const value of isRest ? values.slice(index) : [values[index]]) {
        const fault = check(value, name);
        // users know the properties by their own names
        if (fault !== undefined) return { ...fault, path: fault.path.replace(/^(props|options)\./, '') };
      }
    }
    return undefined;
  };
}

const known = new Map<string, Check>();

function checkOf(type: string): Check {
  let check = known.get(type);
  if (check === undefined) {
    check = makeCheck(type);
    known.set(type, check);
  }
  return check;
}

function makeCheck(type: string): Check {
  if (type.endsWith('[]')) return listCheck(type.slice(0, -2));
  if (type.startsWith('{')) return mapCheck(type.slice(1, -1));
  if (type in PLAIN) return typeCheck(PLAIN[type].test, PLAIN[type].what, PLAIN[type].repair);
  if (type in STRUCTS) return structCheck(type);
  if (type in ENUMS) return enumCheck(type);
  if (type in INTERFACES) {
    return typeCheck((value) => isObject(value) && INTERFACES[type].every((member) => member in value), `an ${type}`, `give a construct that has ${INTERFACES[type].join(', ')}`);
  }
  if (CLASSES.includes(type)) {
    const brand = brandOf(type);
    return typeCheck((value) => isObject(value) && value[brand] === true, aOrAn(type), `make one with ${type}`);
  }
  return typeCheck(() => true, aOrAn(type), 'give one');
}

/** A member that may be undefined where its name ends in `?`. */
function memberCheck(name: string, type: string): Check {
  const optional = name.endsWith('?');
  let check: Check | undefined; // made when needed: structs may hold themselves
  return (value, path) => {
    if (value === undefined && (optional || type === 'any')) return undefined;
    check ??= checkOf(type);
    if (value === undefined) return { path, code: 'MESH_FIELD_REQUIRED', rule: 'must be given', got: 'undefined', repair: missing(type) };
    const fault = check(value, path);
    return fault !== undefined && value === null && optional ? { ...fault, repair: 'leave it away where there is none' } : fault;
  };
}

/** A field of a class that is used before it was set is the usual reason. */
function missing(type: string): string {
  return CLASSES.includes(type) || type in INTERFACES ? 'make it before it is used' : 'say it';
}

function structCheck(struct: string): Check {
  const members: [string, Check][] = [];
  for (let own: string | undefined = struct; own !== undefined; own = BASES[own]) {
    for (const [name, type] of Object.entries(STRUCTS[own])) members.push([name.replace('?', ''), memberCheck(name, type)]);
  }
  return (value, path) => {
    if (!isObject(value) || Array.isArray(value) || isLazy(value)) return wrong(path, value, `an object of ${struct}`, 'write its properties in {}');
    for (const [name, check] of members) {
      const fault = check(value[name], path === '' ? name : `${path}.${name}`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}

function listCheck(element: string): Check {
  const check = memberCheck('element', element);
  return (value, path) => {
    if (!Array.isArray(value)) return wrong(path, value, 'a list', 'write it in []');
    for (let index = 0; index < value.length; index++) {
      const fault = check(value[index], `${path}[${index}]`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}

function mapCheck(element: string): Check {
  const check = memberCheck('value', element);
  return (value, path) => {
    if (!isObject(value) || Array.isArray(value) || isLazy(value)) return wrong(path, value, 'an object of names and values', 'write them in {}');
    for (const [name, each] of Object.entries(value)) {
      const fault = check(each, `${path}.${name}`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}

function enumCheck(type: string): Check {
  const values = ENUMS[type];
  return (value, path) => {
    if (values.some((each) => each === value)) return undefined;
    return { path, code: 'MESH_ENUM_INVALID', rule: `must be one of ${type} (${values.join(', ')})`, got: told(value), repair: 'choose one of them' };
  };
}

function typeCheck(test: (value: unknown) => boolean, what: string, repair: string): Check {
  return (value, path) => (test(value) ? undefined : wrong(path, value, what, repair));
}

function wrong(path: string, value: unknown, what: string, repair: string): Fault {
  return { path, code: 'MESH_FIELD_TYPE', rule: `must be ${what}`, got: told(value), repair: isLazy(value) ? 'give the value itself, which is checked as soon as it is given' : repair };
}

/** Types that are not declared here. What comes of other packages may be of another version, so it is known by what it has. */
const PLAIN: Readonly<Record<string, { readonly test: (value: unknown) => boolean; readonly what: string; readonly repair: string }>> = {
  'any': { test: (value) => value !== null && isData(value), what: 'a value that JSON has', repair: 'leave away functions, NaN and Infinity' },
  'boolean': { test: (value) => typeof value === 'boolean', what: 'true or false', repair: 'choose one of them' },
  'number': { test: (value) => typeof value === 'number', what: 'a number', repair: 'write it without quotes' },
  'string': { test: (value) => typeof value === 'string', what: 'a text', repair: 'write it in quotes' },
  'Date': { test: (value) => value instanceof Date && !Number.isNaN(value.getTime()), what: 'a Date', repair: 'make it with new Date()' },
  'Duration': { test: (value) => isObject(value) && typeof value.toMilliseconds === 'function', what: 'a Duration', repair: 'make one with Duration of cdk8s, e.g. Duration.seconds(1)' },
  'Construct': { test: isConstruct, what: 'a construct', repair: 'give one' },
  'IConstruct': { test: isConstruct, what: 'a construct', repair: 'give one' },
  'ISecret': { test: isNamed, what: 'a Secret', repair: 'give one of cdk8s-plus, e.g. Secret.fromSecretName()' },
  'kplus.ISecret': { test: isNamed, what: 'a Secret', repair: 'give one of cdk8s-plus, e.g. Secret.fromSecretName()' },
  'kplus.SecretValue': { test: (value) => isObject(value) && isNamed(value.secret) && typeof value.key === 'string', what: 'a key of a Secret', repair: 'write { secret, key }' },
  'ServiceType': { test: (value) => ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'].some((each) => each === value), what: 'a ServiceType', repair: 'choose one of cdk8s-plus' },
};

/** Whether it can be rendered. Values of classes see to that themselves. */
function isData(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isData);
  if (isObject(value)) return Object.getPrototypeOf(value) !== Object.prototype || Object.values(value).every(isData);
  return typeof value === 'number' ? Number.isFinite(value) : !['function', 'symbol', 'bigint'].includes(typeof value);
}

function isObject(value: unknown): value is Readonly<Record<PropertyKey, unknown>> { return typeof value === 'object' && value !== null; }

function isConstruct(value: unknown): value is IConstruct { return isObject(value) && isObject(value.node); }

function isNamed(value: unknown): boolean { return isObject(value) && typeof value.name === 'string'; }

/** A value of cdk8s that is made later. */
function isLazy(value: unknown): boolean { return isObject(value) && 'producer' in value && typeof value.produce === 'function'; }

/** Bundlers may rename classes, and there may be two copies of this package. */
function brandOf(name: string): symbol { return Symbol.for(`cdk8s-mesh.${name}`); }

function aOrAn(name: string): string { return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`; }

function told(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list';
  if (isLazy(value)) return 'a Lazy';
  if (isConstruct(value)) return `the construct ${value.node.path}`;
  return isObject(value) ? 'an object' : String(value);
}
