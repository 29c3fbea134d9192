import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import type { CanaryStep, Stickiness } from './canary-step';
import { HeaderChange } from './header-change';
import type { MeshService } from './mesh-service';
import type { MeshVersion } from './mesh-version';
import { ArgoEngine } from './private/argo-engine';
import { guarded, requireProps } from './private/arguments';
import { requireInteger } from './private/check';
import { meshError } from './private/errors';
import { both, type HttpMatch } from './private/http-match';
import { type HttpRule, httpRule, type RuleContext } from './private/http-rule';
import { ownedMetadata } from './private/metadata';
import { meshAround, replaced, type RolloutState, rolloutFailures, stateManifests } from './private/rollout-proof';
import type { StateManifests } from './private/verify';
import type { ArgoRolloutOptions, RolloutEngine } from './rollout-engine';
import { type HttpRouteOptions, Mirror, RouteTarget } from './route';
import type { HeaderMatch } from './route-match';

/** Properties for `CanaryRollout`: what is rolled out, in which steps, and the options of a route. */
export interface CanaryRolloutProps extends HttpRouteOptions {
  /** The service. */
  readonly service: MeshService;
  /** Version that takes the rest of the requests. */
  readonly stable: MeshVersion;
  /** Version that takes over step by step. */
  readonly canary: MeshVersion;
  /** The steps, at least one. */
  readonly steps: CanaryStep[];
  /**
   * Who goes from step to step.
   * @default RolloutEngine.none()
   */
  readonly engine?: RolloutEngine;
  /**
   * Which step synthesis emits: an index into `steps`. Not with an engine, which goes on by itself.
   * @default 0
   */
  readonly at?: number;
  /**
   * Whether the rollout is given up: every request goes to `stable`, whatever `at` says. With Argo the Rollout takes its pods from `stable` then.
   * @default false
   */
  readonly aborted?: boolean;
  /**
   * How callers stay with the canary once they got it.
   * @default - each request is drawn anew
   */
  readonly stickiness?: Stickiness;
}

/** Objects of a rollout that are applied together; the next wave waits until these are there. */
export interface RolloutWave {
  /** `workloads`, `subsets`, or the step, e.g. `step 1: weight 20 %`; with Argo, whose steps are its own, `routes` and `rollout` instead of steps. */
  readonly name: string;
  /** Index of the step; undefined for other waves. */
  readonly step?: number;
  /** The objects to apply, as Kubernetes takes them. */
  readonly manifests: any[];
}

/** Fields of one object that the engine of a rollout writes, in the words of Argo CD's `ignoreDifferences`. */
export interface IgnoredDifference {
  /** API group of the object. */
  readonly group: string;
  /** Kind of the object. */
  readonly kind: string;
  /** Name of the object. */
  readonly name: string;
  /**
   * Namespace of the object.
   * @default - any
   */
  readonly namespace?: string;
  /**
   * Fields by JSON pointer.
   * @default - none
   */
  readonly jsonPointers?: string[];
  /**
   * Fields by expression of jq.
   * @default - none
   */
  readonly jqPathExpressions?: string[];
}

/**
 * Moves the requests of a service from one version to another, step by step. Synthesis emits the step `at`; going on means to raise it
 * and to apply again, so that what runs is what the repository says. Or Argo Rollouts goes from step to step (`engine`).
 * Each step, and giving up, is tried by the simulator at synthesis: where a request would fail in one of them, synthesis fails and names it
 * (MESH_CANARY_BREAKS), however far away that step is.
 * Without an engine it also renders a ConfigMap with the plan, which `cdk8s-mesh rollout` reads; no pod does.
 * Renders one rule of the service's VirtualService, named as the construct, with both versions and their weights, 0 and 100 included, and before
 * it one for each cohort of requests that all go to the canary.
 * @example
 * new CanaryRollout(this, 'reviews-v2', { service: reviews, stable: v1, canary: v2, steps: [CanaryStep.weight(5), CanaryStep.weight(100)], at: 1 });
 */
export class CanaryRollout extends Construct {
  /** Index of the step that is emitted. */
  public readonly at: number;
  /** The step that is emitted. */
  public readonly step: CanaryStep;
  private readonly props: CanaryRolloutProps;
  private readonly _steps: CanaryStep[];
  /** The step that is rendered: the one that is emitted, but while others are tried. -1 is giving up. */
  private rendered: number;
  private readonly argo?: ArgoEngine;

  /** Throws MESH_STEP_INVALID. */
  public constructor(scope: Construct, id: string, props: CanaryRolloutProps) {
    super(scope, id);
    requireProps(this, 'CanaryRolloutProps', props);
    this.props = props;
    this._steps = [...props.steps];
    if (this._steps.length === 0) throw meshError(this, 'MESH_STEP_INVALID', 'steps must have at least one step, got []; add CanaryStep.weight(100)');
    this.at = requireInteger(this, 'MESH_STEP_INVALID', 'at', props.at ?? 0, 0, this._steps.length - 1);
    this.step = this._steps[this.at];
    const options = props.engine?._argo;
    this.rendered = props.aborted === true || options !== undefined ? -1 : this.at;
    this.requireVersions(props);
    if (options !== undefined) this.argo = this.handOver(options);
    props.service._addRules(this, props.priority, (context) => this.rules(context));
    if (this.argo === undefined) this.writePlan();
    this.node.defaultChild = this.node.tryFindChild('Rollout') ?? props.service.node.tryFindChild('VirtualService');
    this.node.addValidation({ validate: () => rolloutFailures(this, props.service, this.callers(), this.states()) });
  }

