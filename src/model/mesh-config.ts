/** MeshConfig with Istio's defaults filled in (istio-behaviour §0), as far as the compiler reads it. Durations are in milliseconds. */
export interface MeshConfig {
  readonly rootNamespace: string;
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly connectTimeoutMs: number;
  readonly dnsRefreshRateMs: number;
  readonly protocolDetectionTimeoutMs: number;
  readonly enableAutoMtls: boolean;
  readonly outboundTrafficPolicy: 'ALLOW_ANY' | 'REGISTRY_ONLY';
  /** '' is off. */
  readonly accessLogFile: string;
  readonly accessLogFormat: string;
  readonly accessLogEncoding: 'TEXT' | 'JSON';
  readonly enableTracing: boolean;
  /** Percent of requests traced, 1 by default. */
  readonly tracingSampling: number;
  readonly defaultServiceExportTo: readonly string[];
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly proxyListenPort: number;
  readonly proxyInboundListenPort: number;
  readonly defaultMetricsProviders: readonly string[];
  /** The whole object as given, for fields read in one place only. */
  readonly raw: Readonly<Record<string, unknown>>;
}
