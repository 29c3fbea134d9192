import { anyUnpack, type Any } from '@bufbuild/protobuf/wkt';
import type { ClusterTable, Host } from './clusters';
import type { Connection } from './connection';
import type { Chain } from './filter-chains';
import type { HttpTerminal } from './network-filters';
import { prepareStringMatcher } from './string-matcher';
import type { Cluster } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { TransportSocket } from '../xds/gen/envoy/config/core/v3/base_pb';
import type { LbEndpoint } from '../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { CertificateValidationContext } from '../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { DownstreamTlsContextSchema, UpstreamTlsContextSchema, type DownstreamTlsContext } from '../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';

/** How a proxy speaks to an endpoint. */
export interface UpstreamTransport extends Pick<Connection, 'transport' | 'sni' | 'alpn' | 'http'> {
  /** Secret of the certificate that it shows: `default` is the workload's own; '' for none. */
  readonly certificate: string;
}

/** What ALPN Istio's filter offers for a plain HTTP/1.1 request. */
const ISTIO_ALPN = ['istio-http/1.1', 'istio', 'http/1.1'];

/** The workload's own certificate, by the name of its secret. */
export const WORKLOAD_CERTIFICATE = 'default';

/** Mutual TLS or plain, as the cluster's sockets and the endpoint's metadata say. `terminal`: where the request came in, for HTTP. */
export function transportTo({ message }: ClusterTable, { message: endpoint }: Host, terminal: HttpTerminal | undefined): UpstreamTransport {
  const tls = socketFor(message, endpoint);
  const context = tls && upstreamContext(tls);
  const isHttp = terminal !== undefined;
  if (context === undefined) return { transport: 'raw_buffer', certificate: '', ...(isHttp && { http: 'http/1.1' as const }) };
  const istio = message.metadata?.filterMetadata.istio as { alpn_override?: unknown } | undefined;
  const hasFilter = terminal?.manager.httpFilters.some(({ name }) => name === 'istio.alpn') ?? false;
  const overridden = isHttp && hasFilter && istio?.alpn_override !== 'false';
  const { alpnProtocols = [], tlsCertificateSdsSecretConfigs: secrets = [], tlsCertificates = [] } = context.commonTlsContext ?? {};
  const certificate = secrets[0]?.name ?? (tlsCertificates.length > 0 ? 'inline' : '');
  return { transport: 'tls', sni: context.sni, alpn: overridden ? ISTIO_ALPN : alpnProtocols, certificate };
}

function socketFor({ transportSocketMatches, transportSocket }: Cluster, endpoint: LbEndpoint): TransportSocket | undefined {
  const labels = (endpoint.metadata?.filterMetadata['envoy.transport_socket_match'] ?? {}) as Readonly<Record<string, unknown>>;
  const match = transportSocketMatches.find(candidate => Object.entries(candidate.match ?? {}).every(([key, value]) => labels[key] === value));
  return match === undefined ? transportSocket : match.transportSocket;
}

/** What a caller brings to a handshake. */
export interface Shown extends Pick<UpstreamTransport, 'transport' | 'certificate'> {
  /** Names in its certificate; where they are not known, they are taken to be right. */
  readonly names?: readonly string[];
}

/** '' where the chain can talk with what the caller's proxy speaks, else why the handshake fails. */
export function handshakeFailure({ terminatesTls, message }: Chain, { transport, certificate, names }: Shown): string {
  if (transport === 'raw_buffer') return terminatesTls ? 'it speaks TLS, and the caller sends plain text' : '';
  if (!terminatesTls) return 'it reads plain text, and the caller speaks TLS';
  const context = downstreamContext(message.transportSocket!);
  if (certificate === '') return context?.requireClientCertificate === true ? 'it asks for a certificate, and the caller shows none' : '';
  const { matchTypedSubjectAltNames: typed = [], matchSubjectAltNames: untyped = [] } = validationOf(context) ?? {};
  const wanted = [...typed.map(({ matcher }) => matcher), ...untyped].filter(matcher => matcher !== undefined).map(prepareStringMatcher);
  if (names === undefined || wanted.length === 0) return '';
  const taken = wanted.some(({ test }) => names.some(test));
  return taken ? '' : `it takes certificates of other names, and the caller shows ${names.length === 0 ? 'one without a name' : names.join(', ')}`;
}

function validationOf(context: DownstreamTlsContext | undefined): CertificateValidationContext | undefined {
  const type = context?.commonTlsContext?.validationContextType;
  if (type?.case === 'combinedValidationContext') return type.value.defaultValidationContext;
  return type?.case === 'validationContext' ? type.value : undefined;
}

/** Unpacks the settings of a socket once: each connection asks for them. */
function unpackedOnce<T extends object>(unpack: (any: Any) => T | undefined): (socket: TransportSocket) => T | undefined {
  const known = new WeakMap<TransportSocket, { readonly context: T | undefined }>();
  return socket => {
    let found = known.get(socket);
    if (found === undefined) known.set(socket, found = { context: socket.configType.case === 'typedConfig' ? unpack(socket.configType.value) : undefined });
    return found.context;
  };
}

const upstreamContext = unpackedOnce(any => anyUnpack(any, UpstreamTlsContextSchema));
const downstreamContext = unpackedOnce(any => anyUnpack(any, DownstreamTlsContextSchema));
