import type { PluginSpec, TrafficSelector, WasmSpec } from './spec';
import type { Resource } from '../../model/resource';
import { byAge } from '../../model/resource';
import type { Direction } from '../direction';
import { istioAtLeast } from '../istio-version';
import { attached } from '../scope/attachment';
import type { View } from '../view';

export type Phase = 'AUTHN' | 'AUTHZ' | 'STATS' | 'UNSPECIFIED';

/** A WasmPlugin or TrafficExtension about one proxy. */
export interface Extension {
  /** Under which it stands in filter chains, and is asked for. */
  readonly name: string;
  readonly resource: Resource;
  readonly phase: Phase;
  readonly priority: number;
  /** Where traffic passes it: as requests, or as bytes. */
  readonly type: 'HTTP' | 'NETWORK';
  readonly match: readonly TrafficSelector[];
  /** Either of the two. */
  readonly wasm?: WasmSpec;
  readonly lua?: string;
}

const NONE: readonly Extension[] = [];

/** Everything that runs in a proxy: by phase; in a phase the higher priority first, then the proxy's own namespace, then the older (istio-behaviour H5). */
export function extensionsOf(view: View): readonly Extension[] {
  const { mesh, proxy } = view;
  if (mesh.model.of('WasmPlugin').length + mesh.model.of('TrafficExtension').length === 0) return NONE;
  return mesh.memo.get('extensions', [view.facetKey], () => {
    const plugins = attached<PluginSpec>(mesh.model, 'WasmPlugin', proxy).map(resource => fromPlugin(resource, istioAtLeast(proxy, 1, 30)));
    const own = attached<PluginSpec & { readonly wasm?: WasmSpec; readonly lua?: { readonly inlineCode?: string } }>(mesh.model, 'TrafficExtension', proxy)
      .flatMap(({ spec, ...rest }) => (spec.wasm === undefined && spec.lua === undefined ? [] : [
        extension({ spec, ...rest }, `${TRAFFIC_EXTENSION}${idOf(rest)}`, { wasm: spec.wasm, lua: spec.wasm === undefined ? spec.lua?.inlineCode ?? '' : undefined }),
      ]));
    const { rootNamespace } = mesh.model.config;
    const rank = ({ resource }: Extension): number => (resource.metadata.namespace === rootNamespace ? 1 : 0);
    return [...plugins, ...own].sort((a, b) => (
      PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase) || b.priority - a.priority || rank(a) - rank(b) || byAge(a.resource, b.resource)));
  });
}

export const PHASES: readonly Phase[] = ['AUTHN', 'AUTHZ', 'STATS', 'UNSPECIFIED'];
const TRAFFIC_EXTENSION = 'extensions.istio.io/trafficextension/';
const WASM_PLUGIN = 'extensions.istio.io/wasmplugin/';

const idOf = ({ metadata }: Pick<Resource, 'metadata'>): string => `${metadata.namespace}.${metadata.name}`;

/** istiod reads a WasmPlugin as a TrafficExtension, and since 1.30 names it so. */
function fromPlugin(resource: Resource<PluginSpec>, renamed: boolean): Extension {
  const name = renamed ? `${TRAFFIC_EXTENSION}${idOf(resource)}~istio-translated-wasmplugin` : `${WASM_PLUGIN}${idOf(resource)}`;
  return extension(resource, name, { wasm: resource.spec });
}

function extension(resource: Resource<PluginSpec>, name: string, code: Pick<Extension, 'wasm' | 'lua'>): Extension {
  const { phase, priority, match } = resource.spec;
  return {
    name,
    resource: resource as unknown as Resource,
    phase: PHASES.find(each => each === phase) ?? 'UNSPECIFIED',
    priority: priority ?? Number.NEGATIVE_INFINITY,
    type: code.wasm?.type === 'NETWORK' ? 'NETWORK' : 'HTTP',
    match: match ?? [],
    ...code,
  };
}

/**
 * Those that the traffic of a listener passes, by phase.
 * @param port - that callers dial (outbound), that a server has (gateway), or the application's (inbound: of bytes the service's); 0 where a listener serves all of them, which no selector of ports means
 */
export function extensionsAt(view: View, type: Extension['type'], direction: Direction, port: number): readonly Extension[] {
  const all = extensionsOf(view);
  return all.length === 0 ? all : all.filter(each => each.type === type && passes(each.match, direction, port));
}

function passes(match: readonly TrafficSelector[], direction: Direction, port: number): boolean {
  const side = direction === 'inbound' ? 'SERVER' : 'CLIENT';
  return match.length === 0 || match.some(({ mode, ports }) => (
    (mode === undefined || mode === side || mode === 'UNDEFINED' || mode === 'CLIENT_AND_SERVER')
    && (ports === undefined || ports.length === 0 || ports.some(({ number }) => number === port))));
}
