import type { Resource } from '../../model/resource';
import { resourceName } from '../../model/resource';
import { LinksOfMesh } from '../order/links';
import type { Context } from '../rules/context';

const WAVE = 'argocd.argoproj.io/sync-wave';

/** Kinds that something else may need, or that need something. */
const KINDS = ['Service', 'ServiceEntry', 'DestinationRule', 'Gateway', 'VirtualService', 'Deployment', 'StatefulSet', 'DaemonSet', 'Pod', 'Secret', 'RequestAuthentication', 'AuthorizationPolicy'] as const;

/** Waves by which Argo CD applies manifests: what routes lead to comes first, or requests get 503 until it does. */
export function applyOrderAnalysis(context: Context): void {
  const all = KINDS.flatMap(kind => context.model.of(kind));
  if (!all.some(({ metadata }) => metadata.annotations[WAVE] !== undefined)) return;
  const links = new LinksOfMesh(context.model);
  const givers = new Map<string, Resource>();
  for (const resource of all) {
    for (const given of links.of(resource).gives) {
      const known = givers.get(given);
      if (known === undefined || waveOf(resource) < waveOf(known)) givers.set(given, resource);
    }
  }
  for (const resource of all) {
    for (const need of links.of(resource).needs) {
      const giver = givers.get(need);
      if (giver === undefined || giver === resource || waveOf(giver) <= waveOf(resource)) continue;
      context.report(resource, ['metadata', 'annotations', WAVE], {
        code: 'MESH_APPLY_ORDER',
        severity: 'warning',
        message: `is applied in wave ${waveOf(resource)} and needs the ${need}, which ${resourceName(giver)} gives in wave ${waveOf(giver)} only`,
        repair: `write a wave of ${waveOf(giver)} or later, or an earlier one there`,
      });
      break;
    }
  }
}

const waveOf = ({ metadata }: Resource): number => Number(metadata.annotations[WAVE] ?? 0) || 0;
