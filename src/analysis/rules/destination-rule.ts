import { doubtful, invalid } from './context';
import type { Context } from './context';
import { nearestHost } from './nearest-host';
import { badLabel, isIp, isLabel, isWildcardDomain } from './predicates';
import { trafficPolicyRules } from './traffic-policy';
import type { Fault } from './traffic-policy';
import type { DestinationRuleSpec } from '../../compiler/istio-api';
import { hostsMatch } from '../../model/hosts';
import { resolveHost } from '../../model/names';

/** istio-validation §1.3, and DestinationRules for hosts that nobody has (IST0174). */
export function destinationRuleRules(context: Context): void {
  for (const resource of context.sound<DestinationRuleSpec>('DestinationRule')) {
    const { spec } = resource;
    if (spec?.host === undefined) continue; // the schema says it is missing
    const fault: Fault = (path, code, message, repair) => context.report(resource, path, invalid(code, message, repair));
    if (!isWildcardDomain(spec.host) && !isIp(spec.host)) {
      fault(['spec', 'host'], 'MESH_HOST_INVALID', `spec.host is a DNS name or *.suffix, got ${JSON.stringify(spec.host)}`, 'write the host without scheme, port or path');
    } else {
      hostExists(context, resource);
    }
    const seen = new Set<string>();
    spec.subsets?.forEach((subset, index) => {
      const path = ['spec', 'subsets', index];
      if (typeof subset.name !== 'string') return;
      if (!isLabel(subset.name)) fault([...path, 'name'], 'MESH_NAME_INVALID', `a subset's name has letters, digits and -, got ${JSON.stringify(subset.name)}`, 'correct the name');
      if (seen.has(subset.name)) fault([...path, 'name'], 'MESH_SUBSET_DUPLICATE', `the subset ${subset.name} is there once, got it twice`, 'remove one');
      seen.add(subset.name);
      const label = badLabel(subset.labels ?? {});
      if (label !== undefined) fault([...path, 'labels'], 'MESH_LABEL_INVALID', `labels of a subset are labels of Kubernetes, got the ${label}`, 'correct it');
      if (subset.trafficPolicy !== undefined) trafficPolicyRules(subset.trafficPolicy, [...path, 'trafficPolicy'], fault);
    });
    if (spec.trafficPolicy !== undefined) trafficPolicyRules(spec.trafficPolicy, ['spec', 'trafficPolicy'], fault);
  }
}

function hostExists(context: Context, resource: ReturnType<Context['sound']>[number]): void {
  const written = (resource.spec as unknown as DestinationRuleSpec).host;
  const host = resolveHost(written, resource.metadata.namespace, context.model.domain);
  if (context.model.services.some(service => hostsMatch(host, service.hostname))) return;
  const meant = nearestHost(host, context.model.servicesByHost.keys());
  context.report(resource, ['spec', 'host'], doubtful('MESH_HOST_UNKNOWN', `is for the host ${written}, which is no Service or ServiceEntry${host === written ? '' : ` (looked for ${host})`}`,
    meant === undefined ? 'declare it, or write the full name of a service of another namespace' : `did you mean ${meant}?`, 'IST0174'));
}
