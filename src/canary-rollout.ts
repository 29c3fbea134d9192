import { Construct } from 'constructs';
import type { MeshService } from './mesh-service';
import type { MeshVersion } from './mesh-version';
import { requireInteger } from './private/check';
import { meshError } from './private/errors';
import { RouteTarget, type HttpRouteOptions } from './route';

/** One stage of a rollout. */
export class CanaryStep {
  /** The canary takes this share of the requests, in percent; a whole number from 0 to 100, since Istio's weights are whole. */
  public static weight(percent: number): CanaryStep {
    return new CanaryStep(requireInteger(undefined, 'MESH_WEIGHT_INVALID', 'CanaryStep.weight()', percent, 0, 100));
  }

  private constructor(/** Share of the canary, in percent. */ public readonly percent: number) {}
}

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
   * Which step synthesis emits: an index into `steps`.
   * @default 0
   */
  readonly at?: number;
}

/**
 * Moves the requests of a service from one version to another, step by step. Synthesis emits the step `at`; going on means to raise it
 * and to apply again, so that what runs is what the repository says.
 * Renders one rule of the service's VirtualService, named as the construct, with both versions and their weights, 0 and 100 included.
 * @example
 * new CanaryRollout(this, 'reviews-v2', { service: reviews, stable: v1, canary: v2, steps: [CanaryStep.weight(5), CanaryStep.weight(100)], at: 1 });
 */
export class CanaryRollout extends Construct {
  /** Index of the step that is emitted. */
  public readonly at: number;
  /** The step that is emitted. */
  public readonly step: CanaryStep;
  private readonly _steps: CanaryStep[];

  public constructor(scope: Construct, id: string, props: CanaryRolloutProps) {
    super(scope, id);
    const { service, stable, canary, steps, at = 0, ...route } = props;
    this._steps = [...steps];
    if (steps.length === 0) throw meshError(this, 'MESH_STEP_INVALID', 'steps must have at least one step, got []');
    this.at = requireInteger(this, 'MESH_STEP_INVALID', 'at', at, 0, steps.length - 1);
    this.step = this._steps[this.at];
    this.requireVersions(service, stable, canary);
    service._addRoute(this, id, {
      ...route,
      targets: [RouteTarget.to(stable, { weight: 100 - this.step.percent }), RouteTarget.to(canary, { weight: this.step.percent })],
    });
  }

  /** All steps. */
  public get steps(): CanaryStep[] { return [...this._steps]; }

  private requireVersions(service: MeshService, stable: MeshVersion, canary: MeshVersion): void {
    const stranger = [stable, canary].find((version) => !service.versions.includes(version));
    if (stranger !== undefined) {
      throw meshError(this, 'MESH_CANARY_VERSION', `stable and canary must be versions of service ${service.node.path}, got ${stranger.node.path}`);
    }
    if (stable === canary) throw meshError(this, 'MESH_CANARY_VERSION', `stable and canary must differ, got ${stable.node.path} twice`);
  }
}
