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
export function refusals(model: Model): Refusal[] {
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
    if (map !== undefined && at !== undefined) found.push(refuse(map, ['data', 'mesh'], `MeshConfig ${key} is not compiled yet`, at[1]));
  }
  const files = fileProviders(model);
  for (const name of textsOf(objectOf(model.config.raw.defaultProviders).accessLogging).filter(each => !files.has(each))) {
    if (map !== undefined) {
      found.push(refuse(map, ['data', 'mesh'], 'MeshConfig defaultProviders.accessLogging names a provider of a kind that is not compiled yet', name));
    }
  }
  return found;
}

/** Telemetry may send to systems that are not compiled yet: only files and Prometheus are. */
function unknownProviders(model: Model, resource: Resource): Refusal[] {
  const files = fileProviders(model);
  return (['accessLogging', 'metrics'] as const).flatMap(section => (
    valuesAt(resource.spec, [section, 'providers', 'name'], ['spec'])
      .filter(([, name]) => (section === 'metrics' ? name !== 'prometheus' : !files.has(String(name))))
      .map(([path, name]) => refuse(resource, path, `Telemetry ${textOf(path)} names a provider of a kind that is not compiled yet`, name))));
}

function fileProviders(model: Model): ReadonlySet<string> {
  const files = objectsOf(model.config.raw.extensionProviders).filter(({ envoyFileAccessLog }) => envoyFileAccessLog !== undefined);
  return new Set(['envoy', ...files.map(({ name }) => String(name))]);
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
