import { http, matched, object, policy, routed, security } from './manifests';

/** What istiod's admission says of a manifest, where one would not guess it. */
export type Verdict = 'taken' | 'warned' | 'refused';

const route = (destination: string) => http(`route: [{destination: {${destination}}}]`);
const setHeader = (value: string, side = 'request', operation = 'set') => routed(`headers: {${side}: {${operation}: ${value}}}`);
const header = (value: string) => setHeader(`{x-a: ${JSON.stringify(value)}}`);
const rule = (text: string) => security('AuthorizationPolicy', `{rules: [{${text}}]}`);
const deny = (text: string) => security('AuthorizationPolicy', `{action: DENY, rules: [{${text}}]}`);
const when = (key: string, value = '"a"') => rule(`when: [{key: "${key}", values: [${value}]}]`);
const paths = (path: string) => rule(`to: [{operation: {paths: ["${path}"]}}]`);
const entry = (text: string) => object('ServiceEntry', `{${text}}`);
const workload = (text: string) => object('WorkloadEntry', `{${text}}`);
const group = (text: string) => object('WorkloadGroup', `{template: {serviceAccount: a}, ${text}}`);
const filter = (patch: string) => object('EnvoyFilter', `{configPatches: [{${patch}}]}`, 'networking.istio.io/v1alpha3');
const patched = (applyTo: string, value: string, operation = 'MERGE') => filter(`applyTo: ${applyTo}, patch: {operation: ${operation}, value: ${value}}`);
const any = (text: string) => `{name: a, typed_config: {${text}}}`;
const TYPE = '"@type": type.googleapis.com/';
const server = (text: string, hosts = '"*"') => object('Gateway', `{selector: {istio: ingressgateway}, servers: [{hosts: [${hosts}], ${text}}]}`);
const https = (tls: string, protocol = 'HTTPS') => server(`port: {number: 443, name: a, protocol: ${protocol}}, tls: {${tls}}`);
const logged = (expression: string) => object('Telemetry', `{accessLogging: [{filter: {expression: ${JSON.stringify(expression)}}}]}`, 'telemetry.istio.io/v1');
const traced = (tag: string) => object('Telemetry', `{tracing: [{customTags: {a: ${tag}}}]}`, 'telemetry.istio.io/v1');
const wasm = (url: string) => object('WasmPlugin', `{url: "${url}"}`, 'extensions.istio.io/v1alpha1');
const token = (text: string) => security('RequestAuthentication', `{jwtRules: [{issuer: a, ${text}}]}`);
const keys = (text: string) => token(`jwks: '{"keys":[${text}]}'`);
const sidecar = (endpoint: string) => object('Sidecar', `{ingress: [{port: {number: 80, name: http, protocol: HTTP}, defaultEndpoint: "${endpoint}"}]}`);
const EXTERNAL = 'hosts: [a.example, b.example], location: MESH_EXTERNAL';
const MADE_UP = 'location: MESH_EXTERNAL, ports: [{number: 80, name: http, protocol: HTTP}]';

