import type { Resource } from '../../model/resource';
import type { Route } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { HttpRoute } from '../istio-api';

/** Where in the input a route was written. */
export interface Written {
  readonly resource: Resource;
  readonly path: readonly (string | number)[];
}

// Beside the messages, since Envoy's name the resource only and nothing may be added to what is sent.
const rules = new WeakMap<HttpRoute, Written>();
const routes = new WeakMap<Route, Written>();

/** Notes where an http rule stands; one that is delegated stands in the delegate. */
export function noteRule(rule: HttpRoute, resource: Resource, index: number): HttpRoute {
  rules.set(rule, { resource, path: ['spec', 'http', index] });
  return rule;
}

/** A route was made from a rule. */
export function noteRoute(route: Route, rule: HttpRoute): Route {
  const written = rules.get(rule);
  if (written !== undefined) routes.set(route, written);
  return route;
}

/** The rule that a route was made from; undefined for what Istio makes by itself, and for what an EnvoyFilter has changed. */
export const writtenAs = (route: Route): Written | undefined => routes.get(route);
