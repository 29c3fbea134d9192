import { connect, type Socket } from 'net';
import { decideTcp, type TcpTerminal } from '../../../src/evaluator';
import type { Environment } from '../environment';
import { compileAccessLogs, type LogEntry } from '../filters/access-log';
import type { UpstreamCluster } from '../upstream/cluster';
import type { Host } from '../upstream/host';

/** One TCP connection, joined to a host of the cluster that the chain names. Each side waits for the other; each end is passed on. */
export class TcpConnection {
  private readonly started: number;
  private readonly startTime: number;
  private cluster: UpstreamCluster | undefined;
  private host: Host | undefined;
  private upstream: Socket | undefined;
  private received = 0;
  private sent = 0;
  private flags = '';
  private failure = '';
  private done = false;

  public constructor(
    private readonly socket: Socket, private readonly terminal: TcpTerminal, first: Buffer | undefined, private readonly env: Environment,
    private readonly onClose: () => void,
  ) {
    this.started = env.timers.clock.now();
    this.startTime = env.timers.clock.wall();
    socket.pause();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.end());
    this.open(first);
  }

  private open(first: Buffer | undefined): void {
    const name = decideTcp(this.terminal, this.env.draw);
    this.cluster = this.env.cluster(name);
    if (this.cluster === undefined) return this.refuse('NC', '');
    this.host = this.cluster.pick(this.env.draw, []);
    if (this.host === undefined) return this.refuse('UH', '');
    if (this.host.facts.tls) return this.refuse('UF', 'TLS_to_upstreams_is_not_supported_yet');
    const { limits } = this.cluster;
    if (limits.connections >= limits.maxConnections) return this.refuse('UO', '');
    const { address, port } = this.host.facts;
    limits.connections++;
    limits.stats.upstream_cx_total++;
    this.host.active++;
    const upstream = address.startsWith('/') ? connect({ path: address, allowHalfOpen: true })
      : connect({ host: address, port, noDelay: true, keepAlive: true, allowHalfOpen: true });
    this.upstream = upstream;
    const deadline = this.env.timers.set(limits.connectTimeoutMs, () => upstream.destroy(new Error('connection_timeout')));
    upstream.on('connect', () => {
      this.env.timers.cancel(deadline);
      if (first !== undefined) this.toUpstream(upstream, first);
      this.join(upstream);
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (upstream.connecting) this.failure = error.code ?? error.message;
    });
    upstream.on('close', () => {
      this.env.timers.cancel(deadline);
      limits.connections--;
      this.host!.active--;
      if (this.failure !== '') {
        limits.stats.upstream_cx_connect_fail++;
        this.refuse('UF', this.failure);
      } else {
        this.socket.destroySoon();
      }
    });
  }

  private join(upstream: Socket): void {
    const { socket } = this;
    socket.on('data', (chunk: Buffer) => this.toUpstream(upstream, chunk));
    upstream.on('data', (chunk: Buffer) => {
      this.sent += chunk.length;
      if (!socket.write(chunk)) upstream.pause();
    });
    upstream.on('drain', () => socket.resume());
    socket.on('drain', () => upstream.resume());
    socket.on('end', () => upstream.end());
    upstream.on('end', () => socket.end());
    socket.resume();
  }

  private toUpstream(upstream: Socket, chunk: Buffer): void {
    this.received += chunk.length;
    if (!upstream.write(chunk)) this.socket.pause();
  }

  private refuse(flag: string, failure: string): void {
    this.flags = flag;
    this.failure = failure;
    this.socket.destroy();
  }

  private end(): void {
    if (this.done) return;
    this.done = true;
    this.upstream?.destroy();
    this.onClose();
    if (this.env.accessLog === undefined) return;
    const entry = this.entry();
    for (const format of compileAccessLogs(this.terminal.proxy.accessLog)) this.env.accessLog(format(entry));
  }

  private entry(): LogEntry {
    const { socket, upstream, cluster, host } = this;
    const local = `${socket.localAddress ?? ''}:${socket.localPort ?? ''}`;
    const remote = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`;
    return {
      startTime: this.startTime,
      protocol: '',
      status: 0,
      flags: this.flags,
      details: '',
      terminationDetails: '',
      transportFailure: this.failure,
      bytesReceived: this.received,
      bytesSent: this.sent,
      durationMs: this.env.timers.clock.now() - this.started,
      upstreamHost: host?.key ?? '',
      clusterName: cluster?.name ?? '',
      upstreamLocal: upstream?.localAddress === undefined ? '' : `${upstream.localAddress}:${upstream.localPort}`,
      downstreamLocal: local,
      downstreamRemote: remote,
      downstreamDirectRemote: remote,
      serverName: '',
      routeName: '',
      virtualHost: '',
      attempts: 0,
      requestHeader: () => undefined,
      responseHeader: () => undefined,
    };
  }
}
