import type { Framing } from './body-reader';
import type { HeadFault, HeadScanner } from './head-scanner';
import type { HttpRequestFacts } from '../../../src/evaluator/decision';

/** Why a request is refused before it is routed, with Envoy's own answer, response flag and details. */
export interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  readonly flag: 'DPE' | '';
}

const refusal = (status: number, body: string, details: string, flag: Refusal['flag'] = 'DPE'): Refusal => ({ status, body, details, flag });

const BAD_REQUEST = refusal(400, 'Bad Request', 'http1.codec_error');
const CHARACTERS = refusal(400, 'Bad Request', 'http1.invalid_characters');
const LENGTH_AND_CHUNKED = refusal(400, 'Bad Request', 'http1.content_length_and_chunked_not_allowed');
const TRANSFER_ENCODING = refusal(501, 'Not Implemented', 'http1.invalid_transfer_encoding');
const AUTHORITY = refusal(400, 'Bad Request', 'http.invalid_authority');
const NO_HOST = refusal(400, '', 'missing_host_header', '');
const CONNECTION = refusal(400, 'Bad Request', 'http1.connection_header_rejected');

/** What a body that cannot be decoded is answered with. */
export const BAD_BODY = BAD_REQUEST;

/** The answer to a head that could not be scanned. */
export function refusalOf(fault: HeadFault): Refusal {
  switch (fault) {
    case 'version': return refusal(426, 'Upgrade Required', 'low_version');
    case 'too_large': return refusal(431, 'Request Header Fields Too Large', 'http1.headers_too_large');
    case 'too_many': return refusal(431, '', 'http1.too_many_headers');
    default: return BAD_REQUEST;
  }
}

/** Envoy's list: any other method is refused. */
const METHODS = new Set([
  'ACL', 'BIND', 'CHECKOUT', 'CONNECT', 'COPY', 'DELETE', 'GET', 'HEAD', 'LINK', 'LOCK', 'MERGE', 'MKACTIVITY', 'MKCALENDAR', 'MKCOL', 'MOVE',
  'MSEARCH', 'NOTIFY', 'OPTIONS', 'PATCH', 'POST', 'PROPFIND', 'PROPPATCH', 'PURGE', 'PUT', 'REBIND', 'REPORT', 'SEARCH', 'SOURCE', 'SUBSCRIBE',
  'TRACE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE',
]);

