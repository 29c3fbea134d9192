import { argoRoutes, type ManagedRoute } from './argo-routes';
import { type Json, numberOf, objectOf, objectsOf, textOf } from '../../model/json';

/** Label by which Argo Rollouts tells the pods of one revision from those of another. */
export const REVISION_LABEL = 'rollouts-pod-template-hash';

/** A state that a Rollout passes through, as the objects that its controller leaves in it. */
export interface ArgoState {
  /** As messages call it: `step 2: setWeight 5`. */
  readonly name: string;
  /** Index into the Rollout's own steps; absent for a state between or beyond them. */
  readonly step?: number;
  /** Share of the canary, in percent. */
  readonly weight: number;
  /** The objects of the state, in place of those of the same kind and name. */
  readonly manifests: Json[];
}

/** Pod templates of the two revisions. */
export interface ArgoTemplates { readonly stable: Json; readonly canary: Json }

/** Whether a manifest is a Rollout that steps through a canary by Istio's routes. */
export function isArgoCanary(manifest: Json): boolean {
  return manifest.kind === 'Rollout' && textOf(manifest.apiVersion)?.startsWith('argoproj.io/') === true && Object.keys(istioOf(manifest)).length > 0;
}

/** The pod template of a Rollout: its own, or that of the workload it refers to; undefined where that is not there. */
export function argoTemplate(rollout: Json, manifests: readonly Json[]): Json | undefined {
  const { template, workloadRef } = objectOf(rollout.spec);
  const { kind, name } = objectOf(workloadRef);
  const source = name === undefined ? template : objectOf(find(manifests, textOf(kind) ?? 'Deployment', textOf(name), namespaceOf(rollout))?.spec).template;
  return source === undefined ? undefined : objectOf(source);
}

/**
 * Every state that Argo Rollouts brings a Rollout into: before the new pods are there (again so where a third revision interrupts), each step, given up, and promoted.
 * What it writes then follows its version 1.10: weights of the routes it was told, routes of its own in front of all others, one more label on its subsets or Services.
 */
export function argoStates(rollout: Json, manifests: readonly Json[], templates?: ArgoTemplates): ArgoState[] {
  const canary = canaryOf(rollout);
  const own = argoTemplate(rollout, manifests);
  if (own === undefined) return [];
  const revisions = templates ?? { stable: own, canary: own };
  const state = (name: string, at: Situation, step?: number): ArgoState => ({
    name, weight: at.weight, ...(step !== undefined && { step }), manifests: objectsIn(rollout, manifests, revisions, at),
  });
  const steps = objectsOf(canary.steps);
  return [
    state('the canary is not ready yet', { weight: 0, routes: [], stable: true, canary: false }),
    ...steps.map((each, index) => state(`step ${index}: ${stepText(each)}`, situationAt(canary, index), index)),
    state('given up', { weight: 0, routes: [], stable: true, canary: false }),
    state('promoted', { weight: 0, routes: [], stable: true, canary: false, promoted: true }),
  ];
}

/** A step of a Rollout in a few words. */
export function stepText(step: Json): string {
  const [[kind, value] = ['nothing', undefined]] = Object.entries(step);
  switch (kind) {
    case 'pause': return ['pause', textOf(objectOf(value).duration)].filter(part => part !== undefined).join(' ');
    case 'setCanaryScale': return `setCanaryScale ${Object.entries(objectOf(value)).map(([key, amount]) => (amount === true ? key : `${key} ${textOf(amount)}`)).join(' ')}`;
    case 'setHeaderRoute': case 'setMirrorRoute': return `${kind} ${textOf(objectOf(value).name)}${objectOf(value).match === undefined ? ', away' : ''}`;
    default: return [kind, textOf(value)].filter(part => part !== undefined).join(' ');
  }
}

/** What holds in a state. */
interface Situation {
  readonly weight: number;
  readonly routes: readonly ManagedRoute[];
  /** Whether pods of the stable revision run, and of the canary's. */
  readonly stable: boolean;
  readonly canary: boolean;
  /** Both subsets are the new revision. */
  readonly promoted?: boolean;
}

function situationAt(canary: Json, index: number): Situation {
  const passed = objectsOf(canary.steps).slice(0, index + 1);
  const weight = passed.reduce((share, { setWeight }) => numberOf(setWeight) ?? share, 0);
  const runs = scaleOf(passed, weight) > 0;
  // While no pod of the canary is available the controller takes its routes away, but still puts up that of the step it is at.
  const routes = new Map<string, ManagedRoute>();
  for (const { setHeaderRoute, setMirrorRoute } of runs ? passed : passed.slice(-1)) {
    for (const route of objectsOf([setHeaderRoute, setMirrorRoute])) {
      const name = textOf(route.name) ?? '';
      if (route.match === undefined) routes.delete(name);
      else routes.set(name, { name, mirrors: route === setMirrorRoute, route });
    }
  }
  return { weight, routes: [...routes.values()], stable: !(canary.dynamicStableScale === true && weight === 100), canary: runs };
}

