import { decide, localReply, matchRoute, normalizePath, notFound, type Answer, type Decision, type Forward } from '../../../src/evaluator';
import type { Environment, RequestReport } from '../environment';
import type { Caller, ClientConnection, ResetReason } from './client-connection';
import type { Outbox } from './outbox';
import type { RequestHead } from './request-head';
import type { ResponseHead } from './response-head';
import { Shadow } from './shadow';
import type { LogEntry } from '../filters/access-log';
import { announce, upstreamHead } from '../filters/request-headers';
import { downstreamHead, localMessage } from '../filters/response-headers';
import type { HttpHandler } from '../listener/handler';
import type { HttpStats } from '../listener/http-config';
import type { Deadline } from '../timers';
import type { UpstreamCluster } from '../upstream/cluster';
import type { ClusterStats, Host, Waiter } from '../upstream/host';
import { backOffMs, retriesFailure, retriesResponse, type AttemptFailure } from '../upstream/retry';

/** The client's side of an exchange. */
export interface Downstream {
  readonly outbox: Outbox;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly remoteIp: string;
  readonly listenerName: string;
  /** The connection should end after this response. */
  readonly draining: boolean;
  /** The client stops or goes on sending. */
  pause(): void;
  resume(): void;
  /** The response is complete. `close`: no other request is taken. */
  finished(close: boolean): void;
  /** The exchange let go of everything: the next pipelined request may start. */
  next(): void;
  /** The response cannot be completed: the client must see it cut off. */
  abort(): void;
  /** From now on the connection is a tunnel. */
  becomeTunnel(): void;
  write(chunk: Buffer): boolean;
  end(): void;
}

/** Body bytes kept for another attempt or until there is a connection; beyond this a request is not retried. Envoy's default. */
const MAX_HELD = 1024 * 1024;
const NO_HEADERS = { remove: [], add: [] };

/**
 * One request and its response. The evaluator decides; this moves the bytes, tries again where the decision says so, keeps the
 * times, and reports at the end. Its life: routed → (delayed) → attempts → responding → done.
 */
export class Exchange implements Caller, Waiter, LogEntry {
  public readonly startTime: number;
  public readonly protocol = 'HTTP/1.1';
  public readonly terminationDetails = '-';
  public readonly serverName = '';
  public status = 0;
  public details = '';
  public transportFailure = '';
  public bytesReceived = 0;
  public bytesSent = 0;
  public durationMs = 0;
  public attempts = 0;
  public upstreamLocal = '';
  /** Counts progress, so that a sweep sees an exchange that stands still. */
  public activity = 0;

  private readonly started: number;
  private flagList = '';
  private decision: Decision | undefined;
  private route: Forward | undefined;
  private cluster: UpstreamCluster | undefined;
  private host: Host | undefined;
  private counted = false;
  private tried: Host[] | undefined;
  private upstream: ClientConnection | undefined;
  private waiting: Host | undefined;
  private retrying = false;
  private requestDone = false;
  private responding = false;
  private done = false;
  private tunnel = false;
  private chunkedOut = false;
  private held: Buffer[] | undefined;
  private heldBytes = 0;
  private replayable = true;
  private dispatching = true;
  private pending: Answer | undefined;
  private attemptStarted = 0;
  private serviceTimeMs = -1;
  private response: ResponseHead | undefined;
  private localHeaders: readonly (readonly [string, string])[] | undefined;
  private total: Deadline | undefined;
  private perTry: Deadline | undefined;
  private pause: Deadline | undefined;

  public constructor(
    private readonly downstream: Downstream, private readonly head: RequestHead, private readonly handler: HttpHandler,
    private readonly env: Environment,
  ) {
    this.startTime = env.timers.clock.wall();
    this.started = env.timers.clock.now();
    const { stats } = handler.config;
    stats.rqTotal++;
    stats.rqActive++;
  }

  // Caller and log entry: plain facts ------------------------------------------------------------------------------------------

  public get method(): string {
    return this.head.method;
  }

  public get upgrade(): string {
    return this.head.upgrade;
  }

  public get overwriteServer(): boolean {
    return this.handler.config.server === 'overwrite';
  }

