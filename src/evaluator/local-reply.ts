import { isGrpc } from './condition';
import type { Answer, HttpRequestFacts } from './decision';

/** gRPC status of an HTTP status, by gRPC's own table. */
const GRPC_OF_HTTP: Readonly<Record<number, number>> = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };
const GRPC_UNKNOWN = 2;

/** What an answer of the proxy's own is about. */
export interface Reply {
  readonly status: number;
  readonly body?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly flag?: string;
  readonly details: string;
  readonly grpcStatus?: number;
  readonly delayMs?: number;
  readonly routeName?: string;
  readonly virtualHost?: string;
}

/** An answer as Envoy sends it: plain text, or for a gRPC request status 200 with the outcome in `grpc-status`. */
export function localReply(request: HttpRequestFacts, reply: Reply): Answer {
  const { status, body = '', headers = [], flag = '', details, delayMs = 0, routeName = '', virtualHost = '' } = reply;
  const common = { kind: 'answer' as const, flag, details, delayMs, routeName, virtualHost };
  if (isGrpc(request)) {
    const grpcStatus = String(reply.grpcStatus ?? (status === 200 ? GRPC_UNKNOWN : GRPC_OF_HTTP[status] ?? GRPC_UNKNOWN));
    const message: (readonly [string, string])[] = body === '' ? [] : [['grpc-message', percentEncoded(body)]];
    return { ...common, status: 200, body: '', headers: [['content-type', 'application/grpc'], ['grpc-status', grpcStatus], ...message, ...headers] };
  }
  const typed = body === '' || headers.some(([name]) => name === 'content-type') ? headers : [['content-type', 'text/plain'] as const, ...headers];
  return { ...common, status, body, headers: typed };
}

/** No virtual host or no rule took the request. */
export function notFound(request: HttpRequestFacts): Answer {
  return localReply(request, { status: 404, flag: 'NR', details: 'route_not_found' });
}

function percentEncoded(text: string): string {
  return text.replace(/[^ -$&-~]/g, char => [...new TextEncoder().encode(char)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''));
}
