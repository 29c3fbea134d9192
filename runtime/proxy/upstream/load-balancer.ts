import type { Host } from './host';
import type { Draw } from '../../../src/evaluator';

/** A host that takes traffic, with its share in integer units. */
export interface Weighted {
  readonly host: Host;
  readonly weight: number;
}

/** Chooses a host for a request. */
export interface LoadBalancer {
  /** The hosts or their shares are other ones now; `pick` is given the same list until the next call. */
  changed(takers: readonly Weighted[]): void;
  pick(takers: readonly Weighted[], draw: Draw): Host;
}

export type Policy = 'least_request' | 'round_robin' | 'random';

export function loadBalancer(policy: Policy): LoadBalancer {
  switch (policy) {
    case 'round_robin': return new RoundRobin();
    case 'random': return new Random();
    default: return new LeastRequest();
  }
}

class Random implements LoadBalancer {
  private equal = true;
  private total = 0;

  public changed(takers: readonly Weighted[]): void {
    this.equal = takers.every(({ weight }) => weight === takers[0].weight);
    this.total = takers.reduce((sum, { weight }) => sum + weight, 0);
  }

  public pick(takers: readonly Weighted[], draw: Draw): Host {
    if (takers.length === 1) return takers[0].host;
    if (this.equal) return takers[draw('endpoint', takers.length)].host;
    let left = draw('endpoint', this.total);
    for (const { host, weight } of takers) {
      left -= weight;
      if (left < 0) return host;
    }
    return takers[takers.length - 1].host;
  }
}

/** Power of two choices, as Envoy: two hosts are drawn and the one with fewer requests under way is taken. */
class LeastRequest extends Random {
  public override pick(takers: readonly Weighted[], draw: Draw): Host {
    if (takers.length === 1) return takers[0].host;
    const first = super.pick(takers, draw);
    const second = super.pick(takers, draw);
    return second.active < first.active ? second : first;
  }
}

/** Smooth weighted round robin: over any run of picks each host's share is its weight, and heavy hosts are spread evenly. */
class RoundRobin implements LoadBalancer {
  private readonly credit = new WeakMap<Host, number>();
  private next = 0;
  private equal = true;

  public changed(takers: readonly Weighted[]): void {
    this.equal = takers.every(({ weight }) => weight === takers[0].weight);
  }

  public pick(takers: readonly Weighted[]): Host {
    if (this.equal) return takers[this.next++ % takers.length].host;
    let best = takers[0].host;
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
