import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { objectOf, textsOf } from '../../model/json';
import { compare } from '../../model/resource';
import { pack } from '../../xds/any';
import { AccessLogSchema } from '../../xds/gen/envoy/config/accesslog/v3/accesslog_pb';
import type { AccessLogFilterSchema, AccessLog } from '../../xds/gen/envoy/config/accesslog/v3/accesslog_pb';
import { ExpressionFilterSchema } from '../../xds/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb';
import type { View } from '../view';
import { meshFormat } from './access-log-format';
import { fileSink, sinkOf } from './access-log-sinks';
import type { Sink } from './access-log-sinks';
import { aboutSide, effectiveProviders, providerNames, telemetryLevels } from './levels';
import type { Side } from './levels';
import { providerNamed } from './providers';

/** Logs of every request and connection that a proxy reports on one side. */
export const accessLogs = (view: View, side: Side): AccessLog[] => (
  view.mesh.memo.get('accessLogs', [view.facetKey, side], () => loggers(view, side).map(logger => accessLog(logger, celFilter(logger.expression)))));

/** Logs of a listener itself: only connections that no filter chain took. */
export const listenerAccessLogs = (view: View, side: Side): AccessLog[] => {
  if (view.mesh.model.config.raw.disableEnvoyListenerLog === true) return [];
  return view.mesh.memo.get('listenerAccessLogs', [view.facetKey, side], () => loggers(view, side).map((logger) => {
    const unmatched: Filter = { filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } } };
    const cel = celFilter(logger.expression);
    return accessLog(logger, cel === undefined ? unmatched : { filterSpecifier: { case: 'andFilter', value: { filters: [unmatched, cel] } } });
  }));
};

type Filter = MessageInitShape<typeof AccessLogFilterSchema>;

interface Logger extends Sink {
  /** Condition of a Telemetry resource. */
  readonly expression?: string;
}

function loggers(view: View, side: Side): Logger[] {
  const { config } = view.mesh.model;
  const asked = [...wanted(view, side)].flatMap(([name, { disabled, expression }]) => {
    const provider = providerNamed(view.mesh, name);
    const sink = provider && sinkOf(view.mesh, provider);
    return sink === undefined ? [] : [{ ...sink, expression, disabled, order: provider?.name ?? name }];
  });
  // Where nobody can be asked, not even to be silent, the mesh's own file remains.
  if (asked.length === 0) return config.accessLogFile === '' ? [] : [fileSink(config.accessLogFile, meshFormat(config))];
  return asked.filter(({ disabled }) => !disabled).sort((a, b) => compare(a.order, b.order));
}

interface Wanted { readonly disabled: boolean; readonly expression?: string }

/** Providers that a side's logs go to, or expressly do not. A condition belongs to the providers that stand beside it, whatever is inherited. */
function wanted(view: View, side: Side): ReadonlyMap<string, Wanted> {
  const levels = telemetryLevels(view).map(({ accessLogging }) => accessLogging ?? []).filter(list => list.length > 0);
  const defaults = textsOf(objectOf(view.mesh.model.config.raw.defaultProviders).accessLogging);
  if (levels.length === 0) return new Map(defaults.map(name => [name, { disabled: false }]));
  const speaking = levels.map(list => list.filter(({ match }) => aboutSide(match, side)));
  const inForce = effectiveProviders(speaking.map(list => list.flatMap(({ providers }) => providerNames(providers))), defaults);
  const conditions = new Map(speaking.flat().flatMap(({ providers, filter }) => (
    providerNames(providers).map(name => [name, filter?.expression] as const))));
  const chosen = new Map<string, Wanted>();
  let inherited: readonly string[] = defaults;
  for (const { providers, disabled, match } of levels.flat()) {
    const own = providerNames(providers);
    // Also what is said for the other side alone is inherited.
    if (own.length > 0) inherited = own;
    if (!aboutSide(match, side)) continue;
    for (const name of inherited.filter(candidate => inForce.has(candidate))) {
      chosen.set(name, disabled === true ? { disabled: true } : { disabled: false, expression: conditions.get(name) });
    }
  }
  return chosen;
}

function celFilter(expression: string | undefined): Filter | undefined {
  if (expression === undefined) return undefined;
  const typedConfig = pack(ExpressionFilterSchema, { expression });
  return {
    filterSpecifier: {
      case: 'extensionFilter',
      value: { name: 'envoy.access_loggers.extension_filters.cel', configType: { case: 'typedConfig', value: typedConfig } },
    },
  };
}

const accessLog = ({ name, config }: Sink, filter: Filter | undefined): AccessLog => (
  create(AccessLogSchema, { name, filter, configType: { case: 'typedConfig', value: config } }));
