import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { duration } from '../../xds/duration';
import { RouteAction_HashPolicySchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { RouteAction_HashPolicy } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { durationMs } from '../durations';
import type { ConsistentHash, TrafficPolicy } from '../istio-api';
import type { DestinationRule } from '../scope/destination-rules';

type Specifier = MessageInitShape<typeof RouteAction_HashPolicySchema>['policySpecifier'];

/**
 * What a destination's requests are hashed by (istio-behaviour D4): of the subset at its port, the subset, the rule at its port, the rule, the first
 * that says something. Port-level entries need a named port.
 */
export function consistentHash(rule: DestinationRule | undefined, port: number | undefined, subset: string): ConsistentHash | undefined {
  if (rule === undefined) return undefined;
  const at = (policy: TrafficPolicy | undefined): ConsistentHash | undefined => (
    policy?.portLevelSettings?.find(setting => setting.port?.number === port)?.loadBalancer?.consistentHash);
  const own = rule.subsets.find(({ name }) => name === subset)?.trafficPolicy;
  const whole = rule.trafficPolicy;
  return (port === undefined ? undefined : at(own)) ?? own?.loadBalancer?.consistentHash
    ?? (port === undefined ? undefined : at(whole)) ?? whole?.loadBalancer?.consistentHash;
}

/** The same in Envoy's terms; undefined where no key is named. */
export function hashPolicy(hash: ConsistentHash | undefined): RouteAction_HashPolicy | undefined {
  const policySpecifier = hash && specifierOf(hash);
  return policySpecifier && create(RouteAction_HashPolicySchema, { policySpecifier });
}

function specifierOf(hash: ConsistentHash): Specifier {
  if (hash.httpHeaderName !== undefined) return { case: 'header', value: { headerName: hash.httpHeaderName } };
  if (hash.httpCookie !== undefined) {
    const { name, path, ttl, attributes } = hash.httpCookie;
    const ms = durationMs(ttl);
    return {
      case: 'cookie',
      value: {
        name,
        path,
        ttl: ms === undefined ? undefined : duration(ms),
        attributes: (attributes ?? []).map(attribute => ({ name: attribute.name, value: attribute.value })),
      },
    };
  }
  if (hash.useSourceIp !== undefined) return { case: 'connectionProperties', value: { sourceIp: hash.useSourceIp } };
  if (hash.httpQueryParameterName !== undefined) return { case: 'queryParameter', value: { name: hash.httpQueryParameterName } };
  return undefined;
}
