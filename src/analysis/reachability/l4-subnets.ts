import { gatewaysOf } from './rules';
import type { Rule } from './rules';
import type { L4Match, VirtualServiceSpec } from '../../compiler/istio-api';
import { resolveGateway } from '../../model/names';
import type { Context } from '../rules/context';

/**
 * TCP rules of a sidecar that share a subnet: istiod makes a filter chain of each, and Envoy refuses a listener with two chains for one subnet
 * (istio-behaviour C10).
 */
export function l4Subnets(context: Context): void {
  for (const rule of context.sound<VirtualServiceSpec>('VirtualService')) {
    const earlier: { readonly index: number; readonly match: L4Match }[] = [];
    for (const [index, { match: matches = [] }] of (rule.spec?.tcp ?? []).entries()) {
      const inside = matches.filter(match => inMesh(rule, match));
      for (const match of inside) {
        const other = earlier.find(each => meet(each.match, match));
        earlier.push({ index, match });
        if (other === undefined) continue;
        const shared = subnetsOf(match).find(subnet => subnetsOf(other.match).includes(subnet))!;
        context.report(rule, ['spec', 'tcp', index, 'match', matches.indexOf(match), 'destinationSubnets'], {
          code: 'MESH_SUBNET_DUPLICATE',
          severity: 'error',
          message: `a subnet stands in one TCP rule, as Envoy refuses two filter chains for it, got ${shared} in spec.tcp[${other.index}] as well`,
          repair: 'make one rule of both, or narrow one',
        });
      }
      // Nobody comes past a rule that takes everything.
      if (matches.length === 0 || inside.some(match => subnetsOf(match).length === 0 && isOpen(match))) break;
    }
  }
}

const subnetsOf = ({ destinationSubnets = [] }: L4Match): readonly string[] => destinationSubnets;

function inMesh(rule: Rule, { gateways }: L4Match): boolean {
  if (gateways === undefined || gateways.length === 0) return gatewaysOf(rule).includes('mesh');
  return gateways.some(gateway => resolveGateway(gateway, rule.metadata.namespace) === 'mesh');
}

function isOpen({ port, sourceNamespace, sourceLabels = {} }: L4Match): boolean {
  return port === undefined && (sourceNamespace ?? '') === '' && Object.keys(sourceLabels).length === 0;
}

/** Whether there may be a workload and a port for which both are taken, with a subnet in common. */
function meet(one: L4Match, other: L4Match): boolean {
  const differ = (a: unknown, b: unknown): boolean => a !== undefined && b !== undefined && a !== '' && b !== '' && a !== b;
  const labels = one.sourceLabels ?? {};
  return subnetsOf(one).some(subnet => subnetsOf(other).includes(subnet))
    && !differ(one.port, other.port) && !differ(one.sourceNamespace, other.sourceNamespace)
    && !Object.entries(other.sourceLabels ?? {}).some(([key, value]) => differ(labels[key], value));
}
