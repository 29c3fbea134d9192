import { once } from 'events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'net';

/** A raw server: each connection is handed to `serve`. */
export class RawServer {
  public static async start(serve: (socket: Socket, index: number) => void, port = 0): Promise<RawServer> {
    const server = createServer();
    const raw = new RawServer(server);
    server.on('connection', socket => {
      raw.sockets.push(socket);
      socket.on('error', () => undefined);
      serve(socket, raw.sockets.length - 1);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return raw;
  }

  public readonly sockets: Socket[] = [];
  private constructor(private readonly server: Server) {}

  public get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  public async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.server.close(() => resolve()));
    this.sockets.forEach(socket => socket.destroy());
    await closed;
  }
}

/** One request as an upstream saw it. */
export interface Seen {
  readonly head: string;
  readonly body: string;
}

/** Answers requests one after the other; bodies by content-length and chunked (kept raw) are read first. */
export function http(answer: (seen: Seen, socket: Socket) => string | undefined): (socket: Socket) => void {
  return socket => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let taken = take(text); taken !== undefined; taken = take(text)) {
        text = taken.rest;
        const reply = answer(taken.seen, socket);
        if (reply !== undefined) socket.write(reply, 'latin1');
      }
    });
  };
}

function take(text: string): { seen: Seen; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = text.slice(0, end + 4);
  const rest = text.slice(end + 4);
  const length = /content-length: (\d+)/.exec(head);
  const split = (at: number) => ({ seen: { head, body: rest.slice(0, at) }, rest: rest.slice(at) });
  if (length !== null) return rest.length < Number(length[1]) ? undefined : split(Number(length[1]));
  if (!head.includes('transfer-encoding: chunked')) return split(0);
  const last = /(^|\r\n)0\r\n\r\n/.exec(rest);
  return last === null ? undefined : split(last.index + last[0].length);
}

/** A `200 OK` with this body. */
export function ok(body: string, headers = ''): string {
  return `HTTP/1.1 200 OK\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A client on a raw socket: what it received can be waited for. */
export class RawClient {
  public static async open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  public text = '';
  public ended = false;
  private readonly waiting = new Set<() => void>();

  private constructor(public readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.wake();
    });
  }

  public send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Resolves once `done` holds for what was received; rejects if the connection ends before. */
  public async until(done: (text: string) => boolean): Promise<string> {
    while (!done(this.text)) {
      if (this.ended) throw new Error(`connection ended after: ${JSON.stringify(this.text)}`);
      await this.change();
    }
    return this.text;
  }

  public async untilEnd(): Promise<string> {
    while (!this.ended) await this.change();
    return this.text;
  }

  /** The next whole response with a content-length, taken off what was received. `bodiless`: it has none whatever its fields say. */
  public async response(bodiless = false): Promise<{ status: number; head: string; body: string }> {
    await this.until(text => text.includes('\r\n\r\n'));
    const head = this.text.slice(0, this.text.indexOf('\r\n\r\n') + 4);
    const length = bodiless ? 0 : Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
    await this.until(text => text.length >= head.length + length);
    const body = this.text.slice(head.length, head.length + length);
    this.text = this.text.slice(head.length + length);
    return { status: Number(head.slice(9, 12)), head, body };
  }

  public close(): void {
    this.socket.destroy();
  }

  private change(): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        this.waiting.delete(wake);
        resolve();
      };
      this.waiting.add(wake);
    });
  }

  private wake(): void {
    for (const wake of [...this.waiting]) wake();
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