  public get flags(): string {
    return this.flagList;
  }

  public get upstreamHost(): string {
    return this.host?.key ?? '';
  }

  public get clusterName(): string {
    return this.cluster === undefined ? '' : this.cluster.name;
  }

  public get downstreamLocal(): string {
    return this.downstream.localAddress;
  }

  public get downstreamRemote(): string {
    return this.downstream.remoteAddress;
  }

  public get downstreamDirectRemote(): string {
    return this.downstream.remoteAddress;
  }

  public get routeName(): string {
    return this.decision?.routeName ?? '';
  }

  public get virtualHost(): string {
    return this.decision?.virtualHost ?? '';
  }

  public requestHeader(name: string): string | undefined {
    switch (name) {
      case ':method': return this.head.method;
      case ':path': return this.route?.path ?? this.head.path;
      case ':authority': return this.route?.authority ?? this.head.authority;
      case ':scheme': return this.head.scheme;
      default: return this.route?.requestHeaders.add.find(added => added.name === name)?.value ?? this.head.get(name);
    }
  }

  public responseHeader(name: string): string | undefined {
    if (name === ':status') return String(this.status);
    if (name === 'x-envoy-upstream-service-time') return this.serviceTimeMs < 0 ? undefined : String(this.serviceTimeMs);
    if (this.response !== undefined) return this.response.get(name);
    return this.localHeaders?.find(([known]) => known === name)?.[1];
  }

  // The request ----------------------------------------------------------------------------------------------------------------

  /** Routes the request and begins what was decided. Called once the head is there; body bytes may follow in the same chunk. */
  public start(): void {
    const { head, env, handler } = this;
    const { config, routes } = handler;
    announce(head, config, this.downstream.remoteIp, env);
    if (head.path === '*') return this.answer(this.own(404, '', 'absolute_path_rejected'));
    if (head.method === 'CONNECT') return this.answer(notFound(head), true);
    const normal = normalizePath(head.path, config.path);
    if (normal.kind === 'rejected') return this.answer(this.own(normal.status, '', normal.details));
    if (normal.kind === 'redirect') return this.answer({ ...this.own(normal.status, '', normal.details), headers: [['location', normal.location]] });
    head.path = normal.path;
    const rule = routes === undefined ? undefined : matchRoute(routes.table, head);
    if (rule === undefined) {
      config.stats.noRoute++;
      return this.answer(notFound(head));
    }
    const decision = decide(rule, head, env.draw);
    this.decision = decision;
    if (head.upgrade !== '' && !config.upgrades.has(head.upgrade)) return this.answer(this.own(403, '', 'upgrade_failed'), true);
    if (decision.delayMs > 0) {
      this.flag('DI');
      this.pause = env.timers.set(decision.delayMs, () => this.act(decision));
    } else {
      this.act(decision);
    }
  }

  public onRequestBody(bytes: Buffer, start: number, end: number): void {
    this.bytesReceived += end - start;
    this.activity++;
    if (this.pending !== undefined || this.done) return;
    const { upstream } = this;
    if (upstream === undefined || this.replays()) this.hold(bytes, start, end);
    if (upstream === undefined) {
      if (this.heldBytes > MAX_HELD / 8) this.downstream.pause();
    } else if (this.chunkedIn) {
      upstream.outbox.chunk(bytes, start, end);
    } else {
      upstream.outbox.bytes(bytes, start, end);
    }
  }

  public onRequestEnd(): void {
    this.requestDone = true;
    if (this.done) return;
    const { upstream } = this;
    if (upstream !== undefined) this.completeRequest(upstream);
    const timeoutMs = this.route?.timeoutMs ?? 0;
    if (timeoutMs > 0 && this.total === undefined && this.cluster !== undefined) this.total = this.env.timers.set(timeoutMs, () => this.onTimeout());
    if (this.route !== undefined && this.route.mirrors.length > 0 && this.cluster !== undefined) this.mirror(this.route);
  }

  /** All bytes that arrived together were taken. */
  public afterChunk(): void {
    this.dispatching = false;
    if (this.pending !== undefined) {
      const { pending } = this;
      this.pending = undefined;
      this.send(pending, false);
    } else if (this.upstream !== undefined && !this.tunnel && !this.upstream.outbox.flush()) {
      this.downstream.pause();
    }
  }

