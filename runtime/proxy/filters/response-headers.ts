import { headerLines, isPlain, mutated } from './mutations';
import type { HeaderMutations } from '../../../src/evaluator';
import type { DateLine } from '../http1/dates';
import type { ResponseHead } from '../http1/response-head';
import { statusLine } from '../http1/status';
import type { HttpConfig } from '../listener/http-config';

/** What a response head is made of besides what the upstream sent. */
export interface ResponseParts {
  readonly config: HttpConfig;
  readonly dates: DateLine;
  readonly mutations: HeaderMutations;
  readonly serviceTimeMs: number;
  /** Sent back where the connection manager is told to: the request's id. */
  readonly requestId: string | undefined;
  readonly close: boolean;
  readonly chunked: boolean;
}

/** The head sent to the client for an upstream's response. */
export function downstreamHead(head: ResponseHead, parts: ResponseParts): string {
  const { config, mutations, requestId } = parts;
  const id = config.requestIdInResponse && requestId !== undefined ? requestId : undefined;
  let out = statusLine(head.status);
  if (head.status === 101) {
    out += `${head.lines()}x-envoy-upstream-service-time: ${parts.serviceTimeMs}\r\nconnection: Upgrade\r\nupgrade: ${head.upgrade}\r\n`;
  } else if (isPlain(mutations)) {
    out += `${head.lines()}x-envoy-upstream-service-time: ${parts.serviceTimeMs}\r\n`;
    if (id !== undefined) out += `x-request-id: ${id}\r\n`;
  } else {
    const fields: [string, string][] = [...head.fields(), ['x-envoy-upstream-service-time', String(parts.serviceTimeMs)]];
    const changed = mutated(id === undefined ? fields : [...fields, ['x-request-id', id]], mutations);
    const length = fields.find(([name]) => name === 'content-length');
    out += headerLines([...changed.filter(([name]) => !FRAMING.has(name)), ...(length === undefined ? [] : [length])]);
  }
  if (!head.hasDate) out += parts.dates.get();
  if (config.server === 'overwrite' || (config.server === 'append_if_absent' && head.get('server') === undefined)) out += `server: ${config.serverName}\r\n`;
  if (parts.close) out += 'connection: close\r\n';
  return parts.chunked ? `${out}transfer-encoding: chunked\r\n\r\n` : `${out}\r\n`;
}

/** Fields that say where a message ends: no header rule may write them. */
const FRAMING = new Set(['transfer-encoding', 'content-length', 'connection', 'upgrade']);

/** An answer that the proxy makes itself: head and body. */
export interface LocalAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** How a local answer is written. */
export interface LocalMode {
  readonly config: HttpConfig;
  readonly dates: DateLine;
  readonly close: boolean;
  /** The request was HEAD. */
  readonly head: boolean;
}

/** The whole message of a local answer. The body is left out for HEAD, its length is not. */
export function localMessage({ status, body, headers }: LocalAnswer, how: LocalMode): string {
  // Bodies are Unicode; on the wire every character of this string is one byte.
  const bytes = Buffer.from(body, 'utf8').toString('latin1');
  const length = status === 204 || status === 304 || status < 200 ? '' : `content-length: ${bytes.length}\r\n`;
  const server = headers.some(([name]) => name === 'server') ? '' : `server: ${how.config.serverName}\r\n`;
  const closing = how.close ? 'connection: close\r\n' : '';
  return `${statusLine(status)}${length}${headerLines(headers.filter(([name]) => name !== 'content-length'))}${how.dates.get()}${server}${closing}\r\n`
    + (how.head || length === '' ? '' : bytes);
}
