import { accessContext, callerIdentities, headersOf, sourceOf } from './access';
import type { Entry } from './entry';
import type { RequestSpec } from './explanation';
import { filtersStep, iptablesStep, type HopStep } from './hop';
import { NOT_REDIRECTED, outboundWay } from './iptables';
import { hasProxy, isCaptured } from './proxies';
import { changed } from './server-side';
import type { RequestUrl } from './url';
import {
  admit, admitConnection, handshakeFailure, matchFilterChain, matchListener, normalizePath,
  type Answer, type Chain, type HttpRequestFacts, type HttpTerminal, type NormalizedPath, type TraceEvent,
} from '../../evaluator';

type Tell = (event: TraceEvent | HopStep) => void;

/** What a connection meets at its first proxy. */
export type Met =
  /** No proxy is asked: the caller reaches what it dials. */
  | { readonly kind: 'direct' }
  /** Nobody answers. `denied`: policies closed it, with Envoy's details. */
  | { readonly kind: 'closed'; readonly flag: string; readonly because: string; readonly denied?: string }
  | { readonly kind: 'chain'; readonly chain: Chain };

/** From the application, or a gateway's port, to the filter chain that takes the connection. */
export function meet({ ready, connection }: Entry, spec: RequestSpec, trace?: Tell): Met {
  const { prepared, workload, name } = ready;
  if (!hasProxy(workload)) {
    trace?.({ step: 'listener', name: 'no proxy', outcome: 'skipped', because: `${name} has no sidecar` });
    return { kind: 'direct' };
  }
  if (isCaptured(ready)) {
    const way = outboundWay(workload, connection);
    trace?.(iptablesStep(way));
    if (!way.captured) return { kind: 'direct' };
  } else if (workload.gateway) {
    trace?.(iptablesStep(NOT_REDIRECTED));
  }
  const listener = matchListener(prepared.listeners, connection, 'outbound', trace);
  if (listener === undefined) return { kind: 'closed', flag: '', because: `nothing listens at ${connection.address}:${connection.port}` };
  const chain = matchFilterChain(listener, connection, trace);
  if (chain === undefined) return { kind: 'closed', flag: 'NR', because: `no filter chain of listener ${listener.name} takes the connection` };
  const { terminal } = chain;
  const shown = { transport: connection.transport, certificate: spec.tls?.certificate === true ? 'own' : '', names: spec.tls?.names };
  const failure = chain.terminatesTls ? handshakeFailure(chain, shown) : '';
  if (failure !== '') {
    trace?.({ step: 'tls', name: 'handshake', outcome: 'failed', because: failure });
    return { kind: 'closed', flag: '', because: `filter chain ${chain.name} of ${name} ends the connection: ${failure}` };
  }
  if (trace !== undefined) trace(filtersStep(chain));
  if (terminal.kind === 'none') return { kind: 'closed', flag: '', because: `filter chain ${chain.name} ends in no filter that is known here` };
  const context = accessContext(spec, connection, sourceOf(spec, ready), callerIdentities(spec, chain));
  const denied = admitConnection(terminal.connectionPolicies, { ...context, metadata: {} }, trace);
  return denied === '' ? { kind: 'chain', chain } : { kind: 'closed', flag: '', because: denied, denied };
}

/** What the filters before the router make of a request. */
export type Heard =
  | { readonly kind: 'path'; readonly path: Exclude<NormalizedPath, { kind: 'path' }> }
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** It goes on to the routes: as they see it, as the target does, and with all its headers. */
  | { readonly kind: 'admitted'; readonly routed: HttpRequestFacts; readonly request: HttpRequestFacts; readonly headers: Record<string, string> };

/** A request at the connection manager of its first proxy. */
export function hear({ ready, connection }: Entry, spec: RequestSpec, url: RequestUrl, chain: Chain, terminal: HttpTerminal, trace?: Tell): Heard {
  const path = normalizePath(url.path, terminal.path);
  if (path.kind !== 'path') {
    trace?.({ step: 'path', name: url.path, outcome: 'failed', because: 'the path cannot be normalized' });
    return { kind: 'path', path };
  }
  if (path.path !== url.path) trace?.({ step: 'path', name: path.path, outcome: 'chosen', because: `normalized from ${url.path}` });
  const headers = headersOf(spec);
  const source = sourceOf(spec, ready);
  const facts: HttpRequestFacts = {
    method: (spec.method ?? 'GET').toUpperCase(),
    scheme: chain.terminatesTls ? 'https' : 'http',
    authority: headers.host ?? url.authority,
    path: path.path,
    headers: new Map(Object.entries(headers)),
    sourceAddress: source,
  };
  const context = accessContext(spec, connection, source, callerIdentities(spec, chain), { terminal, request: facts });
  const admitted = admit(terminal.access, facts, context, trace);
  if (admitted.kind === 'answer') return { kind: 'answer', answer: admitted };
  return { kind: 'admitted', routed: admitted.routed, request: admitted.request, headers: changed(headers, admitted.changes) };
}
