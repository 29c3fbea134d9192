import { Construct } from 'constructs';
import type { Fault } from './fault';
import type { MeshService } from './mesh-service';
import { guarded, requireProps } from './private/arguments';
import { meshError } from './private/errors';
import type { RouteMatch } from './route-match';

/** Properties for `FaultInjection`. */
export interface FaultInjectionProps {
  /** The service whose callers are to meet the fault. */
  readonly service: MeshService;
  /** What goes wrong. */
  readonly fault: Fault;
  /**
   * Whose requests: alternatives, one of which must hold.
   * @default - all requests to the service
   */
  readonly match?: RouteMatch[];
  /**
   * Says that you know: an injected abort is never retried by the route that it is on, and its timeout begins to count after an injected delay.
   * Without it, an abort with a status that the route retries, and a delay as long as the route's timeout or longer, fail synthesis (MESH_FAULT_DISABLES), as
   * they would show callers something that the real fault would not.
   * @default false
   */
  readonly pastLimits?: boolean;
}

/**
 * Lets requests inside the mesh fail on purpose, to see what callers make of it. Routes stay as they are: the requests still go, late
 * or not at all, where they would have gone.
 * Renders `http[].fault` in the service's VirtualService: on each rule whose requests are all meant, else on a copy of the rule, in front of it,
 * for those that are. Routes that answer by themselves are left alone, as Istio takes no fault there. Of several faults of one kind on a request the one with the most specific match holds.
 * @example
 * new FaultInjection(this, 'slow-jason', {
 *   service: ratings,
 *   fault: Fault.delay({ fixedDelay: Duration.seconds(7) }),
 *   match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('end-user', 'jason')] })],
 * });
 */
export class FaultInjection extends Construct {
  /** Throws MESH_MATCH_EMPTY. */
  public constructor(scope: Construct, id: string, props: FaultInjectionProps) {
    super(scope, id);
    requireProps(this, 'FaultInjectionProps', props);
    if (props.match?.length === 0) throw meshError(this, 'MESH_MATCH_EMPTY', 'match must have at least one RouteMatch, got []; leave match away for all requests');
    props.service._addFault(this, props.match?.map((match) => match._toKube()), props.fault._toKube(), props.pastLimits ?? false);
    this.node.defaultChild = props.service.node.tryFindChild('VirtualService');
  }
}

guarded('FaultInjection', FaultInjection);
