import { compare } from '../model/resource';
import { routeNameOf } from './listeners/hcm';
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

/** Names of SDS secrets, sorted. */
export function secretNames(listeners: readonly Listener[], clusters: readonly Cluster[]): string[] {
  const names = new Set<string>();
  for (const { filterChains, defaultFilterChain } of listeners) {
    for (const chain of filterChains) secretsOfSocket(chain.transportSocket).forEach(name => names.add(name));
    secretsOfSocket(defaultFilterChain?.transportSocket).forEach(name => names.add(name));
  }
  for (const { transportSocket, transportSocketMatches } of clusters) {
    secretsOfSocket(transportSocket).forEach(name => names.add(name));
    for (const match of transportSocketMatches) secretsOfSocket(match.transportSocket).forEach(name => names.add(name));
  }
  return [...names].sort(compare);
}
