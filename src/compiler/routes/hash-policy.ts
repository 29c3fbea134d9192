import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { duration } from '../../xds/duration';
import { RouteAction_HashPolicySchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import type { RouteAction_HashPolicy } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { durationMs } from '../durations';
import type { ConsistentHash, TrafficPolicy } from '../istio-api';
import type { DestinationRule } from '../scope/destination-rules';
import { policyFor } from '../scope/traffic-policy';

type Specifier = MessageInitShape<typeof RouteAction_HashPolicySchema>['policySpecifier'];

/** What a request is hashed by, if its destination balances by consistent hash (istio-behaviour D4). Port-level entries need a named port. */
export function hashPolicy(rule: DestinationRule | undefined, port: number | undefined, subset: string): RouteAction_HashPolicy | undefined {
  if (rule === undefined || !asksForHash(rule, subset)) return undefined;
  const hash = policyFor(rule, port ?? -1, subset).loadBalancer?.consistentHash;
  const policySpecifier = hash && specifierOf(hash);
  return policySpecifier && create(RouteAction_HashPolicySchema, { policySpecifier });
}

/** Few rules do, and every destination of every route asks. */
function asksForHash({ trafficPolicy, subsets }: DestinationRule, subset: string): boolean {
  return hashes(trafficPolicy) || subsets.some(({ name, trafficPolicy: own }) => name === subset && hashes(own));
}

const hashes = (policy: TrafficPolicy | undefined): boolean => policy?.loadBalancer?.consistentHash !== undefined
  || (policy?.portLevelSettings?.some(({ loadBalancer }) => loadBalancer?.consistentHash !== undefined) ?? false);

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