  /** All steps. */
  public get steps(): CanaryStep[] { return [...this._steps]; }

  /** Share of the canary at the step that is emitted, in percent, without cohorts. With Argo it is 0, which Argo then changes. */
  public get percent(): number { return this.shareAt(this.props.aborted === true || this.argo !== undefined ? -1 : this.at); }

  /**
   * What the engine writes into objects that the repository has too, for `spec.ignoreDifferences` of an Argo CD Application: these fields, and nothing else, then are the engine's.
   * Set the sync option `RespectIgnoreDifferences=true` as well, or each sync would set them back. Empty without an engine.
   */
  public get ignoreDifferences(): IgnoredDifference[] { return this.argo?.ignoreDifferences() ?? []; }

  /**
   * The whole way in waves, each to be applied when the one before is there: pods, then the subsets that name them, then the routes of each step.
   * So a route never leads to what is not there yet. Going back is the same in reverse.
   */
  public plan(): RolloutWave[] {
    const { service } = this.props;
    const wave = (name: string, kinds: string[], manifests: any[], step?: number): RolloutWave => ({
      name, step, manifests: manifests.filter(({ kind, metadata }) => kinds.includes(kind) && (kind !== 'VirtualService' || metadata.name === service.name)),
    });
    const own = stateManifests(service);
    const waves = [wave('workloads', ['ServiceAccount', 'Service', 'Deployment', 'StatefulSet', 'DaemonSet'], own), wave('subsets', ['DestinationRule'], own)];
    if (this.argo !== undefined) {
      return [...waves, wave('routes', ['VirtualService'], own), wave('rollout', ['AnalysisTemplate', 'Rollout'], stateManifests(this))];
    }
    return [
      ...waves,
      ...this._steps.map((step, index) => wave(`step ${index}: ${step.description}`, ['VirtualService'], this.rendering(index, () => stateManifests(service)), index)),
    ];
  }

  /** Every state of the rollout that is tried by tests, as the objects that make it out. @internal */
  public _states(): StateManifests[] {
    return this.argo?.states() ?? this.plan().filter(({ step }) => step !== undefined);
  }

