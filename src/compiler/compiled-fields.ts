/**
 * What of each kind is compiled. `true` stands for a whole subtree, `{ '*': … }` for every key of a map; lists are looked through.
 * A field that is not here is refused by name, so a field is added here together with the code that compiles it.
 */
export type Fields = true | { readonly [field: string]: Fields };

const ALL = true;
const DESTINATION: Fields = { host: ALL, subset: ALL, port: { number: ALL } };
const L4_MATCH: Fields = { destinationSubnets: ALL, port: ALL, sourceLabels: ALL, sourceNamespace: ALL, gateways: ALL };
const L4_ROUTE: Fields = { destination: DESTINATION, weight: ALL };

const CONNECTION_POOL: Fields = {
  tcp: { maxConnections: ALL, connectTimeout: ALL, tcpKeepalive: ALL, maxConnectionDuration: ALL, idleTimeout: ALL },
  http: {
    http1MaxPendingRequests: ALL,
    http2MaxRequests: ALL,
    maxRequestsPerConnection: ALL,
    maxRetries: ALL,
    idleTimeout: ALL,
    h2UpgradePolicy: ALL,
    useClientProtocol: ALL,
    maxConcurrentStreams: ALL,
    http2KeepAlive: ALL,
  },
};
const OUTLIER_DETECTION: Fields = {
  splitExternalLocalOriginErrors: ALL,
  consecutiveLocalOriginFailures: ALL,
  consecutiveGatewayErrors: ALL,
  consecutive5xxErrors: ALL,
  interval: ALL,
  baseEjectionTime: ALL,
  maxEjectionPercent: ALL,
  minHealthPercent: ALL,
};
const LOAD_BALANCER: Fields = {
  simple: ALL,
  consistentHash: {
    httpHeaderName: ALL, httpCookie: ALL, useSourceIp: ALL, httpQueryParameterName: ALL, ringHash: ALL, maglev: ALL, minimumRingSize: ALL,
  },
  warmupDurationSecs: ALL,
  warmup: ALL,
  localityLbSetting: { enabled: ALL, distribute: ALL, failover: ALL, failoverPriority: ALL },
};
const CLIENT_TLS: Fields = {
  mode: ALL,
  clientCertificate: ALL,
  privateKey: ALL,
  caCertificates: ALL,
  caCrl: ALL,
  credentialName: ALL,
  subjectAltNames: ALL,
  sni: ALL,
  insecureSkipVerify: ALL,
};
const BLOCKS = { connectionPool: CONNECTION_POOL, outlierDetection: OUTLIER_DETECTION, loadBalancer: LOAD_BALANCER, tls: CLIENT_TLS };
const TRAFFIC_POLICY: Fields = {
  ...BLOCKS,
  portLevelSettings: { port: ALL, ...BLOCKS },
  tunnel: ALL,
  proxyProtocol: ALL,
  retryBudget: ALL,
};

/** `verificationKey` says nothing: Istio does not read it. */
const WASM: { readonly [field: string]: Fields } = {
  url: ALL,
  sha256: ALL,
  imagePullPolicy: ALL,
  imagePullSecret: ALL,
  pluginConfig: ALL,
  pluginName: ALL,
  failStrategy: ALL,
  vmConfig: ALL,
  type: ALL,
  verificationKey: ALL,
};

