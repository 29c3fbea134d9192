import type { IConstruct } from 'constructs';
import { meshError } from './errors';
import { namespaceIn } from './metadata';
import type { MeshPort } from '../mesh-port';
import type { IPolicyTarget } from '../policy-target';

/** Whom a policy is about: the pods of `target`, or all pods of the namespace. */
export interface PolicySubject {
  readonly namespace: string | undefined;
  readonly selector: { readonly matchLabels: { [name: string]: string } } | undefined;
}

/** Policies reach pods of their own namespace only, so a policy stands where its target does. */
export function policySubject(owner: IConstruct, target: IPolicyTarget | undefined, namespace: string | undefined): PolicySubject {
  if (target === undefined) return { namespace: namespaceIn(owner as never, namespace), selector: undefined };
  if (namespace !== undefined && namespace !== target.namespace) {
    throw meshError(owner, 'MESH_NAMESPACE_DIFFERENT', `a policy must be in the namespace of its workloads, ${nameOf(target.namespace)}, got "${namespace}"; leave namespace away`);
  }
  return { namespace: target.namespace, selector: { matchLabels: { ...target.podLabels } } };
}

/**
 * Ports of the pods that speak HTTP, where others do not: to those, what is said of requests means nothing, and a policy that denies by it denies
 * all of their connections. Undefined where all speak HTTP, or none is known to.
 */
export function httpPortsAmong(target: IPolicyTarget | undefined): string[] | undefined {
  const { ports = [] } = (target ?? {}) as { readonly ports?: readonly MeshPort[] };
  const http = ports.filter(({ isHttp }) => isHttp);
  return http.length === 0 || http.length === ports.length ? undefined : [...new Set(http.map(({ targetPort }) => String(targetPort)))];
}

/** The identities of a caller, as certificates say them. `cluster.local` stands for the mesh's own trust domain, whatever that is. */
export function principalsOf(owner: IConstruct | undefined, caller: IPolicyTarget): string[] {
  const { namespace, serviceAccountNames } = caller;
  if (namespace === undefined) {
    throw meshError(owner, 'MESH_NAMESPACE_MISSING', `a caller that is known by its identity must have a namespace, got none for ${caller.node.path}; set namespace, or that of its chart`);
  }
  if (serviceAccountNames.length === 0) {
    throw meshError(owner, 'MESH_ACCOUNT_UNKNOWN', `a caller that is known by its identity must have a service account, got none for ${caller.node.path}; say which one its pods run as`);
  }
  return serviceAccountNames.map((account) => `cluster.local/ns/${namespace}/sa/${account}`);
}

function nameOf(namespace: string | undefined): string {
  return namespace === undefined ? '(none)' : `"${namespace}"`;
}
