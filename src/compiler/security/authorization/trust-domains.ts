import type { MeshConfig } from '../../../model/mesh-config';

/** Principals of the mesh's own trust domain, written once for it and once for each of its aliases (istio-behaviour G3). */
export function withTrustDomainAliases(principals: readonly string[], config: Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases'>): string[] {
  const domains = [config.trustDomain, ...config.trustDomainAliases];
  return principals.flatMap((principal) => {
    const [own, ...rest] = principal.split('/');
    // A policy that takes every trust domain names none, nor does what is no whole identity.
    if (own === '*' || rest.length !== 4) return [principal];
    // `cluster.local` always means the mesh itself.
    if (own !== 'cluster.local' && !domains.some(domain => overlap(domain, own))) return [principal];
    return [...new Set(domains.map(domain => (domain === own || endsLike(domain, own) ? principal : [domain, ...rest].join('/'))))];
  });
}

/** Trust domains: one of the mesh's own stands for all of them. */
export function trustDomainsAlike(values: readonly string[], config: Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases'>): string[] {
  const domains = [config.trustDomain, ...config.trustDomainAliases];
  return [...new Set(values.flatMap(value => (domains.includes(value) ? domains : [value])))];
}

const endsLike = (text: string, pattern: string): boolean => pattern.startsWith('*') && text.endsWith(pattern.slice(1));
const beginsLike = (text: string, pattern: string): boolean => pattern.endsWith('*') && text.startsWith(pattern.slice(0, -1));
/** Whether one of the two is the other, or a pattern that takes it. */
const overlap = (a: string, b: string): boolean => a === b || a === '*' || [[a, b], [b, a]].some(([x, y]) => endsLike(x, y) || beginsLike(x, y));
