import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Any } from '@bufbuild/protobuf/wkt';
import { compare } from '../model/resource';
import type { Cluster } from '../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { Listener } from '../xds/gen/envoy/config/listener/v3/listener_pb';
import { HttpConnectionManagerSchema } from '../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { CommonTlsContext } from '../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { DownstreamTlsContextSchema, UpstreamTlsContextSchema } from '../xds/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';

/** What compiled messages refer to, found by reading them: packed messages are read once, since they are shared. */

const routesOfAny = new WeakMap<Any, string>();
const secretsOfAny = new WeakMap<Any, readonly string[]>();

/** Route configurations that listeners ask for by RDS, in order of first mention. */
export function routeNames(listeners: readonly Listener[]): string[] {
  const names = new Set<string>();
  for (const listener of listeners) {
    for (const chain of [...listener.filterChains, ...(listener.defaultFilterChain === undefined ? [] : [listener.defaultFilterChain])]) {
      for (const filter of chain.filters) {
        if (filter.configType.case !== 'typedConfig') continue;
        const name = routeNameIn(filter.configType.value);
        if (name !== '') names.add(name);
      }
    }
  }
  return [...names];
}

function routeNameIn(any: Any): string {
  let name = routesOfAny.get(any);
  if (name === undefined) {
    const manager = any.typeUrl.endsWith('.HttpConnectionManager') ? anyUnpack(any, HttpConnectionManagerSchema) : undefined;
    name = manager?.routeSpecifier.case === 'rds' ? manager.routeSpecifier.value.routeConfigName : '';
    routesOfAny.set(any, name);
  }
  return name;
}

/** Names of SDS secrets, sorted. */
export function secretNames(listeners: readonly Listener[], clusters: readonly Cluster[]): string[] {
  const sockets = [
    ...listeners.flatMap(({ filterChains, defaultFilterChain }) => [...filterChains, defaultFilterChain].map(chain => chain?.transportSocket)),
    ...clusters.flatMap(({ transportSocket, transportSocketMatches }) => [transportSocket, ...transportSocketMatches.map(match => match.transportSocket)]),
  ];
  const names = new Set<string>();
  for (const socket of sockets) {
    if (socket?.configType.case === 'typedConfig') secretsIn(socket.configType.value).forEach(name => names.add(name));
  }
  return [...names].sort(compare);
}

function secretsIn(any: Any): readonly string[] {
  let names = secretsOfAny.get(any);
  if (names === undefined) {
    const context = anyUnpack(any, UpstreamTlsContextSchema)?.commonTlsContext ?? anyUnpack(any, DownstreamTlsContextSchema)?.commonTlsContext;
    names = context === undefined ? [] : namesOf(context);
    secretsOfAny.set(any, names);
  }
  return names;
}

function namesOf({ tlsCertificateSdsSecretConfigs, validationContextType }: CommonTlsContext): string[] {
  const roots = validationContextType.case === 'combinedValidationContext' ? validationContextType.value.validationContextSdsSecretConfig
    : validationContextType.case === 'validationContextSdsSecretConfig' ? validationContextType.value : undefined;
  return [...tlsCertificateSdsSecretConfigs.map(({ name }) => name), ...(roots === undefined ? [] : [roots.name])];
}
