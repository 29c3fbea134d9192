import { exportToRules, labelRules, quote, selectorRules } from './common';
import { doubtful, reporter } from './context';
import type { Context } from './context';
import { nearestHost } from './nearest-host';
import { isLabel, isWildcardDomain } from './predicates';
import { trafficPolicyRules, withoutDoubts } from './traffic-policy';
import type { DestinationRuleSpec } from '../../compiler/istio-api';
import { resolveHost } from '../../model/names';
import type { Resource } from '../../model/resource';

/** istio-validation §1.3, and DestinationRules for hosts that nobody has (IST0174). */
export function destinationRuleRules(context: Context): void {
  for (const resource of context.sound<DestinationRuleSpec>('DestinationRule')) {
    const { spec } = resource;
    if (spec?.host === undefined) continue; // the schema says it is missing
    const at = reporter(context, resource);
    if (!isWildcardDomain(spec.host)) {
      at.invalid(['spec', 'host'], 'MESH_HOST_INVALID', `spec.host is a DNS name or *.suffix, got ${quote(spec.host)}`, 'write the host without scheme, port or path');
    } else {
      hostExists(context, resource);
    }
    const seen = new Set<string>();
    spec.subsets?.forEach((subset, index) => {
      const path = ['spec', 'subsets', index];
      if (typeof subset.name !== 'string') return;
      if (!isLabel(subset.name)) at.invalid([...path, 'name'], 'MESH_NAME_INVALID', `a subset's name has letters, digits and -, got ${quote(subset.name)}`, 'correct the name');
      if (seen.has(subset.name)) at.invalid([...path, 'name'], 'MESH_SUBSET_DUPLICATE', `the subset ${subset.name} is there once, got it twice`, 'remove one');
      seen.add(subset.name);
      labelRules(at, subset.labels, [...path, 'labels']);
      if (subset.trafficPolicy !== undefined) trafficPolicyRules(withoutDoubts(at), subset.trafficPolicy, [...path, 'trafficPolicy'], resource.metadata.namespace);
    });
    if (spec.trafficPolicy !== undefined) trafficPolicyRules(at, spec.trafficPolicy, ['spec', 'trafficPolicy'], resource.metadata.namespace);
    if (spec.workloadSelector !== undefined) selectorRules(at, spec.workloadSelector.matchLabels, ['spec', 'workloadSelector']);
    exportToRules(at, spec.exportTo, resource.metadata.namespace, { onlyOwn: spec.workloadSelector !== undefined });
  }
}

function hostExists(context: Context, resource: Resource<DestinationRuleSpec>): void {
  const written = resource.spec.host;
  const host = resolveHost(written, resource.metadata.namespace, context.model.domain);
  if (context.index.servicesMatching(host).length > 0) return;
  const meant = nearestHost(host, context.model.servicesByHost.keys());
  context.report(resource, ['spec', 'host'], doubtful('MESH_HOST_UNKNOWN', `is for the host ${written}, which is no Service or ServiceEntry${host === written ? '' : ` (looked for ${host})`}`,
    meant === undefined ? 'declare it, or write the full name of a service of another namespace' : `did you mean ${meant}?`, 'IST0174'));
}
