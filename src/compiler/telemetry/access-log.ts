import { create } from '@bufbuild/protobuf';
import type { JsonObject } from '@bufbuild/protobuf';
import type { MeshConfig } from '../../model/mesh-config';
import { pack } from '../../xds/any';
import { AccessLogSchema } from '../../xds/gen/envoy/config/accesslog/v3/accesslog_pb';
import type { AccessLog } from '../../xds/gen/envoy/config/accesslog/v3/accesslog_pb';
import { FileAccessLogSchema } from '../../xds/gen/envoy/extensions/access_loggers/file/v3/file_pb';

/** Istio's default line, and the operator behind each key of its JSON form (istio-behaviour H1). */
export const TEXT_FORMAT = '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
  + '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
  + '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" '
  + '%UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';

const JSON_FORMAT: JsonObject = {
  authority: '%REQ(:AUTHORITY)%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  duration: '%DURATION%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  request_id: '%REQ(X-REQUEST-ID)%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  response_code: '%RESPONSE_CODE%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  response_flags: '%RESPONSE_FLAGS%',
  route_name: '%ROUTE_NAME%',
  start_time: '%START_TIME%',
  upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  user_agent: '%REQ(USER-AGENT)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
};

/** Logs of every request and connection. */
export const accessLogs = (config: MeshConfig): AccessLog[] => fileLog(config, undefined);

/** Logs of a listener itself: only connections that no filter chain took. */
export const listenerAccessLogs = (config: MeshConfig): AccessLog[] => (
  fileLog(config, { filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } } }));

type Filter = { filterSpecifier: { case: 'responseFlagFilter'; value: { flags: string[] } } };

function fileLog(config: MeshConfig, filter: Filter | undefined): AccessLog[] {
  if (config.accessLogFile === '') return [];
  return [create(AccessLogSchema, {
    name: 'envoy.access_loggers.file',
    filter,
    configType: {
      case: 'typedConfig',
      value: pack(FileAccessLogSchema, {
        path: config.accessLogFile,
        accessLogFormat: { case: 'logFormat', value: config.accessLogEncoding === 'JSON' ? jsonFormat(config) : textFormat(config) },
      }),
    },
  })];
}

function textFormat({ accessLogFormat }: MeshConfig) {
  // A format without its line feed would run all lines together.
  const inlineString = accessLogFormat === '' ? TEXT_FORMAT : accessLogFormat.endsWith('\n') ? accessLogFormat : `${accessLogFormat}\n`;
  return { format: { case: 'textFormatSource' as const, value: { specifier: { case: 'inlineString' as const, value: inlineString } } } };
}

function jsonFormat({ accessLogFormat }: MeshConfig) {
  return { format: { case: 'jsonFormat' as const, value: parsed(accessLogFormat) ?? JSON_FORMAT }, jsonFormatOptions: {} };
}

function parsed(text: string): JsonObject | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    // Istio falls back to its own keys as well.
    return undefined;
  }
}
