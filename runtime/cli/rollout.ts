import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import { EXIT } from './exit';
import { readWholeInput } from './input';
import type { Io } from './io';
import { readAccess } from './kubernetes/kubeconfig';
import { Cluster } from './rollout/cluster';
import { reportOf, reportText } from './rollout/text';
import { UsageError } from './usage-error';
import { canaryOf } from '../../src/analysis/rollout/argo-states';
import { failureIn, nextStep, type Plan, type PlannedState, plansIn } from '../../src/analysis/rollout/plans';
import { MeshError } from '../../src/model/error';
import { type Json, numberOf, objectOf, objectsOf } from '../../src/model/json';
import { didYouMean } from '../../src/model/suggest';
import { InputError } from '../control-plane/sources/source';

interface ClusterOptions {
  readonly namespace: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

interface ChangeOptions extends ClusterOptions {
  readonly dryRun?: boolean;
  readonly full?: boolean;
  readonly force?: boolean;
}

/** `rollout`: looks at canaries, and takes them from step to step. */
export function registerRollout(program: Command, io: Io, done: (code: number) => void): void {
  const rollout = program.command('rollout')
    .description('show the steps of a canary, each tried by the simulator, and go on, back or stop')
    .addHelpText('after', `
Knows rollouts of CanaryRollout without an engine, by the ConfigMap that it renders, and Rollouts of Argo that split
traffic by Istio's routes, whoever wrote them.

Examples:
  $ cdk8s-mesh rollout show dist
  $ cdk8s-mesh rollout show reviews -n shop
  $ cdk8s-mesh rollout next dist --to 3 | kubectl apply -f -
  $ cdk8s-mesh rollout promote reviews -n shop --dry-run
  $ cdk8s-mesh rollout abort reviews -n shop`);

  inCluster(rollout.command('show')
    .description('print every state of a rollout, its weights, whether each request is served in it, and where the rollout is')
    .argument('<dir-or-name...>', 'folders or files of manifests, or the name of a rollout in the cluster'))
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .addHelpText('after', `
SAFE says whether the requests of the rollout's routes are served in that state, sent from a workload of its namespace. Exit code 1 where they are not.
Of a cluster it looks at Services, workloads, routes, subsets and PeerAuthentications of the namespace.

Examples:
  $ cdk8s-mesh rollout show dist
  $ cdk8s-mesh rollout show dist -o json
  $ cdk8s-mesh rollout show reviews -n shop`)
    .action(async (args: string[], options: ClusterOptions & { output: 'text' | 'json' }) => {
      const { plans, manifests } = await find(args, options, io);
      const reports = plans.map(plan => reportOf(plan, manifests));
      io.stdout.write(options.output === 'json' ? `${JSON.stringify(reports, undefined, 2)}\n` : reports.map(reportText).join('\n'));
      done(reports.every(({ states }) => states.every(({ safe }) => safe)) ? EXIT.good : EXIT.findings);
    });

  rollout.command('next')
    .description('print the routes of the next step, or of another, of a rollout without an engine')
    .argument('<dir...>', 'folders or files of manifests')
    .option('--to <step>', 'index of the step (default: the one after that of the manifests)', whole)
    .option('--abort', 'the routes that give the rollout up')
    .option('--name <rollout>', 'which rollout, where there are several')
    .addHelpText('after', `
Prints the VirtualService of that step. Nothing is applied. Fails where requests would fail in that step.

Examples:
  $ cdk8s-mesh rollout next dist | kubectl apply -f -
  $ cdk8s-mesh rollout next dist --to 3
  $ cdk8s-mesh rollout next dist --abort`)
    .action((paths: string[], { to, abort: back, name }: { to?: number; abort?: boolean; name?: string }) => {
      const manifests = documents(paths, io);
      const plan = one(plansIn(manifests).filter(({ engine }) => engine === 'none'), name, paths.join(' '));
      const state = back === true ? givenUp(plan) : stateAfter(plan, to);
      requireSafe(plan, state, manifests);
      io.stdout.write(state.manifests.map(each => stringify(each, { lineWidth: 0 })).join('---\n'));
      done(EXIT.good);
    });

  const change = (verb: string, what: string, more: string, act: (target: Target, options: ChangeOptions) => Promise<string>): Command => {
    const command = inCluster(rollout.command(verb).description(what).argument('<name>', 'name of the rollout in the cluster'))
      .option('--dry-run', 'have the API server check the change, and change nothing')
      .option('--force', 'take over routes that somebody else applied (without an engine)')
      .addHelpText('after', more);
    return command.action(async (name: string, options: ChangeOptions) => {
      const cluster = clusterOf(options, io);
      const manifests = await cluster.manifests();
      const plan = one(plansIn(manifests), name, `namespace ${options.namespace}`);
      const said = await act({ plan, cluster, manifests }, options);
      io.stdout.write(`${plan.name}: ${said}${options.dryRun === true ? ' (dry run)' : ''}\n`);
      done(EXIT.good);
    });
  };
  change('promote', 'go on to the next step', `
With Argo: ends the pause, or leaves out the current step, as \`kubectl argo rollouts promote\` does. Without an engine: applies the routes of the next step, after it has
looked that both versions have subsets and ready pods and that the simulator serves all requests in that step.

Examples:
  $ cdk8s-mesh rollout promote reviews -n shop
  $ cdk8s-mesh rollout promote reviews -n shop --full`, promote).option('--full', 'go to the end');
  change('abort', 'give the rollout up: all requests go to the stable version', `
Examples:
  $ cdk8s-mesh rollout abort reviews -n shop`, abort);
  change('pause', 'stop Argo at the current step', `
Examples:
  $ cdk8s-mesh rollout pause reviews -n shop`, pause);
  change('retry', 'begin again what was given up', `
Examples:
  $ cdk8s-mesh rollout retry reviews -n shop`, retry);
}

interface Target { readonly plan: Plan; readonly cluster: Cluster; readonly manifests: readonly Json[] }

async function promote(target: Target, options: ChangeOptions): Promise<string> {
  const { plan, cluster } = target;
  if (plan.engine === 'none') {
    const state = options.full === true ? plan.states.filter(({ step }) => step !== undefined).at(-1)! : stateAfter(plan);
    return applied(target, state, options);
  }
  const { spec, status } = plan.object;
  const { pauseConditions, currentStepIndex, currentPodHash, stableRS } = objectOf(status);
  const dryRun = options.dryRun === true;
  const paused = objectsOf(pauseConditions).length > 0;
  const steps = objectsOf(canaryOf(plan.object).steps).length;
  const after = Math.min((numberOf(currentStepIndex) ?? 0) + 1, steps);
  const change = options.full === true ? { promoteFull: true } : { pauseConditions: null, ...(!paused && { currentStepIndex: after }) };
  if (options.full !== true || currentPodHash !== stableRS) await cluster.patchRollout(plan.name, { status: change }, '/status', dryRun);
  if (objectOf(spec).paused === true) await cluster.patchRollout(plan.name, { spec: { paused: false } }, '', dryRun);
  return options.full === true ? 'promoted to the end' : 'promoted';
}

async function abort(target: Target, options: ChangeOptions): Promise<string> {
  const { plan, cluster } = target;
  if (plan.engine === 'none') return applied(target, givenUp(plan), options);
  await cluster.patchRollout(plan.name, { status: { abort: true } }, '/status', options.dryRun === true);
  return 'given up';
}

async function pause({ plan, cluster }: Target, options: ChangeOptions): Promise<string> {
  if (plan.engine === 'none') throw new UsageError(`MESH_ENGINE_LIMIT: a rollout is paused that an engine takes on, got ${plan.name} without one; it stands still until it is promoted`);
  await cluster.patchRollout(plan.name, { spec: { paused: true } }, '', options.dryRun === true);
  return 'paused';
}

async function retry(target: Target, options: ChangeOptions): Promise<string> {
  const { plan, cluster } = target;
  if (plan.engine === 'none') return applied(target, plan.states[0], options);
  await cluster.patchRollout(plan.name, { status: { abort: false } }, '/status', options.dryRun === true);
  return 'begun again';
}

/** Routes of a state, after everything that they lead to is there. */
async function applied({ plan, cluster, manifests }: Target, state: PlannedState, options: ChangeOptions): Promise<string> {
  requireSafe(plan, state, manifests);
  const rules = manifests.filter(({ kind }) => kind === 'DestinationRule').flatMap(({ spec }) => objectsOf(objectOf(spec).subsets));
  for (const version of state.weight === 0 && state === givenUp(plan) ? [plan.stable] : [plan.stable, plan.canary]) {
    const subset = rules.find(({ name }) => name === version);
    if (subset === undefined || !await cluster.hasReadyPod(objectOf(subset.labels))) {
      throw unsafe(`versions have a subset and a ready pod before they get requests, got ${subset === undefined ? 'no subset' : 'no ready pod'} of ${version}; apply and wait`);
    }
  }
  await cluster.applyRoutes(state.manifests[0], options.force === true, options.dryRun === true);
  return state.name;
}

function requireSafe(plan: Plan, state: PlannedState, manifests: readonly Json[]): void {
  const because = failureIn(plan, state, manifests);
  if (because === undefined) return;
  throw unsafe(`every step must serve all requests, got ${because} in ${state.name}; see that both versions run`);
}

/** A finding, as those of `analyze` are: exit code 1. */
function unsafe(rule: string): InputError {
  return new InputError([new MeshError('MESH_CANARY_BREAKS', rule)]);
}

function givenUp(plan: Plan): PlannedState { return plan.states.at(-1)!; }

/** The state of a step; without one the state after the current one. */
function stateAfter(plan: Plan, to?: number): PlannedState {
  const steps = plan.states.filter(({ step }) => step !== undefined);
  if (to !== undefined) {
    if (steps[to] === undefined) throw new UsageError(`MESH_STEP_INVALID: a step of ${plan.name} is from 0 to ${steps.length - 1}, got ${to}`);
    return steps[to];
  }
  if (plan.current === undefined) throw new UsageError(`MESH_STEP_INVALID: the routes of ${plan.name} are those of one of its steps, got others; name a step by --to`);
  const next = nextStep(plan);
  if (next === undefined) throw new UsageError(`MESH_STEP_INVALID: a step that comes after another, got ${plan.name} at its last, ${plan.current}`);
  return next;
}

/** What is read, from files or from the cluster, and the rollouts in it. */
async function find(args: readonly string[], options: ClusterOptions, io: Io): Promise<{ plans: Plan[]; manifests: readonly Json[] }> {
  if (args.some(each => existsSync(resolve(io.cwd, each))) || args.length > 1) {
    const manifests = documents(args, io);
    const plans = plansIn(manifests);
    if (plans.length === 0) throw unknown(undefined, args.join(' '), []);
    return { plans, manifests };
  }
  const manifests = await clusterOf(options, io).manifests();
  return { plans: [one(plansIn(manifests), args[0], `namespace ${options.namespace}`)], manifests };
}

function documents(paths: readonly string[], io: Io): Json[] {
  return readWholeInput(paths, io).resources.map(({ document }) => document);
}

/** The rollout of a name; without a name the only one. */
function one(plans: readonly Plan[], name: string | undefined, where: string): Plan {
  const found = plans.filter(plan => name === undefined || plan.name === name);
  if (found.length !== 1) throw unknown(name, where, plans.map(plan => plan.name));
  return found[0];
}

function unknown(name: string | undefined, where: string, known: readonly string[]): UsageError {
  const got = name ?? (known.length === 0 ? 'none' : known.join(', '));
  const meant = name === undefined ? (known.length > 1 ? 'name one by --name' : '') : didYouMean(name, known);
  return new UsageError(`[${where}] MESH_ROLLOUT_UNKNOWN: a rollout that is there, got ${got}${meant === '' ? '' : `; ${meant}`}`);
}

function clusterOf({ kubeconfig, context, namespace }: ClusterOptions, io: Io): Cluster {
  return new Cluster(readAccess(io, kubeconfig, context), namespace, io.signal);
}

function inCluster(command: Command): Command {
  return command
    .option('-n, --namespace <namespace>', 'namespace of the rollout in the cluster', 'default')
    .option('--kubeconfig <file>', 'kubeconfig of the cluster (default: KUBECONFIG, or ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig');
}

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number from 0.');
  return Number(text);
}
