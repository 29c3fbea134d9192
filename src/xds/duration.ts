import type { Duration } from '@bufbuild/protobuf/wkt';
import * as literal from './literals';

/** A protobuf Duration of so many milliseconds (fractions are kept down to the nanosecond). */
export function duration(ms: number): Duration {
  const seconds = Math.trunc(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1e6);
  const carry = Math.trunc(nanos / 1e9);
  return literal.duration(BigInt(seconds + carry), nanos - carry * 1e9);
}

/** Milliseconds of a protobuf Duration. */
export function milliseconds(value: Duration): number {
  return Number(value.seconds) * 1000 + value.nanos / 1e6;
}
