import { hostsMatch, hostSubsetOf, isWildcard } from '../../model/hosts';
import type { Service } from '../../model/service';

/** The `hosts` of one egress listener: `namespace/host` each (istio-behaviour B2). */
export class EgressHosts {
  private readonly imported = new Map<string, Hosts>();
  private readonly excluded = new Map<string, Hosts>();
  /** Whether all that is imported is named by namespace and host. */
  public readonly areExact: boolean;

  public constructor(hosts: readonly string[], own: string) {
    for (const text of hosts) {
      const slash = text.indexOf('/');
      const [owner, host] = [text.slice(0, slash), text.slice(slash + 1).toLowerCase()];
      const excludes = owner.startsWith('~');
      // `~/*` leaves out whatever any namespace has.
      const named = excludes ? owner.slice(1) || '*' : owner;
      const table = excludes ? this.excluded : this.imported;
      const namespace = named === '.' ? own : named;
      const entry = table.get(namespace) ?? new Hosts();
      table.set(namespace, entry);
      entry.add(host);
    }
    this.areExact = !this.imported.has('*') && [...this.imported.values()].every(entry => entry.isExact);
  }

  /** A service as the listener imports it: with those of its other names that are imported beside it. Undefined where it does not. */
  public imports(service: Service): Service | undefined {
    const { namespace, hostname, aliases = [] } = service;
    if (this.excluded.get(namespace)?.covers(hostname) === true || this.excluded.get('*')?.covers(hostname) === true) return undefined;
    const by = [this.imported.get(namespace), this.imported.get('*')].find(hosts => hosts?.covers(hostname) === true);
    if (by === undefined) return undefined;
    const kept = aliases.filter(alias => by.covers(alias.hostname));
    return kept.length === aliases.length ? service : { ...service, aliases: kept };
  }

  /** Whether the listener imports a VirtualService: some host of it, not left out, and some imported host overlap. */
  public takesRule(namespace: string, hosts: readonly string[]): boolean {
    const excluded = [this.excluded.get(namespace), this.excluded.get('*')];
    const imported = [this.imported.get(namespace), this.imported.get('*')];
    return hosts.some(host => imported.some(each => each?.overlaps(host) === true) && !excluded.some(each => each?.covers(host) === true));
  }
}

class Hosts {
  private readonly exact = new Set<string>();
  private readonly wildcards: string[] = [];

  public get isExact(): boolean {
    return this.wildcards.length === 0;
  }

  public add(host: string): void {
    if (isWildcard(host)) this.wildcards.push(host);
    else this.exact.add(host);
  }

  public covers(host: string): boolean {
    return this.exact.has(host) || this.wildcards.some(wildcard => hostSubsetOf(host, wildcard));
  }

  public overlaps(host: string): boolean {
    return this.exact.has(host) || this.wildcards.some(known => hostsMatch(host, known))
      || (isWildcard(host) && [...this.exact].some(known => hostsMatch(host, known)));
  }
}
