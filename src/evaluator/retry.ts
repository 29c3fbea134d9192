import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Retry } from './decision';
import { milliseconds } from './duration';
import type { RetryPolicy } from '../xds/gen/envoy/config/route/v3/route_components_pb';
import { PreviousPrioritiesConfigSchema } from '../xds/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb';

/** How an attempt failed before a response. A `connect-failure` never sent the request. */
export type AttemptFailure = 'connect-failure' | 'reset' | 'per-try-timeout';

/** What a retry policy sees of a response. */
export interface ResponseFacts {
  readonly status: number;
  get(name: string): string | undefined;
}

/** gRPC statuses that a retry policy can name. */
const GRPC_STATUS: Readonly<Record<string, string>> = {
  'cancelled': '1', 'deadline-exceeded': '4', 'resource-exhausted': '8', 'internal': '13', 'unavailable': '14',
};

const DEFAULT_BACK_OFF_MS = 25;
/** Where no longest back-off is given, Envoy takes ten times the shortest. */
const MAX_BACK_OFF_FACTOR = 10;
const PREVIOUS_HOSTS = 'envoy.retry_host_predicates.previous_hosts';

export function prepareRetry(policy: RetryPolicy): Retry {
  const { retryBackOff: backOff, numRetries, retryOn, retriableStatusCodes, perTryTimeout } = policy;
  const backOffBaseMs = backOff?.baseInterval === undefined ? DEFAULT_BACK_OFF_MS : milliseconds(backOff.baseInterval);
  return {
    numRetries: numRetries ?? 1,
    retryOn: new Set(retryOn.split(',').map(name => name.trim()).filter(name => name !== '')),
    statuses: retriableStatusCodes,
    perTryTimeoutMs: perTryTimeout === undefined ? 0 : milliseconds(perTryTimeout),
    backOffBaseMs,
    backOffMaxMs: backOff?.maxInterval === undefined ? MAX_BACK_OFF_FACTOR * backOffBaseMs : milliseconds(backOff.maxInterval),
    avoidsTriedHosts: policy.retryHostPredicate.some(({ name }) => name === PREVIOUS_HOSTS),
    hostSelections: Number(policy.hostSelectionRetryMaxAttempts) || 1,
    ...leavesPrioritiesAfter(policy),
  };
}

function leavesPrioritiesAfter({ retryPriority }: RetryPolicy): Pick<Retry, 'leavesPrioritiesAfter'> {
  const config = retryPriority?.configType.case === 'typedConfig' ? anyUnpack(retryPriority.configType.value, PreviousPrioritiesConfigSchema) : undefined;
  return config === undefined ? {} : { leavesPrioritiesAfter: config.updateFrequency };
}

/** Whether the policy wants another attempt after this response. */
export function retriesResponse({ retryOn, statuses }: Retry, response: ResponseFacts): boolean {
  const { status } = response;
  if (retryOn.has('5xx') && status >= 500) return true;
  if (retryOn.has('gateway-error') && status >= 502 && status <= 504) return true;
  if (retryOn.has('retriable-4xx') && status === 409) return true;
  if (retryOn.has('retriable-status-codes') && statuses.includes(status)) return true;
  if (status === 200) {
    const grpc = response.get('grpc-status');
    if (grpc !== undefined) {
      for (const name of retryOn) {
        if (GRPC_STATUS[name] === grpc) return true;
      }
    }
  }
  return false;
}

/** Whether the policy wants another attempt after an attempt without a response. Envoy counts a reset as a 5xx. */
export function retriesFailure({ retryOn }: Retry, failure: AttemptFailure): boolean {
  if (retryOn.has('reset') || retryOn.has('5xx') || retryOn.has('gateway-error')) return true;
  return failure === 'connect-failure' && (retryOn.has('connect-failure') || retryOn.has('reset-before-request'));
}

/** Below which Envoy draws the pause before a retry: an interval that doubles with each, up to the longest. `retry` counts from 1. */
export function backOffBoundMs({ backOffBaseMs, backOffMaxMs }: Retry, retry: number): number {
  return Math.min(backOffBaseMs * 2 ** (retry - 1), backOffMaxMs);
}
