import { existsSync, readdirSync, readFileSync } from 'fs';
import { join, resolve } from 'path';
import { parse } from 'yaml';
import { groupOf } from '../../src/model/kinds';
import { parseManifests } from '../../src/model/parse';
import type { Resource } from '../../src/model/resource';

/** Where recorded answers of a real istiod lie beside the project; tests that need them are "not run" without. */
const GOLDEN = resolve(__dirname, '../../../shared/data/istiod-golden');

export const XDS_TYPES = ['lds', 'rds', 'cds', 'eds'] as const;
export type XdsType = typeof XDS_TYPES[number];

/** A resource in canonical proto3 JSON, with `@type`. */
export type XdsJson = Readonly<Record<string, unknown>>;

/** What istiod answered to one proxy. */
export interface GoldenProxy {
  readonly name: string;
  readonly node: { readonly id: string; readonly cluster: string; readonly metadata: Readonly<Record<string, unknown>> };
  /** The whole answer of each type, in istiod's order (README of the data: which orders mean something). */
  readonly expected: Readonly<Record<XdsType, readonly XdsJson[]>>;
}

export interface GoldenScenario {
  readonly name: string;
  readonly resources: readonly Resource[];
  readonly meshConfig: Readonly<Record<string, unknown>>;
  readonly proxies: readonly GoldenProxy[];
}

/** Names of all scenarios at hand, `base` among them; none where the data is absent. */
export function scenarioNames(): readonly string[] {
  if (!existsSync(GOLDEN)) return [];
  return readdirSync(GOLDEN, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => entry.name).sort();
}

/** One scenario: its input, and what istiod answered. Undefined where the data is absent. */
export function loadScenario(name: string): GoldenScenario | undefined {
  const folder = join(GOLDEN, name);
  if (!existsSync(join(folder, 'input.yaml'))) return undefined;
  const meshFile = [join(folder, 'mesh.yaml'), join(GOLDEN, 'base', 'mesh.yaml')].find(existsSync);
  return {
    name,
    resources: [...readInput(folder).values()],
    meshConfig: meshFile === undefined ? {} : parse(readFileSync(meshFile, 'utf8')),
    proxies: readdirSync(folder).filter(file => file.endsWith('.node.json')).sort().map(file => loadProxy(folder, file.slice(0, -'.node.json'.length))),
  };
}

/** Objects by kind, namespace and name: a later object replaces an earlier one, and takes its place at the end. */
type Input = Map<string, Resource>;

function readInput(folder: string): Input {
  const input: Input = new Map();
  const add = (resource: Resource): void => {
    input.delete(keyOf(resource));
    input.set(keyOf(resource), resource);
  };
  const fromSamples = new Set<string>();
  for (const source of listed(join(folder, 'sources.txt'))) {
    const path = resolve(folder, source);
    if (source.endsWith('/')) {
      readInput(path).forEach(add);
    } else {
      for (const resource of readFile(path)) {
        add(resource);
        fromSamples.add(keyOf(resource));
      }
    }
  }
  for (const assigned of assignments(join(folder, 'assigned.yaml'))) {
    const target = [...input].find(([key, { kind, metadata }]) =>
      fromSamples.has(key) && kind === assigned.kind && metadata.namespace === assigned.namespace && metadata.name === assigned.name);
    if (target === undefined) throw new Error(`${folder}/assigned.yaml names ${assigned.kind} ${assigned.namespace}/${assigned.name}, which no source has`);
    input.set(target[0], withAssigned(target[1], assigned));
  }
  readFile(join(folder, 'input.yaml')).forEach(add);
  return input;
}

interface Assigned {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly creationTimestamp?: string;
  readonly clusterIP?: string;
  readonly status?: Record<string, unknown>;
}

function assignments(file: string): readonly Assigned[] {
  return existsSync(file) ? parse(readFileSync(file, 'utf8')) ?? [] : [];
}

function withAssigned(resource: Resource, assigned: Assigned): Resource {
  return {
    ...resource,
    metadata: { ...resource.metadata, creationTimestamp: assigned.creationTimestamp ?? resource.metadata.creationTimestamp },
    spec: assigned.clusterIP === undefined ? resource.spec : { ...resource.spec, clusterIP: assigned.clusterIP },
    status: assigned.status ?? resource.status,
  };
}

function readFile(file: string): Resource[] {
  const { resources, errors } = parseManifests(readFileSync(file, 'utf8'), file);
  if (errors.length > 0) throw errors[0];
  // Files of one scenario are applied one after the other; by their origin the model would sort them by name.
  return resources.map(resource => ({ ...resource, origin: { line: resource.origin.line } }));
}

function keyOf({ apiVersion, kind, metadata }: Resource): string {
  return `${groupOf(apiVersion)}/${kind}/${metadata.namespace}/${metadata.name}`;
}

function listed(file: string): readonly string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#')) : [];
}

function loadProxy(folder: string, name: string): GoldenProxy {
  const node = JSON.parse(readFileSync(join(folder, `${name}.node.json`), 'utf8'));
  const differences = join(folder, `${name}.unchanged.txt`);
  const text = existsSync(differences) ? readFileSync(differences, 'utf8') : undefined;
  const answer = (type: XdsType): readonly XdsJson[] =>
    (text === undefined ? readAnswer(folder, name, type) : completeAnswer(folder, name, type, text));
  return { name, node, expected: { lds: answer('lds'), rds: answer('rds'), cds: answer('cds'), eds: answer('eds') } };
}

function readAnswer(folder: string, name: string, type: XdsType): readonly XdsJson[] {
  const file = join(folder, `${name}.${type}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
}

/** The whole answer: rows marked `=` from the answer it is compared with, `~` and `+` from this folder, in the order of the list. */
function completeAnswer(folder: string, name: string, type: XdsType, differences: string): readonly XdsJson[] {
  const lines = differences.split('\n');
  const compared = /^compared with (\S+)\/(\S+)$/.exec(lines[0].trim());
  if (compared === null) throw new Error(`${folder}/${name}.unchanged.txt does not begin with "compared with"`);
  const base = readAnswer(join(GOLDEN, compared[1]), compared[2], type);
  const start = lines.findIndex(line => line.startsWith(`${type}:`));
  if (start < 0) throw new Error(`${folder}/${name}.unchanged.txt says nothing of ${type}`);
  if (lines[start].includes('identical to base')) return base;
  const unchanged = byName(base);
  const own = byName(readAnswer(folder, name, type));
  const answer: XdsJson[] = [];
  for (const line of lines.slice(start + 1)) {
    const row = /^ +([=~+-]) (.*)$/.exec(line);
    if (row === null) break;
    const [, mark, resourceName] = row;
    if (mark === '-') continue;
    const resource = (mark === '=' ? unchanged : own).get(resourceName);
    if (resource === undefined) throw new Error(`${folder}/${name}.unchanged.txt lists ${type} ${resourceName}, which is nowhere`);
    answer.push(resource);
  }
  return answer;
}

function byName(resources: readonly XdsJson[]): ReadonlyMap<string, XdsJson> {
  return new Map(resources.map(resource => [String(resource.name ?? resource.clusterName), resource]));
}
