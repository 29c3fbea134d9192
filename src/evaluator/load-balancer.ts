import type { Draw } from './decision';

/** What a choice between hosts looks at: requests under way. */
export interface Busy {
  readonly active: number;
}

/** A host that takes traffic, with its share in integer units. */
export interface Weighted<H extends Busy> {
  readonly host: H;
  readonly weight: number;
}

/** Chooses a host for a request. */
export interface LoadBalancer<H extends Busy> {
  /** The hosts or their shares are other ones now; `pick` is given the same list until the next call. */
  changed(takers: readonly Weighted<H>[]): void;
  pick(takers: readonly Weighted<H>[], draw: Draw): H;
}

export type BalancingPolicy = 'least_request' | 'round_robin' | 'random';

/** A balancer for a cluster's policy. RING_HASH and MAGLEV draw at random where a request has no hash, as Envoy does. */
export function loadBalancer<H extends Busy>(policy: BalancingPolicy): LoadBalancer<H> {
  switch (policy) {
    case 'round_robin': return new RoundRobin<H>();
    case 'random': return new Random<H>();
    default: return new LeastRequest<H>();
  }
}

/** The policy by Envoy's name of it. */
export function balancingPolicy(lbPolicy: string): BalancingPolicy {
  switch (lbPolicy) {
    case 'ROUND_ROBIN': return 'round_robin';
    case 'LEAST_REQUEST': return 'least_request';
    default: return 'random';
  }
}

class Random<H extends Busy> implements LoadBalancer<H> {
  private equal = true;
  private total = 0;

  public changed(takers: readonly Weighted<H>[]): void {
    this.equal = takers.every(({ weight }) => weight === takers[0]!.weight);
    this.total = takers.reduce((sum, { weight }) => sum + weight, 0);
  }

  public pick(takers: readonly Weighted<H>[], draw: Draw): H {
    if (takers.length === 1) return takers[0]!.host;
    if (this.equal) return takers[draw('endpoint', takers.length)]!.host;
    let left = draw('endpoint', this.total);
    for (const { host, weight } of takers) {
      left -= weight;
      if (left < 0) return host;
    }
    return takers[takers.length - 1]!.host;
  }
}

/** Power of two choices, as Envoy: two hosts are drawn and the one with fewer requests under way is taken. */
class LeastRequest<H extends Busy> extends Random<H> {
  public override pick(takers: readonly Weighted<H>[], draw: Draw): H {
    if (takers.length === 1) return takers[0]!.host;
    const first = super.pick(takers, draw);
    const second = super.pick(takers, draw);
    return second.active < first.active ? second : first;
  }
}

/** Smooth weighted round robin: over any run of picks each host's share is its weight, and heavy hosts are spread evenly. */
class RoundRobin<H extends Busy> implements LoadBalancer<H> {
  private readonly credit = new WeakMap<H, number>();
  private next = 0;
  private equal = true;

  public changed(takers: readonly Weighted<H>[]): void {
    this.equal = takers.every(({ weight }) => weight === takers[0]!.weight);
  }

  public pick(takers: readonly Weighted<H>[]): H {
    if (this.equal) return takers[this.next++ % takers.length]!.host;
    let best = takers[0]!.host;
    let bestCredit = -Infinity;
    let total = 0;
    for (const { host, weight } of takers) {
      const credit = (this.credit.get(host) ?? 0) + weight;
      this.credit.set(host, credit);
      total += weight;
      if (credit > bestCredit) {
        best = host;
        bestCredit = credit;
      }
    }
    this.credit.set(best, bestCredit - total);
    return best;
  }
}
