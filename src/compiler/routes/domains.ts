import type { Service } from '../../model/service';

/** Domains under which a service answers, in Istio's order, and which of them are short forms of its name. */
export interface ServiceDomains {
  readonly domains: readonly string[];
  readonly short: readonly string[];
}

/**
 * Domains of a service's virtual host (istio-behaviour C6).
 * @param listenerPort - 0 for listeners that serve every port, where each name is followed by `name:PORT`
 */
export function domainsOf(service: Service, port: number, listenerPort: number, proxyDomain: string, addresses: readonly string[]): ServiceDomains {
  const own = allNames(service.hostname, proxyDomain);
  const aliases = (service.aliases ?? []).map(({ hostname }) => allNames(hostname, proxyDomain));
  const { all, short } = aliases.length === 0 ? own
    : { all: [own, ...aliases].flatMap(names => names.all), short: [own, ...aliases].flatMap(names => names.short) };
  const wild = service.headless && service.registry === 'Kubernetes' ? all.map(name => `*.${name}`) : [];
  const hosts = [...all, ...wild, ...addresses.filter(address => address !== '0.0.0.0').map(bracketed)];
  return { domains: listenerPort !== 0 ? hosts : hosts.flatMap(host => [host, `${host}:${port}`]), short };
}

function allNames(hostname: string, proxyDomain: string): { readonly all: readonly string[]; readonly short: readonly string[] } {
  const [, ...short] = namesOf(hostname, proxyDomain);
  return { all: [hostname, ...(isAddressLike(hostname) ? [] : [`${hostname}.`]), ...short], short };
}

/** Names that callers may put into the SNI for the aliases of a service. */
export const aliasNames = ({ aliases }: Pick<Service, 'aliases'>, proxyDomain: string): string[] => (
  (aliases ?? []).flatMap(({ hostname }) => allNames(hostname, proxyDomain).all));

/** The name itself, then what a proxy of `proxyDomain` may call it: nothing, if the service is not in the same cluster domain. */
function namesOf(hostname: string, proxyDomain: string): string[] {
  const at = proxyDomain.indexOf('.svc.');
  if (at < 0) return [hostname];
  const suffix = proxyDomain.slice(at);
  if (!hostname.endsWith(suffix)) return [hostname];
  const unique = hostname.slice(0, -suffix.length);
  const [name, namespace, ...rest] = unique.split('.');
  if (namespace === undefined || rest.length > 0) return [hostname];
  const own = proxyDomain.slice(0, at) === namespace ? [name] : [];
  // Istio's order: inside the own namespace `.svc` precedes the two-label form, outside it follows.
  return own.length > 0
    ? [hostname, name, `${unique}.svc`, unique]
    : [hostname, unique, `${unique}.svc`];
}

const isAddressLike = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);
