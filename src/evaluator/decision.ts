/** What the evaluator needs to see of an HTTP request. Header names are lower case; pseudo headers are the other fields. */
export interface HttpRequestFacts {
  readonly method: string;
  /** `:authority` (Host). */
  readonly authority: string;
  /** Path with its query, as it came. */
  readonly path: string;
  readonly scheme: string;
  readonly headers: { get(name: string): string | undefined };
  /** Address of the caller; absent where it is not known. Only hashes of requests are made of it. */
  readonly sourceAddress?: string;
  /** What filters before the router left about the request; absent where none did. */
  readonly metadata?: Metadata;
}

/** A value in a filter's metadata: JSON. */
export type MetadataValue = string | number | boolean | null | readonly MetadataValue[] | { readonly [key: string]: MetadataValue };

/** What filters leave about a request, by name of the filter: the claims of its token, the policy that asks for an external authorizer. */
export type Metadata = Readonly<Record<string, MetadataValue>>;

/** A uniform integer in [0, bound). Every random choice is such an argument, so a test can fix it. */
export type Draw = (purpose: 'weight' | 'delay' | 'abort' | 'mirror' | 'endpoint' | 'backOff' | 'ejection', bound: number) => number;

/** Changes to a header map, in the order Envoy applies them: removals, then additions. */
export interface HeaderMutations {
  readonly remove: readonly string[];
  readonly add: readonly {
    readonly name: string;
    readonly value: string;
    /** Keep what is there and add another; otherwise replace. */
    readonly append: boolean;
    /** Only where the header is absent, or only where it is present; without it, always. */
    readonly only?: 'ifAbsent' | 'ifPresent';
  }[];
}

/** Retry policy of a route, prepared. */
export interface Retry {
  readonly numRetries: number;
  readonly retryOn: ReadonlySet<string>;
  readonly statuses: readonly number[];
  /** 0: no limit of its own. */
  readonly perTryTimeoutMs: number;
  /** The first pause before a retry is shorter than this; it doubles with each further one, up to `backOffMaxMs`. */
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  /** Chooses hosts again, up to `hostSelections` times, while the choice is one that was tried. */
  readonly avoidsTriedHosts: boolean;
  readonly hostSelections: number;
  /** After so many attempts, priorities that were tried are left out; absent: they are not. */
  readonly leavesPrioritiesAfter?: number;
}

/** The request goes to a cluster. */
export interface Forward {
  readonly kind: 'forward';
  readonly cluster: string;
  /** Path and authority after rewrites. */
  readonly path: string;
  readonly authority: string;
  readonly requestHeaders: HeaderMutations;
  readonly responseHeaders: HeaderMutations;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly retry?: Retry;
  /** Clusters that get a copy. */
  readonly mirrors: readonly string[];
  /** What the host is chosen by, in clusters that choose by hash; absent where the route asks for none, or the request has nothing to hash. */
  readonly hash?: bigint;
  /** Injected delay before forwarding. */
  readonly delayMs: number;
  readonly routeName: string;
  readonly virtualHost: string;
}

/** The proxy answers by itself. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly body: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Envoy's response flag: NR, FI, … or ''. `DI` is added by the caller when delayMs > 0. */
  readonly flag: string;
  /** Envoy's response code details, `route_not_found`, `fault_filter_abort`, `direct_response`. */
  readonly details: string;
  /** The cluster that the rule had chosen before a filter answered in its place. */
  readonly cluster?: string;
  readonly delayMs: number;
  readonly routeName: string;
  readonly virtualHost: string;
}

export type Decision = Forward | Answer;
