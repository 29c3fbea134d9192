/**
 * The fields of Istio's resources that the compiler reads, as they stand in YAML.
 * A field missing here cannot be compiled; `refusals.ts` names every such field it meets.
 */

export type Duration = string;

export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
  /** No field of Istio's: a prefix of whole segments, as a Kubernetes Ingress asks for. */
  readonly pathSeparatedPrefix?: string;
}

export interface Destination {
  readonly host: string;
  readonly subset?: string;
  readonly port?: { readonly number?: number };
}

export interface HeaderOperations {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

export interface Headers {
  readonly request?: HeaderOperations;
  readonly response?: HeaderOperations;
}

export interface HttpMatch {
  readonly name?: string;
  readonly uri?: StringMatch;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  readonly headers?: Readonly<Record<string, StringMatch | null>>;
  readonly withoutHeaders?: Readonly<Record<string, StringMatch | null>>;
  readonly queryParams?: Readonly<Record<string, StringMatch | null>>;
  readonly ignoreUriCase?: boolean;
  readonly port?: number;
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  readonly gateways?: readonly string[];
  readonly statPrefix?: string;
}

export interface HttpDestination {
  readonly destination: Destination;
  readonly weight?: number;
  readonly headers?: Headers;
}

export interface Percentage { readonly value?: number }

export interface HttpFault {
  readonly delay?: { readonly fixedDelay?: Duration; readonly percentage?: Percentage; readonly percent?: number };
  readonly abort?: { readonly httpStatus?: number; readonly grpcStatus?: string; readonly percentage?: Percentage };
}

export interface HttpRetry {
  readonly attempts?: number;
  readonly perTryTimeout?: Duration;
  readonly retryOn?: string;
  readonly backoff?: Duration;
  readonly retryRemoteLocalities?: boolean;
  readonly retryIgnorePreviousHosts?: boolean;
}

export interface CorsPolicy {
  readonly allowOrigin?: readonly string[];
  readonly allowOrigins?: readonly StringMatch[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAge?: Duration;
  readonly allowCredentials?: boolean;
  readonly unmatchedPreflights?: string;
}

export interface HttpRoute {
  readonly name?: string;
  readonly match?: readonly HttpMatch[];
  readonly route?: readonly HttpDestination[];
  readonly redirect?: {
    readonly uri?: string;
    readonly prefixRewrite?: string;
    readonly authority?: string;
    readonly scheme?: string;
    readonly port?: number;
    readonly derivePort?: string;
    readonly redirectCode?: number;
  };
  readonly directResponse?: { readonly status: number; readonly body?: { readonly string?: string; readonly bytes?: string } };
  readonly rewrite?: {
    readonly uri?: string;
    readonly authority?: string;
    readonly uriRegexRewrite?: { readonly match?: string; readonly rewrite?: string };
  };
  readonly delegate?: { readonly name?: string; readonly namespace?: string };
  readonly timeout?: Duration;
  readonly retries?: HttpRetry;
  readonly fault?: HttpFault;
  readonly mirror?: Destination;
  readonly mirrorPercentage?: Percentage;
  readonly mirrorPercent?: number;
  /** The same by its older name. */
  readonly mirror_percent?: number;
  readonly mirrors?: readonly { readonly destination: Destination; readonly percentage?: Percentage }[];
  readonly corsPolicy?: CorsPolicy;
  readonly headers?: Headers;
}

export interface L4Match {
  readonly destinationSubnets?: readonly string[];
  readonly port?: number;
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  readonly gateways?: readonly string[];
}

export interface L4Destination { readonly destination: Destination; readonly weight?: number }

export interface TcpRoute { readonly match?: readonly L4Match[]; readonly route?: readonly L4Destination[] }

export interface TlsMatch extends L4Match { readonly sniHosts: readonly string[] }

export interface TlsRoute { readonly match: readonly TlsMatch[]; readonly route?: readonly L4Destination[] }

export interface VirtualServiceSpec {
  readonly hosts?: readonly string[];
  readonly gateways?: readonly string[];
  readonly http?: readonly HttpRoute[];
  readonly tls?: readonly TlsRoute[];
  readonly tcp?: readonly TcpRoute[];
  readonly exportTo?: readonly string[];
}

export interface TcpKeepalive { readonly probes?: number; readonly time?: Duration; readonly interval?: Duration }

export interface ConnectionPool {
  readonly tcp?: {
    readonly maxConnections?: number;
    readonly connectTimeout?: Duration;
    readonly tcpKeepalive?: TcpKeepalive;
    readonly maxConnectionDuration?: Duration;
    readonly idleTimeout?: Duration;
  };
  readonly http?: {
    readonly http1MaxPendingRequests?: number;
    readonly http2MaxRequests?: number;
    readonly maxRequestsPerConnection?: number;
    readonly maxRetries?: number;
    readonly idleTimeout?: Duration;
    readonly h2UpgradePolicy?: string;
    readonly useClientProtocol?: boolean;
    readonly maxConcurrentStreams?: number;
    readonly http2KeepAlive?: { readonly interval?: Duration; readonly timeout?: Duration };
  };
}

export interface OutlierDetection {
  readonly splitExternalLocalOriginErrors?: boolean;
  readonly consecutiveLocalOriginFailures?: number;
  readonly consecutiveGatewayErrors?: number;
  readonly consecutive5xxErrors?: number;
  readonly interval?: Duration;
  readonly baseEjectionTime?: Duration;
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent?: number;
}

export interface ConsistentHash {
  readonly httpHeaderName?: string;
  readonly httpCookie?: {
    readonly name: string;
    readonly path?: string;
    readonly ttl?: Duration;
    readonly attributes?: readonly { readonly name: string; readonly value?: string }[];
  };
  readonly useSourceIp?: boolean;
  readonly httpQueryParameterName?: string;
  readonly ringHash?: { readonly minimumRingSize?: number | string };
  readonly maglev?: { readonly tableSize?: number | string };
  readonly minimumRingSize?: number | string;
}

export interface LocalityLbSetting {
  readonly enabled?: boolean;
  readonly distribute?: readonly { readonly from?: string; readonly to?: Readonly<Record<string, number>> }[];
  readonly failover?: readonly { readonly from?: string; readonly to?: string }[];
  readonly failoverPriority?: readonly string[];
}

export interface LoadBalancer {
  readonly simple?: string;
  readonly consistentHash?: ConsistentHash;
  readonly localityLbSetting?: LocalityLbSetting;
  readonly warmupDurationSecs?: Duration;
  readonly warmup?: { readonly duration?: Duration; readonly minimumPercent?: number; readonly aggression?: number };
}

export interface ClientTls {
  readonly mode?: string;
  readonly clientCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly caCrl?: string;
  readonly credentialName?: string;
  readonly subjectAltNames?: readonly string[];
  readonly sni?: string;
  readonly insecureSkipVerify?: boolean;
}

/** What a port of its own may replace. */
export interface PortBlocks {
  readonly connectionPool?: ConnectionPool;
  readonly outlierDetection?: OutlierDetection;
  readonly loadBalancer?: LoadBalancer;
  readonly tls?: ClientTls;
}

/** The policy of one cluster. */
export interface PolicyBlocks extends PortBlocks {
  readonly tunnel?: { readonly protocol?: string; readonly targetHost?: string; readonly targetPort?: number };
  readonly proxyProtocol?: { readonly version?: string };
  readonly retryBudget?: { readonly percent?: number; readonly minRetryConcurrency?: number; readonly budgetInterval?: Duration };
}

export interface TrafficPolicy extends PolicyBlocks {
  readonly portLevelSettings?: readonly (PortBlocks & { readonly port?: { readonly number?: number } })[];
}

export interface Subset { readonly name: string; readonly labels?: Readonly<Record<string, string>>; readonly trafficPolicy?: TrafficPolicy }

export interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets?: readonly Subset[];
  readonly exportTo?: readonly string[];
  readonly workloadSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
}

export interface ServerTls {
  readonly mode?: string;
  readonly httpsRedirect?: boolean;
  readonly credentialName?: string;
  readonly credentialNames?: readonly string[];
  readonly caCertCredentialName?: string;
  readonly serverCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly caCrl?: string;
  readonly tlsCertificates?: readonly { readonly serverCertificate?: string; readonly privateKey?: string; readonly caCertificates?: string }[];
  readonly subjectAltNames?: readonly string[];
  readonly verifyCertificateSpki?: readonly string[];
  readonly verifyCertificateHash?: readonly string[];
  readonly insecureSkipVerify?: boolean;
  readonly minProtocolVersion?: string;
  readonly maxProtocolVersion?: string;
  readonly cipherSuites?: readonly string[];
}

export interface Server {
  readonly port: { readonly number: number; readonly name?: string; readonly protocol: string; readonly targetPort?: number };
  readonly bind?: string;
  readonly hosts: readonly string[];
  readonly tls?: ServerTls;
  readonly name?: string;
}

export interface GatewaySpec { readonly selector?: Readonly<Record<string, string>>; readonly servers?: readonly Server[] }

export interface PeerAuthenticationSpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly mtls?: { readonly mode?: string };
  readonly portLevelMtls?: Readonly<Record<string, { readonly mode?: string }>>;
}

