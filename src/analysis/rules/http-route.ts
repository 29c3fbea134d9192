import type { CorsPolicy, Headers, HttpFault, HttpRetry, HttpRoute } from '../../compiler/istio-api';
import { parseDuration } from '../../model/durations';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { headerOperationRules, quote, rangeRules, regexRules } from './common';
import type { Reporter } from './context';
import { isHeaderName, isPort, regexFault } from './predicates';

/** What a rule does with requests besides routing them (istio-validation §1.4). */
export function httpRouteRules(at: Reporter, rule: HttpRoute, path: Path): void {
  if (rule.fault !== undefined) faultRules(at, rule.fault, [...path, 'fault']);
  mirrorRules(at, rule, path);
  if (rule.redirect !== undefined) redirectRules(at, rule.redirect, [...path, 'redirect'], rule);
  if (rule.directResponse !== undefined) directResponseRules(at, rule.directResponse, [...path, 'directResponse']);
  if (rule.rewrite !== undefined) rewriteRules(at, rule.rewrite, [...path, 'rewrite']);
  if (rule.retries !== undefined) retryRules(at, rule.retries, [...path, 'retries']);
  if (rule.corsPolicy !== undefined) corsRules(at, rule.corsPolicy, [...path, 'corsPolicy']);
  headerOperationRules(at, rule.headers, [...path, 'headers']);
  authorityOnce(at, rule.headers, rule.rewrite?.authority, path);
  rule.route?.forEach((route, index) => headerOperationRules(at, route.headers, [...path, 'route', index, 'headers']));
}

/** The name a request is sent under is set in one place. */
function authorityOnce(at: Reporter, headers: Headers | undefined, authority: string | undefined, path: Path): void {
  const names = (['set', 'add'] as const).flatMap(operation => Object.keys(headers?.request?.[operation] ?? {}).map(name => [operation, name]))
    .filter(([, name]) => ['host', ':authority'].includes(name.toLowerCase()));
  const places = [...(authority === undefined || authority === '' ? [] : ['rewrite.authority']), ...names.map(([operation, name]) => `headers.request.${operation}.${name}`)];
  if (places.length > 1) at.invalid(path, 'MESH_ACTION_CONFLICT', `${fieldOf(path)} sets the authority once, got ${places.join(' and ')}`, 'keep one of them');
}

const GRPC_STATUSES: ReadonlySet<string> = new Set(['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS',
  'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED']);

function faultRules(at: Reporter, fault: HttpFault, path: Path): void {
  const { abort, delay } = fault;
  if (abort === undefined && delay === undefined) at.invalid(path, 'MESH_FAULT_INVALID', `${fieldOf(path)} has an abort or a delay, got neither`, 'add one of them');
  for (const kind of ['abort', 'delay'] as const) shareRules(at, fault[kind]?.percentage?.value, [...path, kind, 'percentage', 'value']);
  if (abort !== undefined) {
    const place = [...path, 'abort'];
    if (abort.httpStatus !== undefined && (abort.httpStatus < 200 || abort.httpStatus > 600)) {
      at.invalid([...place, 'httpStatus'], 'MESH_STATUS_INVALID', `an abort has a status from 200 to 600, got ${abort.httpStatus}`, 'choose one in that range');
    }
    if (abort.grpcStatus !== undefined && !GRPC_STATUSES.has(abort.grpcStatus)) {
      at.invalid([...place, 'grpcStatus'], 'MESH_STATUS_INVALID', `a gRPC status has a name such as UNAVAILABLE, got ${quote(abort.grpcStatus)}`, `use one of ${[...GRPC_STATUSES].join(', ')}`);
    }
    if ('http2Error' in abort) {at.invalid([...place, 'http2Error'], 'MESH_FAULT_INVALID', 'http2Error does nothing in Istio, got one', 'use httpStatus or grpcStatus');} else if (abort.httpStatus === undefined && abort.grpcStatus === undefined) {
      at.doubtful(place, 'MESH_FAULT_INVALID', 'an abort without httpStatus or grpcStatus does nothing', 'add httpStatus');
    }
  }
  if (delay === undefined) return;
  if ('exponentialDelay' in delay) at.invalid([...path, 'delay', 'exponentialDelay'], 'MESH_FAULT_INVALID', 'exponentialDelay does nothing in Istio, got one', 'use fixedDelay');
  if ((delay.percent ?? 0) > 0) {
    at.doubtful([...path, 'delay', 'percent'], 'MESH_FIELD_DEPRECATED', `delay.percent is deprecated, got ${delay.percent}`, `write percentage: {value: ${delay.percent}}`, 'IST0002');
  }
}

