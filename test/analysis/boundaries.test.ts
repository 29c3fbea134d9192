import { analyzeResources } from '../../src/analysis';
import { parseManifests } from '../../src/model/parse';

const doc = (kind: string, spec: string, apiVersion = 'networking.istio.io/v1') => `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: it}\nspec: ${spec}\n`;
const http = (rule: string) => doc('VirtualService', `{hosts: [web], http: [{${rule}}]}`);
const routed = (rule: string) => http(`${rule}, route: [{destination: {host: web}}]`);
const policy = (text: string) => doc('DestinationRule', `{host: web, trafficPolicy: {${text}}}`);
const gateway = (server: string) => doc('Gateway', `{selector: {istio: ingressgateway}, servers: [{${server}}]}`);
const security = (kind: string, spec: string) => doc(kind, spec, 'security.istio.io/v1');
const access = (rule: string) => security('AuthorizationPolicy', `{rules: [{${rule}}]}`);
const wasm = (text: string) => doc('WasmPlugin', `{url: "oci://a.example/m"${text}}`, 'extensions.istio.io/v1alpha1');
const env = (name: string) => wasm(`, vmConfig: {env: [{name: ${JSON.stringify(name)}, value: a}]}`);
const mesh = (field: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: '${field}'}\n`;
const long = (length: number) => 'a'.repeat(length);
const mb = 1024 * 1024;

type Value = string | number;

/** Field, code of what is outside, manifest for a value, values outside, values inside: one below, lowest, highest, one above, as far as the range has them. */
const RANGES: readonly [string, string, (value: Value) => string, Value[], Value[]][] = [
  ['route weight', 'MESH_WEIGHT_INVALID', value => http(`route: [{destination: {host: web}, weight: ${value}}]`), [-1], [0, 100, 1000]],
  ['abort status', 'MESH_STATUS_INVALID', value => routed(`fault: {abort: {httpStatus: ${value}}}`), [199, 601], [200, 600]],
  ['abort share', 'MESH_PERCENT_INVALID', value => routed(`fault: {abort: {httpStatus: 500, percentage: {value: ${value}}}}`), [-0.1, 0.00009, 100.1], [0, 0.0001, 100]],
  ['delay share', 'MESH_PERCENT_INVALID', value => routed(`fault: {delay: {fixedDelay: 1s, percentage: {value: ${value}}}}`), [-1, 101], [0, 100]],
  ['mirror share', 'MESH_PERCENT_INVALID', value => routed(`mirror: {host: web}, mirrorPercentage: {value: ${value}}`), [-0.1, 100.1], [0, 100]],
  ['mirrors share', 'MESH_PERCENT_INVALID', value => routed(`mirrors: [{destination: {host: web}, percentage: {value: ${value}}}]`), [-0.1, 100.1], [0, 100]],
  ['redirect code', 'MESH_STATUS_INVALID', value => http(`redirect: {uri: /a, redirectCode: ${value}}`), [299, 400], [300, 399]],
  ['redirect port', 'MESH_PORT_INVALID', value => http(`redirect: {port: ${value}}`), [65536], [1, 65535]],
  ['direct response status', 'MESH_STATUS_INVALID', value => http(`directResponse: {status: ${value}}`), [199, 601], [200, 600]],
  ['direct response body', 'MESH_LIMIT_INVALID', value => http(`directResponse: {status: 200, body: {string: ${long(Number(value))}}}`), [100 * 1024 + 1, mb, mb + 1], [1, 100 * 1024]],
  ['match port', 'MESH_PORT_INVALID', value => routed(`match: [{port: ${value}}]`), [65536], [1, 65535]],
  ['destination port', 'MESH_PORT_INVALID', value => http(`route: [{destination: {host: web, port: {number: ${value}}}}]`), [0, 65536], [1, 65535]],
  ['timeout', 'MESH_DURATION_INVALID', value => routed(`timeout: ${value}`), ['0s', '0.5ms', '1.5ms'], ['1ms', '24h']],
  ['retry attempts', 'MESH_RETRIES_INVALID', value => routed(`retries: {attempts: ${value}}`), [-1], [0, 1]],
  ['age of CORS', 'MESH_CORS_INVALID', value => routed(`corsPolicy: {maxAge: ${value}}`), ['500ms', '1500ms'], ['1s', '24h']],
  ['length of an expression', 'MESH_REGEX_INVALID', value => routed(`match: [{uri: {regex: "${long(Number(value))}"}}]`), [0, 1025], [1, 1024]],
  ['length of a subset\'s name', 'MESH_NAME_INVALID', value => doc('DestinationRule', `{host: web, subsets: [{name: "${long(Number(value))}"}]}`), [0, 64], [1, 63]],
  ['length of a host', 'MESH_HOST_INVALID', value => doc('DestinationRule', `{host: ${Array(Number(value)).fill('a').join('.')}}`), [129], [1, 128]],
  ['ejected share', 'MESH_PERCENT_INVALID', value => policy(`outlierDetection: {maxEjectionPercent: ${value}}`), [-1, 101], [0, 100]],
  ['healthy share', 'MESH_PERCENT_INVALID', value => policy(`outlierDetection: {minHealthPercent: ${value}}`), [-1, 101], [0, 100]],
  ['warm-up share', 'MESH_PERCENT_INVALID', value => policy(`loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 1s, minimumPercent: ${value}}}`), [-1, 101], [0, 100]],
  ['warm-up aggression', 'MESH_LIMIT_INVALID', value => policy(`loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 1s, aggression: ${value}}}`), [-1, 0], [0.1, 1]],
  ['Maglev table', 'MESH_LIMIT_INVALID', value => policy(`loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: ${value}}}}`), [0, 4, 65536, 5000011], [2, 65537, 4999999]],
  ['connections', 'MESH_LIMIT_INVALID', value => policy(`connectionPool: {tcp: {maxConnections: ${value}}}`), [-1], [0, 1]],
  ['locality weight', 'MESH_WEIGHT_INVALID', value => policy(`loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {b/*: ${value}, c/*: ${100 - Number(value)}}}]}}`), [0, 100], [1, 99]],
  ['sum of locality weights', 'MESH_WEIGHT_INVALID', value => policy(`loadBalancer: {localityLbSetting: {distribute: [{from: a/*, to: {b/*: 50, c/*: ${value}}}]}}`), [49, 51], [50]],
  ['port of a Gateway', 'MESH_PORT_INVALID', value => gateway(`port: {number: ${value}, name: http, protocol: HTTP}, hosts: ["*"]`), [0, 65536], [1, 65535]],
  ['port of a ServiceEntry', 'MESH_PORT_INVALID', value => doc('ServiceEntry', `{hosts: [a.example], resolution: DNS, ports: [{number: ${value}, name: http, protocol: HTTP}]}`), [0, 65536], [1, 65535]],
  ['target port of a ServiceEntry', 'MESH_PORT_INVALID',
    value => doc('ServiceEntry', `{hosts: [a.example], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP, targetPort: ${value}}]}`), [65536], [1, 65535]],
  ['port of a Sidecar', 'MESH_PORT_INVALID', value => doc('Sidecar', `{ingress: [{port: {number: ${value}, name: http, protocol: HTTP}, defaultEndpoint: "127.0.0.1:80"}]}`), [0, 65536], [1, 65535]],
  ['default endpoint of a Sidecar', 'MESH_ADDRESS_INVALID',
    value => doc('Sidecar', `{ingress: [{port: {number: 80, name: http, protocol: HTTP}, defaultEndpoint: "127.0.0.1:${value}"}]}`), [0, 65536], [1, 65535]],
  ['port of a WorkloadEntry', 'MESH_PORT_INVALID', value => doc('WorkloadEntry', `{address: 1.2.3.4, ports: {http: ${value}}}`), [0, 65536], [1, 65535]],
  ['port of access', 'MESH_PORT_INVALID', value => access(`to: [{operation: {ports: ["${value}"]}}]`), [-1, 65536], [0, 65535]],
  ['number of service accounts', 'MESH_LIMIT_INVALID', value => access(`from: [{source: {serviceAccounts: [${Array.from({ length: Number(value) }, (_, index) => `a${index}`).join(', ')}]}}]`), [17], [1, 16]],
  ['length of a service account', 'MESH_ACCESS_VALUE', value => access(`from: [{source: {serviceAccounts: ["${long(Number(value))}"]}}]`), [0, 321], [1, 320]],
  ['port of mutual TLS', 'MESH_PORT_INVALID', value => security('PeerAuthentication', `{selector: {matchLabels: {app: web}}, portLevelMtls: {"${value}": {mode: STRICT}}}`), [0, 65536], [1, 65535]],
  ['share of traces', 'MESH_PERCENT_INVALID', value => doc('Telemetry', `{tracing: [{randomSamplingPercentage: ${value}}]}`, 'telemetry.istio.io/v1'), [-0.1, 100.1], [0, 100]],
  ['length of a hash', 'MESH_PLUGIN_INVALID', value => wasm(`, sha256: ${long(Number(value))}`), [63, 65], [64]],
  ['length of a pull secret', 'MESH_LIMIT_INVALID', value => wasm(`, imagePullSecret: ${long(Number(value))}`), [254], [1, 253]],
  ['length of a plugin\'s name', 'MESH_LIMIT_INVALID', value => wasm(`, pluginName: ${long(Number(value))}`), [257], [1, 256]],
  ['length of a variable', 'MESH_LIMIT_INVALID', value => env(long(Number(value))), [0, 257], [1, 256]],
  ['bytes of Lua', 'MESH_LIMIT_INVALID', value => doc('TrafficExtension', `{lua: {inlineCode: "${long(Number(value))}"}}`, 'extensions.istio.io/v1alpha1'), [0, 65537], [1, 65536]],
  ['length of a proxy version', 'MESH_REGEX_INVALID',
    value => doc('EnvoyFilter', `{configPatches: [{applyTo: CLUSTER, match: {proxy: {proxyVersion: "${long(Number(value))}"}}, patch: {operation: MERGE, value: {connect_timeout: 1s}}}]}`,
      'networking.istio.io/v1alpha3'), [1025], [1, 1024]],
  ['connect timeout of the mesh', 'MESH_DURATION_INVALID', value => mesh(`connectTimeout: ${value}`), ['0s', '3600.001s'], ['1ms', '1h']],
  ['listen port of the mesh', 'MESH_PORT_INVALID', value => mesh(`proxyListenPort: ${value}`), [0, 65536], [1, 65535]],
  ['drain time of the mesh', 'MESH_DURATION_INVALID', value => mesh(`defaultConfig: {drainDuration: ${value}}`), ['500ms', '1500ms'], ['1s', '45s']],
];

const codes = (yaml: string): string[] => {
  const { resources, errors } = parseManifests(yaml, 'f.yaml');
  return analyzeResources(resources, errors).map(({ code }) => code);
};

describe.each(RANGES)('%s', (_field, code, manifest, outside, inside) => {
  test.each(outside)('refuses %s', value => expect(codes(manifest(value))).toContain(code));
  test.each(inside)('takes %s', value => expect(codes(manifest(value))).not.toContain(code));
});
