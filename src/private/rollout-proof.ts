import { Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { finding } from './errors';
import type { HttpRule } from './http-rule';
import { meshOptionsFor } from './mesh-settings';
import { renderMesh, renderTree } from './render';
import { simulate, triedRequests } from './verify';
import type { MeshService } from '../mesh-service';

/** A state that a rollout passes through. */
export interface RolloutState {
  /** As messages call it. */
  readonly name: string;
  /** The rules whose requests are tried. */
  readonly rules: HttpRule[];
  /** What makes the state out: those that differ in nothing here, as a pause and the step before it, are tried once. */
  readonly sign: unknown;
  /** The mesh in this state; undefined where it cannot be rendered, which synthesis will then say itself. */
  readonly mesh: () => unknown[] | undefined;
}

/** The objects below a construct as they are rendered now. */
export function stateManifests(scope: IConstruct): any[] {
  return renderTree(scope) as any[];
}

/** Every manifest of the chart, or the tree, that a construct stands in; undefined where one cannot be rendered. */
export function meshAround(owner: IConstruct): unknown[] | undefined {
  try {
    return renderMesh(chartOf(owner));
  } catch {
    return undefined;
  }
}

function chartOf(construct: IConstruct): IConstruct {
  return construct.node.scopes.find((scope) => Chart.isChart(scope)) ?? construct.node.root;
}

/** A mesh with some of its objects as they are given here. */
export function replaced(mesh: readonly unknown[], given: readonly any[]): unknown[] {
  const key = ({ kind, metadata }: any) => `${kind}/${metadata?.namespace ?? ''}/${metadata?.name}`;
  const names = new Set(given.map(key));
  return [...mesh.filter((each) => !names.has(key(each))), ...given];
}

/** What would fail, one finding for each state in which a request of the rollout is not served. The requests come from one of the callers, named as the simulator does. */
export function rolloutFailures(owner: IConstruct, service: MeshService, callers: readonly string[], states: readonly RolloutState[]): string[] {
  const tried = new Set<string>();
  const port = service.ports.find((each) => each.isHttp)!.number;
  return states.flatMap(({ name: state, rules, sign, mesh }) => {
    const same = JSON.stringify(sign);
    if (tried.has(same)) return [];
    tried.add(same);
    const asked = triedRequests(rules);
    const manifests = mesh();
    if (manifests === undefined) return [];
    const results = simulate(manifests, meshOptionsFor(chartOf(owner)), callers, `http://${service.name}:${port}`, asked.map(({ request }) => request));
    const named = results.map((result, index) => ({ result, name: asked[index].rule }));
    const broken = named.find(({ result, name }) => result.rule === name && result.failure !== undefined);
    if (broken === undefined) return [];
    return [finding('MESH_CANARY_BREAKS', `every step must serve all requests, got ${broken.result.failure} for route "${broken.name}" in ${state}; see that both versions run and are ready before they get requests`)];
  });
}
