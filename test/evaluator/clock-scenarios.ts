import type { Phase, Reaction } from '../../src/evaluator';

/** From so long on, an answer is held until it is released. */
export const HELD_MS = 60_000;

/** What one step does; the same on the virtual clock and on real Envoy. */
export type Step =
  /** Requests, each after the answer to the one before; their answers are not compared where chance has a part in them. */
  | { readonly send: number; readonly anyhow?: boolean }
  /** Requests that stay open: each has reached an upstream, or waits for a connection, before the next step. */
  | { readonly open: number; readonly until: 'upstream' | 'pending' }
  /** Held answers are given, and all open requests end. */
  | { readonly release: true }
  /** Requests until one is answered otherwise than `while`; how long that took since the last `send` is compared. */
  | { readonly poll: { readonly while: string }; readonly atLeastMs: number; readonly within: number };

/** One cluster with upstreams, one route to it, and what happens then. */
export interface Scenario {
  readonly name: string;
  /** Fields of the route's action, besides its cluster. */
  readonly route?: object;
  /** Fields of the route, such as the settings of filters. */
  readonly filters?: object;
  readonly cluster?: object;
  /** A copy of each request goes to the same cluster. */
  readonly mirrored?: boolean;
  /** A list for each priority. */
  readonly upstreams: readonly (readonly (readonly Phase[])[])[];
  readonly steps: readonly Step[];
  /** Compares how many requests reached each upstream; not where several could have been chosen. */
  readonly counted?: boolean;
  /** Total time of the one request, compared with a band that only a broken clock leaves. */
  readonly timed?: boolean;
}

const answer = (status: number, takesMs = 0): Reaction => ({ kind: 'answer', status, takesMs, headers: {} });
const always = (reaction: Reaction): Phase[] => [{ reaction }];
const OK = always(answer(200));
const HANGING = always({ kind: 'hang' });
const REFUSING = always({ kind: 'refuse' });
const RESETTING = always({ kind: 'reset', takesMs: 0 });
const HOLDING = always(answer(200, HELD_MS));
const failing = (status: number): Phase[] => always(answer(status));
const first = (requests: number, reaction: Reaction): Phase[] => [{ reaction, requests }];

const retry = (retryOn: string, numRetries: number, more: object = {}): object =>
  ({ retry_policy: { retry_on: retryOn, num_retries: numRetries, retry_back_off: { base_interval: '0.001s' }, ...more } });
const PREVIOUS_HOSTS = {
  retry_host_predicate: [{
    name: 'envoy.retry_host_predicates.previous_hosts',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate' },
  }],
  host_selection_retry_max_attempts: 5,
};
const thresholds = (limits: object): object => ({ circuit_breakers: { thresholds: [limits] } });
const outlier = (more: object): object => ({
  common_lb_config: { healthy_panic_threshold: {}, update_merge_window: '0s' },
  outlier_detection: { interval: '0.1s', base_ejection_time: '60s', max_ejection_percent: 100, enforcing_success_rate: 0, ...more },
});
const fault = (config: object): object => ({
  typed_per_filter_config: { 'envoy.filters.http.fault': { '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault', ...config } },
});
const one = (upstream: readonly Phase[]): Phase[][][] => [[[...upstream]]];