/** `spec` of the kinds that shape traffic; a kind with `{}` is refused as a whole. */
export const COMPILED_FIELDS: Readonly<Record<string, Fields>> = {
  'VirtualService': {
    hosts: ALL,
    gateways: ALL,
    exportTo: ALL,
    http: {
      name: ALL,
      match: ALL,
      route: { destination: DESTINATION, weight: ALL, headers: ALL },
      redirect: ALL,
      directResponse: ALL,
      rewrite: ALL,
      timeout: ALL,
      retries: ALL,
      fault: ALL,
      mirror: DESTINATION,
      mirrorPercentage: ALL,
      mirrorPercent: ALL,
      mirror_percent: ALL,
      mirrors: { destination: DESTINATION, percentage: ALL },
      delegate: ALL,
      corsPolicy: ALL,
      headers: ALL,
    },
    tls: { match: { sniHosts: ALL, ...L4_MATCH }, route: L4_ROUTE },
    tcp: { match: L4_MATCH, route: L4_ROUTE },
  },
  'DestinationRule': {
    host: ALL,
    exportTo: ALL,
    workloadSelector: { matchLabels: ALL },
    trafficPolicy: TRAFFIC_POLICY,
    subsets: { name: ALL, labels: ALL, trafficPolicy: TRAFFIC_POLICY },
  },
  'Gateway': {
    selector: ALL,
    servers: {
      port: { number: ALL, name: ALL, protocol: ALL, targetPort: ALL },
      bind: ALL,
      hosts: ALL,
      name: ALL,
      tls: {
        mode: ALL,
        httpsRedirect: ALL,
        credentialName: ALL,
        credentialNames: ALL,
        caCertCredentialName: ALL,
        serverCertificate: ALL,
        privateKey: ALL,
        caCertificates: ALL,
        caCrl: ALL,
        tlsCertificates: ALL,
        subjectAltNames: ALL,
        verifyCertificateSpki: ALL,
        verifyCertificateHash: ALL,
        minProtocolVersion: ALL,
        maxProtocolVersion: ALL,
        cipherSuites: ALL,
        insecureSkipVerify: ALL,
      },
    },
  },
  'ServiceEntry': {
    hosts: ALL,
    addresses: ALL,
    ports: ALL,
    location: ALL,
    resolution: ALL,
    endpoints: ALL,
    workloadSelector: ALL,
    exportTo: ALL,
    subjectAltNames: ALL,
  },
  'WorkloadEntry': {
    address: ALL, ports: ALL, labels: ALL, network: ALL, locality: ALL, weight: ALL, serviceAccount: ALL,
  },
  'PeerAuthentication': { selector: ALL, mtls: ALL, portLevelMtls: ALL },
  'Sidecar': {
    workloadSelector: { labels: ALL },
    ingress: { port: ALL, bind: ALL, captureMode: ALL, defaultEndpoint: ALL, connectionPool: CONNECTION_POOL },
    egress: { port: ALL, bind: ALL, captureMode: ALL, hosts: ALL },
    inboundConnectionPool: CONNECTION_POOL,
    outboundTrafficPolicy: { mode: ALL, egressProxy: ALL },
  },
  'EnvoyFilter': { workloadSelector: ALL, targetRefs: ALL, configPatches: ALL, priority: ALL },
  'AuthorizationPolicy': {
    selector: ALL,
    targetRef: ALL,
    targetRefs: ALL,
    action: ALL,
    provider: { name: ALL },
    rules: ALL,
  },
  'RequestAuthentication': {
    selector: ALL,
    targetRef: ALL,
    targetRefs: ALL,
    jwtRules: ALL,
  },
  'Telemetry': {
    selector: ALL,
    // Those of gateways of the Gateway API; other proxies leave such a resource out.
    targetRef: ALL,
    targetRefs: ALL,
    accessLogging: { match: ALL, providers: ALL, disabled: ALL, filter: ALL },
    metrics: { providers: ALL, overrides: ALL, reportingInterval: ALL },
    tracing: ALL,
  },
  'WasmPlugin': { selector: ALL, targetRef: ALL, targetRefs: ALL, phase: ALL, priority: ALL, match: ALL, ...WASM },
  'TrafficExtension': { selector: ALL, targetRefs: ALL, phase: ALL, priority: ALL, match: ALL, wasm: WASM, lua: ALL },
  // Read when a Pod is injected; nothing in it reaches xDS.
  'ProxyConfig': ALL,
  'WorkloadGroup': ALL,
  'Gateway.gateway.networking.k8s.io': {},
  'HTTPRoute.gateway.networking.k8s.io': {},
  'GRPCRoute.gateway.networking.k8s.io': {},
  'TLSRoute.gateway.networking.k8s.io': {},
  'TCPRoute.gateway.networking.k8s.io': {},
};

/** Single values of compiled fields that are not compiled yet. */
export interface RefusedValue {
  readonly kind: string;
  readonly path: readonly string[];
  readonly values: RegExp;
}

export const REFUSED_VALUES: readonly RefusedValue[] = [
  { kind: 'ServiceEntry', path: ['resolution'], values: /^DYNAMIC_DNS$/ },
  { kind: 'EnvoyFilter', path: ['configPatches', 'applyTo'], values: /^BOOTSTRAP$/ },
  { kind: 'AuthorizationPolicy', path: ['rules', 'when', 'key'], values: /^request\.experimental\.inline\.headers/ },
];

/** Keys of MeshConfig that shape traffic and are not compiled. */
export const REFUSED_MESH_CONFIG: readonly string[] = [
  // Its cluster stands in the bootstrap of Istio's agent only.
  'enableEnvoyAccessLogService',
  // Of what a proxy does to headers only their case is described.
  ...['attemptCount', 'envoyDebugHeaders', 'forwardedClientCert', 'metadataExchangeHeaders', 'requestId', 'server', 'setCurrentClientCertDetails', 'xForwardedHost',
    'xForwardedPort'].map(header => `defaultConfig.proxyHeaders.${header}`),
  // The environment is istiod's own.
  ...['zipkin', 'opentelemetry.http', 'opentelemetry.dynatraceSampler.httpService.http'].map(provider => `extensionProviders.${provider}.headers.envName`),
  'extensionProviders.opentelemetry.grpc.initialMetadata.envName',
];
