import { ApiObject } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import type { IConstruct } from 'constructs';
import { finding, meshError } from './errors';
import { PATH_ANNOTATION } from './metadata';
import type { Finding } from '../analysis';

/** The tree of each app that has a Mesh. */
const watched = new WeakMap<IConstruct, IConstruct>();

/**
 * Fails synthesis of the app with what analysis finds wrong in its manifests, each finding at the construct that it is about.
 * The one door from the constructs to analysis, opened only where there is a Mesh.
 */
export function verifyAtSynthesis(mesh: IConstruct): void {
  const { root } = mesh.node;
  const other = watched.get(root);
  if (other !== undefined) throw meshError(mesh, 'MESH_MESH_DUPLICATE', `an app must have one Mesh, got a second beside ${other.node.path}`);
  watched.set(root, mesh);

  let found = new Map<IConstruct, string[]>();
  const listening = new WeakSet<IConstruct>();
  const listen = (construct: IConstruct) => {
    if (listening.has(construct)) return;
    listening.add(construct);
    construct.node.addValidation({ validate: () => found.get(construct) ?? [] });
  };
  // cdk8s validates a tree from its root on, so what is found here is told by the constructs below when their turn comes.
  root.node.addValidation({
    validate: () => {
      found = errorsByConstruct(root, mesh);
      [...found.keys()].filter((construct) => construct !== root).forEach(listen);
      return found.get(root) ?? [];
    },
  });
}

function errorsByConstruct(root: IConstruct, mesh: IConstruct): Map<IConstruct, string[]> {
  const manifests = render(root);
  if (manifests === undefined) return new Map();
  const byPath = new Map(root.node.findAll().map((construct) => [construct.node.path, construct]));
  const errors = new Map<IConstruct, string[]>();
  for (const found of analyze(manifests)) {
    if (found.severity !== 'error') continue;
    const construct = byPath.get(found.path ?? '\0') ?? byPath.get(found.file ?? '\0') ?? mesh;
    errors.set(construct, [...errors.get(construct) ?? [], textOf(found)]);
  }
  return errors;
}

function analyze(manifests: unknown[]): Finding[] {
  // Loaded here, so that an app without a Mesh pays nothing for it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const analysis: typeof import('../analysis') = require('../analysis');
  return analysis.analyzeManifests(manifests);
}

function textOf(found: Finding): string {
  const place = [found.resource, found.field].filter((part) => part !== undefined).join(' ');
  const code = found.istioCode === undefined ? '' : ` (${found.istioCode})`;
  const repair = found.repair === undefined ? '' : `; ${found.repair}`;
  return finding(found.code, `${place === '' ? '' : `${place}: `}${found.message}${code}${repair}`);
}

/** Every manifest of the tree, each with its construct's path; undefined where one cannot be rendered, which synthesis will then say itself. */
function render(root: IConstruct): unknown[] | undefined {
  const constructs = root.node.findAll();
  const restore = constructs.filter((construct) => construct instanceof kplus.Workload).map(schedulingOf);
  try {
    return constructs.filter((construct): construct is ApiObject => ApiObject.isApiObject(construct)).map((object) => located(object));
  } catch {
    return undefined;
  } finally {
    restore.forEach((back) => back());
  }
}

function located(object: ApiObject): unknown {
  const manifest = object.toJson();
  const annotations = { [PATH_ANNOTATION]: object.node.path, ...manifest.metadata?.annotations };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/** cdk8s-plus adds anti-affinity terms each time it renders a workload with `spread`. Looking must leave no trace. */
function schedulingOf(workload: kplus.Workload): () => void {
  const lists = Object.values(workload.scheduling).filter((value): value is unknown[] => Array.isArray(value))
    .map((list) => ({ list, length: list.length }));
  return () => lists.forEach(({ list, length }) => { list.length = length; });
}
