import type { Duration } from 'cdk8s';

/** When an endpoint that fails gets no requests for a while. Each caller's proxy judges for itself. Renders `trafficPolicy.outlierDetection` of a DestinationRule. */
export interface OutlierDetection {
  /**
   * Failures in a row, 5xx answers and broken connections, after which an endpoint is ejected; 0 for never.
   * @default 5
   */
  readonly consecutive5xxErrors?: number;
  /**
   * Answers 502, 503, 504 and broken connections in a row after which an endpoint is ejected; 0 for never.
   * @default - never
   */
  readonly consecutiveGatewayErrors?: number;
  /**
   * Failures to connect in a row after which an endpoint is ejected, then counted apart from answers; 1 or more.
   * @default - counted among the others
   */
  readonly consecutiveLocalOriginFailures?: number;
  /**
   * Time between two looks at which endpoints are ejected and let back, at least 1 ms.
   * @default - 10 s
   */
  readonly interval?: Duration;
  /**
   * Time that an endpoint stays out, times the number of its ejections; at least 1 ms.
   * @default - 30 s
   */
  readonly baseEjectionTime?: Duration;
  /**
   * Share of the endpoints that may be out at a time, 1 to 100. With fewer endpoints than one ejection is of that share, none ever is: 10 % of five is none.
   * @default 10
   */
  readonly maxEjectionPercent?: number;
  /**
   * Share of healthy endpoints below which all get requests again, 0 to 100.
   * @default 0
   */
  readonly minHealthPercent?: number;
}

/** How many retries may be under way. Renders `trafficPolicy.retryBudget` of a DestinationRule. */
export interface RetryBudget {
  /**
   * Retries in percent of the requests under way, 0 to 100.
   * @default 20
   */
  readonly percent?: number;
  /**
   * Retries that are always allowed, 0 or more.
   * @default 3
   */
  readonly minRetryConcurrency?: number;
}
