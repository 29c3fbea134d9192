import { headersOf, sourceOf } from './access';
import { hear, meet } from './client-side';
import { lookUp, type Entry } from './entry';
import type { ExplainedFault, ExplainedMirror, ExplainedRequest, ExplainedRetries, ExplainedStep, ExplainedTarget, Explanation, RequestSpec } from './explanation';
import { BYTES_BACK, iptablesStep, responseStep, type HopStep } from './hop';
import { BACK, PROXY_OUT } from './iptables';
import { ISTIO_DEFAULT, provenanceOf, ruleProvenance, withPlaces } from './provenance';
import { isCaptured, workloadName, type Proxies } from './proxies';
import { enterTarget, enterWorkload, sentBy, spokenOutside, type SentRequest } from './server-side';
import { explainTarget, parseClusterName } from './targets';
import type { RequestUrl } from './url';
import {
  decide, isDenial, matchRoute, percentOf, ruleName, transportTo,
  type Answer, type Chain, type Decision, type Draw, type Forward, type HttpRequestFacts, type HttpTerminal, type MatchedRoute, type Retry,
  type TcpTerminal, type TraceEvent,
} from '../../evaluator';

const HOPS = 'x-forwarded-for';

/** One request on its way through the mesh. */
interface Walk {
  readonly proxies: Proxies;
  readonly entry: Entry;
  readonly spec: RequestSpec;
  readonly url: RequestUrl;
  readonly steps: ExplainedStep[];
  readonly trace: (event: TraceEvent | HopStep, where?: string) => void;
  readonly tell: (step: ExplainedStep) => void;
}

/** Follows a request from where it enters: listener, filter chain, rule, filters, clusters, endpoints, and the target's own proxy. */
export function walk(proxies: Proxies, entry: Entry, spec: RequestSpec, url: RequestUrl): Explanation {
  const steps: ExplainedStep[] = [];
  const tell = (step: ExplainedStep): void => {
    const where = step.where ?? (step.source === undefined ? '' : provenanceOf(proxies.model, step.source).where);
    steps.push({ ...step, ...(where !== '' && { where }) });
  };
  const trace: Walk['trace'] = (event, where) => tell({ ...event, proxy: entry.ready.name, side: 'client', ...(where !== undefined && { where }) });
  const here: Walk = { proxies, entry, spec, url, steps, trace, tell };
  const met = meet(entry, spec, trace);
  if (met.kind === 'direct') return walkDirect(here);
  if (met.kind === 'closed') return met.denied === undefined ? unserved(here, met.flag, met.because) : { ...common(here), outcome: 'denied', details: met.denied };
  const { terminal } = met.chain;
  return terminal.kind === 'http' ? walkHttp(here, met.chain, terminal) : walkTcp(here, terminal as TcpTerminal);
}

/** A caller whose proxy is not asked reaches what it dials, in plain text: the first endpoint of a service, or an address. */
function walkDirect(here: Walk): Explanation {
  const { proxies: { model }, entry: { ready, connection }, spec, url, proxies } = here;
  const service = lookUp(model, ready.workload.namespace, url.host);
  const name = service?.ports.find(({ number }) => number === url.port)?.name;
  const endpoints = service === undefined || name === undefined ? [connection] : model.endpointsOf(service, name);
  const [first] = endpoints;
  const host = service?.hostname ?? url.host;
  if (first === undefined) return unserved(here, '', `${host} has no endpoint for port ${url.port}`);
  const request = asSent(here);
  // TLS of the application's own ends nowhere before the target.
  const spoken = url.scheme === 'https' ? { ...connection, certificate: '' } : { transport: 'raw_buffer' as const, http: 'http/1.1' as const, certificate: '' };
  const plain = url.scheme === 'http' ? { request } : {};
  const { refusal, request: arrived = request } = enterWorkload(proxies, first, spoken, { spec, caller: ready, tell: here.tell, ...plain });
  const target: ExplainedTarget = {
    host,
    subset: '',
    port: url.port,
    percent: 100,
    cluster: '',
    endpoints: endpoints.map(({ address, port }) => {
      const workload = proxies.byAddress(address);
      return { address, port, percent: 100 / endpoints.length, ...(workload && { workload: workloadName(workload) }) };
    }),
    loadBalancing: { policy: '', setBy: ISTIO_DEFAULT },
    ...refusal,
  };
  return { ...common(here), ...outcomeOf([target]), targets: [target], ...(url.scheme === 'http' && { request: shown(arrived) }) };
}

/** The request as the application of the caller writes it. */
function asSent({ spec, url }: Walk): SentRequest {
  const headers = headersOf(spec);
  return { method: (spec.method ?? 'GET').toUpperCase(), scheme: 'http', authority: headers.host ?? url.authority, path: url.path, headers: new Map(Object.entries(headers)) };
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
  const sent = url.scheme === 'http' ? asSent(here) : undefined;
  const reached = targets.filter(({ weight }) => weight > 0).map(({ cluster, weight }) => {
    const percent = weight * 100 / totalWeight;
    const there = entered(here, undefined, sent, explainTarget(here.proxies, entry.ready.prepared, cluster, percent, asked, here.trace));
    if (there.target.because === undefined) back(here, BYTES_BACK);
    return there;
  });
  const explained = reached.map(({ target }) => target);
  const arrived = reached.find(({ request }) => request !== undefined)?.request;
  return { ...common(here), ...(arrived && { request: shown(arrived) }), ...outcomeOf(explained), targets: explained };
}

