import type { IConstruct } from 'constructs';
import { durationText } from './duration';
import { meshError } from './errors';
import {
  RolloutSpecStrategyCanaryStepsPauseDuration as PauseDuration, type RolloutSpecStrategyCanarySteps as ArgoStep,
  type RolloutSpecStrategyCanaryStepsSetCanaryScale as ArgoScale,
} from '../../imports/argoproj.io';
import type { CanaryStep } from '../canary-step';

/** Subsets that Argo moves from revision to revision. Their names outlive every version. */
export const STABLE = 'stable';
export const CANARY = 'canary';

/** Argo goes on by itself, and in whole percent. */
export function requireSteps(owner: IConstruct, steps: readonly CanaryStep[]): void {
  const refuse = (rule: string) => meshError(owner, 'MESH_ENGINE_LIMIT', rule);
  const last = steps[steps.length - 1];
  if (last.percent !== 100) throw refuse(`the last step must be weight 100 %, which is what Argo does after the last step, got ${last.description}; add CanaryStep.weight(100)`);
  if (steps.every(({ _pause }) => !_pause)) throw refuse('steps must have a pause, since Argo goes on as soon as pods are ready, got none; put CanaryStep.pause() after a step');
  for (const { _mirror, duration, description } of steps) {
    if (_mirror !== undefined && !Number.isInteger(_mirror)) throw refuse(`a mirror must be a whole number of percent, got ${description}; round it`);
    if (duration !== undefined && !Number.isInteger(duration.toSeconds({ integral: false }))) throw refuse(`a pause must last whole seconds, got ${description}; round it`);
  }
}

/** Routes that Argo puts up for cohorts and copies, in the order in which they are to be tried. */
export function managedRoutes(id: string, steps: readonly CanaryStep[]): string[] {
  const cohorts = steps.flatMap(({ _cohort }, index) => (_cohort === undefined ? [] : [cohortName(id, index)]));
  return steps.some(({ _mirror }) => _mirror !== undefined) ? [...cohorts, mirrorName(id)] : cohorts;
}

/**
 * The steps as Argo takes them.
 * @param replicas pods of the canary while it takes no share; undefined for one, and for copies as many as their share asks for
 */
export function canarySteps(id: string, steps: readonly CanaryStep[], replicas: number | undefined): ArgoStep[] {
  const argo: ArgoStep[] = [];
  let [share, held, mirrored, cohorts] = [0, false, false, false];
  // Argo gives a canary without a share no pods, and requests of a cohort would fail.
  const hold = (scale: ArgoScale) => {
    argo.push({ setCanaryScale: replicas === undefined ? scale : { replicas } });
    held = true;
  };
  steps.forEach(({ percent, _cohort, _mirror, _pause, duration }, index) => {
    if (_cohort !== undefined) {
      if (share === 0 && !held) hold({ replicas: 1 });
      cohorts = true;
      argo.push({ setHeaderRoute: { name: cohortName(id, index), match: [{ headerName: _cohort.name, headerValue: _cohort._toKube() }] } });
    }
    if (_mirror !== undefined) {
      mirrored = _mirror > 0;
      if (mirrored) hold({ weight: _mirror });
      argo.push({ setMirrorRoute: { name: mirrorName(id), ...(mirrored && { percentage: _mirror, match: [{ path: { prefix: '/' } }] }) } });
    }
    if (percent !== undefined) {
      if (mirrored) argo.push({ setMirrorRoute: { name: mirrorName(id) } }); // without a match it goes
      if (percent === 0 && cohorts && !held) hold({ replicas: 1 });
      const release = percent > 0 && held;
      if (release) argo.push({ setCanaryScale: { weight: percent } });
      argo.push({ setWeight: percent });
      if (release) argo.push({ setCanaryScale: { matchTrafficWeight: true } });
      [share, held, mirrored] = [percent, held && percent === 0, false];
    }
    if (_pause) argo.push({ pause: duration === undefined ? {} : { duration: PauseDuration.fromString(durationText(undefined, 'duration', duration)) } });
  });
  return argo;
}

function cohortName(id: string, index: number): string { return `${id}-cohort-${index}`; }
function mirrorName(id: string): string { return `${id}-mirror`; }
