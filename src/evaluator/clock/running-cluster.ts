import { create } from '@bufbuild/protobuf';
import type { Clock } from './clock';
import { Limits } from './limits';
import { OutlierDetector, type Result } from './outlier-detector';
import { Pool, type PoolFailure, type Waiter } from './pool';
import { LbEndpointSchema } from '../../xds/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { ClusterTable, Host, HostState } from '../clusters';
import type { Draw, Retry } from '../decision';
import { milliseconds } from '../duration';
import { chooseByHash, choosesByHash } from '../hash/choose';
import { balancingPolicy, loadBalancer, type LoadBalancer, type Weighted } from '../load-balancer';

/** What a running cluster needs of the world around it. */
export interface World {
  readonly clock: Clock;
  readonly draw: Draw;
  /** Whether the endpoint's own readiness says so; what the assignment says where it is undefined. */
  readonly ready: (host: Host) => boolean | undefined;
}

/** A host at run time. */
export class RunningHost {
  /** Requests under way. */
  public active = 0;

  public constructor(public readonly host: Host, private readonly pool: Pool, private readonly detector: OutlierDetector<RunningHost> | undefined) {}

  public get name(): string { return this.host.port === 0 ? this.host.address : `${this.host.address}:${this.host.port}`; }

  public get ejected(): boolean { return this.detector?.isEjected(this) ?? false; }

  /** Asks for a connection; returns how to stop waiting. */
  public acquire(waiter: Waiter): () => void {
    return this.pool.acquire({
      connect: () => waiter.connect(),
      ready: release => {
        this.active++;
        let held = true;
        waiter.ready(broken => {
          if (held) this.active--;
          held = false;
          release(broken);
        });
      },
      failed: (failure: PoolFailure) => waiter.failed(failure),
    });
  }

  public record(result: Result): void { this.detector?.record(this, result); }
}

/** No assignment lists an address that was dialled. */
const DIALLED = create(LbEndpointSchema, {});
/** Within so long after a change of health, Envoy gathers further ones and acts on them together. */
const DEFAULT_MERGE_WINDOW_MS = 1000;
/** Shares are integers in millionths of a percent, so that a draw can decide between them. */
const SHARE_UNITS = 1e6;

/** A cluster at run time: limits, ejections and requests under way, and what they do to the choice of a host. */
export class RunningCluster {
  public readonly limits: Limits;
  private readonly hosts = new Map<string, RunningHost>();
  private readonly detector?: OutlierDetector<RunningHost>;
  private readonly balancer: LoadBalancer<RunningHost>;
  /** Priorities that are left out, with the choice among the others; made again after every change. */
  private readonly choices = new Map<string, { readonly table: ClusterTable; readonly takers: readonly Weighted<RunningHost>[] }>();
  /** Ejected hosts, and those that the choice of a host knows of already. */
  private readonly out = new Set<RunningHost>();
  private known: ReadonlySet<RunningHost> = new Set();
  private readonly mergeWindowMs: number;
  private knownAt = -Infinity;
  private due: number | undefined;
  private balanced: readonly Weighted<RunningHost>[] | undefined;

  public constructor(public readonly table: ClusterTable, private readonly world: World) {
    this.limits = new Limits(table.message);
    this.balancer = loadBalancer(balancingPolicy(table.lbPolicy));
    const { outlierDetection } = table.message;
    if (outlierDetection !== undefined) {
      const changed = (host: RunningHost, ejected: boolean, at: number): void => this.ejection(host, ejected, at);
      this.detector = new OutlierDetector(outlierDetection, () => table.hosts.length, world.clock, world.draw, changed);
    }
    const window = table.message.commonLbConfig?.updateMergeWindow;
    this.mergeWindowMs = window === undefined ? DEFAULT_MERGE_WINDOW_MS : milliseconds(window);
  }

  public get name(): string { return this.table.name; }

  /** Hosts that are ejected now. */
  public get ejected(): readonly RunningHost[] {
    this.detector?.catchUp();
    return [...this.hosts.values()].filter(({ ejected }) => ejected);
  }

  /** Hosts became ready or unready: shares are other ones now. */
  public changed(): void { this.choices.clear(); }

