import { toJson } from '@bufbuild/protobuf';
import type { DescMessage, JsonObject, JsonValue, MessageShape } from '@bufbuild/protobuf';
import { bootstrapOf } from './bootstrap';
import { secretsDump } from './secrets';
import type { CompiledProxy } from '../../../src/compiler/compiled-proxy';
import { objectOf, objectsOf } from '../../../src/model/json';
import type { Json } from '../../../src/model/json';
import type { Model } from '../../../src/model/model';
import type { Proxy } from '../../../src/model/proxy';
import { ClusterSchema } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { TypedExtensionConfigSchema } from '../../../src/xds/gen/envoy/config/core/v3/extension_pb';
import { ClusterLoadAssignmentSchema } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../../src/xds/registry';

const ADMIN = 'type.googleapis.com/envoy.admin.v3';

/** What the admin of this proxy would print at `/config_dump?include_eds` once it has taken everything, as canonical JSON. */
export async function configDump(model: Model, proxy: Proxy, compiled: CompiledProxy): Promise<JsonObject> {
  const bootstrap = bootstrapOf(proxy);
  const fixed = objectOf(bootstrap.staticResources);
  const clusters = compiled.clusters.map(message => typed(ClusterSchema, message));
  const listeners = compiled.listeners.map(message => typed(ListenerSchema, message));
  const staticClusters = objectsOf(fixed.clusters).map(cluster => withType('envoy.config.cluster.v3.Cluster', cluster));
  const staticListeners = objectsOf(fixed.listeners).map(listener => withType('envoy.config.listener.v3.Listener', listener));
  return {
    configs: [
      { '@type': `${ADMIN}.BootstrapConfigDump`, 'bootstrap': bootstrap as JsonObject },
      {
        '@type': `${ADMIN}.ClustersConfigDump`,
        'staticClusters': staticClusters.map(cluster => ({ cluster })),
        'dynamicActiveClusters': clusters.map(cluster => ({ cluster })),
      },
      {
        '@type': `${ADMIN}.ListenersConfigDump`,
        'dynamicListeners': listeners.map(listener => ({ name: listener.name, activeState: { listener } })),
        'staticListeners': staticListeners.map(listener => ({ listener })),
      },
      {
        '@type': `${ADMIN}.RoutesConfigDump`,
        // Envoy lists every route configuration that stands inside a listener as static, also those of dynamic listeners.
        'staticRouteConfigs': [...listeners, ...staticListeners].flatMap(inlineRoutes).map(routeConfig => ({ routeConfig })),
        'dynamicRouteConfigs': compiled.routes.map(message => ({ routeConfig: typed(RouteConfigurationSchema, message) })),
      },
      {
        '@type': `${ADMIN}.EndpointsConfigDump`,
        'staticEndpointConfigs': [...clusters, ...staticClusters].flatMap(inlineEndpoints).map(endpointConfig => ({ endpointConfig })),
        'dynamicEndpointConfigs': compiled.endpoints.map(message => ({ endpointConfig: typed(ClusterLoadAssignmentSchema, message) })),
      },
      ...extensionsDump(compiled),
      await secretsDump(model, proxy, compiled.secrets),
    ],
  };
}

/** Configurations of filters that came by ECDS; Envoy has the section only where there are some. */
function extensionsDump({ extensions = [] }: CompiledProxy): JsonObject[] {
  if (extensions.length === 0) return [];
  return [{ '@type': `${ADMIN}.EcdsConfigDump`, 'ecdsFilters': extensions.map(message => ({ ecdsFilter: typed(TypedExtensionConfigSchema, message) })) }];
}

function typed<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonObject {
  return withType(schema.typeName, toJson(schema, message, { registry }) as Json);
}

const withType = (name: string, value: Json): JsonObject => ({ '@type': `type.googleapis.com/${name}`, ...value as JsonObject });

function inlineRoutes(listener: Json): JsonObject[] {
  const chains = [...objectsOf(listener.filterChains), objectOf(listener.defaultFilterChain)];
  return chains.flatMap(chain => objectsOf(chain.filters))
    .map(filter => objectOf(filter.typedConfig).routeConfig as JsonValue | undefined)
    .filter(route => route !== undefined)
    .map(route => withType('envoy.config.route.v3.RouteConfiguration', objectOf(route)));
}

function inlineEndpoints(cluster: Json): JsonObject[] {
  return cluster.loadAssignment === undefined ? [] : [withType('envoy.config.endpoint.v3.ClusterLoadAssignment', objectOf(cluster.loadAssignment))];
}
