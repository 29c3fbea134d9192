import { compare } from './resource';
import type { Alias, Service } from './service';

/**
 * Services with their aliases: Services of type ExternalName that lead to them, directly or by way of others (istio-behaviour A1).
 * A chain that ends nowhere, or in itself, leads to nobody.
 */
export function withAliases(services: readonly Service[]): Service[] {
  const targets = new Map(services.filter(({ resolution }) => resolution === 'alias')
    .map(({ hostname, externalName = '' }) => [hostname, externalName.toLowerCase()]));
  if (targets.size === 0) return [...services];
  const byTarget = new Map<string, Alias[]>();
  for (const { hostname, namespace, resolution } of services) {
    if (resolution !== 'alias') continue;
    const end = endOf(hostname, targets);
    if (end !== undefined) byTarget.set(end, [...byTarget.get(end) ?? [], { hostname, namespace }]);
  }
  return services.map((service) => {
    const aliases = service.resolution === 'alias' ? undefined : byTarget.get(service.hostname);
    if (aliases === undefined) return service;
    return { ...service, aliases: aliases.sort((a, b) => compare(a.namespace, b.namespace) || compare(a.hostname, b.hostname)) };
  });
}

function endOf(start: string, targets: ReadonlyMap<string, string>): string | undefined {
  const seen = new Set<string>();
  let host = start;
  for (let next = targets.get(host); next !== undefined; next = targets.get(host)) {
    if (seen.has(host)) return undefined;
    seen.add(host);
    host = next;
  }
  return host;
}
