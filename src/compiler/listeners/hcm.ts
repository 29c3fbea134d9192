import { create, toBinary } from '@bufbuild/protobuf';
import { httpFilters } from './http-filters';
import { pack, packOnto, unpack } from '../../xds/any';
import { duration } from '../../xds/duration';
import { FilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Filter } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { RouteConfiguration } from '../../xds/gen/envoy/config/route/v3/route_pb';
import {
  HttpConnectionManager_ForwardClientCertDetails, HttpConnectionManager_PathWithEscapedSlashesAction, HttpConnectionManagerSchema,
} from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { HttpConnectionManager } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { UuidRequestIdConfigSchema } from '../../xds/gen/envoy/extensions/request_id/uuid/v3/uuid_pb';
import { ADS } from '../dialect';
import type { Direction } from '../direction';
import { durationMs } from '../durations';
import { extensionsAt } from '../extensions/list';
import type { Extension } from '../extensions/list';
import { gatewayTopology } from '../gateway/topology';
import type { GatewayTopology } from '../gateway/topology';
import { http1Options, preservesHeaderCase } from '../header-case';
import { accessLogs } from '../telemetry/access-log';
import { tracing } from '../telemetry/tracing';
import type { View } from '../view';

export interface HcmOptions {
  readonly direction: Direction;
  readonly statPrefix: string;
  /** A route configuration of its own, or the name of one that RDS brings. */
  readonly routes: RouteConfiguration | string;
  /** What extensions know the traffic by (see `extensionsAt`). */
  readonly port: number;
  readonly grpcWeb?: boolean;
  /** The port is declared as HTTP/2. */
  readonly http2?: boolean;
  /** For proxies that callers name explicitly: requests carry whole URLs. */
  readonly absoluteUrl?: boolean;
}

const NAME = 'envoy.filters.network.http_connection_manager';

/** What is known of filters made here, so that nobody needs to decode them. */
const routesOfFilter = new WeakMap<Filter, string | undefined>();

/** Name of the route configuration that a filter asks for by RDS. */
export function routeNameOf(filter: Filter): string | undefined {
  if (routesOfFilter.has(filter) || filter.name !== NAME) return routesOfFilter.get(filter);
  const manager = filter.configType.case === 'typedConfig' ? unpack(filter.configType.value, HttpConnectionManagerSchema) : undefined;
  return manager?.routeSpecifier.case === 'rds' ? manager.routeSpecifier.value.routeConfigName : undefined;
}

const extensionsOfFilter = new WeakMap<Filter, readonly string[]>();

/** Names of the extensions that a filter, or an HTTP filter in it, asks for by ECDS. */
export function extensionNamesOf(filter: Filter): readonly string[] {
  if (filter.configType.case === 'configDiscovery') return [filter.name];
  const known = extensionsOfFilter.get(filter);
  if (known !== undefined || filter.name !== NAME || filter.configType.case !== 'typedConfig') return known ?? [];
  return (unpack(filter.configType.value, HttpConnectionManagerSchema)?.httpFilters ?? [])
    .filter(({ configType }) => configType.case === 'configDiscovery').map(({ name }) => name);
}

/** The network filter that speaks HTTP (istio-behaviour C5, E4, F6). */
export function httpConnectionManager(view: View, options: HcmOptions): Filter {
  const { direction, statPrefix, routes, port, grpcWeb, http2, absoluteUrl } = options;
  const extensions = extensionsAt(view, 'HTTP', direction, port);
  const key = [view.facetKey, direction, grpcWeb, http2, absoluteUrl, ...extensions.map(({ name }) => name)];
  return view.mesh.memo.get('hcm', [...key, statPrefix, routes], () => {
    const base = view.mesh.memo.get('hcmBase', key, () => toBinary(HttpConnectionManagerSchema, common(view, options, extensions)));
    const filter = create(FilterSchema, {
      name: NAME,
      configType: {
        case: 'typedConfig',
        value: packOnto(HttpConnectionManagerSchema, base, {
          statPrefix,
          routeSpecifier: typeof routes === 'string'
            ? { case: 'rds', value: { configSource: ADS, routeConfigName: routes } } : { case: 'routeConfig', value: routes },
        }),
      },
    });
    routesOfFilter.set(filter, typeof routes === 'string' ? routes : undefined);
    extensionsOfFilter.set(filter, extensions.filter(({ wasm }) => wasm !== undefined).map(({ name }) => name));
    return filter;
  });
}

