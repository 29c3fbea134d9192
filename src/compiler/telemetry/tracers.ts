import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { pack } from '../../xds/any';
import { duration } from '../../xds/duration';
import { HeaderValueOption_HeaderAppendAction } from '../../xds/gen/envoy/config/core/v3/base_pb';
import type { TypedExtensionConfigSchema } from '../../xds/gen/envoy/config/core/v3/extension_pb';
import type { HttpServiceSchema } from '../../xds/gen/envoy/config/core/v3/http_service_pb';
import { DatadogConfigSchema } from '../../xds/gen/envoy/config/trace/v3/datadog_pb';
import { OpenTelemetryConfigSchema } from '../../xds/gen/envoy/config/trace/v3/opentelemetry_pb';
import { SkyWalkingConfigSchema } from '../../xds/gen/envoy/config/trace/v3/skywalking_pb';
import { ZipkinConfig_CollectorEndpointVersion, ZipkinConfig_TraceContextOption, ZipkinConfigSchema } from '../../xds/gen/envoy/config/trace/v3/zipkin_pb';
import { DynatraceResourceDetectorConfigSchema } from '../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/dynatrace_resource_detector_pb';
import { EnvironmentResourceDetectorConfigSchema } from '../../xds/gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb';
import { DynatraceSamplerConfigSchema } from '../../xds/gen/envoy/extensions/tracers/opentelemetry/samplers/v3/dynatrace_sampler_pb';
import { durationMs } from '../durations';
import type { ExtensionProvider, HttpExport, OpenTelemetryTracing, ProviderHeader, ZipkinTracing } from '../istio-api';
import { istioAtLeast } from '../istio-version';
import { clusterOfProvider } from '../security/provider-cluster';
import type { ProviderCluster } from '../security/provider-cluster';
import type { View } from '../view';

/** A tracer of Envoy's, as a provider of MeshConfig describes it. */
export interface Tracer {
  readonly name: string;
  readonly config: Any;
  /** The tracer decides itself what is sampled, so everything has to reach it. */
  readonly samples?: boolean;
  /** A span of its own for the request as it goes on. */
  readonly spawnsUpstream?: boolean;
  readonly maxTagLength?: number;
}

/** Undefined for providers that are no tracer (Lightstep is none any more), and where the registry lacks their service. */
export function tracerOf(view: View, provider: ExtensionProvider): Tracer | undefined {
  const { zipkin, datadog, skywalking, opentelemetry } = provider;
  const given = zipkin ?? datadog ?? skywalking ?? opentelemetry;
  const found = given && clusterOfProvider(view.mesh, given.service, given.port);
  if (given === undefined || found === undefined) return undefined;
  const serviceName = view.proxy.cluster;
  if (zipkin !== undefined) return { name: 'envoy.tracers.zipkin', config: zipkinConfig(view, zipkin, found), maxTagLength: zipkin.maxTagLength };
  if (opentelemetry !== undefined) return openTelemetry(view, opentelemetry, found, serviceName);
  if (datadog !== undefined) {
    const config = pack(DatadogConfigSchema, { collectorCluster: found.cluster, collectorHostname: found.hostname, serviceName });
    return { name: 'envoy.tracers.datadog', config, maxTagLength: datadog.maxTagLength };
  }
  return { name: 'envoy.tracers.skywalking', config: pack(SkyWalkingConfigSchema, { grpcService: grpcTo(found) }), spawnsUpstream: true };
}

export const grpcTo = ({ cluster, hostname }: ProviderCluster) => (
  { targetSpecifier: { case: 'envoyGrpc' as const, value: { clusterName: cluster, authority: hostname } } });

const ZIPKIN_PATH = '/api/v2/spans';
const ZIPKIN_TIMEOUT_MS = 5000;

