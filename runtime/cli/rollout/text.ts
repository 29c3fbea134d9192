import { type ApplyWave, failureIn, nextStep, type Plan, wavesOf } from '../../../src/analysis/rollout/plans';
import { type Json, objectOf, textOf } from '../../../src/model/json';
import { columns } from '../text/columns';

/** What is told of a rollout. */
export interface Report {
  readonly name: string;
  readonly namespace: string;
  readonly engine: string;
  /** Name of the state it is in; absent where nothing runs, or somebody else wrote its routes. */
  readonly current?: string;
  /** Name of the state that comes next; absent at the end. */
  readonly next?: string;
  /** What Argo says of it. */
  readonly phase?: string;
  readonly message?: string;
  /** What is to be applied together, in this order. */
  readonly waves: readonly ApplyWave[];
  readonly states: readonly {
    readonly name: string;
    readonly step?: number;
    readonly weights: Readonly<Record<string, number>>;
    readonly safe: boolean;
    /** Why it is not. */
    readonly because?: string;
  }[];
}

/** A rollout with every state tried by the simulator. */
export function reportOf(plan: Plan, manifests: readonly Json[]): Report {
  const { name, namespace, engine, current, states, stable, canary, object } = plan;
  const next = nextStep(plan);
  const { phase, message } = objectOf(object.status);
  return {
    name,
    namespace,
    engine,
    ...(current !== undefined && { current }),
    ...(next !== undefined && { next: next.name }),
    ...(textOf(phase) !== undefined && { phase: textOf(phase) }),
    ...(textOf(message) !== undefined && { message: textOf(message) }),
    waves: wavesOf(plan, manifests),
    states: states.map((state) => {
      const because = failureIn(plan, state, manifests);
      const weights = { [stable]: 100 - state.weight, [canary]: state.weight };
      const told = because === undefined ? { safe: true } : { safe: false, because };
      return { name: state.name, ...(state.step !== undefined && { step: state.step }), weights, ...told };
    }),
  };
}

/** The report as a table; the state it is in has a mark. */
export function reportText({ name, namespace, engine, current, next, phase, message, waves, states }: Report): string {
  const [stable, canary] = Object.keys(states[0]?.weights ?? {});
  const head = [
    `${name}.${namespace}  engine ${engine}`,
    ...(phase === undefined ? [] : [`${phase}${message === undefined ? '' : ` (${message})`}`]),
    `at: ${current ?? (engine === 'argo' ? 'nothing yet, as far as is known here' : 'none of its states')}`,
    `next: ${next ?? 'nothing'}`,
    ...waves.map(({ name: wave, objects }, index) => `${index === 0 ? 'apply ' : 'then '}${wave}: ${objects.join(', ')}`),
  ];
  const rows = states.map(({ name: state, weights, because }) => [
    `${state === current ? '>' : ' '} ${state}`, String(weights[stable]), String(weights[canary]), because === undefined ? 'yes' : `NO: ${because}`,
  ]);
  return `${head.join('\n')}\n${columns([['  STATE', stable?.toUpperCase() ?? '', canary?.toUpperCase() ?? '', 'SAFE'], ...rows], 2)}`;
}
