import type { RequestSpec } from './explanation';
import type { ReadyProxy } from './proxies';
import {
  declaredToken, remoteAddressOf, WORKLOAD_CERTIFICATE,
  type AccessContext, type Chain, type Connection, type HttpRequestFacts, type HttpTerminal, type UpstreamTransport, type Verdict,
} from '../../evaluator';
import type { Model } from '../../model/model';
import type { Workload } from '../../model/service';

/** Where a request from nowhere in the mesh comes from: an address reserved for documentation. */
const INTERNET = '203.0.113.1';

/** Name in a workload's certificate. */
export function identityOf({ config }: Model, { namespace, serviceAccount }: Workload): string {
  return `spiffe://${config.trustDomain}/ns/${namespace}/sa/${serviceAccount === '' ? 'default' : serviceAccount}`;
}

/** Names that a caller shows: none over plain text, nothing known where the certificate is not the workload's own. */
export function identitiesShown(model: Model, caller: ReadyProxy, { transport, certificate }: UpstreamTransport): readonly string[] | undefined {
  if (transport === 'raw_buffer') return undefined;
  return certificate === WORKLOAD_CERTIFICATE ? [identityOf(model, caller.workload)] : [];
}

/** Names that a caller from outside shows to a chain that ends its TLS; undefined where nothing ends there. */
export function callerIdentities({ tls }: RequestSpec, { terminatesTls }: Chain): readonly string[] | undefined {
  return terminatesTls ? tls?.names ?? [] : undefined;
}

/** Address that a request enters its first proxy from. */
export function sourceOf(spec: RequestSpec, caller: ReadyProxy): string {
  if (spec.sourceAddress !== undefined) return spec.sourceAddress;
  return caller.workload.gateway ? INTERNET : caller.workload.ip;
}

/** Headers that the caller sends, lower case, with the token of declared claims. */
export function headersOf({ headers = {}, claims }: RequestSpec): Record<string, string> {
  const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return claims === undefined ? sent : { ...sent, authorization: `Bearer ${declaredToken(claims)}` };
}

/** What the filters of a proxy know about a request. */
export function accessContext(
  spec: RequestSpec, connection: Connection, source: string, identities: readonly string[] | undefined,
  at?: { readonly terminal: HttpTerminal; readonly request: HttpRequestFacts },
): AccessContext {
  const { authorizer, now } = spec;
  return {
    peer: {
      sourceAddress: source,
      destinationAddress: connection.address,
      destinationPort: connection.port,
      serverName: connection.transport === 'tls' ? connection.sni ?? '' : '',
      ...(identities && { identities }),
    },
    remoteAddress: at === undefined ? source : remoteAddressOf(at.terminal.manager, at.request, source),
    declaredTokens: true,
    ...(now !== undefined && { now }),
    ...(authorizer !== undefined && { authorizer: () => verdictOf(authorizer) }),
  };
}

function verdictOf(authorizer: number | Verdict): Verdict {
  if (typeof authorizer !== 'number') return authorizer;
  return authorizer === 200 ? { kind: 'allow' } : { kind: 'deny', status: authorizer };
}
