import { Duration } from 'cdk8s';
import { RetryOn, RetryPolicy } from '../src';

const rendered = (policy: RetryPolicy) => JSON.parse(JSON.stringify(policy._toKube()));

test.each([
  ['SERVER_ERROR', RetryOn.SERVER_ERROR, '5xx'],
  ['GATEWAY_ERROR', RetryOn.GATEWAY_ERROR, 'gateway-error'],
  ['RESET', RetryOn.RESET, 'reset'],
  ['RESET_BEFORE_REQUEST', RetryOn.RESET_BEFORE_REQUEST, 'reset-before-request'],
  ['CONNECT_FAILURE', RetryOn.CONNECT_FAILURE, 'connect-failure'],
  ['RETRIABLE_4XX', RetryOn.RETRIABLE_4XX, 'retriable-4xx'],
  ['REFUSED_STREAM', RetryOn.REFUSED_STREAM, 'refused-stream'],
  ['GRPC_CANCELLED', RetryOn.GRPC_CANCELLED, 'cancelled'],
  ['GRPC_DEADLINE_EXCEEDED', RetryOn.GRPC_DEADLINE_EXCEEDED, 'deadline-exceeded'],
  ['GRPC_INTERNAL', RetryOn.GRPC_INTERNAL, 'internal'],
  ['GRPC_RESOURCE_EXHAUSTED', RetryOn.GRPC_RESOURCE_EXHAUSTED, 'resource-exhausted'],
  ['GRPC_UNAVAILABLE', RetryOn.GRPC_UNAVAILABLE, 'unavailable'],
  ['status(503)', RetryOn.status(503), '503'],
])('RetryOn.%s', (_case, on, condition) => {
  expect(rendered(RetryPolicy.on([on], { attempts: 1 }))).toEqual({ attempts: 1, retryOn: condition });
});

test('none() says so, since silence means the mesh\'s own retries', () => {
  expect(rendered(RetryPolicy.none())).toEqual({ attempts: 0 });
});

test('attempts may be as many as an int32 holds', () => {
  expect(RetryPolicy.on([RetryOn.RESET], { attempts: 2147483647 }).attempts).toBe(2147483647);
});

test.each([100, 511])('status %d is known', (status) => {
  expect(RetryOn.status(status).condition).toBe(String(status));
});

test.each<[string, () => unknown, string]>([
  ['no condition', () => RetryPolicy.on([], { attempts: 1 }), 'MESH_RETRY_ON_INVALID: RetryPolicy.on() needs at least one RetryOn, got []; to switch retries off, use RetryPolicy.none()'],
  ['no attempt', () => RetryPolicy.on([RetryOn.RESET], { attempts: 0 }), 'MESH_RETRIES_INVALID: attempts must be at least 1, got 0; to switch retries off, use RetryPolicy.none()'],
  ['fewer attempts', () => RetryPolicy.on([RetryOn.RESET], { attempts: -1 }), 'MESH_RETRIES_INVALID: attempts must be a whole number from 1 to 2147483647, got -1; choose one in that range'],
  ['too many attempts', () => RetryPolicy.on([RetryOn.RESET], { attempts: 2147483648 }), 'MESH_RETRIES_INVALID: attempts must be a whole number from 1 to 2147483647, got 2147483648; choose one in that range'],
  ['no time', () => RetryPolicy.on([RetryOn.RESET], { attempts: 1, perTryTimeout: Duration.millis(0) }), 'MESH_DURATION_INVALID: perTryTimeout must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'],
  ['status 99', () => RetryOn.status(99), 'MESH_STATUS_INVALID: a status to retry on must be a known HTTP status, got 99; Istio refuses others'],
  ['status 512', () => RetryOn.status(512), 'MESH_STATUS_INVALID: a status to retry on must be a known HTTP status, got 512; Istio refuses others'],
])('rejects %s', (_case, make, message) => {
  expect(make).toThrow(new Error(message));
});
