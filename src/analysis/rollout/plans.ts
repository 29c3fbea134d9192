import { argoStates, canaryOf, isArgoCanary, istioOf, virtualServicesOf } from './argo-states';
import { triedRequests } from './requests';
import { MeshError } from '../../model/error';
import { type Json, numberOf, objectOf, objectsOf, textOf, textsOf } from '../../model/json';
import { buildModel } from '../../model/model';
import { resourcesOf } from '../../model/parse';
import { createExplainer } from '../explain';

/** Label of the ConfigMap in which `CanaryRollout` writes down the plan of a rollout without an engine. */
export const PLAN_LABEL = 'cdk8s-mesh.dev/plan';
/** The key of that ConfigMap. */
export const PLAN_KEY = 'plan.json';

/** A state of a rollout, as objects in place of those of the same kind and name. */
export interface PlannedState {
  readonly name: string;
  readonly step?: number;
  readonly weight: number;
  readonly manifests: Json[];
  /** Rules whose requests the state is tried with. */
  readonly rules: Json[];
}

/** A rollout and every state that it passes through. */
export interface Plan {
  /** The name by which commands call it: the Rollout's, or the rule's. */
  readonly name: string;
  readonly namespace: string;
  readonly engine: 'argo' | 'none';
  /** Host that callers address. */
  readonly host: string;
  readonly stable: string;
  readonly canary: string;
  readonly states: PlannedState[];
  /** The state that the manifests are in; undefined where they are in none of them. */
  readonly current?: string;
  /** The Rollout, or the VirtualService. */
  readonly object: Json;
}

/** Every rollout that manifests tell of. */
export function plansIn(manifests: readonly Json[]): Plan[] {
  const plans = [
    ...manifests.filter(isArgoCanary).flatMap(rollout => argoPlan(rollout, manifests)),
    ...manifests.filter(each => each.kind === 'ConfigMap' && objectOf(objectOf(each.metadata).labels)[PLAN_LABEL] !== undefined).flatMap(map => ownPlan(map, manifests)),
  ];
  return plans.sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
}

/**
 * The step that comes after the current one. Without an engine a step that changes no route, a pause, is passed with the one before it: nobody could tell
 * from the routes which of the two it is. What gives a rollout up, or ends it, comes after no step.
 */
export function nextStep({ engine, states, current }: Plan): PlannedState | undefined {
  const at = states.findIndex(({ name }) => name === current);
  if (at === -1) return undefined;
  const steps = states.slice(at + 1).filter(({ step }) => step !== undefined);
  // After giving up it begins again.
  if (engine === 'none' && states[at].step === undefined) return states[0];
  return engine === 'argo' ? steps[0] : steps.find(({ manifests }) => !same(manifests, states[at].manifests));
}

/** Objects that are applied together; those of the next wave name them, or send requests to them. */
export interface ApplyWave {
  readonly name: 'workloads' | 'subsets' | 'routes' | 'rollout';
  /** `Kind/name`. */
  readonly objects: string[];
}

/** The objects of a rollout in the order in which they are to be applied, so that nothing leads to what is not there yet. */
export function wavesOf({ host, namespace, engine, object }: Plan, manifests: readonly Json[]): ApplyWave[] {
  const here = manifests.filter(({ metadata }) => (textOf(objectOf(metadata).namespace) ?? 'default') === namespace);
  const isHost = (name: unknown) => textOf(name)?.split('.')[0] === host.split('.')[0];
  const service = here.find(({ kind, metadata }) => kind === 'Service' && isHost(objectOf(metadata).name));
  const selector = Object.entries(objectOf(objectOf(service?.spec).selector));
  const runs = ({ spec }: Json) => {
    const labels = objectOf(objectOf(objectOf(objectOf(spec).template).metadata).labels);
    return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
  };
  const analyses = objectsOf(objectOf(canaryOf(object).analysis).templates).map(({ templateName }) => templateName);
  const wave = (name: ApplyWave['name'], takes: (each: Json) => boolean): ApplyWave[] => {
    const objects = here.filter(takes).map(({ kind, metadata }) => `${textOf(kind)}/${textOf(objectOf(metadata).name)}`);
    return objects.length === 0 ? [] : [{ name, objects }];
  };
  return [
    ...wave('workloads', each => each === service || (each.kind !== 'Rollout' && runs(each))),
    ...wave('subsets', ({ kind, spec }) => kind === 'DestinationRule' && isHost(objectOf(spec).host)),
    ...wave('routes', ({ kind, spec }) => kind === 'VirtualService' && textsOf(objectOf(spec).hosts).some(isHost)),
    ...(engine === 'none' ? [] : wave('rollout', each => each === object || (each.kind === 'AnalysisTemplate' && analyses.includes(objectOf(each.metadata).name)))),
  ];
}

