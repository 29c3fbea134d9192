import { isObject } from '../../model/json';
import type { Path } from '../finding';
import { fieldOf } from '../finding';
import { exclusiveTargets, quote, selectorRules } from './common';
import type { TargetRef } from './common';
import { reporter } from './context';
import type { Context, Reporter } from './context';
import { patchValueRules, todaysName } from './patch-value';
import { regexFault } from './predicates';

/** One patch of an EnvoyFilter. */
export interface ConfigPatch {
  readonly applyTo?: string;
  readonly match?: {
    readonly context?: string;
    readonly proxy?: { readonly proxyVersion?: string };
    readonly listener?: { readonly filterChain?: { readonly filter?: { readonly name?: string; readonly subFilter?: { readonly name?: string } } } };
    readonly routeConfiguration?: unknown;
    readonly cluster?: unknown;
    readonly waypoint?: unknown;
  };
  readonly patch?: { readonly operation?: string; readonly value?: unknown };
}

/** An EnvoyFilter as far as rules read it. */
export interface EnvoyFilterSpec {
  readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
  readonly targetRefs?: readonly TargetRef[];
  readonly priority?: number;
  readonly configPatches?: readonly ConfigPatch[];
}

type MatchKind = 'listener' | 'routeConfiguration' | 'cluster';

/** Which part of a match speaks of the thing a patch applies to. */
const MATCH_OF: Readonly<Record<string, MatchKind>> = {
  LISTENER: 'listener',
  FILTER_CHAIN: 'listener',
  NETWORK_FILTER: 'listener',
  HTTP_FILTER: 'listener',
  ROUTE_CONFIGURATION: 'routeConfiguration',
  VIRTUAL_HOST: 'routeConfiguration',
  HTTP_ROUTE: 'routeConfiguration',
  CLUSTER: 'cluster',
};

const HCM = new Set(['envoy.filters.network.http_connection_manager', 'envoy.http_connection_manager']);

/** istio-validation §1.10, EnvoyFilter, and its analyzer (IST0151 to IST0155). */
export function envoyFilterRules(context: Context): void {
  for (const resource of context.sound<EnvoyFilterSpec>('EnvoyFilter')) {
    const at = reporter(context, resource);
    const spec = resource.spec ?? {};
    at.doubtful([], 'MESH_ENVOY_FILTER', 'an EnvoyFilter changes what Istio generates, which any version may generate otherwise', 'use a resource of Istio where one does the same');
    if (spec.workloadSelector !== undefined) selectorRules(at, spec.workloadSelector.labels, ['spec', 'workloadSelector']);
    exclusiveTargets(at, spec, spec.workloadSelector === undefined ? [] : ['workloadSelector']);
    const versioned = new Set<string>();
    spec.configPatches?.forEach((patch, index) => {
      const path = ['spec', 'configPatches', index];
      if (patch.match?.context === 'WAYPOINT') return;
      patchRules(at, patch, path);
      orderRules(at, patch, spec.priority ?? 0, versioned, path);
    });
  }
}

function patchRules(at: Reporter, { applyTo = 'INVALID', match = {}, patch }: ConfigPatch, path: Path): void {
  const fault = (place: Path, message: string, repair: string) => at.invalid(place, 'MESH_PATCH_INVALID', message, repair);
  if (applyTo === 'INVALID') fault(path, `${fieldOf(path)} says what it applies to, got none`, 'add applyTo');
  if (patch === undefined) fault(path, `${fieldOf(path)} has a patch, got none`, 'add patch');
  else if ((patch.operation ?? 'INVALID') === 'INVALID') fault([...path, 'patch'], `${fieldOf(path)}.patch has an operation, got none`, 'add operation');
  else if (patch.operation !== 'REMOVE' && patch.value === undefined) fault([...path, 'patch'], `${fieldOf(path)}.patch has a value unless it removes, got none`, 'add value');
  versionRules(at, match.proxy?.proxyVersion, [...path, 'match', 'proxy', 'proxyVersion']);
  const kind = MATCH_OF[applyTo];
  for (const given of ['listener', 'routeConfiguration', 'cluster', 'waypoint'] as const) {
    if (match[given] !== undefined && kind !== undefined && kind !== given) {
      fault([...path, 'match', given], `a patch of ${applyTo} is matched by ${kind}, got ${given}`, `write match.${kind}`);
    }
  }
  filterMatch(at, applyTo, match, path);
  if (isObject(patch?.value)) patchValueRules(at, applyTo, patch.value, [...path, 'patch', 'value']);
}

