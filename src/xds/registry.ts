import { createRegistry } from '@bufbuild/protobuf';
import type { DescFile, Registry } from '@bufbuild/protobuf';
import { file_envoy_admin_v3_certs } from './gen/envoy/admin/v3/certs_pb';
import { file_envoy_admin_v3_clusters } from './gen/envoy/admin/v3/clusters_pb';
import { file_envoy_admin_v3_config_dump } from './gen/envoy/admin/v3/config_dump_pb';
import { file_envoy_admin_v3_server_info } from './gen/envoy/admin/v3/server_info_pb';
import { file_envoy_config_filter_http_alpn_v2alpha1_config } from './gen/envoy/config/filter/http/alpn/v2alpha1/config_pb';
import { file_envoy_config_trace_v3_datadog } from './gen/envoy/config/trace/v3/datadog_pb';
import { file_envoy_config_trace_v3_opentelemetry } from './gen/envoy/config/trace/v3/opentelemetry_pb';
import { file_envoy_config_trace_v3_skywalking } from './gen/envoy/config/trace/v3/skywalking_pb';
import { file_envoy_config_trace_v3_zipkin } from './gen/envoy/config/trace/v3/zipkin_pb';
import { file_envoy_extensions_access_loggers_file_v3_file } from './gen/envoy/extensions/access_loggers/file/v3/file_pb';
import { file_envoy_extensions_access_loggers_filters_cel_v3_cel } from './gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb';
import { file_envoy_extensions_access_loggers_grpc_v3_als } from './gen/envoy/extensions/access_loggers/grpc/v3/als_pb';
import { file_envoy_extensions_access_loggers_open_telemetry_v3_logs_service } from './gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb';
import { file_envoy_extensions_access_loggers_stream_v3_stream } from './gen/envoy/extensions/access_loggers/stream/v3/stream_pb';
import { file_envoy_extensions_clusters_dynamic_forward_proxy_v3_cluster } from './gen/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb';
import { file_envoy_extensions_filters_http_cors_v3_cors } from './gen/envoy/extensions/filters/http/cors/v3/cors_pb';
import { file_envoy_extensions_filters_http_dynamic_forward_proxy_v3_dynamic_forward_proxy } from './gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb';
import { file_envoy_extensions_filters_http_ext_authz_v3_ext_authz } from './gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb';
import { file_envoy_extensions_filters_http_fault_v3_fault } from './gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import { file_envoy_extensions_filters_http_grpc_stats_v3_config } from './gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb';
import { file_envoy_extensions_filters_http_grpc_web_v3_grpc_web } from './gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb';
import { file_envoy_extensions_filters_http_jwt_authn_v3_config } from './gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb';
import { file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit } from './gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb';
import { file_envoy_extensions_filters_http_lua_v3_lua } from './gen/envoy/extensions/filters/http/lua/v3/lua_pb';
import { file_envoy_extensions_filters_http_ratelimit_v3_rate_limit } from './gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb';
import { file_envoy_extensions_filters_http_rbac_v3_rbac } from './gen/envoy/extensions/filters/http/rbac/v3/rbac_pb';
import { file_envoy_extensions_filters_http_router_v3_router } from './gen/envoy/extensions/filters/http/router/v3/router_pb';
import { file_envoy_extensions_filters_http_wasm_v3_wasm } from './gen/envoy/extensions/filters/http/wasm/v3/wasm_pb';
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector } from './gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb';
import { file_envoy_extensions_filters_listener_original_dst_v3_original_dst } from './gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb';
import { file_envoy_extensions_filters_listener_original_src_v3_original_src } from './gen/envoy/extensions/filters/listener/original_src/v3/original_src_pb';
import { file_envoy_extensions_filters_listener_proxy_protocol_v3_proxy_protocol } from './gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb';
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector } from './gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb';
import { file_envoy_extensions_filters_network_connection_limit_v3_connection_limit } from './gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb';
import { file_envoy_extensions_filters_network_ext_authz_v3_ext_authz } from './gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb';
import { file_envoy_extensions_filters_network_mongo_proxy_v3_mongo_proxy } from './gen/envoy/extensions/filters/network/mongo_proxy/v3/mongo_proxy_pb';
import { file_envoy_extensions_filters_network_rbac_v3_rbac } from './gen/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import { file_envoy_extensions_filters_network_sni_dynamic_forward_proxy_v3_sni_dynamic_forward_proxy } from './gen/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb';
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy } from './gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { file_envoy_extensions_filters_network_wasm_v3_wasm } from './gen/envoy/extensions/filters/network/wasm/v3/wasm_pb';
import { file_envoy_extensions_formatter_req_without_query_v3_req_without_query } from './gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb';
import { file_envoy_extensions_http_header_formatters_preserve_case_v3_preserve_case } from './gen/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case_pb';
import { file_envoy_extensions_network_dns_resolver_cares_v3_cares_dns_resolver } from './gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb';
import { file_envoy_extensions_path_match_uri_template_v3_uri_template_match } from './gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb';
import { file_envoy_extensions_request_id_uuid_v3_uuid } from './gen/envoy/extensions/request_id/uuid/v3/uuid_pb';
import { file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts } from './gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb';
import { file_envoy_extensions_retry_priority_previous_priorities_v3_previous_priorities_config } from './gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb';
import { file_envoy_extensions_stats_config } from './gen/envoy/extensions/stats/config_pb';
import { file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_dynatrace_resource_detector } from './gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector_pb';
import { file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_environment_resource_detector } from './gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb';
import { file_envoy_extensions_tracers_opentelemetry_samplers_v3_dynatrace_sampler } from './gen/envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler_pb';
import { file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol } from './gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb';
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer } from './gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb';
import { file_envoy_extensions_transport_sockets_tls_v3_tls } from './gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options } from './gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { file_envoy_service_discovery_v3_ads } from './gen/envoy/service/discovery/v3/ads_pb';
import { file_istio_networking_nds_v1_nds } from './gen/istio/networking/nds/v1/nds_pb';
import { file_udpa_type_v1_typed_struct } from './gen/udpa/type/v1/typed_struct_pb';
import { file_xds_type_v3_typed_struct } from './gen/xds/type/v3/typed_struct_pb';

