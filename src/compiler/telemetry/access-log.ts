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
  const entries = telemetryLevels(view).map(({ accessLogging }) => accessLogging ?? []).filter(list => list.length > 0);
  const defaults = textsOf(objectOf(config.raw.defaultProviders).accessLogging);
  if (entries.length === 0 && defaults.length === 0) {
    return config.accessLogFile === '' ? [] : [fileSink(config.accessLogFile, meshFormat(config))];
  }
  const speaking = entries.map(list => list.filter(({ match }) => aboutSide(match, side)));
  const inForce = effectiveProviders(speaking.map(list => list.flatMap(({ providers }) => providerNames(providers))), defaults);
  const chosen = new Map<string, string | undefined>(entries.length === 0 ? defaults.map(name => [name, undefined]) : []);
  let inherited: readonly string[] = defaults;
  for (const { providers, disabled, filter } of speaking.flat()) {
    const own = providerNames(providers);
    if (own.length > 0) inherited = own;
    for (const name of inherited.filter(candidate => inForce.has(candidate))) {
      if (disabled === true) chosen.delete(name);
      else chosen.set(name, filter?.expression);
    }
  }
  return [...chosen].sort(([a], [b]) => compare(a, b)).flatMap(([name, expression]) => {
    const provider = providerNamed(view.mesh, name);
    const sink = provider && sinkOf(view.mesh, provider);
    return sink === undefined ? [] : [{ ...sink, expression }];
  });
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
