import { ApiObject } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { meshError } from './errors';
import { renderTree } from './render';

/** A workload that somebody else made, as it renders: of any version of cdk8s-plus, or by hand. */
export interface RenderedWorkload {
  readonly object: ApiObject;
  readonly namespace?: string;
  /** JSON pointer of the Pods' template; '' where the object is a Pod. */
  readonly template: string;
  readonly podLabels: { readonly [name: string]: string };
  readonly serviceAccountName?: string;
}

interface PodTemplate {
  readonly metadata?: { readonly labels?: { readonly [name: string]: string } };
  readonly spec?: { readonly serviceAccountName?: string };
}

interface Manifest extends PodTemplate {
  readonly kind: string;
  readonly metadata?: PodTemplate['metadata'] & { readonly namespace?: string };
  readonly spec?: PodTemplate['spec'] & { readonly template?: PodTemplate; readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplate } } };
}

/** The Kubernetes object that a construct stands for; undefined where it stands for none. */
export function objectOf(construct: IConstruct): ApiObject | undefined {
  if (ApiObject.isApiObject(construct)) return construct;
  const child = construct.node.defaultChild;
  return child === undefined ? undefined : objectOf(child);
}

/** The object of a construct if it has Pods, as far as it renders. */
export function workloadObject(construct: IConstruct): ApiObject | undefined {
  const object = objectOf(construct);
  if (object === undefined) return undefined;
  const [manifest] = renderTree(construct, (each) => each === object) as Manifest[];
  return podsOf(manifest) && object;
}

/** A Service that somebody else made, as it renders. */
export interface RenderedService {
  readonly construct: IConstruct;
  readonly name: string;
  readonly namespace?: string;
  readonly ports: readonly { readonly port: number; readonly name?: string }[];
}

/** Reads a Service of any version of cdk8s-plus, or by hand. */
export function renderedService(scope: IConstruct, construct: IConstruct): RenderedService {
  const object = objectOf(construct);
  if (object?.kind !== 'Service') {
    throw meshError(scope, 'MESH_SERVICE_UNKNOWN', `what is adopted must be a Service, got ${object === undefined ? 'none' : `a ${object.kind}`} at ${construct.node.path}; give the Service`);
  }
  const { metadata, spec } = rendered(scope, construct, object) as Manifest & { readonly spec?: { readonly ports?: RenderedService['ports'] } };
  return { construct, name: object.name, namespace: metadata?.namespace, ports: spec?.ports ?? [] };
}

/** Reads a workload. Throws where it is none, or has no labels by which a Service could find its Pods. */
export function renderedWorkload(owner: IConstruct, workload: IConstruct): RenderedWorkload {
  const object = objectOf(workload);
  if (object === undefined) {
    throw meshError(owner, 'MESH_WORKLOAD_UNKNOWN', `a version must be run by a Kubernetes object with Pods, got ${workload.node.path}, which is none; give a Deployment or the like`);
  }
  const manifest = rendered(owner, workload, object);
  const [template, pods] = podsOf(manifest) ?? [];
  if (template === undefined || pods === undefined) {
    throw meshError(owner, 'MESH_WORKLOAD_UNKNOWN', `a version must be run by an object with a Pod template, got ${manifest.kind} ${workload.node.path} without; give a Deployment or the like`);
  }
  const podLabels = pods.metadata?.labels ?? {};
  if (Object.keys(podLabels).length === 0) {
    throw meshError(owner, 'MESH_LABEL_MISSING', `Pods of a version must have labels, by which its Service finds them, got none in ${manifest.kind} ${workload.node.path}; give its Pods some`);
  }
  return { object, namespace: manifest.metadata?.namespace, template, podLabels, serviceAccountName: pods.spec?.serviceAccountName };
}

function rendered(owner: IConstruct, workload: IConstruct, object: ApiObject): Manifest {
  try {
    return renderTree(workload, (each) => each === object)[0] as Manifest;
  } catch (error) {
    throw meshError(owner, 'MESH_WORKLOAD_UNKNOWN', `what is adopted must be complete before, got ${workload.node.path}: ${(error as Error).message.replace(/^.*Error: /s, '')}; complete it first`);
  }
}

function podsOf({ kind, spec, ...pod }: Manifest): [string, PodTemplate] | undefined {
  if (kind === 'Pod') return ['', { ...pod, spec }];
  if (spec?.template !== undefined) return ['/spec/template', spec.template];
  const template = spec?.jobTemplate?.spec?.template;
  return template && ['/spec/jobTemplate/spec/template', template];
}
