import { create } from '@bufbuild/protobuf';
import type { Dialect } from '../model/proxy';
import { duration } from '../xds/duration';
import { AggregatedConfigSourceSchema, ApiConfigSource_ApiType, ApiVersion, ConfigSourceSchema } from '../xds/gen/envoy/config/core/v3/config_source_pb';
import type { ConfigSource } from '../xds/gen/envoy/config/core/v3/config_source_pb';

/** Configuration that comes over the proxy's own ADS stream. */
export const ADS: ConfigSource = create(ConfigSourceSchema, {
  configSourceSpecifier: { case: 'ads', value: create(AggregatedConfigSourceSchema) },
  resourceApiVersion: ApiVersion.V3,
  initialFetchTimeout: duration(0),
});

/** Secrets from the control plane: Envoy waits for them as long as it does by default. */
export const ADS_SECRETS: ConfigSource = create(ConfigSourceSchema, {
  configSourceSpecifier: { case: 'ads', value: create(AggregatedConfigSourceSchema) },
  resourceApiVersion: ApiVersion.V3,
});

/** Istio's agent serves the workload's certificates beside the proxy, under this bootstrap cluster. */
const AGENT: ConfigSource = create(ConfigSourceSchema, {
  configSourceSpecifier: {
    case: 'apiConfigSource',
    value: {
      apiType: ApiConfigSource_ApiType.GRPC,
      transportApiVersion: ApiVersion.V3,
      grpcServices: [{ targetSpecifier: { case: 'envoyGrpc', value: { clusterName: 'sds-grpc' } } }],
      setNodeOnFirstMessageOnly: true,
    },
  },
  resourceApiVersion: ApiVersion.V3,
  initialFetchTimeout: duration(0),
});

/** One row of the table below. */
export interface DialectTable {
  readonly name: Dialect;
  /** `istio.metadata_exchange`, HTTP and TCP. */
  readonly metadataExchange: boolean;
  /** `istio.stats`. */
  readonly stats: boolean;
  /** `istio.alpn`. */
  readonly alpn: boolean;
  /**
   * An agent beside the proxy fetches Wasm modules. Without one only files can be had, and for other modules comes what the agent
   * puts in their place where it fails.
   */
  readonly fetchesModules: boolean;
  /** Where the workload's certificate (`default`) and the mesh's roots (`ROOTCA`) come from. */
  readonly workloadSecrets: ConfigSource;
}

/**
 * All differences between what Istio's own Envoy and what stock Envoy (and our proxy) are sent.
 * Nothing else in the compiler may ask for the dialect.
 */
export const DIALECTS: Readonly<Record<Dialect, DialectTable>> = {
  istio: { name: 'istio', metadataExchange: true, stats: true, alpn: true, fetchesModules: true, workloadSecrets: AGENT },
  stock: { name: 'stock', metadataExchange: false, stats: false, alpn: false, fetchesModules: false, workloadSecrets: ADS },
};
