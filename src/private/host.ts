import type { IConstruct } from 'constructs';
import { meshError } from './errors';
import { settledSettings } from './mesh-settings';

/**
 * The name by which a resource in namespace `from` addresses a Service: short within a namespace, else in full, since Istio
 * expands a short name with the namespace of the resource that has it.
 */
export function serviceHost(service: IConstruct, name: string, namespace: string | undefined, from: string | undefined): string {
  if (namespace === from) return name;
  if (namespace === undefined) {
    const caller = from === '' ? 'anywhere in the mesh' : `namespace "${from}"`;
    throw meshError(service, 'MESH_NAMESPACE_MISSING', `a service that is addressed from ${caller} must have a namespace, got none; set namespace, or that of its chart`);
  }
  return `${name}.${namespace}.svc.${settledSettings(service).domain}`;
}
