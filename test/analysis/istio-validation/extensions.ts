import type { Cases } from './manifests';
import { object, PROVIDER, targets, WEB } from './manifests';

const filter = (text: string, more = '') => object('EnvoyFilter', `{priority: 1, ${more}configPatches: [${text}]}`, 'networking.istio.io/v1alpha3');
const LUA = '{name: lua, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: "function envoy_on_request(h) end"}}}';
const httpFilter = (value: string) => filter(`{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND}, patch: {operation: INSERT_FIRST, value: ${value}}}`);
const cluster = (value: string, match = '') => filter(`{applyTo: CLUSTER, ${match}patch: {operation: MERGE, value: ${value}}}`);
const chain = (applyTo: string, match: string) => filter(`{applyTo: ${applyTo}, match: {listener: {filterChain: {filter: ${match}}}}, patch: {operation: MERGE, value: {}}}`);
const HCM = 'envoy.filters.network.http_connection_manager';

const telemetry = (text: string) => object('Telemetry', `{${text}}`, 'telemetry.istio.io/v1');
const overrides = (text: string) => telemetry(`metrics: [{overrides: [${text}]}]`);
const wasm = (text: string) => object('WasmPlugin', `{${text}}`, 'extensions.istio.io/v1alpha1');
const URL = 'url: "oci://a.example/m"';
const env = (text: string) => wasm(`${URL}, vmConfig: {env: [${text}]}`);
const extension = (text: string) => object('TrafficExtension', `{${text}}`, 'extensions.istio.io/v1alpha1');

