import { create } from '@bufbuild/protobuf';
import { pack } from '../../xds/any';
import { Cluster_TransportSocketMatchSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TransportSocketSchema } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { ProxyProtocolConfig_Version } from '../../xds/gen/envoy/config/core/v3/proxy_protocol_pb';
import { ProxyProtocolUpstreamTransportSchema } from '../../xds/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb';
import type { PolicyBlocks } from '../istio-api';
import type { ClientTransport } from '../security/client-tls';
import { holdsSecretsOf, RAW_BUFFER } from '../security/tls-context';

/** What Istio writes where there is no socket to wrap: of its sockets only this one has the short name. */
const PLAIN: TransportSocket = { ...RAW_BUFFER, name: 'raw_buffer' };

/** The caller's address goes first, whatever the connection carries then (istio-behaviour D6). */
export function withProxyProtocol(transport: ClientTransport, proxyProtocol: PolicyBlocks['proxyProtocol']): ClientTransport {
  if (proxyProtocol === undefined) return transport;
  const version = proxyProtocol.version === 'V2' ? ProxyProtocolConfig_Version.V2 : ProxyProtocolConfig_Version.V1;
  const wrap = (inner: TransportSocket | undefined): TransportSocket => holdsSecretsOf(inner, create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    configType: { case: 'typedConfig', value: pack(ProxyProtocolUpstreamTransportSchema, { config: { version }, transportSocket: inner ?? PLAIN }) },
  }));
  return {
    ...transport,
    sockets: (sni) => {
      const { socket, matches } = transport.sockets(sni);
      if (matches.length === 0) return { matches, socket: wrap(socket) };
      const wrapped = matches.map(match => create(Cluster_TransportSocketMatchSchema, { ...match, transportSocket: wrap(match.transportSocket) }));
      return { matches: wrapped };
    },
  };
}
