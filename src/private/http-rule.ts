import type { IConstruct } from 'constructs';
import type { networking } from '../../imports';
import type { HeaderChange } from '../header-change';
import type { MeshPort } from '../mesh-port';
import type { DirectResponseRouteProps, HttpRouteProps, HttpRuleOptions, RedirectRouteProps, RouteTarget } from '../route';
import { requireInteger } from './check';
import { durationText, millisOf } from './duration';
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
  const rule = ruleFor(scope, id, props);
  requireWeights(scope, id, props.targets);
  requireTimeFor(scope, id, props);
  requireRewriteOf(scope, id, props, rule);
  return {
    ...rule,
    route: props.targets.map((target) => ({
      destination: destination(scope, id, target, context),
      weight: target.weight,
      headers: headerChanges(scope, `target of route "${id}"`, target.requestHeaders, target.responseHeaders),
    })),
    timeout: props.timeout && durationText(scope, `timeout of route "${id}"`, props.timeout),
    retries: props.retry?._toKube(),
    rewrite: props.rewrite?._toKube(rule.match?.some((match) => match.ignoreUriCase === true) ?? false),
    headers: headerChanges(scope, `route "${id}"`, props.requestHeaders, props.responseHeaders),
    mirrors: props.mirror?.map((mirror) => mirror._toKube(destination(scope, id, mirror.target, context))),
    corsPolicy: props.cors?._toKube(),
  };
}

/** A rule that answers with a redirect. */
export function redirectRule(scope: IConstruct, id: string, props: RedirectRouteProps): HttpRule {
  const rule = ruleFor(scope, id, props);
  const redirect = props.redirect._toKube();
  if (redirect.prefixRewrite !== undefined && !(rule.match?.every((match) => match.uri?.prefix !== undefined) ?? false)) {
    throw meshError(scope, 'MESH_REDIRECT_INVALID', `each match of redirect "${id}" must be on PathMatch.startsWith() for Redirect.toPrefix(), got ${JSON.stringify(rule.match?.map(({ uri }) => uri) ?? [])}; use Redirect.toPath()`);
  }
  return { ...rule, redirect };
}

/** A rule that the proxy answers by itself. */
export function directResponseRule(scope: IConstruct, id: string, props: DirectResponseRouteProps): HttpRule {
  const rule = ruleFor(scope, id, props);
  const status = requireInteger(scope, 'MESH_STATUS_INVALID', `status of route "${id}"`, props.status, 200, 599);
  const bytes = Buffer.byteLength(props.body ?? '');
  if (bytes > 1048576) throw meshError(scope, 'MESH_LIMIT_INVALID', `body of route "${id}" must have at most 1048576 bytes, got ${bytes}; shorten it`);
  return { ...rule, directResponse: { status, body: props.body === undefined ? undefined : { string: props.body } } };
}

/** What all rules have. */
function ruleFor(scope: IConstruct, id: string, props: HttpRuleOptions & Pick<HttpRouteProps, 'match'>): HttpRule {
  if (props.priority !== undefined) requireInteger(scope, 'MESH_PRIORITY_RANGE', `priority of route "${id}"`, props.priority, -2147483648, 2147483647);
  if (props.match?.length === 0) {
    throw meshError(scope, 'MESH_MATCH_EMPTY', `match of route "${id}" must have at least one RouteMatch, got []; leave match away for all requests`);
  }
  return { name: id, match: props.match?.map((match) => match._toKube()), headers: headerChanges(scope, `route "${id}"`, undefined, props.responseHeaders) };
}

/** `headers` of a rule or a destination; one change for each header, since Istio applies them in an order of its own. */
function headerChanges(scope: IConstruct, what: string, request: HeaderChange[] | undefined, response: HeaderChange[] | undefined): HttpRule['headers'] {
  const side = (name: string, changes: readonly HeaderChange[] | undefined) => {
    if (changes === undefined || changes.length === 0) return undefined;
    const twice = changes.find((change, index) => changes.findIndex((other) => other.name === change.name) < index);
    if (twice !== undefined) throw meshError(scope, 'MESH_HEADER_INVALID', `${name} of ${what} must change each header once, got "${twice.name}" twice; leave one of the two away`);
    const of = (kind: string) => changes.filter((change) => change._kind === kind);
    const values = (kind: string) => (of(kind).length === 0 ? undefined : Object.fromEntries(of(kind).map((change) => [change.name, change.value])));
    return { set: values('set'), add: values('add'), remove: of('remove').length === 0 ? undefined : of('remove').map((change) => change.name) };
  };
  const [before, after] = [side('requestHeaders', request), side('responseHeaders', response)];
  return before === undefined && after === undefined ? undefined : { request: before, response: after };
}