/** Section 1.10. */
export const EXTENSIONS: Cases = {
  '1.10 EnvoyFilter (any)': { good: [object('DestinationRule', '{host: web}')], bad: [['W MESH_ENVOY_FILTER', cluster('{connect_timeout: 1s}')]] },
  '1.10 workloadSelector / targetRefs': {
    good: [filter('', 'workloadSelector: {labels: {app: web}}, '), filter('', 'targetRefs: [{kind: Service, name: web}], '),
      // Istio asks what kinds these are of policies only.
      filter('', 'targetRefs: [{kind: Pod, name: web}], ')],
    bad: [
      ['E MESH_SELECTOR_INVALID', filter('', 'workloadSelector: {labels: {app: "*"}}, ')],
      ['W MESH_SELECTOR_EMPTY', filter('', 'workloadSelector: {labels: {}}, ')],
      ['E MESH_FIELD_EXCLUSIVE', filter('', 'workloadSelector: {labels: {app: web}}, targetRefs: [{kind: Service, name: web}], ')],
    ],
  },
  '1.10 configPatches[] (context WAYPOINT unchecked)': {
    good: [filter('{applyTo: HTTP_FILTER, match: {context: WAYPOINT}}'), filter(`{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: ${HCM}, subFilter: {name: envoy.filters.http.fault}}}}}, patch: {operation: REMOVE}}`)],
    bad: [
      ['E MESH_FIELD_TYPE', filter('null')],
      ['E MESH_PATCH_INVALID', filter('{patch: {operation: MERGE, value: {}}}')],
      ['E MESH_PATCH_INVALID', filter('{applyTo: CLUSTER}')],
      ['E MESH_PATCH_INVALID', filter('{applyTo: CLUSTER, patch: {value: {}}}')],
      ['E MESH_PATCH_INVALID', filter('{applyTo: CLUSTER, patch: {operation: MERGE}}')],
    ],
  },
  '1.10 match.proxy.proxyVersion': {
    good: [cluster('{connect_timeout: 1s}', 'match: {proxy: {proxyVersion: "^1[.]3.*"}}, ')],
    bad: [
      ['W MESH_REGEX_INVALID', cluster('{connect_timeout: 1s}', `match: {proxy: {proxyVersion: ${'a'.repeat(1025)}}}, `)],
      ['E MESH_REGEX_INVALID', cluster('{connect_timeout: 1s}', 'match: {proxy: {proxyVersion: "("}}, ')],
    ],
  },
  '1.10 match type vs applyTo': {
    good: [cluster('{connect_timeout: 1s}', 'match: {cluster: {service: web.default.svc.cluster.local}}, ')],
    bad: [
      ['E MESH_PATCH_INVALID', cluster('{connect_timeout: 1s}', 'match: {listener: {portNumber: 80}}, ')],
      ['E MESH_PATCH_INVALID', filter('{applyTo: HTTP_ROUTE, match: {cluster: {name: a}}, patch: {operation: MERGE, value: {}}}')],
      ['E MESH_PATCH_INVALID', filter('{applyTo: LISTENER, match: {routeConfiguration: {name: a}}, patch: {operation: MERGE, value: {}}}')],
    ],
  },
  '1.10 listener.filterChain.filter': {
    good: [filter(`{applyTo: HTTP_FILTER, match: {context: SIDECAR_INBOUND, listener: {filterChain: {filter: {name: ${HCM}, subFilter: {name: envoy.filters.http.router}}}}}, patch: {operation: INSERT_BEFORE, value: ${LUA}}}`)],
    bad: [
      ['E MESH_PATCH_INVALID', chain('NETWORK_FILTER', '{subFilter: {name: a}}')],
      ['E MESH_PATCH_INVALID', chain('NETWORK_FILTER', `{name: ${HCM}, subFilter: {name: a}}`)],
      ['E MESH_PATCH_INVALID', chain('HTTP_FILTER', '{name: envoy.filters.network.tcp_proxy, subFilter: {name: a}}')],
      ['E MESH_PATCH_INVALID', chain('HTTP_FILTER', `{name: ${HCM}, subFilter: {}}`)],
    ],
  },
  '1.10 filter match on LISTENER / FILTER_CHAIN': { good: [filter('{applyTo: LISTENER, match: {context: SIDECAR_INBOUND, listener: {portNumber: 15006}}, patch: {operation: MERGE, value: {per_connection_buffer_limit_bytes: 1024}}}')], bad: [['W MESH_PATCH_INERT', chain('LISTENER', '{name: a}')], ['W MESH_PATCH_INERT', chain('FILTER_CHAIN', '{name: a}')]] },
  '1.10 deprecated filter names, deprecated type URLs, filter without typed_config, unknown fields (strict decoding)': {
    good: [httpFilter(LUA)],
    bad: [
      ['W MESH_FIELD_DEPRECATED', filter('{applyTo: HTTP_FILTER, match: {listener: {filterChain: {filter: {name: envoy.http_connection_manager}}}}, patch: {operation: REMOVE}}')],
      ['W MESH_FIELD_DEPRECATED', filter(`{applyTo: HTTP_FILTER, match: {listener: {filterChain: {filter: {name: ${HCM}, subFilter: {name: envoy.router}}}}}, patch: {operation: REMOVE}}`)],
      ['W MESH_PATCH_VALUE', httpFilter('{name: a}')],
      ['W MESH_PATCH_VALUE', cluster('{conect_timeout: 1s}')],
    ],
  },
  '1.10 value not decodable as the Envoy type, unknown type URL': {
    good: [cluster('{connect_timeout: 1s}'), httpFilter(LUA)],
    bad: [
      ['E MESH_PATCH_VALUE', cluster('{connect_timeout: soon}')],
      ['E MESH_PATCH_VALUE', httpFilter('{name: a, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Rooter}}')],
      ['E MESH_PATCH_VALUE', httpFilter('{name: a, typed_config: {"@type": type.googleapis.com/envoy.config.filter.http.router.v2.Router}}')],
    ],
  },
  '1.10 ProxyConfig': {
    good: [object('ProxyConfig', `{${WEB}, concurrency: 0}`, 'networking.istio.io/v1beta1')],
    bad: [
      ['E MESH_FIELD_TYPE', object('ProxyConfig', '{concurrency: -1}', 'networking.istio.io/v1beta1')],
      ['E MESH_SELECTOR_INVALID', object('ProxyConfig', '{selector: {matchLabels: {app: "*"}}}', 'networking.istio.io/v1beta1')],
      ['W MESH_SELECTOR_EMPTY', object('ProxyConfig', '{selector: {matchLabels: {}}}', 'networking.istio.io/v1beta1')],
    ],
  },
  '1.10 Telemetry selector/targetRefs': targets(target => telemetry(`${target}, tracing: [{}]`)),
  '1.10 tracing[]': {
    good: [telemetry('tracing: [{randomSamplingPercentage: 100, customTags: {a: {literal: {value: b}}, c: {header: {name: x}}, d: {environment: {name: E}}}}]')],
    bad: [
      ['W MESH_TELEMETRY_IGNORED', telemetry('tracing: [{}, {}]')],
      ['W MESH_TELEMETRY_IGNORED', telemetry('tracing: [{providers: [{name: a}, {name: b}]}]')],
      ['E MESH_PERCENT_INVALID', telemetry('tracing: [{randomSamplingPercentage: 100.1}]')],
      ['E MESH_TAG_INVALID', telemetry('tracing: [{customTags: {"": {literal: {value: b}}}}]')],
      ['E MESH_TAG_INVALID', telemetry('tracing: [{customTags: {a: {literal: {value: ""}}}}]')],
      ['E MESH_TAG_INVALID', telemetry('tracing: [{customTags: {a: {header: {name: ""}}}}]')],
    ],
  },
  '1.10 metrics[].overrides[]': {
    good: [overrides('{match: {metric: REQUEST_COUNT}, tagOverrides: {a: {value: b}, c: {operation: REMOVE}}}'), overrides('{match: {customMetric: mine}, disabled: true}')],
    bad: [
      ['E MESH_FIELD_TYPE', overrides('null')],
      ['E MESH_TAG_INVALID', overrides('{tagOverrides: {a: {operation: UPSERT}}}')],
      ['E MESH_TAG_INVALID', overrides('{tagOverrides: {a: {operation: REMOVE, value: b}}}')],
      ['E MESH_TAG_INVALID', overrides('{match: {customMetric: ""}}')],
    ],
  },
  '1.10 accessLogging[]': {
    good: [telemetry('accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code >= 400"}}]')],
    bad: [['E MESH_NAME_INVALID', telemetry('accessLogging: [{providers: [{name: ""}]}]')], ['E MESH_EXPRESSION_INVALID', telemetry('accessLogging: [{providers: [{name: envoy}], filter: {expression: "response.code >="}}]')]],
  },
  '1.10 WasmPlugin': {
    good: [wasm(`${WEB}, ${URL}, sha256: ${'a'.repeat(64)}, match: [{ports: [{number: 80}]}]`), env('{name: a, value: b}, {name: c, valueFrom: HOST}')],
    bad: [
      ['E MESH_SELECTOR_INVALID', wasm(`selector: {matchLabels: {app: "*"}}, ${URL}`)],
      ['E MESH_FIELD_REQUIRED', wasm(WEB)],
      ['E MESH_URL_INVALID', wasm('url: "ftp://a.example/m"')],
      ['E MESH_PLUGIN_INVALID', wasm(`${URL}, sha256: ${'A'.repeat(64)}`)],
      ['E MESH_LIMIT_INVALID', wasm(`${URL}, imagePullSecret: ${'a'.repeat(254)}`)],
      ['E MESH_LIMIT_INVALID', wasm(`${URL}, pluginName: ${'a'.repeat(257)}`)],
      ['E MESH_LIMIT_INVALID', env('{name: "", value: a}')],
      ['E MESH_PLUGIN_INVALID', env('{name: a, value: b}, {name: a, value: c}')],
      ['E MESH_PLUGIN_INVALID', env('{name: a, value: b, valueFrom: HOST}')],
      ['E MESH_PORT_INVALID', wasm(`${URL}, match: [{ports: [{number: 65536}]}]`)],
    ],
  },
  '1.10 TrafficExtension': {
    good: [extension(`${WEB}, lua: {inlineCode: "function envoy_on_request(h) end"}`), extension(`wasm: {${URL}}`)],
    bad: [
      ['E MESH_FIELD_REQUIRED', extension(WEB)],
      ['E MESH_FIELD_EXCLUSIVE', extension(`wasm: {${URL}}, lua: {inlineCode: a}`)],
      ['E MESH_LIMIT_INVALID', extension('lua: {inlineCode: ""}')],
      ['E MESH_URL_INVALID', extension('wasm: {url: "ftp://a.example"}')],
      ['E MESH_PORT_INVALID', extension(`wasm: {${URL}}, match: [{ports: [{number: 65536}]}]`)],
    ],
  },
};

