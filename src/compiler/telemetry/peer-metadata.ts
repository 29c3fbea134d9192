import { create } from '@bufbuild/protobuf';
import type { JsonObject } from '@bufbuild/protobuf';
import { pack } from '../../xds/any';
import { FilterSchema as ClusterFilterSchema } from '../../xds/gen/envoy/config/cluster/v3/filter_pb';
import { FilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { HttpFilterSchema } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { TypedStructSchema } from '../../xds/gen/udpa/type/v1/typed_struct_pb';

/** `istio.metadata_exchange`: how two of Istio's proxies tell each other who they are. Only Istio's own Envoy has it. */

const NAME = 'istio.metadata_exchange';
const typed = (typeUrl: string, value: JsonObject) => pack(TypedStructSchema, { typeUrl: `type.googleapis.com/${typeUrl}`, value });

const tcp = typed('envoy.tcp.metadataexchange.config.MetadataExchange', { enable_discovery: true, protocol: 'istio-peer-exchange' });

/** As a network filter, first in every inbound chain. */
export const tcpMetadataExchange = create(FilterSchema, { name: NAME, configType: { case: 'typedConfig', value: tcp } });

/** As a filter of outbound clusters. */
export const tcpMetadataExchangeCluster = create(ClusterFilterSchema, { name: NAME, typedConfig: tcp });

const DISCOVERY: JsonObject[] = [{ istio_headers: {} }, { workload_discovery: {} }];
const PROPAGATION: JsonObject[] = [{ istio_headers: {} }];

/** As the first HTTP filter: of requests that come in, or of those that go out. */
export const httpMetadataExchange = {
  inbound: httpFilter({ downstream_discovery: DISCOVERY, downstream_propagation: PROPAGATION }),
  outbound: httpFilter({ upstream_discovery: DISCOVERY, upstream_propagation: PROPAGATION }),
};

function httpFilter(value: JsonObject) {
  return create(HttpFilterSchema, { name: NAME, configType: { case: 'typedConfig', value: typed('io.istio.http.peer_metadata.Config', value) } });
}
