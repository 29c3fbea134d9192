import { isIPv6 } from './addresses';

/** Fully qualified name of a short host (`reviews`); a name with a dot, a wildcard or an address is literal (istio-behaviour A7). */
export function resolveHost(host: string, namespace: string, domain: string): string {
  if (host === '' || host.includes('.') || host.startsWith('*') || isIPv6(host)) return host;
  return `${host}.${namespace}.svc.${domain}`;
}

/** `namespace/name` of a reference to a Gateway: `gw`, `./gw`, `ns/gw` or the old `gw.ns.svc.domain`. `mesh` stays. */
export function resolveGateway(reference: string, namespace: string): string {
  if (reference === 'mesh') return reference;
  if (reference.includes('/')) return reference.startsWith('./') ? `${namespace}/${reference.slice(2)}` : reference;
  const [name, owner] = reference.split('.');
  return owner === undefined ? `${namespace}/${name}` : `${owner}/${name}`;
}
