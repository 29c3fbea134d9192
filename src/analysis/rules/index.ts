import { authenticationRules } from './authentication';
import { authorizationPolicyRules } from './authorization-policy';
import type { RuleFamily } from './context';
import { destinationRuleRules } from './destination-rule';
import { envoyFilterRules } from './envoy-filter';
import { extensionRules } from './extensions';
import { gatewayRules } from './gateway';
import { meshConfigRules } from './mesh-config';
import { podRules } from './pods';
import { referenceRules } from './references';
import { serviceEntryRules } from './service-entry';
import { sidecarRules } from './sidecar';
import { telemetryRules } from './telemetry';
import { virtualServiceRules } from './virtual-service';
import { workloadRules } from './workloads';
import { annotationAnalysis } from '../analyzers/annotations';
import { applyOrderAnalysis } from '../analyzers/apply-order';
import { askedServices } from '../analyzers/asked-services';
import { clusterAnalysis } from '../analyzers/cluster';
import { delegateAnalysis } from '../analyzers/delegates';
import { destinationRuleAnalysis } from '../analyzers/destination-rules';
import { gatewayRoutes } from '../analyzers/gateway-routes';
import { gatewayAnalysis } from '../analyzers/gateways';
import { injectionAnalysis } from '../analyzers/injection';
import { meshHosts } from '../analyzers/mesh-hosts';
import { patchPlaces } from '../analyzers/patches';
import { policyAnalysis } from '../analyzers/policies';
import { routeTiming } from '../analyzers/route-timing';
import { selectorAnalysis } from '../analyzers/selectors';
import { serviceAnalysis } from '../analyzers/services';
import { shadowedSubsets } from '../analyzers/shadowed-subsets';
import { httpReachability } from '../reachability/http';
import { l4Reachability } from '../reachability/l4';
import { l4Subnets } from '../reachability/l4-subnets';

/** Every rule family, in the order in which it runs; the order of findings does not depend on it. */
export const FAMILIES: readonly RuleFamily[] = [
  virtualServiceRules, destinationRuleRules, gatewayRules, serviceEntryRules, sidecarRules, workloadRules,
  authorizationPolicyRules, authenticationRules, envoyFilterRules, telemetryRules, extensionRules, meshConfigRules,
  httpReachability, l4Reachability, l4Subnets, referenceRules, podRules,
  delegateAnalysis, destinationRuleAnalysis, gatewayRoutes, meshHosts, patchPlaces, policyAnalysis, routeTiming, serviceAnalysis,
  annotationAnalysis, applyOrderAnalysis, askedServices, clusterAnalysis, gatewayAnalysis, injectionAnalysis, selectorAnalysis, shadowedSubsets,
];
