import { isHttp } from '../../model/ports';
import type { Protocol } from '../../model/service';
import type { Filter } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { MtlsMode } from '../security/peer-authentication';
import { inboundMtls } from '../security/server-tls';
import type { View } from '../view';
import { PLAIN_HTTP } from './chains';
import type { Chain } from './chains';

const ISTIO_HTTP = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
const ISTIO_TCP = ['istio-peer-exchange', 'istio'];
/** Whatever one of Istio's proxies offers to another. */
export const ISTIO_ALL = ['istio', 'istio-peer-exchange', ...ISTIO_HTTP];

/** One row of the table of istio-behaviour E2. */
interface Row {
  readonly transport: 'tls' | 'raw_buffer';
  readonly alpn?: readonly string[];
  readonly http: boolean;
  /** The proxy ends TLS; otherwise it is the application's own. */
  readonly terminate?: boolean;
}

type PortClass = 'HTTP' | 'TCP' | 'Auto';

const TABLE: Readonly<Record<PortClass, Readonly<Record<MtlsMode, readonly Row[]>>>> = {
  HTTP: {
    STRICT: [{ transport: 'tls', http: true, terminate: true }],
    PERMISSIVE: [{ transport: 'tls', alpn: ISTIO_ALL, http: true, terminate: true }, { transport: 'raw_buffer', http: true }],
    DISABLE: [{ transport: 'raw_buffer', http: true }],
  },
  TCP: {
    STRICT: [{ transport: 'tls', http: false, terminate: true }],
    PERMISSIVE: [
      { transport: 'tls', alpn: ISTIO_ALL, http: false, terminate: true }, { transport: 'tls', http: false }, { transport: 'raw_buffer', http: false },
    ],
    DISABLE: [{ transport: 'raw_buffer', http: false }],
  },
  Auto: {
    STRICT: [{ transport: 'tls', alpn: ISTIO_HTTP, http: true, terminate: true }, { transport: 'tls', http: false, terminate: true }],
    PERMISSIVE: [
      { transport: 'tls', alpn: ISTIO_HTTP, http: true, terminate: true },
      { transport: 'raw_buffer', alpn: PLAIN_HTTP, http: true },
      { transport: 'tls', alpn: ISTIO_TCP, http: false, terminate: true },
      { transport: 'raw_buffer', http: false },
      { transport: 'tls', http: false },
    ],
    DISABLE: [{ transport: 'raw_buffer', alpn: PLAIN_HTTP, http: true }, { transport: 'raw_buffer', http: false }],
  },
};

export const portClass = (protocol: Protocol): PortClass => (isHttp(protocol) ? 'HTTP' : protocol === 'Auto' ? 'Auto' : 'TCP');

export interface InboundChainOptions {
  readonly protocol: Protocol;
  readonly mode: MtlsMode;
  readonly httpName: string;
  readonly tcpName: string;
  readonly destinationPort?: number;
  readonly config?: string;
  readonly http: () => readonly Filter[];
  readonly tcp: () => readonly Filter[];
}

/** Chains through which one inbound port is reached. */
export function inboundChains(view: View, options: InboundChainOptions): Chain[] {
  return TABLE[portClass(options.protocol)][options.mode].map(row => ({
    name: row.http ? options.httpName : options.tcpName,
    destinationPort: options.destinationPort,
    config: options.config,
    transport: row.transport,
    alpn: row.alpn,
    filters: row.http ? options.http() : options.tcp(),
    socket: row.terminate === true ? inboundMtls(view, row.http) : undefined,
    connectTimeout: false,
  }));
}

/** Which inspectors the chains of such a port need. */
export function inspectionOf(protocol: Protocol, mode: MtlsMode): { readonly tls: boolean; readonly http: boolean } {
  const rows = TABLE[portClass(protocol)][mode];
  return {
    tls: rows.some(row => row.transport === 'tls'),
    http: rows.some(row => row.transport === 'raw_buffer' && row.alpn !== undefined),
  };
}
