import type { Duration } from '@bufbuild/protobuf/wkt';

/** Milliseconds of a protobuf duration. */
export function milliseconds(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
