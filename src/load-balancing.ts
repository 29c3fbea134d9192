import type { Duration } from 'cdk8s';
import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requireInteger } from './private/check';
import { durationOrZero, durationText } from './private/duration';
import { meshError } from './private/errors';
import { requireHeaderName } from './private/text';

type Spec = Pick<networking.DestinationRuleSpecTrafficPolicyLoadBalancer, 'simple' | 'consistentHash' | 'warmup'>;

/** How a new endpoint gets its share. Renders `loadBalancer.warmup` of a DestinationRule. */
export interface Warmup {
  /** Time until it has its full share, at least 1 ms. */
  readonly duration: Duration;
  /**
   * Least share that it has meanwhile, in percent of the full one, 1 to 100.
   * @default 10
   */
  readonly minimumPercent?: number;
  /**
   * How steeply the share grows: 1 evenly, more is later. More than 0.
   * @default 1
   */
  readonly aggression?: number;
}

/** Options of `LoadBalancing.leastRequest()` and `LoadBalancing.roundRobin()`. */
export interface LoadBalancingOptions {
  /**
   * How a new endpoint gets its share.
   * @default - at once
   */
  readonly warmup?: Warmup;
}

/** Options of `HashOn.cookie()`. */
export interface HashCookieOptions {
  /**
   * Life of the cookie that a proxy sets where a request has none; 0 until the browser ends.
   * @default - the proxy sets no cookie: requests without one go anywhere
   */
  readonly ttl?: Duration;
  /**
   * Path of the cookie that a proxy sets.
   * @default - none
   */
  readonly path?: string;
}

/** What of a request chooses its endpoint. Requests that have nothing of the kind go anywhere. */
export class HashOn {
  /** The value of a header. Throws MESH_HEADER_INVALID. */
  public static header(name: string): HashOn { return new HashOn({ httpHeaderName: requireHeaderName(name) }); }
  /** The value of a cookie. Throws MESH_HEADER_INVALID for a name that no cookie has, MESH_DURATION_INVALID for a `ttl` below 0. */
  public static cookie(name: string, options: HashCookieOptions = {}): HashOn {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw meshError(undefined, 'MESH_HEADER_INVALID', `the name of a cookie may have letters, digits and !#$%&'*+-.^_\`|~, got "${name}"; write it without spaces and separators`);
    return new HashOn({ httpCookie: { name, path: options.path, ttl: options.ttl && durationOrZero(undefined, 'ttl', options.ttl) } });
  }

  /** The address of the caller; the only one that TCP connections have. */
  public static sourceIp(): HashOn { return new HashOn({ useSourceIp: true }); }
  /** The value of a parameter of the query. Throws MESH_QUERY_NAME for ''. */
  public static queryParameter(name: string): HashOn {
    if (name === '') throw meshError(undefined, 'MESH_QUERY_NAME', 'the name of a query parameter must not be empty, got ""; give one');
    return new HashOn({ httpQueryParameterName: name });
  }

  private constructor(private readonly key: networking.DestinationRuleSpecTrafficPolicyLoadBalancerConsistentHash) {}

  /** @internal */
  public _toKube(): networking.DestinationRuleSpecTrafficPolicyLoadBalancerConsistentHash { return this.key; }
}

guarded('HashOn', HashOn);

/** Options of `LoadBalancing.consistentHash()`. */
export interface RingHashOptions {
  /**
   * Least number of places on the ring: more make shares more even. 1 to 8388608.
   * @default 1024
   */
  readonly minimumRingSize?: number;
}

/** Options of `LoadBalancing.maglev()`. */
export interface MaglevOptions {
  /**
   * Number of places in the table: a prime number, 2 to 5000011 (not included).
   * @default 65537
   */
  readonly tableSize?: number;
}

/**
 * How a caller chooses among endpoints. Renders `trafficPolicy.loadBalancer` of a DestinationRule.
 * @example
 * new MeshService(this, 'cart', {
 *   ports: [MeshPort.http(80)],
 *   traffic: { loadBalancing: LoadBalancing.consistentHash(HashOn.cookie('user', { ttl: Duration.hours(1) })) },
 * });
 */
export class LoadBalancing {
  /** Of two endpoints drawn at random, the one with fewer requests in flight. Throws for a bad `warmup`. */
  public static leastRequest(options: LoadBalancingOptions = {}): LoadBalancing { return LoadBalancing.simple('LEAST_REQUEST', options); }
  /** One after the other. Throws for a bad `warmup`. */
  public static roundRobin(options: LoadBalancingOptions = {}): LoadBalancing { return LoadBalancing.simple('ROUND_ROBIN', options); }
  /** Any, with equal chance. Fairest where there are no active requests to compare. */
  public static random(): LoadBalancing { return LoadBalancing.simple('RANDOM', {}); }
  /** The address that the caller dialled, and no other. */
  public static passthrough(): LoadBalancing { return LoadBalancing.simple('PASSTHROUGH', {}); }
  /**
   * The same endpoint for the same value, as long as there are the same endpoints. Throws MESH_LIMIT_INVALID.
   * A route that shares requests among versions draws the version first: stickiness is within a version.
   */
  public static consistentHash(on: HashOn, options: RingHashOptions = {}): LoadBalancing {
    const { minimumRingSize } = options;
    if (minimumRingSize === undefined) return new LoadBalancing({ consistentHash: on._toKube() });
    requireInteger(undefined, 'MESH_LIMIT_INVALID', 'minimumRingSize', minimumRingSize, 1, 8388608);
    return new LoadBalancing({ consistentHash: { ...on._toKube(), ringHash: { minimumRingSize } } });
  }

  /** As `consistentHash()` with Maglev's table, which is faster to build and moves more where endpoints change. Throws MESH_LIMIT_INVALID. */
  public static maglev(on: HashOn, options: MaglevOptions = {}): LoadBalancing {
    const { tableSize } = options;
    if (tableSize !== undefined && !isTableSize(tableSize)) {
      throw meshError(undefined, 'MESH_LIMIT_INVALID', `tableSize must be a prime number below 5000011, got ${tableSize}; choose one, e.g. 65537`);
    }
    return new LoadBalancing({ consistentHash: { ...on._toKube(), maglev: { tableSize } } });
  }

  private static simple(simple: string, { warmup }: LoadBalancingOptions): LoadBalancing {
    const spec = { simple: simple as networking.DestinationRuleSpecTrafficPolicyLoadBalancerSimple };
    if (warmup === undefined) return new LoadBalancing(spec);
    const { duration, minimumPercent, aggression } = warmup;
    if (minimumPercent !== undefined) requireInteger(undefined, 'MESH_LIMIT_INVALID', 'minimumPercent', minimumPercent, 1, 100);
    if (aggression !== undefined && !(aggression > 0 && Number.isFinite(aggression))) throw meshError(undefined, 'MESH_LIMIT_INVALID', `aggression must be more than 0, got ${aggression}; choose such a number, e.g. 1`);
    return new LoadBalancing({ ...spec, warmup: { duration: durationText(undefined, 'duration', duration), minimumPercent, aggression } });
  }

  private constructor(private readonly spec: Spec) {}

  /** @internal */
  public _toKube(): Spec { return this.spec; }
}

guarded('LoadBalancing', LoadBalancing);

function isTableSize(value: number): boolean {
  if (!Number.isInteger(value) || value < 2 || value >= 5000011) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}