/** Files that no other file imports; everything else is reached from them. */
const ROOTS: readonly DescFile[] = [
  file_envoy_admin_v3_certs,
  file_envoy_admin_v3_clusters,
  file_envoy_admin_v3_config_dump,
  file_envoy_admin_v3_server_info,
  file_envoy_config_filter_http_alpn_v2alpha1_config,
  file_envoy_config_trace_v3_datadog,
  file_envoy_config_trace_v3_opentelemetry,
  file_envoy_config_trace_v3_skywalking,
  file_envoy_config_trace_v3_zipkin,
  file_envoy_extensions_access_loggers_file_v3_file,
  file_envoy_extensions_access_loggers_filters_cel_v3_cel,
  file_envoy_extensions_access_loggers_grpc_v3_als,
  file_envoy_extensions_access_loggers_open_telemetry_v3_logs_service,
  file_envoy_extensions_access_loggers_stream_v3_stream,
  file_envoy_extensions_clusters_dynamic_forward_proxy_v3_cluster,
  file_envoy_extensions_filters_http_cors_v3_cors,
  file_envoy_extensions_filters_http_dynamic_forward_proxy_v3_dynamic_forward_proxy,
  file_envoy_extensions_filters_http_ext_authz_v3_ext_authz,
  file_envoy_extensions_filters_http_fault_v3_fault,
  file_envoy_extensions_filters_http_grpc_stats_v3_config,
  file_envoy_extensions_filters_http_grpc_web_v3_grpc_web,
  file_envoy_extensions_filters_http_jwt_authn_v3_config,
  file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit,
  file_envoy_extensions_filters_http_lua_v3_lua,
  file_envoy_extensions_filters_http_ratelimit_v3_rate_limit,
  file_envoy_extensions_filters_http_rbac_v3_rbac,
  file_envoy_extensions_filters_http_router_v3_router,
  file_envoy_extensions_filters_http_wasm_v3_wasm,
  file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector,
  file_envoy_extensions_filters_listener_original_dst_v3_original_dst,
  file_envoy_extensions_filters_listener_original_src_v3_original_src,
  file_envoy_extensions_filters_listener_proxy_protocol_v3_proxy_protocol,
  file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector,
  file_envoy_extensions_filters_network_connection_limit_v3_connection_limit,
  file_envoy_extensions_filters_network_ext_authz_v3_ext_authz,
  file_envoy_extensions_filters_network_mongo_proxy_v3_mongo_proxy,
  file_envoy_extensions_filters_network_rbac_v3_rbac,
  file_envoy_extensions_filters_network_sni_dynamic_forward_proxy_v3_sni_dynamic_forward_proxy,
  file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy,
  file_envoy_extensions_filters_network_wasm_v3_wasm,
  file_envoy_extensions_formatter_req_without_query_v3_req_without_query,
  file_envoy_extensions_http_header_formatters_preserve_case_v3_preserve_case,
  file_envoy_extensions_network_dns_resolver_cares_v3_cares_dns_resolver,
  file_envoy_extensions_path_match_uri_template_v3_uri_template_match,
  file_envoy_extensions_request_id_uuid_v3_uuid,
  file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts,
  file_envoy_extensions_retry_priority_previous_priorities_v3_previous_priorities_config,
  file_envoy_extensions_stats_config,
  file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_dynatrace_resource_detector,
  file_envoy_extensions_tracers_opentelemetry_resource_detectors_v3_environment_resource_detector,
  file_envoy_extensions_tracers_opentelemetry_samplers_v3_dynatrace_sampler,
  file_envoy_extensions_transport_sockets_proxy_protocol_v3_upstream_proxy_protocol,
  file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer,
  file_envoy_extensions_transport_sockets_tls_v3_tls,
  file_envoy_extensions_upstreams_http_v3_http_protocol_options,
  file_envoy_service_discovery_v3_ads,
  file_istio_networking_nds_v1_nds,
  file_udpa_type_v1_typed_struct,
  file_xds_type_v3_typed_struct,
];

function withDependencies(roots: readonly DescFile[]): DescFile[] {
  const seen = new Set<DescFile>();
  const visit = (file: DescFile): void => {
    if (seen.has(file)) return;
    seen.add(file);
    file.dependencies.forEach(visit);
  };
  roots.forEach(visit);
  return [...seen];
}

/** Every message type that can stand in an Any: what JSON of a resource needs. */
export const registry: Registry = createRegistry(...withDependencies(ROOTS));
