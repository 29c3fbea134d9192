import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { isObject, numberOf, objectOf, textOf, textsOf } from '../../model/json';
import { compare } from '../../model/resource';
import { HttpConnectionManager_TracingSchema } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { HttpConnectionManager_Tracing } from '../../xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { CustomTagSchema } from '../../xds/gen/envoy/type/tracing/v3/custom_tag_pb';
import type { TracingEntry, TracingTag } from '../istio-api';
import { istioAtLeast } from '../istio-version';
import { proxyConfigOf } from '../proxy-config';
import type { View } from '../view';
import { aboutSide, providerNames, telemetryLevels } from './levels';
import type { Side } from './levels';
import { providerNamed } from './providers';
import { tracerOf } from './tracers';

type Tag = MessageInitShape<typeof CustomTagSchema>;

/** What a connection manager says of tracing. */
export interface Tracing {
  /** Absent where nothing is traced. */
  readonly tracing?: HttpConnectionManager_Tracing;
  /** The request's ID decides whether it is sampled, so that all hops agree. */
  readonly byRequestId: boolean;
}

/** Tracing of one proxy on one side (istio-behaviour H4). Without a provider it only decides which requests count as sampled. */
export function tracing(view: View, side: Side): Tracing {
  const { config } = view.mesh.model;
  const sections = telemetryLevels(view).flatMap(({ tracing: section }) => section ?? []);
  const defaults = textsOf(objectOf(config.raw.defaultProviders).tracing);
  const own = tracingConfig(view);
  if (sections.length === 0 && defaults.length === 0) {
    return { tracing: config.enableTracing ? plain(view, own) : undefined, byRequestId: true };
  }
  const { provider, ...entry } = effective(sections.filter(({ match }) => aboutSide(match, side)), defaults[0]);
  const known = provider === undefined ? undefined : providerNamed(view.mesh, provider);
  const tracer = known && tracerOf(view, known);
  if (entry.disableSpanReporting === true || tracer === undefined) return { byRequestId: true };
  const tags = Object.entries(entry.customTags ?? {});
  const length = tracer.maxTagLength || own.maxPathTagLength || undefined;
  return {
    byRequestId: entry.useRequestIdForTraceSampling !== false,
    tracing: create(HttpConnectionManager_TracingSchema, {
      ...sampling(tracer.samples === true ? 100 : entry.randomSamplingPercentage ?? own.sampling),
      customTags: sorted([
        ...(entry.enableIstioTags === false ? [] : istioTags(view)),
        ...(tags.length === 0 ? own.tags : tags.flatMap(([name, tag]) => customTag(view, name, tag))),
      ]),
      maxPathTagLength: length,
      provider: { name: tracer.name, configType: { case: 'typedConfig', value: tracer.config } },
      spawnUpstreamSpan: tracer.spawnsUpstream === true || view.proxy.type === 'router' ? true : undefined,
      noContextPropagation: entry.disableContextPropagation === true && istioAtLeast(view.proxy, 1, 30),
    }),
  };
}

/** Each level says what it says of each field; of several providers in a list the first counts. */
function effective(entries: readonly TracingEntry[], fallback: string | undefined): TracingEntry & { readonly provider?: string } {
  let merged: TracingEntry & { readonly provider?: string } = { provider: fallback };
  for (const { providers, match: _match, ...entry } of entries) {
    const given = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined && value !== null));
    merged = { ...merged, provider: providerNames(providers)[0] ?? merged.provider, ...given };
  }
  return merged;
}

const plain = (view: View, own: OwnTracing): HttpConnectionManager_Tracing => create(HttpConnectionManager_TracingSchema, {
  ...sampling(own.sampling),
  customTags: sorted([...(own.istioTags ? istioTags(view) : []), ...own.tags]),
  maxPathTagLength: own.maxPathTagLength || undefined,
});

const sampling = (value: number) => ({ clientSampling: { value: 100 }, randomSampling: { value }, overallSampling: { value: 100 } });

const sorted = (tags: readonly Tag[]): Tag[] => [...tags].sort((a, b) => compare(a.tag ?? '', b.tag ?? ''));

interface OwnTracing { readonly sampling: number; readonly maxPathTagLength: number; readonly istioTags: boolean; readonly tags: readonly Tag[] }

/** Percent of requests that are traced where nobody says how many. */
const SAMPLING = 1;

/** Tracing in the proxy's own configuration, which stands in for what Telemetry leaves open. */
function tracingConfig(view: View): OwnTracing {
  const own = objectOf(proxyConfigOf(view.mesh, view.proxy).tracing);
  const share = typeof own.sampling === 'number' ? own.sampling : 0;
  return {
    sampling: share === 0 || share > 100 ? SAMPLING : share,
    maxPathTagLength: numberOf(own.maxPathTagLength) ?? 0,
    istioTags: own.enableIstioTags !== false,
    tags: Object.entries(objectOf(own.customTags)).flatMap(([name, tag]) => (isObject(tag) ? customTag(view, name, tag as TracingTag) : [])),
  };
}

function customTag(view: View, tag: string, { literal: text, environment, header, formatter }: TracingTag): Tag[] {
  if (text !== undefined) return [literal(tag, text.value ?? '')];
  if (environment !== undefined) return [{ tag, type: { case: 'environment', value: { name: environment.name, defaultValue: environment.defaultValue } } }];
  if (header !== undefined) return [{ tag, type: { case: 'requestHeader', value: { name: header.name, defaultValue: header.defaultValue } } }];
  if (formatter === undefined || !istioAtLeast(view.proxy, 1, 29)) return [];
  return [{ tag, type: { case: 'value', value: formatter.value ?? '' } }];
}

const dryRun = (tag: string, key: string): Tag => ({
  tag,
  type: {
    case: 'metadata',
    value: {
      kind: { kind: { case: 'request', value: {} } },
      metadataKey: { key: 'envoy.filters.http.rbac', path: [{ segment: { case: 'key', value: key } }] },
    },
  },
});

const literal = (tag: string, value: string): Tag => ({ tag, type: { case: 'literal', value: { value } } });

/** Who reports, and what policies under trial would have done. */
function istioTags(view: View): Tag[] {
  const { labels, metadata, namespace, clusterId } = view.proxy;
  const service = labels['service.istio.io/canonical-name'] || 'unknown';
  const revision = labels['service.istio.io/canonical-revision'] || 'latest';
  return [
    dryRun('istio.authorization.dry_run.allow_policy.name', 'istio_dry_run_allow_shadow_effective_policy_id'),
    dryRun('istio.authorization.dry_run.allow_policy.result', 'istio_dry_run_allow_shadow_engine_result'),
    dryRun('istio.authorization.dry_run.deny_policy.name', 'istio_dry_run_deny_shadow_effective_policy_id'),
    dryRun('istio.authorization.dry_run.deny_policy.result', 'istio_dry_run_deny_shadow_engine_result'),
    literal('istio.canonical_revision', revision),
    literal('istio.canonical_service', service),
    literal('istio.cluster_id', clusterId),
    literal('istio.mesh_id', textOf(metadata.MESH_ID) || 'unknown'),
    literal('istio.namespace', namespace),
  ];
}