/** Characters of a host and port (RFC 3986 reg-name and IP literals), without user information. */
const AUTHORITY_FORM = /^[A-Za-z0-9\-._~%!$&'()*+;=:[\]]*$/;
const ABSOLUTE_FORM = /^(https?):\/\/([^/?#]*)([^#]*)$/i;
const DIGITS = /^[0-9]{1,15}$/;

/** Naming these in Connection would take away what routing or framing rests on. */
const NOT_FOR_CONNECTION = new Set(['host', 'content-length', 'transfer-encoding', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);

/** Orders to Envoy's router that only a trusted hop may give; taken away from every request, as none is trusted. */
const ROUTER_ORDERS = new Set([
  'x-envoy-retriable-status-codes', 'x-envoy-retriable-header-names', 'x-envoy-retry-on', 'x-envoy-retry-grpc-on', 'x-envoy-max-retries',
  'x-envoy-upstream-alt-stat-name', 'x-envoy-upstream-rq-timeout-ms', 'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response', 'x-envoy-expected-rq-timeout-ms', 'x-envoy-force-trace', 'x-envoy-ip-tags', 'x-envoy-original-url',
  'x-envoy-original-dst-host', 'x-envoy-decorator-operation', 'x-envoy-hedge-on-per-try-timeout', 'x-envoy-internal',
]);

/** One request head, understood: framing, routing facts, what is not passed on. Reads from its scanner, so it lives as long as the scanner's text. */
export class RequestHead implements HttpRequestFacts {
  public method = '';
  public authority = '';
  public path = '';
  public scheme = 'http';
  public readonly headers = this;
  public framing: Framing = 'none';
  public contentLength = 0;
  /** The client asked for the connection to end after this request. */
  public close = false;
  /** Type of the protocol upgrade asked for, lower case, or ''. */
  public upgrade = '';
  public expectContinue = false;
  /** `te: trailers` stood beside codings that are not passed on. */
  public trailersWanted = false;
  /** Fields that the connection manager sets; undefined where the client's own stay. */
  public requestId: string | undefined;
  public forwardedProto: string | undefined;
  public forwardedFor: string | undefined;
  public externalAddress: string | undefined;
  public hasRequestId = false;
  public hasForwardedProto = false;
  public hasForwardedFor = false;
  public hasAttemptCount = false;

  /** 1 for a field that is not passed on. */
  private readonly dropped: Uint8Array;
  private droppedAny = false;
  private connectionOptions: string[] | undefined;

  public constructor(private readonly scanner: HeadScanner) {
    this.dropped = new Uint8Array(scanner.at.length / 4);
  }

  /** Understands what the scanner holds. Returns why the request is refused, or undefined. */
  public analyse(): Refusal | undefined {
    const { scanner, dropped } = this;
    const { text, at, count } = scanner;
    if (scanner.minor === 0) return refusalOf('version');
    this.method = text.startsWith('GET ', scanner.methodStart) ? 'GET' : text.substring(scanner.methodStart, scanner.methodEnd);
    if (!METHODS.has(this.method)) return BAD_REQUEST;
    this.framing = 'none';
    this.contentLength = 0;
    this.close = false;
    this.upgrade = '';
    this.expectContinue = false;
    this.trailersWanted = false;
    this.scheme = 'http';
    this.requestId = this.forwardedProto = this.forwardedFor = this.externalAddress = undefined;
    this.hasRequestId = this.hasForwardedProto = this.hasForwardedFor = this.hasAttemptCount = false;
    this.connectionOptions = undefined;
    dropped.fill(0, 0, count);
    this.droppedAny = false;
    let hosts = 0;
    let lengths = 0;
    let encodings = 0;
    let upgradeField = -1;
    let teField = -1;
    for (let field = 0; field < count; field++) {
      const start = at[4 * field];
      switch (at[4 * field + 1] - start) {
        case 2:
          if (text.startsWith('te', start)) {
            if (teField >= 0) dropped[field] = 1;
            else teField = field;
          }
          break;
        case 4:
          if (text.startsWith('host', start)) {
            hosts++;
            dropped[field] = 1;
            this.takeAuthority(at[4 * field + 2], at[4 * field + 3]);
          }
          break;
        case 6:
          if (text.startsWith('expect', start)) this.expectContinue = scanner.value(field).toLowerCase() === '100-continue';
          break;
        case 7:
          if (text.startsWith('upgrade', start)) {
            upgradeField = field;
            this.drop(field);
          }
          break;
        case 10:
          if (text.startsWith('connection', start)) {
            this.drop(field);
            if (!this.readConnection(scanner.value(field))) return CONNECTION;
          } else if (text.startsWith('keep-alive', start)) {
            this.drop(field);
          }
          break;
        case 12:
          if (text.startsWith('x-request-id', start)) this.hasRequestId = true;
          break;
        case 14:
          if (text.startsWith('content-length', start)) {
            const value = scanner.value(field);
            if (++lengths > 1 || !DIGITS.test(value)) return BAD_REQUEST;
            this.contentLength = Number(value);
            this.framing = 'length';
          } else if (text.startsWith('http2-settings', start)) {
            this.drop(field);
          }
          break;
        case 15:
          if (text.startsWith('x-forwarded-for', start)) this.hasForwardedFor = true;
          break;
        case 16:
          if (text.startsWith('proxy-connection', start)) this.drop(field);
          break;
        case 17:
          if (text.startsWith('x-forwarded-proto', start)) {
            this.hasForwardedProto = true;
          } else if (text.startsWith('transfer-encoding', start)) {
            if (++encodings > 1 || scanner.value(field).toLowerCase() !== 'chunked') return TRANSFER_ENCODING;
            this.drop(field);
          }
          break;
        default:
          break;
      }
      if (text.startsWith('x-envoy-', start)) {
        const name = scanner.name(field);
        if (ROUTER_ORDERS.has(name)) this.drop(field);
        else if (name === 'x-envoy-attempt-count') this.hasAttemptCount = true;
      }
    }
    if (encodings > 0 && lengths > 0) return LENGTH_AND_CHUNKED;
    if (encodings > 0) this.framing = 'chunked';
    if (hosts > 1) return BAD_REQUEST;
    if (hosts === 0) return NO_HOST;
    if (!AUTHORITY_FORM.test(this.authority)) return AUTHORITY;
    const options = this.connectionOptions as string[] | undefined;
    if (options !== undefined) {
      this.dropNominated(options);
      if (upgradeField >= 0 && options.includes('upgrade')) this.takeUpgrade(scanner.value(upgradeField).toLowerCase(), upgradeField);
    }
    if (teField >= 0) this.keepTrailersOnly(teField);
    return this.takeTarget();
  }

  /** A header as routing sees it. */
  public get(name: string): string | undefined {
    switch (name) {
      case 'x-request-id': if (this.requestId !== undefined) return this.requestId; break;
      case 'x-forwarded-proto': if (this.forwardedProto !== undefined) return this.forwardedProto; break;
      case 'x-forwarded-for': if (this.forwardedFor !== undefined) return this.forwardedFor; break;
      case 'x-envoy-external-address': if (this.externalAddress !== undefined) return this.externalAddress; break;
      case 'host': return this.authority;
      default: break;
    }
    if (!this.droppedAny) return this.scanner.get(name);
    const values = this.fields().filter(([known]) => known === name).map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(',');
  }

  /** A field as the client sent it, passed on or not. */
  public raw(name: string): string | undefined {
    return this.scanner.get(name);
  }

  /** The fields that are passed on, Host excepted, as lines that each end in CR LF. */
  public lines(): string {
    const { scanner, dropped } = this;
    const { text, at, count } = scanner;
    if (!scanner.canonical) return this.fields().map(([name, value]) => `${name}: ${value}\r\n`).join('');
    let out = '';
    let run = -1;
    for (let field = 0; field < count; field++) {
      if (dropped[field] === 0) {
        if (run < 0) run = at[4 * field];
      } else if (run >= 0) {
        out += text.substring(run, at[4 * field]);
        run = -1;
      }
    }
    return run < 0 ? out : out + text.substring(run, text.length - 2);
  }

  /** The fields that are passed on, Host excepted. */
  public fields(): [string, string][] {
    const out: [string, string][] = [];
    for (let field = 0; field < this.scanner.count; field++) {
      if (this.dropped[field] === 0) out.push([this.scanner.name(field), this.scanner.value(field)]);
    }
    return out;
  }

  /** Takes a field away from what is passed on. */
  public dropNamed(name: string): void {
    for (let field = 0; field < this.scanner.count; field++) {
      if (this.scanner.name(field) === name) this.drop(field);
    }
  }

  private drop(field: number): void {
    this.dropped[field] = 1;
    this.droppedAny = true;
  }

  /** Connections mostly name one host again and again: the string before is used again, and its hash with it. */
  private takeAuthority(start: number, end: number): void {
    const { text } = this.scanner;
    if (this.authority.length === end - start && text.startsWith(this.authority, start)) return;
    this.authority = text.substring(start, end);
  }

  private readConnection(value: string): boolean {
    for (const part of value.split(',')) {
      const option = part.trim().toLowerCase();
      if (option === 'close') this.close = true;
      else if (NOT_FOR_CONNECTION.has(option) || option.startsWith(':')) return false;
      else if (option !== '' && option !== 'keep-alive') (this.connectionOptions ??= []).push(option);
    }
    return true;
  }

  private dropNominated(options: readonly string[]): void {
    for (let field = 0; field < this.scanner.count; field++) {
      if (options.includes(this.scanner.name(field))) this.drop(field);
    }
  }

  /** Upgrades to cleartext HTTP/2 are never taken up, so they are not passed on (as Envoy does). */
  private takeUpgrade(types: string, field: number): void {
    const wanted = types.split(',').map(type => type.trim()).filter(type => type !== 'h2c' && type !== '');
    if (wanted.length === 0) return;
    this.upgrade = wanted[0];
    this.dropped[field] = 1;
  }

  private keepTrailersOnly(field: number): void {
    const values = (this.scanner.get('te') ?? '').split(',').map(value => value.trim().toLowerCase());
    if (values.length === 1 && values[0] === 'trailers') return;
    this.drop(field);
    this.trailersWanted = values.includes('trailers');
  }

  private takeTarget(): Refusal | undefined {
    const { text, targetStart, targetEnd } = this.scanner;
    const target = text.substring(targetStart, targetEnd);
    if (target.charCodeAt(0) === 0x2f) {
      this.path = target;
      return undefined;
    }
    if (this.method === 'CONNECT') {
      this.path = '';
      if (this.framing === 'length' && this.contentLength > 0) return BAD_REQUEST;
      if (!AUTHORITY_FORM.test(target) || target === '') return AUTHORITY;
      this.authority = target;
      return undefined;
    }
    if (target === '*' && this.method === 'OPTIONS') {
      this.path = '*';
      return undefined;
    }
    const absolute = ABSOLUTE_FORM.exec(target);
    if (absolute === null) return CHARACTERS;
    const [, scheme, authority, rest] = absolute;
    if (authority === '' || !AUTHORITY_FORM.test(authority)) return AUTHORITY;
    this.scheme = scheme.toLowerCase();
    this.authority = authority;
    this.path = rest.startsWith('/') ? rest : `/${rest}`;
    return undefined;
  }
}
