import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import type { MeshConfig } from '../../model/mesh-config';
import { pack } from '../../xds/any';
import type { SubstitutionFormatStringSchema } from '../../xds/gen/envoy/config/core/v3/substitution_format_string_pb';
import { ReqWithoutQuerySchema } from '../../xds/gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb';

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

export type Format = MessageInitShape<typeof SubstitutionFormatStringSchema>;

/** A line of text; Istio's own where none is given. */
export function textFormat(text: string): Format {
  // A format without its line feed would run all lines together.
  const inlineString = text === '' ? TEXT_FORMAT : text.endsWith('\n') ? text : `${text}\n`;
  return { format: { case: 'textFormatSource', value: { specifier: { case: 'inlineString', value: inlineString } } }, formatters: formattersOf(inlineString) };
}

/** An object of the fields given; of Istio's own where there are none. */
export function jsonFormat(fields: JsonObject | undefined): Format {
  const value = fields === undefined || Object.keys(fields).length === 0 ? JSON_FORMAT : fields;
  return { format: { case: 'jsonFormat', value }, jsonFormatOptions: {}, formatters: formattersOf(...Object.values(value)) };
}

/** The mesh's own format. */
export function meshFormat({ accessLogEncoding, accessLogFormat }: Pick<MeshConfig, 'accessLogEncoding' | 'accessLogFormat'>): Format {
  return accessLogEncoding === 'JSON' ? jsonFormat(parsed(accessLogFormat)) : textFormat(accessLogFormat);
}

/** Operators that Envoy knows by an extension only; Istio looks for them in texts, not deeper. */
export function formattersOf(...values: readonly unknown[]): NonNullable<Format['formatters']> {
  return values.some(value => typeof value === 'string' && value.includes('%REQ_WITHOUT_QUERY')) ? [{ name: 'envoy.formatter.req_without_query', typedConfig: pack(ReqWithoutQuerySchema) }] : [];
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