function versionRules(at: Reporter, version: string | undefined, path: Path): void {
  if (version === undefined || version === '') return;
  if (version.length > 1024) return at.doubtful(path, 'MESH_REGEX_INVALID', `proxyVersion longer than 1024 characters is ignored, got ${version.length}`, 'shorten it');
  const reason = regexFault(version);
  if (reason !== undefined) at.invalid(path, 'MESH_REGEX_INVALID', `proxyVersion is a regular expression of RE2, got ${quote(version)}: ${reason}`, 'correct the expression');
}

function filterMatch(at: Reporter, applyTo: string, match: NonNullable<ConfigPatch['match']>, path: Path): void {
  const filter = match.listener?.filterChain?.filter;
  if (filter === undefined) return;
  const place = [...path, 'match', 'listener', 'filterChain', 'filter'];
  const fault = (message: string, repair: string) => at.invalid(place, 'MESH_PATCH_INVALID', message, repair);
  if (applyTo === 'LISTENER' || applyTo === 'FILTER_CHAIN') {
    at.doubtful(place, 'MESH_PATCH_INERT', `a match by filter has no effect on ${applyTo}, got one`, 'remove it, or apply to NETWORK_FILTER');
  }
  for (const [name, field] of [[filter.name, ['name']], [filter.subFilter?.name, ['subFilter', 'name']]] as const) {
    const today = todaysName(field.length === 2 ? 'HTTP_FILTER' : '', name ?? '');
    if (today !== undefined) at.doubtful([...place, ...field], 'MESH_FIELD_DEPRECATED', `a filter is matched by its name of today, got ${name}`, `write ${today}`);
  }
  if ((filter.name ?? '') === '') fault('a match by filter names the filter, got none', 'add name');
  if (filter.subFilter === undefined) return;
  if (applyTo !== 'HTTP_FILTER') fault(`subFilter belongs to HTTP_FILTER, got applyTo ${applyTo}`, 'remove subFilter');
  else if (!HCM.has(filter.name ?? '')) fault(`subFilter lies in envoy.filters.network.http_connection_manager, got filter ${quote(filter.name)}`, 'correct the filter\'s name');
  if ((filter.subFilter.name ?? '') === '') fault('subFilter has a name, got none', 'add name');
}

const RELATIVE: ReadonlySet<string> = new Set(['INSERT_BEFORE', 'INSERT_AFTER', 'REPLACE', 'REMOVE']);
const REPLACEABLE: ReadonlySet<string> = new Set(['NETWORK_FILTER', 'HTTP_FILTER', 'VIRTUAL_HOST']);

/** Operations whose effect depends on other EnvoyFilters, or that have none. */
function orderRules(at: Reporter, { applyTo = '', match, patch }: ConfigPatch, priority: number, versioned: Set<string>, path: Path): void {
  const operation = patch?.operation ?? '';
  const place = [...path, 'patch', 'operation'];
  const value = patch?.value;
  const name = isObject(value) && typeof value.name === 'string' ? value.name : '';
  const onRoutes = ['ROUTE_CONFIGURATION', 'HTTP_ROUTE'].includes(applyTo);
  const acts = operation === 'REPLACE' ? REPLACEABLE.has(applyTo) : operation !== 'REMOVE' || !onRoutes;
  if (priority === 0 && acts && RELATIVE.has(operation)) {
    const code = name !== '' && versioned.has(name) ? 'IST0155' : 'IST0151';
    at.doubtful(place, 'MESH_PATCH_ORDER', `what ${operation} finds depends on the order of EnvoyFilters, got priority 0`, 'set priority, or use INSERT_FIRST or ADD', code);
  }
  if (name !== '' && (match?.proxy?.proxyVersion ?? '') !== '') versioned.add(name);
  const inert = (istioCode: string) => at.say(place, {
    code: 'MESH_PATCH_INERT', istioCode, message: `${operation} has no effect on ${applyTo}, got it`, repair: 'use MERGE',
  });
  if (operation === 'REPLACE' && !REPLACEABLE.has(applyTo)) inert('IST0152');
  if (onRoutes) {
    if (operation === 'ADD') inert('IST0153');
    if (operation === 'REMOVE') inert('IST0154');
  }
}
