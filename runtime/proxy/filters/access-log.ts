import { unpack } from '../../../src/xds/any';
import type { AccessLog } from '../../../src/xds/gen/envoy/config/accesslog/v3/accesslog_pb';
import type { SubstitutionFormatString } from '../../../src/xds/gen/envoy/config/core/v3/substitution_format_string_pb';
import { FileAccessLogSchema } from '../../../src/xds/gen/envoy/extensions/access_loggers/file/v3/file_pb';
import { StdoutAccessLogSchema, StderrAccessLogSchema } from '../../../src/xds/gen/envoy/extensions/access_loggers/stream/v3/stream_pb';

/** What the command operators of an access log can ask about one finished request or connection. Empty strings read as `-`. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly protocol: string;
  readonly status: number;
  readonly flags: string;
  readonly details: string;
  readonly terminationDetails: string;
  readonly transportFailure: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  readonly upstreamHost: string;
  readonly clusterName: string;
  readonly upstreamLocal: string;
  readonly downstreamLocal: string;
  readonly downstreamRemote: string;
  readonly downstreamDirectRemote: string;
  readonly serverName: string;
  readonly routeName: string;
  readonly virtualHost: string;
  readonly attempts: number;
  requestHeader(name: string): string | undefined;
  responseHeader(name: string): string | undefined;
}

/** Writes one line for an entry, its newline included. */
export type Formatter = (entry: LogEntry) => string;

/** Istio's default text format. */
export const ISTIO_FORMAT = '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
  + '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
  + '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" '
  + '%UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n';

/** Envoy's own default, for a file log without a format. */
const ENVOY_FORMAT = '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
  + '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
  + '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

type Read = (entry: LogEntry) => string | number;

const OPERATORS: Readonly<Record<string, Read>> = {
  START_TIME: entry => new Date(entry.startTime).toISOString(),
  PROTOCOL: entry => entry.protocol,
  RESPONSE_CODE: entry => entry.status,
  RESPONSE_FLAGS: entry => entry.flags,
  RESPONSE_CODE_DETAILS: entry => entry.details,
  CONNECTION_TERMINATION_DETAILS: entry => entry.terminationDetails,
  UPSTREAM_TRANSPORT_FAILURE_REASON: entry => entry.transportFailure,
  BYTES_RECEIVED: entry => entry.bytesReceived,
  BYTES_SENT: entry => entry.bytesSent,
  DURATION: entry => Math.floor(entry.durationMs),
  UPSTREAM_HOST: entry => entry.upstreamHost,
  UPSTREAM_CLUSTER: entry => entry.clusterName,
  UPSTREAM_CLUSTER_RAW: entry => entry.clusterName,
  UPSTREAM_LOCAL_ADDRESS: entry => entry.upstreamLocal,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: entry => entry.attempts,
  DOWNSTREAM_LOCAL_ADDRESS: entry => entry.downstreamLocal,
  DOWNSTREAM_LOCAL_PORT: entry => portOf(entry.downstreamLocal),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: entry => hostOf(entry.downstreamLocal),
  DOWNSTREAM_REMOTE_ADDRESS: entry => entry.downstreamRemote,
  DOWNSTREAM_REMOTE_PORT: entry => portOf(entry.downstreamRemote),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: entry => hostOf(entry.downstreamRemote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: entry => entry.downstreamDirectRemote,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: entry => hostOf(entry.downstreamDirectRemote),
  REQUESTED_SERVER_NAME: entry => entry.serverName,
  ROUTE_NAME: entry => entry.routeName,
  VIRTUAL_CLUSTER_NAME: () => '',
};

const COMMAND = /%([A-Z0-9_]+)(?:\(([^)]*)\))?(?::(\d+))?%|%%/g;

/** Compiles a format string of Envoy's command operators to one function. Operators that are not known here read as `-`. */
export function compileFormat(format: string): Formatter {
  const parts: (string | Read)[] = [];
  let at = 0;
  for (const match of format.matchAll(COMMAND)) {
    parts.push(format.slice(at, match.index), match[0] === '%%' ? '%' : shown(operator(match[1], match[2]), match[3]));
    at = match.index + match[0].length;
  }
  parts.push(format.slice(at));
  return entry => {
    let line = '';
    for (const part of parts) line += typeof part === 'string' ? part : part(entry);
    return line;
  };
}

