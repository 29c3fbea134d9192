import {
  backOffBoundMs, decide, localReply, matchRoute, normalizePath, notFound, retriesFailure, retriesResponse,
  type Answer, type AttemptFailure, type Decision, type Forward,
} from '../../../src/evaluator';
import type { Environment } from '../environment';
import type { Caller, ClientConnection, ResetReason } from './client-connection';
import type { Downstream } from './downstream';
import { HeldBody } from './held-body';
import { countDownstream, RequestRecord } from './record';
import type { RequestHead } from './request-head';
import type { ResponseHead } from './response-head';
import { Shadow } from './shadow';
import { announce, upstreamHead } from '../filters/request-headers';
import { downstreamHead, localMessage } from '../filters/response-headers';
import type { HttpHandler } from '../listener/handler';
import type { Deadline } from '../timers';
import { countUpstream, type Host, type Waiter } from '../upstream/host';

const NO_HEADERS = { remove: [], add: [] };

/**
 * One request and its response. The evaluator decides; this moves the bytes, tries again where the decision says so, keeps the
 * times, and reports at the end. Its life: routed → (delayed) → attempts → responding → done.
 */
export class Exchange implements Caller, Waiter {
  /** Counts progress, so that a sweep sees an exchange that stands still. */
  public activity = 0;

  private readonly record: RequestRecord;
  private readonly started: number;
  private route: Forward | undefined;
  private upstream: ClientConnection | undefined;
  /** The host whose connection is waited for. */
  private waiting: Host | undefined;
  private tried: Host[] | undefined;
  private held: HeldBody | undefined;
  /** An answer that waits for the rest of the chunk. */
  private pending: Answer | undefined;
  /** The attempt under way is counted as active. */
  private counted = false;
  private retrying = false;
  /** Bytes of one read are being handed over: writing waits for their end. */
  private dispatching = true;
  private requestDone = false;
  private responding = false;
  private chunkedOut = false;
  private tunnel = false;
  private done = false;
  private attemptStarted = 0;
  private total: Deadline | undefined;
  private perTry: Deadline | undefined;
  private pause: Deadline | undefined;

  public constructor(
    private readonly downstream: Downstream, private readonly head: RequestHead, private readonly handler: HttpHandler,
    private readonly env: Environment,
  ) {
    this.record = new RequestRecord(downstream, head, env.timers.clock.wall());
    this.started = env.timers.clock.now();
    const { stats } = handler.config;
    stats.rqTotal++;
    stats.rqActive++;
  }

  // What an upstream connection asks -------------------------------------------------------------------------------------------

  public get method(): string {
    return this.head.method;
  }

  public get upgrade(): string {
    return this.head.upgrade;
  }

  public get overwriteServer(): boolean {
    return this.handler.config.server === 'overwrite';
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
    this.record.decision = decision;
    if (head.upgrade !== '' && !config.upgrades.has(head.upgrade)) return this.answer(this.own(403, '', 'upgrade_failed'), true);
    if (decision.delayMs > 0) {
      this.record.flag('DI');
      this.pause = env.timers.set(decision.delayMs, () => this.act(decision));
    } else {
      this.act(decision);
    }
  }

