import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { formattersOf, jsonFormat, meshFormat, TEXT_FORMAT, textFormat } from './access-log-format';
import type { Format } from './access-log-format';
import { grpcTo } from './tracers';
import { textMapOf } from '../../model/json';
import { compare } from '../../model/resource';
import { pack } from '../../xds/any';
import { ApiVersion } from '../../xds/gen/envoy/config/core/v3/config_source_pb';
import { FileAccessLogSchema } from '../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb';
import { HttpGrpcAccessLogConfigSchema, TcpGrpcAccessLogConfigSchema } from '../../xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb';
import type { CommonGrpcAccessLogConfigSchema } from '../../xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb';
import { OpenTelemetryAccessLogConfigSchema } from '../../xds/gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb';
import type { ExtensionProvider } from '../istio-api';
import type { Mesh } from '../mesh';
import { clusterOfProvider } from '../security/provider-cluster';
import type { ProviderCluster } from '../security/provider-cluster';

/** A logger of Envoy's: where lines go to, and what is in them. */
export interface Sink { readonly name: string; readonly config: Any }

const STDOUT = '/dev/stdout';

/** What proxies of Istio's know of each other, for services that collect logs. */
const PEERS = ['upstream_peer', 'downstream_peer'];
/** The same with the names that earlier versions used. */
const PEERS_OF_ALL_VERSIONS = [...PEERS, 'wasm.upstream_peer', 'wasm.upstream_peer_id', 'wasm.downstream_peer', 'wasm.downstream_peer_id'];

export const fileSink = (path: string, format: Format): Sink => (
  { name: 'envoy.access_loggers.file', config: pack(FileAccessLogSchema, { path, accessLogFormat: { case: 'logFormat', value: format } }) });

/** The logger behind a provider of MeshConfig; undefined for one of another purpose, or whose service the registry lacks (istio-behaviour H1). */
export function sinkOf(mesh: Mesh, provider: ExtensionProvider): Sink | undefined {
  const { envoyFileAccessLog: file, envoyHttpAls: http, envoyTcpAls: tcp, envoyOtelAls: otel } = provider;
  if (file !== undefined) return fileOf(mesh, provider.name ?? '', file);
  const service = http ?? tcp ?? otel;
  const found = service && clusterOfProvider(mesh, service.service, service.port);
  if (found === undefined) return undefined;
  if (http !== undefined) {
    return {
      name: 'envoy.access_loggers.http_grpc',
      config: pack(HttpGrpcAccessLogConfigSchema, {
        commonConfig: grpc(found, http.logName || 'http_envoy_accesslog', nonEmpty(http.filterStateObjectsToLog) ?? PEERS),
        additionalRequestHeadersToLog: [...http.additionalRequestHeadersToLog ?? []],
        additionalResponseHeadersToLog: [...http.additionalResponseHeadersToLog ?? []],
        additionalResponseTrailersToLog: [...http.additionalResponseTrailersToLog ?? []],
      }),
    };
  }
  if (tcp !== undefined) {
    return {
      name: 'envoy.tcp_grpc_access_log',
      config: pack(TcpGrpcAccessLogConfigSchema, {
        commonConfig: grpc(found, tcp.logName || 'tcp_envoy_accesslog', nonEmpty(tcp.filterStateObjectsToLog) ?? PEERS),
      }),
    };
  }
  const text = otel?.logFormat?.text || TEXT_FORMAT;
  const labels = Object.entries(textMapOf(otel?.logFormat?.labels)).sort(([a], [b]) => compare(a, b));
  return {
    name: 'envoy.access_loggers.open_telemetry',
    config: pack(OpenTelemetryAccessLogConfigSchema, {
      commonConfig: grpc(found, otel?.logName || 'otel_envoy_accesslog', PEERS_OF_ALL_VERSIONS),
      disableBuiltinLabels: true,
      body: { value: { case: 'stringValue', value: text } },
      attributes: labels.length === 0 ? undefined
        : { values: labels.map(([key, value]) => ({ key, value: { value: { case: 'stringValue' as const, value } } })) },
      formatters: formattersOf(text, ...labels.map(([, value]) => value)),
    }),
  };
}

function fileOf(mesh: Mesh, name: string, { path, omitEmptyValues, logFormat }: NonNullable<ExtensionProvider['envoyFileAccessLog']>): Sink {
  const file = path || STDOUT;
  // Istio's own provider says nothing of its format, so the mesh's applies.
  if (name === 'envoy' && logFormat === undefined && omitEmptyValues !== true) return fileSink(file, meshFormat(mesh.model.config));
  const { labels, text = '' } = logFormat ?? {};
  const format = labels === undefined ? textFormat(text) : jsonFormat(labels as JsonObject);
  return fileSink(file, { ...format, omitEmptyValues: omitEmptyValues === true });
}

const grpc = (
  found: ProviderCluster, logName: string, filterStateObjectsToLog: readonly string[],
): MessageInitShape<typeof CommonGrpcAccessLogConfigSchema> => (
  { logName, grpcService: grpcTo(found), transportApiVersion: ApiVersion.V3, filterStateObjectsToLog: [...filterStateObjectsToLog] });

const nonEmpty = (list: readonly string[] | undefined): readonly string[] | undefined => (list === undefined || list.length === 0 ? undefined : list);
