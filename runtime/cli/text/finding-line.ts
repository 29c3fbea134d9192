import { createColors } from 'picocolors';
import { textOf } from '../../../src/analysis';
import type { Finding } from '../../../src/analysis';

/** One finding on one line, `error [where] CODE: rule, got value; repair`. */
export function findingLine(finding: Finding, color: boolean): string {
  const paint = createColors(color);
  const tint = { error: paint.red, warning: paint.yellow, info: paint.cyan }[finding.severity];
  return `${tint(finding.severity)} ${textOf(finding)}`;
}
