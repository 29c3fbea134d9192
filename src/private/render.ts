import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { installedFor } from './mesh-settings';
import { PATH_ANNOTATION } from './metadata';

/**
 * Every manifest below a construct (or those of the objects that `takes` names), each with the path of the construct that renders it.
 * Looking leaves no trace in the tree.
 */
export function renderTree(scope: IConstruct, takes: (object: ApiObject) => boolean = () => true): unknown[] {
  const constructs = scope.node.findAll();
  const restore = constructs.filter(isScheduled).map(schedulingOf);
  try {
    return constructs.filter((construct): construct is ApiObject => ApiObject.isApiObject(construct) && takes(construct)).map(located);
  } finally {
    restore.forEach((back) => back());
  }
}

/** The mesh of a construct: what is rendered below it, and what is known to be on the cluster already. */
export function renderMesh(scope: IConstruct): unknown[] {
  const rendered = renderTree(scope);
  return [...rendered, ...installedFor(scope, rendered)];
}

function located(object: ApiObject): unknown {
  const manifest = object.toJson();
  const annotations = { [PATH_ANNOTATION]: object.node.path, ...manifest.metadata?.annotations };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

interface Scheduled { readonly scheduling: object }

/** A workload of cdk8s-plus, of whichever version. */
function isScheduled(construct: IConstruct): construct is IConstruct & Scheduled {
  const { scheduling } = construct as Partial<Scheduled>;
  return typeof scheduling === 'object';
}

/** cdk8s-plus adds anti-affinity terms each time it renders a workload with `spread`. */
function schedulingOf(workload: Scheduled): () => void {
  const lists = Object.values(workload.scheduling).filter((value): value is unknown[] => Array.isArray(value))
    .map((list) => ({ list, length: list.length }));
  return () => lists.forEach(({ list, length }) => { list.length = length; });
}
