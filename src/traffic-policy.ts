/** How callers treat a service, or one version of it. Renders `trafficPolicy` of the service's DestinationRule. */
export interface TrafficPolicyProps {
  /**
   * How a caller chooses among the endpoints.
   * @default - the mesh's own, which in Istio is least request
   */
  readonly loadBalancing?: LoadBalancing;
}

/** How a caller chooses among endpoints. Renders `trafficPolicy.loadBalancer` of a DestinationRule. */
export class LoadBalancing {
  /** Of two endpoints drawn at random, the one with fewer requests in flight. */
  public static leastRequest(): LoadBalancing { return new LoadBalancing('LEAST_REQUEST'); }
  /** One after the other. */
  public static roundRobin(): LoadBalancing { return new LoadBalancing('ROUND_ROBIN'); }
  /** Any, with equal chance. Fairest where there are no active requests to compare. */
  public static random(): LoadBalancing { return new LoadBalancing('RANDOM'); }

  private constructor(/** @internal */ public readonly _simple: string) {}
}
