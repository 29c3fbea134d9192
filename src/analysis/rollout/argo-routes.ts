import { type Json, numberOf, objectOf, objectsOf, textOf, textsOf } from '../../model/json';

/** A route that Argo Rollouts puts up and takes away itself. */
export interface ManagedRoute {
  readonly name: string;
  /** Whether it copies requests; else it sends all that have a header to the canary. */
  readonly mirrors: boolean;
  /** `setHeaderRoute` or `setMirrorRoute` as the step has it. */
  readonly route: Json;
}

/** A VirtualService as Argo Rollouts writes it: weights of the routes it was told, and its own routes before all others, in the order of `managedRoutes`. */
export function argoRoutes(
  rollout: Json, virtualService: Json, reference: Json, subsetHost: string | undefined, weight: number, managed: readonly ManagedRoute[],
): Json {
  const canary = objectOf(objectOf(objectOf(rollout.spec).strategy).canary);
  const traffic = objectOf(canary.trafficRouting);
  const order = objectsOf(traffic.managedRoutes).map(({ name }) => textOf(name));
  const spec = objectOf(virtualService.spec);
  const split = splitter(canary, objectOf(objectOf(traffic.istio).destinationRule), weight);
  const rest = objectsOf(spec.http).filter(({ name }) => !order.includes(textOf(name)));
  const weighted = weightedRoutes(textsOf(reference.routes), rest);
  const http = rest.map(route => (weighted.includes(route) ? { ...route, route: split(objectsOf(route.route)) } : route));
  const told = http[rest.indexOf(weighted[0])];
  const destination = canaryDestination(canary, traffic, subsetHost, told);
  const own = managed.map(each => (each.mirrors ? mirrorRoute(each, told, destination) : headerRoute(each, destination)));
  const place = (route: Json) => { const at = order.indexOf(textOf(route.name)); return at === -1 ? order.length : at; };
  return { ...virtualService, spec: { ...spec, http: [...own.sort((a, b) => place(a) - place(b)), ...http] } };
}

/** The routes whose weights are written: those named, else the only one, else the first without a name. */
function weightedRoutes(names: readonly string[], routes: readonly Json[]): Json[] {
  if (names.length > 0) return names.flatMap(name => routes.filter(route => route.name === name).slice(0, 1));
  return routes.length === 1 ? [...routes] : routes.filter(({ name }) => name === undefined).slice(0, 1);
}

/** Weights for stable and canary; a destination that is neither goes. */
function splitter(canary: Json, subsets: Json, weight: number): (destinations: readonly Json[]) => Json[] {
  const additional = textsOf(subsets.additionalSubsetNames);
  return (destinations) => {
    const kept = (each: Json) => additional.includes(textOf(objectOf(each.destination).subset) ?? '');
    const others = destinations.filter(kept).reduce((sum, each) => sum + (numberOf(each.weight) ?? 0), 0);
    return destinations.flatMap((each): Json[] => {
      const { host, subset } = objectOf(each.destination);
      const service = textOf(host)?.split('.')[0];
      const isOf = (ofService: unknown, ofSubset: unknown) => service === ofService || (subset !== undefined && subset === ofSubset);
      if (isOf(canary.canaryService, subsets.canarySubsetName)) return [{ ...each, weight }];
      if (isOf(canary.stableService, subsets.stableSubsetName)) return [{ ...each, weight: Math.max(0, 100 - weight - others) }];
      return kept(each) ? [each] : [];
    });
  };
}

function canaryDestination(canary: Json, traffic: Json, subsetHost: string | undefined, told: Json | undefined): Json {
  const { canarySubsetName } = objectOf(objectOf(traffic.istio).destinationRule);
  const [first] = objectsOf(told?.route);
  const { port } = objectOf(first?.destination);
  const host = subsetHost ?? canary.canaryService;
  return { host, ...(port !== undefined && { port }), ...(canarySubsetName !== undefined && { subset: canarySubsetName }) };
}

/** A bare route: what its service's other routes say of time, retries and headers does not hold for it. */
function headerRoute({ name, route }: ManagedRoute, destination: Json): Json {
  const match = objectsOf(route.match).map(({ headerName, headerValue }) => ({ headers: { [textOf(headerName) ?? '']: headerValue } }));
  return { name, match, route: [{ destination, weight: 100 }] };
}

function mirrorRoute({ name, route }: ManagedRoute, told: Json | undefined, destination: Json): Json {
  const match = objectsOf(route.match).map(({ method, path, headers }) => ({
    ...(method !== undefined && { method }), ...(path !== undefined && { uri: path }), ...(headers !== undefined && { headers }),
  }));
  // The controller writes this copy without weights of 0, which mean the same.
  const shares = objectsOf(told?.route).map(({ weight, ...each }) => (weight === 0 ? each : { ...each, weight }));
  return { name, match, route: shares, mirror: destination, mirrorPercentage: { value: numberOf(route.percentage) ?? 100 } };
}
