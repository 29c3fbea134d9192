/** What a request got in the course of time. */
export interface PlayedRequest {
  /** When it was sent, in milliseconds of the clock. */
  readonly atMs: number;
  /** `productpage-v1.default`: whose proxy took it first. */
  readonly proxy: string;
  /** Until its answer; undefined while it is under way. */
  elapsedMs?: number;
  /** Absent where nobody answers: the connection is refused or closed. */
  status?: number;
  /** Envoy's response flags, as the access log of the first proxy has them. */
  flags: readonly string[];
  /** Envoy's response code details. */
  details: string;
  body: string;
  headers: Readonly<Record<string, string>>;
  /** Where the rule that decided sent it. */
  target?: PlayedTarget;
  attempts: readonly PlayedTry[];
  mirrors: readonly PlayedCopy[];
}

export interface PlayedTarget {
  readonly host: string;
  readonly subset: string;
  readonly port: number;
}

/** One attempt. */
export interface PlayedTry {
  readonly atMs: number;
  readonly tookMs: number;
  /** `10.0.0.1:9080`. */
  readonly endpoint: string;
  /** `reviews-v1-1.default`, where the endpoint is a Pod's. */
  readonly pod?: string;
  readonly outcome: string;
  readonly status?: number;
}

/** One mirrored copy. */
export interface PlayedCopy extends PlayedTarget {
  /** What it got; absent while it is under way. */
  readonly status?: number;
}
