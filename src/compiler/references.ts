import { compare } from '../model/resource';
import { extensionNamesOf, routeNameOf } from './listeners/hcm';
import { secretsOfSocket } from './security/tls-context';
import type { Cluster } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Listener } from '../xds/gen/envoy/config/listener/v3/listener_pb';

/** What compiled messages refer to. */

/** Route configurations that listeners ask for by RDS, in order of first mention. */
export function routeNames(listeners: readonly Listener[]): string[] {
  const names = new Set<string>();
  for (const { filterChains, defaultFilterChain } of listeners) {
    for (const chain of defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain]) {
      for (const filter of chain.filters) {
        const name = routeNameOf(filter);
        if (name !== undefined) names.add(name);
      }
    }
  }
  return [...names];
}

/** Extensions that filters of listeners ask for by ECDS. */
export function extensionNames(listeners: readonly Listener[]): ReadonlySet<string> {
  return new Set(listeners.flatMap(({ filterChains, defaultFilterChain }) => (
    [...filterChains, ...defaultFilterChain === undefined ? [] : [defaultFilterChain]].flatMap(chain => chain.filters.flatMap(extensionNamesOf)))));
}

/** Names of SDS secrets, sorted. `shared` are the clusters among them that many proxies have, looked through once. */
export function secretNames(listeners: readonly Listener[], clusters: readonly Cluster[], shared: readonly Cluster[] = []): string[] {
  const names = new Set<string>(secretsOfClusters(shared));
  for (const { filterChains, defaultFilterChain } of listeners) {
    for (const chain of filterChains) secretsOfSocket(chain.transportSocket).forEach(name => names.add(name));
    secretsOfSocket(defaultFilterChain?.transportSocket).forEach(name => names.add(name));
  }
  secretsOfClusters(clusters).forEach(name => names.add(name));
  return [...names].sort(compare);
}

const secretsOf = new WeakMap<readonly Cluster[], ReadonlySet<string>>();

function secretsOfClusters(clusters: readonly Cluster[]): ReadonlySet<string> {
  const known = secretsOf.get(clusters);
  if (known !== undefined) return known;
  const names = new Set<string>();
  for (const { transportSocket, transportSocketMatches } of clusters) {
    secretsOfSocket(transportSocket).forEach(name => names.add(name));
    for (const match of transportSocketMatches) secretsOfSocket(match.transportSocket).forEach(name => names.add(name));
  }
  secretsOf.set(clusters, names);
  return names;
}
