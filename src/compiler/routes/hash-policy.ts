import type { MessageInitShape } from '@bufbuild/protobuf';
import { duration } from '../../xds/duration';
import type { RouteAction_HashPolicySchema } from '../../xds/gen/envoy/config/route/v3/route_components_pb';
import { durationMs } from '../durations';
import type { DestinationRule } from '../scope/destination-rules';
import { policyFor } from '../scope/traffic-policy';

type HashPolicy = MessageInitShape<typeof RouteAction_HashPolicySchema>;

/** What a request is hashed by, if its destination balances by consistent hash (istio-behaviour D4). Port-level entries need a named port. */
export function hashPolicy(rule: DestinationRule | undefined, port: number | undefined, subset: string): HashPolicy | undefined {
  const hash = policyFor(rule, port ?? -1, subset).loadBalancer?.consistentHash;
  if (hash === undefined) return undefined;
  if (hash.httpHeaderName !== undefined) return { policySpecifier: { case: 'header', value: { headerName: hash.httpHeaderName } } };
  if (hash.httpCookie !== undefined) {
    const { name, path, ttl, attributes } = hash.httpCookie;
    const ms = durationMs(ttl);
    return {
      policySpecifier: {
        case: 'cookie',
        value: {
          name,
          path,
          ttl: ms === undefined ? undefined : duration(ms),
          attributes: (attributes ?? []).map(attribute => ({ name: attribute.name, value: attribute.value })),
        },
      },
    };
  }
  if (hash.useSourceIp !== undefined) return { policySpecifier: { case: 'connectionProperties', value: { sourceIp: hash.useSourceIp } } };
  if (hash.httpQueryParameterName !== undefined) {
    return { policySpecifier: { case: 'queryParameter', value: { name: hash.httpQueryParameterName } } };
  }
  return undefined;
}
