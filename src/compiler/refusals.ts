import { COMPILED_FIELDS, REFUSED_MESH_CONFIG, REFUSED_VALUES } from './compiled-fields';
import type { Fields } from './compiled-fields';
import { isObject, objectOf, objectsOf, textsOf } from '../model/json';
import type { Model } from '../model/model';
import type { Resource } from '../model/resource';

/** Something in the input that Istio would act on and this compiler does not. Left unsaid, traffic would silently differ. */
export interface Refusal {
  readonly code: 'MESH_FIELD_UNSUPPORTED';
  readonly resource: Resource;
  readonly path: readonly (string | number)[];
  /** `rule, got value; repair`. */
  readonly message: string;
}

type Path = readonly (string | number)[];

/** All that the model holds and the compiler leaves out, in the order of kinds, then resources, then fields. */
export function refusals(model: Model): readonly Refusal[] {
  let all = told.get(model);
  if (all === undefined) told.set(model, all = allRefusals(model));
  return all;
}

/** Several ask the same of one model. */
const told = new WeakMap<Model, readonly Refusal[]>();

function allRefusals(model: Model): Refusal[] {
  const found: Refusal[] = [];
  for (const [kind, fields] of Object.entries(COMPILED_FIELDS)) {
    for (const resource of model.of(kind)) {
      if (fields !== true && Object.keys(fields).length === 0) {
        found.push(refuse(resource, ['kind'], `${resource.kind} is not compiled yet`, resource.kind));
      } else {
        walk(resource, resource.spec, fields, ['spec'], found);
      }
    }
  }
  for (const { kind, path, values } of REFUSED_VALUES) {
    for (const resource of model.of(kind)) {
      for (const [at, value] of valuesAt(resource.spec, path, ['spec'])) {
        if (values.test(String(value))) found.push(refuse(resource, at, `${kind} ${textOf(at)} may not have this value yet`, value));
      }
    }
  }
  for (const resource of model.of('Telemetry')) found.push(...unknownProviders(model, resource));
  const map = model.of('ConfigMap').find(({ metadata }) => metadata.name === 'istio' && metadata.namespace === 'istio-system');
  for (const key of REFUSED_MESH_CONFIG) {
    const [at] = valuesAt(model.config.raw, key.split('.'), []);
    if (map !== undefined && at !== undefined && at[1] !== false) found.push(refuse(map, ['data', 'mesh'], `MeshConfig ${key} is not compiled`, at[1]));
  }
  if (map !== undefined) {
    for (const [section, kinds] of SECTIONS) {
      for (const name of textsOf(objectOf(model.config.raw.defaultProviders)[section]).filter(each => !serves(model, each, kinds))) {
        found.push(refuse(map, ['data', 'mesh'], `MeshConfig defaultProviders.${section} names a provider of a kind that is not compiled`, name));
      }
    }
  }
  return found;
}

/** Kinds of providers that each section of a Telemetry can send to. */
const SECTIONS: readonly (readonly ['accessLogging' | 'metrics' | 'tracing', readonly string[]])[] = [
  ['accessLogging', ['envoyFileAccessLog', 'envoyHttpAls', 'envoyTcpAls', 'envoyOtelAls']],
  ['metrics', ['prometheus']],
  ['tracing', ['zipkin', 'datadog', 'skywalking', 'opentelemetry', 'lightstep']],
];

/** A provider that nobody defines is no matter of what is compiled: Istio passes over it as well. */
function serves(model: Model, name: string, kinds: readonly string[]): boolean {
  const provider = objectsOf(model.config.raw.extensionProviders).find(each => String(each.name).toLowerCase() === name.toLowerCase());
  if (provider === undefined) return name !== 'stackdriver';
  return kinds.some(kind => provider[kind] !== undefined);
}

function unknownProviders(model: Model, resource: Resource): Refusal[] {
  return SECTIONS.flatMap(([section, kinds]) => (
    valuesAt(resource.spec, [section, 'providers', 'name'], ['spec'])
      .filter(([, name]) => !serves(model, String(name), kinds))
      .map(([path, name]) => refuse(resource, path, `Telemetry ${textOf(path)} names a provider of a kind that is not compiled`, name))));
}

function walk(resource: Resource, value: unknown, fields: Fields, path: Path, found: Refusal[]): void {
  if (fields === true || value === undefined || value === null) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => walk(resource, item, fields, [...path, index], found));
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      const known = fields[key] ?? fields['*'];
      if (known !== undefined) walk(resource, item, known, [...path, key], found);
      else if (item !== undefined && item !== null) found.push(refuse(resource, [...path, key], `${resource.kind} ${textOf([...path, key])} is not compiled yet`, item));
    }
  }
}

function valuesAt(value: unknown, path: readonly string[], at: Path): (readonly [Path, unknown])[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => valuesAt(item, path, [...at, index]));
  if (path.length === 0) return [[at, value]];
  const [key, ...rest] = path;
  return isObject(value) && value[key] !== undefined ? valuesAt(value[key], rest, [...at, key]) : [];
}

/** `spec.http[0].delegate`. */
function textOf(path: Path): string {
  return path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`), '');
}

function refuse(resource: Resource, path: Path, rule: string, value: unknown): Refusal {
  const json = JSON.stringify(value) ?? 'nothing';
  const shown = json.length > 80 ? `${json.slice(0, 80)}…` : json;
  return { code: 'MESH_FIELD_UNSUPPORTED', resource, path, message: `${rule}, got ${shown}; remove it, or run this on Istio` };
}