/** Timeouts and retries. */
const RETRIES: Scenario[] = [
  { name: 'no retry', upstreams: one(failing(503)), steps: [{ send: 1 }] },
  { name: '5xx until the limit', route: retry('5xx', 2), upstreams: one(failing(500)), steps: [{ send: 2 }] },
  { name: '5xx then good', route: retry('5xx', 3), upstreams: one(first(2, answer(503))), steps: [{ send: 2 }] },
  { name: 'gateway errors only: 500', route: retry('gateway-error', 2), upstreams: one(failing(500)), steps: [{ send: 1 }] },
  { name: 'gateway errors only: 502', route: retry('gateway-error', 2), upstreams: one(failing(502)), steps: [{ send: 1 }] },
  { name: 'conflict', route: retry('retriable-4xx', 1), upstreams: one(failing(409)), steps: [{ send: 1 }] },
  { name: 'not found is no conflict', route: retry('retriable-4xx', 1), upstreams: one(failing(404)), steps: [{ send: 1 }] },
  { name: 'statuses', route: retry('retriable-status-codes', 2, { retriable_status_codes: [418] }), upstreams: one(first(2, answer(418))), steps: [{ send: 1 }] },
  { name: 'refused', upstreams: one(REFUSING), steps: [{ send: 1 }] },
  { name: 'refused, tried again', route: retry('connect-failure', 2), upstreams: one(REFUSING), steps: [{ send: 1 }] },
  { name: 'refused, reset-before-request', route: retry('reset-before-request', 2), upstreams: one(REFUSING), steps: [{ send: 1 }] },
  { name: 'refused, only resets of a stream', route: retry('refused-stream', 2), upstreams: one(REFUSING), steps: [{ send: 1 }] },
  { name: 'reset', upstreams: one(RESETTING), steps: [{ send: 1 }] },
  { name: 'reset, tried again', route: retry('reset', 1), upstreams: one(first(1, { kind: 'reset', takesMs: 0 })), steps: [{ send: 1 }] },
  { name: 'reset, as a 5xx', route: retry('5xx', 1), upstreams: one(RESETTING), steps: [{ send: 1 }] },
  { name: 'reset, after the request', route: retry('reset-before-request', 2), upstreams: one(RESETTING), steps: [{ send: 1 }] },
  { name: 'reset, connect-failure', route: retry('connect-failure', 2), upstreams: one(RESETTING), steps: [{ send: 1 }] },
  { name: 'timeout', route: { timeout: '0.3s' }, upstreams: one(HANGING), steps: [{ send: 1 }], timed: true },
  { name: 'timeout of a slow answer', route: { timeout: '2s' }, upstreams: one(always(answer(200, 300))), steps: [{ send: 1 }], timed: true },
  { name: 'three retries within the timeout', route: { timeout: '2.5s', ...retry('5xx', 3, { per_try_timeout: '0.5s' }) }, upstreams: one(HANGING), steps: [{ send: 1 }], timed: true },
  { name: 'the timeout ends the tries', route: { timeout: '2.5s', ...retry('gateway-error', 5, { per_try_timeout: '1s' }) }, upstreams: one(HANGING), steps: [{ send: 1 }], timed: true },
  { name: 'a try that times out is not retried', route: { timeout: '5s', ...retry('connect-failure', 3, { per_try_timeout: '0.2s' }) }, upstreams: one(HANGING), steps: [{ send: 1 }], timed: true },
  { name: 'slow then fast', route: { timeout: '5s', ...retry('reset', 3, { per_try_timeout: '1s' }) }, upstreams: one(first(1, { kind: 'hang' })), steps: [{ send: 1 }], timed: true },
  { name: 'another host is tried', route: retry('5xx', 1, PREVIOUS_HOSTS), upstreams: [[failing(503), OK]], steps: [{ send: 20 }], counted: false },
  {
    name: 'another priority is tried',
    route: retry('5xx', 2, {
      retry_priority: {
        name: 'envoy.retry_priorities.previous_priorities',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig', 'update_frequency': 2 },
      },
    }),
    upstreams: [[failing(503)], [OK]],
    steps: [{ send: 3 }],
  },
];

/** Injected faults. */
const FAULTS: Scenario[] = [
  { name: 'delay', filters: fault({ delay: { fixed_delay: '0.3s', percentage: { numerator: 100 } } }), upstreams: one(OK), steps: [{ send: 1 }], timed: true },
  { name: 'abort', filters: fault({ abort: { http_status: 418, percentage: { numerator: 100 } } }), upstreams: one(OK), steps: [{ send: 1 }] },
  {
    name: 'delay and abort',
    filters: fault({ delay: { fixed_delay: '0.2s', percentage: { numerator: 100 } }, abort: { http_status: 503, percentage: { numerator: 100 } } }),
    route: retry('5xx', 2),
    upstreams: one(OK),
    steps: [{ send: 1 }],
    timed: true,
  },
  {
    name: 'a delay is no part of the timeout',
    filters: fault({ delay: { fixed_delay: '1.5s', percentage: { numerator: 100 } } }),
    route: { timeout: '1s' },
    upstreams: one(always(answer(200, 100))),
    steps: [{ send: 1 }],
    timed: true,
  },
];

