import type { DataPlane } from './data-plane';
import { startProxy } from '../../proxy';

/** Runs the reference proxy, all of them in this process. */
export function referenceDataPlane(): DataPlane {
  return {
    name: 'reference',
    start: ({ proxy, admin, xds, onAccessLine }) => startProxy({
      node: { id: proxy.id, cluster: `${proxy.workload}.${proxy.namespace}`, metadata: proxy.metadata }, xds, admin, accessLog: onAccessLine,
    }),
  };
}
