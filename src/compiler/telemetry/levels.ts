import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { TelemetrySpec } from '../istio-api';
import type { View } from '../view';

/** Which end of a request a proxy reports: it called, or it was called. Gateways call. */
export type Side = 'CLIENT' | 'SERVER';

type Telemetry = Resource<TelemetrySpec>;

/** Telemetry that applies to a proxy: of the mesh, its namespace, its workload; a later level is more specific (istio-behaviour H2). */
export function telemetryLevels(view: View): readonly TelemetrySpec[] {
  return view.mesh.memo.get('telemetry', [view.proxy.namespace, JSON.stringify(view.proxy.labels)], () => {
    const all = view.mesh.model.of('Telemetry') as unknown as readonly Telemetry[];
    const { rootNamespace } = view.mesh.model.config;
    const { namespace, labels } = view.proxy;
    const wide = (owner: string): Telemetry[] => all.filter(({ metadata, spec }) => metadata.namespace === owner && !attaches(spec)).slice(0, 1);
    const own = all.filter(({ metadata, spec }) => metadata.namespace === namespace
      && attaches(spec) && !targets(spec) && selects(spec.selector?.matchLabels ?? {}, labels));
    return [...wide(rootNamespace), ...(namespace === rootNamespace ? [] : wide(namespace)), ...own].map(({ spec }) => spec);
  });
}

const targets = (spec: TelemetrySpec): boolean => spec.targetRef !== undefined || (spec.targetRefs ?? []).length > 0;

const attaches = (spec: TelemetrySpec): boolean => targets(spec) || Object.keys(spec.selector?.matchLabels ?? {}).length > 0;

/** Whether an entry speaks about a side. */
export const aboutSide = (match: { readonly mode?: string } | undefined, side: Side): boolean => (
  match?.mode === undefined || match.mode === 'CLIENT_AND_SERVER' || match.mode === side);

/** Names of providers an entry lists. */
export const providerNames = (providers: readonly { readonly name?: string }[] | undefined): string[] => (
  (providers ?? []).flatMap(({ name }) => (name === undefined ? [] : [name])));

/** Providers in force after all levels: each list replaces the one before. */
export function effectiveProviders(lists: readonly (readonly string[])[], defaults: readonly string[]): ReadonlySet<string> {
  return new Set(lists.reduce((before, list) => (list.length > 0 ? list : before), defaults));
}
