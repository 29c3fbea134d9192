import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { meshError } from './errors';

/** The longest that Go, and so Istio and Kubernetes, can count: 292 years in nanoseconds. */
const LONGEST_MILLIS = 9_223_372_036_000;

/** A duration as it is, also where it is no whole number. */
export function millisOf(duration: Duration): number {
  return duration.toMilliseconds({ integral: false });
}

/** Whole milliseconds, from none on. */
export function wholeMillis(what: string, duration: Duration): number {
  const millis = millisOf(duration);
  if (!Number.isInteger(millis) || millis > LONGEST_MILLIS) {
    throw meshError(undefined, 'MESH_DURATION_INVALID', `${what} must be a whole number of milliseconds, at most ${LONGEST_MILLIS}, got ${millis}ms; choose one of those`);
  }
  return millis;
}

/** Whole seconds, where only those can be said. */
export function wholeSeconds(what: string, duration: Duration, low: number, high: number = LONGEST_MILLIS / 1000): number {
  const seconds = millisOf(duration) / 1000;
  if (!Number.isInteger(seconds) || seconds < low || seconds > high) {
    throw meshError(undefined, 'MESH_DURATION_INVALID', `${what} must be a whole number of seconds from ${low} to ${high}, got ${seconds}s; choose one of those`);
  }
  return seconds;
}

/** The same as `durationText()` where 0 has a meaning of its own. */
export function durationOrZero(scope: IConstruct | undefined, what: string, duration: Duration): string {
  return millisOf(duration) === 0 ? '0s' : durationText(scope, what, duration);
}

/** A duration as Istio's resources write it (`7s`, `0.5s`). Istio takes whole milliseconds, at least one. */
export function durationText(scope: IConstruct | undefined, what: string, duration: Duration): string {
  const millis = millisOf(duration);
  if (!Number.isInteger(millis) || millis < 1) {
    throw meshError(scope, 'MESH_DURATION_INVALID', `${what} must be at least 1ms and a whole number of milliseconds, got ${millis}ms; choose one of those`);
  }
  if (millis > LONGEST_MILLIS) throw meshError(scope, 'MESH_DURATION_INVALID', `${what} must be at most ${LONGEST_MILLIS / 1000}s, got ${millis / 1000}s; choose a shorter one`);
  return `${millis / 1000}s`;
}
