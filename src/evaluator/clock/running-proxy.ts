import type { Connecting } from './pool';
import { route, type Routed, type UpstreamEnd } from './router';
import { RunningCluster, type World } from './running-cluster';
import type { ClusterTable, Host } from '../clusters';
import type { Answer, Forward } from '../decision';
import type { PreparedProxy } from '../prepare';

/** How a request ended, as the caller of a proxy sees it. */
export interface Played extends Routed {
  readonly body: string;
  /** From the arrival of the request to its answer. */
  readonly elapsedMs: number;
  /** Cluster that the request was sent to; '' where the proxy answered by itself. */
  readonly cluster: string;
  readonly mirrors: readonly PlayedMirror[];
}

/** A copy of a request. Nobody waits for its answer. */
export interface PlayedMirror {
  readonly cluster: string;
  /** What became of it; absent while it is under way. */
  routed?: Routed;
}

/** What a proxy needs to know to send a request on. */
export interface Onward {
  /** Where the caller dialled, for clusters that lead there. */
  readonly dialled: { readonly address: string; readonly port: number };
  /** Opens a connection to a host of a cluster. */
  readonly connect: (cluster: ClusterTable, host: Host) => Connecting;
  /** Sends an attempt to a host of a cluster. Returns how to give it up. */
  readonly send: (cluster: ClusterTable, host: Host, done: (end: UpstreamEnd) => void) => () => void;
}

/** A proxy at run time: its clusters, each with what happened to it since the clock started. */
export class RunningProxy {
  private readonly clusters = new Map<string, RunningCluster>();

  public constructor(public readonly prepared: PreparedProxy, private readonly world: World) {}

  /** Clusters that were used. */
  public get used(): readonly RunningCluster[] { return [...this.clusters.values()]; }

  public cluster(name: string): RunningCluster | undefined {
    let running = this.clusters.get(name);
    if (running === undefined) {
      const table = this.prepared.cluster(name);
      if (table === undefined) return undefined;
      this.clusters.set(name, running = new RunningCluster(table, this.world));
    }
    return running;
  }

  /** Plays what the evaluator decided about a request. */
  public play(decision: Forward | Answer, onward: Onward, done: (played: Played) => void): void {
    const { clock } = this.world;
    const start = clock.now;
    const mirrors: PlayedMirror[] = [];
    const flags = decision.delayMs > 0 ? ['DI'] : [];
    const finish = (cluster: string, routed: Routed, body = ''): void =>
      done({ ...routed, flags: [...flags, ...routed.flags], body, elapsedMs: clock.now - start, cluster, mirrors });
    const go = (): void => {
      if (decision.kind === 'answer') {
        const { status, flag, details, body, headers } = decision;
        finish('', { status, flags: flag === '' ? [] : [flag], details, headers: Object.fromEntries(headers), attempts: [] }, body);
        return;
      }
      for (const cluster of decision.mirrors) {
        const mirror: PlayedMirror = { cluster };
        mirrors.push(mirror);
        this.forward(cluster, { timeoutMs: decision.timeoutMs }, onward, routed => { mirror.routed = routed; });
      }
      this.forward(decision.cluster, decision, onward, routed => finish(decision.cluster, routed));
    };
    if (decision.delayMs > 0) clock.after(decision.delayMs, go);
    else go();
  }

  private forward(name: string, order: Pick<Forward, 'timeoutMs' | 'retry' | 'hash'>, onward: Onward, done: (routed: Routed) => void): void {
    const { clock, draw } = this.world;
    const cluster = this.cluster(name);
    if (cluster === undefined) {
      done({ status: 503, flags: ['NC'], details: 'cluster_not_found', headers: {}, attempts: [] });
      return;
    }
    const { table } = cluster;
    const dialled = table.kind === 'original-destination' ? cluster.at(onward.dialled.address, onward.dialled.port) : undefined;
    route({
      clock,
      draw,
      cluster,
      ...(dialled && { dialled }),
      connect: ({ host }) => onward.connect(table, host),
      send: ({ host }, ended) => onward.send(table, host, ended),
    }, order, done);
  }
}
