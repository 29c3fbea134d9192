import { accessContext, identitiesShown } from './access';
import type { ExplainedStep, ExplainedTarget, RequestSpec } from './explanation';
import { BYTES_BACK, filtersStep, iptablesStep, responseStep, type HopStep } from './hop';
import { BACK, inboundWay, TO_APPLICATION } from './iptables';
import { hasProxy, isCaptured, type Proxies, type ReadyProxy } from './proxies';
import {
  admit, admitConnection, clusterOutcome, decide, handshakeFailure, matchFilterChain, matchListener, matchRoute, normalizePath, transportTo,
  type AccessContext, type Answer, type Chain, type Connection, type Forward, type HttpRequestFacts, type HttpTerminal, type PreparedProxy,
  type TraceEvent, type TraceSink, type UpstreamTransport,
} from '../../evaluator';

/** Why the proxy of a target refuses what the caller's proxy sends. Without a status the connection is closed, and nobody answers. */
export interface Refusal {
  readonly status?: number;
  readonly flag: string;
  readonly because: string;
  readonly details?: string;
}

/** A request with all its headers, as a proxy sends it on. */
export interface SentRequest extends HttpRequestFacts {
  readonly headers: ReadonlyMap<string, string>;
}

/** What became of a request at a target. */
export interface Reached {
  /** Why it is not served there. */
  readonly refusal?: Refusal;
  /** As the application gets it; absent where that is refused, or no proxy reads the connection. */
  readonly request?: SentRequest;
}

/** A request on its way from the caller to one of its targets. */
export interface Passing {
  readonly spec: RequestSpec;
  readonly caller: ReadyProxy;
  /** Where it came in at the caller's proxy; absent for a connection that is not read as HTTP there, or a caller without a proxy. */
  readonly terminal?: HttpTerminal;
  /** Absent for what the caller encrypts itself. */
  readonly request?: SentRequest;
  readonly tell: (step: ExplainedStep) => void;
}

/** Follows a request from the caller's cluster into the proxy of the first endpoint that takes it, where that is a workload of the mesh. */
export function enterTarget(proxies: Proxies, { cluster, endpoints: [first] }: ExplainedTarget, passing: Passing): Reached {
  const { caller, terminal } = passing;
  const table = caller.prepared.cluster(cluster);
  const host = table?.hosts.find(({ address, port }) => address === first?.address && port === first.port);
  if (table === undefined || host === undefined) return unchanged(passing);
  const spoken = transportTo(table, host, terminal);
  // What the caller's proxy passes on as bytes, the target's may read.
  const plainHttp = terminal === undefined && passing.request !== undefined && spoken.transport === 'raw_buffer';
  return enterWorkload(proxies, host, plainHttp ? { ...spoken, http: 'http/1.1' } : spoken, passing);
}

/** No proxy stands before the application, or one that passes bytes on. */
function unchanged({ request, terminal }: Passing): Reached {
  return request === undefined || terminal === undefined ? {} : { request };
}

/** What the proxy at an address, where there is one, makes of a connection and the request on it. */
export function enterWorkload(
  proxies: Proxies, { address, port }: { readonly address: string; readonly port: number }, spoken: UpstreamTransport, passing: Passing,
): Reached {
  const tell = (server: ReadyProxy) => (event: TraceEvent | HopStep): void => passing.tell({ ...event, proxy: server.name, side: 'server' });
  const arrival = arrive(proxies, { address, port }, spoken, passing, tell);
  switch (arrival.kind) {
    case 'direct': return unchanged(passing);
    case 'closed': return { refusal: asSeen(passing, arrival) };
    case 'refused': return { refusal: arrival.refusal };
    case 'taken': {
      const { server, terminal, decision, request } = arrival;
      const trace = tell(server);
      if (isCaptured(server)) trace(iptablesStep(TO_APPLICATION));
      trace({ step: 'application', name: `${address}:${port}`, outcome: 'chosen', because: `${server.name} answers` });
      trace(terminal !== undefined && decision !== undefined ? responseStep(terminal, decision.responseHeaders) : BYTES_BACK);
      if (isCaptured(server)) trace(iptablesStep(BACK));
      return request === undefined ? unchanged(passing) : { request };
    }
  }
}

/** What a connection, and the request on it, meet at an address. */
export type Arrival =
  /** No proxy stands before the application. */
  | { readonly kind: 'direct' }
  /** The proxy ends the connection: a handshake that failed is `UF` to the caller's proxy, anything later `UC`. */
  | { readonly kind: 'closed'; readonly flag: string; readonly because: string; readonly details?: string }
  /** The proxy answers in place of the application. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly server: ReadyProxy }
  /** The proxy passes it on; without a decision, as bytes. */
  | { readonly kind: 'taken'; readonly server: ReadyProxy; readonly terminal?: HttpTerminal; readonly decision?: Forward; readonly request?: SentRequest };