/** All of a connection manager but its name and routes: the same for every listener of a proxy. */
function common(view: View, options: HcmOptions, extensions: readonly Extension[]): HttpConnectionManager {
  const { direction } = options;
  const { config } = view.mesh.model;
  const idle = durationMs(view.proxy.metadata.IDLE_TIMEOUT as string | undefined);
  const side = direction === 'inbound' ? 'SERVER' : 'CLIENT';
  const traced = tracing(view, side);
  const preserved = preservesHeaderCase(view.mesh, view.proxy);
  const http10 = view.proxy.metadata.HTTP10 === '1';
  return create(HttpConnectionManagerSchema, {
    httpFilters: httpFilters(view, direction, extensions, options),
    tracing: traced.tracing,
    accessLog: accessLogs(view, side),
    streamIdleTimeout: duration(0),
    commonHttpProtocolOptions: idle === undefined ? undefined : { idleTimeout: duration(idle) },
    httpProtocolOptions: options.absoluteUrl === true || direction === 'gateway' || preserved || http10
      ? { ...http1Options(preserved), allowAbsoluteUrl: options.absoluteUrl, acceptHttp10: http10 } : undefined,
    http2ProtocolOptions: options.http2 === true ? {} : undefined,
    proxy100Continue: true,
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    ...pathNormalization(config.raw.pathNormalization as { normalization?: string } | undefined),
    requestIdExtension: { typedConfig: pack(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: traced.byRequestId }) },
    ...bySide(direction, direction === 'gateway' ? gatewayTopology(view) : {}),
  });
}

const FORWARDED: Readonly<Record<string, HttpConnectionManager_ForwardClientCertDetails>> = {
  SANITIZE: HttpConnectionManager_ForwardClientCertDetails.SANITIZE,
  FORWARD_ONLY: HttpConnectionManager_ForwardClientCertDetails.FORWARD_ONLY,
  APPEND_FORWARD: HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD,
  SANITIZE_SET: HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET,
  ALWAYS_FORWARD_ONLY: HttpConnectionManager_ForwardClientCertDetails.ALWAYS_FORWARD_ONLY,
};

/** Only here the gateway says itself who the client is. */
const TELLING = [HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD, HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET];

/** Whose word about the client counts. */
function bySide(direction: Direction, topology: GatewayTopology) {
  switch (direction) {
    case 'outbound': return { useRemoteAddress: false };
    case 'inbound':
      return {
        useRemoteAddress: false,
        serverName: 'istio-envoy',
        forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.APPEND_FORWARD,
        setCurrentClientCertDetails: { subject: true, dns: true, uri: true },
      };
    case 'gateway': {
      const forwarded = FORWARDED[topology.forwardClientCertDetails ?? ''] ?? HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET;
      return {
        useRemoteAddress: true,
        xffNumTrustedHops: topology.numTrustedProxies ?? 0,
        serverName: 'istio-envoy',
        forwardClientCertDetails: forwarded,
        setCurrentClientCertDetails: TELLING.includes(forwarded) ? { subject: true, cert: true, dns: true, uri: true } : undefined,
      };
    }
  }
}

function pathNormalization(block: { normalization?: string } | undefined) {
  const { KEEP_UNCHANGED, UNESCAPE_AND_FORWARD } = HttpConnectionManager_PathWithEscapedSlashesAction;
  switch (block?.normalization) {
    case 'NONE': return { normalizePath: false, pathWithEscapedSlashesAction: KEEP_UNCHANGED };
    case 'MERGE_SLASHES': return { normalizePath: true, mergeSlashes: true, pathWithEscapedSlashesAction: KEEP_UNCHANGED };
    case 'DECODE_AND_MERGE_SLASHES': return { normalizePath: true, mergeSlashes: true, pathWithEscapedSlashesAction: UNESCAPE_AND_FORWARD };
    default: return { normalizePath: true, pathWithEscapedSlashesAction: KEEP_UNCHANGED };
  }
}