  public beforeChunk(): void {
    this.dispatching = true;
  }

  /** The client broke the rules inside its body. */
  public badBody(): void {
    if (this.done) return;
    this.flag('DPE');
    this.handler.config.stats.cxProtocolError++;
    this.release();
    if (this.responding) return this.cutOff('http1.codec_error');
    this.send({ ...this.own(400, 'Bad Request', 'http1.codec_error'), flag: '' }, true);
  }

  /** The client left. */
  public onDownstreamClosed(): void {
    if (this.done) return;
    this.handler.config.stats.rqRxReset++;
    this.release();
    this.flag('DC');
    this.details = 'downstream_remote_disconnect';
    this.finish();
  }

  public onDownstreamDrain(): void {
    this.upstream?.resume();
  }

  /** No progress for longer than the connection manager allows. */
  public onIdle(): void {
    if (this.done) return;
    this.release();
    this.flag('SI');
    if (this.responding) return this.cutOff('stream_idle_timeout');
    this.send({ ...this.own(408, 'stream timeout', 'stream_idle_timeout'), flag: '' }, true);
  }

  public onDownstreamTunnel(chunk: Buffer): void {
    this.bytesReceived += chunk.length;
    this.activity++;
    if (this.upstream !== undefined && !this.upstream.socket.write(chunk)) this.downstream.pause();
  }

  // What was decided -----------------------------------------------------------------------------------------------------------

  private act(decision: Decision): void {
    if (decision.kind === 'answer') return this.answer(decision);
    this.route = decision;
    const cluster = this.env.cluster(decision.cluster);
    if (cluster === undefined) return this.answer({ ...this.own(503, '', 'cluster_not_found'), flag: 'NC' });
    this.cluster = cluster;
    if (this.requestDone) {
      if (decision.timeoutMs > 0) this.total = this.env.timers.set(decision.timeoutMs, () => this.onTimeout());
      if (decision.mirrors.length > 0) this.mirror(decision);
    }
    this.attempt();
  }

  private attempt(): void {
    const cluster = this.cluster!;
    const { limits } = cluster;
    this.attempts++;
    const host = cluster.pick(this.env.draw, this.tried ?? []);
    if (host === undefined) {
      limits.stats.upstream_cx_none_healthy++;
      return this.answer({ ...this.own(503, 'no healthy upstream', 'no_healthy_upstream'), flag: 'UH' });
    }
    this.host = host;
    if (host.facts.tls) return this.failTls();
    if (limits.requests >= limits.maxRequests) {
      limits.stats.upstream_rq_pending_overflow++;
      return this.overflow();
    }
    const got = host.acquire(this);
    if (got === 'overflow') return this.overflow();
    if (got === 'waiting') {
      this.waiting = host;
      if (this.requestDone) this.limitAttempt();
      return;
    }
    this.onConnection(got);
  }

  public onConnection(connection: ClientConnection): void {
    const { head, handler, env } = this;
    const route = this.route!;
    const { limits } = this.cluster!;
    const host = this.host!;
    this.waiting = undefined;
    this.upstream = connection;
    this.upstreamLocal = connection.localAddress;
    this.counted = true;
    host.active++;
    host.stats.rqTotal++;
    limits.requests++;
    limits.stats.upstream_rq_total++;
    this.attemptStarted = env.timers.clock.now();
    connection.begin(this);
    const count = handler.routes?.attemptCount.has(route.virtualHost) === true ? this.attempts : 0;
    connection.outbox.string(upstreamHead(head, route, count));
    if (this.held !== undefined) {
      for (const piece of this.held) {
        if (this.chunkedIn) connection.outbox.chunk(piece, 0, piece.length);
        else connection.outbox.bytes(piece, 0, piece.length);
      }
      if (!this.replays() && !this.mirrors) this.held = undefined;
    }
    if (this.requestDone) this.completeRequest(connection);
    if (this.dispatching) return; // flushed with what still comes from this chunk
    if (connection.outbox.flush()) this.downstream.resume();
    else this.downstream.pause();
  }

