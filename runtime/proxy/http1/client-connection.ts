import { connect, type Socket } from 'net';
import type { Deadline, Timers } from '../timers';
import { BodyReader, type BodySink } from './body-reader';
import { BAD, HeadScanner } from './head-scanner';
import { Outbox } from './outbox';
import { ResponseHead } from './response-head';

/** Why a request to an upstream ended without a complete response. */
export type ResetReason = 'connection termination' | 'protocol error' | 'connection failure';

/** Whoever has a request under way on an upstream connection. `onBody` comes between `onResponse` and `onResponseEnd`. */
export interface Caller extends BodySink {
  readonly method: string;
  /** The protocol upgrade that was asked for, or ''. */
  readonly upgrade: string;
  /** The `server` header of the response is not passed on. */
  readonly overwriteServer: boolean;
  /** A 1xx answer other than 101. */
  onInformational(status: number): void;
  onResponse(head: ResponseHead): void;
  onResponseEnd(): void;
  /** All bytes that arrived together were handed over: time to write. */
  onFlush(): void;
  /** The connection went back to its pool: the next request may use it. */
  onReleased(): void;
  onReset(reason: ResetReason): void;
  /** The upstream takes bytes again. */
  onUpstreamDrain(): void;
  /** Bytes of an upgraded connection. */
  onTunnel(chunk: Buffer): void;
  onTunnelEnd(): void;
}

/** What a connection tells its pool. */
export interface Keeper {
  onConnected(connection: ClientConnection): void;
  onConnectFailure(connection: ClientConnection, detail: string): void;
  onFree(connection: ClientConnection): void;
  onClosed(connection: ClientConnection): void;
}

export interface ConnectOptions {
  readonly address: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
}

const MAX_RESPONSE_HEAD = 60 * 1024;
/** Idle connections are given up this long before the server said it would close them, or a request could meet the close. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/** One HTTP/1.1 connection to an upstream host: one request at a time, used again and again. */
export class ClientConnection {
  public readonly socket: Socket;
  public readonly outbox: Outbox;
  public connected = false;
  /** The local side of the connection, `address:port`. */
  public localAddress = '';
  /** Requests sent so far. */
  public requests = 0;
  /** Clock time at which an idle connection must not be used any more. */
  public expires = Infinity;
  /** The request was written completely; the connection can be used again once the response is complete too. */
  public requestDone = true;

  private caller: Caller | undefined;
  private readonly scanner = new HeadScanner('response', MAX_RESPONSE_HEAD);
  private readonly head = new ResponseHead(this.scanner);
  private readonly body = new BodyReader();
  private inBody = false;
  private tunnel = false;
  private closed = false;
  private connectDeadline: Deadline | undefined;

  public constructor(options: ConnectOptions, private readonly keeper: Keeper, private readonly timers: Timers) {
    const { address, port, connectTimeoutMs } = options;
    this.socket = address.startsWith('/') ? connect({ path: address }) : connect({ host: address, port, noDelay: true, keepAlive: true });
    this.outbox = new Outbox(this.socket);
    this.connectDeadline = timers.set(connectTimeoutMs, () => this.failConnect('connection_timeout'));
    this.socket.on('connect', () => {
      this.timers.cancel(this.connectDeadline);
      this.connected = true;
      this.localAddress = this.socket.localAddress === undefined ? '' : `${this.socket.localAddress}:${this.socket.localPort}`;
      this.keeper.onConnected(this);
    });
    this.socket.on('data', chunk => this.read(chunk));
    this.socket.on('end', () => this.end());
    this.socket.on('drain', () => this.caller?.onUpstreamDrain());
    this.socket.on('error', error => {
      if (!this.connected) this.failConnect(connectDetail(error));
    });
    this.socket.on('close', () => this.lost());
  }

  public get usable(): boolean {
    return !this.closed && this.socket.writable && this.timers.clock.now() < this.expires;
  }

  /** Starts one request; the caller then writes its head into `outbox`. */
  public begin(caller: Caller): void {
    this.caller = caller;
    this.requests++;
    this.requestDone = false;
    this.inBody = false;
    this.scanner.reset();
  }

  /** The caller no longer cares: the response under way is not wanted, so the connection ends. */
  public abandon(): void {
    this.caller = undefined;
    this.close();
  }

