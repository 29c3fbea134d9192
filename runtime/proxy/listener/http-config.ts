import type { Duration } from '@bufbuild/protobuf/wkt';
import type { HttpTerminal, PathNormalization, RouteTable } from '../../../src/evaluator';
import { milliseconds } from '../../../src/xds/duration';
import type { RouteConfiguration } from '../../../src/xds/gen/envoy/config/route/v3/route_pb';
import {
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from '../../../src/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { compileAccessLogs, type Formatter } from '../filters/access-log';

/** An HTTP connection manager as the data path needs it: every default resolved, nothing left to look up. */
export interface HttpConfig {
  readonly statPrefix: string;
  readonly serverName: string;
  readonly server: 'overwrite' | 'append_if_absent' | 'pass_through';
  readonly useRemoteAddress: boolean;
  readonly skipXffAppend: boolean;
  readonly trustedHops: number;
  readonly generateRequestId: boolean;
  readonly preserveRequestId: boolean;
  readonly requestIdInResponse: boolean;
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly proxy100Continue: boolean;
  readonly trailers: boolean;
  /** Upgrade types that pass, lower case. */
  readonly upgrades: ReadonlySet<string>;
  readonly path: PathNormalization;
  readonly accessLogs: readonly Formatter[];
  readonly rdsName: string;
  readonly inline: RouteConfiguration | undefined;
  /** 0: no limit. */
  readonly idleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly requestHeadersTimeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  readonly stats: HttpStats;
}

/** Counts of one connection manager; managers of one stat prefix share them. */
export interface HttpStats {
  cxTotal: number;
  cxActive: number;
  rqTotal: number;
  rqActive: number;
  rq1xx: number;
  rq2xx: number;
  rq3xx: number;
  rq4xx: number;
  rq5xx: number;
  cxProtocolError: number;
  rqRxReset: number;
  noRoute: number;
}

export function httpStats(): HttpStats {
  return {
    cxTotal: 0,
    cxActive: 0,
    rqTotal: 0,
    rqActive: 0,
    rq1xx: 0,
    rq2xx: 0,
    rq3xx: 0,
    rq4xx: 0,
    rq5xx: 0,
    cxProtocolError: 0,
    rqRxReset: 0,
    noRoute: 0,
  };
}

/** Routes of one connection manager, with what the proxy asks of virtual hosts beside the decision. */
export interface HttpRoutes {
  readonly table: RouteTable;
  /** Virtual hosts that send `x-envoy-attempt-count` upstream. */
  readonly attemptCount: ReadonlySet<string>;
}

const HOUR_MS = 3_600_000;
const FIVE_MINUTES_MS = 300_000;
const DEFAULT_MAX_HEADERS = 100;

/** Prepares a connection manager; `statsOf` gives the counts of its stat prefix. */
export function prepareHttp({ manager, path, rdsName, inline, statPrefix }: HttpTerminal, statsOf: (prefix: string) => HttpStats): HttpConfig {
  const common = manager.commonHttpProtocolOptions;
  const time = (value: Duration | undefined, standard: number): number => (value === undefined ? standard : milliseconds(value));
  return {
    statPrefix,
    serverName: manager.serverName === '' ? 'envoy' : manager.serverName,
    server: manager.serverHeaderTransformation === ServerHeader.PASS_THROUGH ? 'pass_through'
      : manager.serverHeaderTransformation === ServerHeader.APPEND_IF_ABSENT ? 'append_if_absent' : 'overwrite',
    useRemoteAddress: manager.useRemoteAddress ?? false,
    skipXffAppend: manager.skipXffAppend,
    trustedHops: manager.xffNumTrustedHops,
    generateRequestId: manager.generateRequestId ?? true,
    preserveRequestId: manager.preserveExternalRequestId,
    requestIdInResponse: manager.alwaysSetRequestIdInResponse,
    maxHeadBytes: (manager.maxRequestHeadersKb ?? 60) * 1024,
    maxHeaders: Math.min(DEFAULT_MAX_HEADERS, common?.maxHeadersCount ?? DEFAULT_MAX_HEADERS),
    proxy100Continue: manager.proxy100Continue,
    trailers: manager.httpProtocolOptions?.enableTrailers ?? false,
    upgrades: new Set(manager.upgradeConfigs.filter(({ enabled }) => enabled ?? true).map(({ upgradeType }) => upgradeType.toLowerCase())),
    path,
    accessLogs: compileAccessLogs(manager.accessLog),
    rdsName,
    inline,
    idleTimeoutMs: time(common?.idleTimeout, HOUR_MS),
    requestTimeoutMs: time(manager.requestTimeout, 0),
    requestHeadersTimeoutMs: time(manager.requestHeadersTimeout, 0),
    streamIdleTimeoutMs: time(manager.streamIdleTimeout, FIVE_MINUTES_MS),
    stats: statsOf(statPrefix),
  };
}
