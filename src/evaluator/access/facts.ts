import type { HttpConnectionManager } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { ipBytes } from '../addresses';
import type { HttpRequestFacts, Metadata } from '../decision';

/** Who is at the other end of a connection, as the proxy that took it knows. */
export interface Peer {
  /** Address that the connection came from; '' where it is not known. */
  readonly sourceAddress: string;
  /** Where it was dialled to. */
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Server name of the TLS hello; '' for none. */
  readonly serverName: string;
  /** URI names of the caller's certificate; undefined where the connection is not mutual TLS that ends here. */
  readonly identities?: readonly string[];
}

/** All that an access rule may ask about. */
export interface Facts {
  readonly peer: Peer;
  /** Address of the caller by what trusted proxies before this one say. */
  readonly remoteAddress: string;
  /** Absent for a connection that is not read as HTTP. */
  readonly request?: HttpRequestFacts;
  readonly metadata: Metadata;
}

/** One condition of an access rule. */
export interface Matcher {
  readonly test: (facts: Facts) => boolean;
  /** What it asks for: `method = "GET"`. */
  readonly wants: string;
  /** Why it failed. */
  readonly explain: (facts: Facts) => string;
}

/** The address that `remote_ip` means: what the connection manager takes from `x-forwarded-for`, as far as it trusts it. */
export function remoteAddressOf(
  { useRemoteAddress, xffNumTrustedHops: hops }: Pick<HttpConnectionManager, 'useRemoteAddress' | 'xffNumTrustedHops'>,
  request: HttpRequestFacts, sourceAddress: string,
): string {
  // At the edge the connection itself is the nearest hop.
  const back = useRemoteAddress === true ? hops - 1 : hops;
  if (back < 0) return sourceAddress;
  const hopsSaid = (request.headers.get('x-forwarded-for') ?? '').split(',').map(hop => hop.trim());
  const said = hopsSaid[hopsSaid.length - 1 - back] ?? '';
  return ipBytes(said) === undefined ? sourceAddress : said;
}
