import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Cluster } from '../../xds/gen/envoy/config/cluster/v3/cluster_pb';
import { RoutingPriority } from '../../xds/gen/envoy/config/core/v3/base_pb';
import { HttpProtocolOptionsSchema, type HttpProtocolOptions } from '../../xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { milliseconds } from '../duration';

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const DEFAULT_LIMIT = 1024;
const DEFAULT_RETRIES = 3;
const DEFAULT_CONNECT_TIMEOUT_MS = 5000;
const DEFAULT_BUDGET_PERCENT = 20;
const DEFAULT_MIN_RETRIES = 3;

/** Circuit breakers of a cluster with what counts against them. All of its hosts share them. */
export class Limits {
  public readonly connectTimeoutMs: number;
  public readonly maxConnections: number;
  public readonly maxPending: number;
  public readonly maxRequests: number;
  /** Requests that a connection carries in its life; 0: no limit. */
  public readonly maxRequestsPerConnection: number;
  /** One connection carries any number of requests at a time. */
  public readonly multiplexed: boolean;
  public connections = 0;
  public pending = 0;
  public requests = 0;
  public retries = 0;
  private readonly maxRetries: number;
  private readonly budget?: { readonly percent: number; readonly least: number };

  public constructor(message: Cluster) {
    const { circuitBreakers, connectTimeout, typedExtensionProtocolOptions: options, maxRequestsPerConnection } = message;
    const thresholds = circuitBreakers?.thresholds.find(({ priority }) => priority === RoutingPriority.DEFAULT);
    const http = options[HTTP_OPTIONS] && anyUnpack(options[HTTP_OPTIONS], HttpProtocolOptionsSchema);
    this.connectTimeoutMs = connectTimeout === undefined ? DEFAULT_CONNECT_TIMEOUT_MS : milliseconds(connectTimeout);
    this.maxConnections = thresholds?.maxConnections ?? DEFAULT_LIMIT;
    this.maxPending = thresholds?.maxPendingRequests ?? DEFAULT_LIMIT;
    this.maxRequests = thresholds?.maxRequests ?? DEFAULT_LIMIT;
    this.maxRetries = thresholds?.maxRetries ?? DEFAULT_RETRIES;
    this.maxRequestsPerConnection = http?.commonHttpProtocolOptions?.maxRequestsPerConnection ?? maxRequestsPerConnection ?? 0;
    this.multiplexed = http !== undefined && speaksHttp2(http);
    const budget = thresholds?.retryBudget;
    if (budget !== undefined) {
      this.budget = { percent: budget.budgetPercent?.value ?? DEFAULT_BUDGET_PERCENT, least: budget.minRetryConcurrency ?? DEFAULT_MIN_RETRIES };
    }
  }

  /** Whether one more retry may be under way. A budget stands in for the fixed limit. */
  public get mayRetry(): boolean {
    const { budget } = this;
    if (budget === undefined) return this.retries < this.maxRetries;
    return this.retries < Math.max(Math.floor(budget.percent / 100 * (this.requests + this.pending)), budget.least);
  }
}

function speaksHttp2({ upstreamProtocolOptions: { case: kind, value } }: HttpProtocolOptions): boolean {
  return kind === 'explicitHttpConfig' && value.protocolConfig.case === 'http2ProtocolOptions';
}