  public onRequestBody(bytes: Buffer, start: number, end: number): void {
    this.record.bytesReceived += end - start;
    this.activity++;
    if (this.pending !== undefined || this.done) return;
    const { upstream } = this;
    if (upstream === undefined || this.keeps()) (this.held ??= new HeldBody()).add(bytes, start, end, upstream !== undefined);
    if (upstream === undefined) {
      if (this.held!.full) this.downstream.pause();
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
    if (this.route !== undefined && this.record.cluster !== undefined) this.whole(this.route);
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
    this.record.flag('DPE');
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
    this.record.flag('DC');
    this.record.details = 'downstream_remote_disconnect';
    this.finish();
  }

  public onDownstreamDrain(): void {
    this.upstream?.resume();
  }

  /** No progress for longer than the connection manager allows. */
  public onIdle(): void {
    if (this.done) return;
    this.release();
    this.record.flag('SI');
    if (this.responding) return this.cutOff('stream_idle_timeout');
    this.send({ ...this.own(408, 'stream timeout', 'stream_idle_timeout'), flag: '' }, true);
  }

  public onDownstreamTunnel(chunk: Buffer): void {
    this.record.bytesReceived += chunk.length;
    this.activity++;
    if (this.upstream !== undefined && !this.upstream.socket.write(chunk)) this.downstream.pause();
  }

  // What was decided -----------------------------------------------------------------------------------------------------------

  private act(decision: Decision): void {
    if (decision.kind === 'answer') {
      if (decision.cluster !== undefined) this.record.cluster = this.env.cluster(decision.cluster);
      return this.answer(decision);
    }
    this.route = decision;
    const cluster = this.env.cluster(decision.cluster);
    if (cluster === undefined) return this.answer({ ...this.own(503, '', 'cluster_not_found'), flag: 'NC' });
    this.record.cluster = cluster;
    if (this.requestDone) this.whole(decision);
    this.attempt();
  }

  /** The request is complete and its cluster known: from now on its time runs. */
  private whole(route: Forward): void {
    if (route.timeoutMs > 0) this.total = this.env.timers.set(route.timeoutMs, () => this.onTimeout());
    if (route.mirrors.length > 0) this.mirror(route);
  }

  private attempt(): void {
    const cluster = this.record.cluster!;
    const { limits } = cluster;
    this.record.attempts++;
    const host = cluster.pick(this.env.draw, this.tried ?? []);
    if (host === undefined) {
      limits.stats.upstream_cx_none_healthy++;
      return this.answer({ ...this.own(503, 'no healthy upstream', 'no_healthy_upstream'), flag: 'UH' });
    }
    this.record.host = host;
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
    const { limits } = this.record.cluster!;
    const host = this.record.host!;
    this.waiting = undefined;
    this.upstream = connection;
    this.record.upstreamLocal = connection.localAddress;
    this.counted = true;
    host.active++;
    host.stats.rqTotal++;
    limits.requests++;
    limits.stats.upstream_rq_total++;
    this.attemptStarted = env.timers.clock.now();
    connection.begin(this);
    const count = handler.routes?.attemptCount.has(route.virtualHost) === true ? this.record.attempts : 0;
    connection.outbox.string(upstreamHead(head, route, count));
    if (this.held !== undefined) {
      this.held.sendTo(connection.outbox, this.chunkedIn);
      if (!this.keeps()) this.held.clear();
    }
    if (this.requestDone) this.completeRequest(connection);
    if (this.dispatching) return; // flushed with what still comes from this chunk
    if (connection.outbox.flush()) this.downstream.resume();
    else this.downstream.pause();
  }

  public onNoConnection(detail: string): void {
    this.waiting = undefined;
    this.record.transportFailure = detail;
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
    if (this.held?.whole === false) return;
    const body = this.held?.copy() ?? [];
    for (const name of route.mirrors) {
      const cluster = this.env.cluster(name);
      if (cluster === undefined) continue;
      const message = upstreamHead(this.head, route, 0);
      new Shadow(this.head.method, cluster, message, body, this.chunkedIn, this.env, route.timeoutMs).send();
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
    const { stats } = this.record.cluster!.limits;
    countUpstream(stats, head.status);
    const retry = this.route!.retry;
    if (retry !== undefined && retriesResponse(retry, head)) {
      if (this.mayRetry()) return this.retry();
      this.record.flag('URX');
    } else if (this.record.attempts > 1) {
      stats.upstream_rq_retry_success++;
    }
    if (head.status >= 500) this.record.host!.stats.rqError++;
    else this.record.host!.stats.rqSuccess++;
    this.respond(head);
  }

  private respond(head: ResponseHead): void {
    const { env, handler: { config } } = this;
    this.env.timers.cancel(this.perTry);
    this.responding = true;
    this.record.response = head;
    this.record.status = head.status;
    this.record.details = 'via_upstream';
    this.record.serviceTimeMs = Math.floor(env.timers.clock.now() - this.attemptStarted);
    this.chunkedOut = head.framing === 'chunked' || head.framing === 'close';
    this.downstream.outbox.string(downstreamHead(head, {
      config,
      dates: env.dates,
      mutations: this.route?.responseHeaders ?? NO_HEADERS,
      serviceTimeMs: this.record.serviceTimeMs,
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
    this.record.bytesSent += end - start;
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
    this.record.bytesSent += chunk.length;
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
    const { limits } = this.record.cluster!;
    limits.stats.upstream_rq_rx_reset++;
    const flag = reason === 'protocol error' ? 'UPE' : 'UC';
    if (this.responding) {
      this.release();
      this.record.flag(flag);
      return this.cutOff(`upstream_reset_after_response_started{${reason.replace(' ', '_')}}`);
    }
    this.failed('reset', () => this.resetAnswer(reason, flag, reason === 'protocol error' ? 502 : 503));
  }

  // Trying again ---------------------------------------------------------------------------------------------------------------

  private failed(failure: AttemptFailure, give: () => Answer): void {
    this.record.host!.stats.rqError++;
    const retry = this.route?.retry;
    if (retry !== undefined && retriesFailure(retry, failure)) {
      if (this.mayRetry()) return this.retry();
      this.record.flag('URX');
    }
    this.release();
    this.answer(give());
  }

  private mayRetry(): boolean {
    const { limits } = this.record.cluster!;
    if (this.record.attempts > this.route!.retry!.numRetries) {
      limits.stats.upstream_rq_retry_limit_exceeded++;
      return false;
    }
    if (this.held?.whole === false) return false;
    if (!this.retrying && limits.retries >= limits.maxRetries) {
      limits.stats.upstream_rq_retry_overflow++;
      return false;
    }
    return true;
  }

  private retry(): void {
    const { limits } = this.record.cluster!;
    if (this.record.host !== undefined) (this.tried ??= []).push(this.record.host);
    this.letGo();
    if (!this.retrying) {
      this.retrying = true;
      limits.retries++;
    }
    limits.stats.upstream_rq_retry++;
    this.pause = this.env.timers.set(Math.floor(this.env.random() * backOffBoundMs(this.route!.retry!, this.record.attempts)), () => this.attempt());
  }

  private onPerTryTimeout(): void {
    this.perTry = undefined;
    if (this.responding || this.done) return;
    this.record.cluster!.limits.stats.upstream_rq_per_try_timeout++;
    this.letGo();
    this.failed('per-try-timeout', () => ({ ...this.own(504, 'upstream request timeout', 'upstream_per_try_timeout'), flag: 'UT' }));
  }

  private onTimeout(): void {
    this.total = undefined;
    if (this.done) return;
    this.record.cluster!.limits.stats.upstream_rq_timeout++;
    if (this.record.host !== undefined) this.record.host.stats.rqTimeout++;
    this.release();
    this.record.flag('UT');
    if (this.responding) return this.cutOff('response_timeout');
    this.answer(this.own(504, 'upstream request timeout', 'response_timeout'));
  }

  // Answers of the proxy's own -------------------------------------------------------------------------------------------------

  private own(status: number, body: string, details: string): Answer {
    return localReply(this.head, { status, body, details, routeName: this.record.routeName, virtualHost: this.record.virtualHost });
  }

  private resetAnswer(reason: string, flag: string, status: number, more = ''): Answer {
    const again = this.record.attempts > 1 ? 'retried and the latest ' : '';
    const body = `upstream connect error or disconnect/reset before headers. ${again}reset reason: ${reason}`;
    return { ...this.own(status, body, `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}${more}}`), flag };
  }

  private overflow(): void {
    const answer = this.resetAnswer('overflow', 'UO', 503);
    this.answer({ ...answer, headers: [...answer.headers, ['x-envoy-overloaded', 'true']] });
  }

  private failTls(): void {
    this.record.transportFailure = 'TLS_to_upstreams_is_not_supported_yet';
    this.answer(this.resetAnswer('remote connection failure', 'UF', 503, `|${this.record.transportFailure}`));
  }

  /** While bytes of the request are still being taken the answer waits, so that a body that came with the head is read first. */
  private answer(answer: Answer, close = false): void {
    if (this.dispatching && !close) this.pending = answer;
    else this.send(answer, close);
  }

  private send(answer: Answer, close: boolean): void {
    if (this.done) return;
    const closing = close || this.closes || !this.requestDone;
    if (answer.flag !== '') this.record.flag(answer.flag);
    this.record.status = answer.status;
    this.record.details = answer.details;
    this.record.ownHeaders = answer.headers;
    this.record.bytesSent = this.head.method === 'HEAD' ? 0 : Buffer.byteLength(answer.body);
    const how = { config: this.handler.config, dates: this.env.dates, close: closing, head: this.head.method === 'HEAD' };
    this.downstream.outbox.string(localMessage(answer, how));
    this.downstream.outbox.flush();
    this.release();
    this.finish();
    this.downstream.finished(closing);
    this.downstream.next();
  }

  private cutOff(details: string): void {
    this.record.details = details;
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
    this.record.host!.active--;
    this.record.cluster!.limits.requests--;
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
    if (this.retrying) this.record.cluster!.limits.retries--;
    config.stats.rqActive--;
    countDownstream(config.stats, this.record.status);
    this.record.durationMs = env.timers.clock.now() - this.started;
    if (env.accessLog !== undefined) {
      for (const format of config.accessLogs) env.accessLog(format(this.record));
    }
    env.onRequest?.(this.record.report());
  }

  private get closes(): boolean {
    return this.head.close || this.downstream.draining;
  }

  private get chunkedIn(): boolean {
    return this.head.framing === 'chunked';
  }

  /** The body is kept while it is sent: another attempt or a mirror may need it. */
  private keeps(): boolean {
    const { route, held } = this;
    return route !== undefined && (route.retry !== undefined || route.mirrors.length > 0) && held?.whole !== false;
  }
}