function mirrorRules(at: Reporter, rule: HttpRoute, path: Path): void {
  for (const field of ['mirrorPercent', 'mirror_percent'] as const) {
    const percent = (rule as HttpRoute & { readonly mirror_percent?: number })[field];
    if (percent === undefined) continue;
    rangeRules(at, percent, 0, 100, [...path, field], 'MESH_PERCENT_INVALID');
    at.doubtful([...path, field], 'MESH_FIELD_DEPRECATED', `${field} is deprecated, got ${percent}`, `write mirrorPercentage: {value: ${percent}}`);
  }
  rangeRules(at, rule.mirrorPercentage?.value, 0, 100, [...path, 'mirrorPercentage', 'value'], 'MESH_PERCENT_INVALID');
  rule.mirrors?.forEach((mirror, index) => rangeRules(at, mirror.percentage?.value, 0, 100, [...path, 'mirrors', index, 'percentage', 'value'], 'MESH_PERCENT_INVALID'));
}

/** A share of 100; Envoy counts in millionths. */
function shareRules(at: Reporter, value: number | undefined, path: Path): void {
  if (value !== undefined && (value < 0 || value > 100 || (value > 0 && value < 0.0001))) {
    at.invalid(path, 'MESH_PERCENT_INVALID', `${fieldOf(path)} is 0, or from 0.0001 to 100, got ${value}`, 'write a share of 100');
  }
}

function redirectRules(at: Reporter, redirect: NonNullable<HttpRoute['redirect']>, path: Path, rule: HttpRoute): void {
  const { uri, prefixRewrite, authority, scheme, port, derivePort, redirectCode } = redirect;
  if (uri !== undefined && prefixRewrite !== undefined) at.invalid(path, 'MESH_ACTION_CONFLICT', 'a redirect has a uri or a prefixRewrite, got both', 'keep one of them');
  if ([uri, prefixRewrite, authority, scheme, port, derivePort].every(value => value === undefined)) {
    at.invalid(path, 'MESH_REDIRECT_INVALID', 'a redirect changes at least one of uri, prefixRewrite, authority, scheme, port, got none', 'say where to redirect');
  }
  if (redirectCode !== undefined && redirectCode !== 0 && (redirectCode < 300 || redirectCode > 399)) {
    at.invalid([...path, 'redirectCode'], 'MESH_STATUS_INVALID', `a redirect has a code from 300 to 399, got ${redirectCode}`, 'write 301, 302, 303, 307 or 308');
  }
  if (scheme !== undefined && scheme !== '' && !['http', 'https'].includes(scheme)) {
    at.invalid([...path, 'scheme'], 'MESH_REDIRECT_INVALID', `a redirect's scheme is http or https, got ${quote(scheme)}`, 'choose one of them');
  }
  if (port !== undefined && port !== 0 && !isPort(port)) at.invalid([...path, 'port'], 'MESH_PORT_INVALID', `a port is from 1 to 65535, got ${port}`, 'choose one in that range');
  if (prefixRewrite !== undefined && !(rule.match ?? []).every(match => match.uri?.prefix !== undefined)) {
    at.invalid([...path, 'prefixRewrite'], 'MESH_REDIRECT_INVALID', 'prefixRewrite replaces a matched prefix, got a match without uri.prefix', 'match by uri.prefix or use uri');
  }
}

const [MAX_BODY, LARGE_BODY] = [1024 * 1024, 100 * 1024];

function directResponseRules(at: Reporter, response: NonNullable<HttpRoute['directResponse']>, path: Path): void {
  if (response.status < 200 || response.status > 600) {
    at.invalid([...path, 'status'], 'MESH_STATUS_INVALID', `a direct response has a status from 200 to 600, got ${response.status}`, 'choose one in that range');
  }
  const { string, bytes } = response.body ?? {};
  const decoded = Math.floor((bytes ?? '').replace(/=+$/, '').length * 3 / 4);
  const size = string === undefined ? decoded : new TextEncoder().encode(string).length;
  const place = [...path, 'body'];
  if (size > MAX_BODY) at.invalid(place, 'MESH_LIMIT_INVALID', `the body of a direct response has at most 1 MiB, got ${size} bytes`, 'serve it from a service');
  else if (size > LARGE_BODY) at.doubtful(place, 'MESH_LIMIT_INVALID', `every proxy holds the body of a direct response in memory, got ${size} bytes`, 'serve it from a service');
}

