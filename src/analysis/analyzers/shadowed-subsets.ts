import { isInjected } from './destination-rules';
import type { DestinationRuleSpec, VirtualServiceSpec } from '../../compiler/istio-api';
import { Memo } from '../../compiler/memo';
import { DestinationRules } from '../../compiler/scope/destination-rules';
import type { DestinationRule } from '../../compiler/scope/destination-rules';
import { resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';
import { isVisible } from '../../model/visibility';
import { gatewaysOf } from '../reachability/rules';
import type { Context } from '../rules/context';
import { destinationsOf } from '../rules/references';

/**
 * Subsets that one DestinationRule defines and that callers do not get, because another one, of their own namespace or of the root's,
 * takes its place for them: Istio never joins rules of several namespaces. The call fails with 503 for those callers alone.
 */
export function shadowedSubsets(context: Context): void {
  const rules = context.sound<DestinationRuleSpec>('DestinationRule').filter(({ spec }) => typeof spec?.host === 'string');
  if (new Set(rules.map(({ metadata }) => metadata.namespace)).size < 2) return;
  const effective = new DestinationRules(rules, context.model, new Memo(context.model));
  const callers = [...new Set(context.model.workloads.filter(isInjected).map(({ namespace }) => namespace))].sort();
  for (const rule of context.sound<VirtualServiceSpec>('VirtualService')) {
    if (rule.spec === undefined) continue;
    const namespaces = callersOf(context, rule, callers);
    for (const { destination, path, what } of destinationsOf(rule.spec)) {
      const subset = destination.subset ?? '';
      const host = resolveHost(destination.host, rule.metadata.namespace, context.model.domain);
      if (subset === '' || context.index.subsetsOf(host)?.has(subset) !== true) continue;
      const [service] = context.index.servicesFor(host);
      const seen = service === undefined ? [] : namespaces.map(namespace => ({ namespace, taken: effective.of(service, namespace, {}) }));
      const hidden = seen.find(({ taken }) => taken === undefined || lacks(taken, subset));
      if (hidden === undefined) continue;
      const { taken, namespace } = hidden;
      context.report(rule, [...path, 'subset'], {
        code: 'MESH_SUBSET_SHADOWED',
        message: `${what} to the subset ${subset} of ${destination.host}, which callers of the namespace ${namespace} do not get: ${taken === undefined
          ? 'no DestinationRule that defines it is exported to them' : `for them the DestinationRule of ${taken.namespace} stands in its place and has ${
            taken.subsets.map(({ name }) => name).sort().join(', ') || 'none'}`}`,
        repair: taken === undefined ? 'export the DestinationRule that defines it' : `define it in the DestinationRule of ${taken.namespace} too, or remove that one`,
      });
    }
  }
}

const lacks = ({ subsets }: DestinationRule, subset: string): boolean => !subsets.some(({ name }) => name === subset);

/** Namespaces whose proxies follow a VirtualService. */
function callersOf(context: Context, rule: Resource<VirtualServiceSpec>, all: readonly string[]): readonly string[] {
  const { model, index } = context;
  const names = gatewaysOf(rule);
  const doors = names.map(name => index.gateways.get(name)).filter(gateway => gateway !== undefined)
    .flatMap(gateway => index.gatewayWorkloads(gateway).map(({ namespace }) => namespace));
  const { exportTo = [] } = rule.spec;
  const sees = (namespace: string) => isVisible(exportTo, rule.metadata.namespace, namespace, model.config.defaultVirtualServiceExportTo);
  const near = names.includes('mesh') ? all.filter(sees) : [];
  return [...new Set([...near, ...doors])];
}
