import type { RuntimeFractionalPercent } from '../xds/gen/envoy/config/core/v3/base_pb';
import type { FractionalPercent } from '../xds/gen/envoy/type/v3/percent_pb';

/** A share as Envoy draws it: `random % denominator < numerator`. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

export const NEVER: Fraction = { numerator: 0, denominator: 100 };
export const ALWAYS: Fraction = { numerator: 100, denominator: 100 };

const DENOMINATORS = [100, 10_000, 1_000_000];

export function prepareFraction(percent: FractionalPercent | undefined, absent: Fraction): Fraction {
  if (percent === undefined) return absent;
  return { numerator: percent.numerator, denominator: DENOMINATORS[percent.denominator] ?? 100 };
}

/** The default value: run-time overrides are not part of a configuration. */
export function prepareRuntimeFraction(fraction: RuntimeFractionalPercent | undefined, absent: Fraction): Fraction {
  return prepareFraction(fraction?.defaultValue, absent);
}

/** Certain outcomes draw nothing, so that a fixed draw stays the same when a 0 % or 100 % share is added. */
export function drawn(fraction: Fraction, draw: (bound: number) => number): boolean {
  if (fraction.numerator <= 0) return false;
  return fraction.numerator >= fraction.denominator || draw(fraction.denominator) < fraction.numerator;
}

export function percentOf(fraction: Fraction): number {
  return Math.min(100, fraction.numerator * 100 / fraction.denominator);
}
