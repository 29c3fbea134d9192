import type { Duration } from 'cdk8s';
import type { networking } from '../imports';
import { guarded } from './private/arguments';
import { requireInteger } from './private/check';
import { durationText } from './private/duration';
import { meshError } from './private/errors';

/** The statuses that Go's net/http, and so Istio's validation, knows. */
const KNOWN_STATUSES = new Set([
  100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308,
  ...Array.from({ length: 19 }, (_, index) => 400 + index), 421, 422, 423, 424, 425, 426, 428, 429, 431, 451,
  ...Array.from({ length: 9 }, (_, index) => 500 + index), 510, 511,
]);

/** A reason to try again. Renders one item of `retries.retryOn` of a VirtualService. */
export class RetryOn {
  /** Any 5xx answer, or none at all (disconnect, reset, timeout). */
  public static readonly SERVER_ERROR = new RetryOn('5xx');
  /** Answer 502, 503 or 504. */
  public static readonly GATEWAY_ERROR = new RetryOn('gateway-error');
  /** No answer: disconnect, reset or timeout. */
  public static readonly RESET = new RetryOn('reset');
  /** As RESET, but only while no byte of the request was sent. */
  public static readonly RESET_BEFORE_REQUEST = new RetryOn('reset-before-request');
  /** No connection could be made. */
  public static readonly CONNECT_FAILURE = new RetryOn('connect-failure');
  /** Answer 409. */
  public static readonly RETRIABLE_4XX = new RetryOn('retriable-4xx');
  /** The server refused the stream (HTTP/2 REFUSED_STREAM), so it is safe to send it again. */
  public static readonly REFUSED_STREAM = new RetryOn('refused-stream');
  /** gRPC status CANCELLED. */
  public static readonly GRPC_CANCELLED = new RetryOn('cancelled');
  /** gRPC status DEADLINE_EXCEEDED. */
  public static readonly GRPC_DEADLINE_EXCEEDED = new RetryOn('deadline-exceeded');
  /** gRPC status INTERNAL. */
  public static readonly GRPC_INTERNAL = new RetryOn('internal');
  /** gRPC status RESOURCE_EXHAUSTED. */
  public static readonly GRPC_RESOURCE_EXHAUSTED = new RetryOn('resource-exhausted');
  /** gRPC status UNAVAILABLE. */
  public static readonly GRPC_UNAVAILABLE = new RetryOn('unavailable');
  /** An answer with this HTTP status. Throws MESH_STATUS_INVALID for one that Istio has no name for. */
  public static status(status: number): RetryOn {
    if (!KNOWN_STATUSES.has(status)) {
      throw meshError(undefined, 'MESH_STATUS_INVALID', `a status to retry on must be a known HTTP status, got ${status}; Istio refuses others`);
    }
    return new RetryOn(String(status));
  }

  private constructor(/** Istio's word for it, e.g. `gateway-error`, or a status. */ public readonly condition: string) {}
}

guarded('RetryOn', RetryOn);

/** Limits of `RetryPolicy.on()`. */
export interface RetryOptions {
  /** Times a request is sent again after the first try, 1 or more. */
  readonly attempts: number;
  /**
   * Longest that one try may take, the first included; at least 1 ms.
   * @default - the timeout of the route, which then bounds all tries together
   */
  readonly perTryTimeout?: Duration;
  /**
   * Least pause before a request is sent again; it doubles each time, with chance in it, up to ten times this. At least 1 ms.
   * @default - 25 ms
   */
  readonly backoff?: Duration;
  /**
   * Whether a request may be sent again to endpoints of other localities, as if those of its own did not exist. Renders `retryRemoteLocalities`.
   * @default false
   */
  readonly remoteLocalities?: boolean;
  /**
   * Whether endpoints that failed the request are avoided when it is sent again. Renders `retryIgnorePreviousHosts`.
   * @default true
   */
  readonly avoidPreviousHosts?: boolean;
}

/**
 * Whether and when a request is sent again. Renders `retries` of a VirtualService's http rule.
 * @example
 * reviews.addRoute('all', { targets: [RouteTarget.to(v1)], retry: RetryPolicy.on([RetryOn.GATEWAY_ERROR], { attempts: 2, perTryTimeout: Duration.seconds(1) }) });
 */
export class RetryPolicy {
  /**
   * Sends a request again for these reasons.
   * Throws MESH_RETRY_ON_INVALID without a reason, MESH_RETRIES_INVALID where `attempts` is not a whole number from 1, MESH_DURATION_INVALID for a time below 1 ms.
   */
  public static on(conditions: RetryOn[], options: RetryOptions): RetryPolicy {
    if (conditions.length === 0) throw meshError(undefined, 'MESH_RETRY_ON_INVALID', 'RetryPolicy.on() needs at least one RetryOn, got []; to switch retries off, use RetryPolicy.none()');
    if (options.attempts === 0) throw meshError(undefined, 'MESH_RETRIES_INVALID', 'attempts must be at least 1, got 0; to switch retries off, use RetryPolicy.none()');
    requireInteger(undefined, 'MESH_RETRIES_INVALID', 'attempts', options.attempts, 1, 2147483647);
    return new RetryPolicy(options.attempts, conditions.map((on) => on.condition), options.perTryTimeout, options);
  }

  /** Never sends a request again. Without any policy, Istio does so twice for connection failures and the like. */
  public static none(): RetryPolicy { return new RetryPolicy(0, [], undefined); }

  private constructor(
    /** Times a request is sent again after the first try; 0 for never. */ public readonly attempts: number,
    private readonly conditions: string[],
    /** Longest that one try may take. */ public readonly perTryTimeout?: Duration,
    private readonly options: Partial<RetryOptions> = {},
  ) {
    if (options.backoff !== undefined) durationText(undefined, 'backoff', options.backoff);
    if (perTryTimeout !== undefined) durationText(undefined, 'perTryTimeout', perTryTimeout);
  }

  /** @internal */
  public _toKube(): networking.VirtualServiceSpecHttpRetries {
    return {
      attempts: this.attempts,
      retryOn: this.conditions.length > 0 ? this.conditions.join(',') : undefined,
      perTryTimeout: this.perTryTimeout && durationText(undefined, 'perTryTimeout', this.perTryTimeout),
      backoff: this.options.backoff && durationText(undefined, 'backoff', this.options.backoff),
      retryRemoteLocalities: this.options.remoteLocalities,
      retryIgnorePreviousHosts: this.options.avoidPreviousHosts,
    };
  }
}

guarded('RetryPolicy', RetryPolicy);
