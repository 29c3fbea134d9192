import type { GeneratedRequest } from './meshes';
import type { Explanation } from '../../src/analysis/explain';

/** A request as the application got it. */
export interface Arrived {
  readonly workload: string;
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a caller saw; status 0 where nobody listened, or the connection was reset. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly location?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Headers that are compared: those that callers send and that rules set or remove; Envoy has more of its own. */
const WATCHED = ['x', 'y', 'x-set', 'x-payload', 'x-sub', 'x-token', 'authorization', 'origin'];
const ANSWERED = ['x-answer', 'access-control-allow-origin', 'access-control-allow-credentials', 'access-control-allow-methods', 'access-control-max-age'];

/** Why an answer is none that the simulator foretold; undefined where it is one. */
export function disagreement(foretold: Explanation, seen: Answer): string | undefined {
  const targets = JSON.stringify(foretold.targets.map(({ cluster, percent, status }) => [cluster, percent, status]));
  const told = `${foretold.outcome} ${foretold.status ?? ''}${foretold.flag} ${targets}`;
  const wrong = `foretold ${told} ${foretold.location ?? ''} ${JSON.stringify(foretold.body ?? '')}, got ${seen.status} ${JSON.stringify(seen.body.slice(0, 400))} ${seen.location ?? ''}`;
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
  if (aborted) return undefined;
  if (seen.status !== 200) return foretold.targets.some(({ percent, status }) => percent > 0 && status === seen.status) ? undefined : wrong;
  const arrived = arrivedOf(seen);
  const reached = foretold.targets.some(target => target.percent > 0 && target.status === undefined
    && target.endpoints.some(({ workload, percent }) => percent > 0 && workload?.split('.')[0] === arrived?.workload));
  if (arrived === undefined || !reached) return wrong;
  return differenceOnTheWay(foretold, arrived) ?? differenceOnTheWayBack(foretold, seen);
}

/** What the application was to get and did not: of several, the first is spoken of. A connection that no proxy reads is passed on as it is. */
function differenceOnTheWay({ request, targets }: Explanation, arrived: Arrived): string | undefined {
  const first = targets.find(({ because }) => because === undefined);
  if (request === undefined || first?.endpoints[0]?.workload?.split('.')[0] !== arrived.workload) return undefined;
  const said = { method: request.method, authority: request.authority, path: request.path, headers: watched(request.headers, WATCHED) };
  const got = { method: arrived.method, authority: arrived.authority, path: arrived.path, headers: watched(arrived.headers, WATCHED) };
  return JSON.stringify(said) === JSON.stringify(got) ? undefined : `the target was to get ${JSON.stringify(said)}, got ${JSON.stringify(got)}`;
}

function differenceOnTheWayBack({ response }: Explanation, { headers }: Answer): string | undefined {
  const said = watched(response?.set ?? {}, ANSWERED);
  const got = watched(headers, ANSWERED);
  return JSON.stringify(said) === JSON.stringify(got) ? undefined : `the caller was to get ${JSON.stringify(said)}, got ${JSON.stringify(got)}`;
}

function watched(headers: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap(name => (headers[name] === undefined ? [] : [[name, headers[name].replaceAll(', ', ',')]])));
}

/** What the application says that it got; undefined where it was not the one that answered. */
function arrivedOf({ body }: Answer): Arrived | undefined {
  return body.startsWith('{') ? JSON.parse(body) as Arrived : undefined;
}

/** Path and query of a location; its host is the dialled address in the one case and the service's in the other. */
function pathOf(location: string | undefined): string | undefined {
  if (location === undefined) return undefined;
  const { pathname, search } = new URL(location);
  return `${pathname}${search}`;
}

/** URL of a request as the simulator takes it. */
export const urlOf = ({ from, host, path }: GeneratedRequest): string => `http://${host}${from === 'outside' ? '' : ':8000'}${path}`;
