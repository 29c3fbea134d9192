import { compare } from '../../model/resource';

/** One difference in what happens to traffic. */
export interface Change {
  readonly kind: 'workload' | 'route' | 'order' | 'target' | 'listener' | 'policy' | 'access';
  /** `reviews.default.svc.cluster.local:9080 prefix /`. */
  readonly subject: string;
  /** What of it: `to`, `timeout`, `endpoints`; absent where the whole subject came or went. */
  readonly aspect?: string;
  /** Absent where there was nothing. */
  readonly before?: string;
  /** Absent where nothing is left. */
  readonly after?: string;
  /** Proxies for which it holds, `productpage-v1.default`, sorted. */
  readonly proxies: readonly string[];
}

/** A difference before it is known for which proxies it holds. */
export type Difference = Omit<Change, 'proxies'>;

/** Texts longer than this are cut to where they differ. */
const LONG = 120;

function difference(before: string, after: string): string {
  if (before.length <= LONG && after.length <= LONG) return `${before} → ${after}`;
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < Math.min(before.length, after.length) - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  // Whole words are easier to read than letters.
  while (start > 0 && !'{[,'.includes(before[start - 1])) start--;
  while (end > 0 && !'}],'.includes(before[before.length - end])) end--;
  const cut = (text: string) => `${start > 0 ? '… ' : ''}${text.slice(start, text.length - end).trim() || 'nothing'}${end > 0 ? ' …' : ''}`;
  return `${cut(before)} → ${cut(after)}`;
}

const RANK = ['workload', 'route', 'order', 'target', 'listener', 'policy', 'access'];
const keyOf = (change: Change): string => [RANK.indexOf(change.kind), change.subject, change.aspect ?? '', change.before ?? '', change.after ?? ''].join('\u0000');

/** `~ reviews:9080 prefix /: to reviews/v1 → reviews/v1 90%, reviews/v2 10% (for productpage-v1.default)`. */
export function changeText(change: Change): string {
  const { kind, subject, aspect, before, after, proxies } = change;
  const sign = before === undefined ? '+' : after === undefined ? '-' : '~';
  const what = `${kind} ${subject}${aspect === undefined ? '' : `: ${aspect}`}`;
  const values = before === undefined ? ` ${after ?? ''}` : after === undefined ? ` ${before}` : ` ${difference(before, after)}`;
  const shown = proxies.length > 3 ? `${proxies.slice(0, 3).join(', ')} and ${proxies.length - 3} more` : proxies.join(', ');
  return `${sign} ${what}${values}${kind === 'workload' || kind === 'access' ? '' : ` (for ${shown})`}`;
}

/** In the order in which people look for the cause: workloads, routes, targets, then policies. */
export const byKind = (a: Change, b: Change): number => compare(keyOf(a), keyOf(b));
