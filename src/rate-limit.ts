import type { Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { networking } from '../imports';
import type { IPolicyTarget } from './policy-target';
import { requireInteger, requireLabel } from './private/check';
import { durationText } from './private/duration';
import { envoyFilter, inboundHttpFilter } from './private/envoy-filter';
import { meshError } from './private/errors';
import { headerConditions } from './private/header-conditions';
import type { RouteMatch } from './route-match';

/** Options of `RateLimitQuota.local()`. */
export interface LocalQuotaOptions {
  /** Requests that may pass in each period, 1 to 4294967295. They may come all at once. */
  readonly requests: number;
  /** The period, at least 50 milliseconds, which is Envoy's own bound. */
  readonly per: Duration;
}

/** How many requests may pass. */
export class RateLimitQuota {
  /** Counted by each proxy for itself: a workload of three pods lets three times as many pass. Throws MESH_LIMIT_INVALID, MESH_DURATION_INVALID. */
  public static local(options: LocalQuotaOptions): RateLimitQuota {
    const requests = requireInteger(undefined, 'MESH_LIMIT_INVALID', 'requests', options.requests, 1, 4_294_967_295);
    if (options.per.toMilliseconds() < 50) {
      throw meshError(undefined, 'MESH_LIMIT_INVALID', `per must be at least 50ms, got ${options.per.toMilliseconds()}ms`);
    }
    return new RateLimitQuota({ max_tokens: requests, tokens_per_fill: requests, fill_interval: durationText(undefined, 'per', options.per) });
  }

  private constructor(private readonly bucket: Readonly<Record<string, unknown>>) {}

  /** @internal */
  public _toKube(): Readonly<Record<string, unknown>> { return this.bucket; }
}

/** Properties for `RateLimit`. */
export interface RateLimitProps {
  /** How many requests may pass; the others are answered 429. */
  readonly quota: RateLimitQuota;
  /**
   * Whose requests, as they come in.
   * @default - those to all workloads of the namespace
   */
  readonly service?: IPolicyTarget;
  /**
   * Which requests count, as alternatives of path, method and headers.
   * @default - all
   */
  readonly match?: RouteMatch[];
  /**
   * Name of the EnvoyFilter.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the EnvoyFilter.
   * @default - that of the service, else the chart's
   */
  readonly namespace?: string;
}

/**
 * A quota of requests to some workloads. Renders an EnvoyFilter with Envoy's local rate limit, which a `Mesh` proves to take hold in every
 * sidecar that it is about. Several for one workload need not know of each other. The reference proxy does not count and says so; Envoy does.
 * @example
 * new RateLimit(this, 'login', { service: reviews, quota: RateLimitQuota.local({ requests: 10, per: Duration.minutes(1) }) });
 */
export class RateLimit extends Construct {
  /** Name of the EnvoyFilter. */
  public readonly name: string;

  /** Throws MESH_NAME_INVALID, MESH_NAMESPACE_DIFFERENT, MESH_MATCH_UNSUPPORTED. */
  public constructor(scope: Construct, id: string, props: RateLimitProps) {
    super(scope, id);
    this.name = requireLabel(this, 'the name of an EnvoyFilter', props.name ?? id, 'choose another construct id or set name');
    const matched = props.match !== undefined && props.match.length > 0;
    const quota = props.quota._toKube();
    const limit = {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
      'stat_prefix': 'http_local_rate_limiter',
      'filter_enabled': ALWAYS,
      'filter_enforced': ALWAYS,
      'token_bucket': matched ? UNLIMITED : quota,
      ...(matched && { descriptors: [{ entries: [{ key: 'header_match', value: this.name }], token_bucket: quota }] }),
    };
    envoyFilter(this, {
      name: this.name,
      target: props.service,
      namespace: props.namespace,
      patches: [inboundHttpFilter(`envoy.filters.http.local_ratelimit.${this.name}`, limit), ...matched ? [this.counting(props.match!)] : []],
      expect: matched ? ['1+', '1+'] : ['1+'],
    });
  }

  /** Which requests take a token: each alternative is an action of its own, and what matches none takes none. */
  private counting(match: RouteMatch[]): networking.EnvoyFilterSpecConfigPatches {
    const limits = match.map((each) => ({
      actions: [{ header_value_match: { descriptor_key: 'header_match', descriptor_value: this.name, headers: headerConditions(this, each._toKube()) } }],
    }));
    return {
      applyTo: networking.EnvoyFilterSpecConfigPatchesApplyTo.VIRTUAL_HOST,
      match: { context: networking.EnvoyFilterSpecConfigPatchesMatchContext.SIDECAR_INBOUND },
      patch: { operation: networking.EnvoyFilterSpecConfigPatchesPatchOperation.MERGE, value: { rate_limits: limits } },
    };
  }
}

const ALWAYS = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
/** Envoy wants a bucket for what no descriptor is about. */
const UNLIMITED = { max_tokens: 4_294_967_295, tokens_per_fill: 4_294_967_295, fill_interval: '1s' };