  public onNoConnection(detail: string): void {
    this.waiting = undefined;
    this.transportFailure = detail;
    const reason = detail === 'connection_timeout' ? 'connection timeout' : 'remote connection failure';
    this.failed('connect-failure', () => this.resetAnswer(reason, 'UF', 503, `|${detail}`));
  }

  private completeRequest(connection: ClientConnection): void {
    if (this.chunkedIn) connection.outbox.string('0\r\n\r\n');
    connection.requestDone = this.upgrade === '';
    this.limitAttempt();
  }

  private limitAttempt(): void {
    const perTryMs = this.route?.retry?.perTryTimeoutMs ?? 0;
    if (perTryMs > 0 && this.perTry === undefined) this.perTry = this.env.timers.set(perTryMs, () => this.onPerTryTimeout());
  }

  private mirror(route: Forward): void {
    const bodyKept = this.held ?? [];
    if (!this.replayable) return; // the body outgrew what is kept
    for (const name of route.mirrors) {
      const cluster = this.env.cluster(name);
      if (cluster === undefined) continue;
      const message = upstreamHead(this.head, route, 0);
      new Shadow(this.head.method, cluster, message, [...bodyKept], this.chunkedIn, this.env, route.timeoutMs).send();
    }
  }

  // The response ---------------------------------------------------------------------------------------------------------------

  public onInformational(status: number): void {
    if (!this.handler.config.proxy100Continue || status > 103) return;
    if (status === 100 && !this.head.expectContinue) return;
    this.downstream.outbox.string(status === 100 ? 'HTTP/1.1 100 Continue\r\n\r\n' : '');
    this.downstream.outbox.flush();
  }

  public onResponse(head: ResponseHead): void {
    this.activity++;
    const { stats } = this.cluster!.limits;
    countUpstream(stats, head.status);
    const retry = this.route!.retry;
    if (retry !== undefined && retriesResponse(retry, head)) {
      if (this.mayRetry()) return this.retry();
      this.flag('URX');
    } else if (this.attempts > 1) {
      stats.upstream_rq_retry_success++;
    }
    if (head.status >= 500) this.host!.stats.rqError++;
    else this.host!.stats.rqSuccess++;
    this.respond(head);
  }

  private respond(head: ResponseHead): void {
    const { env, handler: { config } } = this;
    this.env.timers.cancel(this.perTry);
    this.responding = true;
    this.response = head;
    this.status = head.status;
    this.details = 'via_upstream';
    this.serviceTimeMs = Math.floor(env.timers.clock.now() - this.attemptStarted);
    this.chunkedOut = head.framing === 'chunked' || head.framing === 'close';
    this.downstream.outbox.string(downstreamHead(head, {
      config,
      dates: env.dates,
      mutations: this.route?.responseHeaders ?? NO_HEADERS,
      serviceTimeMs: this.serviceTimeMs,
      requestId: this.head.requestId,
      close: this.closes && head.status !== 101,
      chunked: this.chunkedOut,
    }));
    if (head.status !== 101) return;
    this.tunnel = true;
    this.env.timers.cancel(this.total);
    this.downstream.outbox.flush();
    this.downstream.becomeTunnel();
  }

  public onBody(bytes: Buffer, start: number, end: number): void {
    this.bytesSent += end - start;
    this.activity++;
    if (this.chunkedOut) this.downstream.outbox.chunk(bytes, start, end);
    else this.downstream.outbox.bytes(bytes, start, end);
  }

  public onResponseEnd(): void {
    if (this.chunkedOut) this.downstream.outbox.string('0\r\n\r\n');
    this.downstream.outbox.flush();
    this.upstream = undefined;
    this.uncount();
    this.finish();
    this.downstream.finished(this.closes || !this.requestDone);
  }

  public onFlush(): void {
    if (!this.downstream.outbox.flush()) this.upstream?.pause();
  }

  public onReleased(): void {
    this.downstream.next();
  }

  public onUpstreamDrain(): void {
    this.downstream.resume();
  }

