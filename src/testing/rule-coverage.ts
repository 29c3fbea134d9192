/** A rule of the mesh, and how many of the requests sent so far it decided. */
export interface RuleCoverage {
  /** `VirtualService/default/reviews` or `AuthorizationPolicy/shop/readers`. */
  readonly resource: string;
  /** Name of the rule, or its place: `spec.http[0]`. */
  readonly rule: string;
  /** Construct path, or `file:line`, of the rule. */
  readonly where: string;
  /** Requests that it took. */
  readonly requests: number;
}
