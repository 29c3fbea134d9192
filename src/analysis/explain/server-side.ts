import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { ExplainedStep } from './explanation';
import type { Proxies } from './proxies';
import {
  clusterOutcome, decide, matchFilterChain, matchListener, matchRoute, normalizePath,
  type ClusterTable, type Connection, type Forward, type HttpRequestFacts, type HttpTerminal, type PreparedProxy,
} from '../../evaluator';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { LbEndpoint } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import { UpstreamTlsContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';

/** Why the proxy of a target refuses what the caller's proxy sends: 503 with flag UC, or an answer of its own. */
export interface Refusal {
  readonly status: number;
  readonly flag: string;
  readonly because: string;
}

/** What ALPN Istio's filter offers for a plain HTTP/1.1 request. */
const ISTIO_ALPN = ['istio-http/1.1', 'istio', 'http/1.1'];

/** Follows a request from the caller's cluster into the proxy of the first endpoint, where that is a workload of the mesh. */
export function enterTarget(
  proxies: Proxies, client: PreparedProxy, terminal: HttpTerminal | undefined, cluster: string, sent: HttpRequestFacts | undefined,
  tell: (step: ExplainedStep) => void,
): Refusal | undefined {
  const table = client.cluster(cluster);
  const host = table?.shares[0]?.host;
  const workload = host && proxies.byAddress(host.address);
  if (table === undefined || host === undefined || workload === undefined || workload.gateway) return undefined;
  const server = proxies.of(workload);
  const trace = (event: Omit<ExplainedStep, 'proxy' | 'side'>): void => tell({ ...event, proxy: server.name, side: 'server' });
  const connection: Connection = {
    address: host.address,
    port: host.port,
    ...transportTo(table, host.message, terminal, sent !== undefined),
  };
  const listener = matchListener(server.prepared.listeners, connection, 'inbound', trace);
  if (listener === undefined) return undefined;
  const chain = matchFilterChain(listener, connection, trace);
  if (chain === undefined) return { status: 503, flag: 'UC', because: `no filter chain of ${server.name} takes a ${connection.transport} connection on port ${host.port}` };
  if (chain.terminal.kind !== 'http' || sent === undefined) return undefined;
  return decideThere(server.prepared, chain.terminal, sent, trace);
}

function decideThere(
  prepared: PreparedProxy, terminal: HttpTerminal, sent: HttpRequestFacts, trace: (event: Omit<ExplainedStep, 'proxy' | 'side'>) => void,
): Refusal | undefined {
  const table = prepared.routesOf(terminal);
  const path = normalizePath(sent.path, terminal.path);
  const request = { ...sent, path: path.kind === 'path' ? path.path : sent.path };
  const rule = table && matchRoute(table, request, trace);
  if (rule === undefined) return { status: 404, flag: 'NR', because: 'no route of the target\'s own proxy takes it' };
  const decision = decide(rule, request, () => 0);
  if (decision.kind === 'answer') return { status: decision.status, flag: decision.flag, because: decision.details };
  const outcome = clusterOutcome(prepared, decision.cluster, trace);
  return outcome.kind === 'failed' ? { status: outcome.status, flag: outcome.flag, because: outcome.because } : undefined;
}

/** How the caller's proxy speaks to an endpoint: mutual TLS or plain, as the cluster's sockets and the endpoint's metadata say. */
function transportTo(
  { message }: ClusterTable, endpoint: LbEndpoint, terminal: HttpTerminal | undefined, isHttp: boolean,
): Pick<Connection, 'transport' | 'alpn' | 'http' | 'sni'> {
  const tls = socketFor(message, endpoint);
  const context = tls?.configType.case === 'typedConfig' ? anyUnpack(tls.configType.value, UpstreamTlsContextSchema) : undefined;
  if (context === undefined) return { transport: 'raw_buffer', ...(isHttp && { http: 'http/1.1' as const }) };
  const istio = message.metadata?.filterMetadata.istio as { alpn_override?: unknown } | undefined;
  const hasFilter = terminal?.manager.httpFilters.some(({ name }) => name === 'istio.alpn') ?? false;
  const overridden = isHttp && hasFilter && istio?.alpn_override !== 'false';
  return { transport: 'tls', sni: context.sni, alpn: overridden ? ISTIO_ALPN : context.commonTlsContext?.alpnProtocols ?? [] };
}

function socketFor({ transportSocketMatches, transportSocket }: Cluster, endpoint: LbEndpoint): TransportSocket | undefined {
  const labels = (endpoint.metadata?.filterMetadata['envoy.transport_socket_match'] ?? {}) as Readonly<Record<string, unknown>>;
  const match = transportSocketMatches.find(candidate => Object.entries(candidate.match ?? {}).every(([key, value]) => labels[key] === value));
  return match === undefined ? transportSocket : match.transportSocket;
}

/** The request as it leaves the caller's proxy. */
export function sentBy(
  { path, authority, requestHeaders }: Forward, request: HttpRequestFacts, headers: Readonly<Record<string, string>>,
): HttpRequestFacts {
  const all = new Map(Object.entries(changed(headers, requestHeaders)));
  return { method: request.method, scheme: request.scheme, authority, path, headers: all };
}

function changed(headers: Readonly<Record<string, string>>, { remove, add }: Forward['requestHeaders']): Record<string, string> {
  const out = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  remove.forEach(name => out.delete(name));
  for (const { name, value, append, only } of add) {
    const present = out.get(name);
    if ((only === 'ifAbsent' && present !== undefined) || (only === 'ifPresent' && present === undefined)) continue;
    out.set(name, append && present !== undefined ? `${present},${value}` : value);
  }
  return Object.fromEntries(out);
}
