import { isGrpc } from './condition';
import { allowsOrigin, isPreflight, preflightHeaders, type Cors } from './cors';
import type { Answer, Decision, Draw, HeaderMutations, HttpRequestFacts } from './decision';
import type { Fault } from './fault';
import { drawn, percentOf } from './fraction';
import { mutationsFor, withResponseHeaders } from './header-mutations';
import { localReply, type Reply } from './local-reply';
import type { MatchedRoute } from './route-table';
import type { ForwardAction, Target } from './rule';
import type { TraceSink } from './trace';

/**
 * What happens to a request under the rule that took it: weighted choice, fault and CORS filters, then the router's part.
 * Whether the chosen cluster exists and has a healthy endpoint is `clusterOutcome`'s question.
 */
export function decide(rule: MatchedRoute, request: HttpRequestFacts, draw: Draw, trace?: TraceSink): Decision {
  const { action } = rule;
  if (action.kind === 'requireTls') return redirected(rule, request, 301, `https://${request.authority}${request.path}`, 0, undefined);
  // Envoy chooses the weighted cluster while it matches, so its own filter settings count.
  const target = action.kind === 'forward' ? pick(action, draw, trace) : undefined;
  const fault = target?.filters.fault ?? rule.filters.fault;
  let delayMs = 0;
  if (fault !== undefined) {
    const injected = inject(fault, rule, target, request, draw, trace);
    if (typeof injected !== 'number') return injected;
    delayMs = injected;
  }
  const cors = target?.filters.cors ?? rule.filters.cors;
  let granted: HeaderMutations | undefined;
  if (cors !== undefined) {
    const answer = corsAnswer(cors, rule, request, delayMs, draw, trace);
    if (answer !== undefined && 'kind' in answer) return target === undefined ? answer : { ...answer, cluster: target.cluster };
    granted = answer;
  }
  switch (action.kind) {
    case 'forward': return forward(rule, action, target!, request, delayMs, granted, draw, trace);
    case 'redirect': return redirected(rule, request, action.redirect.status, action.redirect.location(request), delayMs, granted);
    case 'direct': {
      return routed(rule, undefined, request, { status: action.status, body: action.body, details: 'direct_response', delayMs }, granted);
    }
    case 'none': return localReply(request, { status: 404, flag: 'NR', details: 'route_not_found', delayMs, ...names(rule) });
  }
}

function pick(action: ForwardAction, draw: Draw, trace: TraceSink | undefined): Target {
  const { targets, totalWeight } = action;
  if (targets.length === 1) return targets[0]!;
  const drawnWeight = draw('weight', totalWeight);
  let end = 0;
  for (const target of targets) {
    end += target.weight;
    if (drawnWeight < end) {
      const detail = `weight ${target.weight} of ${totalWeight}`;
      trace?.({ step: 'target', name: target.cluster, outcome: 'chosen', because: `drew ${drawnWeight} of ${totalWeight}`, detail });
      return target;
    }
  }
  return targets[targets.length - 1]!;
}

/** The delay to inject, or the abort. Delay and abort are drawn apart. */
function inject(
  fault: Fault, rule: MatchedRoute, target: Target | undefined, request: HttpRequestFacts, draw: Draw, trace?: TraceSink,
): number | Answer {
  if (fault.cluster !== '' && fault.cluster !== target?.cluster) return 0;
  const failed = fault.conditions.find(condition => !condition.test(request));
  if (failed !== undefined) {
    trace?.({ step: 'fault', name: 'fault', outcome: 'failed', because: failed.explain(request) });
    return 0;
  }
  const delayed = drawn(fault.delayShare, bound => draw('delay', bound));
  const delayMs = delayed ? fault.delayMs : 0;
  if (fault.delayShare.numerator > 0) {
    trace?.({ step: 'fault', name: 'delay', outcome: delayed ? 'chosen' : 'skipped', detail: `${fault.delayMs} ms for ${percentOf(fault.delayShare)} %` });
  }
  const aborted = drawn(fault.abortShare, bound => draw('abort', bound));
  if (fault.abortShare.numerator > 0) {
    trace?.({ step: 'fault', name: 'abort', outcome: aborted ? 'chosen' : 'skipped', detail: `status ${fault.abortStatus} for ${percentOf(fault.abortShare)} %` });
  }
  if (!aborted) return delayMs;
  const grpc = fault.abortGrpcStatus === undefined ? {} : { grpcStatus: fault.abortGrpcStatus };
  const reply = { status: fault.abortStatus, body: 'fault filter abort', flag: 'FI', details: 'fault_filter_abort', delayMs, ...grpc };
  // Only a forwarding route lends its response headers to the answers of filters.
  if (target === undefined) return localReply(request, { ...reply, ...names(rule) });
  return { ...routed(rule, target, request, reply, undefined), cluster: target.cluster };
}

/** The preflight answer, or the headers that the real answer will carry. */
function corsAnswer(
  cors: Cors, rule: MatchedRoute, request: HttpRequestFacts, delayMs: number, draw: Draw, trace?: TraceSink,
): Answer | HeaderMutations | undefined {
  const origin = request.headers.get('origin') ?? '';
  if (origin === '' || !drawn(cors.share, bound => draw('abort', bound))) return undefined;
  const preflight = isPreflight(request);
  const plain = { kind: 'answer' as const, status: 200, body: '', flag: '', details: 'cors_response', delayMs, ...names(rule) };
  if (!allowsOrigin(cors, origin)) {
    trace?.({ step: 'cors', name: 'cors', outcome: 'failed', because: `origin "${origin}" is not allowed` });
    return preflight && !cors.forwardNotMatching ? { ...plain, headers: [] } : undefined;
  }
  trace?.({ step: 'cors', name: 'cors', outcome: 'chosen', because: `origin "${origin}" is allowed`, detail: preflight ? 'preflight' : 'request' });
  if (preflight) return { ...plain, headers: preflightHeaders(cors, request, origin) };
  const headers = [['access-control-allow-origin', origin] as const, ...cors.actual];
  return { remove: [], add: headers.map(([name, value]) => ({ name, value, append: false })) };
}

