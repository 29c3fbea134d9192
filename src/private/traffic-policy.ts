import type { TrafficPolicyProps } from '../traffic-policy';

/** `trafficPolicy` of a service or a subset: the two are different types in the L1s, and one shape. */
export interface TrafficPolicySpec { readonly loadBalancer: { readonly simple: any } }

/** `trafficPolicy`, or undefined where nothing is set: Istio refuses an empty one. */
export function trafficPolicy(props: TrafficPolicyProps | undefined): TrafficPolicySpec | undefined {
  return props?.loadBalancing === undefined ? undefined : { loadBalancer: { simple: props.loadBalancing._simple } };
}
