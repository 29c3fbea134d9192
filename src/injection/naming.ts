import type { Context } from './context';
import { annotationsOf, applicationOf, labelsOf } from './pod';

/** Labels that name the service and its revision in metrics. */
export function canonicalLabels(context: Context): Record<string, string> {
  const labels = labelsOf(context.pod);
  return {
    'service.istio.io/canonical-name': labels['service.istio.io/canonical-name'] || labels['app.kubernetes.io/name'] || labels.app || context.owner.name,
    'service.istio.io/canonical-revision': labels['service.istio.io/canonical-revision'] || labels['app.kubernetes.io/version'] || labels.version || 'latest',
  };
}

/** The injector's revision, and which container `kubectl exec` and `kubectl logs` mean. */
export function commonAnnotations(context: Context): Record<string, string> {
  const given = annotationsOf(context.pod);
  const first = applicationOf(context.pod)[0]?.name;
  const defaults = first === undefined ? [] : ['kubectl.kubernetes.io/default-logs-container', 'kubectl.kubernetes.io/default-container'].filter(name => given[name] === undefined);
  return { 'istio.io/rev': context.revision, ...Object.fromEntries(defaults.map(name => [name, first])) };
}
