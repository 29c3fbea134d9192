import { isWildcard } from '../model/hosts';

/** The value of the most specific key for a host: its own, else that of the longest wildcard that covers it. */
export function mostSpecific<T>(host: string, table: ReadonlyMap<string, T>): T | undefined {
  const exact = table.get(host);
  if (exact !== undefined || table.size === 0) return exact;
  // Every suffix may be a key, `*-a.example.com` too; the longest comes first.
  for (let at = isWildcard(host) ? 1 : 0; at <= host.length; at++) {
    const value = table.get(`*${host.slice(at)}`);
    if (value !== undefined) return value;
  }
  return undefined;
}
