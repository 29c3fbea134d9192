/**
 * Envoy's choice of a virtual host: exact domain, longest suffix wildcard (`*.a`), longest prefix wildcard (`a.*`), `*`.
 * Wildcards are kept by length, longest first, so a lookup costs one probe per length in use.
 */
export class DomainIndex<T> {
  private readonly exact = new Map<string, T>();
  private readonly suffixes: Bucket<T>[] = [];
  private readonly prefixes: Bucket<T>[] = [];
  private anything: T | undefined;

  /** Throws on a domain that is already taken, as Envoy refuses such a configuration. */
  public add(domain: string, value: T): void {
    const key = domain.toLowerCase();
    if (key === '*') {
      if (this.anything !== undefined) throw new Error('only a single wildcard domain is permitted');
      this.anything = value;
      return;
    }
    const added = key.startsWith('*') ? put(this.suffixes, key.slice(1), value)
      : key.endsWith('*') ? put(this.prefixes, key.slice(0, -1), value) : putOnce(this.exact, key, value);
    if (!added) throw new Error(`only unique values for domains are permitted, duplicate entry of domain ${domain}`);
  }

  /** `host` in lower case, its port already stripped where that is wanted. */
  public find(host: string): T | undefined {
    const exact = this.exact.get(host);
    if (exact !== undefined) return exact;
    // A wildcard never stands for nothing: `*.foo.com` is not `.foo.com`.
    for (const bucket of this.suffixes) {
      if (bucket.length >= host.length) continue;
      const found = bucket.values.get(host.slice(host.length - bucket.length));
      if (found !== undefined) return found;
    }
    for (const bucket of this.prefixes) {
      if (bucket.length >= host.length) continue;
      const found = bucket.values.get(host.slice(0, bucket.length));
      if (found !== undefined) return found;
    }
    return this.anything;
  }
}

interface Bucket<T> {
  readonly length: number;
  readonly values: Map<string, T>;
}

function put<T>(buckets: Bucket<T>[], key: string, value: T): boolean {
  let bucket = buckets.find(known => known.length === key.length);
  if (bucket === undefined) {
    bucket = { length: key.length, values: new Map() };
    buckets.push(bucket);
    buckets.sort((a, b) => b.length - a.length);
  }
  return putOnce(bucket.values, key, value);
}

function putOnce<T>(map: Map<string, T>, key: string, value: T): boolean {
  if (map.has(key)) return false;
  map.set(key, value);
  return true;
}

/** `reviews:9080` → `reviews`, `[::1]:80` → `[::1]`, `[::1]` as it is. */
export function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon < 0 || authority.lastIndexOf(']') > colon ? authority : authority.slice(0, colon);
}
