/** What was looked at. Plain data, fit for JSON. */
export interface TraceEvent {
  readonly step: 'listener' | 'filterChain' | 'tls' | 'path' | 'virtualHost' | 'rule' | 'policy' | 'fault' | 'cors' | 'target' | 'mirror' | 'cluster' | 'endpoint';
  /** Name of the listener, chain, virtual host, rule, cluster or endpoint. */
  readonly name: string;
  readonly outcome: 'chosen' | 'failed' | 'skipped';
  /** The first condition that decided it, with the value received: `header end-user ≠ "jason" (got "bob")`. */
  readonly because?: string;
  /** The resource it was made from, as Istio writes it: `/apis/networking.istio.io/v1/namespaces/NS/virtual-service/NAME`. */
  readonly source?: string;
  /** Place of a rule in its virtual host, from 0. */
  readonly index?: number;
  /** What the rule asks for, or what the step holds. */
  readonly detail?: string;
}

/** Receives every step of a decision. Absent on the hot path. */
export type TraceSink = (event: TraceEvent) => void;

/** A value as traces write it. */
export function quote(value: string): string {
  return JSON.stringify(value);
}

/** `got "bob"`, or that there was nothing. */
export function got(value: string | undefined): string {
  return value === undefined ? 'absent' : `got ${quote(value)}`;
}
