import type { IConstruct } from 'constructs';
import type { networking } from '../../imports';
import type { HttpRouteProps, RouteTarget } from '../route';
import { requireInteger } from './check';
import { durationText } from './duration';
import { meshError } from './errors';

export type HttpRule = networking.VirtualServiceSpecHttp;

/** Where a VirtualService stands: how its rules must address destinations. */
export interface RuleContext {
  /** Namespace of the VirtualService. */
  readonly namespace?: string;
  /** Host as destinations of the same service write it; undefined where the host is no single service. */
  readonly ownHost?: string;
}

/** One http rule of a VirtualService, checked. Throws where an input can never be right, naming `scope`. */
export function httpRule(scope: IConstruct, id: string, props: HttpRouteProps, context: RuleContext): HttpRule {
  if (props.priority !== undefined) requireInteger(scope, 'MESH_PRIORITY_RANGE', `priority of route "${id}"`, props.priority, -2147483648, 2147483647);
  if (props.match?.length === 0) {
    throw meshError(scope, 'MESH_MATCH_EMPTY', `match of route "${id}" must have at least one RouteMatch, got []; leave match away for all requests`);
  }
  requireWeights(scope, id, props.targets);
  requireTimeFor(scope, id, props);
  return {
    name: id,
    match: props.match?.map((match) => match._toKube()),
    route: props.targets.map((target) => ({ destination: destination(scope, id, target, context), weight: target.weight })),
    timeout: props.timeout && durationText(scope, `timeout of route "${id}"`, props.timeout),
    retries: props.retry?._toKube(),
  };
}

function requireWeights(scope: IConstruct, id: string, targets: readonly RouteTarget[]): void {
  if (targets.length === 0) throw meshError(scope, 'MESH_ROUTES_MISSING', `route "${id}" must have at least one target, got []`);
  if (targets.length > 1 && targets.some((target) => target.weight === undefined)) {
    throw meshError(scope, 'MESH_WEIGHT_INVALID', `each of the ${targets.length} targets of route "${id}" must have a weight, got ${targets.map((target) => target.weight ?? 'none').join(', ')}`);
  }
  if (targets.every((target) => target.weight === 0)) {
    throw meshError(scope, 'MESH_WEIGHT_INVALID', `the weights of route "${id}" must not all be 0, got ${targets.map((target) => target.weight).join(', ')}; the requests would have nowhere to go`);
  }
}

/** Istio takes both as they are, and the last tries then never get the time they were promised. */
function requireTimeFor(scope: IConstruct, id: string, { timeout, retry }: HttpRouteProps): void {
  if (timeout === undefined || retry?.perTryTimeout === undefined) return;
  const needed = retry.attempts * retry.perTryTimeout.toMilliseconds();
  if (needed > timeout.toMilliseconds()) {
    throw meshError(scope, 'MESH_RETRY_TIMEOUT',
      `retries of route "${id}" must fit into its timeout, got ${retry.attempts} × ${durationText(scope, 'perTryTimeout', retry.perTryTimeout)} in ${durationText(scope, 'timeout', timeout)}; raise timeout, or lower attempts or perTryTimeout`);
  }
}

function destination(scope: IConstruct, id: string, target: RouteTarget, context: RuleContext): networking.VirtualServiceSpecHttpRouteDestination {
  const host = target.destination.hostFrom(context.namespace);
  const { subset } = target.destination;
  // On its own host a route keeps the port that was dialled. Elsewhere sidecars would look for the dialled number on the destination.
  const number = target.port ?? (host === context.ownHost ? undefined : onlyPort(scope, id, target));
  return { host, subset, port: number === undefined ? undefined : { number } };
}

function onlyPort(scope: IConstruct, id: string, target: RouteTarget): number {
  const ports = target.destination.ports.filter((port) => port.isHttp);
  if (ports.length !== 1) {
    const got = target.destination.ports.map((port) => `${port.protocol} ${port.number}`).join(', ');
    throw meshError(scope, 'MESH_PORT_AMBIGUOUS', `a target of route "${id}" must name a port unless its destination has exactly one HTTP port, got ${got} of ${target.destination.node.path}; set port of the RouteTarget`);
  }
  return ports[0].number;
}
