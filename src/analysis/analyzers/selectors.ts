import { isGatewaySelector } from './policies';
import { objectOf, objectsOf, textMapOf } from '../../model/json';
import type { Resource } from '../../model/resource';
import type { Workload } from '../../model/service';
import type { Path } from '../finding';
import { doubtful } from '../rules/context';
import type { Context } from '../rules/context';

/** Sidecars and Telemetries: selectors that take nothing (IST0101) or the same Pod (IST0110, IST0159), several for a whole namespace (IST0111, IST0160). */
export function selectorAnalysis(context: Context): void {
  perNamespace(context, 'Sidecar', ({ spec }) => textMapOf(objectOf(spec?.workloadSelector).labels), 'IST0110', 'IST0111');
  perNamespace(context, 'Telemetry', ({ spec }) => textMapOf(objectOf(spec?.selector).matchLabels), 'IST0159', 'IST0160');
  for (const kind of ['AuthorizationPolicy', 'RequestAuthentication', 'Telemetry', 'WasmPlugin']) onGatewayApi(context, kind);
  telemetryProviders(context);
  ambient(context);
}

type LabelsOf = (resource: Resource) => Readonly<Record<string, string>>;

function perNamespace(context: Context, kind: string, labelsOf: LabelsOf, samePod: string, sameNamespace: string): void {
  const wholes = new Map<string, Resource>();
  const takers = new Map<Workload, Resource>();
  // The older counts, but both are told, each once.
  const told = new Set<Resource>();
  const tell = (resource: Resource, path: Path, istioCode: string, message: string, repair: string): void => {
    if (!told.has(resource)) context.report(resource, path, { code: 'MESH_SELECTOR_CONFLICT', istioCode, message, repair });
    told.add(resource);
  };
  for (const resource of context.sound<Record<string, unknown>>(kind)) {
    if (resource.spec?.targetRef !== undefined || resource.spec?.targetRefs !== undefined) continue;
    const { namespace, name } = resource.metadata;
    const labels = labelsOf(resource);
    const field = kind === 'Sidecar' ? 'workloadSelector' : 'selector';
    if (Object.keys(labels).length === 0) {
      const first = wholes.get(namespace);
      if (first === undefined) {
        wholes.set(namespace, resource);
      } else {
        for (const each of [first, resource]) {
          tell(each, ['metadata', 'name'], sameNamespace, `a namespace has one ${kind} without selector, got ${first.metadata.name} and ${name} in ${namespace}; the older counts`,
            'join them, or select workloads');
        }
      }
      continue;
    }
    const pods = context.index.workloadsSelected(labels, kind === 'Telemetry' && namespace === context.model.config.rootNamespace ? undefined : namespace);
    if (pods.length === 0 && context.index.workloadsIn(namespace).length > 0 && !isGatewaySelector(labels)) {
      context.report(resource, ['spec', field], {
        code: 'MESH_SELECTOR_UNMATCHED',
        istioCode: 'IST0101',
        message: `a ${kind} acts on the Pods of its namespace that it selects, got none for ${Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(', ')} in ${namespace}`,
        repair: 'correct the labels or the namespace',
      });
    }
    const twin = pods.map(pod => ({ pod, first: takers.get(pod) })).find(({ first }) => first !== undefined);
    for (const pod of pods) if (!takers.has(pod)) takers.set(pod, resource);
    if (twin === undefined) continue;
    for (const each of [twin.first!, resource]) {
      tell(each, ['spec', field], samePod, `a Pod has one ${kind}, got ${twin.first!.metadata.name} and ${name} for ${twin.pod.namespace}/${twin.pod.name}; the older counts`,
        'narrow one of the selectors');
    }
  }
}

/** IST0166: Gateways of Gateway API are named, not selected. */
function onGatewayApi(context: Context, kind: string): void {
  for (const resource of context.sound<Record<string, unknown>>(kind)) {
    const labels = textMapOf(objectOf(resource.spec?.selector).matchLabels);
    if (Object.keys(labels).length === 0 || resource.spec.targetRef !== undefined || resource.spec.targetRefs !== undefined) continue;
    const gateway = context.index.workloadsSelected(labels, resource.metadata.namespace).map(({ labels: own }) => own['gateway.networking.k8s.io/gateway-name']).find(name => name !== undefined);
    if (gateway === undefined) continue;
    context.report(resource, ['spec', 'selector'], doubtful('MESH_SELECTOR_INVALID', `a policy for a Gateway of Gateway API names it in targetRefs, got a selector that takes ${gateway}`,
      `write targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: ${gateway}}]`, 'IST0166'));
  }
}

/** IST0157: access logs without anybody to write them; IST0002: Lightstep. */
function telemetryProviders(context: Context): void {
  const { raw } = context.model.config;
  const defaults = objectOf(raw.defaultProviders).accessLogging;
  const lightstep = new Set(objectsOf(raw.extensionProviders).filter(({ lightstep: given }) => given !== undefined).map(({ name }) => name));
  for (const resource of context.sound<Record<string, unknown>>('Telemetry')) {
    objectsOf(resource.spec?.accessLogging).forEach((logging, index) => {
      const named = objectsOf(logging.providers).length > 0;
      if (named || logging.disabled === true || (Array.isArray(defaults) && defaults.length > 0) || (context.model.config.accessLogFile !== '')) return;
      context.report(resource, ['spec', 'accessLogging', index], doubtful('MESH_TELEMETRY_IGNORED', 'access logs need a provider, got none here and no default in MeshConfig; nothing is logged',
        'add providers: [{name: envoy}]', 'IST0157'));
    });
    objectsOf(resource.spec?.tracing).forEach((tracing, index) => objectsOf(tracing.providers).forEach(({ name }, number) => {
      if (!lightstep.has(name)) return;
      context.report(resource, ['spec', 'tracing', index, 'providers', number], doubtful('MESH_FIELD_DEPRECATED', `Lightstep is no provider any more, got ${String(name)}`, 'use opentelemetry', 'IST0002'));
    }));
  }
}

/** IST0167: Sidecars in ambient mode are not looked at. */
function ambient(context: Context): void {
  for (const resource of context.sound<Record<string, unknown>>('Sidecar')) {
    const { namespace } = resource.metadata;
    const labels = textMapOf(objectOf(resource.spec?.workloadSelector).labels);
    const pods = Object.keys(labels).length === 0 ? [] : context.index.workloadsSelected(labels, namespace);
    const mode = 'istio.io/dataplane-mode';
    const where = pods.find(pod => pod.labels[mode] === 'ambient') !== undefined ? 'a Pod it selects is'
      : context.model.namespaceLabels(namespace)[mode] === 'ambient' ? `the namespace ${namespace} is` : undefined;
    if (where === undefined) continue;
    context.report(resource, ['spec'], doubtful('MESH_AMBIENT_IGNORED', `a Sidecar acts on sidecars only, got one where ${where} in ambient mode`, 'remove it, or leave ambient mode', 'IST0167'));
  }
}
