import type { RuleFamily } from './context';
import { destinationRuleRules } from './destination-rule';
import { gatewayRules } from './gateway';
import { podRules } from './pods';
import { referenceRules } from './references';
import { serviceEntryRules } from './service-entry';
import { virtualServiceRules } from './virtual-service';

/** Every rule family, in the order in which it runs; the order of findings does not depend on it. */
export const FAMILIES: readonly RuleFamily[] = [
  virtualServiceRules, destinationRuleRules, gatewayRules, serviceEntryRules, referenceRules, podRules,
];
