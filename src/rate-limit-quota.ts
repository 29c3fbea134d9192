import type { Duration } from 'cdk8s';
import { guarded } from './private/arguments';
import { requireInteger } from './private/check';
import { durationText } from './private/duration';
import { meshError } from './private/errors';
import { requireHeaderName } from './private/text';
import type { RateLimitService } from './rate-limit-service';

/** Options of `RateLimitQuota.local()`. */
export interface LocalQuotaOptions {
  /** Requests that may pass in each period, 1 to 4294967295. They may come all at once. */
  readonly requests: number;
  /** The period, at least 50 milliseconds, which is Envoy's own bound. */
  readonly per: Duration;
}

/** Options of `RateLimitQuota.global()`. */
export interface GlobalQuotaOptions {
  /** Who counts. */
  readonly service: RateLimitService;
  /** Requests that may pass in each period, 1 to 4294967295. They may come all at once. */
  readonly requests: number;
  /** The period: a second, a minute, an hour, a day or a week. It begins at the full minute and so on, in UTC. */
  readonly per: Duration;
  /**
   * What has a quota of its own: each value of a header, each address, each combination of several. Requests without it are not counted.
   * @default - all requests share one quota
   */
  readonly each?: RateLimitKey[];
  /**
   * Whether requests are refused (500) while the counting service cannot be asked. Renders `failure_mode_deny`.
   * @default false
   */
  readonly failClosed?: boolean;
  /**
   * How long proxies wait for the counting service, at least 1 millisecond. Renders `timeout`.
   * @default - Envoy's own, 20 milliseconds
   */
  readonly timeout?: Duration;
}

/** What has a quota of its own, for `RateLimitQuota.global()`. */
export class RateLimitKey {
  /** Each value of a header, e.g. of an API key. Requests without the header are not counted. Throws MESH_HEADER_INVALID. */
  public static header(name: string): RateLimitKey {
    const header = requireHeaderName(name);
    return new RateLimitKey(header, { request_headers: { header_name: header, descriptor_key: header } });
  }

  /** Each address of a client, as trusted proxies report it. */
  public static clientAddress(): RateLimitKey { return new RateLimitKey('remote_address', { remote_address: {} }); }

  private constructor(/** @internal */ public readonly _key: string, /** @internal */ public readonly _action: Readonly<Record<string, unknown>>) {}
}

guarded('RateLimitKey', RateLimitKey);

/** A quota that all proxies share. @internal */
export interface SharedQuota {
  readonly options: GlobalQuotaOptions;
  readonly unit: string;
}

/** How many requests may pass. */
export class RateLimitQuota {
  /** Counted by each proxy for itself: a workload of three pods lets three times as many pass. Throws MESH_LIMIT_INVALID, MESH_DURATION_INVALID. */
  public static local(options: LocalQuotaOptions): RateLimitQuota {
    const requests = requireRequests(options.requests);
    const fill_interval = durationText(undefined, 'per', options.per);
    if (options.per.toMilliseconds() < 50) {
      throw meshError(undefined, 'MESH_LIMIT_INVALID', `per must be at least 50ms, got ${options.per.toMilliseconds()}ms; raise it, and requests with it`);
    }
    return new RateLimitQuota({ max_tokens: requests, tokens_per_fill: requests, fill_interval });
  }

  /**
   * Counted by a `RateLimitService` for all proxies together. Throws MESH_LIMIT_INVALID for a number out of range, a period that the service does
   * not know and a key that is given twice, MESH_DURATION_INVALID.
   */
  public static global(options: GlobalQuotaOptions): RateLimitQuota {
    requireRequests(options.requests);
    const millis = options.per.toMilliseconds({ integral: false });
    const unit = UNITS.get(millis);
    if (unit === undefined) {
      throw meshError(undefined, 'MESH_LIMIT_INVALID', `per must be a second, a minute, an hour, a day or a week, got ${millis}ms; choose requests for one of those`);
    }
    if (options.timeout !== undefined) durationText(undefined, 'timeout', options.timeout);
    const keys = options.each?.map((key) => key._key) ?? [];
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice !== undefined) throw meshError(undefined, 'MESH_LIMIT_INVALID', `each must name different things, got ${twice} twice; leave one of them away`);
    return new RateLimitQuota(undefined, { options, unit });
  }

  private constructor(
    /** @internal */ public readonly _bucket?: Readonly<Record<string, unknown>>,
    /** @internal */ public readonly _shared?: SharedQuota,
  ) {}
}

guarded('RateLimitQuota', RateLimitQuota);

const requireRequests = (requests: number): number => requireInteger(undefined, 'MESH_LIMIT_INVALID', 'requests', requests, 1, 4_294_967_295);

/** What Envoy's rate-limit service calls these periods. */
const UNITS: ReadonlyMap<number, string> = new Map([
  [1000, 'second'], [60_000, 'minute'], [3_600_000, 'hour'], [86_400_000, 'day'], [604_800_000, 'week'],
]);
