import { Construct } from 'constructs';
import { networking } from '../imports';
import type { IPolicyTarget } from './policy-target';
import { guarded, requireProps } from './private/arguments';
import { requireLabel } from './private/check';
import { durationText } from './private/duration';
import { envoyFilter, inboundHttpFilter } from './private/envoy-filter';
import { headerConditions, type HeaderCondition } from './private/header-conditions';
import { policySubject } from './private/policy';
import type { RateLimitQuota, SharedQuota } from './rate-limit-quota';
import type { RouteMatch } from './route-match';

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
 * A quota of requests to some workloads. Renders an EnvoyFilter with Envoy's rate limit, local or global, which a `Mesh` proves to take hold in every
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
    requireProps(this, 'RateLimitProps', props);
    this.name = requireLabel(this, 'the name of an EnvoyFilter', props.name ?? id, 'choose another construct id or set name');
    const { service: target, namespace, quota, match = [] } = props;
    const conditions = match.length === 0 ? undefined : headerConditions(this, match.map((each) => each._toKube()));
    const patches = quota._shared === undefined ? this.local(quota._bucket!, conditions)
      : this.global(quota._shared, conditions, policySubject(this, target, namespace).namespace);
    this.node.defaultChild = envoyFilter(this, { name: this.name, target, namespace, patches, expect: patches.map(() => '1+') });
  }

  private local(bucket: Readonly<Record<string, unknown>>, conditions: Conditions | undefined): Patch[] {
    const filter = inboundHttpFilter(`envoy.filters.http.local_ratelimit.${this.name}`, {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
      'stat_prefix': 'http_local_rate_limiter',
      'filter_enabled': ALWAYS,
      'filter_enforced': ALWAYS,
      'token_bucket': conditions === undefined ? bucket : UNLIMITED,
      ...(conditions && { descriptors: [{ entries: [{ key: 'header_match', value: this.name }], token_bucket: bucket }] }),
    });
    return [filter, ...conditions === undefined ? [] : [counting(conditions.map((headers) => [matching('header_match', this.name, headers)]))]];
  }

  /** Each quota is a domain of its own: what the actions of others leave on a request says nothing there. */
  private global({ options, unit }: SharedQuota, conditions: Conditions | undefined, namespace: string | undefined): Patch[] {
    const { service: { service }, requests, each = [], failClosed, timeout } = options;
    const domain = [...namespace === undefined ? [] : [namespace], this.name].join('/');
    const rate_limit = { unit, requests_per_unit: requests };
    const keyed = [...each].reverse().reduce<Descriptor>((inner, key) => ({ descriptors: [{ key: key._key, ...inner }] }), { rate_limit });
    options.service._addQuota(domain, { key: KEY, value: this.name, ...keyed });
    // A filter asks about all that is counted at its stage, so those that refuse while nobody counts stand apart from those that do not.
    const stage = failClosed === true ? { stage: 1 } : {};
    const host = service.hostFrom('');
    const filter = inboundHttpFilter(`envoy.filters.http.ratelimit.${this.name}`, {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit',
      domain,
      ...stage,
      'failure_mode_deny': failClosed ?? false,
      ...(timeout && { timeout: durationText(this, 'timeout', timeout) }),
      'rate_limit_service': {
        grpc_service: { envoy_grpc: { cluster_name: `outbound|${service.ports[0].number}||${host}`, authority: host } },
        transport_api_version: 'V3',
      },
    });
    const any = { generic_key: { descriptor_key: KEY, descriptor_value: this.name } };
    const first = conditions?.map((headers) => matching(KEY, this.name, headers)) ?? [any];
    return [filter, counting(first.map((action) => [action, ...each.map((key) => key._action)]), stage)];
  }
}

guarded('RateLimit', RateLimit);

type Patch = networking.EnvoyFilterSpecConfigPatches;
type Conditions = readonly (readonly HeaderCondition[])[];
type Action = Readonly<Record<string, unknown>>;
type Descriptor = Readonly<Record<string, unknown>>;

/** Entry of a descriptor that says which RateLimit a request is counted for. */
const KEY = 'rate_limit';
const ALWAYS = { default_value: { numerator: 100, denominator: 'HUNDRED' } };
/** Envoy wants a bucket for what no descriptor is about. */
const UNLIMITED = { max_tokens: 4_294_967_295, tokens_per_fill: 4_294_967_295, fill_interval: '1s' };

const matching = (key: string, value: string, headers: readonly HeaderCondition[]): Action => (
  { header_value_match: { descriptor_key: key, descriptor_value: value, headers } });

/** Which requests are counted: those of which all actions of a list make something. */
function counting(lists: readonly (readonly Action[])[], stage: object = {}): Patch {
  const value = { rate_limits: lists.map((actions) => ({ ...stage, actions })) };
  return {
    applyTo: networking.EnvoyFilterSpecConfigPatchesApplyTo.VIRTUAL_HOST,
    match: { context: networking.EnvoyFilterSpecConfigPatchesMatchContext.SIDECAR_INBOUND },
    patch: { operation: networking.EnvoyFilterSpecConfigPatchesPatchOperation.MERGE, value },
  };
}