function rewriteRules(at: Reporter, rewrite: NonNullable<HttpRoute['rewrite']>, path: Path): void {
  const { uri, uriRegexRewrite, authority } = rewrite;
  if ((uri ?? '') !== '' && uriRegexRewrite !== undefined) at.invalid(path, 'MESH_ACTION_CONFLICT', 'a rewrite has a uri or a uriRegexRewrite, got both', 'keep one of them');
  if ([uri, uriRegexRewrite, authority].every(value => (value ?? '') === '')) {
    at.invalid(path, 'MESH_REWRITE_INVALID', 'a rewrite changes at least one of uri, uriRegexRewrite, authority, got none', 'say what to rewrite');
  }
  if (uriRegexRewrite === undefined) return;
  regexRules(at, uriRegexRewrite.match ?? '', [...path, 'uriRegexRewrite', 'match']);
  if ((uriRegexRewrite.rewrite ?? '') === '') {
    at.invalid([...path, 'uriRegexRewrite'], 'MESH_REWRITE_INVALID', 'uriRegexRewrite has match and rewrite, got no rewrite', 'add rewrite');
  }
}

const RETRY_ON: ReadonlySet<string> = new Set(['5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'retriable-4xx', 'refused-stream',
  'retriable-status-codes', 'retriable-headers', 'envoy-ratelimited', 'http3-post-connect-failure', 'cancelled', 'deadline-exceeded', 'internal',
  'resource-exhausted', 'unavailable']);

/** Codes that Go's net/http names: the ones istiod takes. */
const STATUSES: ReadonlySet<number> = new Set([100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226,
  300, 301, 302, 303, 304, 305, 307, 308,
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451,
  500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511]);

function retryRules(at: Reporter, retries: HttpRetry, path: Path): void {
  const { attempts = 0 } = retries;
  if (attempts < 0) at.invalid([...path, 'attempts'], 'MESH_RETRIES_INVALID', `attempts is 0 or more, got ${attempts}`, 'write 0 for no retry');
  if (attempts === 0) {
    for (const field of ['perTryTimeout', 'retryOn', 'retryRemoteLocalities'] as const) {
      if (retries[field] !== undefined) {
        at.invalid([...path, field], 'MESH_RETRIES_INVALID', `${field} needs attempts of 1 or more, got ${retries.attempts ?? 'none'}`, `add attempts or remove ${field}`);
      }
    }
  }
  retryOnRules(at, retries.retryOn ?? '', [...path, 'retryOn']);
}

/** Each condition of a list is one that Envoy knows. */
export function retryOnRules(at: Reporter, retryOn: string, path: Path): void {
  for (const condition of retryOn === '' ? [] : retryOn.split(',')) {
    if (!RETRY_ON.has(condition) && !(/^\d{3}$/.test(condition) && STATUSES.has(Number(condition)))) {
      at.invalid(path, 'MESH_RETRY_ON_INVALID', `retryOn lists HTTP status codes and ${[...RETRY_ON].join(', ')} without blanks, got ${quote(condition)}`, 'correct the name');
    }
  }
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*']);

function corsRules(at: Reporter, cors: CorsPolicy, path: Path): void {
  const fault = (place: Path, message: string, repair: string) => at.invalid(place, 'MESH_CORS_INVALID', message, repair);
  cors.allowOrigins?.forEach((origin, index) => {
    const place = [...path, 'allowOrigins', index];
    if (origin.exact === '' || origin.prefix === '' || Object.keys(origin).length === 0) fault(place, 'an allowed origin is not empty, got ""', 'name the origin');
    if (origin.regex !== undefined && regexFault(origin.regex) !== undefined) regexRules(at, origin.regex, [...place, 'regex']);
  });
  cors.allowMethods?.forEach((method, index) => {
    if (!METHODS.has(method)) fault([...path, 'allowMethods', index], `an allowed method is one of ${[...METHODS].join(', ')}, got ${quote(method)}`, 'correct the method');
  });
  for (const field of ['allowHeaders', 'exposeHeaders'] as const) {
    cors[field]?.forEach((name, index) => {
      if (name !== '*' && !isHeaderName(name)) fault([...path, field, index], `${field} has header names or *, got ${quote(name)}`, 'correct the name');
    });
  }
  const age = cors.maxAge === undefined ? undefined : parseDuration(cors.maxAge);
  if (age !== undefined && age % 1000 !== 0) fault([...path, 'maxAge'], `maxAge is a whole number of seconds, got ${cors.maxAge}`, `write ${Math.ceil(age / 1000)}s`);
}
