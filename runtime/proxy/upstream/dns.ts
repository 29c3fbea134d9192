import { lookup } from 'dns/promises';
import { isIP } from 'net';
import { milliseconds } from '../../../src/xds/duration';
import { Cluster_DnsLookupFamily as Family, type Cluster } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Deadline, Timers } from '../timers';

/** Looks a name up: all its addresses of the family, 0 for both. */
export type Resolve = (name: string, family: 0 | 4 | 6) => Promise<string[]>;

export const SYSTEM_RESOLVE: Resolve = async (name, family) => (await lookup(name, { all: true, family })).map(({ address }) => address);

const DEFAULT_REFRESH_MS = 5000;

/** The names of one DNS cluster, looked up again and again. A failed lookup keeps the addresses known before. */
export class DnsNames {
  private readonly known = new Map<string, string[]>();
  private readonly timers = new Map<string, Deadline>();
  private readonly firsts = new Map<string, Promise<void>>();
  private family: 0 | 4 | 6 = 4;
  private refreshMs = DEFAULT_REFRESH_MS;
  private closed = false;

  public constructor(private readonly resolve: Resolve, private readonly clock: Timers, private readonly changed: () => void) {}

  public watch(names: readonly string[], { dnsLookupFamily, dnsRefreshRate }: Cluster): void {
    this.family = dnsLookupFamily === Family.V6_ONLY ? 6 : dnsLookupFamily === Family.ALL ? 0 : 4;
    this.refreshMs = dnsRefreshRate === undefined ? DEFAULT_REFRESH_MS : milliseconds(dnsRefreshRate);
    for (const name of this.firsts.keys()) {
      if (!names.includes(name)) this.forget(name);
    }
    for (const name of names) {
      if (!this.firsts.has(name)) this.firsts.set(name, this.look(name));
    }
  }

  public addressesOf(name: string): readonly string[] {
    return isIP(name) !== 0 ? [name] : this.known.get(name) ?? [];
  }

  /** Resolved when every name was looked up once, with or without success. */
  public async first(): Promise<void> {
    await Promise.all(this.firsts.values());
  }

  public close(): void {
    this.closed = true;
    for (const deadline of this.timers.values()) this.clock.cancel(deadline);
  }

  private forget(name: string): void {
    this.firsts.delete(name);
    this.known.delete(name);
    this.clock.cancel(this.timers.get(name));
    this.timers.delete(name);
  }

  private async look(name: string): Promise<void> {
    if (isIP(name) !== 0) return;
    let found: string[] | undefined;
    try {
      found = [...new Set(await this.resolve(name, this.family))].sort();
    } catch {
      found = undefined; // the addresses known before stay in use
    }
    if (this.closed || !this.firsts.has(name)) return;
    const before = this.known.get(name);
    if (found !== undefined && found.join() !== before?.join()) {
      this.known.set(name, found);
      this.changed();
    }
    this.timers.set(name, this.clock.set(this.refreshMs, () => void this.look(name)));
  }
}
