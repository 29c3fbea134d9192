import { create } from '@bufbuild/protobuf';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import {
  RetryPolicy_RetryBackOffSchema, RetryPolicy_RetryHostPredicateSchema, RetryPolicy_RetryPrioritySchema, RetryPolicySchema,
} from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { RetryPolicy } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { PreviousHostsPredicateSchema } from '../../xds/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb';
import { PreviousPrioritiesConfigSchema } from '../../xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb';
import * as literal from '../../xds/literals';
import { durationMs } from '../durations';
import type { HttpRetry } from '../istio-api';

const DEFAULT_RETRY_ON = 'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes';
const BY_CODE = 'retriable-status-codes';
const OTHER_HOSTS = [create(RetryPolicy_RetryHostPredicateSchema, {
  name: 'envoy.retry_host_predicates.previous_hosts', configType: { case: 'typedConfig', value: pack(PreviousHostsPredicateSchema) },
})];
const OTHER_PRIORITIES = create(RetryPolicy_RetryPrioritySchema, {
  name: 'envoy.retry_priorities.previous_priorities',
  configType: { case: 'typedConfig', value: pack(PreviousPrioritiesConfigSchema, { updateFrequency: 2 }) },
});

/** Retries of a rule (istio-behaviour C9): its own, the mesh's default, or Istio's. A caller pinned to a host may retry on it. */
export function retryPolicy(policy: HttpRetry | undefined, pinned: boolean): RetryPolicy | undefined {
  const attempts = policy === undefined ? 2 : policy.attempts ?? 0;
  if (attempts <= 0) return undefined;
  const { retryOn, codes } = conditions(policy?.retryOn);
  const perTry = durationMs(policy?.perTryTimeout);
  const backoff = durationMs(policy?.backoff);
  return literal.retryPolicy({
    retryOn,
    numRetries: attempts,
    perTryTimeout: perTry === undefined ? undefined : duration(perTry),
    retriableStatusCodes: codes,
    retryHostPredicate: policy?.retryIgnorePreviousHosts ?? !pinned ? OTHER_HOSTS : [],
    hostSelectionRetryMaxAttempts: 5n,
    retryPriority: policy?.retryRemoteLocalities === true ? OTHER_PRIORITIES : undefined,
    retryBackOff: backoff === undefined ? undefined : create(RetryPolicy_RetryBackOffSchema, { baseInterval: duration(backoff) }),
  });
}

export const DEFAULT_RETRY = retryPolicy(undefined, false);

/** Inbound, only what has not reached the application is tried again. */
const INBOUND_RETRY = create(RetryPolicySchema, { retryOn: 'reset-before-request', numRetries: 2 });

/** Inbound retries: Istio's, or the mesh's for them. */
export function inboundRetry(policy: HttpRetry | undefined): RetryPolicy | undefined {
  if (policy === undefined) return INBOUND_RETRY;
  const attempts = policy.attempts ?? 0;
  if (attempts <= 0) return undefined;
  const backoff = durationMs(policy.backoff);
  return create(RetryPolicySchema, {
    retryOn: policy.retryOn || INBOUND_RETRY.retryOn,
    numRetries: attempts,
    retryBackOff: backoff === undefined ? undefined : { baseInterval: duration(backoff) },
  });
}

function conditions(text: string | undefined): { retryOn: string; codes: number[] } {
  if (text === undefined || text === '') return { retryOn: DEFAULT_RETRY_ON, codes: [] };
  const words = text.split(',').map(word => word.trim()).filter(word => word !== '');
  const isCode = (word: string): boolean => /^\d+$/.test(word) && STATUS_CODES.has(Number(word));
  const codes = words.filter(isCode).map(Number);
  const rest = words.filter(word => !isCode(word)).join(',');
  // Where only codes are given, nothing stands before the comma.
  return { retryOn: codes.length > 0 && !rest.includes(BY_CODE) ? `${rest},${BY_CODE}` : rest, codes };
}

/** Statuses that HTTP defines; any other number in retryOn is passed on as it stands. */
const STATUS_CODES: ReadonlySet<number> = new Set([
  100, 101, 102, 103, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308,
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451,
  500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
]);
