import type { Model } from '../../model/model';
import type { Resource } from '../../model/resource';
import { resourceName, whereOf } from '../../model/resource';

/** Who sets what no resource sets. */
export const ISTIO_DEFAULT = 'Istio default';

const PATH = /^\/apis\/[^/]+\/[^/]+\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/;

/** The resource that a compiled message came from, by the path that Istio leaves in its metadata. */
export function resourceOf(model: Model, configPath: string): Resource | undefined {
  const [, namespace, kind, name] = PATH.exec(configPath) ?? [];
  if (kind === undefined) return undefined;
  const camel = kind.split('-').map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return model.of(camel).find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
}

/** `VirtualService/default/reviews` and where a person finds it. */
export function provenanceOf(model: Model, configPath: string): { resource: string; where: string } {
  const resource = resourceOf(model, configPath);
  return resource === undefined ? { resource: '', where: '' } : { resource: resourceName(resource), where: whereOf(resource) };
}

/** Istio's `config` path in a message's metadata; '' where it has none. */
export function configPathOf(metadata: { readonly filterMetadata: Readonly<Record<string, unknown>> } | undefined): string {
  const istio = metadata?.filterMetadata.istio as { config?: unknown } | undefined;
  return typeof istio?.config === 'string' ? istio.config : '';
}