  /** The routes of every step, for whoever goes from step to step without synthesizing again: `cdk8s-mesh rollout`. */
  private writePlan(): void {
    const { service, stable, canary } = this.props;
    const state = (index: number, name: string) => ({
      name, step: index < 0 ? undefined : index, weight: this.shareAt(index), http: this.rendering(index, () => service._http),
    });
    const plan = () => ({
      rollout: this.node.id,
      virtualService: service.name,
      stable: stable.version,
      canary: canary.version,
      states: [...this._steps.map(({ description }, index) => state(index, `step ${index}: ${description}`)), state(-1, 'given up')],
    });
    const name = `${service.name}.${this.node.id}`.toLowerCase().replace(/[^a-z0-9.-]+/g, '-').replace(/^[.-]+|[.-]+$/g, '');
    new ApiObject(this, 'Plan', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: ownedMetadata(this, name, service.namespace, { 'cdk8s-mesh.dev/plan': 'rollout' }),
      data: Lazy.any({ produce: () => ({ 'plan.json': JSON.stringify(plan(), undefined, 2) }) }),
    });
  }

  /** Argo makes the rules of cohorts and copies itself, and they say nothing but where requests go. */
  private handOver(options: ArgoRolloutOptions): ArgoEngine {
    const { service, stable, canary, steps: _steps, engine: _engine, at, aborted, stickiness, priority: _priority, ...route } = this.props;
    const refuse = (rule: string) => meshError(this, 'MESH_ENGINE_LIMIT', rule);
    if (at !== undefined) throw refuse(`at must be left away, since Argo goes from step to step, got ${at}; leave at away, or choose RolloutEngine.none()`);
    if (stickiness !== undefined) throw refuse('stickiness must be left away, since Argo would lead callers to pods that are gone, got a cookie; use RolloutEngine.none(), or a cohort');
    const [lost] = Object.entries(route).filter(([, value]) => value !== undefined).map(([name]) => name);
    if (lost !== undefined && this._steps.some(({ _cohort, _mirror }) => _cohort !== undefined || _mirror !== undefined)) {
      throw refuse(`a rollout with steps for cohorts or copies must have no options of a route, since the routes that Argo makes for them have none, got ${lost}; use steps of weight only, or RolloutEngine.none()`);
    }
    const late = this._steps.findIndex(({ _mirror }, index) => _mirror !== undefined && this.shareAt(index) > 0);
    if (late !== -1) {
      throw refuse(`a mirror must come before the canary takes a share, since the route that Argo makes for it leads to the stable version, got step ${late} (${this._steps[late].description}) at ${this.shareAt(late)} %; put it first, or use RolloutEngine.none()`);
    }
    return new ArgoEngine(this, { service, stable, canary, steps: this._steps, aborted: aborted === true, options });
  }

  /** Whose pods ask when the states are tried. */
  private callers(): string[] {
    const { service, stable, canary } = this.props;
    if (this.argo === undefined) return [stable._caller, canary._caller];
    return this.argo.workloads.map((name) => `${name}.${service.namespace ?? 'default'}`);
  }

  private states(): RolloutState[] {
    const { service } = this.props;
    if (this.argo !== undefined) {
      const mesh = meshAround(this);
      return mesh === undefined ? [] : this.argo.states().map(({ name, manifests }) => ({
        name, rules: this.argo!.rulesIn(manifests), sign: manifests, mesh: () => replaced(mesh, manifests),
      }));
    }
    const state = (index: number, name: string): RolloutState => {
      const rules = this.rendering(index, () => this.rules(service._context));
      return { name, rules, sign: rules, mesh: () => this.rendering(index, () => meshAround(this)) };
    };
    return [...this._steps.map(({ description }, index) => state(index, `step ${index} (${description})`)), state(-1, 'giving up')];
  }

  private rendering<T>(step: number, produce: () => T): T {
    const before = this.rendered;
    this.rendered = step;
    try {
      return produce();
    } finally {
      this.rendered = before;
    }
  }

  /** Share of the canary after a step. */
  private shareAt(step: number): number {
    return this._steps.slice(0, step + 1).reduce((share, { percent }) => percent ?? share, 0);
  }

  private mirrorAt(step: number): number | undefined {
    const passed = this._steps.slice(0, step + 1);
    return passed.reduce<number | undefined>((share, { percent, _mirror }) => (percent !== undefined ? undefined : _mirror ?? share), undefined);
  }

  /** Requests that go to the canary whole: those of the cohorts, and of callers that stay with it. */
  private cohortsAt(step: number): [string, HeaderMatch][] {
    const share = this.shareAt(step);
    if (share === 100) return [];
    const cohorts = this._steps.slice(0, step + 1).map(({ _cohort }, index) => [`cohort-${index}`, _cohort])
      .filter((each): each is [string, HeaderMatch] => each[1] !== undefined);
    const { stickiness, canary } = this.props;
    return stickiness === undefined || share === 0 ? cohorts : [...cohorts, ['sticky', stickiness._match(canary.version)]];
  }

  private rules(context: RuleContext): HttpRule[] {
    const { service: _service, stable, canary, steps: _steps, engine: _engine, at: _at, aborted: _aborted, stickiness, ...route } = this.props;
    const { id } = this.node;
    const share = this.shareAt(this.rendered);
    const copies = this.mirrorAt(this.rendered);
    const mirror = copies === undefined ? route.mirror : [...route.mirror ?? [], Mirror.to(canary, { percent: copies })];
    const setsCookie = stickiness !== undefined && share > 0 && share < 100;
    const toCanary = { responseHeaders: setsCookie ? [HeaderChange.add('set-cookie', stickiness._setCookie(canary.version))] : undefined };
    const shared = httpRule(this, id, {
      ...route, mirror, targets: [RouteTarget.to(stable, { weight: 100 - share }), RouteTarget.to(canary, { weight: share, ...toCanary })],
    }, context);
    const cohorts = this.cohortsAt(this.rendered).map(([name, cohort]) => ({
      ...httpRule(this, `${id}-${name}`, { ...route, targets: [RouteTarget.to(canary, name === 'sticky' ? toCanary : {})] }, context),
      match: this.within(shared.match, cohort),
    }));
    return [...cohorts, shared];
  }

  /** The requests of the route that are of the cohort too. */
  private within(match: HttpMatch[] | undefined, cohort: HeaderMatch): HttpMatch[] {
    const condition: HttpMatch = { headers: { [cohort.name]: cohort._toKube() } };
    return (match ?? [{}]).map((alternative) => {
      const joined = both(alternative, condition);
      if (typeof joined === 'object') return joined;
      throw meshError(this, 'MESH_MATCH_INVALID', `match must leave the header "${cohort.name}" to the cohorts, got ${JSON.stringify(alternative.headers?.[cohort.name])} for it; match another header, or let the cohort have another`);
    });
  }

  private requireVersions({ service, stable, canary }: CanaryRolloutProps): void {
    const stranger = [stable, canary].find((version) => !service.versions.includes(version));
    if (stranger !== undefined) {
      throw meshError(this, 'MESH_CANARY_VERSION', `stable and canary must be versions of service ${service.node.path}, got ${stranger.node.path}; give versions that addVersion() of that service returned`);
    }
    if (stable === canary) throw meshError(this, 'MESH_CANARY_VERSION', `stable and canary must differ, got ${stable.node.path} twice; give another version as canary`);
  }
}

guarded('CanaryRollout', CanaryRollout);