const mesh = (field: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: '${field}'}\n---\n`;
const networks = (text: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {meshNetworks: '{networks: {n: {${text}}}}'}\n---\n`;
const proxy = (text: string) => mesh(`defaultConfig: {${text}}`);

/** Section 1.11. */
export const MESH_CONFIG: Cases = {
  '1.11 proxyListenPort; connectTimeout 1ms..1h; protocolDetectionTimeout 0 or whole ms': {
    good: [mesh('{proxyListenPort: 15001, connectTimeout: 1h, protocolDetectionTimeout: 0s}')],
    bad: [['E MESH_PORT_INVALID', mesh('proxyListenPort: 0')], ['E MESH_DURATION_INVALID', mesh('connectTimeout: 61m')], ['E MESH_DURATION_INVALID', mesh('protocolDetectionTimeout: 0.1ms')]],
  },
  '1.11 defaultConfig': {
    good: [proxy('discoveryAddress: "istiod.istio-system.svc:15012", drainDuration: 45s, statusPort: 15020, proxyAdminPort: 15000, tracing: {zipkin: {address: "zipkin.istio-system:9411"}}, '
      + 'privateKeyProvider: {cryptomb: {pollDelay: 10ms}}')],
    bad: [
      ['E MESH_FIELD_REQUIRED', proxy('configPath: ""')],
      ['E MESH_FIELD_REQUIRED', proxy('binaryPath: ""')],
      ['E MESH_FIELD_REQUIRED', proxy('serviceCluster: ""')],
      ['E MESH_ADDRESS_INVALID', proxy('discoveryAddress: istiod')],
      ['E MESH_DURATION_INVALID', proxy('drainDuration: 1500ms')],
      ['E MESH_PORT_INVALID', proxy('proxyAdminPort: 65536')],
      ['E MESH_PORT_INVALID', proxy('statusPort: 65536')],
      ['E MESH_ADDRESS_INVALID', proxy('tracing: {zipkin: {address: zipkin}}')],
      ['E MESH_ADDRESS_INVALID', proxy('tracing: {lightstep: {address: "a:b"}}')],
      ['E MESH_ADDRESS_INVALID', proxy('tracing: {datadog: {address: ":8126"}}')],
      ['E MESH_DURATION_INVALID', proxy('privateKeyProvider: {cryptomb: {pollDelay: 0s}}')],
      ['E MESH_FIELD_REQUIRED', proxy('privateKeyProvider: {qat: {}}')],
      ['E MESH_LIMIT_INVALID', proxy('connectionSettings: {httpMaxConcurrentStreams: -1}')],
      ['E MESH_LIMIT_INVALID', proxy('connectionSettings: {http2InitialStreamWindowSize: 65534}')],
    ],
  },
  '1.11 ISTIO_META_DNS_AUTO_ALLOCATE in proxyMetadata': {
    good: [proxy('proxyMetadata: {ISTIO_META_DNS_CAPTURE: "true"}')],
    bad: [['W MESH_FIELD_DEPRECATED', proxy('proxyMetadata: {ISTIO_META_DNS_AUTO_ALLOCATE: "true"}')]],
  },
  '1.11 localityLbSetting, zoneAwareLbSetting, serviceSettings hosts, trustDomain + aliases, defaultTrafficPolicy (pool, outlier)': {
    good: [mesh('{localityLbSetting: {failover: [{from: a, to: b}]}, serviceSettings: [{settings: {clusterLocal: true}, hosts: ["*.a.svc.cluster.local"]}], trustDomain: a.example, trustDomainAliases: [b.example]}')],
    bad: [
      ['E MESH_LOCALITY_INVALID', mesh('localityLbSetting: {failover: [{from: a, to: a}]}')],
      ['E MESH_LOCALITY_INVALID', mesh('zoneAwareLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}')],
      ['E MESH_FIELD_EXCLUSIVE', mesh('{localityLbSetting: {enabled: true}, zoneAwareLbSetting: {enabled: true}}')],
      ['E MESH_HOST_INVALID', mesh('serviceSettings: [{hosts: [a_b]}]')],
      ['E MESH_HOST_INVALID', mesh('trustDomain: a_b')],
      ['E MESH_HOST_DUPLICATE', mesh('trustDomainAliases: [a, a]')],
      ['E MESH_LIMIT_INVALID', mesh('defaultTrafficPolicy: {connectionPool: {tcp: {maxConnections: -1}}}')],
      ['E MESH_PERCENT_INVALID', mesh('defaultTrafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}')],
    ],
  },
  '1.11 meshMTLS.ecdhCurves': {
    good: [mesh('{meshMTLS: {ecdhCurves: [P-256, X25519]}, tlsDefaults: {ecdhCurves: [P-384]}}')],
    bad: [['E MESH_CIPHER_INVALID', mesh('meshMTLS: {ecdhCurves: [P-1]}')], ['W MESH_CIPHER_INVALID', mesh('tlsDefaults: {ecdhCurves: [P-1]}')], ['W MESH_CIPHER_INVALID', mesh('tlsDefaults: {ecdhCurves: [P-256, P-256]}')]],
  },
  '1.11 defaultInboundHttpRetryPolicy': {
    good: [mesh('defaultInboundHttpRetryPolicy: {attempts: 2, retryOn: reset-before-request, backoff: 1s}')],
    bad: [
      ['E MESH_RETRIES_INVALID', mesh('defaultInboundHttpRetryPolicy: {attempts: -1}')],
      ['E MESH_RETRY_ON_INVALID', mesh('defaultInboundHttpRetryPolicy: {attempts: 1, retryOn: nothing}')],
      ['E MESH_RETRIES_INVALID', mesh('defaultInboundHttpRetryPolicy: {attempts: 0, backoff: 1s}')],
      ...['perTryTimeout: 1s', 'retryRemoteLocalities: true', 'retryIgnorePreviousHosts: true'].map((field): [string, string] => ['W MESH_RETRIES_INVALID', mesh(`defaultInboundHttpRetryPolicy: {attempts: 1, ${field}}`)]),
    ],
  },
  '1.11 extensionProviders': {
    good: [PROVIDER],
    bad: [
      ['W none MESH_PROVIDER_INVALID', mesh('extensionProviders: [{envoyExtAuthzHttp: {service: web.default.svc.cluster.local, port: 80}}]')],
      ['W none MESH_PROVIDER_INVALID', mesh('extensionProviders: [{name: a, prometheus: {}}, {name: a, prometheus: {}}]')],
      ['W none MESH_PROVIDER_INVALID', mesh('extensionProviders: [{name: a, envoyExtAuthzHttp: {port: 80}}]')],
      ['W none MESH_PROVIDER_INVALID', mesh('extensionProviders: [{name: a, zipkin: {service: web.default.svc.cluster.local, port: 65536}}]')],
      ['W none MESH_PROVIDER_INVALID', mesh('extensionProviders: [{name: a, teleport: {}}]')],
    ],
  },
  '1.11 networks': {
    good: [networks('endpoints: [{fromCidr: 10.0.0.0/8}, {fromRegistry: Kubernetes}], gateways: [{address: 1.2.3.4, port: 15443}]')],
    bad: [
      ['E MESH_ADDRESS_INVALID', networks('endpoints: [{fromCidr: a}]')],
      ['E MESH_NAME_INVALID', networks('endpoints: [{fromRegistry: a_b}]')],
      ['E MESH_ADDRESS_INVALID', networks('gateways: [{address: a_b, port: 15443}]')],
      ['E MESH_PORT_INVALID', networks('gateways: [{address: 1.2.3.4, port: 0}]')],
    ],
  },
};
