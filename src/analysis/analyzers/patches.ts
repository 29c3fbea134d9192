import type { Model } from '../../model/model';
import { proxyOf } from '../../model/proxy';
import type { Proxy } from '../../model/proxy';
import type { Resource } from '../../model/resource';
import type { Context } from '../rules/context';
import type { ConfigPatch, EnvoyFilterSpec } from '../rules/envoy-filter';
import { KNOWN_KINDS } from '../schema/check';

/** Says in how many places of each proxy the patches of an EnvoyFilter must take hold: a JSON array, one entry per patch, `1` exactly or `"1+"` at least. */
export const EXPECT_MATCHES = 'cdk8s-mesh.dev/expect-matches';

const COMPARE = 'compare its match with what `cdk8s-mesh compile --proxy` prints';

/** Proxies that are compiled for one EnvoyFilter. Those of one namespace and type hardly differ, so one of each goes first. */
const PROXIES = 24;

/** Patches that take hold nowhere, or elsewhere than somebody expected: Istio says nothing of either. */
export function patchPlaces(context: Context): void {
  const filters = context.sound<EnvoyFilterSpec>('EnvoyFilter').filter(({ spec }) => (spec?.configPatches ?? []).length > 0);
  if (filters.length === 0) return;
  const model = soundModel(context);
  // Loaded here: the compiler brings the descriptors of all of Envoy's messages, whose making takes longer than most analyses.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { createCompiler } = require('../../compiler/compiler') as typeof import('../../compiler/compiler');
  const compiler = createCompiler(model);
  const proxies = inTurns(model.workloads.map(workload => proxyOf(model, workload)));
  const asked = new Map<Proxy, ReturnType<typeof compiler.patchMatches>>();
  const reportsOf = (proxy: Proxy): ReturnType<typeof compiler.patchMatches> => {
    const known = asked.get(proxy) ?? compiler.patchMatches(proxy);
    asked.set(proxy, known);
    return known;
  };
  for (const filter of filters) {
    const { namespace } = filter.metadata;
    const about = proxies.filter(proxy => proxy.namespace === namespace || namespace === model.config.rootNamespace).slice(0, PROXIES);
    const expected = expectations(filter as Resource);
    filter.spec.configPatches!.forEach((patch, index) => {
      const found = about.filter(proxy => isFor(patch, proxy)).flatMap(reportsOf)
        .filter(each => each.resource === filter as unknown && each.index === index && each.problem === undefined);
      report(context, filter as Resource, index, found.map(({ places }) => places), expected?.[index]);
    });
  }
}

/** The model without resources of a shape that the compiler cannot walk; what is wrong with them is told elsewhere. */
function soundModel({ model, sound }: Context): Model {
  const lists = new Map<string, readonly Resource[]>();
  const broken = KNOWN_KINDS.filter(kind => sound(kind).length < model.of(kind).length);
  for (const kind of broken) lists.set(kind, sound<Record<string, unknown>>(kind));
  return broken.length === 0 ? model : { ...model, of: kind => lists.get(kind) ?? model.of(kind) };
}

function report(context: Context, filter: Resource, index: number, places: readonly number[], expected: unknown): void {
  if (places.length === 0) return; // about no proxy here, or refused for its own sake
  const path = ['spec', 'configPatches', index];
  const most = Math.max(...places);
  const wanted = /^(\d+)(\+?)$/.exec(String(expected));
  if (wanted === null) {
    if (most > 0) return;
    return context.report(filter, path, {
      code: 'MESH_PATCH_UNMATCHED',
      severity: 'warning',
      message: `a patch must find what it is about, got nothing in any of ${places.length} proxies`,
      repair: COMPARE,
    });
  }
  const [number, atLeast] = [Number(wanted[1]), wanted[2] === '+'];
  const off = places.find(count => (atLeast ? count < number : count !== number));
  if (off === undefined) return;
  context.report(filter, path, {
    code: 'MESH_PATCH_PLACES',
    message: `a patch must take hold in ${atLeast ? 'at least ' : ''}${number} ${number === 1 ? 'place' : 'places'} of each proxy, got ${off}`,
    repair: COMPARE,
  });
}

function expectations({ metadata }: Resource): readonly unknown[] | undefined {
  const text = metadata.annotations?.[EXPECT_MATCHES];
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the context of a patch is that of a proxy. */
function isFor({ match }: ConfigPatch, { type }: Proxy): boolean {
  const context = match?.context ?? 'ANY';
  return context === 'ANY' || (context === 'GATEWAY') === (type === 'router');
}

/** The first of each namespace and type, then the second of each, and so on. */
function inTurns(proxies: readonly Proxy[]): Proxy[] {
  const turns = new Map<string, number>();
  const turn = proxies.map(({ namespace, type }) => {
    const key = `${namespace} ${type}`;
    turns.set(key, (turns.get(key) ?? 0) + 1);
    return turns.get(key)!;
  });
  const order = proxies.map((_proxy, index) => index).sort((a, b) => turn[a]! - turn[b]! || a - b);
  return order.map(index => proxies[index]!);
}
