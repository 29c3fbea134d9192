import { hostsMatch, hostSubsetOf, isWildcard } from '../../model/hosts';

/** The `hosts` of one egress listener: `namespace/host` each (istio-behaviour B2). */
export class EgressHosts {
  private readonly imported = new Map<string, Hosts>();
  private readonly excluded = new Map<string, Hosts>();

  public constructor(hosts: readonly string[], own: string) {
    for (const text of hosts) {
      const slash = text.indexOf('/');
      const [owner, host] = [text.slice(0, slash), text.slice(slash + 1).toLowerCase()];
      const excludes = owner.startsWith('~');
      const named = excludes ? owner.slice(1) : owner;
      // `~/*` imports nothing, so it adds nothing.
      if (excludes && named === '') continue;
      const table = excludes ? this.excluded : this.imported;
      const namespace = named === '.' ? own : named;
      const entry = table.get(namespace) ?? new Hosts();
      table.set(namespace, entry);
      entry.add(host);
    }
  }

  /** Whether the listener imports a service. */
  public takesService(namespace: string, hostname: string): boolean {
    if (this.excluded.get(namespace)?.covers(hostname) === true || this.excluded.get('*')?.covers(hostname) === true) return false;
    return this.imported.get(namespace)?.covers(hostname) === true || this.imported.get('*')?.covers(hostname) === true;
  }

  /** Whether the listener imports a VirtualService: some host of it and some imported host overlap. */
  public takesRule(namespace: string, hosts: readonly string[]): boolean {
    if (hosts.every(host => this.excluded.get(namespace)?.covers(host) === true || this.excluded.get('*')?.covers(host) === true)) return false;
    return hosts.some(host => this.imported.get(namespace)?.overlaps(host) === true || this.imported.get('*')?.overlaps(host) === true);
  }
}

class Hosts {
  private readonly exact = new Set<string>();
  private readonly wildcards: string[] = [];

  public add(host: string): void {
    if (isWildcard(host)) this.wildcards.push(host);
    else this.exact.add(host);
  }

  public covers(host: string): boolean {
    return this.exact.has(host) || this.wildcards.some(wildcard => hostSubsetOf(host, wildcard));
  }

  public overlaps(host: string): boolean {
    return this.covers(host) || (isWildcard(host) && [...this.exact, ...this.wildcards].some(known => hostsMatch(host, known)));
  }
}
