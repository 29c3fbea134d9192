import { isIP } from 'net';
import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requireLabel, requirePort } from './private/check';
import { meshError } from './private/errors';
import { requireHosts } from './private/hosts';
import { requireLabels } from './private/text';
import type { RouteTarget } from './route';

/** Conditions on a connection, all of which must hold. */
export interface ConnectionMatchOptions {
  /**
   * Number of the port that the caller dials, 1 to 65535.
   * @default - any port of the host that speaks the protocol
   */
  readonly port?: number;
  /**
   * Addresses that the caller dials: IP addresses or subnets (`10.1.0.0/16`), one of which must hold.
   * @default - any address
   */
  readonly destinationSubnets?: string[];
  /**
   * Labels that the pods of the caller carry. Only for callers inside the mesh.
   * @default - any caller
   */
  readonly sourceLabels?: { [name: string]: string };
  /**
   * Namespace of the caller. Only for callers inside the mesh.
   * @default - any namespace
   */
  readonly sourceNamespace?: string;
}

/** Which connections a TCP route is for. Renders one item of `tcp[].match` of a VirtualService. */
export class TcpMatch {
  /** A connection that meets all of these conditions. Throws MESH_MATCH_EMPTY without any, MESH_ADDRESS_INVALID for text that is no address or subnet. */
  public static of(options: ConnectionMatchOptions): TcpMatch {
    const match = connectionMatch(options);
    if (Object.values(match).every((condition) => condition === undefined)) {
      throw meshError(undefined, 'MESH_MATCH_EMPTY', 'TcpMatch.of() needs at least one condition, got none; a route for all connections has no match');
    }
    return new TcpMatch(match);
  }

  private constructor(private readonly match: networking.VirtualServiceSpecTcpMatch) {}

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecTcpMatch { return this.match; }
}

guarded('TcpMatch', TcpMatch);

/** Which connections a TLS route is for. Renders one item of `tls[].match` of a VirtualService. */
export class TlsMatch {
  /**
   * A connection whose caller names one of these hosts in its TLS handshake (SNI): names, or `*.example.com`, each among the hosts of the virtual host.
   * Throws MESH_HOST_MISSING without any, MESH_HOST_INVALID for text that is no host, MESH_HOST_DUPLICATE for one named twice.
   */
  public static sni(hosts: string[], options: ConnectionMatchOptions = {}): TlsMatch {
    return new TlsMatch({ sniHosts: requireHosts(undefined, hosts), ...connectionMatch(options) });
  }

  private constructor(private readonly match: networking.VirtualServiceSpecTlsMatch) {}

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecTlsMatch { return this.match; }
}

guarded('TlsMatch', TlsMatch);

/** Properties of a route for TCP connections. */
export interface TcpRouteProps {
  /**
   * Which connections: alternatives, one of which must hold.
   * @default - all connections that no other route of the host takes
   */
  readonly match?: TcpMatch[];
  /** Where the connections go, at least one. Several share them by weight; each connection stays where it went. */
  readonly targets: RouteTarget[];
  /**
   * Routes with a higher number are tried earlier; among equals the more specific match is.
   * @default 0
   */
  readonly priority?: number;
}

/** Properties of a route for TLS connections that pass through as they are. */
export interface TlsRouteProps {
  /** Which connections: alternatives, at least one. */
  readonly match: TlsMatch[];
  /** Where the connections go, at least one. Several share them by weight; each connection stays where it went. */
  readonly targets: RouteTarget[];
  /**
   * Routes with a higher number are tried earlier; among equals the more specific match is.
   * @default 0
   */
  readonly priority?: number;
}

function connectionMatch({ port, destinationSubnets, sourceLabels, sourceNamespace }: ConnectionMatchOptions): networking.VirtualServiceSpecTcpMatch {
  const bad = destinationSubnets?.find((subnet) => !isSubnet(subnet));
  if (bad !== undefined || destinationSubnets?.length === 0) {
    throw meshError(undefined, 'MESH_ADDRESS_INVALID', `destinationSubnets must be IP addresses or subnets, at least one, got ${bad ?? '[]'}; write e.g. 10.0.0.0/8`);
  }
  return {
    port: port === undefined ? undefined : requirePort('port', port),
    destinationSubnets: destinationSubnets && [...destinationSubnets],
    sourceLabels: sourceLabels && requireLabels(undefined, 'sourceLabels', sourceLabels),
    sourceNamespace: sourceNamespace === undefined ? undefined : requireLabel(undefined, 'sourceNamespace', sourceNamespace, 'give the name of a namespace'),
  };
}

function isSubnet(text: string): boolean {
  const [address, bits, ...rest] = text.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)));
}
