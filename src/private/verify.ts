import type { IConstruct } from 'constructs';
import { openSidecars } from './egress-rule';
import { finding } from './errors';
import { type MeshOptions, meshOptionsFor, type MeshSettings } from './mesh-settings';
import { renderMesh } from './render';
import type { Finding } from '../analysis';
import type { Explanation } from '../analysis/explain';

/**
 * Fails synthesis with what analysis finds wrong in the manifests below `root`, each finding at the construct that it is about.
 * The one door from the constructs to analysis, opened only where there is a Mesh.
 */
export function verifyAtSynthesis(settings: MeshSettings, root: IConstruct): void {
  let found = new Map<IConstruct, string[]>();
  const listening = new WeakSet<IConstruct>();
  const listen = (construct: IConstruct) => {
    if (listening.has(construct)) return;
    listening.add(construct);
    construct.node.addValidation({ validate: () => found.get(construct) ?? [] });
  };
  // cdk8s validates from the root of a tree on, so what is found here is told by the constructs below when their turn comes.
  root.node.addValidation({
    validate: () => {
      found = errorsByConstruct(root, settings);
      [...found.keys()].filter((construct) => construct !== root).forEach(listen);
      return found.get(root) ?? [];
    },
  });
}

function errorsByConstruct(root: IConstruct, settings: MeshSettings): Map<IConstruct, string[]> {
  const manifests = rendered(root);
  if (manifests === undefined) return new Map();
  const byPath = new Map(root.node.findAll().map((construct) => [construct.node.path, construct]));
  const errors = new Map<IConstruct, string[]>();
  const findings: Finding[] = [...analyze(manifests, root), ...openSidecars(manifests, settings)];
  for (const found of findings) {
    if (found.severity !== 'error') continue;
    const construct = byPath.get(found.path ?? '\0') ?? byPath.get(found.file ?? '\0') ?? settings.mesh;
    errors.set(construct, [...errors.get(construct) ?? [], textOf(found)]);
  }
  return errors;
}

/** What was found below a root the last time. cdk8s validates all of an app once, and once more for each chart that it writes. */
const analyzed = new WeakMap<IConstruct, { readonly input: string; readonly findings: Finding[] }>();

function analyze(manifests: unknown[], root: IConstruct): Finding[] {
  const options = meshOptionsFor(root);
  const input = JSON.stringify([manifests, options]);
  const last = analyzed.get(root);
  if (last?.input === input) return last.findings;
  // Loaded here, so that an app without a Mesh pays nothing for it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const analysis: typeof import('../analysis') = require('../analysis');
  const findings = analysis.analyzeManifests(manifests, options);
  analyzed.set(root, { input, findings });
  return findings;
}

/** What analysis finds in texts of manifests, by the file they were read from. */
export function findingsOf(files: ReadonlyMap<string, string>): Finding[] {
  /* eslint-disable @typescript-eslint/no-require-imports */
  const analysis: typeof import('../analysis') = require('../analysis');
  const { parseManifests }: typeof import('../model/parse') = require('../model/parse');
  /* eslint-enable @typescript-eslint/no-require-imports */
  const parsed = [...files].map(([file, text]) => parseManifests(text, file));
  return analysis.analyzeResources(parsed.flatMap((each) => each.resources), parsed.flatMap((each) => each.errors));
}

function textOf(found: Finding): string {
  const place = [found.resource, found.field].filter((part) => part !== undefined).join(' ');
  const code = found.istioCode === undefined ? '' : ` (${found.istioCode})`;
  const repair = found.repair === undefined ? '' : `; ${found.repair}`;
  return finding(found.code, `${place === '' ? '' : `${place}: `}${found.message}${code}${repair}`);
}

/** Undefined where a manifest cannot be rendered, which synthesis will then say itself. */
function rendered(root: IConstruct): unknown[] | undefined {
  try {
    return renderMesh(root);
  } catch {
    return undefined;
  }
}

/** A state of a rollout: objects in place of those of the same kind and name. */
export interface StateManifests { readonly name: string; readonly manifests: any[] }

/** The states that Argo Rollouts brings a Rollout into, among the manifests of its tree. */
export function argoStatesOf(rollout: any, manifests: unknown[], templates: { stable: any; canary: any }): StateManifests[] {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { argoStates }: typeof import('../analysis/rollout/argo-states') = require('../analysis/rollout/argo-states');
  return argoStates(rollout, manifests as any[], templates);
}

/** For each rule of a VirtualService a request that meets it, where reading its match is enough to find one. */
export function triedRequests(rules: readonly any[]): { readonly rule: string; readonly request: SimulatedRequest }[] {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const requests: typeof import('../analysis/rollout/requests') = require('../analysis/rollout/requests');
  return requests.triedRequests(rules);
}

/** A request as the simulator takes it. */
export interface SimulatedRequest { readonly method: string; readonly path: string; readonly headers: Record<string, string> }

/** What became of a simulated request: the rule that took it, and why some would not be served. */
export interface SimulatedResult { readonly rule: string; readonly failure?: string }

/** Sends requests from one of these workloads through the mesh of these manifests. None where the simulator cannot say for sure. */
export function simulate(
  manifests: unknown[], options: MeshOptions, callers: readonly string[], base: string, requests: readonly SimulatedRequest[],
): SimulatedResult[] {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { Simulator }: typeof import('../testing/simulator') = require('../testing/simulator');
  for (const from of callers) {
    try {
      const simulator = Simulator.ofManifests(manifests, options);
      return requests.map(({ method, path, headers }) => resultOf(simulator.explain({ method, url: `${base}${path}`, headers, from })));
    } catch (error) {
      // a caller that does not run, or a field that is not compiled: said at synthesis by whoever is responsible
      if (!/MESH_[A-Z_]+/.test((error as Error).message)) throw error;
    }
  }
  return [];
}

function resultOf({ rule, targets, outcome, status, flag }: Explanation): SimulatedResult {
  const name = rule?.name ?? '';
  // whom a policy keeps out is kept out at every step: that says nothing about the step
  const failing = targets.find((target) => target.status !== undefined && !/^(rbac_|jwt_|ext_authz_)/.test(target.details ?? ''));
  if (failing !== undefined) return { rule: name, failure: `${failing.percent} % ${failing.status} ${failing.flag ?? ''}`.trim() };
  return { rule: name, failure: outcome === 'failed' ? `${status ?? 'no answer'} ${flag}`.trim() : undefined };
}
