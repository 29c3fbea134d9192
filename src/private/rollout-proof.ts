import { Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { finding } from './errors';
import type { HttpMatch } from './http-match';
import type { HttpRule } from './http-rule';
import { meshOptionsFor } from './mesh-settings';
import { renderMesh, renderTree } from './render';
import { simulate, type SimulatedRequest } from './verify';
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
    const requests = rules.flatMap((rule) => (rule.match ?? [{}]).slice(0, 1).map((match) => ({ rule, request: requestFor(match) })));
    const asked = requests.filter((each): each is { rule: HttpRule; request: SimulatedRequest } => each.request !== undefined);
    const manifests = mesh();
    if (manifests === undefined) return [];
    const results = simulate(manifests, meshOptionsFor(chartOf(owner)), callers, `http://${service.name}:${port}`, asked.map(({ request }) => request));
    const named = results.map((result, index) => ({ result, name: asked[index].rule.name }));
    const broken = named.find(({ result, name }) => result.rule === name && result.failure !== undefined);
    if (broken === undefined) return [];
    return [finding('MESH_CANARY_BREAKS', `every step must serve all requests, got ${broken.result.failure} for route "${broken.name}" in ${state}; see that both versions run and are ready before they get requests`)];
  });
}

/** A request that meets a match; undefined where it takes more than reading the match to find one. */
function requestFor(match: HttpMatch): SimulatedRequest | undefined {
  const { uri, method, headers, queryParams, authority, scheme, withoutHeaders: _absent, ...rest } = match;
  const others = [rest.sourceLabels, rest.sourceNamespace, rest.gateways, rest.port, scheme, authority, uri?.regex, method?.regex];
  if (others.some((condition) => condition !== undefined)) return undefined;
  const sample = ({ exact, prefix, regex }: { exact?: string; prefix?: string; regex?: string }) =>
    exact ?? prefix ?? (regex === undefined ? 'x' : cookieIn(regex));
  const fields = Object.entries(headers ?? {}).map(([name, condition]) => [name, sample(condition)] as const);
  const query = Object.entries(queryParams ?? {}).map(([name, condition]) => [name, sample(condition)] as const);
  if ([...fields, ...query].some(([, value]) => value === undefined)) return undefined;
  const search = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value!)}`).join('&');
  return {
    method: method?.exact ?? method?.prefix ?? 'GET',
    path: `${uri?.exact ?? uri?.prefix ?? '/'}${search === '' ? '' : `?${search}`}`,
    headers: Object.fromEntries(fields) as Record<string, string>,
  };
}

/** The cookie that our own expressions look for. */
function cookieIn(regex: string): string | undefined {
  const [, cookie] = /^\(\.\*;\[ \]\*\)\?([^]*)\(;\.\*\)\?$/.exec(regex) ?? [];
  return cookie?.replace(/\\([^])/g, '$1');
}