function forward(
  rule: MatchedRoute, action: ForwardAction, target: Target, request: HttpRequestFacts, delayMs: number, granted: HeaderMutations | undefined,
  draw: Draw, trace: TraceSink | undefined,
): Decision {
  const path = action.rewritePath === undefined ? request.path : action.rewritePath(request.path);
  const authority = target.rewriteHost?.(request) ?? request.authority;
  const base = mutationsFor(target.requestHeaders, request);
  const requestHeaders = action.rewritePath === undefined && target.rewriteHost === undefined ? base : recorded(base, action, request, authority);
  const response = mutationsFor(target.responseHeaders, request);
  const hash = action.hash?.(asSent(request, path, authority, requestHeaders));
  return {
    kind: 'forward',
    cluster: target.clusterHeader === '' ? target.cluster : request.headers.get(target.clusterHeader) ?? '',
    path,
    authority,
    requestHeaders,
    responseHeaders: granted === undefined ? response : { remove: response.remove, add: [...response.add, ...granted.add] },
    timeoutMs: timeoutOf(action, request),
    retry: action.retry,
    mirrors: action.mirrors.length === 0 ? NO_MIRRORS : drawMirrors(action, draw, trace),
    delayMs,
    routeName: rule.name,
    virtualHost: rule.virtualHost,
    ...(hash !== undefined && { hash }),
  };
}

/** The request as the router sends it, which is what Envoy hashes: its header changes come before the choice of an endpoint. */
function asSent(
  { method, scheme, headers, sourceAddress, metadata }: HttpRequestFacts, path: string, authority: string, { remove, add }: HeaderMutations,
): HttpRequestFacts {
  const get = (name: string): string | undefined => {
    let value = remove.includes(name) ? undefined : headers.get(name);
    for (const change of add) {
      if (change.name !== name || change.only === (value === undefined ? 'ifPresent' : 'ifAbsent')) continue;
      value = change.append && value !== undefined ? `${value},${change.value}` : change.value;
    }
    return value;
  };
  return { method, scheme, authority, path, headers: { get }, ...(sourceAddress !== undefined && { sourceAddress }), ...(metadata && { metadata }) };
}

const NO_MIRRORS: readonly string[] = Object.freeze([]);

function drawMirrors({ mirrors }: ForwardAction, draw: Draw, trace: TraceSink | undefined): string[] {
  return mirrors.filter(({ cluster, share }) => {
    const taken = drawn(share, bound => draw('mirror', bound));
    trace?.({ step: 'mirror', name: cluster, outcome: taken ? 'chosen' : 'skipped', detail: `${percentOf(share)} %` });
    return taken;
  }).map(({ cluster }) => cluster);
}

/** Envoy keeps what a rewrite replaced: the path always, the host where the route asks for it. */
function recorded(base: HeaderMutations, action: ForwardAction, request: HttpRequestFacts, authority: string): HeaderMutations {
  const add = [...base.add];
  if (authority !== request.authority && action.appendForwardedHost) add.push({ name: 'x-forwarded-host', value: request.authority, append: true });
  if (action.rewritePath !== undefined) add.push({ name: 'x-envoy-original-path', value: request.path, append: false });
  return { remove: base.remove, add };
}

const GRPC_UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

function timeoutOf(action: ForwardAction, request: HttpRequestFacts): number {
  if (action.maxGrpcTimeoutMs === undefined || !isGrpc(request)) return action.timeoutMs;
  const header = /^(\d{1,8})([HMSmun])$/.exec(request.headers.get('grpc-timeout') ?? '');
  const asked = header === null ? 0 : Math.ceil(Number(header[1]) * GRPC_UNITS[header[2]!]!);
  const limit = action.maxGrpcTimeoutMs;
  return limit !== 0 && (asked === 0 || asked > limit) ? limit : asked;
}

function redirected(
  rule: MatchedRoute, request: HttpRequestFacts, status: number, location: string, delayMs: number, granted: HeaderMutations | undefined,
): Answer {
  return routed(rule, undefined, request, { status, headers: [['location', location]], details: 'direct_response', delayMs }, granted);
}

/** An answer with the route's response header changes. */
function routed(
  rule: MatchedRoute, target: Target | undefined, request: HttpRequestFacts, reply: Reply, granted: HeaderMutations | undefined,
): Answer {
  const answer = localReply(request, { ...reply, ...names(rule) });
  const own = withResponseHeaders(answer, mutationsFor(target?.responseHeaders ?? rule.responseHeaders, request));
  return granted === undefined ? own : withResponseHeaders(own, granted);
}

function names(rule: MatchedRoute): { routeName: string; virtualHost: string } {
  return { routeName: rule.name, virtualHost: rule.virtualHost };
}

/** The exact share of each cluster under a rule. Empty where the rule answers by itself. */
export function distribution(rule: MatchedRoute): { cluster: string; percent: number }[] {
  if (rule.action.kind !== 'forward') return [];
  const { targets, totalWeight } = rule.action;
  const weights = new Map<string, number>();
  for (const { cluster, weight } of targets) weights.set(cluster, (weights.get(cluster) ?? 0) + weight);
  return [...weights].filter(([, weight]) => weight > 0).map(([cluster, weight]) => ({ cluster, percent: weight * 100 / totalWeight }));
}