function walkHttp(here: Walk, chain: Chain, terminal: HttpTerminal): Explanation {
  const { entry, spec, url, trace } = here;
  const heard = hear(entry, spec, url, chain, terminal, trace);
  if (heard.kind === 'path') {
    const { path } = heard;
    const location = path.kind === 'redirect' ? { location: path.location } : {};
    return { ...common(here), outcome: path.kind === 'redirect' ? 'redirected' : 'answered', status: path.status, ...location };
  }
  if (heard.kind === 'answer') return answered(here, common(here), heard.answer);
  const table = entry.ready.prepared.routesOf(terminal);
  const rule = table && matchRoute(table, heard.routed, withPlaces(here.proxies.model, table, trace));
  if (rule === undefined) return { ...common(here), outcome: 'failed', status: 404, flag: 'NR', body: '' };
  return underRule(here, terminal, rule, heard.request, heard.headers);
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
  const edge = { terminal, source: sourceOf(here.spec, here.entry.ready) };
  const reached = targets.flatMap(({ weight }, i): Entered[] => {
    const decision = weight > 0 ? decide(rule, facts, drawFor(rule, i, 'miss')) : undefined;
    if (decision?.kind !== 'forward') return [];
    const percent = left * weight / total;
    if (targets.length > 1) here.trace({ step: 'target', name: decision.cluster, outcome: 'chosen', detail: `weight ${weight} of ${total}` });
    const asked = { host: hostOf(facts.authority), port: here.entry.connection.port };
    const target = explainTarget(proxies, here.entry.ready.prepared, decision.cluster, percent, asked, here.trace, decision.hash);
    const there = entered(here, terminal, sentBy(decision, facts, headers, edge), target);
    if (there.target.because === undefined) back(here, responseStep(terminal, decision.responseHeaders));
    return [there];
  });
  const explained = reached.map(({ target }) => target);
  const sent = sentBy(best, facts, headers);
  const there = reached.find(({ request }) => request !== undefined)?.request;
  // Of the hops that proxies add only those are shown that the caller told of: where it stands is not known for sure.
  const told = new Map([...there?.headers ?? []].filter(([name]) => name !== HOPS || sent.headers.has(name)));
  const arrived = there === undefined ? sent : { ...there, headers: told };
  return { ...base, ...forwarded(here, rule, best, arrived), ...outcomeOf(explained), targets: explained };
}

function forwarded(
  here: Walk, rule: MatchedRoute, decision: Forward, arrived: SentRequest,
): Pick<Explanation, 'request' | 'response' | 'timeoutSeconds' | 'retries' | 'mirrors' | 'setBy'> {
  const { retry, timeoutMs, responseHeaders: { add, remove } } = decision;
  const mirrors = rule.action.kind === 'forward' ? rule.action.mirrors : [];
  const { resource } = provenanceOf(here.proxies.model, rule.source);
  const setBy = resource === '' ? ISTIO_DEFAULT : resource;
  return {
    request: shown(arrived),
    ...add.length + remove.length > 0 && { response: { set: Object.fromEntries(add.map(({ name, value }) => [name, value])), removed: remove } },
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

function shown({ method, authority, path, headers }: SentRequest): ExplainedRequest {
  return { method, authority, path, headers: Object.fromEntries(headers) };
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
    outcome: isDenial(answer) ? 'denied' : redirected ? 'redirected' : 'answered',
    status: answer.status,
    flag: answer.flag,
    details: answer.details,
    body: answer.body,
    ...(location !== undefined && { location }),
  };
}

/** A target with what its own proxy says to the request, and the request as its application gets it. */
interface Entered { readonly target: ExplainedTarget; readonly request?: SentRequest }

function entered(here: Walk, terminal: HttpTerminal | undefined, sent: SentRequest | undefined, target: ExplainedTarget): Entered {
  if (target.because !== undefined) return { target };
  if (isCaptured(here.entry.ready)) here.trace(iptablesStep(PROXY_OUT));
  const passing = { spec: here.spec, caller: here.entry.ready, tell: here.tell, ...(terminal && { terminal }), ...(sent && { request: sent }) };
  const { refusal, request } = enterTarget(here.proxies, target, passing);
  outside(here, terminal, target);
  return refusal === undefined ? { target, ...(request && { request }) } : { target: { ...target, ...refusal } };
}

/** An answer on its way back to the caller. */
function back(here: Walk, step: HopStep): void {
  here.trace(step);
  if (isCaptured(here.entry.ready)) here.trace(iptablesStep(BACK));
}

/** Beyond the last proxy of the mesh: what is spoken there, and who answers. */
function outside({ proxies, entry, trace }: Walk, terminal: HttpTerminal | undefined, { cluster, endpoints: [first] }: ExplainedTarget): void {
  if (first === undefined || proxies.byAddress(first.address) !== undefined) return;
  const table = entry.ready.prepared.cluster(cluster);
  const host = table?.hosts.find(({ address, port }) => address === first.address && port === first.port);
  if (table !== undefined && host !== undefined) trace(spokenOutside(transportTo(table, host, terminal)));
  trace({ step: 'application', name: `${first.address}:${first.port}`, outcome: 'chosen', because: 'somebody outside the mesh answers' });
}

/** Failed or denied only where nothing can be served; a share that fails is told at its target. */
function outcomeOf(targets: readonly ExplainedTarget[]): Pick<Explanation, 'outcome' | 'flag' | 'status' | 'details'> {
  const [first] = targets;
  if (first === undefined || targets.some(({ because }) => because === undefined)) return { outcome: first === undefined ? 'failed' : 'routed', flag: '' };
  const { flag = '', status, details } = first;
  const denied = targets.every(target => target.details !== undefined && isDenial({ details: target.details }));
  return { outcome: denied ? 'denied' : 'failed', flag, ...(status !== undefined && { status }), ...(details !== undefined && { details }) };
}

function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
