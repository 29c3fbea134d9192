import { toJson, type DescMessage, type JsonObject, type MessageShape } from '@bufbuild/protobuf';
import type { AdminView } from './view';
import { ClusterSchema } from '../../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '../../../src/xds/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '../../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import { registry } from '../../../src/xds/registry';
import type { Messages, TypeName } from '../xds-client/resource-types';

const ADMIN = 'type.googleapis.com/envoy.admin.v3.';

/** The configuration in force, in the form of Envoy's `/config_dump`: what accepted resources are dynamic and active, or still warming. */
export function configDump(view: AdminView, { includeEds }: { readonly includeEds: boolean }): JsonObject {
  const { client } = view;
  const { warmingClusters, warmingListeners } = client.warming;
  const clusters = entries(view, 'CDS', ClusterSchema, 'cluster');
  const listeners = entries(view, 'LDS', ListenerSchema, 'listener');
  const warming = (names: readonly string[]) => (entry: Entry): boolean => names.includes(entry.name);
  const settled = (names: readonly string[]) => (entry: Entry): boolean => !names.includes(entry.name);
  return {
    configs: [
      { '@type': `${ADMIN}BootstrapConfigDump`, 'bootstrap': bootstrap(view) },
      {
        '@type': `${ADMIN}ClustersConfigDump`,
        'version_info': client.states.CDS.version,
        'dynamic_active_clusters': clusters.filter(settled(warmingClusters)).map(({ body }) => body),
        ...filled('dynamic_warming_clusters', clusters.filter(warming(warmingClusters)).map(({ body }) => body)),
      },
      ...includeEds ? [{
        '@type': `${ADMIN}EndpointsConfigDump`,
        'dynamic_endpoint_configs': entries(view, 'EDS', ClusterLoadAssignmentSchema, 'endpoint_config').map(({ body }) => body),
      }] : [],
      {
        '@type': `${ADMIN}ListenersConfigDump`,
        'version_info': client.states.LDS.version,
        'dynamic_listeners': listeners.map(({ name, body }) => ({ name, [warmingListeners.includes(name) ? 'warming_state' : 'active_state']: body })),
      },
      {
        '@type': `${ADMIN}RoutesConfigDump`,
        'dynamic_route_configs': entries(view, 'RDS', RouteConfigurationSchema, 'route_config').map(({ body }) => body),
      },
    ],
  };
}

interface Entry {
  readonly name: string;
  readonly body: JsonObject;
}

function entries<D extends DescMessage, T extends TypeName>(view: AdminView, type: T, schema: D, field: string): Entry[] {
  const { accepted } = view.client.states[type];
  return [...accepted].map(([name, { message, version, at }]) => ({
    name,
    body: {
      version_info: version,
      [field]: { '@type': `type.googleapis.com/${schema.typeName}`, ...json(schema, message) },
      last_updated: new Date(at).toISOString(),
    },
  }));
}

function json<D extends DescMessage>(schema: D, message: Messages[TypeName]): JsonObject {
  return toJson(schema, message as unknown as MessageShape<D>, { registry, useProtoFieldName: true }) as JsonObject;
}

function filled(name: string, list: JsonObject[]): JsonObject {
  return list.length === 0 ? {} : { [name]: list };
}

function bootstrap({ node, xds }: AdminView): JsonObject {
  return {
    node: { id: node.id, cluster: node.cluster ?? '', metadata: (node.metadata ?? {}) as JsonObject, user_agent_name: 'cdk8s-mesh' },
    dynamic_resources: {
      lds_config: { ads: {}, resource_api_version: 'V3' },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      ads_config: { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [{ google_grpc: { target_uri: `${xds.host}:${xds.port}`, stat_prefix: 'xds' } }] },
    },
  };
}
