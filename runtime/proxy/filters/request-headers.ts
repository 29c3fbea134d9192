import type { Forward } from '../../../src/evaluator';
import type { Environment } from '../environment';
import { headerLines, isPlain, mutated } from './mutations';
import type { RequestHead } from '../http1/request-head';
import type { HttpConfig } from '../listener/http-config';

/** Header changes of the connection manager, before routing: who the client is, over what it came, and the request's id. */
export function announce(head: RequestHead, config: HttpConfig, remote: string, env: Environment): void {
  if (config.useRemoteAddress) {
    const shown = isLoopback(remote) ? env.ownAddress : remote;
    const before = head.raw('x-forwarded-for');
    if (!config.skipXffAppend) head.forwardedFor = before === undefined ? shown : `${before},${shown}`;
    head.forwardedProto = head.scheme;
    head.externalAddress = remote;
    if (head.hasRequestId && !config.preserveRequestId && config.generateRequestId) head.requestId = env.newRequestId();
  } else if (!head.hasForwardedProto) {
    head.forwardedProto = head.scheme;
  }
  if (!head.hasRequestId && config.generateRequestId) head.requestId = env.newRequestId();
  if (head.forwardedFor !== undefined && head.hasForwardedFor) head.dropNamed('x-forwarded-for');
  if (head.forwardedProto !== undefined && head.hasForwardedProto) head.dropNamed('x-forwarded-proto');
  if (head.requestId !== undefined && head.hasRequestId) head.dropNamed('x-request-id');
  if (head.externalAddress !== undefined) head.dropNamed('x-envoy-external-address');
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address === '::ffff:127.0.0.1';
}

/** Methods whose requests say nothing of a body when they have none. */
const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE']);

/** The head sent upstream on one attempt. `attempt` 0 leaves the attempt count as the client sent it. */
export function upstreamHead(head: RequestHead, route: Forward, attempt: number): string {
  if (attempt > 0 && head.hasAttemptCount) head.dropNamed('x-envoy-attempt-count');
  const expected = expectedTimeout(route);
  const line = `${head.method} ${route.path} HTTP/1.1\r\nhost: ${route.authority}\r\n`;
  if (isPlain(route.requestHeaders)) {
    let out = line + head.lines();
    if (head.forwardedFor !== undefined) out += `x-forwarded-for: ${head.forwardedFor}\r\n`;
    if (head.forwardedProto !== undefined) out += `x-forwarded-proto: ${head.forwardedProto}\r\n`;
    if (head.externalAddress !== undefined) out += `x-envoy-external-address: ${head.externalAddress}\r\n`;
    if (head.requestId !== undefined) out += `x-request-id: ${head.requestId}\r\n`;
    if (head.trailersWanted) out += 'te: trailers\r\n';
    if (expected > 0) out += `x-envoy-expected-rq-timeout-ms: ${expected}\r\n`;
    if (attempt > 0) out += `x-envoy-attempt-count: ${attempt}\r\n`;
    return `${out}${framing(head)}\r\n`;
  }
  const own: [string, string | undefined][] = [
    ['x-forwarded-for', head.forwardedFor], ['x-forwarded-proto', head.forwardedProto], ['x-envoy-external-address', head.externalAddress],
    ['x-request-id', head.requestId], ['te', head.trailersWanted ? 'trailers' : undefined],
    ['x-envoy-expected-rq-timeout-ms', expected > 0 ? String(expected) : undefined], ['x-envoy-attempt-count', attempt > 0 ? String(attempt) : undefined],
  ];
  const fields = [...head.fields(), ...own.filter((field): field is [string, string] => field[1] !== undefined)];
  const length = head.framing === 'length' ? `content-length: ${head.contentLength}\r\n` : '';
  return `${line}${headerLines(mutated(fields, route.requestHeaders).filter(([name]) => !FRAMING.has(name)))}${length}${framing(head)}\r\n`;
}

/** Fields that say where a message ends: no header rule may write them. */
const FRAMING = new Set(['transfer-encoding', 'content-length', 'connection', 'upgrade', 'host']);

function framing(head: RequestHead): string {
  if (head.upgrade !== '') return `connection: Upgrade\r\nupgrade: ${head.upgrade}\r\n`;
  if (head.framing === 'chunked') return 'transfer-encoding: chunked\r\n';
  return head.framing === 'none' && !BODILESS.has(head.method) ? 'content-length: 0\r\n' : '';
}

/** The time that an attempt is given, as the next hop is told. */
function expectedTimeout({ timeoutMs, retry }: Forward): number {
  const perTry = retry?.perTryTimeoutMs ?? 0;
  return perTry > 0 && (timeoutMs === 0 || perTry < timeoutMs) ? perTry : timeoutMs;
}