  public onTunnel(chunk: Buffer): void {
    this.bytesSent += chunk.length;
    this.activity++;
    if (!this.downstream.write(chunk)) this.upstream?.pause();
  }

  public onTunnelEnd(): void {
    if (this.done) return;
    this.release();
    this.finish();
    this.downstream.end();
  }

  public onReset(reason: ResetReason): void {
    this.upstream = undefined;
    const { limits } = this.cluster!;
    limits.stats.upstream_rq_rx_reset++;
    const flag = reason === 'protocol error' ? 'UPE' : 'UC';
    if (this.responding) {
      this.release();
      this.flag(flag);
      return this.cutOff(`upstream_reset_after_response_started{${reason.replace(' ', '_')}}`);
    }
    this.failed('reset', () => this.resetAnswer(reason, flag, reason === 'protocol error' ? 502 : 503));
  }

  // Trying again ---------------------------------------------------------------------------------------------------------------

  private failed(failure: AttemptFailure, give: () => Answer): void {
    this.host!.stats.rqError++;
    const retry = this.route?.retry;
    if (retry !== undefined && retriesFailure(retry, failure)) {
      if (this.mayRetry()) return this.retry();
      this.flag('URX');
    }
    this.release();
    this.answer(give());
  }

  private mayRetry(): boolean {
    const { limits } = this.cluster!;
    if (this.attempts > this.route!.retry!.numRetries) {
      limits.stats.upstream_rq_retry_limit_exceeded++;
      return false;
    }
    if (!this.replayable || this.tunnel) return false;
    if (!this.retrying && limits.retries >= limits.maxRetries) {
      limits.stats.upstream_rq_retry_overflow++;
      return false;
    }
    return true;
  }

  private retry(): void {
    const { limits } = this.cluster!;
    if (this.host !== undefined) (this.tried ??= []).push(this.host);
    this.letGo();
    if (!this.retrying) {
      this.retrying = true;
      limits.retries++;
    }
    limits.stats.upstream_rq_retry++;
    this.pause = this.env.timers.set(backOffMs(this.route!.retry!, this.attempts, this.env.random), () => this.attempt());
  }

  private onPerTryTimeout(): void {
    this.perTry = undefined;
    if (this.responding || this.done) return;
    this.cluster!.limits.stats.upstream_rq_per_try_timeout++;
    this.letGo();
    this.failed('per-try-timeout', () => ({ ...this.own(504, 'upstream request timeout', 'upstream_per_try_timeout'), flag: 'UT' }));
  }

  private onTimeout(): void {
    this.total = undefined;
    if (this.done) return;
    this.cluster!.limits.stats.upstream_rq_timeout++;
    if (this.host !== undefined) this.host.stats.rqTimeout++;
    this.release();
    this.flag('UT');
    if (this.responding) return this.cutOff('response_timeout');
    this.answer(this.own(504, 'upstream request timeout', 'response_timeout'));
  }

  // Answers of the proxy's own -------------------------------------------------------------------------------------------------

  private own(status: number, body: string, details: string): Answer {
    return localReply(this.head, { status, body, details, routeName: this.routeName, virtualHost: this.virtualHost });
  }

  private resetAnswer(reason: string, flag: string, status: number, more = ''): Answer {
    const again = this.attempts > 1 ? 'retried and the latest ' : '';
    const body = `upstream connect error or disconnect/reset before headers. ${again}reset reason: ${reason}`;
    return { ...this.own(status, body, `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}${more}}`), flag };
  }

  private overflow(): void {
    const answer = this.resetAnswer('overflow', 'UO', 503);
    this.answer({ ...answer, headers: [...answer.headers, ['x-envoy-overloaded', 'true']] });
  }

  private failTls(): void {
    this.transportFailure = 'TLS_to_upstreams_is_not_supported_yet';
    this.answer(this.resetAnswer('remote connection failure', 'UF', 503, `|${this.transportFailure}`));
  }

  /** While bytes of the request are still being taken the answer waits, so that a body that came with the head is read first. */
  private answer(answer: Answer, close = false): void {
    if (this.dispatching && !close) this.pending = answer;
    else this.send(answer, close);
  }

