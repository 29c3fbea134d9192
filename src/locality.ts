import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requireInteger } from './private/check';
import { meshError } from './private/errors';

type Spec = networking.DestinationRuleSpecTrafficPolicyLoadBalancerLocalityLbSetting;

/** Where requests of one region go when it has too few healthy endpoints. */
export interface LocalityFailover {
  /** Region of the caller. */
  readonly from: string;
  /** Region that comes next. */
  readonly to: string;
}

/** How requests of one place are shared among places. */
export interface LocalityDistribution {
  /** Place of the caller: `region`, `region/zone` or `region/zone/subzone`; `*` stands for all below, e.g. `us-east/*`. */
  readonly from: string;
  /** Whole percents, 1 to 100, by the places of endpoints; together 100. */
  readonly to: { [locality: string]: number };
}

/** What the places of caller and endpoints mean. Renders `loadBalancer.localityLbSetting` of a DestinationRule. */
export class Locality {
  /** Nothing: all endpoints are equal, wherever they are. */
  public static ignored(): Locality { return new Locality({ enabled: false }, false); }
  /** The nearest healthy endpoints first: zone, then region, then anywhere. Needs outlierDetection, without which Istio would do nothing. */
  public static nearestFirst(): Locality { return new Locality({ enabled: true }, true); }
  /**
   * The nearest first, then the region named here. Needs outlierDetection.
   * Throws MESH_LOCALITY_INVALID without a failover, for one that leads to the same region, and for text that is no region.
   */
  public static failover(failovers: LocalityFailover[]): Locality {
    const bad = failovers.find(({ from, to }) => from === to || [from, to].some((region) => !/^[^/*\s]+$/.test(region)));
    if (failovers.length === 0 || bad !== undefined) {
      throw meshError(undefined, 'MESH_LOCALITY_INVALID', `a failover must lead from one region to another, got ${bad === undefined ? '[]' : `"${bad.from}" to "${bad.to}"`}; name two regions`);
    }
    return new Locality({ enabled: true, failover: failovers.map(({ from, to }) => ({ from, to })) }, true);
  }

  /**
   * Endpoints that share most of these labels with the caller first, counted from the beginning of the list, e.g. `topology.kubernetes.io/zone`.
   * Needs outlierDetection.
   * Throws MESH_LOCALITY_INVALID without a label.
   */
  public static failoverPriority(labels: string[]): Locality {
    if (labels.length === 0 || labels.some((label) => label === '')) throw meshError(undefined, 'MESH_LOCALITY_INVALID', `failoverPriority must have at least one label, got [${labels.join(', ')}]; name labels, e.g. topology.kubernetes.io/region`);
    return new Locality({ enabled: true, failoverPriority: [...labels] }, true);
  }

  /**
   * Fixed shares, whatever is near.
   * Throws MESH_LOCALITY_INVALID without a distribution, for shares that are no whole percents or not 100 together, and for places that overlap.
   */
  public static distribute(distributions: LocalityDistribution[]): Locality {
    if (distributions.length === 0) throw meshError(undefined, 'MESH_LOCALITY_INVALID', 'Locality.distribute() needs at least one distribution, got []; add one, or use Locality.nearestFirst()');
    requireApart(distributions.map(({ from }) => from));
    for (const { from, to } of distributions) {
      const shares = Object.values(to);
      shares.forEach((share) => requireInteger(undefined, 'MESH_LOCALITY_INVALID', `each share from "${from}"`, share, 1, 100));
      const sum = shares.reduce((total, share) => total + share, 0);
      if (sum !== 100) throw meshError(undefined, 'MESH_LOCALITY_INVALID', `the shares from "${from}" must add up to 100, got ${sum}; change them`);
      requireApart(Object.keys(to));
    }
    return new Locality({ enabled: true, distribute: distributions.map(({ from, to }) => ({ from, to: { ...to } })) }, false);
  }

  private constructor(
    private readonly spec: Spec,
    /** Whether it does nothing without outlier detection. */ public readonly needsOutlierDetection: boolean,
  ) {}

  /** @internal */
  public _toKube(): Spec { return this.spec; }
}

guarded('Locality', Locality);

/** Places as Istio takes them, none within another. */
function requireApart(places: string[]): void {
  const bad = places.find((place) => !/^(\*|[^/*\s]+(\/[^/*\s]+){0,2}|[^/*\s]+(\/[^/*\s]+)?\/\*)$/.test(place));
  if (bad !== undefined) throw meshError(undefined, 'MESH_LOCALITY_INVALID', `a place must be region, region/zone or region/zone/subzone, with "*" only at its end, got "${bad}"; write one of those`);
  const open = (place: string) => `${place.replace(/\/?\*$/, '')}/`;
  const within = places.find((place, index) => places.some((other, at) => at !== index && (other === '*' || open(place).startsWith(open(other)))));
  if (within !== undefined) throw meshError(undefined, 'MESH_LOCALITY_INVALID', `places must not overlap, got "${within}" within another of ${places.join(', ')}; leave one of the two away`);
}
