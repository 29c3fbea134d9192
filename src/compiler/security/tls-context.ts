import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { pack, unpack } from '../../xds/any';
import { TransportSocketSchema } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { TransportSocket } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { ConfigSourceSchema } from '../../xds/gen/envoy/config/core/v3/config_source_pb';
import type { ConfigSource } from '../../xds/gen/envoy/config/core/v3/config_source_pb';
import { RawBufferSchema } from '../../xds/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb';
import { TlsParameters_TlsProtocol } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/common_pb';
import { SdsSecretConfigSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { SdsSecretConfig } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { CommonTlsContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { DownstreamTlsContextSchema, UpstreamTlsContextSchema } from '../../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import * as literal from '../../xds/literals';
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

const secretsOf = new WeakMap<TransportSocket, readonly string[]>();

const TLS_SOCKET = 'envoy.transport_sockets.tls';

/** Names of the secrets that a socket refers to. Those of sockets made here are known; reading them back costs more than all the rest. */
export function secretsOfSocket(socket: TransportSocket | undefined): readonly string[] {
  if (socket === undefined) return [];
  const known = secretsOf.get(socket);
  if (known !== undefined || socket.name !== TLS_SOCKET || socket.configType.case !== 'typedConfig') return known ?? [];
  const context = unpack(socket.configType.value, UpstreamTlsContextSchema) ?? unpack(socket.configType.value, DownstreamTlsContextSchema);
  return secretsIn(context?.commonTlsContext);
}

/** A socket around another one needs the same secrets. */
export function holdsSecretsOf(inner: TransportSocket | undefined, outer: TransportSocket): TransportSocket {
  secretsOf.set(outer, secretsOfSocket(inner));
  return outer;
}

/** A TLS socket around a packed context. */
export function tlsSocket(context: Any, secrets: readonly string[]): TransportSocket {
  const socket = literal.transportSocket(TLS_SOCKET, context);
  secretsOf.set(socket, secrets);
  return socket;
}

export const upstreamTls = (context: MessageInitShape<typeof UpstreamTlsContextSchema>): TransportSocket => (
  tlsSocket(pack(UpstreamTlsContextSchema, context), secretsIn(context.commonTlsContext)));

export const downstreamTls = (context: MessageInitShape<typeof DownstreamTlsContextSchema>): TransportSocket => (
  tlsSocket(pack(DownstreamTlsContextSchema, context), secretsIn(context.commonTlsContext)));

function secretsIn(common: MessageInitShape<typeof CommonTlsContextSchema> | undefined): string[] {
  const validation = common?.validationContextType;
  const roots = validation?.case === 'combinedValidationContext' ? validation.value.validationContextSdsSecretConfig : undefined;
  return [...common?.tlsCertificateSdsSecretConfigs ?? [], ...(roots === undefined ? [] : [roots])].map(({ name }) => name ?? '');
}

export const exactNames = (names: readonly string[]) => names.map(value => ({ matchPattern: { case: 'exact' as const, value } }));

/** Istio waits for workload secrets without limit, but for file secrets only as long as Envoy does. */
export function fileSource(source: ConfigSource): ConfigSource {
  return source === ADS ? ADS_SECRETS : create(ConfigSourceSchema, { ...source, initialFetchTimeout: undefined });
}