  private send(answer: Answer, close: boolean): void {
    if (this.done) return;
    const closing = close || this.closes || !this.requestDone;
    if (answer.flag !== '') this.flag(answer.flag);
    this.status = answer.status;
    this.details = answer.details;
    this.localHeaders = answer.headers;
    this.bytesSent = this.head.method === 'HEAD' ? 0 : Buffer.byteLength(answer.body);
    const how = { config: this.handler.config, dates: this.env.dates, close: closing, head: this.head.method === 'HEAD' };
    this.downstream.outbox.string(localMessage(answer, how));
    this.downstream.outbox.flush();
    this.release();
    this.finish();
    this.downstream.finished(closing);
    this.downstream.next();
  }

  private cutOff(details: string): void {
    this.details = details;
    this.downstream.outbox.flush();
    this.finish();
    this.downstream.abort();
  }

  // The end --------------------------------------------------------------------------------------------------------------------

  /** Ends the attempt under way. */
  private letGo(): void {
    const { upstream, waiting } = this;
    this.upstream = undefined;
    this.waiting = undefined;
    this.env.timers.cancel(this.perTry);
    this.perTry = undefined;
    upstream?.abandon();
    waiting?.forget(this);
    this.uncount();
  }

  private uncount(): void {
    if (!this.counted) return;
    this.counted = false;
    this.host!.active--;
    this.cluster!.limits.requests--;
  }

  private release(): void {
    this.letGo();
    this.env.timers.cancel(this.pause);
    this.env.timers.cancel(this.total);
  }

  private finish(): void {
    if (this.done) return;
    this.done = true;
    const { env, handler: { config } } = this;
    env.timers.cancel(this.perTry);
    env.timers.cancel(this.pause);
    env.timers.cancel(this.total);
    if (this.retrying) this.cluster!.limits.retries--;
    this.held = undefined;
    config.stats.rqActive--;
    countDownstream(config.stats, this.status);
    this.durationMs = env.timers.clock.now() - this.started;
    if (env.accessLog !== undefined) {
      for (const format of config.accessLogs) env.accessLog(format(this));
    }
    env.onRequest?.(this.report());
  }

  private report(): RequestReport {
    const { head: { method, path, authority } } = this;
    return {
      method,
      path,
      authority,
      status: this.status,
      flags: this.flagList,
      details: this.details,
      cluster: this.clusterName,
      upstreamHost: this.upstreamHost,
      routeName: this.routeName,
      virtualHost: this.virtualHost,
      durationMs: this.durationMs,
      attempts: this.attempts,
      listener: this.downstream.listenerName,
      requestHeader: name => this.requestHeader(name),
      responseHeader: name => this.responseHeader(name),
    };
  }

  private flag(flag: string): void {
    this.flagList = this.flagList === '' ? flag : `${this.flagList},${flag}`;
  }

  private get closes(): boolean {
    return this.head.close || this.downstream.draining;
  }

  private get chunkedIn(): boolean {
    return this.head.framing === 'chunked';
  }

  private get mirrors(): boolean {
    return this.route !== undefined && this.route.mirrors.length > 0;
  }

  /** The body is kept: another attempt or a mirror may need it. */
  private replays(): boolean {
    return this.replayable && (this.mirrors || this.route?.retry !== undefined);
  }

  private hold(bytes: Buffer, start: number, end: number): void {
    this.heldBytes += end - start;
    if (this.heldBytes > MAX_HELD && this.upstream !== undefined) {
      this.replayable = false;
      this.held = undefined;
      return;
    }
    (this.held ??= []).push(bytes.subarray(start, end));
  }
}

function countUpstream(stats: ClusterStats, status: number): void {
  if (status < 300) stats.upstream_rq_2xx++;
  else if (status < 400) stats.upstream_rq_3xx++;
  else if (status < 500) stats.upstream_rq_4xx++;
  else stats.upstream_rq_5xx++;
}

function countDownstream(stats: HttpStats, status: number): void {
  if (status >= 500) stats.rq5xx++;
  else if (status >= 400) stats.rq4xx++;
  else if (status >= 300) stats.rq3xx++;
  else if (status >= 200) stats.rq2xx++;
  else if (status >= 100) stats.rq1xx++;
}
