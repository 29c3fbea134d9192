import type { Socket } from 'net';
import type { Environment } from '../environment';
import type { LogEntry } from '../filters/access-log';
import { localMessage } from '../filters/response-headers';
import type { HandlerRef } from '../listener/handler';
import type { Deadline } from '../timers';
import { BodyReader, type BodySink } from './body-reader';
import type { Downstream } from './downstream';
import { Exchange } from './exchange';
import { BAD, HeadScanner } from './head-scanner';
import { Outbox } from './outbox';
import { refusalOf, RequestHead, type Refusal } from './request-head';

/** After an answer that ends the connection the client gets this long to read it before the socket is torn down (RFC 9112 9.6). */
const LINGER_MS = 1000;

/** One HTTP/1.1 connection from a client. Requests are taken one after the other; what a client sends ahead waits. */
export class ServerConnection implements Downstream, BodySink {
  public readonly outbox: Outbox;
  public readonly localAddress: string;
  public readonly remoteAddress: string;
  public readonly remoteIp: string;

  private readonly scanner: HeadScanner;
  private readonly head: RequestHead;
  private readonly body = new BodyReader();
  private exchange: Exchange | undefined;
  /** Bytes that arrived and are not read yet. */
  private waiting: Buffer | undefined;
  private pumping = false;
  private closing = false;
  private tunnel = false;
  private paused = false;
  private linger: Deadline | undefined;
  private lastActivity = -1;
  private idleSince: number;

  public constructor(
    private readonly socket: Socket, private readonly handler: HandlerRef, private readonly env: Environment,
    private readonly onClose: (connection: ServerConnection) => void,
  ) {
    const { config } = handler.current;
    config.stats.cxTotal++;
    config.stats.cxActive++;
    this.outbox = new Outbox(socket);
    this.scanner = new HeadScanner('request', config.maxHeadBytes, config.maxHeaders);
    this.head = new RequestHead(this.scanner);
    this.remoteIp = plain(socket.remoteAddress ?? '');
    this.remoteAddress = `${this.remoteIp}:${socket.remotePort ?? 0}`;
    this.localAddress = `${plain(socket.localAddress ?? '')}:${socket.localPort ?? 0}`;
    this.idleSince = env.timers.clock.now();
    socket.on('data', chunk => this.read(chunk));
    socket.on('drain', () => this.exchange?.onDownstreamDrain());
    socket.on('end', () => this.gone());
    socket.on('error', () => this.gone());
    socket.on('close', () => this.closed());
  }

  public get draining(): boolean {
    return this.handler.draining;
  }

  public get listenerName(): string {
    return this.handler.listenerName;
  }

  /** Bytes that were read from the socket before this connection took it over. */
  public read(chunk: Buffer): void {
    if (this.tunnel) {
      this.exchange?.onDownstreamTunnel(chunk);
      return;
    }
    if (this.closing) return;
    this.waiting = this.waiting === undefined ? chunk : Buffer.concat([this.waiting, chunk]);
    this.pump();
  }

  public onBody(bytes: Buffer, start: number, end: number): void {
    this.exchange!.onRequestBody(bytes, start, end);
  }

  public pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  public resume(): void {
    if (!this.paused || (this.blocked && this.waiting !== undefined)) return;
    this.paused = false;
    this.socket.resume();
  }

  public finished(close: boolean): void {
    this.exchange = undefined;
    this.idleSince = this.env.timers.clock.now();
    this.scanner.reset();
    if (close) this.endSoon();
  }

  public next(): void {
    if (this.exchange !== undefined || this.closing) return;
    this.pump();
    this.resume();
  }

  public abort(): void {
    this.exchange = undefined;
    this.closing = true;
    this.socket.destroySoon();
  }

  public becomeTunnel(): void {
    this.tunnel = true;
    const early = this.waiting;
    this.waiting = undefined;
    this.resume();
    if (early !== undefined) this.exchange?.onDownstreamTunnel(early);
  }

  public write(chunk: Buffer): boolean {
    return this.socket.write(chunk);
  }

  public end(): void {
    this.exchange = undefined;
    this.endSoon();
  }

  /** Called now and then: ends what stands still for longer than it may. */
  public sweep(now: number): void {
    const { config } = this.handler.current;
    const { exchange } = this;
    if (exchange === undefined) {
      const limit = this.scanner.started && config.requestHeadersTimeoutMs > 0 ? config.requestHeadersTimeoutMs : config.idleTimeoutMs;
      if (limit === 0 || now - this.idleSince < limit) return;
      if (this.scanner.started) this.refuse({ status: 408, body: 'Request Timeout', details: 'request_header_timeout', flag: '' });
      else this.socket.destroySoon();
    } else if (exchange.activity !== this.lastActivity) {
      this.lastActivity = exchange.activity;
      this.idleSince = now;
    } else if (config.streamIdleTimeoutMs > 0 && !this.tunnel && now - this.idleSince >= config.streamIdleTimeoutMs) {
      exchange.onIdle();
    }
  }