export interface SidecarPort { readonly number?: number; readonly protocol?: string; readonly name?: string }

export interface SidecarSpec {
  readonly workloadSelector?: { readonly labels?: Readonly<Record<string, string>> };
  readonly ingress?: readonly {
    readonly port?: SidecarPort;
    readonly bind?: string;
    readonly captureMode?: string;
    readonly defaultEndpoint?: string;
    readonly connectionPool?: ConnectionPool;
  }[];
  readonly egress?: readonly {
    readonly port?: SidecarPort; readonly bind?: string; readonly captureMode?: string; readonly hosts?: readonly string[];
  }[];
  readonly inboundConnectionPool?: ConnectionPool;
  readonly outboundTrafficPolicy?: { readonly mode?: string; readonly egressProxy?: Destination };
}

export interface Providers { readonly name?: string }

export interface TelemetrySpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRef?: unknown;
  readonly targetRefs?: readonly unknown[];
  readonly accessLogging?: readonly {
    readonly match?: { readonly mode?: string };
    readonly providers?: readonly Providers[];
    readonly disabled?: boolean;
    readonly filter?: { readonly expression?: string };
  }[];
  readonly metrics?: readonly {
    readonly providers?: readonly Providers[];
    readonly overrides?: readonly MetricOverride[];
    readonly reportingInterval?: Duration;
  }[];
  readonly tracing?: readonly TracingEntry[];
}

