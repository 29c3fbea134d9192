import type { Mesh } from './mesh';
import { hostsMatch, isWildcard } from '../model/hosts';
import { objectOf, objectsOf, textsOf } from '../model/json';

/** Whether a service's endpoints serve their own cluster only (istio-behaviour A8). A setting for a more specific host wins, also one that says no. */
export function clusterLocal(mesh: Mesh, hostname: string): boolean {
  const settings = mesh.memo.get('clusterLocal', [], () => settingsOf(mesh));
  let best: Setting | undefined;
  for (const setting of settings) {
    const { host } = setting;
    const covers = host === hostname || (isWildcard(host) && hostsMatch(host, hostname));
    if (covers && (best === undefined || host.length >= best.host.length)) best = setting;
  }
  return best?.local ?? false;
}

interface Setting { readonly host: string; readonly local: boolean }

/** Istio's own, then what MeshConfig says. */
function settingsOf({ model: { config, domain } }: Mesh): Setting[] {
  const own = [`*.kube-system.svc.${domain}`, `kubernetes.default.svc.${domain}`, `istiod.${config.rootNamespace}.svc.${domain}`];
  return [
    ...own.map(host => ({ host, local: true })),
    ...objectsOf(config.raw.serviceSettings).flatMap(({ settings, hosts }) => (
      textsOf(hosts).map(host => ({ host, local: objectOf(settings).clusterLocal === true })))),
  ];
}
