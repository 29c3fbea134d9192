import { MeshError } from './error';

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3 };
const SINGLE = /^(\d+)(ms|s|m|h)$/;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const WHOLE = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;

/** Milliseconds of a duration as Go and protobuf write it: `10s`, `1m30s`, `0.5s`, `0`. Undefined where the text is none. */
export function parseDuration(text: string): number | undefined {
  // Nearly all are a whole number of one unit.
  const single = SINGLE.exec(text);
  if (single !== null) return Number(single[1]) * UNIT_MS[single[2]];
  if (/^[+-]?0$/.test(text)) return 0;
  if (!WHOLE.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * UNIT_MS[unit];
  // Nanoseconds are the finest unit; without rounding 1.1s would be 1100.0000000000002 ms.
  total = Math.round(total * 1e6) / 1e6;
  return text.startsWith('-') ? -total : total;
}

/** Milliseconds of a duration field; throws where it is not one. */
export function durationOf(value: unknown, field: string, where?: string): number {
  const parsed = typeof value === 'string' ? parseDuration(value) : undefined;
  if (parsed === undefined) {
    throw new MeshError('MESH_DURATION_INVALID', `${field} must be a duration such as 10s, 1m30s or 0.5s, got ${JSON.stringify(value)}; write a number with its unit`, where);
  }
  return parsed;
}