  /** The host at an address, for clusters that lead to wherever was dialled. */
  public at(address: string, port: number): RunningHost {
    return this.running({ address, port, weight: 1, healthy: true, priority: 0, locality: '', message: DIALLED });
  }

  /** A host for an attempt; undefined where none takes traffic. `tried` are the hosts of the attempts before. */
  public pick(hash: bigint | undefined, tried: readonly RunningHost[], retry: Retry | undefined): RunningHost | undefined {
    this.detector?.catchUp();
    this.learn(this.world.clock.now);
    const { table, takers } = this.choice(this.leftOut(tried, retry));
    const selections = tried.length === 0 || retry?.avoidsTriedHosts !== true ? 1 : retry.hostSelections + 1;
    let host: RunningHost | undefined;
    for (let i = 0; i < selections; i++) {
      host = this.pickOnce(table, takers, hash);
      if (host === undefined || !tried.includes(host)) return host;
    }
    return host;
  }

  private ejection(host: RunningHost, ejected: boolean, at: number): void {
    this.learn(at);
    if (ejected) this.out.add(host);
    else this.out.delete(host);
    if (at - this.knownAt > this.mergeWindowMs || this.mergeWindowMs === 0) this.learnNow(at);
    else this.due ??= at + this.mergeWindowMs;
  }

  /** Takes in what was gathered, where its time has come. */
  private learn(at: number): void {
    if (this.due !== undefined && this.due <= at) this.learnNow(this.due);
  }

  private learnNow(at: number): void {
    this.known = new Set(this.out);
    this.knownAt = at;
    this.due = undefined;
    this.choices.clear();
  }

  private pickOnce(table: ClusterTable, takers: readonly Weighted<RunningHost>[], hash: bigint | undefined): RunningHost | undefined {
    if (takers.length === 0) return undefined;
    if (hash !== undefined && choosesByHash(table)) return this.running(chooseByHash(table, hash)!);
    if (this.balanced !== takers) {
      this.balancer.changed(takers);
      this.balanced = takers;
    }
    return this.balancer.pick(takers, this.world.draw);
  }

  /** Priorities that retries leave out: those of all attempts so far, looked at after every so many of them. */
  private leftOut(tried: readonly RunningHost[], retry: Retry | undefined): readonly number[] {
    const every = retry?.leavesPrioritiesAfter ?? 0;
    if (every <= 0) return [];
    const seen = tried.slice(0, tried.length - tried.length % every).map(({ host }) => host.priority);
    const all = new Set(this.table.hosts.filter(host => this.stateOf(host) === 'healthy').map(({ priority }) => priority));
    // With none left, Envoy begins again with all of them.
    return [...all].every(priority => seen.includes(priority)) ? [] : [...new Set(seen)];
  }

  private choice(leftOut: readonly number[]): { readonly table: ClusterTable; readonly takers: readonly Weighted<RunningHost>[] } {
    const key = leftOut.join();
    let choice = this.choices.get(key);
    if (choice === undefined) {
      const table = this.table.rebalanced(host => {
        const state = this.stateOf(host);
        return state === 'healthy' && leftOut.includes(host.priority) ? 'unhealthy' : state;
      });
      const takers = table.shares.map(({ host, percent }) => ({ host: this.running(host), weight: Math.round(percent * SHARE_UNITS) }))
        .filter(({ weight }) => weight > 0);
      this.choices.set(key, choice = { table, takers });
    }
    return choice;
  }

  private stateOf(host: Host): HostState {
    const ready = this.world.ready(host) ?? host.healthy;
    // Istio takes endpoints that are not ready out of clusters with a panic threshold, and marks them in all others.
    if (!ready) return (this.table.message.commonLbConfig?.healthyPanicThreshold?.value ?? 0) > 0 ? 'absent' : 'unhealthy';
    return this.known.has(this.running(host)) ? 'unhealthy' : 'healthy';
  }

  private running(host: Host): RunningHost {
    const key = keyOf(host);
    let running = this.hosts.get(key);
    if (running === undefined) {
      const pool = new Pool(this.limits, this.world.clock, () => running!.record({ local: 'connected' }));
      this.hosts.set(key, running = new RunningHost(host, pool, this.detector));
    }
    return running;
  }
}

function keyOf({ address, port }: Host): string { return `${address} ${port}`; }