/** Compiles the logs of an HTTP connection manager or a TCP proxy; kinds other than file and stream have no line to write. */
export function compileAccessLogs(logs: readonly AccessLog[]): Formatter[] {
  return logs.flatMap(({ configType, filter }) => {
    if (configType.case !== 'typedConfig' || filter !== undefined) return [];
    const file = unpack(configType.value, FileAccessLogSchema);
    if (file !== undefined) {
      const { accessLogFormat: format } = file;
      switch (format.case) {
        case 'format': return [compileFormat(format.value)];
        case 'jsonFormat': case 'typedJsonFormat': return [compileJson(format.value)];
        case 'logFormat': return [substitution(format.value)];
        default: return [compileFormat(ENVOY_FORMAT)];
      }
    }
    const stream = unpack(configType.value, StdoutAccessLogSchema) ?? unpack(configType.value, StderrAccessLogSchema);
    if (stream === undefined) return [];
    return [stream.accessLogFormat.case === 'logFormat' ? substitution(stream.accessLogFormat.value) : compileFormat(ENVOY_FORMAT)];
  });
}

function substitution({ format }: SubstitutionFormatString): Formatter {
  switch (format.case) {
    case 'textFormatSource': return compileFormat(format.value.specifier.case === 'inlineString' ? format.value.specifier.value : ENVOY_FORMAT);
    case 'textFormat': return compileFormat(format.value);
    case 'jsonFormat': return compileJson(format.value);
    default: return compileFormat(ENVOY_FORMAT);
  }
}

/** A JSON log: keys sorted, each value a format string; a value that is one operator keeps its type. */
function compileJson(format: Readonly<Record<string, unknown>>): Formatter {
  const fields = Object.keys(format).sort().map(key => [key, jsonValue(format[key])] as const);
  return entry => `${JSON.stringify(Object.fromEntries(fields.map(([key, read]) => [key, read(entry)])))}\n`;
}

function jsonValue(template: unknown): (entry: LogEntry) => unknown {
  if (typeof template === 'object' && template !== null) {
    const fields = Object.entries(template).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, jsonValue(value)] as const);
    return entry => Object.fromEntries(fields.map(([key, read]) => [key, read(entry)]));
  }
  const text = String(template);
  const single = /^%([A-Z0-9_]+)(?:\(([^)]*)\))?%$/.exec(text);
  if (single === null) return compileFormat(text);
  const read = operator(single[1], single[2]);
  return entry => {
    const value = read(entry);
    return value === '' ? null : value;
  };
}

function operator(name: string, argument: string | undefined): Read {
  switch (name) {
    case 'REQ': return header(argument, (entry, key) => entry.requestHeader(key));
    case 'RESP': return header(argument, (entry, key) => entry.responseHeader(key));
    case 'START_TIME': return argument === undefined || argument === '' ? OPERATORS.START_TIME : entry => strftime(argument, entry.startTime);
    default: return OPERATORS[name] ?? (() => '');
  }
}

/** `%REQ(X?Y)%`: the header X, or Y where X is absent. */
function header(argument: string | undefined, of: (entry: LogEntry, name: string) => string | undefined): Read {
  const [first, second] = (argument ?? '').toLowerCase().split('?');
  return second === undefined ? entry => of(entry, first) ?? '' : entry => of(entry, first) ?? of(entry, second) ?? '';
}

function shown(read: Read, length: string | undefined): Read {
  const limit = length === undefined ? Infinity : Number(length);
  return entry => {
    const value = read(entry);
    if (value === '') return '-';
    return typeof value === 'string' && value.length > limit ? value.slice(0, limit) : value;
  };
}

function strftime(format: string, at: number): string {
  const date = new Date(at);
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0');
  return format.replace(/%([YmdHMSsTF]|[369]f)/g, (_, code: string) => {
    switch (code) {
      case 'Y': return pad(date.getUTCFullYear(), 4);
      case 'm': return pad(date.getUTCMonth() + 1);
      case 'd': return pad(date.getUTCDate());
      case 'H': return pad(date.getUTCHours());
      case 'M': return pad(date.getUTCMinutes());
      case 'S': return pad(date.getUTCSeconds());
      case 's': return String(Math.floor(at / 1000));
      case 'T': return date.toISOString().slice(11, 19);
      case 'F': return date.toISOString().slice(0, 10);
      default: return pad(date.getUTCMilliseconds(), 3).padEnd(Number(code[0]), '0');
    }
  });
}

function hostOf(address: string): string {
  return address.slice(0, Math.max(0, address.lastIndexOf(':')));
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}
