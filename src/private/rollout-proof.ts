import { Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { finding } from './errors';
import type { HttpMatch } from './http-match';
import type { HttpRule } from './http-rule';
import { meshOptionsFor } from './mesh-settings';
import { renderMesh, renderTree } from './render';
import { simulate, type SimulatedRequest } from './verify';
import type { MeshService } from '../mesh-service';
import type { MeshVersion } from '../mesh-version';

/** A state that a rollout passes through. */
export interface RolloutState {
  /** As messages call it. */
  readonly name: string;
  readonly service: MeshService;
  /** Whose pods ask. */
  readonly callers: MeshVersion[];
  /** Calls back while the tree renders this state. */
  readonly render: <T>(produce: () => T) => T;
  readonly rules: () => HttpRule[];
}

/** The objects below a construct as they are rendered now. */
export function stateManifests(scope: IConstruct): any[] {
  return renderTree(scope) as any[];
}

/** What would fail, one finding for each state in which a request of the rollout is not served. */
export function rolloutFailures(owner: IConstruct, states: readonly RolloutState[]): string[] {
  const root = owner.node.scopes.find((scope) => Chart.isChart(scope)) ?? owner.node.root;
  const tried = new Set<string>();
  return states.flatMap((state) => {
    const rules = state.rules();
    const same = JSON.stringify(rules);
    if (tried.has(same)) return []; // a pause, say
    tried.add(same);
    const requests = rules.flatMap((rule) => (rule.match ?? [{}]).slice(0, 1).map((match) => ({ rule, request: requestFor(match) })));
    const asked = requests.filter((each): each is { rule: HttpRule; request: SimulatedRequest } => each.request !== undefined);
    const port = state.service.ports.find((each) => each.isHttp)!.number;
    const callers = state.callers.map(({ workload }) => `${workload.name}.${state.service.namespace ?? 'default'}`);
    const manifests = state.render(() => rendered(root));
    if (manifests === undefined) return [];
    const results = simulate(manifests, meshOptionsFor(root), callers, `http://${state.service.name}:${port}`, asked.map(({ request }) => request));
    const named = results.map((result, index) => ({ result, name: asked[index].rule.name }));
    const broken = named.find(({ result, name }) => result.rule === name && result.failure !== undefined);
    if (broken === undefined) return [];
    return [finding('MESH_CANARY_BREAKS', `every step must serve all requests, got ${broken.result.failure} for route "${broken.name}" in ${state.name}; see that both versions run and are ready before they get requests`)];
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

/** Undefined where a manifest cannot be rendered, which synthesis will then say itself. */
function rendered(root: IConstruct): unknown[] | undefined {
  try {
    return renderMesh(root);
  } catch {
    return undefined;
  }
}
