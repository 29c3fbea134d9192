import { accessContext, identitiesShown } from './access';
import type { ExplainedStep, RequestSpec } from './explanation';
import type { Proxies, ReadyProxy } from './proxies';
import {
  admit, admitConnection, clusterOutcome, decide, handshakeFailure, matchFilterChain, matchListener, matchRoute, normalizePath, transportTo,
  type AccessContext, type Answer, type Chain, type Connection, type Forward, type HttpRequestFacts, type HttpTerminal, type PreparedProxy,
  type TraceSink, type UpstreamTransport,
} from '../../evaluator';

/** Why the proxy of a target refuses what the caller's proxy sends. Without a status the connection is closed, and nobody answers. */
export interface Refusal {
  readonly status?: number;
  readonly flag: string;
  readonly because: string;
  readonly details?: string;
}

/** A request on its way from the caller's proxy to one of its clusters. */
export interface Passing {
  readonly spec: RequestSpec;
  readonly caller: ReadyProxy;
  /** Where it came in; absent for a connection that is not read as HTTP. */
  readonly terminal?: HttpTerminal;
  readonly request?: HttpRequestFacts;
  readonly tell: (step: ExplainedStep) => void;
}

/** Follows a request from the caller's cluster into the proxy of the first endpoint, where that is a workload of the mesh. */
export function enterTarget(proxies: Proxies, cluster: string, passing: Passing): Refusal | undefined {
  const { caller, request, terminal } = passing;
  const table = caller.prepared.cluster(cluster);
  const host = table?.shares[0]?.host;
  const workload = host && proxies.byAddress(host.address);
  if (table === undefined || host === undefined || workload === undefined || workload.gateway) return undefined;
  const server = proxies.of(workload);
  const trace: TraceSink = event => passing.tell({ ...event, proxy: server.name, side: 'server' });
  const spoken = transportTo(table, host, terminal);
  const connection: Connection = { ...spoken, address: host.address, port: host.port, sourceAddress: caller.workload.ip };
  const identities = identitiesShown(proxies.model, caller, spoken);
  trace({ step: 'tls', name: spoken.transport === 'tls' ? 'TLS' : 'plain text', outcome: 'chosen', because: spokenAs(spoken, identities) });
  const listener = matchListener(server.prepared.listeners, connection, 'inbound', trace);
  if (listener === undefined) return undefined;
  const chain = matchFilterChain(listener, connection, trace);
  const reset = chain === undefined
    ? { flag: 'UC', because: `no filter chain of ${server.name} takes a ${connection.transport} connection on port ${host.port}` }
    : unspoken(server, chain, spoken, trace);
  if (reset !== undefined) return { ...reset, ...(request !== undefined && { status: 503 }) };
  const { terminal: end } = chain!;
  const at = end.kind === 'http' && request !== undefined ? { terminal: end, request } : undefined;
  const context = accessContext(passing.spec, connection, caller.workload.ip, identities, at);
  const closed = end.kind === 'none' ? '' : admitConnection(end.connectionPolicies, { ...context, metadata: {} }, trace);
  if (closed !== '') {
    const seen = request === undefined ? { flag: '' } : { flag: 'UC', status: 503 };
    return { ...seen, because: 'its policies close the connection', details: closed };
  }
  return at === undefined ? undefined : decideThere(server.prepared, at.terminal, at.request, context, trace);
}

function spokenAs({ transport, sni }: UpstreamTransport, identities: readonly string[] | undefined): string {
  if (transport === 'raw_buffer') return 'the caller\'s proxy sends plain text';
  const who = identities === undefined || identities.length === 0 ? 'without the workload\'s identity' : `as ${identities.join(', ')}`;
  return `the caller's proxy speaks TLS ${who}${sni === undefined || sni === '' ? '' : `, server name ${sni}`}`;
}

/** The connection ends before anything is read: plain text is cut off by the server, a failed handshake by both. */
function unspoken(server: ReadyProxy, chain: Chain, spoken: UpstreamTransport, trace: TraceSink): Pick<Refusal, 'flag' | 'because'> | undefined {
  const failure = handshakeFailure(chain, spoken);
  if (failure === '') return undefined;
  trace({ step: 'tls', name: 'handshake', outcome: 'failed', because: failure });
  return { flag: spoken.transport === 'tls' ? 'UF' : 'UC', because: `filter chain ${chain.name} of ${server.name} ends the connection: ${failure}` };
}

function decideThere(
  prepared: PreparedProxy, terminal: HttpTerminal, sent: HttpRequestFacts, context: AccessContext, trace: TraceSink,
): Refusal | undefined {
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
  return outcome.kind === 'failed' ? { status: outcome.status, flag: outcome.flag, because: outcome.because } : undefined;
}

function refusal({ status, flag, details, body }: Answer): Refusal {
  return { status, flag, because: body === '' ? details : body, details };
}

/** The request as it leaves the caller's proxy. A proxy at the edge tells the next one where the request came from. */
export function sentBy(
  { path, authority, requestHeaders }: Forward, request: HttpRequestFacts, headers: Readonly<Record<string, string>>,
  edge?: { readonly terminal: HttpTerminal; readonly source: string },
): HttpRequestFacts {
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
