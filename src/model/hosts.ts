/** Host algebra of Istio (istio-behaviour §0): a host is exact, or a wildcard that begins with `*`. */

/** Whether the host begins with `*`. */
export function isWildcard(host: string): boolean {
  return host.startsWith('*');
}

/** Whether some name is covered by both hosts. */
export function hostsMatch(a: string, b: string): boolean {
  if (a === b) return true;
  if (isWildcard(a) && isWildcard(b)) return a.length < b.length ? b.slice(1).endsWith(a.slice(1)) : a.slice(1).endsWith(b.slice(1));
  if (isWildcard(a)) return b.endsWith(a.slice(1));
  return isWildcard(b) && a.endsWith(b.slice(1));
}

/** Whether `b` covers every name that `a` covers. */
export function hostSubsetOf(a: string, b: string): boolean {
  if (a === b) return true;
  if (!isWildcard(b)) return false;
  return (isWildcard(a) ? a.slice(1) : a).endsWith(b.slice(1));
}

/** Hosts common to both lists: of each overlapping pair the more specific one, in the order of `a`, each once. */
export function hostsIntersection(a: readonly string[], b: readonly string[]): string[] {
  const common = new Set<string>();
  for (const left of a) {
    for (const right of b) {
      if (hostSubsetOf(left, right)) common.add(left);
      else if (hostSubsetOf(right, left)) common.add(right);
    }
  }
  return [...common];
}

/** Order of specificity: exact hosts before wildcards, longer before shorter, then alphabetically. */
export function bySpecificity(a: string, b: string): number {
  if (isWildcard(a) !== isWildcard(b)) return isWildcard(a) ? 1 : -1;
  return b.length - a.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** The key that speaks for `host`: itself if it is a key, else the longest wildcard key that covers it. */
export function mostSpecificHost(host: string, keys: { has(key: string): boolean; keys(): Iterable<string> }): string | undefined {
  const wanted = host.toLowerCase();
  if (keys.has(wanted)) return wanted;
  let best: string | undefined;
  for (const key of keys.keys()) {
    if (isWildcard(key) && hostSubsetOf(wanted, key) && (best === undefined || bySpecificity(key, best) < 0)) best = key;
  }
  return best;
}
