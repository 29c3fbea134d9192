import type { Duration } from 'cdk8s';
import { guarded } from './private/arguments';
import { requireInteger } from './private/check';
import { wholeSeconds } from './private/duration';
import { meshError } from './private/errors';

/** Options of `CanaryAnalysis.successRate()`. */
export interface SuccessRateOptions {
  /** Base URL of the Prometheus that has Istio's metrics, as Argo's controller dials it: `http://prometheus.istio-system:9090`. */
  readonly prometheus: string;
  /**
   * Share of the requests that must succeed, in percent, above 0 and up to 100. An answer of 5xx is none.
   * @default 99
   */
  readonly atLeast?: number;
  /**
   * Time between two measurements, and the span that each looks back on; at least one second, in whole seconds.
   * @default Duration.minutes(1)
   */
  readonly interval?: Duration;
  /**
   * Measurements that may fail before the rollout is given up; a whole number from 0.
   * @default 2
   */
  readonly failureLimit?: number;
}

/** What tells, while a canary takes requests, whether it is good enough. */
export class CanaryAnalysis {
  /**
   * The share of requests to the canary that succeed, by Istio's metric `istio_requests_total` as the callers' proxies report it. Time without requests is good.
   * Throws MESH_PERCENT_INVALID, MESH_DURATION_INVALID, MESH_STEP_INVALID for `failureLimit`, MESH_URL_INVALID for an address that is no http or https URL.
   */
  public static successRate(options: SuccessRateOptions): CanaryAnalysis {
    const { prometheus, atLeast = 99, interval, failureLimit = 2 } = options;
    if (!/^https?:\/\/[^/\s]+/.test(prometheus)) throw meshError(undefined, 'MESH_URL_INVALID', `prometheus must be a URL that begins with http:// or https://, got "${prometheus}"; write the whole URL`);
    if (!(atLeast > 0 && atLeast <= 100)) throw meshError(undefined, 'MESH_PERCENT_INVALID', `atLeast must be above 0 and at most 100, got ${atLeast}; choose a share in that range`);
    requireInteger(undefined, 'MESH_STEP_INVALID', 'failureLimit', failureLimit, 0, 2147483647);
    const span = interval === undefined ? '60s' : `${wholeSeconds('interval', interval, 1)}s`;
    return new CanaryAnalysis(prometheus, atLeast / 100, span, failureLimit);
  }

  private constructor(
    /** @internal */ public readonly _prometheus: string,
    /** @internal */ public readonly _share: number,
    /** @internal */ public readonly _interval: string,
    /** @internal */ public readonly _failureLimit: number,
  ) {}
}

guarded('CanaryAnalysis', CanaryAnalysis);
