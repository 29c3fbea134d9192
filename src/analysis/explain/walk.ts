import type { Entry } from './entry';
import type { ExplainedFault, ExplainedMirror, ExplainedRetries, ExplainedStep, ExplainedTarget, Explanation, RequestSpec } from './explanation';
import { ISTIO_DEFAULT, provenanceOf, ruleProvenance, withPlaces } from './provenance';
import type { Proxies } from './proxies';
import { enterTarget, sentBy } from './server-side';
import { explainTarget, parseClusterName } from './targets';
import type { RequestUrl } from './url';
import {
  decide, matchFilterChain, matchListener, matchRoute, normalizePath, percentOf, ruleName,
  type Answer, type Chain, type Decision, type Draw, type Forward, type HttpRequestFacts, type HttpTerminal, type MatchedRoute, type Retry,
  type TcpTerminal, type TraceEvent,
} from '../../evaluator';

/** One request on its way through the mesh. */
interface Walk {
  readonly proxies: Proxies;
  readonly entry: Entry;
  readonly spec: RequestSpec;
  readonly url: RequestUrl;
  readonly steps: ExplainedStep[];
  readonly trace: (event: TraceEvent, where?: string) => void;
}

/** Follows a request from where it enters: listener, filter chain, rule, filters, clusters, endpoints, and the target's own proxy. */
export function walk(proxies: Proxies, entry: Entry, spec: RequestSpec, url: RequestUrl): Explanation {
  const steps: ExplainedStep[] = [];
  const trace: Walk['trace'] = (event, place) => {
    const where = place ?? (event.source === undefined ? '' : provenanceOf(proxies.model, event.source).where);
    steps.push({ ...event, proxy: entry.ready.name, side: 'client', ...(where !== '' && { where }) });
  };
  const here: Walk = { proxies, entry, spec, url, steps, trace };
  const { prepared } = entry.ready;
  const listener = matchListener(prepared.listeners, entry.connection, 'outbound', trace);
  if (listener === undefined) return unserved(here, '', `nothing listens at ${entry.connection.address}:${entry.connection.port}`);
  const chain = matchFilterChain(listener, entry.connection, trace);
  if (chain === undefined) return unserved(here, 'NR', `no filter chain of listener ${listener.name} takes the connection`);
  if (chain.terminal.kind === 'http') return walkHttp(here, chain, chain.terminal);
  if (chain.terminal.kind === 'tcp') return walkTcp(here, chain.terminal);
  return unserved(here, '', `filter chain ${chain.name} ends in no filter that is known here`);
}

function common(here: Walk): Pick<Explanation, 'flag' | 'targets' | 'timeoutSeconds' | 'mirrors' | 'setBy' | 'proxy' | 'trace'> {
  const setBy = { timeout: ISTIO_DEFAULT, retries: ISTIO_DEFAULT };
  return { flag: '', targets: [], timeoutSeconds: 0, mirrors: [], setBy, proxy: here.entry.ready.name, trace: here.steps };
}

/** The connection is refused or closed: the caller gets no answer at all. */
function unserved(here: Walk, flag: string, because: string): Explanation {
  here.trace({ step: 'listener', name: 'connection', outcome: 'failed', because });
  return { ...common(here), outcome: 'failed', flag };
}

function walkTcp(here: Walk, { targets, totalWeight }: TcpTerminal): Explanation {
  const { url, entry } = here;
  const asked = { host: entry.connection.sni ?? url.host, port: url.port };
  const explained = targets.filter(({ weight }) => weight > 0).map(({ cluster, weight }) => {
    const percent = weight * 100 / totalWeight;
    return entered(here, undefined, undefined, explainTarget(here.proxies, entry.ready.prepared, cluster, percent, asked, here.trace));
  });
  return { ...common(here), ...outcomeOf(explained), targets: explained };
}

