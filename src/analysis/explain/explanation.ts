import type { TraceEvent, Verdict } from '../../evaluator';

/** A request somebody wants explained. */
export interface RequestSpec {
  /** `GET` by default. */
  readonly method?: string;
  /** `http://reviews:9080/reviews/0`. */
  readonly url: string;
  /** Names in any case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `NAME`, `NAME.NAMESPACE`, `deploy/NAME`, `pod/NAME`; `gateway:NAME`; or `outside`: the gateway that serves the host. */
  readonly from: string;
  /** Namespace of a `from` without one; `default` by default. */
  readonly namespace?: string;
  /** Address that the caller connects to, where it is not the one that the URL's host has. */
  readonly dialled?: { readonly address: string; readonly port: number };
  /** TLS that the caller speaks, for an `https` URL. */
  readonly tls?: {
    readonly sni?: string;
    readonly alpn?: readonly string[];
    /** Whether the caller shows a certificate that the server's CA has signed. */
    readonly certificate?: boolean;
    /** URI names in that certificate: `spiffe://cluster.local/ns/shop/sa/front`. */
    readonly names?: readonly string[];
  };
  /** Claims of a token that counts as signed by the issuer they name; it is sent as `Authorization: Bearer …`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Seconds since 1970, for the life of tokens. Without it no token is too old or too new. */
  readonly now?: number;
  /** What external authorizers answer; a status of 200, or leaving it out, lets requests pass. */
  readonly authorizer?: number | Verdict;
  /** Address that the request comes from; by default the caller's own, or one of the internet for `outside`. */
  readonly sourceAddress?: string;
}

/** What happens to a request, exactly: every share is a percentage of all requests like this one. */
export interface Explanation {
  /**
   * `routed`: some reach a target; `redirected`, `answered`, `denied`: the proxy answers all; `failed`: none can be served.
   */
  readonly outcome: 'routed' | 'redirected' | 'answered' | 'denied' | 'failed';
  /** What the caller gets where the mesh answers itself; absent where a target answers, or nobody does. */
  readonly status?: number;
  /** Envoy's response flag (`NR`, `UH`, `NC`, `FI` …) of that answer. */
  readonly flag: string;
  /** Envoy's response code details of that answer: `rbac_access_denied_matched_policy[ns[shop]-policy[readers]-rule[0]]`. */
  readonly details?: string;
  /** Body of that answer. */
  readonly body?: string;
  /** Where a redirect leads. */
  readonly location?: string;
  readonly targets: readonly ExplainedTarget[];
  /** The request as the target gets it; absent for a connection that no proxy reads as HTTP. */
  readonly request?: ExplainedRequest;
  /** What rules change in the target's answer before the caller gets it. */
  readonly response?: ExplainedResponse;
  /** 0: no limit. */
  readonly timeoutSeconds: number;
  readonly retries?: ExplainedRetries;
  readonly mirrors: readonly ExplainedMirror[];
  readonly fault?: ExplainedFault;
  /** The rule that decided. */
  readonly rule?: ExplainedRule;
  /** Which resource set what. */
  readonly setBy: { readonly timeout: string; readonly retries: string };
  /** Who decided on the caller's side. */
  readonly proxy: string;
  /** Everything that was tried, in order. */
  readonly trace: readonly ExplainedStep[];
}

export interface ExplainedRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ExplainedResponse {
  readonly set: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

export interface ExplainedTarget {
  /** `reviews.default.svc.cluster.local`, or the host asked for where it leads outside the mesh. */
  readonly host: string;
  /** '' for all endpoints of the host. */
  readonly subset: string;
  readonly port: number;
  readonly percent: number;
  readonly cluster: string;
  readonly endpoints: readonly ExplainedEndpoint[];
  readonly loadBalancing: { readonly policy: string; readonly setBy: string };
  /** What callers get of this share instead of the target's answer, with its flag and reason. */
  readonly status?: number;
  readonly flag?: string;
  /** Present where this share does not reach the target. */
  readonly because?: string;
  readonly details?: string;
}

export interface ExplainedEndpoint {
  readonly address: string;
  readonly port: number;
  /** Share of what reaches the target. */
  readonly percent: number;
  /** `reviews-v2.default` where the address is a workload's. */
  readonly workload?: string;
  readonly locality?: string;
}

export interface ExplainedMirror {
  readonly host: string;
  readonly subset: string;
  readonly port: number;
  readonly percent: number;
}

export interface ExplainedRetries {
  readonly attempts: number;
  readonly on: readonly string[];
  /** 0: no limit of its own. */
  readonly perTryTimeoutSeconds: number;
}

export interface ExplainedFault {
  readonly delaySeconds: number;
  readonly delayPercent: number;
  /** Absent without an abort. */
  readonly abortStatus?: number;
  readonly abortPercent: number;
}

export interface ExplainedRule {
  /** Its name, or its place in the virtual host. */
  readonly name: string;
  readonly virtualHost: string;
  /** `VirtualService/default/reviews`; '' for what Istio makes by itself. */
  readonly resource: string;
  /** Construct path, or `file:line`, or the resource's name; '' as before. */
  readonly where: string;
  /** Where it is written, of a delegated rule the delegate: `VirtualService/default/reviews spec.http[0]`; '' as before. */
  readonly written: string;
}

/** One step of the trace, at one proxy: what it decided, or what happens to the connection before, between and after. */
export interface ExplainedStep extends Omit<TraceEvent, 'step'> {
  readonly step: TraceEvent['step'] | 'iptables' | 'filters' | 'application' | 'response';
  /** `productpage-v1.default`. */
  readonly proxy: string;
  readonly side: 'client' | 'server';
  /** Construct path, or `file:line`, of the resource that `source` names. */
  readonly where?: string;
}
