import type { GeneratedRequest } from './meshes';
import type { Explanation } from '../../src/analysis/explain';

/** What a caller saw; status 0 where nobody listened, or the connection was reset. */
export interface Answer { readonly status: number; readonly body: string; readonly location?: string; readonly added?: string }

/** Why an answer is none that the simulator foretold; undefined where it is one. */
export function disagreement(foretold: Explanation, seen: Answer): string | undefined {
  const targets = JSON.stringify(foretold.targets.map(({ cluster, percent, status }) => [cluster, percent, status]));
  const told = `${foretold.outcome} ${foretold.status ?? ''}${foretold.flag} ${targets}`;
  const wrong = `foretold ${told} ${foretold.location ?? ''}, got ${seen.status} ${JSON.stringify(seen.body.slice(0, 80))} ${seen.location ?? ''}`;
  // A service that is not imported has no address to dial; a connection that is denied is closed.
  if (seen.status === 0) return foretold.outcome === 'failed' || (foretold.outcome === 'denied' && foretold.status === undefined) ? undefined : wrong;
  const { fault } = foretold;
  const aborted = fault !== undefined && fault.abortPercent > 0 && seen.status === fault.abortStatus;
  if (foretold.outcome !== 'routed') {
    // Of several targets that all fail, each in its way, one was chosen.
    const possible = foretold.targets.some(({ percent, status }) => percent > 0 && status === seen.status);
    const sameStatus = seen.status === foretold.status || aborted || possible;
    const sameLocation = aborted || pathOf(foretold.location) === pathOf(seen.location);
    const sameBody = foretold.outcome !== 'answered' || foretold.body === undefined || aborted || seen.body === foretold.body;
    return sameStatus && sameLocation && sameBody ? undefined : wrong;
  }
  const possible = aborted || foretold.targets.some((target) => {
    if (target.percent <= 0) return false;
    if (target.status !== undefined) return seen.status === target.status;
    return seen.status === 200 && target.endpoints.some(({ workload, percent }) => percent > 0 && workload?.split('.')[0] === seen.body);
  });
  return possible ? undefined : wrong;
}

/** Path and query of a location; its host is the dialled address in the one case and the service's in the other. */
function pathOf(location: string | undefined): string | undefined {
  if (location === undefined) return undefined;
  const { pathname, search } = new URL(location);
  return `${pathname}${search}`;
}

/** URL of a request as the simulator takes it. */
export const urlOf = ({ from, host, path }: GeneratedRequest): string => `http://${host}${from === 'outside' ? '' : ':8000'}${path}`;