/** Mirrors: two requests arrive for each that is sent, and only one of them may be tried again. */
const MIRRORS: Scenario[] = [
  { name: 'mirror', mirrored: true, upstreams: one(OK), steps: [{ send: 3 }] },
  { name: 'a mirror is not tried again', mirrored: true, route: retry('5xx', 2), upstreams: one(failing(503)), steps: [{ send: 2 }] },
  { name: 'a mirror nobody waits for', mirrored: true, upstreams: one(REFUSING), steps: [{ send: 1 }] },
];

/** Circuit breakers. */
const LIMITS: Scenario[] = [
  {
    name: 'one connection, one may wait',
    cluster: thresholds({ max_connections: 1, max_pending_requests: 1 }),
    upstreams: one(HOLDING),
    steps: [{ open: 1, until: 'upstream' }, { open: 1, until: 'pending' }, { send: 2 }, { release: true }],
  },
  { name: 'one request at a time', cluster: thresholds({ max_requests: 1 }), upstreams: one(HOLDING), steps: [{ open: 1, until: 'upstream' }, { send: 2 }, { release: true }] },
  { name: 'nobody may wait', cluster: thresholds({ max_pending_requests: 0 }), upstreams: one(OK), steps: [{ send: 2 }] },
  { name: 'overflow is not tried again', cluster: thresholds({ max_pending_requests: 0 }), route: retry('5xx,reset', 3), upstreams: one(OK), steps: [{ send: 1 }] },
  { name: 'no retry allowed', cluster: thresholds({ max_retries: 0 }), route: retry('5xx', 2), upstreams: one(failing(503)), steps: [{ send: 1 }] },
  { name: 'a budget without retries', cluster: thresholds({ retry_budget: { budget_percent: { value: 0 }, min_retry_concurrency: 0 } }), route: retry('5xx', 2), upstreams: one(failing(503)), steps: [{ send: 1 }] },
  { name: 'a budget of all', cluster: thresholds({ retry_budget: { budget_percent: { value: 100 }, min_retry_concurrency: 0 } }), route: retry('5xx', 2), upstreams: one(failing(503)), steps: [{ send: 1 }] },
  { name: 'a budget of half a request', cluster: thresholds({ retry_budget: { budget_percent: { value: 50 }, min_retry_concurrency: 0 } }), route: retry('5xx', 2), upstreams: one(failing(503)), steps: [{ send: 1 }] },
  { name: 'a budget of all, connections refused', cluster: thresholds({ retry_budget: { budget_percent: { value: 100 }, min_retry_concurrency: 0 } }), route: retry('5xx', 2), upstreams: one(REFUSING), steps: [{ send: 1 }] },
  { name: 'a budget of all, connections cut', cluster: thresholds({ retry_budget: { budget_percent: { value: 100 }, min_retry_concurrency: 0 } }), route: retry('5xx', 2), upstreams: one(RESETTING), steps: [{ send: 1 }] },
];

