import { create } from '@bufbuild/protobuf';
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { compare } from '../../model/resource';
import { pack } from '../../xds/any';
import { AccessLogSchema } from '../../xds/gen/envoy/config/accesslog/v3/accesslog_pb';
import type { AccessLogFilterSchema, AccessLog } from '../../xds/gen/envoy/config/accesslog/v3/accesslog_pb';
import type { SubstitutionFormatStringSchema } from '../../xds/gen/envoy/config/core/v3/substitution_format_string_pb';
import { ExpressionFilterSchema } from '../../xds/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb';
import type { ExtensionProvider } from '../istio-api';
import type { View } from '../view';
import { aboutSide, effectiveProviders, providerNames, telemetryLevels } from './levels';
import type { Side } from './levels';
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

/** Logs of every request and connection that a proxy reports on one side. */
export const accessLogs = (view: View, side: Side): AccessLog[] => (
  view.mesh.memo.get('accessLogs', [view.facetKey, side], () => loggers(view, side).map(logger => fileLog(logger, celFilter(logger.expression)))));

/** Logs of a listener itself: only connections that no filter chain took. */
export const listenerAccessLogs = (view: View, side: Side): AccessLog[] => (
  view.mesh.memo.get('listenerAccessLogs', [view.facetKey, side], () => loggers(view, side).map((logger) => {
    const unmatched: Filter = { filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } } };
    const cel = celFilter(logger.expression);
    return fileLog(logger, cel === undefined ? unmatched : { filterSpecifier: { case: 'andFilter', value: { filters: [unmatched, cel] } } });
  })));

type Filter = MessageInitShape<typeof AccessLogFilterSchema>;

/** One file that is written to. */
interface Logger {
  readonly path: string;
  readonly format: Format;
  /** Condition of a Telemetry resource. */
  readonly expression?: string;
}

type Format = MessageInitShape<typeof SubstitutionFormatStringSchema>;

function loggers(view: View, side: Side): Logger[] {
  const { config } = view.mesh.model;
  const entries = telemetryLevels(view).map(({ accessLogging }) => accessLogging ?? []).filter(list => list.length > 0);
  const defaults = providerList((config.raw.defaultProviders as { accessLogging?: unknown } | undefined)?.accessLogging);
  if (entries.length === 0 && defaults.length === 0) {
    if (config.accessLogFile === '') return [];
    return [{ path: config.accessLogFile, format: config.accessLogEncoding === 'JSON' ? jsonFormat(parsed(config.accessLogFormat)) : textFormat(config.accessLogFormat) }];
  }
  const speaking = entries.map(list => list.filter(({ match }) => aboutSide(match, side)));
  const inForce = effectiveProviders(speaking.map(list => list.flatMap(({ providers }) => providerNames(providers))), defaults);
  const chosen = new Map<string, string | undefined>(entries.length === 0 ? defaults.map(name => [name, undefined]) : []);
  let inherited = defaults;
  for (const { providers, disabled, filter } of speaking.flat()) {
    const own = providerNames(providers);
    if (own.length > 0) inherited = own;
    for (const name of inherited.filter(candidate => inForce.has(candidate))) {
      if (disabled === true) chosen.delete(name);
      else chosen.set(name, filter?.expression);
    }
  }
  return [...chosen].sort(([a], [b]) => compare(a, b)).flatMap(([name, expression]) => {
    const provider = providerOf(view, name);
    return provider === undefined ? [] : [{ ...provider, expression }];
  });
}

const providerList = (value: unknown): string[] => (Array.isArray(value) ? value.filter(name => typeof name === 'string') : []);

/** The file behind a provider: `envoy` is built in. */
function providerOf(view: View, name: string): Logger | undefined {
  const providers = (view.mesh.model.config.raw.extensionProviders ?? []) as readonly ExtensionProvider[];
  const file = providers.find(provider => provider.name === name)?.envoyFileAccessLog;
  if (file === undefined) return name === 'envoy' ? { path: '/dev/stdout', format: textFormat('') } : undefined;
  const labels = file.logFormat?.labels;
  const format = labels === undefined ? textFormat(file.logFormat?.text ?? '') : jsonFormat(labels as JsonObject);
  return { path: file.path ?? '/dev/stdout', format: { ...format, omitEmptyValues: file.omitEmptyValues === true } };
}

function celFilter(expression: string | undefined): Filter | undefined {
  if (expression === undefined) return undefined;
  const typedConfig = pack(ExpressionFilterSchema, { expression });
  return {
    filterSpecifier: {
      case: 'extensionFilter',
      value: { name: 'envoy.access_loggers.extension_filters.cel', configType: { case: 'typedConfig', value: typedConfig } },
    },
  };
}

function fileLog({ path, format }: Logger, filter: Filter | undefined): AccessLog {
  return create(AccessLogSchema, {
    name: 'envoy.access_loggers.file',
    filter,
    configType: { case: 'typedConfig', value: pack(FileAccessLogSchema, { path, accessLogFormat: { case: 'logFormat', value: format } }) },
  });
}

function textFormat(text: string) {
  // A format without its line feed would run all lines together.
  const inlineString = text === '' ? TEXT_FORMAT : text.endsWith('\n') ? text : `${text}\n`;
  return { format: { case: 'textFormatSource' as const, value: { specifier: { case: 'inlineString' as const, value: inlineString } } } };
}

const jsonFormat = (fields: JsonObject | undefined) => (
  { format: { case: 'jsonFormat' as const, value: fields ?? JSON_FORMAT }, jsonFormatOptions: {} });

function parsed(text: string): JsonObject | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    // Istio falls back to its own keys as well.
    return undefined;
  }
}