/** A prefix that no request of the route can have was meant otherwise. */
function requireRewriteOf(scope: IConstruct, id: string, { rewrite }: HttpRouteProps, { match }: HttpRule): void {
  const prefix = rewrite?._prefix?.toLowerCase();
  if (prefix === undefined || match === undefined) return;
  const stray = match.map(({ uri }) => uri).find((uri) => {
    if (uri?.exact !== undefined) return !`${uri.exact.toLowerCase()}/`.startsWith(`${prefix}/`);
    const start = uri?.prefix?.toLowerCase();
    return start !== undefined && !start.startsWith(prefix) && !prefix.startsWith(start);
  });
  if (stray !== undefined) {
    throw meshError(scope, 'MESH_REWRITE_INVALID', `the rewrite of route "${id}" must be for paths that it takes, got the prefix "${rewrite!._prefix}" for ${JSON.stringify(stray)}; strip a prefix that each match begins with`);
  }
}

/** At least one target; several have weights that are not all 0. */
export function requireWeights(scope: IConstruct, id: string, targets: readonly RouteTarget[]): void {
  if (targets.length === 0) throw meshError(scope, 'MESH_ROUTES_MISSING', `route "${id}" must have at least one target, got []; add RouteTarget.to()`);
  if (targets.length > 1 && targets.some((target) => target.weight === undefined)) {
    throw meshError(scope, 'MESH_WEIGHT_INVALID', `each of the ${targets.length} targets of route "${id}" must have a weight, got ${targets.map((target) => target.weight ?? 'none').join(', ')}; set weight for each`);
  }
  if (targets.every((target) => target.weight === 0)) {
    throw meshError(scope, 'MESH_WEIGHT_INVALID', `the weights of route "${id}" must not all be 0, got ${targets.map((target) => target.weight).join(', ')}; the requests would have nowhere to go`);
  }
}

/** Istio takes both as they are, and the last tries then never get the time they were promised. */
function requireTimeFor(scope: IConstruct, id: string, { timeout, retry }: HttpRouteProps): void {
  if (timeout === undefined || retry?.perTryTimeout === undefined) return;
  const needed = retry.attempts * millisOf(retry.perTryTimeout);
  if (needed > millisOf(timeout)) {
    throw meshError(scope, 'MESH_RETRY_TIMEOUT',
      `retries of route "${id}" must fit into its timeout, got ${retry.attempts} × ${durationText(scope, 'perTryTimeout', retry.perTryTimeout)} in ${durationText(scope, 'timeout', timeout)}; raise timeout, or lower attempts or perTryTimeout`);
  }
}

/** A target as a destination of an HTTP rule. */
function destination(scope: IConstruct, id: string, target: RouteTarget, context: RuleContext): networking.VirtualServiceSpecHttpRouteDestination {
  return destinationOf(scope, id, target, context, 'HTTP', (port) => port.isHttp);
}

/** A target as a destination; without a port of its own it has the only one that `fits`. */
export function destinationOf(
  scope: IConstruct, id: string, target: RouteTarget, context: RuleContext, kind: string, fits: (port: MeshPort) => boolean,
): networking.VirtualServiceSpecHttpRouteDestination {
  const host = target.destination.hostFrom(context.namespace);
  const { subset } = target.destination;
  // On its own host a route keeps the port that was dialled. Elsewhere sidecars would look for the dialled number on the destination.
  const number = target.port ?? (host === context.ownHost ? undefined : onlyPort(scope, id, target, kind, fits));
  return { host, subset, port: number === undefined ? undefined : { number } };
}

function onlyPort(scope: IConstruct, id: string, target: RouteTarget, kind: string, fits: (port: MeshPort) => boolean): number {
  const ports = target.destination.ports.filter(fits);
  if (ports.length !== 1) {
    const got = target.destination.ports.map((port) => `${port.protocol} ${port.number}`).join(', ');
    throw meshError(scope, 'MESH_PORT_AMBIGUOUS', `a target of route "${id}" must name a port unless its destination has exactly one ${kind} port, got ${got} of ${target.destination.node.path}; set port of the RouteTarget`);
  }
  return ports[0].number;
}