/** Outlier detection. */
const OUTLIERS: Scenario[] = [
  { name: 'five 5xx in a row', cluster: outlier({}), upstreams: one(failing(500)), steps: [{ send: 7 }] },
  { name: 'two in a row', cluster: outlier({ consecutive_5xx: 2 }), upstreams: one(failing(503)), steps: [{ send: 4 }] },
  { name: 'a good answer ends a streak', cluster: outlier({ consecutive_5xx: 2 }), upstreams: one([{ reaction: answer(500), requests: 1 }, { reaction: answer(200), requests: 1 }, { reaction: answer(500) }]), steps: [{ send: 5 }] },
  { name: 'gateway errors are not counted by default', cluster: outlier({ consecutive_5xx: 0, enforcing_consecutive_5xx: 0 }), upstreams: one(failing(502)), steps: [{ send: 8 }] },
  { name: 'gateway errors', cluster: outlier({ consecutive_gateway_failure: 3, enforcing_consecutive_gateway_failure: 100, consecutive_5xx: 0, enforcing_consecutive_5xx: 0 }), upstreams: one(failing(502)), steps: [{ send: 5 }] },
  { name: '500 is no gateway error', cluster: outlier({ consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100, consecutive_5xx: 0, enforcing_consecutive_5xx: 0 }), upstreams: one(failing(500)), steps: [{ send: 4 }] },
  { name: '400s do not count', cluster: outlier({ consecutive_5xx: 2 }), upstreams: one(failing(404)), steps: [{ send: 4 }] },
  { name: 'refused connections count as 503', cluster: outlier({ consecutive_5xx: 2 }), upstreams: one(REFUSING), steps: [{ send: 3 }] },
  { name: 'cut connections count as 503', cluster: outlier({ consecutive_5xx: 2 }), upstreams: one(RESETTING), steps: [{ send: 3 }] },
  { name: 'retries count', cluster: outlier({ consecutive_5xx: 2 }), route: retry('5xx', 1), upstreams: one(failing(503)), steps: [{ send: 2 }] },
  { name: 'timeouts count', cluster: outlier({ consecutive_5xx: 2 }), route: { timeout: '0.1s' }, upstreams: one(HANGING), steps: [{ send: 3 }] },
  { name: 'split: refused connections', cluster: outlier({ split_external_local_origin_errors: true, consecutive_local_origin_failure: 2, consecutive_5xx: 0, enforcing_consecutive_5xx: 0, enforcing_local_origin_success_rate: 0 }), upstreams: one(REFUSING), steps: [{ send: 4 }] },
  { name: 'split: a cut connection was a connection', cluster: outlier({ split_external_local_origin_errors: true, consecutive_local_origin_failure: 2, enforcing_local_origin_success_rate: 0 }), upstreams: one(RESETTING), steps: [{ send: 5 }] },
  { name: 'split: answers', cluster: outlier({ split_external_local_origin_errors: true, consecutive_5xx: 2, enforcing_local_origin_success_rate: 0 }), upstreams: one(failing(500)), steps: [{ send: 4 }] },
  { name: 'ten percent of one host is none', cluster: outlier({ consecutive_5xx: 2, max_ejection_percent: 10 }), upstreams: one(failing(500)), steps: [{ send: 6 }] },
  { name: 'half of one host is none', cluster: outlier({ consecutive_5xx: 2, max_ejection_percent: 50 }), upstreams: one(failing(500)), steps: [{ send: 4 }] },
  {
    name: 'half of two hosts is one',
    cluster: outlier({ consecutive_5xx: 1, max_ejection_percent: 50 }),
    upstreams: [[failing(500), OK]],
    steps: [{ send: 30, anyhow: true }, { send: 10 }],
    counted: false,
  },
  {
    name: 'panic brings ejected hosts back into use',
    cluster: { ...outlier({ consecutive_5xx: 1 }), common_lb_config: { healthy_panic_threshold: { value: 60 }, update_merge_window: '0s' } },
    upstreams: one(failing(500)),
    steps: [{ send: 4 }],
  },
  {
    name: 'ejected, back, ejected for longer',
    cluster: outlier({ consecutive_5xx: 2, base_ejection_time: '2s' }),
    upstreams: one(failing(500)),
    steps: [
      { send: 3 },
      { poll: { while: '503 UH' }, atLeastMs: 2000, within: 100 },
      { send: 2 },
      { poll: { while: '503 UH' }, atLeastMs: 4000, within: 100 },
    ],
    counted: false,
  },
  {
    name: 'the next priority takes over from an ejected host',
    cluster: outlier({ consecutive_5xx: 2 }),
    upstreams: [[failing(500)], [first(1, answer(201))], [OK]],
    steps: [{ send: 5 }],
  },
  {
    name: 'priorities one after another, then none',
    cluster: outlier({ consecutive_5xx: 1 }),
    upstreams: [[failing(500)], [failing(501)], [failing(502)]],
    steps: [{ send: 4 }],
  },
  {
    name: 'changes within a second are gathered',
    cluster: { ...outlier({ consecutive_5xx: 1 }), common_lb_config: { healthy_panic_threshold: {} } },
    upstreams: [[failing(500)], [failing(501)], [failing(502)]],
    steps: [{ send: 3 }, { poll: { while: '501 ' }, atLeastMs: 1000, within: 5 }],
    counted: false,
  },
  {
    name: 'half of a priority spills over',
    cluster: outlier({ consecutive_5xx: 1 }),
    upstreams: [[failing(500), OK], [OK]],
    steps: [{ send: 40, anyhow: true }, { send: 20 }],
    counted: false,
  },
];

export const SCENARIOS: readonly Scenario[] = [...RETRIES, ...FAULTS, ...MIRRORS, ...LIMITS, ...OUTLIERS];
