/** Documents that together set every field: taking any one field away must change what some proxy is sent. */

type Spec = Record<string, unknown>;

/** Versions of the kinds that are not networking.istio.io/v1. */
export const API_VERSIONS: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'security.istio.io/v1',
  PeerAuthentication: 'security.istio.io/v1',
  RequestAuthentication: 'security.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
  TrafficExtension: 'extensions.istio.io/v1alpha1',
  WasmPlugin: 'extensions.istio.io/v1alpha1',
};

/** Policy blocks; what excludes each other stands in blocks of its own. */
const TLS_FILES = { clientCertificate: '/c', privateKey: '/k', caCertificates: '/r', caCrl: '/l', sni: 's', subjectAltNames: ['n'] };
const BLOCKS: Spec[] = [
  {
    connectionPool: {
      tcp: { maxConnections: 1, connectTimeout: '1s', tcpKeepalive: { probes: 1, time: '1s', interval: '1s' }, maxConnectionDuration: '1s' },
      http: {
        http1MaxPendingRequests: 1,
        http2MaxRequests: 1,
        maxRequestsPerConnection: 1,
        maxRetries: 1,
        idleTimeout: '1s',
        h2UpgradePolicy: 'UPGRADE',
        maxConcurrentStreams: 1,
        http2KeepAlive: { interval: '1s', timeout: '1s' },
      },
    },
    outlierDetection: {
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailures: 1,
      consecutiveGatewayErrors: 1,
      consecutive5xxErrors: 1,
      interval: '1s',
      baseEjectionTime: '1s',
      maxEjectionPercent: 1,
      minHealthPercent: 1,
    },
    tls: { mode: 'MUTUAL', ...TLS_FILES },
  },
  { connectionPool: { tcp: { idleTimeout: '1s' }, http: { useClientProtocol: true } }, tls: { mode: 'SIMPLE', insecureSkipVerify: true } },
  { tls: { mode: 'SIMPLE', credentialName: 'c' } },
  { loadBalancer: { simple: 'ROUND_ROBIN', warmup: { duration: '1s', minimumPercent: 1, aggression: 2 }, localityLbSetting: { distribute: [{ from: '*', to: { 'north/*': 100 } }] } } },
  { loadBalancer: { warmupDurationSecs: '1s', localityLbSetting: { failover: [{ from: 'north', to: 'south' }] } }, outlierDetection: {} },
  { loadBalancer: { localityLbSetting: { failoverPriority: ['version'] } }, outlierDetection: {} },
  { loadBalancer: { localityLbSetting: { enabled: false, distribute: [{ from: '*', to: { 'north/*': 100 } }] } } },
  ...[
    { httpHeaderName: 'h' }, { httpCookie: { name: 'c', path: '/', ttl: '1s', attributes: [{ name: 'a', value: 'v' }] } }, { useSourceIp: true },
    { httpQueryParameterName: 'q', ringHash: { minimumRingSize: 7 } }, { httpHeaderName: 'h', maglev: { tableSize: 7 } }, { httpHeaderName: 'h', minimumRingSize: 7 },
  ].map(consistentHash => ({ loadBalancer: { consistentHash } })),
];
const WHOLE: Spec[] = [
  { tunnel: { protocol: 'POST', targetHost: 'h', targetPort: 1 }, proxyProtocol: { version: 'V2' }, retryBudget: { percent: 5, minRetryConcurrency: 5, budgetInterval: '1s' } },
];

const subset = (trafficPolicy: Spec): Spec => ({ host: 'stock', subsets: [{ name: 'v1', labels: { version: 'v1' }, trafficPolicy }] });
const atPort = (block: Spec): Spec => ({ portLevelSettings: [8000, 5432, 8500].map(number => ({ port: { number }, ...block })) });

const ROUTE = [{ destination: { host: 'stock', port: { number: 8000 } } }];
const L4 = { destination: { host: 'stock', port: { number: 5432 } } };
const HEADERS = { request: { set: { a: 'b' }, add: { c: 'd' }, remove: ['e'] }, response: { set: { a: 'b' }, add: { c: 'd' }, remove: ['e'] } };
const TEXTS = [{ exact: 'x' }, { prefix: 'x' }, { regex: 'x.*' }];
const http = (rule: Spec): Spec => ({ hosts: ['stock'], http: [{ route: ROUTE, ...rule }] });
/** What asks where a request comes from, so that taking it away lets others in. */
const FROM = [{ sourceLabels: { app: 'cart' } }, { sourceNamespace: 'other' }, { gateways: ['other/none'] }, { port: 1 }];