  /** Ends the connection as soon as nothing is under way. */
  public closeWhenIdle(): void {
    if (this.exchange === undefined && !this.scanner.started && !this.closing) this.socket.destroySoon();
  }

  public destroy(): void {
    this.socket.destroy();
  }

  /** The request under way is complete, so bytes that arrive belong to the next one. */
  private get blocked(): boolean {
    return this.exchange !== undefined && this.body.done && !this.tunnel;
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    while (this.waiting !== undefined && !this.blocked && !this.closing) {
      const chunk = this.waiting;
      this.waiting = undefined;
      this.process(chunk);
    }
    this.pumping = false;
    // A client that sends ahead is held back: at most what one read brought waits here.
    if (this.waiting !== undefined && this.blocked) this.pause();
  }

  private process(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.closing) {
      if (this.exchange === undefined) {
        const end = this.scanner.read(chunk, at);
        if (end === BAD) return this.refuse(refusalOf(this.scanner.fault));
        if (end < 0) return;
        at = end;
        const refusal = this.head.analyse();
        if (refusal !== undefined) return this.refuse(refusal);
        this.body.start(this.head.framing, this.head.contentLength);
        const exchange = new Exchange(this, this.head, this.handler.current, this.env);
        this.exchange = exchange;
        exchange.start();
        if (this.exchange !== exchange) break;
        if (this.body.done) exchange.onRequestEnd();
      } else if (this.body.done) {
        this.waiting = at === 0 ? chunk : chunk.subarray(at);
        break;
      } else {
        const { exchange } = this;
        exchange.beforeChunk();
        const end = this.body.read(chunk, at, this);
        if (end === BAD) return exchange.badBody();
        at = end;
        if (this.body.done) exchange.onRequestEnd();
      }
    }
    this.exchange?.afterChunk();
  }

  private refuse(refusal: Refusal): void {
    const { status, body, flag, details } = refusal;
    const { config } = this.handler.current;
    const { env } = this;
    config.stats.cxProtocolError++;
    config.stats.rqTotal++;
    config.stats.rq4xx++;
    const headers: [string, string][] = body === '' ? [] : [['content-type', 'text/plain']];
    this.outbox.string(localMessage({ status, body, headers }, { config, dates: env.dates, close: true, head: false }));
    this.outbox.flush();
    if (env.accessLog !== undefined) {
      const entry = refusedEntry(refusal, this, env.timers.clock.wall());
      for (const format of config.accessLogs) env.accessLog(format(entry));
    }
    env.onRequest?.({
      method: '',
      path: '',
      authority: '',
      status,
      flags: flag,
      details,
      cluster: '',
      upstreamHost: '',
      routeName: '',
      virtualHost: '',
      durationMs: 0,
      attempts: 0,
      listener: this.listenerName,
      requestHeader: () => undefined,
      responseHeader: () => undefined,
    });
    this.endSoon();
  }

  /** Says goodbye, then reads and forgets what the client still sends for a moment, so that it can read the answer. */
  private endSoon(): void {
    if (this.closing) return;
    this.closing = true;
    this.waiting = undefined;
    this.socket.end();
    this.paused = false;
    this.socket.resume();
    this.linger = this.env.timers.set(LINGER_MS, () => this.socket.destroy());
  }

  /** As Envoy: a client that closes its side has left, and what it asked for is given up. */
  private gone(): void {
    const { exchange } = this;
    this.exchange = undefined;
    exchange?.onDownstreamClosed();
    if (this.closing) this.socket.destroySoon();
    else this.socket.destroy();
    this.closing = true;
  }

  private closed(): void {
    this.gone();
    this.env.timers.cancel(this.linger);
    this.handler.current.config.stats.cxActive--;
    this.onClose(this);
  }
}

/** IPv4 in IPv6 clothes, as a dual-stack socket shows it. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address.includes(':') ? `[${address}]` : address;
}

function refusedEntry({ status, body, flag, details }: Refusal, connection: ServerConnection, startTime: number): LogEntry {
  return {
    startTime,
    protocol: 'HTTP/1.1',
    status,
    flags: flag,
    details,
    terminationDetails: '',
    transportFailure: '',
    bytesReceived: 0,
    bytesSent: body.length,
    durationMs: 0,
    upstreamHost: '',
    clusterName: '',
    upstreamLocal: '',
    downstreamLocal: connection.localAddress,
    downstreamRemote: connection.remoteAddress,
    downstreamDirectRemote: connection.remoteAddress,
    serverName: '',
    routeName: '',
    virtualHost: '',
    attempts: 0,
    requestHeader: () => undefined,
    responseHeader: () => undefined,
  };
}