/** From a caller to the application at an address, through the proxy before it, where there is one. */
export function arrive(
  proxies: Proxies, { address, port }: { readonly address: string; readonly port: number }, spoken: UpstreamTransport, passing: Omit<Passing, 'tell'>,
  tell?: (server: ReadyProxy) => (event: TraceEvent | HopStep) => void,
): Arrival {
  const { caller, request } = passing;
  const workload = proxies.byAddress(address);
  if (workload === undefined || workload.gateway || !hasProxy(workload)) return { kind: 'direct' };
  const server = proxies.of(workload);
  const trace = tell?.(server);
  if (isCaptured(server)) {
    const way = inboundWay(workload, port);
    trace?.(iptablesStep(way));
    if (!way.captured) return { kind: 'direct' };
  }
  const connection: Connection = { ...spoken, address, port, sourceAddress: caller.workload.ip };
  const identities = identitiesShown(proxies.model, caller, spoken);
  trace?.({ step: 'tls', name: spoken.transport === 'tls' ? 'TLS' : 'plain text', outcome: 'chosen', because: spokenAs(spoken, identities) });
  const listener = matchListener(server.prepared.listeners, connection, 'inbound', trace);
  if (listener === undefined) return { kind: 'direct' };
  const chain = matchFilterChain(listener, connection, trace);
  if (chain === undefined) {
    return { kind: 'closed', flag: 'UC', because: `no filter chain of ${server.name} takes a ${connection.transport} connection on port ${port}` };
  }
  const reset = unspoken(server, chain, spoken, trace);
  if (reset !== undefined) return { kind: 'closed', ...reset };
  trace?.(filtersStep(chain));
  const { terminal: end } = chain;
  const at = end.kind === 'http' && request !== undefined ? { terminal: end, request } : undefined;
  const context = accessContext(passing.spec, connection, caller.workload.ip, identities, at);
  const closed = end.kind === 'none' ? '' : admitConnection(end.connectionPolicies, { ...context, metadata: {} }, trace);
  if (closed !== '') return { kind: 'closed', flag: 'UC', because: 'its policies close the connection', details: closed };
  if (at === undefined) return { kind: 'taken', server };
  const decided = decideThere(server.prepared, at.terminal, at.request, context, trace);
  return 'decision' in decided ? { kind: 'taken', server, terminal: at.terminal, ...decided } : { kind: 'refused', refusal: decided, server };
}

/** The caller's proxy answers 503 to HTTP where the connection to the target ends; without one, the caller sees it end. */
function asSeen({ terminal }: Passing, { flag, because, details }: Refusal): Refusal {
  const why = { because, ...(details !== undefined && { details }) };
  return terminal === undefined ? { ...why, flag: '' } : { ...why, flag, status: 503 };
}

/** How a connection to an address outside the mesh is spoken. */
export function spokenOutside(spoken: UpstreamTransport): HopStep {
  return { step: 'tls', name: spoken.transport === 'tls' ? 'TLS' : 'plain text', outcome: 'chosen', because: spokenAs(spoken, undefined).replace('the caller', 'the proxy') };
}

function spokenAs({ transport, sni }: UpstreamTransport, identities: readonly string[] | undefined): string {
  if (transport === 'raw_buffer') return 'the caller sends plain text';
  const who = identities === undefined || identities.length === 0 ? 'without the workload\'s identity' : `as ${identities.join(', ')}`;
  return `the caller speaks TLS ${who}${sni === undefined || sni === '' ? '' : `, server name ${sni}`}`;
}

/** The connection ends before anything is read: plain text is cut off by the server, a failed handshake by both. */
function unspoken(server: ReadyProxy, chain: Chain, spoken: UpstreamTransport, trace?: TraceSink): Pick<Refusal, 'flag' | 'because'> | undefined {
  const failure = handshakeFailure(chain, spoken);
  if (failure === '') return undefined;
  trace?.({ step: 'tls', name: 'handshake', outcome: 'failed', because: failure });
  return { flag: spoken.transport === 'tls' ? 'UF' : 'UC', because: `filter chain ${chain.name} of ${server.name} ends the connection: ${failure}` };
}

function decideThere(
  prepared: PreparedProxy, terminal: HttpTerminal, sent: SentRequest, context: AccessContext, trace?: TraceSink,
): Refusal | { readonly decision: Forward; readonly request: SentRequest } {
  const path = normalizePath(sent.path, terminal.path);
  const request = { ...sent, path: path.kind === 'path' ? path.path : sent.path };
  const admitted = admit(terminal.access, request, context, trace);
  if (admitted.kind === 'answer') return refusal(admitted);
  const table = prepared.routesOf(terminal);
  const rule = table && matchRoute(table, admitted.routed, trace);
  if (rule === undefined) return { status: 404, flag: 'NR', because: 'no route of the target\'s own proxy takes it' };
  const decision = decide(rule, admitted.request, () => 0);
  if (decision.kind === 'answer') return refusal(decision);
  const outcome = clusterOutcome(prepared, decision.cluster, trace);
  if (outcome.kind === 'failed') return { status: outcome.status, flag: outcome.flag, because: outcome.because };
  return { decision, request: sentBy(decision, admitted.request, changed(Object.fromEntries(sent.headers), admitted.changes)) };
}

function refusal({ status, flag, details, body }: Answer): Refusal {
  return { status, flag, because: body === '' ? details : `${body} (${details})`, details };
}

/** The request as it leaves the caller's proxy. A proxy at the edge tells the next one where the request came from. */
export function sentBy(
  { path, authority, requestHeaders }: Forward, request: HttpRequestFacts, headers: Readonly<Record<string, string>>,
  edge?: { readonly terminal: HttpTerminal; readonly source: string },
): SentRequest {
  const all = new Map(Object.entries(changed(headers, requestHeaders)));
  if (edge?.terminal.manager.useRemoteAddress === true && !edge.terminal.manager.skipXffAppend) {
    const before = all.get('x-forwarded-for');
    all.set('x-forwarded-for', before === undefined ? edge.source : `${before},${edge.source}`);
  }
  return { method: request.method, scheme: request.scheme, authority, path, headers: all };
}

/** Headers after a list of changes. */
export function changed(headers: Readonly<Record<string, string>>, { remove, add }: Forward['requestHeaders']): Record<string, string> {
  const out = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  remove.forEach(name => out.delete(name));
  for (const { name, value, append, only } of add) {
    const present = out.get(name);
    if ((only === 'ifAbsent' && present !== undefined) || (only === 'ifPresent' && present === undefined)) continue;
    out.set(name, append && present !== undefined ? `${present},${value}` : value);
  }
  return Object.fromEntries(out);
}
