import type { MeshSettings } from './mesh-settings';
import { PATH_ANNOTATION } from './metadata';

/** What of a rendered object is looked at. */
interface Rendered {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string; readonly annotations?: { readonly [key: string]: string } };
  readonly spec?: { readonly outboundTrafficPolicy?: unknown };
}

/**
 * Sidecars that forget the way out which the Mesh closes: Istio merges none with that of the root namespace, so a proxy that has one of its own
 * goes by the mesh's installation again.
 */
export function openSidecars(manifests: readonly unknown[], { renderedEgress }: Pick<MeshSettings, 'renderedEgress'>) {
  if (renderedEgress !== 'REGISTRY_ONLY') return [];
  return (manifests as readonly Rendered[])
    .filter(({ apiVersion, kind, spec }) => kind === 'Sidecar' && apiVersion?.startsWith('networking.istio.io/') === true && spec?.outboundTrafficPolicy === undefined)
    .map(({ metadata }) => ({
      code: 'MESH_EGRESS_OPEN',
      severity: 'error' as const,
      resource: `Sidecar/${metadata?.namespace ?? 'default'}/${metadata?.name ?? ''}`,
      path: metadata?.annotations?.[PATH_ANNOTATION],
      field: 'spec.outboundTrafficPolicy',
      message: 'a Sidecar must say where else its pods may go, since it replaces the one by which egress of the Mesh closes the way out, got none',
      repair: 'set mode to REGISTRY_ONLY, or to ALLOW_ANY if that is meant',
    }));
}