export interface TracingEntry {
  readonly match?: { readonly mode?: string };
  readonly providers?: readonly Providers[];
  readonly randomSamplingPercentage?: number;
  readonly disableSpanReporting?: boolean;
  readonly customTags?: Readonly<Record<string, TracingTag>>;
  readonly useRequestIdForTraceSampling?: boolean;
  readonly enableIstioTags?: boolean;
  readonly disableContextPropagation?: boolean;
}

export interface TracingTag {
  readonly literal?: { readonly value?: string };
  readonly environment?: { readonly name?: string; readonly defaultValue?: string };
  readonly header?: { readonly name?: string; readonly defaultValue?: string };
  readonly formatter?: { readonly value?: string };
}

export interface MetricOverride {
  readonly match?: { readonly metric?: string; readonly customMetric?: string; readonly mode?: string };
  readonly disabled?: boolean;
  readonly tagOverrides?: Readonly<Record<string, { readonly operation?: string; readonly value?: string }>>;
}

/** A provider of MeshConfig, as far as telemetry reads it; each has one of the blocks. */
export interface ExtensionProvider {
  readonly name?: string;
  readonly envoyFileAccessLog?: { readonly path?: string; readonly omitEmptyValues?: boolean; readonly logFormat?: LogFormat };
  readonly envoyHttpAls?: GrpcAccessLog & {
    readonly additionalRequestHeadersToLog?: readonly string[];
    readonly additionalResponseHeadersToLog?: readonly string[];
    readonly additionalResponseTrailersToLog?: readonly string[];
  };
  readonly envoyTcpAls?: GrpcAccessLog;
  readonly envoyOtelAls?: AtService & { readonly logName?: string; readonly logFormat?: LogFormat };
  readonly prometheus?: object;
  readonly zipkin?: ZipkinTracing;
  readonly datadog?: AtService & { readonly maxTagLength?: number };
  readonly skywalking?: AtService;
  readonly opentelemetry?: OpenTelemetryTracing;
}

/** A service of the registry, as `HOST` or `NAMESPACE/HOST`. */
interface AtService { readonly service?: string; readonly port?: number }

interface LogFormat { readonly text?: string; readonly labels?: Readonly<Record<string, unknown>> }

interface GrpcAccessLog extends AtService { readonly logName?: string; readonly filterStateObjectsToLog?: readonly string[] }

export interface ProviderHeader { readonly name?: string; readonly value?: string; readonly envName?: string }

export interface HttpExport { readonly path?: string; readonly timeout?: Duration; readonly headers?: readonly ProviderHeader[] }

export interface ZipkinTracing extends AtService {
  readonly maxTagLength?: number;
  readonly enable64bitTraceId?: boolean;
  readonly path?: string;
  readonly traceContextOption?: string;
  readonly timeout?: Duration;
  readonly headers?: readonly ProviderHeader[];
}

export interface OpenTelemetryTracing extends AtService {
  readonly maxTagLength?: number;
  readonly http?: HttpExport;
  readonly grpc?: { readonly timeout?: Duration; readonly initialMetadata?: readonly ProviderHeader[] };
  readonly resourceDetectors?: { readonly environment?: object; readonly dynatrace?: object };
  readonly dynatraceSampler?: {
    readonly tenant?: string;
    readonly clusterId?: number;
    readonly rootSpansPerMinute?: number;
    readonly httpService?: AtService & { readonly http?: HttpExport };
  };
}