/** Why a request would fail in a state, sent from a workload of the rollout's namespace; undefined where none does. */
export function failureIn({ host, namespace }: Plan, state: PlannedState, manifests: readonly Json[]): string | undefined {
  const key = ({ kind, metadata }: Json) => `${textOf(kind)}/${textOf(objectOf(metadata).namespace) ?? 'default'}/${textOf(objectOf(metadata).name)}`;
  const given = new Set(state.manifests.map(key));
  try {
    const model = buildModel(resourcesOf([...manifests.filter(each => !given.has(key(each))), ...state.manifests]));
    const caller = model.workloads.find(workload => workload.namespace === namespace && !workload.gateway);
    const service = model.services.find(each => each.namespace === namespace && each.hostname.split('.')[0] === host.split('.')[0]);
    const port = service?.ports.find(({ protocol }) => /^(HTTP|GRPC)/.test(protocol)) ?? service?.ports[0];
    if (caller === undefined || port === undefined) return `nobody can ask ${host}`;
    const explainer = createExplainer(model);
    for (const { rule, request: { method, path, headers } } of triedRequests(state.rules)) {
      const from = `${caller.name}.${caller.namespace}`;
      const { outcome, targets, status, flag } = explainer.explain({ method, url: `http://${service!.hostname}:${port.number}${path}`, headers, from });
      const failing = targets.find(target => target.status !== undefined);
      if (failing !== undefined) return `${failing.percent} % ${failing.status} ${failing.flag ?? ''} for route "${rule}"`;
      if (outcome === 'failed') return `${status ?? 'no answer'} ${flag} for route "${rule}"`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof MeshError) return error.message;
    throw error;
  }
}

function argoPlan(rollout: Json, manifests: readonly Json[]): Plan[] {
  const { stableSubsetName, canarySubsetName } = objectOf(istioOf(rollout).destinationRule);
  const { stableService, canaryService } = canaryOf(rollout);
  const [routed] = virtualServicesOf(rollout, manifests);
  if (routed === undefined) return [];
  const managed = objectsOf(objectOf(canaryOf(rollout).trafficRouting).managedRoutes).map(({ name }) => textOf(name));
  const names = [...textsOf(routed.reference.routes), ...managed];
  const states = argoStates(rollout, manifests).map((state): PlannedState => ({
    ...state,
    rules: state.manifests.filter(({ kind }) => kind === 'VirtualService').flatMap(({ spec }) => objectsOf(objectOf(spec).http)).filter(({ name }) => names.includes(textOf(name)) || name === undefined),
  }));
  const metadata = objectOf(rollout.metadata);
  const current = argoCurrent(rollout, states);
  return [{
    name: textOf(metadata.name) ?? '',
    namespace: textOf(metadata.namespace) ?? 'default',
    engine: 'argo',
    host: textsOf(objectOf(routed.manifest.spec).hosts)[0] ?? '',
    stable: textOf(stableSubsetName) ?? textOf(stableService) ?? 'stable',
    canary: textOf(canarySubsetName) ?? textOf(canaryService) ?? 'canary',
    states,
    ...(current !== undefined && { current }),
    object: rollout,
  }];
}

/** Where a Rollout stands, by what its controller says of it. */
function argoCurrent({ status }: Json, states: readonly PlannedState[]): string | undefined {
  const { abort, currentStepIndex, stableRS, currentPodHash } = objectOf(status);
  if (currentPodHash === undefined) return undefined;
  if (stableRS === currentPodHash) return states.at(-1)?.name;
  if (abort === true) return states.at(-2)?.name;
  return states.find(({ step }) => step === (numberOf(currentStepIndex) ?? 0))?.name;
}

function ownPlan(map: Json, manifests: readonly Json[]): Plan[] {
  const metadata = objectOf(map.metadata);
  const namespace = textOf(metadata.namespace) ?? 'default';
  const written = parsed(textOf(objectOf(map.data)[PLAN_KEY]) ?? '');
  const name = textOf(written.rollout) ?? '';
  const object = manifests.find(each => each.kind === 'VirtualService' && objectOf(each.metadata).name === written.virtualService
    && (textOf(objectOf(each.metadata).namespace) ?? 'default') === namespace);
  if (object === undefined) return [];
  const spec = objectOf(object.spec);
  const states = objectsOf(written.states).map((state): PlannedState => ({
    name: textOf(state.name) ?? '',
    ...(state.step !== undefined && { step: numberOf(state.step) }),
    weight: numberOf(state.weight) ?? 0,
    manifests: [{ ...object, spec: { ...spec, http: state.http } }],
    rules: objectsOf(state.http).filter(rule => rule.name === name || textOf(rule.name)?.startsWith(`${name}-`) === true),
  }));
  const is = ({ manifests: [state] }: PlannedState) => same(objectOf(state.spec).http, spec.http);
  const current = states.find(is)?.name;
  return [{
    name,
    namespace,
    engine: 'none',
    host: textsOf(spec.hosts)[0] ?? '',
    stable: textOf(written.stable) ?? '',
    canary: textOf(written.canary) ?? '',
    states,
    ...(current !== undefined && { current }),
    object,
  }];
}

/** A text of JSON; nothing where it is none, as a plan that somebody changed by hand may be. */
function parsed(text: string): Json {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Equal as data, in whatever order an API server has put the keys. */
function same(a: unknown, b: unknown): boolean {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
  };
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}
