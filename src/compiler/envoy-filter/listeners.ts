import { clone } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { changeList } from './list';
import { chainMatches, filterAnchor, listenerFilterAnchor, listenerMatches, subFilterAnchor } from './listener-match';
import type { ListenerSite } from './listener-match';
import { mergeAny, mergeInto } from './merge';
import { addsIn, isMerge, valueAs } from './patch';
import type { ApplyTo, Patch, PatchContext } from './patch';
import { count } from './patch-set';
import type { PatchSet, Places } from './patch-set';
import { patchRoutes } from './routes';
import { pack, unpack } from '../../xds/any';
import type { Filter, FilterChain } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import { FilterChainSchema, FilterSchema, ListenerFilterSchema } from '../../xds/gen/envoy/config/listener/v3/listener_components_pb';
import type { Listener } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import { ListenerSchema } from '../../xds/gen/envoy/config/listener/v3/listener_pb';
import type { HttpConnectionManager, HttpFilter } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { HttpConnectionManagerSchema, HttpFilterSchema } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { registry } from '../../xds/registry';

const HTTP_CONNECTION_MANAGER = 'envoy.filters.network.http_connection_manager';
const WITHIN: readonly ApplyTo[] = ['LISTENER', 'LISTENER_FILTER', 'FILTER_CHAIN', 'NETWORK_FILTER', 'HTTP_FILTER'];
const OF_ROUTES: readonly ApplyTo[] = ['ROUTE_CONFIGURATION', 'VIRTUAL_HOST', 'HTTP_ROUTE'];

/** Everything that patches one listener. */
interface Work {
  readonly set: PatchSet;
  readonly site: ListenerSite;
  readonly places: Places;
  readonly of: (applyTo: ApplyTo) => readonly Patch[];
}

/** A listener after all patches of it and of what it holds; undefined where it was removed. */
export function patchListener(set: PatchSet, site: ListenerSite, places: Places): Listener | undefined {
  const about = WITHIN.map(applyTo => [applyTo, set.of(applyTo).filter(patch => listenerMatches(patch, site))] as const);
  const table = new Map(about.filter(([, patches]) => patches.length > 0));
  const inline = site.context === 'SIDECAR_INBOUND' && OF_ROUTES.some(applyTo => set.of(applyTo).length > 0);
  if (table.size === 0 && !inline) return site.listener;
  const listener = clone(ListenerSchema, site.listener);
  const work: Work = { set, site, places, of: applyTo => table.get(applyTo) ?? [] };
  for (const patch of work.of('LISTENER')) {
    if (patch.operation === 'REMOVE') {
      count(places, patch, 1);
      return undefined;
    }
    const value = valueAs(patch, 'LISTENER');
    if (!isMerge(patch) || value === undefined) continue;
    mergeInto(ListenerSchema, listener, value, { replaceLists: patch.operation === 'MERGE_AND_REPLACE_LIST' });
    count(places, patch, 1);
  }
  patchListenerFilters(work, listener);
  patchChains(work, listener);
  return listener;
}

/** Listeners that patches bring along. */
export function addedListeners(set: PatchSet, context: PatchContext, places: Places): Listener[] {
  return set.of('LISTENER').flatMap((patch) => {
    const value = valueAs(patch, 'LISTENER');
    if (!addsIn(patch, context) || value === undefined) return [];
    count(places, patch, 1);
    return [clone(ListenerSchema, value)];
  });
}

function patchListenerFilters(work: Work, listener: Listener): void {
  for (const patch of work.of('LISTENER_FILTER')) {
    const name = listenerFilterAnchor(patch);
    const value = valueAs(patch, 'LISTENER_FILTER');
    if (patch.operation === 'MERGE') {
      const targets = listener.listenerFilters.filter(filter => filter.name === name);
      targets.forEach(filter => value && mergeFilter(filter, { ...value, name: '' }));
      count(work.places, patch, targets.length);
      continue;
    }
    const anchor = name === undefined ? undefined : (filter: { name: string }) => filter.name === name;
    const changed = changeList(listener.listenerFilters, patch, value && clone(ListenerFilterSchema, value), anchor);
    listener.listenerFilters = [...changed.list];
    count(work.places, patch, changed.places);
  }
}

function patchChains(work: Work, listener: Listener): void {
  const patched = (chain: FilterChain): FilterChain[] => (patchChain(work, chain) ? [chain] : []);
  listener.filterChains = listener.filterChains.flatMap(patched);
  if (listener.defaultFilterChain !== undefined && !patchChain(work, listener.defaultFilterChain)) listener.defaultFilterChain = undefined;
  for (const patch of work.of('FILTER_CHAIN')) {
    const value = valueAs(patch, 'FILTER_CHAIN');
    if (patch.operation !== 'ADD' || value === undefined) continue;
    listener.filterChains.push(clone(FilterChainSchema, value));
    count(work.places, patch, 1);
  }
}

