import { durationOf } from './durations';
import { isObject, numberOf, objectOf, textOf, textsOf } from './json';
import { compare } from './resource';

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
  readonly defaultServiceExportTo: readonly string[];
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly proxyListenPort: number;
  readonly proxyInboundListenPort: number;
  readonly defaultMetricsProviders: readonly string[];
  /** The whole object as given, for fields read in one place only. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What a default Helm installation gives istiod; the chart, not the code, turns on Prometheus metrics. */
export const INSTALLED: Readonly<Record<string, unknown>> = { defaultProviders: { metrics: ['prometheus'] } };

/** MeshConfig read from an object as its YAML has it, with Istio's defaults. Absent: that of a default installation. */
export function parseMeshConfig(given?: Readonly<Record<string, unknown>>, where = 'MeshConfig'): MeshConfig {
  const raw = given ?? INSTALLED;
  const duration = (field: string, defaultMs: number): number => (raw[field] === undefined ? defaultMs : durationOf(raw[field], field, where));
  const exportTo = (field: string): readonly string[] => (textsOf(raw[field]).length > 0 ? textsOf(raw[field]) : ['*']);
  return {
    rootNamespace: textOf(raw.rootNamespace) || 'istio-system',
    trustDomain: textOf(raw.trustDomain) || 'cluster.local',
    trustDomainAliases: [...new Set(textsOf(raw.trustDomainAliases))].sort(compare),
    connectTimeoutMs: duration('connectTimeout', 10_000),
    dnsRefreshRateMs: duration('dnsRefreshRate', 60_000),
    protocolDetectionTimeoutMs: duration('protocolDetectionTimeout', 0),
    enableAutoMtls: raw.enableAutoMtls !== false,
    outboundTrafficPolicy: objectOf(raw.outboundTrafficPolicy).mode === 'REGISTRY_ONLY' ? 'REGISTRY_ONLY' : 'ALLOW_ANY',
    accessLogFile: textOf(raw.accessLogFile) ?? '',
    accessLogFormat: textOf(raw.accessLogFormat) ?? '',
    accessLogEncoding: raw.accessLogEncoding === 'JSON' ? 'JSON' : 'TEXT',
    enableTracing: raw.enableTracing !== false,
    defaultServiceExportTo: exportTo('defaultServiceExportTo'),
    defaultVirtualServiceExportTo: exportTo('defaultVirtualServiceExportTo'),
    defaultDestinationRuleExportTo: exportTo('defaultDestinationRuleExportTo'),
    proxyListenPort: numberOf(raw.proxyListenPort) || 15001,
    proxyInboundListenPort: numberOf(raw.proxyInboundListenPort) || 15006,
    defaultMetricsProviders: isObject(raw.defaultProviders) ? textsOf(raw.defaultProviders.metrics) : [],
    raw,
  };
}