  public pause(): void {
    this.socket.pause();
  }

  public resume(): void {
    this.socket.resume();
  }

  public close(): void {
    if (this.closed) return;
    this.closed = true;
    this.timers.cancel(this.connectDeadline);
    this.socket.destroy();
    this.keeper.onClosed(this);
  }

  private read(chunk: Buffer): void {
    if (this.tunnel) {
      this.caller?.onTunnel(chunk);
      return;
    }
    // Bytes that nobody asked for: the server may think another request is under way, so nothing on this connection can be trusted.
    if (this.caller === undefined) return this.close();
    let at = 0;
    while (at < chunk.length || this.inBody) {
      if (!this.inBody) {
        const end = this.scanner.read(chunk, at);
        if (end === BAD) return this.fail('protocol error');
        if (end < 0) break;
        at = end;
        if (!this.head.analyse(this.caller.method, this.caller.overwriteServer)) return this.fail('protocol error');
        if (this.head.status < 200) {
          if (this.head.status === 101) return this.switchProtocols(chunk, at);
          this.caller.onInformational(this.head.status);
          this.scanner.reset();
          continue;
        }
        this.inBody = true;
        this.body.start(this.head.framing, this.head.contentLength);
        this.caller.onResponse(this.head);
      } else {
        const end = this.body.read(chunk, at, this.caller);
        if (end === BAD) return this.fail('protocol error');
        at = end;
      }
      if (this.caller === undefined) return; // the caller turned away, and the connection is closed
      if (this.body.done) return this.complete(at === chunk.length);
      if (at === chunk.length) break;
    }
    this.caller.onFlush();
  }

  private complete(clean: boolean): void {
    const caller = this.caller!;
    caller.onResponseEnd();
    this.caller = undefined;
    this.inBody = false;
    const { keepAlive, keepAliveSeconds } = this.head;
    if (clean && keepAlive && this.requestDone && !this.closed) {
      if (keepAliveSeconds > 0) this.expires = this.timers.clock.now() + Math.max(0, keepAliveSeconds * 1000 - KEEP_ALIVE_MARGIN_MS);
      this.keeper.onFree(this);
    } else {
      this.close();
    }
    caller.onReleased();
  }

  private switchProtocols(chunk: Buffer, at: number): void {
    const caller = this.caller!;
    if (caller.upgrade === '' || this.head.upgrade.toLowerCase() !== caller.upgrade) return this.fail('protocol error');
    this.tunnel = true;
    caller.onResponse(this.head);
    if (at < chunk.length) caller.onTunnel(chunk.subarray(at));
  }

  private end(): void {
    if (this.tunnel) this.caller?.onTunnelEnd();
    else if (this.caller !== undefined && this.inBody && this.body.framing === 'close') this.complete(true);
    else this.lost();
  }

  private fail(reason: ResetReason): void {
    const { caller } = this;
    this.caller = undefined;
    this.close();
    caller?.onReset(reason);
  }

  private failConnect(detail: string): void {
    if (this.closed) return;
    this.closed = true;
    this.timers.cancel(this.connectDeadline);
    this.socket.destroy();
    this.keeper.onConnectFailure(this, detail);
  }

  private lost(): void {
    if (this.tunnel) {
      const { caller } = this;
      this.caller = undefined;
      this.close();
      caller?.onTunnelEnd();
      return;
    }
    // As Envoy has it: a message cut off in the middle breaks the protocol; silence before the first byte is a lost connection.
    this.fail(this.inBody ? 'protocol error' : 'connection termination');
  }
}

/** Envoy's words for a connection that could not be made. */
function connectDetail(error: NodeJS.ErrnoException): string {
  const words: Record<string, string> = {
    ECONNREFUSED: 'Connection_refused',
    EHOSTUNREACH: 'No_route_to_host',
    ENETUNREACH: 'Network_is_unreachable',
    ECONNRESET: 'Connection_reset_by_peer',
    ENOENT: 'No_such_file_or_directory',
    EADDRNOTAVAIL: 'Cannot_assign_requested_address',
  };
  return `delayed_connect_error:_${words[error.code ?? ''] ?? error.code ?? 'unknown'}`;
}
