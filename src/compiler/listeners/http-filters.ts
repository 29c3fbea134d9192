import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { pack } from '../../xds/any';
import { FilterConfig_Protocol, FilterConfigSchema as AlpnSchema } from '../../xds/gen/envoy/config/filter/http/alpn/v2alpha1/config_pb';
import { CorsSchema } from '../../xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb';
import { HTTPFaultSchema } from '../../xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import { FilterConfigSchema as GrpcStatsSchema } from '../../xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb';
import { GrpcWebSchema } from '../../xds/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb';
import { RouterSchema } from '../../xds/gen/envoy/extensions/filters/http/router/v3/router_pb';
import { HttpFilterSchema } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { HttpFilter } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { Direction } from '../direction';
import { httpExtensions } from '../extensions/filters';
import type { Extension } from '../extensions/list';
import { jwtAuthn } from '../security/authentication/jwt';
import { authorization } from '../security/authorization/filters';
import type { Authorization } from '../security/authorization/filters';
import { JWT_FILTER } from '../security/authorization/matchers';
import { httpMetadataExchange } from '../telemetry/peer-metadata';
import { statsConfigs } from '../telemetry/stats';
import type { View } from '../view';

const filter = (name: string, config: Any): HttpFilter => create(HttpFilterSchema, { name, configType: { case: 'typedConfig', value: config } });

const GRPC_WEB = filter('envoy.filters.http.grpc_web', pack(GrpcWebSchema));
const GRPC_STATS = filter('envoy.filters.http.grpc_stats', pack(GrpcStatsSchema, {
  emitFilterState: true, perMethodStatSpecifier: { case: 'statsForAllMethods', value: { value: false } },
}));
const ALPN = filter('istio.alpn', pack(AlpnSchema, {
  alpnOverride: [
    { upstreamProtocol: FilterConfig_Protocol.HTTP10, alpnOverride: ['istio-http/1.0', 'istio', 'http/1.0'] },
    { upstreamProtocol: FilterConfig_Protocol.HTTP11, alpnOverride: ['istio-http/1.1', 'istio', 'http/1.1'] },
    { upstreamProtocol: FilterConfig_Protocol.HTTP2, alpnOverride: ['istio-h2', 'istio', 'h2'] },
  ],
}));
const FAULT = filter('envoy.filters.http.fault', pack(HTTPFaultSchema));
const CORS = filter('envoy.filters.http.cors', pack(CorsSchema));
const ROUTER = filter('envoy.filters.http.router', pack(RouterSchema));

/** HTTP filters in Istio's order (istio-behaviour C5). */
export function httpFilters(
  view: View, direction: Direction, extensions: readonly Extension[], options: { readonly grpcWeb?: boolean } = {},
): HttpFilter[] {
  const { dialect } = view;
  return [
    ...(dialect.metadataExchange ? [direction === 'inbound' ? httpMetadataExchange.inbound : httpMetadataExchange.outbound] : []),
    ...accessFilters(view, direction, extensions),
    ...httpExtensions(extensions, 'STATS', 'UNSPECIFIED'),
    ...(options.grpcWeb === true ? [GRPC_WEB] : []),
    GRPC_STATS,
    ...(dialect.alpn && direction !== 'inbound' ? [ALPN] : []),
    FAULT,
    CORS,
    ...statsConfigs(view, direction === 'inbound' ? 'SERVER' : 'CLIENT', direction !== 'outbound').map(stats => filter('istio.stats', stats)),
    ROUTER,
  ];
}

/** Who may pass: others are asked first, then the token is looked at, then the policies at hand decide. Only extensions stop a caller. */
function accessFilters(view: View, direction: Direction, extensions: readonly Extension[]): HttpFilter[] {
  const guarded = direction !== 'outbound';
  const { custom, local } = guarded ? authorization(view, 'http') : UNGUARDED;
  const jwt = guarded ? jwtAuthn(view, direction === 'gateway') : undefined;
  return [
    ...custom.map(({ name, config }) => filter(name, config)),
    ...httpExtensions(extensions, 'AUTHN'),
    ...(jwt === undefined ? [] : [filter(JWT_FILTER, jwt)]),
    ...httpExtensions(extensions, 'AUTHZ'),
    ...local.map(({ name, config }) => filter(name, config)),
  ];
}

const UNGUARDED: Authorization = { custom: [], local: [] };