function zipkinConfig(view: View, provider: ZipkinTracing, { cluster, hostname }: ProviderCluster): Any {
  const endpoint = provider.path === undefined || provider.path === '' ? ZIPKIN_PATH : provider.path;
  const both = provider.traceContextOption === 'USE_B3_WITH_W3C_PROPAGATION' && istioAtLeast(view.proxy, 1, 28);
  const common: MessageInitShape<typeof ZipkinConfigSchema> = {
    collectorEndpointVersion: ZipkinConfig_CollectorEndpointVersion.HTTP_JSON,
    traceId128bit: provider.enable64bitTraceId !== true,
    sharedSpanContext: false,
    traceContextOption: both ? ZipkinConfig_TraceContextOption.USE_B3_WITH_W3C_PROPAGATION : ZipkinConfig_TraceContextOption.USE_B3,
  };
  // Proxies before 1.29 know a cluster and a path only: no timeout, no headers.
  if (!istioAtLeast(view.proxy, 1, 29)) {
    return pack(ZipkinConfigSchema, { ...common, collectorCluster: cluster, collectorEndpoint: endpoint, collectorHostname: hostname });
  }
  return pack(ZipkinConfigSchema, {
    ...common,
    collectorService: httpTo(`http://${hostname}${endpoint}`, cluster, { ...provider, timeout: provider.timeout ?? `${ZIPKIN_TIMEOUT_MS / 1000}s` }),
  });
}

function httpTo(uri: string, cluster: string, { timeout, headers }: Pick<HttpExport, 'timeout' | 'headers'>): MessageInitShape<typeof HttpServiceSchema> {
  const ms = durationMs(timeout);
  return {
    httpUri: { uri, httpUpstreamType: { case: 'cluster', value: cluster }, timeout: ms === undefined ? undefined : duration(ms) },
    requestHeadersToAdd: (headers ?? []).map(header => (
      { header: keyValue(header), appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD })),
  };
}

/** A header may stand in the environment of istiod, which nobody has here. */
const keyValue = ({ name, value }: ProviderHeader) => ({ key: name ?? '', value: value ?? '' });

/** A host and a path as one, with a single slash between them. */
const joined = (host: string, path: string | undefined): string => (path === undefined || path === '' ? host : `${host}/${path.replace(/^\/+/, '')}`);

function openTelemetry(view: View, provider: OpenTelemetryTracing, found: ProviderCluster, serviceName: string): Tracer | undefined {
  const { http, grpc, resourceDetectors, dynatraceSampler, maxTagLength } = provider;
  const timeout = durationMs(grpc?.timeout);
  const sampler = dynatraceSampler === undefined ? undefined : dynatrace(view, provider, found);
  if (dynatraceSampler !== undefined && sampler === undefined) return undefined;
  const config = pack(OpenTelemetryConfigSchema, {
    serviceName,
    ...(http === undefined ? {
      grpcService: {
        ...grpcTo(found),
        timeout: timeout === undefined ? undefined : duration(timeout),
        initialMetadata: (grpc?.initialMetadata ?? []).map(keyValue),
      },
    } : { httpService: httpTo(joined(found.hostname, http.path), found.cluster, http) }),
    resourceDetectors: [
      ...(resourceDetectors?.environment === undefined ? []
        : [{ name: 'envoy.tracers.opentelemetry.resource_detectors.environment', typedConfig: pack(EnvironmentResourceDetectorConfigSchema) }]),
      ...(resourceDetectors?.dynatrace === undefined ? []
        : [{ name: 'envoy.tracers.opentelemetry.resource_detectors.dynatrace', typedConfig: pack(DynatraceResourceDetectorConfigSchema) }]),
    ],
    sampler,
  });
  return { name: 'envoy.tracers.opentelemetry', config, samples: sampler !== undefined, maxTagLength };
}

const DYNATRACE_PATH = 'api/v2/samplingConfiguration';

/** Asks Dynatrace what to sample: where spans go, unless a service of its own is named. */
function dynatrace(
  view: View, { http, dynatraceSampler = {} }: OpenTelemetryTracing, exporter: ProviderCluster,
): MessageInitShape<typeof TypedExtensionConfigSchema> | undefined {
  const { tenant, clusterId, rootSpansPerMinute, httpService } = dynatraceSampler;
  const own = httpService === undefined ? undefined : clusterOfProvider(view.mesh, httpService.service, httpService.port);
  const service = httpService === undefined ? http && httpTo(joined(exporter.hostname, DYNATRACE_PATH), exporter.cluster, http)
    : own && httpTo(joined(own.hostname, httpService.http?.path), own.cluster, httpService.http ?? {});
  if (service === undefined) return undefined;
  return {
    name: 'envoy.tracers.opentelemetry.samplers.dynatrace',
    typedConfig: pack(DynatraceSamplerConfigSchema, { tenant, clusterId, rootSpansPerMinute, httpService: service }),
  };
}
