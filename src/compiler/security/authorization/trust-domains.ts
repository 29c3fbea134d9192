import type { MeshConfig } from '../../../model/mesh-config';

/** Principals of the mesh's own trust domain, written once for it and once for each of its aliases (istio-behaviour G3). */
export function withTrustDomainAliases(principals: readonly string[], config: Pick<MeshConfig, 'trustDomain' | 'trustDomainAliases'>): string[] {
  const domains = [config.trustDomain, ...config.trustDomainAliases];
  return principals.flatMap((principal) => {
    const slash = principal.indexOf('/');
    const own = slash < 0 ? principal : principal.slice(0, slash);
    // A policy that takes every trust domain names none.
    if (own === '*' || slash < 0) return [principal];
    // `cluster.local` always means the mesh itself.
    if (own !== 'cluster.local' && !domains.some(domain => endsLike(domain, own))) return [principal];
    return [...new Set(domains.map(domain => (endsLike(domain, own) ? principal : domain + principal.slice(slash))))];
  });
}

/** Whether a domain is the pattern, or ends as `*pattern` does. */
const endsLike = (domain: string, pattern: string): boolean => (
  pattern.startsWith('*') ? domain.endsWith(pattern.slice(1)) : domain === pattern);
