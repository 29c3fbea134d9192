import { writtenAs } from '../../compiler/routes/written';
import type { HostTable, MatchedRoute, RouteTable, TraceEvent, TraceSink } from '../../evaluator';
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

/** The same for a rule, down to its line; one that is delegated is where the delegate says it. */
export function ruleProvenance(model: Model, rule: MatchedRoute): { resource: string; where: string; written: string } {
  const written = rule.message && writtenAs(rule.message);
  const found = provenanceOf(model, rule.source);
  if (written === undefined) return { ...found, written: '' };
  const { resource, path } = written;
  return { ...found, where: whereOf(resource, path), written: writtenName(resource, path) };
}

/** A sink that is told of rules with the place each of them was written at. */
export function withPlaces(model: Model, table: RouteTable, trace: (event: TraceEvent, where?: string) => void): TraceSink {
  let host: HostTable | undefined;
  return (event) => {
    if (event.step === 'virtualHost') host = table.virtualHosts.find(({ name }) => name === event.name);
    const rule = event.step === 'rule' && event.index !== undefined ? host?.rules[event.index] : undefined;
    trace(event, rule && (ruleProvenance(model, rule).where || undefined));
  };
}

/** Istio's `config` path in a message's metadata; '' where it has none. */
export function configPathOf(metadata: { readonly filterMetadata: Readonly<Record<string, unknown>> } | undefined): string {
  const istio = metadata?.filterMetadata.istio as { config?: unknown } | undefined;
  return typeof istio?.config === 'string' ? istio.config : '';
}

/** A place in a resource: `VirtualService/default/reviews spec.http[0]`. */
export function writtenName(resource: Resource, path: readonly (string | number)[]): string {
  return `${resourceName(resource)} ${path.map(part => (typeof part === 'number' ? `[${part}]` : `.${part}`)).join('').slice(1)}`;
}
