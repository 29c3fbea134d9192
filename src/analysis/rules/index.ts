import type { RuleFamily } from './context';
import { destinationRuleRules } from './destination-rule';
import { gatewayRules } from './gateway';
import { podRules } from './pods';
import { referenceRules } from './references';
import { serviceEntryRules } from './service-entry';
import { sidecarRules } from './sidecar';
import { virtualServiceRules } from './virtual-service';
import { httpReachability } from '../reachability/http';
import { l4Reachability } from '../reachability/l4';

/** Every rule family, in the order in which it runs; the order of findings does not depend on it. */
export const FAMILIES: readonly RuleFamily[] = [
  virtualServiceRules, destinationRuleRules, gatewayRules, serviceEntryRules, sidecarRules,
  httpReachability, l4Reachability, referenceRules, podRules,
];