function walkHttp(here: Walk, chain: Chain, terminal: HttpTerminal): Explanation {
  const { entry, spec, url, trace } = here;
  const path = normalizePath(url.path, terminal.path);
  if (path.kind !== 'path') {
    trace({ step: 'path', name: url.path, outcome: 'failed', because: 'the path cannot be normalized' });
    const location = path.kind === 'redirect' ? { location: path.location } : {};
    return { ...common(here), outcome: path.kind === 'redirect' ? 'redirected' : 'answered', status: path.status, ...location };
  }
  if (path.path !== url.path) trace({ step: 'path', name: path.path, outcome: 'chosen', because: `normalized from ${url.path}` });
  const headers = Object.fromEntries(Object.entries(spec.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const facts: HttpRequestFacts = {
    method: (spec.method ?? 'GET').toUpperCase(),
    scheme: chain.terminatesTls ? 'https' : 'http',
    authority: headers.host ?? url.authority,
    path: path.path,
    headers: new Map(Object.entries(headers)),
  };
  const table = entry.ready.prepared.routesOf(terminal);
  const rule = table && matchRoute(table, facts, withPlaces(here.proxies.model, table, trace));
  if (rule === undefined) return { ...common(here), outcome: 'failed', status: 404, flag: 'NR', body: '' };
  return underRule(here, terminal, rule, facts, headers);
}

/** Every draw so that target `index` is chosen, and each fault and mirror either way. */
function drawFor(rule: MatchedRoute, index: number, chance: 'hit' | 'miss'): Draw {
  const before = rule.action.kind === 'forward' ? rule.action.targets.slice(0, index).reduce((sum, { weight }) => sum + weight, 0) : 0;
  return (purpose, bound) => {
    if (purpose === 'weight') return before;
    if (purpose === 'mirror') return 0;
    return chance === 'hit' ? 0 : bound - 1;
  };
}

function underRule(here: Walk, terminal: HttpTerminal, rule: MatchedRoute, facts: HttpRequestFacts, headers: Record<string, string>): Explanation {
  const { proxies } = here;
  const named = { name: ruleName(rule), virtualHost: rule.virtualHost, ...ruleProvenance(proxies.model, rule) };
  const targets = rule.action.kind === 'forward' ? rule.action.targets : [];
  const chosen = Math.max(0, targets.findIndex(({ weight }) => weight > 0));
  const best = decide(rule, facts, drawFor(rule, chosen, 'miss'));
  const fault = faultOf(rule, chosen, facts);
  if (fault !== undefined) tellFault(here, fault);
  const base = { ...common(here), rule: named, ...(fault && { fault }) };
  if (best.kind === 'answer') return answered(here, base, best);
  const left = 100 - (fault?.abortPercent ?? 0);
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  const explained = targets.flatMap(({ weight }, i): ExplainedTarget[] => {
    const decision = weight > 0 ? decide(rule, facts, drawFor(rule, i, 'miss')) : undefined;
    if (decision?.kind !== 'forward') return [];
    const percent = left * weight / total;
    if (targets.length > 1) here.trace({ step: 'target', name: decision.cluster, outcome: 'chosen', detail: `weight ${weight} of ${total}` });
    const asked = { host: hostOf(facts.authority), port: here.entry.connection.port };
    const target = explainTarget(proxies, here.entry.ready.prepared, decision.cluster, percent, asked, here.trace);
    return [entered(here, terminal, sentBy(decision, facts, headers), target)];
  });
  return { ...base, ...forwarded(here, rule, best, facts, headers), ...outcomeOf(explained), targets: explained };
}

function forwarded(
  here: Walk, rule: MatchedRoute, decision: Forward, facts: HttpRequestFacts, headers: Record<string, string>,
): Pick<Explanation, 'request' | 'timeoutSeconds' | 'retries' | 'mirrors' | 'setBy'> {
  const { retry, timeoutMs } = decision;
  const sent = sentBy(decision, facts, headers);
  const mirrors = rule.action.kind === 'forward' ? rule.action.mirrors : [];
  const { resource } = provenanceOf(here.proxies.model, rule.source);
  const setBy = resource === '' ? ISTIO_DEFAULT : resource;
  return {
    request: { method: facts.method, authority: sent.authority, path: sent.path, headers: Object.fromEntries(sent.headers as Map<string, string>) },
    timeoutSeconds: timeoutMs / 1000,
    ...(retry && { retries: retriesOf(retry) }),
    mirrors: mirrors.map(({ cluster, share }): ExplainedMirror => {
      here.trace({ step: 'mirror', name: cluster, outcome: 'chosen', detail: `${percentOf(share)} %` });
      const { host = cluster, subset = '', port = 0 } = parseClusterName(cluster) ?? {};
      return { host, subset, port, percent: percentOf(share) };
    }),
    setBy: { timeout: timeoutMs > 0 ? setBy : ISTIO_DEFAULT, retries: isDefault(retry) ? ISTIO_DEFAULT : setBy },
  };
}

function retriesOf({ numRetries, retryOn, statuses, perTryTimeoutMs }: Retry): ExplainedRetries {
  return { attempts: numRetries, on: [...retryOn, ...statuses.map(String)], perTryTimeoutSeconds: perTryTimeoutMs / 1000 };
}

const DEFAULT_RETRY_ON = ['connect-failure', 'refused-stream', 'unavailable', 'cancelled', 'retriable-status-codes'];

/** Istio's own retry policy (istio-behaviour C9). */
function isDefault(retry: Retry | undefined): boolean {
  return retry !== undefined && retry.numRetries === 2 && retry.perTryTimeoutMs === 0 && retry.statuses.length === 0
    && retry.retryOn.size === DEFAULT_RETRY_ON.length && DEFAULT_RETRY_ON.every(name => retry.retryOn.has(name));
}

/** What the fault filter may do to this request, by asking it both ways. */
function faultOf(rule: MatchedRoute, index: number, facts: HttpRequestFacts): ExplainedFault | undefined {
  const target = rule.action.kind === 'forward' ? rule.action.targets[index] : undefined;
  const settings = target?.filters.fault ?? rule.filters.fault;
  if (settings === undefined) return undefined;
  const hit: Decision = decide(rule, facts, drawFor(rule, index, 'hit'));
  const aborts = hit.kind === 'answer' && hit.details === 'fault_filter_abort';
  if (hit.delayMs === 0 && !aborts) return undefined;
  return {
    delaySeconds: hit.delayMs / 1000,
    delayPercent: hit.delayMs === 0 ? 0 : percentOf(settings.delayShare),
    ...(aborts && { abortStatus: hit.status }),
    abortPercent: aborts ? percentOf(settings.abortShare) : 0,
  };
}

function tellFault({ trace }: Walk, { delaySeconds, delayPercent, abortStatus, abortPercent }: ExplainedFault): void {
  if (delayPercent > 0) trace({ step: 'fault', name: 'delay', outcome: 'chosen', detail: `${delaySeconds} s for ${delayPercent} %` });
  if (abortStatus !== undefined) trace({ step: 'fault', name: 'abort', outcome: 'chosen', detail: `status ${abortStatus} for ${abortPercent} %` });
}

function answered(here: Walk, base: ReturnType<typeof common>, answer: Answer): Explanation {
  const location = answer.headers.find(([name]) => name === 'location')?.[1];
  const redirected = location !== undefined && answer.status >= 300 && answer.status < 400;
  here.trace({ step: 'target', name: 'answer', outcome: 'chosen', because: answer.details, detail: `status ${answer.status}` });
  return {
    ...base,
    outcome: redirected ? 'redirected' : 'answered',
    status: answer.status,
    flag: answer.flag,
    body: answer.body,
    ...(location !== undefined && { location }),
  };
}

/** A target with what its own proxy says to the request. */
function entered(here: Walk, terminal: HttpTerminal | undefined, sent: HttpRequestFacts | undefined, target: ExplainedTarget): ExplainedTarget {
  if (target.status !== undefined) return target;
  const refusal = enterTarget(here.proxies, here.entry.ready.prepared, terminal, target.cluster, sent, step => here.steps.push(step));
  return refusal === undefined ? target : { ...target, ...refusal };
}

/** Failed only where nothing can be served; a share that fails is told at its target. */
function outcomeOf(targets: readonly ExplainedTarget[]): Pick<Explanation, 'outcome' | 'flag' | 'status'> {
  const [first] = targets;
  if (first === undefined || targets.some(({ status }) => status === undefined)) return { outcome: first === undefined ? 'failed' : 'routed', flag: '' };
  return { outcome: 'failed', flag: first.flag ?? '', ...(first.status !== undefined && { status: first.status }) };
}

function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
