import type { Any } from '@bufbuild/protobuf/wkt';
import { compare } from '../../model/resource';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import { PluginConfigSchema } from '../../xds/gen/envoy/extensions/stats/config_pb';
import { durationMs } from '../durations';
import type { MetricOverride, TelemetrySpec } from '../istio-api';
import type { View } from '../view';
import { aboutSide, effectiveProviders, providerNames, telemetryLevels } from './levels';
import type { Side } from './levels';
import { providerNamed } from './providers';

/** Names under which Prometheus sees what a Telemetry resource calls by another name (istio-behaviour H3). */
const METRICS: Readonly<Record<string, string>> = {
  GRPC_REQUEST_MESSAGES: 'request_messages_total',
  GRPC_RESPONSE_MESSAGES: 'response_messages_total',
  REQUEST_COUNT: 'requests_total',
  REQUEST_DURATION: 'request_duration_milliseconds',
  REQUEST_SIZE: 'request_bytes',
  RESPONSE_SIZE: 'response_bytes',
  TCP_CLOSED_CONNECTIONS: 'tcp_connections_closed_total',
  TCP_OPENED_CONNECTIONS: 'tcp_connections_opened_total',
  TCP_RECEIVED_BYTES: 'tcp_received_bytes_total',
  TCP_SENT_BYTES: 'tcp_sent_bytes_total',
};

interface Override {
  disabled?: boolean;
  readonly tags: Map<string, { readonly operation?: string; readonly value?: string }>;
}

/**
 * Configurations of `istio.stats`, one for each provider that is Prometheus, where the proxy has the filter.
 * @param ownHost - the proxy serves requests for itself, so a Host header says nothing about the service
 */
export function statsConfigs(view: View, side: Side, ownHost: boolean): readonly Any[] {
  if (!view.dialect.stats) return [];
  return view.mesh.memo.get('stats', [view.facetKey, side, ownHost], () => {
    const sections = telemetryLevels(view).flatMap(({ metrics }) => metrics ?? []);
    const inForce = effectiveProviders(sections.map(({ providers }) => providerNames(providers)), view.mesh.model.config.defaultMetricsProviders);
    return [...inForce].sort(compare).filter(name => providerNamed(view.mesh, name)?.prometheus !== undefined)
      .flatMap(name => statsOf(view, name, sections, side, ownHost) ?? []);
  });
}

function statsOf(view: View, provider: string, sections: NonNullable<TelemetrySpec['metrics']>, side: Side, ownHost: boolean): Any | undefined {
  const overrides = new Map<string, Override>();
  let inherited = view.mesh.model.config.defaultMetricsProviders;
  let interval: number | undefined;
  let off = false;
  for (const { providers, overrides: list, reportingInterval } of sections) {
    const own = providerNames(providers);
    if (own.length > 0) inherited = own;
    if (!inherited.includes(provider)) continue;
    interval = durationMs(reportingInterval) ?? interval;
    for (const override of (list ?? []).filter(({ match }) => aboutSide(match, side))) {
      off = isAll(override) && override.disabled === true;
      // What a more specific level says of a metric turns the others on again.
      if (!off) apply(overrides, override);
    }
  }
  if (off) return undefined;
  return pack(PluginConfigSchema, {
    disableHostHeaderFallback: ownHost,
    tcpReportingDuration: interval === undefined ? undefined : duration(interval),
    metrics: [...overrides].sort(([a], [b]) => compare(a, b)).map(([name, override]) => metricConfig(METRICS[name] ?? name, override)),
  });
}

const isAll = ({ match }: MetricOverride): boolean => match?.customMetric === undefined && (match?.metric === undefined || match.metric === 'ALL_METRICS');

function apply(overrides: Map<string, Override>, { match, disabled, tagOverrides }: MetricOverride): void {
  const names = match?.customMetric !== undefined ? [match.customMetric]
    : match?.metric === undefined || match.metric === 'ALL_METRICS' ? Object.keys(METRICS) : [match.metric];
  for (const name of names) {
    const known: Override = overrides.get(name) ?? { tags: new Map() };
    overrides.set(name, known);
    if (disabled !== undefined) known.disabled = disabled;
    for (const [tag, value] of Object.entries(tagOverrides ?? {})) known.tags.set(tag, value);
  }
}

function metricConfig(name: string, { disabled, tags }: Override) {
  const sorted = [...tags].sort(([a], [b]) => compare(a, b));
  return {
    name,
    drop: disabled === true,
    dimensions: Object.fromEntries(sorted.filter(([, { operation }]) => operation !== 'REMOVE').map(([tag, { value }]) => [tag, value ?? ''])),
    tagsToRemove: sorted.filter(([, { operation }]) => operation === 'REMOVE').map(([tag]) => tag),
  };
}