/** Whether the chain stays. */
function patchChain(work: Work, chain: FilterChain): boolean {
  for (const patch of work.of('FILTER_CHAIN')) {
    if (!chainMatches(patch, work.site, chain)) continue;
    if (patch.operation === 'REMOVE') {
      count(work.places, patch, 1);
      return false;
    }
    const value = valueAs(patch, 'FILTER_CHAIN');
    if (!isMerge(patch) || value === undefined) continue;
    if (!mergeSocket(chain, value)) mergeInto(FilterChainSchema, chain, value, { replaceLists: patch.operation === 'MERGE_AND_REPLACE_LIST' });
    count(work.places, patch, 1);
  }
  patchNetworkFilters(work, chain);
  return true;
}

/** A socket of the same name takes the settings of the given one; whether that is what the patch was about. */
function mergeSocket(chain: FilterChain, { transportSocket: given }: FilterChain): boolean {
  const own = chain.transportSocket;
  if (given === undefined || own === undefined || given.name !== own.name) return false;
  if (own.configType.case === 'typedConfig' && given.configType.case === 'typedConfig') {
    own.configType = { case: 'typedConfig', value: mergeAny(registry, own.configType.value, given.configType.value) };
  }
  return true;
}

function patchNetworkFilters(work: Work, chain: FilterChain): void {
  const patches = work.of('NETWORK_FILTER').filter(patch => chainMatches(patch, work.site, chain));
  for (const patch of patches) {
    const name = filterAnchor(patch);
    const value = valueAs(patch, 'NETWORK_FILTER');
    const anchor = name === undefined ? undefined : (filter: Filter) => filter.name === name;
    const changed = changeList(chain.filters, patch, value && clone(FilterSchema, value), anchor);
    chain.filters = [...changed.list];
    count(work.places, patch, changed.places);
  }
  for (const filter of chain.filters) {
    for (const patch of patches.filter(mergesFilter)) {
      const name = filterAnchor(patch);
      const value = valueAs(patch, 'NETWORK_FILTER');
      if (value === undefined || (name !== undefined && name !== filter.name) || !mergeFilter(filter, value)) continue;
      count(work.places, patch, 1);
    }
    if (filter.name === HTTP_CONNECTION_MANAGER) patchManager(work, chain, filter);
  }
}

function patchManager(work: Work, chain: FilterChain, filter: Filter): void {
  const patches = work.of('HTTP_FILTER').filter((patch) => {
    const name = filterAnchor(patch);
    return chainMatches(patch, work.site, chain) && (name === undefined || name === filter.name);
  });
  const manager = filter.configType.case === 'typedConfig' ? unpack(filter.configType.value, HttpConnectionManagerSchema) : undefined;
  if (manager === undefined) return;
  const own = work.site.context === 'SIDECAR_INBOUND' && patchInlineRoutes(work, manager);
  if (patches.length > 0) patchHttpFilters(patches, manager, work.places);
  if (own || patches.length > 0) filter.configType = { case: 'typedConfig', value: pack(HttpConnectionManagerSchema, manager) };
}

/** Inbound routes stand in the listener itself; whether they changed. */
function patchInlineRoutes({ set, places }: Work, manager: HttpConnectionManager): boolean {
  if (manager.routeSpecifier.case !== 'routeConfig') return false;
  const before = manager.routeSpecifier.value;
  manager.routeSpecifier.value = patchRoutes(set, { context: 'SIDECAR_INBOUND', serverPorts: [] }, before, places);
  return manager.routeSpecifier.value !== before;
}

function patchHttpFilters(patches: readonly Patch[], manager: HttpConnectionManager, places: Places): void {
  const named = (patch: Patch, filter: HttpFilter): boolean => {
    const name = subFilterAnchor(patch);
    return name === undefined || name === filter.name;
  };
  for (const patch of patches) {
    const value = valueAs(patch, 'HTTP_FILTER');
    const anchor = subFilterAnchor(patch) === undefined ? undefined : (filter: HttpFilter) => named(patch, filter);
    const changed = changeList(manager.httpFilters, patch, value && clone(HttpFilterSchema, value), anchor);
    manager.httpFilters = [...changed.list];
    count(places, patch, changed.places);
  }
  for (const filter of manager.httpFilters) {
    for (const patch of patches.filter(mergesFilter)) {
      const value = valueAs(patch, 'HTTP_FILTER');
      if (value !== undefined && named(patch, filter) && mergeFilter(filter, value)) count(places, patch, 1);
    }
  }
}

/** The form that replaces lists is for whole listeners, chains and the like: filters know only the other. */
const mergesFilter = ({ operation }: Patch): boolean => operation === 'MERGE';

interface AnyFilter { name: string; configType: { case: string | undefined; value?: unknown } }

/** A filter of any level takes the name and settings of the given one; false where it has no settings to merge into. */
function mergeFilter(filter: AnyFilter, given: AnyFilter): boolean {
  if (filter.configType.case !== 'typedConfig') return false;
  if (given.name !== '') filter.name = given.name;
  if (given.configType.case === 'typedConfig') {
    filter.configType = { case: 'typedConfig', value: mergeAny(registry, filter.configType.value as Any, given.configType.value as Any) };
  }
  return true;
}
