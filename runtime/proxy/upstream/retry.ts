import type { Retry } from '../../../src/evaluator';
import type { ResponseHead } from '../http1/response-head';

/** How an attempt failed before a response. */
export type AttemptFailure = 'connect-failure' | 'reset' | 'per-try-timeout';

/** gRPC statuses that a retry policy can name. */
const GRPC_STATUS: Readonly<Record<string, string>> = {
  'cancelled': '1', 'deadline-exceeded': '4', 'resource-exhausted': '8', 'internal': '13', 'unavailable': '14',
};

/** Whether the policy wants another attempt after this response. */
export function retriesResponse({ retryOn, statuses }: Retry, head: ResponseHead): boolean {
  const { status } = head;
  if (retryOn.has('5xx') && status >= 500) return true;
  if (retryOn.has('gateway-error') && status >= 502 && status <= 504) return true;
  if (retryOn.has('retriable-4xx') && status === 409) return true;
  if (retryOn.has('retriable-status-codes') && statuses.includes(status)) return true;
  if (status === 200) {
    const grpc = head.get('grpc-status');
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

/** Envoy's back-off: uniform below an interval that doubles with each retry, up to ten times the base. `retry` counts from 1. */
export function backOffMs({ backOffBaseMs }: Retry, retry: number, random: () => number): number {
  return Math.floor(random() * Math.min(backOffBaseMs * 2 ** (retry - 1), 10 * backOffBaseMs));
}