/** Replicas, or share of them, that the canary has after some steps. */
function scaleOf(passed: readonly Json[], weight: number): number {
  const last = passed.map(({ setCanaryScale }) => objectOf(setCanaryScale)).filter(scale => Object.keys(scale).length > 0).at(-1);
  return last === undefined || last.matchTrafficWeight === true ? weight : numberOf(last.replicas) ?? numberOf(last.weight) ?? weight;
}

function objectsIn(rollout: Json, manifests: readonly Json[], templates: ArgoTemplates, at: Situation): Json[] {
  const revisionOf = { stable: at.promoted === true ? 'canary' : 'stable', canary: 'canary' } as const;
  const running = [...new Set([...(at.stable ? [revisionOf.stable] : []), ...(at.canary ? [revisionOf.canary] : [])])];
  return [
    { ...rollout, spec: { ...objectOf(rollout.spec), replicas: 0 } }, // its ReplicaSets stand for its pods
    ...running.map(revision => replicaSet(rollout, revision, templates[revision])),
    ...revisedServices(rollout, manifests, revisionOf),
    ...revisedSubsets(rollout, manifests, revisionOf),
    ...virtualServicesOf(rollout, manifests)
      .map(({ manifest, reference }) => argoRoutes(rollout, manifest, reference, subsetHost(rollout, manifests), at.weight, at.routes)),
  ];
}

function replicaSet(rollout: Json, revision: string, template: Json): Json {
  const metadata = objectOf(template.metadata);
  const own = objectOf(rollout.metadata);
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: `${textOf(own.name)}-${revision}`, ...(own.namespace !== undefined && { namespace: own.namespace }) },
    spec: {
      replicas: 1,
      selector: { matchLabels: { [REVISION_LABEL]: revision } },
      template: { ...template, metadata: { ...metadata, labels: { ...objectOf(metadata.labels), [REVISION_LABEL]: revision } } },
    },
  };
}

/** Services of the two revisions, where routes tell them by host: the controller adds the revision to their selectors. */
function revisedServices(rollout: Json, manifests: readonly Json[], revisionOf: ArgoRevisions): Json[] {
  const { stableService, canaryService } = canaryOf(rollout);
  return ([[stableService, revisionOf.stable], [canaryService, revisionOf.canary]] as const).flatMap(([name, revision]) => {
    const service = find(manifests, 'Service', textOf(name), namespaceOf(rollout));
    if (service === undefined) return [];
    const spec = objectOf(service.spec);
    return [{ ...service, spec: { ...spec, selector: { ...objectOf(spec.selector), [REVISION_LABEL]: revision } } }];
  });
}

interface ArgoRevisions { readonly stable: string; readonly canary: string }

/** The DestinationRule with the revision among the labels of both subsets; others the controller takes away. */
function revisedSubsets(rollout: Json, manifests: readonly Json[], revisionOf: ArgoRevisions): Json[] {
  const { name, stableSubsetName, canarySubsetName } = objectOf(istioOf(rollout).destinationRule);
  const rule = find(manifests, 'DestinationRule', textOf(name), namespaceOf(rollout));
  if (rule === undefined) return [];
  const revisions = new Map([[stableSubsetName, revisionOf.stable], [canarySubsetName, revisionOf.canary]]);
  const spec = objectOf(rule.spec);
  const subsets = objectsOf(spec.subsets).filter(subset => revisions.has(subset.name))
    .map(subset => ({ ...subset, labels: { ...objectOf(subset.labels), [REVISION_LABEL]: revisions.get(subset.name) } }));
  return [{ ...rule, spec: { ...spec, subsets } }];
}

/** The VirtualServices that the controller writes to, each with what the Rollout says of it. */
export function virtualServicesOf(rollout: Json, manifests: readonly Json[]): { manifest: Json; reference: Json }[] {
  const { virtualService, virtualServices } = istioOf(rollout);
  return [...objectsOf([virtualService]), ...objectsOf(virtualServices)].flatMap((reference) => {
    const [name, namespace = namespaceOf(rollout)] = (textOf(reference.name) ?? '').split('.');
    const manifest = find(manifests, 'VirtualService', name, namespace);
    return manifest === undefined ? [] : [{ manifest, reference }];
  });
}

function subsetHost(rollout: Json, manifests: readonly Json[]): string | undefined {
  const { name } = objectOf(istioOf(rollout).destinationRule);
  return textOf(objectOf(find(manifests, 'DestinationRule', textOf(name), namespaceOf(rollout))?.spec).host);
}

function find(manifests: readonly Json[], kind: string, name: string | undefined, namespace: string): Json | undefined {
  return manifests.find(each => each.kind === kind && objectOf(each.metadata).name === name && namespaceOf(each) === namespace);
}

function namespaceOf(manifest: Json): string { return textOf(objectOf(manifest.metadata).namespace) ?? 'default'; }

/** `spec.strategy.canary` of a Rollout. */
export function canaryOf(rollout: Json): Json { return objectOf(objectOf(objectOf(rollout.spec).strategy).canary); }

/** `trafficRouting.istio` of a Rollout. */
export function istioOf(rollout: Json): Json { return objectOf(objectOf(canaryOf(rollout).trafficRouting).istio); }
