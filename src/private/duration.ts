import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { meshError } from './errors';

/** The same where 0 has a meaning of its own. */
export function durationOrZero(scope: IConstruct | undefined, what: string, duration: Duration): string {
  return duration.toMilliseconds({ integral: false }) === 0 ? '0s' : durationText(scope, what, duration);
}

/** A duration as Istio's resources write it (`7s`, `0.5s`). Istio takes whole milliseconds, at least one. */
export function durationText(scope: IConstruct | undefined, what: string, duration: Duration): string {
  const millis = duration.toMilliseconds({ integral: false });
  if (!Number.isInteger(millis) || millis < 1) {
    throw meshError(scope, 'MESH_DURATION_INVALID', `${what} must be at least 1ms and a whole number of milliseconds, got ${millis}ms`);
  }
  return `${millis / 1000}s`;
}
