import { managedBy } from './cluster-name';
import type { Json } from '../../../src/model/json';
import { objectOf, objectsOf, textOf, textsOf } from '../../../src/model/json';
import type { ProxyDump } from '../dump/read';
import { columns } from '../text/columns';

/** `proxy-config routes`, as istioctl prints it. Routes to PassthroughCluster are left out. */
export function routeTable(dump: Pick<ProxyDump, 'routes'>): string {
  const rows = sortRoutes(dump.routes).flatMap((config) => {
    const name = textOf(config.name) ?? '';
    return objectsOf(config.virtualHosts).flatMap((host) => {
      const start = [name, textOf(host.name) ?? '', describeDomains(textsOf(host.domains))];
      const routes = objectsOf(host.routes);
      if (routes.length === 0) return [[...start, '/*', '404']];
      return routes.filter(route => objectOf(route.route).cluster !== 'PassthroughCluster')
        .map(route => [...start, describeMatch(objectOf(route.match)), managedBy(route)]);
    });
  });
  return columns([['NAME', 'VHOST NAME', 'DOMAINS', 'MATCH', 'VIRTUAL SERVICE'], ...rows], 5);
}

/** Names that are numbers come first, in their order; the others stay as they are. */
function sortRoutes(routes: readonly Json[]): readonly Json[] {
  const isNumber = (config: Json) => /^\d+$/.test(textOf(config.name) ?? '');
  return [...routes.filter(isNumber).sort((a, b) => Number(a.name) - Number(b.name)), ...routes.filter(config => !isNumber(config))];
}

/** A route's path condition; headers are not shown. */
export function describeMatch(match: Json): string {
  const conditions: string[] = [];
  if (textOf(match.prefix) ?? '') conditions.push(`${textOf(match.prefix)}*`);
  if (textOf(match.pathSeparatedPrefix) ?? '') conditions.push(`PathPrefix:${textOf(match.pathSeparatedPrefix)}`);
  if (textOf(match.path) ?? '') conditions.push(textOf(match.path)!);
  if (match.safeRegex !== undefined) conditions.push(`regex ${textOf(objectOf(match.safeRegex).regex) ?? ''}`);
  return conditions.join(' ');
}

/** At most two domains, without those that carry a port and without long forms of a short name that is there. */
function describeDomains(domains: readonly string[]): string {
  if (domains.length <= 1) return domains.join('');
  const plain = domains.filter(domain => !domain.includes(':') || (domain.split(':').length > 3 && domain.endsWith(']')));
  const shortened = plain.filter(domain => !['.svc.cluster.local', '.svc', '.'].some(
    suffix => domain.endsWith(suffix) && plain.includes(domain.slice(0, -suffix.length))));
  const shown = shortened.slice(0, 2).join(', ');
  return shortened.length > 2 ? `${shown} + ${shortened.length - 2} more...` : shown;
}
