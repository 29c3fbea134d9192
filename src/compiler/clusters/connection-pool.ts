import { create } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import type { MeshConfig } from '../../model/mesh-config';
import { duration } from '../../xds/duration';
import { CircuitBreakersSchema } from '../../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb';
import type { CircuitBreakers } from '../../xds/gen/envoy/config/cluster/v3/circuit_breaker_pb';
import { UpstreamConnectionOptionsSchema } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import type { UpstreamConnectionOptions } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { durationMs } from '../durations';
import type { ConnectionPool, PolicyBlocks, TcpKeepalive } from '../istio-api';

/** A connectionPool block in Envoy's terms (istio-behaviour D3). */
export interface Pool {
  readonly connectTimeout: Duration;
  readonly circuitBreakers: CircuitBreakers;
  readonly connectionOptions?: UpstreamConnectionOptions;
  readonly idleTimeoutMs?: number;
  readonly maxConnectionDurationMs?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxConcurrentStreams?: number;
  readonly http2KeepAlive?: { readonly interval?: Duration; readonly timeout?: Duration };
  readonly h2UpgradePolicy?: string;
  readonly useClientProtocol: boolean;
}

const UNLIMITED = 4294967295;

/** Zero means "not set", as in Istio. */
const limit = (value: number | undefined): number => (value === undefined || value <= 0 ? UNLIMITED : value);

export const DEFAULT_CIRCUIT_BREAKERS: CircuitBreakers = circuitBreakers(undefined);

function optional(text: string | undefined): Duration | undefined {
  const ms = durationMs(text);
  return ms === undefined ? undefined : duration(ms);
}

/** Share of requests that may be retried, and how many may at least, where a retryBudget does not say. */
const BUDGET = { percent: 20, minRetryConcurrency: 3 };

export function poolOf({ connectionPool: block, retryBudget }: Pick<PolicyBlocks, 'connectionPool' | 'retryBudget'>, config: MeshConfig): Pool {
  const { tcp, http } = block ?? {};
  const keepalive = config.raw.tcpKeepalive as TcpKeepalive | undefined;
  return {
    connectTimeout: duration(durationMs(tcp?.connectTimeout) ?? config.connectTimeoutMs),
    circuitBreakers: block === undefined && retryBudget === undefined ? DEFAULT_CIRCUIT_BREAKERS : circuitBreakers(block, retryBudget),
    connectionOptions: connectionOptions(keepalive, tcp?.tcpKeepalive),
    idleTimeoutMs: durationMs(http?.idleTimeout) ?? durationMs(tcp?.idleTimeout),
    maxConnectionDurationMs: durationMs(tcp?.maxConnectionDuration),
    maxRequestsPerConnection: http?.maxRequestsPerConnection !== undefined && http.maxRequestsPerConnection > 0
      ? http.maxRequestsPerConnection : undefined,
    maxConcurrentStreams: http?.maxConcurrentStreams || undefined,
    http2KeepAlive: http?.http2KeepAlive && { interval: optional(http.http2KeepAlive.interval), timeout: optional(http.http2KeepAlive.timeout) },
    h2UpgradePolicy: http?.h2UpgradePolicy,
    useClientProtocol: http?.useClientProtocol ?? false,
  };
}

function circuitBreakers(block: ConnectionPool | undefined, budget?: PolicyBlocks['retryBudget']): CircuitBreakers {
  return create(CircuitBreakersSchema, {
    thresholds: [{
      maxConnections: limit(block?.tcp?.maxConnections),
      maxPendingRequests: limit(block?.http?.http1MaxPendingRequests),
      maxRequests: limit(block?.http?.http2MaxRequests),
      maxRetries: limit(block?.http?.maxRetries),
      retryBudget: budget && {
        budgetPercent: { value: budget.percent ?? BUDGET.percent },
        // Zero means "not set" here, and in `percent` it does not.
        minRetryConcurrency: budget.minRetryConcurrency || BUDGET.minRetryConcurrency,
        budgetInterval: optional(budget.budgetInterval),
      },
    }],
  });
}

function connectionOptions(mesh: TcpKeepalive | undefined, own: TcpKeepalive | undefined): UpstreamConnectionOptions | undefined {
  if (mesh === undefined && own === undefined) return undefined;
  const probes = own?.probes || mesh?.probes || undefined;
  const { time, interval } = { ...mesh, ...own };
  const seconds = (text: string | undefined): number | undefined => {
    const ms = durationMs(text);
    return ms === undefined ? undefined : Math.trunc(ms / 1000);
  };
  return create(UpstreamConnectionOptionsSchema, {
    tcpKeepalive: { keepaliveProbes: probes, keepaliveTime: seconds(time), keepaliveInterval: seconds(interval) },
  });
}
