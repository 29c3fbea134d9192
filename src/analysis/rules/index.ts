import { authenticationRules } from './authentication';
import { authorizationPolicyRules } from './authorization-policy';
import type { RuleFamily } from './context';
import { destinationRuleRules } from './destination-rule';
import { envoyFilterRules } from './envoy-filter';
import { extensionRules } from './extensions';
import { gatewayRules } from './gateway';
import { podRules } from './pods';
import { referenceRules } from './references';
import { serviceEntryRules } from './service-entry';
import { sidecarRules } from './sidecar';
import { telemetryRules } from './telemetry';
import { virtualServiceRules } from './virtual-service';
import { workloadRules } from './workloads';
import { httpReachability } from '../reachability/http';
import { l4Reachability } from '../reachability/l4';

/** Every rule family, in the order in which it runs; the order of findings does not depend on it. */
export const FAMILIES: readonly RuleFamily[] = [
  virtualServiceRules, destinationRuleRules, gatewayRules, serviceEntryRules, sidecarRules, workloadRules,
  authorizationPolicyRules, authenticationRules, envoyFilterRules, telemetryRules, extensionRules,
  httpReachability, l4Reachability, referenceRules, podRules,
];
