import { aboutProxy, patchesOf } from './patch';
import type { ApplyTo, EnvoyFilterSpec, Patch } from './patch';
import type { Proxy } from '../../model/proxy';
import { byAge } from '../../model/resource';
import type { Resource } from '../../model/resource';
import { selects } from '../../model/selectors';
import type { Mesh } from '../mesh';
import { attaches } from '../scope/attachment';

/** Counts the places in which each patch took hold. */
export type Places = Map<Patch, number>;

export function count(places: Places, patch: Patch, more: number): void {
  if (more > 0) places.set(patch, (places.get(patch) ?? 0) + more);
}

/** All patches about one proxy, in the order in which they are applied. */
export interface PatchSet {
  readonly patches: readonly Patch[];
  readonly of: (applyTo: ApplyTo) => readonly Patch[];
}

/** Undefined where no EnvoyFilter is about the proxy; the same object for proxies about which the same patches are. */
export function patchSetOf(mesh: Mesh, proxy: Proxy): PatchSet | undefined {
  const all = mesh.memo.get('envoyFilters', [], () => sorted(mesh));
  if (all.length === 0) return undefined;
  const { rootNamespace } = mesh.model.config;
  const patches = all.filter(({ metadata: { namespace } }) => namespace === rootNamespace || namespace === proxy.namespace)
    .filter(filter => selected(filter, proxy))
    .flatMap(filter => mesh.memo.get('patches', [filter], () => patchesOf(filter)))
    .filter(patch => aboutProxy(patch, proxy.metadata));
  if (patches.length === 0) return undefined;
  return mesh.memo.get('patchSet', patches, () => {
    const byKind = new Map<ApplyTo, Patch[]>();
    for (const patch of patches) byKind.set(patch.applyTo, [...byKind.get(patch.applyTo) ?? [], patch]);
    return { patches, of: applyTo => byKind.get(applyTo) ?? [] };
  });
}

function selected(filter: Resource<EnvoyFilterSpec>, proxy: Proxy): boolean {
  return attaches(filter, proxy) && selects(filter.spec.workloadSelector?.labels ?? {}, proxy.labels);
}

/** By priority, the root namespace before others, then oldest first. */
function sorted(mesh: Mesh): readonly Resource<EnvoyFilterSpec>[] {
  const { rootNamespace } = mesh.model.config;
  const rank = ({ metadata }: Resource): number => (metadata.namespace === rootNamespace ? 0 : 1);
  const filters = [...mesh.model.of('EnvoyFilter')];
  const priority = ({ spec }: Resource): number => Number(spec.priority ?? 0);
  filters.sort((a, b) => priority(a) - priority(b) || rank(a) - rank(b) || byAge(a, b));
  return filters as unknown as readonly Resource<EnvoyFilterSpec>[];
}