export const VERDICTS: Readonly<Record<string, readonly (readonly [Verdict, string])[]>> = {
  'destinations': [
    ['refused', route('host: 1.2.3.4')], ['refused', route('host: "::1"')], ['refused', route('host: web, port: {}')], ['refused', route('host: -a')], ['taken', route('host: "*-a.example"')],
    ['refused', routed('mirror: {host: "a_b"}')], ['refused', routed('mirror: {host: web, port: {}}')], ['refused', routed('mirrors: [{destination: {host: web, subset: "v1*"}}]')],
    ['refused', object('DestinationRule', '{host: 1.2.3.4}')], ['refused', object('DestinationRule', '{host: -a}')],
  ],
  'headers': [
    ['taken', setHeader('{"a/b": x}')], ['taken', setHeader('{":Authority": x}')], ['refused', setHeader('{":path": x}')], ['taken', setHeader('["a b"]', 'response', 'remove')], ['refused', setHeader('["Host"]', 'response', 'remove')],
    ...['%lower%', '% %', '%A(%b%)%', '%REQ(x)%%REQ(y)%', '%M(["a", "b"])%', '%A(b) %', '100%%', ''].map((value): [Verdict, string] => ['taken', header(value)]),
    ...['%', '50% off', '%A(b):5%', '%A(', '%A(b)(c)%', '%%%', '%()%', '%M(["a" "b"])%', '%M([a])%', '%PROTOCOL%%'].map((value): [Verdict, string] => ['refused', header(value)]),
    ['taken', matched('headers: {":path": {exact: a}}')], ['refused', matched('headers: {":foo": {exact: a}}')], ['refused', matched('withoutHeaders: {":foo": {exact: a}}')],
    ['refused', matched('headers: {"@request.auth.claims": {exact: a}}')],
  ],
  'references to gateways: behind a name without namespace nothing is looked at': [
    ['taken', matched('gateways: [mesh, "ns/"]')], ['refused', matched('gateways: ["ns/", mesh]')], ['refused', matched('gateways: ["./a"]')],
  ],
  'actions': [
    ['refused', routed('rewrite: {uri: ""}')], ['refused', routed('rewrite: {uriRegexRewrite: {match: a, rewrite: ""}}')], ['taken', routed('rewrite: {uri: "", authority: a}')],
    ['warned', routed('mirror: {host: web}, mirror_percent: 5')], ['refused', routed('mirror: {host: web}, mirror_percent: 101')],
    ['taken', routed('mirror: {host: web}, mirrorPercentage: {value: 0.00001}')], ['taken', routed('mirrors: [{destination: {host: web}, percentage: {value: 0.00001}}]')], ['refused', routed('mirrors: [{destination: {host: web}, percentage: {value: 100.1}}]')],
  ],
  'policies of traffic': [
    ['refused', policy('portLevelSettings: []')], ['taken', policy('portLevelSettings: [{port: {}, tls: {}}]')], ['refused', policy('loadBalancer: {consistentHash: {useSourceIp: true, maglev: {}}}')],
    ['taken', policy('loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 0}}')], ['warned', policy('outlierDetection: {consecutiveErrors: 1}')],
    ['taken', object('DestinationRule', '{host: web, subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {outlierDetection: {consecutiveErrors: 1}}}]}')],
    ['taken', policy('portLevelSettings: [{port: {number: 80}, outlierDetection: {consecutiveErrors: 1}}]')],
    ['refused', policy('tls: {mode: DISABLE, credentialName: "configmap://other/a"}')],
  ],
  'servers': [
    ['refused', server('port: {number: 80, name: a, protocol: HBONE}')], ['refused', server('port: {number: 80, name: a, protocol: HTTP}', '"::1"')], ['taken', server('port: {number: 80, name: a, protocol: HTTP}', '1.2.3.4')],
    ['warned', https('tlsCertificates: [{}]', 'HTTP2')], ['refused', https('privateKey: /a', 'HTTP')], ['warned', https('caCrl: /a', 'HTTP')],
    ['taken', https('mode: SIMPLE, credentialNames: [a], serverCertificate: /a')], ['refused', https('mode: SIMPLE, credentialNames: [a], serverCertificate: /a, privateKey: /b')],
  ],
  'registry': [
    ['refused', entry(`hosts: [a.example], resolution: DNS_ROUND_ROBIN, endpoints: [{network: n}], ${MADE_UP}`)], ['warned', entry(`hosts: [a.example], resolution: STATIC, endpoints: [{network: n}], ${MADE_UP}`)],
    ['refused', entry(`hosts: ["*.example"], resolution: DNS, workloadSelector: {labels: {app: a}}, ${MADE_UP}`)],
    ['warned', entry(`${EXTERNAL}, resolution: DNS, addresses: [1.2.3.4], ports: [{number: 443, name: https, protocol: HTTPS}]`)],
    ['taken', entry(`${EXTERNAL}, resolution: DNS, addresses: [1.2.3.4], ports: [{number: 80, name: http, protocol: HTTP}]`)],
    ['taken', workload('address: "fe80::1%eth0"')], ['refused', workload('address: ":::"')], ['refused', workload('address: 1.2.3.4, labels: {a: "b c"}')],
    ['taken', workload(`address: 1.2.3.4, labels: {a: ${'b'.repeat(64)}}`)], ['refused', workload(`address: 1.2.3.4, labels: {${'a'.repeat(64)}: b}`)],
    ['refused', group('probe: {grpc: {port: 80}}')], ['refused', group('probe: {}')], ['taken', object('WorkloadGroup', '{template: {labels: {"a b": "*"}, ports: {a_b: 80}}}')],
    ...['127.0.0.1:80', ':80', '[::1]:80', '[::]:80', 'unix:///a'].map((endpoint): [Verdict, string] => ['taken', sidecar(endpoint)]),
    ...['::1:80', '1.2.3.4:80', '127.0.0.1', '127.0.0.1:0', 'unix://'].map((endpoint): [Verdict, string] => ['refused', sidecar(endpoint)]),
  ],
  'access': [
    ['taken', rule('from: []')], ['refused', rule('from: [{source: {principals: []}}]')], ['refused', rule('to: [{operation: {notPorts: []}}]')], ['refused', security('AuthorizationPolicy', '{action: DENY, rules: []}')],
    ['refused', security('AuthorizationPolicy', '{action: CUSTOM, provider: {name: a}, rules: []}')], ['taken', rule('to: [{operation: {ports: ["0"]}}]')], ['refused', rule('to: [{operation: {ports: ["65536"]}}]')],
    ['taken', when('request.headers[a][b]')], ['taken', when('request.headers[a b]')], ['refused', when('request.headers[]')], ['refused', when('request.headers[a]b')], ['refused', when('request.auth.claims.a')],
    ['taken', when('source.trustDomain', 'a/b')], ['refused', when('source.trustDomain', '"a*b"')], ['refused', when('source.trustDomain', '"**"')], ['refused', rule('from: [{source: {trustDomains: [a/b]}}]')],
    ['taken', paths('//{*}/')], ['refused', paths('/{*}//a')], ['refused', paths('/{*}/{')], ['taken', paths('/{*}/%41')],
    ['warned', deny('from: [{source: {principals: [a]}}], to: [{operation: {methods: [GET]}}]')], ['warned', deny('from: [{source: {requestPrincipals: [a]}}]')], ['warned', deny('from: [{source: {trustDomains: [a]}}]')],
    ['taken', deny('from: [{source: {requestPrincipals: [a], ipBlocks: [1.2.3.4]}}]')], ['taken', deny('when: [{key: "request.headers[a]", values: [b]}]')],
  ],
  'tokens': [
    ['taken', token('jwksUri: "https:x"')], ['refused', token('jwksUri: x')], ['refused', token('jwksUri: "http://a b"')], ['refused', token('jwksUri: "http://a/%zz"')], ['refused', keys('{"kty":"RSA"}')], ['refused', keys('{"kty":"oct"}')],
    ['refused', keys('{"kty":"RSA","e":"AQAB","n":"!!"}')], ['refused', keys('{"kty":"other"}')], ['warned', keys('{"kty":"oct","k":"YQ"}')],
  ],
  'extensions': [
    ...['a', 'ghcr.io/a/b:v1', '1.2.3.4:5000/a', 'oci://a/b', 'file:///a', 'HTTPS://a', '/a', 'http://a:'].map((url): [Verdict, string] => ['taken', wasm(url)]),
    ...['', 'mailto:a', 'localhost:5000/a', 'http://a/%zz', '%zz', 'ftp://a'].map((url): [Verdict, string] => ['refused', wasm(url)]),
    ['taken', traced('{}')], ['refused', traced('{header: {}}')], ['refused', object('Telemetry', '{accessLogging: [{filter: {}}]}', 'telemetry.istio.io/v1')],
    ['refused', object('Telemetry', '{metrics: [{providers: [{name: ""}]}]}', 'telemetry.istio.io/v1')],
    ['refused', filter('applyTo: CLUSTER, match: {waypoint: {portNumber: 80}}, patch: {operation: MERGE, value: {}}')],
    ['warned', filter('applyTo: LISTENER_FILTER, match: {cluster: {service: a}}, patch: {operation: REMOVE}')],
  ],
  'values of patches: a valid one is warned of too, as any EnvoyFilter is': [
    ...[patched('CLUSTER', '{type: NOPE}'), patched('VIRTUAL_HOST', '{require_tls: NOPE}'), patched('HTTP_FILTER', any('')), patched('HTTP_FILTER', any(`${TYPE}google.protobuf.Struct, a: 1`)),
      patched('HTTP_FILTER', any(`${TYPE}envoy.config.filter.http.lua.v2.Lua`)), patched('HTTP_ROUTE', `{typed_per_filter_config: {a: {${TYPE}envoy.nope}}}`), patched('CLUSTER', '{connect_timeout: 5}', 'REMOVE'),
      patched('BOOTSTRAP', '{node: 1}')].map((yaml): [Verdict, string] => ['refused', yaml]),
    ...[patched('HTTP_FILTER', any(`${TYPE}udpa.type.v1.TypedStruct, type_url: a, value: {a: 1}`)), patched('CLUSTER', '{transport_socket: {name: tls}}'), patched('BOOTSTRAP', '{foo: 1}'), patched('CLUSTER', '{foo: 1}', 'REMOVE')]
      .map((yaml): [Verdict, string] => ['warned', yaml]),
  ],
  'expressions of CEL': [
    ...['response.code >= 400', 'has(a.b) && !has(request.headers.x)', 'x.all(y, y > 1) ? 1 : 2', '.a.b', '-9223372036854775808', '[1, 2,]', '[,]', '{"a": 1}', 'Foo{a: 1}', "r'\\'", '1.a', 'a // b', 'a.`b-c`', "b'a'", '"\\x41\\101"', 'a.if', '--x', '!-1']
      .map((text): [Verdict, string] => ['taken', logged(text)]),
    ...['', '(', 'a b', 'has(a)', 'has(a["b"])', 'x ? 1', 'if', "'\\z'", 'a(1,)', 'x.map(y.z, 1)', 'x.exists(__result__, true)', '9223372036854775808', '1e999', '{1}', 'Foo{1: 2}', '()', '!-x', 'a.true', "rb'x'", '"\\ud800"', 'a:b', 'a = b', `${'('.repeat(251)}a${')'.repeat(251)}`]
      .map((text): [Verdict, string] => ['refused', logged(text)]),
  ],
};
