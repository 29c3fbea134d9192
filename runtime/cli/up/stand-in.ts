import { Agent, createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { CHECK_HEADER } from './access-format';

/** Who a stand-in speaks for. */
export interface Identity {
  readonly service: string;
  readonly version: string;
  readonly pod: string;
  readonly namespace: string;
}

/** Where a stand-in finds a host of the mesh: its own sidecar's address for it. */
export type Dial = (host: string, port: number) => { readonly host: string; readonly port: number } | undefined;

/** Header that makes a stand-in call onward whatever its path is; of several URLs each calls the next. */
const CALL = 'x-call';

/** Headers that belong to a request as a whole, so they go along with the calls made on its behalf; beside those that rules ask for. */
const TRAVELLING = [
  CHECK_HEADER, 'end-user', 'x-request-id', 'traceparent', 'tracestate', 'b3',
  'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags',
];

const TIMEOUT_MS = 30_000;
const MAX_ANSWER = 256 * 1024;

/**
 * Stands for a workload whose program is not here: answers every request with what it is and what it saw, and
 * `GET /call?url=http://ratings:9080/`, or any path with `x-call: http://ratings:9080/`, calls onward through its sidecar and reports the
 * answer. One server for each target port.
 */
export class StandIn {
  private readonly servers: Server[] = [];
  private readonly agent = new Agent({ keepAlive: true });

  /** `asked` has the names of headers that rules of the mesh ask for at present. */
  public constructor(private readonly identity: Identity, private readonly dial: Dial, private readonly asked: () => readonly string[]) {}

  /** Listens on 127.0.0.1 for a port of the workload. */
  public async listen(targetPort: number, appPort: number): Promise<void> {
    const server = createServer((request, response) => void this.answer(request, response, targetPort));
    server.keepAliveTimeout = 0; // never: a proxy keeps connections for longer, and would send a request into one that just closes
    this.servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(appPort, '127.0.0.1', resolve);
    });
  }

  public async close(): Promise<void> {
    this.agent.destroy();
    await Promise.all(this.servers.map(server => new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    })));
  }

  private async answer(request: IncomingMessage, response: ServerResponse, port: number): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    request.resume(); // the body is nobody's concern here, but must not stop the connection
    const seen = { ...this.identity, port, method: request.method, path: request.url, host: request.headers.host, headers: request.headers };
    const [first, ...further] = [request.headers[CALL] ?? []].flat().join(' ').split(/[\s,]+/).filter(text => text !== '');
    const onward = url.pathname === '/call' && url.searchParams.has('url') ? url.searchParams.get('url') : first;
    if (onward === undefined || onward === null) return send(response, 200, seen);
    try {
      const answer = await this.call(new URL(onward), request, onward === first ? further : []);
      send(response, 200, { ...seen, called: { url: onward, ...answer } });
    } catch (error) {
      send(response, 502, { ...seen, called: { url: onward, error: (error as Error).message } });
    }
  }

  private call(url: URL, request: IncomingMessage, further: readonly string[]): Promise<{ status: number; body: unknown }> {
    const port = Number(url.port || '80');
    const target = this.dial(url.hostname, port);
    if (target === undefined) throw new Error(`no service of the mesh is called ${url.hostname} with port ${port}`);
    const headers: Record<string, string | string[]> = { host: url.host };
    for (const name of [...TRAVELLING, ...this.asked()]) if (request.headers[name] !== undefined) headers[name] = request.headers[name];
    if (further.length > 0) headers[CALL] = further.join(', ');
    return new Promise((resolve, reject) => {
      const onward = httpRequest({ ...target, agent: this.agent, path: `${url.pathname}${url.search}`, headers, timeout: TIMEOUT_MS }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          if (body.length < MAX_ANSWER) body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(body) }));
        response.on('error', reject);
      });
      onward.on('timeout', () => onward.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      onward.on('error', reject);
      onward.end();
    });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(`${JSON.stringify(body, undefined, 2)}\n`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
