import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { pack } from '../../xds/any';
import { TransportSocketSchema } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { ConfigSourceSchema } from '../../xds/gen/envoy/config/core/v3/config_source_pb';
import type { ConfigSource } from '../../xds/gen/envoy/config/core/v3/config_source_pb';
import { RawBufferSchema } from '../../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb';
import { TlsParameters_TlsProtocol } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { SdsSecretConfigSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { SdsSecretConfig } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { DownstreamTlsContextSchema, UpstreamTlsContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { ADS, ADS_SECRETS } from '../dialect';

/** Pieces of TLS contexts that both directions use. */

export const WORKLOAD_CERTIFICATE = 'default';
export const MESH_ROOTS = 'ROOTCA';

export const ALPN_HTTP = ['h2', 'http/1.1'];
export const ALPN_TCP = ['istio-peer-exchange', 'h2', 'http/1.1'];

export const secret = (name: string, sdsConfig: ConfigSource): SdsSecretConfig => create(SdsSecretConfigSchema, { name, sdsConfig });

export const TLS_1_2_TO_1_3 = {
  tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
  tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
};

export const RAW_BUFFER: TransportSocket = create(TransportSocketSchema, {
  name: 'envoy.transport_sockets.raw_buffer', configType: { case: 'typedConfig', value: pack(RawBufferSchema) },
});

export function upstreamTls(context: MessageInitShape<typeof UpstreamTlsContextSchema>): TransportSocket {
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls', configType: { case: 'typedConfig', value: pack(UpstreamTlsContextSchema, context) },
  });
}

export function downstreamTls(context: MessageInitShape<typeof DownstreamTlsContextSchema>): TransportSocket {
  return create(TransportSocketSchema, {
    name: 'envoy.transport_sockets.tls', configType: { case: 'typedConfig', value: pack(DownstreamTlsContextSchema, context) },
  });
}

export const exactNames = (names: readonly string[]) => names.map(value => ({ matchPattern: { case: 'exact' as const, value } }));

/** Istio waits for workload secrets without limit, but for file secrets only as long as Envoy does. */
export function fileSource(source: ConfigSource): ConfigSource {
  return source === ADS ? ADS_SECRETS : create(ConfigSourceSchema, { ...source, initialFetchTimeout: undefined });
}
