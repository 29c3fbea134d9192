import type { Duration } from 'cdk8s';
import type { CanaryAnalysis } from './canary-analysis';
import { guarded } from './private/arguments';
import { requireInteger } from './private/check';
import { wholeSeconds } from './private/duration';
import { meshError } from './private/errors';

/** Options of `RolloutEngine.argo()`. */
export interface ArgoRolloutOptions {
  /**
   * What is measured while the canary takes requests; where it fails, Argo gives the rollout up.
   * @default - nothing is measured
   */
  readonly analysis?: CanaryAnalysis;
  /**
   * Pods that the canary has before it takes a share of the requests, for cohorts and copies; at least 1. Afterwards it has as many as its share asks for.
   * @default - 1 for cohorts, and for copies as many as their share asks for
   */
  readonly canaryReplicas?: number;
  /**
   * Whether the stable version has fewer pods as the canary's share grows. Giving up then waits for pods. Renders `dynamicStableScale`.
   * @default false
   */
  readonly dynamicStableScale?: boolean;
  /**
   * How long the former pods stay after the canary took over, in whole seconds. Renders `scaleDownDelaySeconds`; not together with `dynamicStableScale`.
   * @default - 30 seconds, Argo's own
   */
  readonly scaleDownDelay?: Duration;
  /**
   * How long the canary's pods stay after the rollout was given up, in whole seconds. Renders `abortScaleDownDelaySeconds`.
   * @default - 30 seconds, Argo's own
   */
  readonly abortScaleDownDelay?: Duration;
}

/** Who takes a rollout from step to step. */
export class RolloutEngine {
  /** Nobody: the repository says at which step the rollout is (`at`), and whoever applies it moves on. `cdk8s-mesh rollout` helps. */
  public static none(): RolloutEngine { return new RolloutEngine('none'); }

  /**
   * Argo Rollouts (version 1.10), which runs the pods and writes the weights into the VirtualService. Renders a `Rollout` named as the service, which takes its
   * pods from the Deployment of `canary` (of `stable` where the rollout is `aborted`), and an `AnalysisTemplate` where `analysis` is given. Both Deployments are
   * rendered with 0 replicas, as templates; the Rollout has the number of the one that it takes its pods from.
   * Throws MESH_ENGINE_LIMIT for `canaryReplicas` below 1 and for `scaleDownDelay` beside `dynamicStableScale`, MESH_DURATION_INVALID for a delay that is not of whole seconds.
   */
  public static argo(options: ArgoRolloutOptions = {}): RolloutEngine {
    if (options.canaryReplicas !== undefined) requireInteger(undefined, 'MESH_ENGINE_LIMIT', 'canaryReplicas', options.canaryReplicas, 1, 10_000);
    if (options.dynamicStableScale === true && options.scaleDownDelay !== undefined) {
      throw meshError(undefined, 'MESH_ENGINE_LIMIT', 'scaleDownDelay must be left away with dynamicStableScale, which has no pods left to keep, got both; leave one of them away');
    }
    requireSeconds('scaleDownDelay', options.scaleDownDelay);
    requireSeconds('abortScaleDownDelay', options.abortScaleDownDelay);
    return new RolloutEngine('argo', options);
  }

  private constructor(
    /** `none` or `argo`. */ public readonly name: string,
    /** @internal */ public readonly _argo?: ArgoRolloutOptions,
  ) {}
}

guarded('RolloutEngine', RolloutEngine);

function requireSeconds(what: string, duration: Duration | undefined): void {
  if (duration !== undefined) wholeSeconds(what, duration, 0, 2_147_483_647);
}
