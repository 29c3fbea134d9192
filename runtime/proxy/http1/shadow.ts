import type { Environment } from '../environment';
import type { Caller, ClientConnection } from './client-connection';
import type { Deadline } from '../timers';
import type { UpstreamCluster } from '../upstream/cluster';
import type { Host, Waiter } from '../upstream/host';

/** A copy of a request for a mirror cluster: sent, its response read to the end and thrown away. Nothing of it reaches the client. */
export class Shadow implements Caller, Waiter {
  public readonly upgrade = '';
  public readonly overwriteServer = false;
  private host: Host | undefined;
  private deadline: Deadline | undefined;

  public constructor(
    public readonly method: string, private readonly cluster: UpstreamCluster, private readonly message: string,
    private readonly body: readonly Buffer[], private readonly chunked: boolean, private readonly env: Environment,
    private readonly timeoutMs: number,
  ) {}

  public send(): void {
    const { limits } = this.cluster;
    const host = this.cluster.pick(this.env.draw, []);
    if (host === undefined || host.facts.tls || limits.requests >= limits.maxRequests) return;
    this.host = host;
    const got = host.acquire(this);
    if (got instanceof Object) this.onConnection(got);
  }

  public onConnection(connection: ClientConnection): void {
    const { host, cluster: { limits } } = this;
    host!.active++;
    limits.requests++;
    limits.stats.upstream_rq_total++;
    connection.begin(this);
    const { outbox } = connection;
    outbox.string(this.message);
    for (const piece of this.body) {
      if (this.chunked) outbox.chunk(piece, 0, piece.length);
      else outbox.bytes(piece, 0, piece.length);
    }
    if (this.chunked) outbox.string('0\r\n\r\n');
    connection.requestDone = true;
    outbox.flush();
    if (this.timeoutMs > 0) this.deadline = this.env.timers.set(this.timeoutMs, () => this.stop(connection));
  }

  public onNoConnection(): void {}
  public onInformational(): void {}
  public onResponse(): void {}
  public onBody(): void {}
  public onFlush(): void {}
  public onReleased(): void {}
  public onUpstreamDrain(): void {}
  public onTunnel(): void {}
  public onTunnelEnd(): void {}

  public onResponseEnd(): void {
    this.done();
  }

  public onReset(): void {
    this.done();
  }

  private stop(connection: ClientConnection): void {
    connection.abandon();
    this.done();
  }

  private done(): void {
    this.env.timers.cancel(this.deadline);
    if (this.host === undefined) return;
    this.host.active--;
    this.cluster.limits.requests--;
    this.host = undefined;
  }
}