const VALUES = { values: ['a'], notValues: ['b'] };

const WASM = {
  url: 'oci://x',
  sha256: 'ab',
  imagePullPolicy: 'Always',
  imagePullSecret: 'pull',
  pluginConfig: { a: 'b' },
  pluginName: 'root',
  failStrategy: 'FAIL_OPEN',
  vmConfig: { env: [{ name: 'a', value: 'b' }, { name: 'c', valueFrom: 'HOST' }] },
};

export const DOCUMENTS: Readonly<Record<string, readonly Spec[]>> = {
  DestinationRule: [
    ...BLOCKS.flatMap(block => [{ host: 'stock', trafficPolicy: block }, { host: 'stock', trafficPolicy: atPort(block) }, subset(block), subset(atPort(block))]),
    ...WHOLE.flatMap(block => [{ host: 'stock', trafficPolicy: block }, subset(block)]),
    { host: 'stock', exportTo: ['.'], trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } },
    { host: 'stock', workloadSelector: { matchLabels: { app: 'cart' } }, trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } },
  ],
  VirtualService: [
    { hosts: ['stock'], gateways: ['shop/gate'], http: [{ route: ROUTE }] },
    { hosts: ['stock'], exportTo: ['.'], http: [{ name: 'n', route: ROUTE }] },
    ...TEXTS.map(text => http({
      match: [{
        uri: text, scheme: text, method: text, authority: text, headers: { h: text }, withoutHeaders: { w: text }, queryParams: { q: text },
      }],
    })),
    http({ match: [{ name: 'm', uri: { prefix: '/a' }, ignoreUriCase: true, statPrefix: 's' }] }),
    ...FROM.map(from => http({ match: [{ ...from, uri: { prefix: '/a' } }] })),
    http({
      route: [
        { destination: { host: 'stock', subset: 'v1', port: { number: 8000 } }, weight: 30, headers: HEADERS }, { destination: { host: 'cart', port: { number: 8000 } }, weight: 70 },
      ],
    }),
    http({ headers: HEADERS, timeout: '1s', retries: { attempts: 7, perTryTimeout: '1s', retryOn: '503', backoff: '1s', retryRemoteLocalities: true, retryIgnorePreviousHosts: false } }),
    http({ route: undefined, redirect: { uri: '/u', authority: 'a', scheme: 'https', port: 7, redirectCode: 307 } }),
    http({ route: undefined, redirect: { prefixRewrite: '/p', derivePort: 'FROM_REQUEST_PORT' } }),
    http({ route: undefined, directResponse: { status: 418, body: { string: 's' } } }),
    http({ route: undefined, directResponse: { status: 418, body: { bytes: 'AAAA' } } }),
    http({ rewrite: { uri: '/u', authority: 'a' } }),
    http({ rewrite: { uriRegexRewrite: { match: 'm', rewrite: 'r' } } }),
    http({ fault: { delay: { fixedDelay: '1s', percentage: { value: 7 } }, abort: { httpStatus: 500, percentage: { value: 7 } } } }),
    http({ fault: { delay: { fixedDelay: '1s', percent: 7 }, abort: { grpcStatus: 'UNAVAILABLE' } } }),
    http({ mirror: { host: 'cart', subset: 's', port: { number: 8000 } }, mirrorPercentage: { value: 7 } }),
    http({ mirror: { host: 'cart' }, mirrorPercent: 7 }),
    http({ mirror: { host: 'cart' }, mirror_percent: 7 }),
    http({ mirrors: [{ destination: { host: 'cart', subset: 's', port: { number: 7 } }, percentage: { value: 7 } }] }),
    http({ corsPolicy: { allowOrigin: ['o'], allowMethods: ['GET'], allowHeaders: ['h'], exposeHeaders: ['e'], maxAge: '1s', allowCredentials: true, unmatchedPreflights: 'IGNORE' } }),
    ...TEXTS.map(text => http({ corsPolicy: { allowOrigins: [text] } })),
    http({ route: undefined, delegate: { name: 'delegate', namespace: 'other' } }),
    {
      hosts: ['stock'],
      tls: [{ match: [{ sniHosts: ['stock.shop.svc.cluster.local'], destinationSubnets: ['10.0.0.0/8'] }], route: [{ destination: { host: 'stock', subset: 'v1', port: { number: 8500 } }, weight: 30 }, { destination: { host: 'cart' }, weight: 70 }] }],
      tcp: [{ match: [{ destinationSubnets: ['10.0.0.0/8'] }], route: [{ destination: { host: 'stock', subset: 'v1', port: { number: 5432 } }, weight: 30 }, { ...L4, weight: 70 }] }],
    },
    ...FROM.map(from => ({
      hosts: ['stock'],
      tls: [{ match: [{ sniHosts: ['stock.shop.svc.cluster.local'], ...from }], route: [{ destination: { host: 'cart' } }] }],
      tcp: [{ match: [{ destinationSubnets: ['10.0.0.0/8'], ...from }], route: [{ destination: { host: 'cart' } }] }],
    })),
  ],
  Gateway: [
    {
      selector: { istio: 'none' },
      servers: [{ port: { number: 7000, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
    },
    {
      selector: { istio: 'ingressgateway' },
      servers: [
        {
          port: { number: 443, name: 'https', protocol: 'HTTPS' },
          bind: '10.244.0.5',
          hosts: ['a.example'],
          name: 'n',
          tls: {
            mode: 'MUTUAL',
            serverCertificate: '/c',
            privateKey: '/k',
            caCertificates: '/r',
            caCrl: '/l',
            subjectAltNames: ['n'],
            minProtocolVersion: 'TLSV1_2',
            maxProtocolVersion: 'TLSV1_3',
            cipherSuites: ['AES256-GCM-SHA384'],
          },
        },
        { port: { number: 444, name: 'https-2', protocol: 'HTTPS' }, hosts: ['b.example'], tls: { mode: 'MUTUAL', credentialName: 'c', caCertCredentialName: 'r', verifyCertificateSpki: ['c3BraQ=='], verifyCertificateHash: ['00'], insecureSkipVerify: true } },
        { port: { number: 445, name: 'https-3', protocol: 'HTTPS' }, hosts: ['c.example'], tls: { mode: 'SIMPLE', credentialNames: ['c', 'd'] } },
        { port: { number: 446, name: 'https-4', protocol: 'HTTPS' }, hosts: ['d.example'], tls: { mode: 'MUTUAL', tlsCertificates: [{ serverCertificate: '/c', privateKey: '/k' }] } },
        { port: { number: 81, name: 'http', protocol: 'HTTP' }, hosts: ['e.example'], tls: { httpsRedirect: true } },
      ],
    },
  ],
  ServiceEntry: [
    {
      hosts: ['one.example'],
      addresses: ['10.1.0.1'],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      exportTo: ['.'],
      subjectAltNames: ['spiffe://x'],
      ports: [{ number: 8000, name: 'http', protocol: 'HTTP', targetPort: 8001 }],
      endpoints: [{ address: '10.2.0.1', ports: { http: 7 }, labels: { 'a': 'b', 'security.istio.io/tlsMode': 'istio' }, network: 'n', locality: 'north/a', weight: 7, serviceAccount: 'sa' }, { address: '10.2.0.3', ports: { http: 7 } }],
    },
    { hosts: ['three.example'], location: 'MESH_INTERNAL', resolution: 'STATIC', ports: [{ number: 8000, name: 'http', protocol: 'HTTP' }], endpoints: [{ address: '10.2.0.2', labels: { 'security.istio.io/tlsMode': 'istio' } }] },
    { hosts: ['two.example'], location: 'MESH_INTERNAL', resolution: 'STATIC', ports: [{ number: 8000, name: 'http', protocol: 'HTTP', targetPort: 8001 }], workloadSelector: { labels: { app: 'vm' } } },
  ],
  Sidecar: [
    {
      workloadSelector: { labels: { app: 'cart' } },
      ingress: [
        { port: { number: 8080, protocol: 'HTTP', name: 'http' }, bind: '10.244.0.9', defaultEndpoint: '127.0.0.1:8080', connectionPool: { tcp: { maxConnections: 3 } } },
        { port: { number: 8081, protocol: 'HTTP', name: 'http' }, captureMode: 'NONE' },
      ],
      egress: [
        { port: { number: 8000, protocol: 'HTTP', name: 'http' }, bind: '127.0.0.2', captureMode: 'NONE', hosts: ['./*'] }, { hosts: ['other/*'] },
      ],
      outboundTrafficPolicy: { mode: 'ALLOW_ANY', egressProxy: { host: 'depot.other.svc.cluster.local', subset: 's', port: { number: 8000 } } },
    },
    ...BLOCKS.slice(0, 2).flatMap(({ connectionPool }) => [
      { inboundConnectionPool: connectionPool }, { ingress: [8080, 8500].map(number => ({ port: { number, protocol: number === 8080 ? 'HTTP' : 'GRPC', name: 'p' }, connectionPool })) },
    ]),
  ],
  PeerAuthentication: [
    { selector: { matchLabels: { app: 'cart' } }, mtls: { mode: 'STRICT' }, portLevelMtls: { 8080: { mode: 'DISABLE' } } },
  ],
  RequestAuthentication: [
    {
      selector: { matchLabels: { app: 'cart' } },
      jwtRules: [
        {
          issuer: 'i',
          audiences: ['a'],
          jwks: '{}',
          fromHeaders: [{ name: 'h', prefix: 'p' }],
          fromParams: ['q'],
          fromCookies: ['c'],
          outputPayloadToHeader: 'o',
          outputClaimToHeaders: [{ header: 'h', claim: 'c' }],
          forwardOriginalToken: true,
          spaceDelimitedClaims: ['s'],
        },
      ],
    },
    { jwtRules: [{ issuer: 'i', jwksUri: 'http://depot.other.svc.cluster.local:8000/k', timeout: '1s' }] },
    { jwtRules: [{ issuer: 'i', jwks_uri: 'http://depot.other.svc.cluster.local:8000/k', timeout: '1s' }] },
  ],
  AuthorizationPolicy: [
    {
      selector: { matchLabels: { app: 'cart' } },
      action: 'DENY',
      rules: [{
        from: [{
          source: Object.fromEntries(['principals', 'requestPrincipals', 'namespaces', 'serviceAccounts', 'trustDomains']
            .flatMap(key => [[key, ['a']], [`not${key[0].toUpperCase()}${key.slice(1)}`, ['b']]])
            .concat(['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'].map(key => [key, ['10.0.0.0/8']]))),
        }],
        to: [{ operation: { hosts: ['a'], notHosts: ['b'], ports: ['1'], notPorts: ['2'], methods: ['A'], notMethods: ['B'], paths: ['/a'], notPaths: ['/b'] } }],
        when: [{ key: 'request.headers[x]', ...VALUES }],
      }],
    },
    { action: 'CUSTOM', provider: { name: 'p' }, rules: [{}] },
  ],
  WasmPlugin: [
    { ...WASM, selector: { matchLabels: { app: 'cart' } }, phase: 'AUTHN', match: [{ mode: 'CLIENT', ports: [{ number: 8000 }] }], type: 'NETWORK' },
    { url: 'oci://x', priority: 3 },
    { url: 'oci://x', match: [{ mode: 'SERVER' }] },
    { url: 'oci://x', phase: 'AUTHN' },
  ],
  TrafficExtension: [
    { wasm: { ...WASM, type: 'NETWORK' }, selector: { matchLabels: { app: 'cart' } }, phase: 'AUTHN', match: [{ mode: 'CLIENT', ports: [{ number: 8000 }] }] },
    { wasm: { url: 'oci://x' }, priority: 3 },
    { wasm: { url: 'oci://x' }, match: [{ mode: 'SERVER' }] },
    { wasm: { url: 'oci://x' }, phase: 'AUTHN' },
    { lua: { inlineCode: 'function envoy_on_request(h) end' } },
  ],
  Telemetry: [
    {
      selector: { matchLabels: { app: 'cart' } },
      accessLogging: [{ match: { mode: 'CLIENT' }, providers: [{ name: 'envoy' }], filter: { expression: 'response.code >= 400' } }],
      metrics: [{
        providers: [{ name: 'prometheus' }],
        overrides: [
          { match: { metric: 'REQUEST_COUNT', mode: 'CLIENT' }, disabled: true, tagOverrides: { a: { value: 'b' }, c: { operation: 'REMOVE' } } }, { match: { customMetric: 'm' }, disabled: true },
        ],
        reportingInterval: '1s',
      }],
      tracing: [{
        match: { mode: 'CLIENT' },
        providers: [{ name: 'zipkin' }],
        randomSamplingPercentage: 7,
        customTags: {
          a: { literal: { value: 'b' } }, c: { environment: { name: 'd', defaultValue: 'e' } }, f: { header: { name: 'g', defaultValue: 'h' } }, i: { formatter: { value: 'j' } },
        },
        useRequestIdForTraceSampling: false,
        enableIstioTags: false,
        disableContextPropagation: true,
      }],
    },
    { accessLogging: [{ providers: [{ name: 'envoy' }] }, { disabled: true }], tracing: [{ providers: [{ name: 'zipkin' }], disableSpanReporting: true }] },
  ],
};

/** Fields that Istio itself does not act on when it makes xDS, or not as it is installed, and why. */
export const NO_EFFECT: Readonly<Record<string, string>> = {
  'AuthorizationPolicy.targetRef': 'attaches to gateways of the Gateway API only; other proxies leave the policy out',
  'AuthorizationPolicy.targetRefs': 'attaches to gateways of the Gateway API only; other proxies leave the policy out',
  'RequestAuthentication.targetRef': 'attaches to gateways of the Gateway API only; other proxies leave the policy out',
  'RequestAuthentication.targetRefs': 'attaches to gateways of the Gateway API only; other proxies leave the policy out',
  'WasmPlugin.targetRef': 'attaches to gateways of the Gateway API only; other proxies leave the extension out',
  'WasmPlugin.targetRefs': 'attaches to gateways of the Gateway API only; other proxies leave the extension out',
  'WasmPlugin.verificationKey': 'not implemented by Istio',
  'TrafficExtension.targetRefs': 'attaches to gateways of the Gateway API only; other proxies leave the extension out',
  'TrafficExtension.wasm.verificationKey': 'not implemented by Istio',
  'Telemetry.targetRef': 'attaches to gateways of the Gateway API only; other proxies leave the resource out',
  'Telemetry.targetRefs': 'attaches to gateways of the Gateway API only; other proxies leave the resource out',
  'DestinationRule.*.outlierDetection.consecutiveErrors': 'replaced by consecutive5xxErrors; istiod reads it no more',
  'Gateway.servers[].tls.tlsCertificates[].caCertificates': 'not read by istiod: clients are checked by the caCertificates of the server',
  'Gateway.servers[].defaultEndpoint': 'for loopback gateways, which Istio never built',
  'Gateway.servers[].port.targetPort': 'not read: the Service of the gateway says where a port leads',
  'Sidecar.ingress[].port.targetPort': 'not read by istiod',
  'Sidecar.egress[].port.targetPort': 'not read by istiod',
  'Sidecar.ingress[].port.name': 'the number says all; only statistics patterns mention it',
  'Sidecar.egress[].port.name': 'the number says all',
  'Sidecar.*.connectionPool.http.h2UpgradePolicy': 'only callers upgrade; an inbound port speaks what it is declared as',
  'Sidecar.inboundConnectionPool.http.h2UpgradePolicy': 'only callers upgrade; an inbound port speaks what it is declared as',
  'VirtualService.http[].fault.abort.http2Error': 'not implemented by Istio',
  'VirtualService.http[].fault.delay.exponentialDelay': 'not implemented by Istio',
  'VirtualService.tcp[].match[].sourceSubnet': 'not implemented by Istio',
  'Sidecar.ingress[].tls': 'honoured with ENABLE_TLS_ON_SIDECAR_INGRESS only, which is off',
};
