import type { Cases } from './manifests';
import { http, matched, object, policy, routed, security, TO_WEB, virtualService } from './manifests';

const gateway = (...servers: string[]) => object('Gateway', `{selector: {istio: ingressgateway}, servers: [${servers.join(', ')}]}`);
const HTTP = '{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}';
const https = (tls: string, protocol = 'HTTPS') => gateway(`{port: {number: 443, name: https, protocol: ${protocol}}, tls: {${tls}}, hosts: ["*"]}`);
const port = (text: string, more = '') => gateway(`{port: {${text}}, hosts: ["*"]${more}}`);
const host = (text: string) => gateway(`{port: {number: 80, name: http, protocol: HTTP}, hosts: [${text}]}`);
const FILES = 'serverCertificate: /a.crt, privateKey: /a.key';
const FILE_PAIR = `{${FILES}}`;

const annotated = (key: string, value = '"true"', kind = 'AuthorizationPolicy', spec = '{rules: [{}]}') => (
  kind === 'AuthorizationPolicy' ? security(kind, spec, `, annotations: {${key}: ${value}}`) : object(kind, spec, undefined, `, annotations: {${key}: ${value}}`));

/** Sections 1.1 and 1.2. */
export const GATEWAYS: Cases = {
  '1.1 annotation `istio.io/dry-run`': {
    good: [annotated('istio.io/dry-run'), annotated('istio.io/dry-run', '"false"')],
    bad: [
      ['E MESH_ANNOTATION_MISPLACED', annotated('istio.io/dry-run', '"true"', 'DestinationRule', '{host: web}')],
      ['E MESH_ANNOTATION_MISPLACED', annotated('istio.io/dry-run', '"true"', 'WorkloadEntry', '{address: 1.2.3.4}')],
      ['E MESH_ANNOTATION_MISPLACED', annotated('istio.io/dry-run', '"true"', 'AuthorizationPolicy', '{action: AUDIT, rules: [{}]}')],
      ['E MESH_ANNOTATION_INVALID', annotated('istio.io/dry-run', 'maybe')],
    ],
  },
  '1.1 internal annotations "always reject", parent names, parent namespace': {
    good: [object('DestinationRule', '{host: web}')],
    bad: ['webhook-always-reject', 'parents', 'parent-namespace'].map(key => ['E MESH_ANNOTATION_INTERNAL', annotated(`internal.istio.io/${key}`, '"a"', 'DestinationRule', '{host: web}')]),
  },
  '1.2 metadata.name, servers': {
    good: [gateway(HTTP), host('"*.other"'), host('default/a.other'), host('"*/a.other"'), host('./a.other'), host('1.2.3.4')],
    bad: [
      ['E MESH_NAME_INVALID', gateway(HTTP).replace('name: it', 'name: it.dotted')],
      ['E MESH_SERVERS_MISSING', gateway()],
      ['E MESH_FIELD_TYPE', gateway('null')],
      ['E MESH_HOST_MISSING', host('')],
      ['E MESH_HOST_INVALID', host('web')],
      ['E MESH_HOST_INVALID', host('"a*.example"')],
      ['E MESH_HOST_INVALID', host('a_b/a.example')],
      ['E MESH_HOST_INVALID', host('a/b/c.example')],
    ],
  },
  '1.2 servers[].port': {
    good: [port('number: 80, name: http, protocol: HTTP'), port('number: 0, name: http, protocol: HTTP', ', bind: "unix:///a"')],
    bad: [
      ['E MESH_FIELD_REQUIRED', gateway('{hosts: ["*"]}')],
      ['E MESH_PROTOCOL_UNKNOWN', port('number: 80, name: http, protocol: HTTTP')],
      ['E MESH_PORT_INVALID', port('number: 0, name: http, protocol: HTTP')],
      ['E MESH_PORT_INVALID', port('number: 80, name: http, protocol: HTTP, targetPort: 8080')],
      ['E MESH_NAME_INVALID', port('number: 80, name: "", protocol: HTTP')],
    ],
  },
  '1.2 port.name, bind': {
    good: [gateway(HTTP, '{port: {number: 81, name: http-b, protocol: HTTP}, hosts: [a.example]}'), port('number: 80, name: http, protocol: HTTP', ', bind: 1.2.3.4'),
      port('number: 80, name: http, protocol: HTTP', ', bind: "::1"')],
    bad: [
      ['E MESH_PORT_DUPLICATE', gateway(HTTP, '{port: {number: 81, name: http, protocol: HTTP}, hosts: [a.example]}')],
      ['E MESH_ADDRESS_INVALID', port('number: 80, name: http, protocol: HTTP', ', bind: a.example')],
      ['E MESH_ADDRESS_INVALID', port('number: 0, name: http, protocol: HTTP', ', bind: "unix://a/"')],
      ['E MESH_PORT_INVALID', port('number: 80, name: http, protocol: HTTP', ', bind: "unix:///a"')],
    ],
  },
  '1.2 tls presence': {
    good: [https('mode: SIMPLE, credentialName: c'), https('httpsRedirect: true', 'HTTP'), https('mode: AUTO_PASSTHROUGH', 'TLS')],
    bad: [
      ['E MESH_TLS_MISSING', port('number: 443, name: https, protocol: HTTPS')],
      ['E MESH_TLS_MISSING', port('number: 443, name: tls, protocol: TLS')],
      ['E MESH_TLS_INVALID', https('mode: SIMPLE, credentialName: c', 'HTTP')],
      ['E MESH_TLS_INVALID', https('httpsRedirect: true, caCertificates: /a', 'HTTP')],
      ['E MESH_TLS_INVALID', https('mode: SIMPLE, credentialName: c', 'TCP')],
    ],
  },
  '1.2 tls.httpsRedirect on non-HTTP protocol': {
    good: [https('httpsRedirect: true', 'HTTP'), https('httpsRedirect: false, mode: SIMPLE, credentialName: c')],
    bad: [['W MESH_TLS_INVALID', https('httpsRedirect: true, mode: SIMPLE, credentialName: c')]],
  },
  '1.2 tls': {
    good: [https('mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_2'), https('mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_0, cipherSuites: [AES128-SHA]'),
      https(`mode: SIMPLE, tlsCertificates: [${FILE_PAIR}, ${FILE_PAIR}]`), https('mode: PASSTHROUGH', 'TLS')],
    bad: [
      ['W MESH_TLS_INVALID', https('mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_1')],
      ['W MESH_CIPHER_INVALID', https('mode: SIMPLE, credentialName: c, cipherSuites: [AES]')],
      ['W MESH_CIPHER_INVALID', https('mode: SIMPLE, credentialName: c, cipherSuites: [AES128-SHA, AES128-SHA]')],
      ['W MESH_TLS_INVALID', https(`mode: SIMPLE, tlsCertificates: [${FILE_PAIR}, ${FILE_PAIR}, ${FILE_PAIR}]`)],
      ['W MESH_TLS_INVALID', https('mode: PASSTHROUGH, credentialName: c', 'TLS')],
      ['W MESH_TLS_INVALID', https('mode: AUTO_PASSTHROUGH, caCertificates: /a', 'TLS')],
    ],
  },
  '1.2 mode ISTIO_MUTUAL': {
    good: [https('mode: ISTIO_MUTUAL')],
    bad: [FILES, 'caCertificates: /a', 'credentialName: c', 'credentialNames: [c]', `tlsCertificates: [${FILE_PAIR}]`].map(text => ['E MESH_TLS_INVALID', https(`mode: ISTIO_MUTUAL, ${text}`)]),
  },
  '1.2 more than one certificate source (cert+key, credentialName, credentialNames, tlsCertificates)': {
    good: [https('mode: SIMPLE, credentialNames: [a, b]')],
    bad: [`${FILES}, credentialName: c`, 'credentialName: c, credentialNames: [c]', `credentialName: c, tlsCertificates: [${FILE_PAIR}]`]
      .map(text => ['E MESH_TLS_INVALID', https(`mode: SIMPLE, ${text}`)]),
  },
  '1.2 SIMPLE / MUTUAL / OPTIONAL_MUTUAL without credentialName(s)': {
    good: [https(`mode: SIMPLE, ${FILES}`), https(`mode: MUTUAL, ${FILES}, caCertificates: /a`), https(`mode: OPTIONAL_MUTUAL, tlsCertificates: [${FILE_PAIR}], caCertificates: /a`)],
    bad: [
      ['E MESH_TLS_INVALID', https('mode: SIMPLE')],
      ['E MESH_TLS_INVALID', https('mode: SIMPLE, serverCertificate: /a.crt')],
      ['E MESH_TLS_INVALID', https('mode: SIMPLE, tlsCertificates: [{serverCertificate: /a.crt}]')],
      ['E MESH_TLS_INVALID', https(`mode: MUTUAL, ${FILES}`)],
      ['E MESH_TLS_INVALID', https(`mode: OPTIONAL_MUTUAL, tlsCertificates: [${FILE_PAIR}]`)],
    ],
  },
  '1.2 caCrl': {
    good: [https(`mode: MUTUAL, ${FILES}, caCertificates: /a, caCrl: /c`)],
    bad: [['E MESH_TLS_INVALID', https(`mode: SIMPLE, ${FILES}, caCrl: /c`)], ['E MESH_TLS_INVALID', https('mode: MUTUAL, credentialName: c, caCrl: /c')]],
  },
};

const rule = (spec: string) => object('DestinationRule', `{${spec}}`);
const subset = (text: string) => rule(`host: web, subsets: [{${text}}]`);
const pool = (text: string) => policy(`connectionPool: {${text}}`);
const hash = (text: string) => policy(`loadBalancer: {consistentHash: {${text}}}`);
const OUTLIER = 'outlierDetection: {consecutive5xxErrors: 3}';
const locality = (text: string, outlier = `, ${OUTLIER}`) => policy(`loadBalancer: {localityLbSetting: {${text}}}${outlier}`);
const zones = (text: string, outlier = `, ${OUTLIER}`) => policy(`loadBalancer: {simple: ROUND_ROBIN, zoneAwareLbSetting: {${text}}}${outlier}`);
const tls = (text: string) => policy(`tls: {${text}}`);
const pem = 'clientCertificate: /a, privateKey: /b, caCertificates: /c';

/** Section 1.3. */
export const DESTINATION_RULES: Cases = {
  '1.3 host': {
    good: [rule('host: web'), rule('host: "*.default.svc.cluster.local"')],
    bad: [['E MESH_HOST_INVALID', rule('host: "http://web"')], ['E MESH_HOST_INVALID', rule('host: a_b')], ['E MESH_HOST_INVALID', rule('host: ""')]],
  },
  '1.3 subsets': {
    good: [subset('name: v1, labels: {version: v1}'), subset('name: v1, labels: {version: v1}, trafficPolicy: {loadBalancer: {simple: RANDOM}}') + http('route: [{destination: {host: web, subset: v1}}]')],
    bad: [
      ['E MESH_FIELD_TYPE', rule('host: web, subsets: [null]')],
      ['E MESH_NAME_INVALID', subset('name: ""')],
      ['E MESH_NAME_INVALID', subset('name: a_b')],
      ['E MESH_SUBSET_DUPLICATE', rule('host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v1, labels: {version: v1}}]')],
      ['E MESH_LABEL_INVALID', subset('name: v1, labels: {version: "-v1"}')],
      ['E MESH_LABEL_INVALID', subset('name: v1, labels: {"a b": v1}')],
      ['E MESH_POLICY_EMPTY', subset('name: v1, labels: {version: v1}, trafficPolicy: {}')],
    ],
  },
  '1.3 trafficPolicy': {
    good: [policy('proxyProtocol: {version: V1}')],
    bad: [['E MESH_POLICY_EMPTY', policy('')], ['E MESH_FIELD_EXCLUSIVE', policy('tunnel: {targetHost: a.example, targetPort: 80}, proxyProtocol: {version: V1}')]],
  },
  '1.3 portLevelSettings[]': {
    good: [policy('portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]')],
    bad: [
      ['E MESH_FIELD_TYPE', policy('portLevelSettings: [null]')],
      ['E MESH_PORT_MISSING', policy('portLevelSettings: [{loadBalancer: {simple: RANDOM}}]')],
      ['E MESH_POLICY_EMPTY', policy('portLevelSettings: [{port: {number: 80}}]')],
    ],
  },
  '1.3 outlierDetection': {
    good: [policy('outlierDetection: {baseEjectionTime: 1s, interval: 1ms, maxEjectionPercent: 0, minHealthPercent: 100, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 3}')],
    bad: [
      ['E MESH_DURATION_INVALID', policy('outlierDetection: {baseEjectionTime: 0s}')],
      ['E MESH_DURATION_INVALID', policy('outlierDetection: {interval: 0.5ms}')],
      ['E MESH_PERCENT_INVALID', policy('outlierDetection: {maxEjectionPercent: 101}')],
      ['E MESH_PERCENT_INVALID', policy('outlierDetection: {minHealthPercent: -1}')],
      ['E MESH_FIELD_REQUIRED', policy('outlierDetection: {consecutiveLocalOriginFailures: 3}')],
    ],
  },
  '1.3 connectionPool': {
    good: [pool('tcp: {maxConnections: 0, connectTimeout: 1s, idleTimeout: 0s, tcpKeepalive: {time: 1s, interval: 1s, probes: 3}}, http: {idleTimeout: 1s}')],
    bad: [
      ['E MESH_POLICY_EMPTY', pool('')],
      ['E MESH_LIMIT_INVALID', pool('tcp: {maxConnections: -1}')],
      ['E MESH_LIMIT_INVALID', pool('http: {http2MaxRequests: -1}')],
      ['E MESH_LIMIT_INVALID', pool('http: {maxRetries: -1}')],
      ['E MESH_DURATION_INVALID', pool('http: {idleTimeout: 0s}')],
      ['E MESH_DURATION_INVALID', pool('tcp: {connectTimeout: 0s}')],
      ['E MESH_DURATION_INVALID', pool('tcp: {maxConnectionDuration: 0.1ms}')],
      ['E MESH_DURATION_INVALID', pool('tcp: {tcpKeepalive: {time: 0s}}')],
      ['E MESH_DURATION_INVALID', pool('tcp: {tcpKeepalive: {interval: 0.1ms}}')],
      ['E MESH_DURATION_INVALID', pool('tcp: {idleTimeout: 0.1ms}')],
    ],
  },
  '1.3 http': {
    good: [pool('http: {useClientProtocol: true}'), pool('http: {h2UpgradePolicy: UPGRADE, http2KeepAlive: {interval: 10s, timeout: 1s}}')],
    bad: [
      ['E MESH_FIELD_EXCLUSIVE', pool('http: {useClientProtocol: true, h2UpgradePolicy: UPGRADE}')],
      ['E MESH_FIELD_REQUIRED', pool('http: {http2KeepAlive: {interval: 10s}}')],
      ['E MESH_FIELD_REQUIRED', pool('http: {http2KeepAlive: {timeout: 10s}}')],
      ['E MESH_DURATION_INVALID', pool('http: {http2KeepAlive: {interval: 0s, timeout: 1s}}')],
    ],
  },
  '1.3 loadBalancer.consistentHash': {
    good: [hash('httpCookie: {name: a, ttl: 0s, attributes: [{name: SameSite, value: Lax}]}'), hash('useSourceIp: true, ringHash: {minimumRingSize: 7}'), hash('useSourceIp: true, maglev: {tableSize: 65537}')],
    bad: [
      ['E MESH_NAME_INVALID', hash('httpCookie: {name: ""}')],
      ['E MESH_NAME_INVALID', hash('httpCookie: {name: a, attributes: [{name: ""}]}')],
      ['E MESH_NAME_INVALID', hash('httpCookie: {name: a, attributes: [{name: b}, {name: b}]}')],
      ['E MESH_FIELD_EXCLUSIVE', hash('useSourceIp: true, minimumRingSize: 7, ringHash: {}')],
      ['E MESH_FIELD_EXCLUSIVE', hash('useSourceIp: true, minimumRingSize: 7, maglev: {}')],
      ['E MESH_LIMIT_INVALID', hash('useSourceIp: true, maglev: {tableSize: 0}')],
      ['E MESH_LIMIT_INVALID', hash('useSourceIp: true, maglev: {tableSize: 4}')],
      ['E MESH_LIMIT_INVALID', hash('useSourceIp: true, maglev: {tableSize: 5000011}')],
    ],
  },
  '1.3 minimumRingSize; outlierDetection.consecutiveErrors': {
    good: [hash('useSourceIp: true, ringHash: {minimumRingSize: 7}'), policy('outlierDetection: {consecutiveErrors: 0, consecutive5xxErrors: 3}')],
    bad: [['W MESH_FIELD_DEPRECATED', hash('useSourceIp: true, minimumRingSize: 7')], ['W MESH_FIELD_DEPRECATED', policy('outlierDetection: {consecutiveErrors: 3}')]],
  },
  '1.3 localityLbSetting': {
    good: [locality('distribute: [{from: a/*, to: {"b/*": 50, "c/d/*": 50}}]'), locality('failover: [{from: a, to: b}], failoverPriority: [version]'), locality('failoverPriority: [topology.kubernetes.io/region]')],
    bad: [
      ['E MESH_FIELD_EXCLUSIVE', policy('loadBalancer: {localityLbSetting: {enabled: true}, zoneAwareLbSetting: {enabled: true}}')],
      ['E MESH_FIELD_EXCLUSIVE', locality('distribute: [{from: a/*, to: {"b/*": 100}}], failover: [{from: a, to: b}]')],
      ['E MESH_FIELD_EXCLUSIVE', locality('failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]')],
      ['E MESH_WEIGHT_INVALID', locality('distribute: [{from: a/*, to: {"b/*": 0, "c/*": 100}}]')],
      ['E MESH_WEIGHT_INVALID', locality('distribute: [{from: a/*, to: {"b/*": 50}}]')],
      ['E MESH_LOCALITY_INVALID', locality('distribute: [{from: a/*, to: {"b/*": 100}}, {from: a/*, to: {"c/*": 100}}]')],
      ['E MESH_LOCALITY_INVALID', locality('distribute: [{from: a/*, to: {"b/*": 100}}, {from: a/b/*, to: {"c/*": 100}}]')],
      ['E MESH_LOCALITY_INVALID', locality('distribute: [{from: "*", to: {"b/*": 100}}, {from: a/b/*, to: {"c/*": 100}}]')],
      ['E MESH_LOCALITY_INVALID', locality('distribute: [{from: a/*, to: {"b/*": 50, "b/c/*": 50}}]')],
      ['E MESH_LOCALITY_INVALID', locality('distribute: [{from: a//c, to: {"b/*": 100}}]')],
      ['E MESH_LOCALITY_INVALID', locality('distribute: [{from: "a/*/c", to: {"b/*": 100}}]')],
    ],
  },
  '1.3 failover[]': {
    good: [locality('failover: [{from: a, to: b}]')],
    bad: [
      ['E MESH_LOCALITY_INVALID', locality('failover: [{from: a, to: a}]')],
      ['E MESH_LOCALITY_INVALID', locality('failover: [{from: a/b, to: c}]')],
      ['E MESH_LOCALITY_INVALID', locality('failover: [{from: a, to: "*"}]')],
      ['W MESH_FAILOVER_INERT', locality('failover: [{from: a, to: b}]', '')],
      ['W MESH_FAILOVER_INERT', locality('failoverPriority: [version]', '')],
    ],
  },
  '1.3 zoneAwareLbSetting': {
    good: [zones('failover: [{from: a, to: b}]'), zones('failoverPriority: [version]')],
    bad: [
      ['E MESH_LOCALITY_INVALID', zones('failoverPriority: [topology.kubernetes.io/region]')],
      ['E MESH_LOCALITY_INVALID', zones('failover: [{from: a, to: a}]')],
      ['W MESH_FAILOVER_INERT', zones('failover: [{from: a, to: b}]', '')],
    ],
  },
  '1.3 warmup': {
    good: [policy('loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 1s, minimumPercent: 100, aggression: 0.1}}')],
    bad: ['{minimumPercent: 1}', '{duration: 1s, minimumPercent: 101}', '{duration: 1s, aggression: 0}'].map((text, index) => (
      [`E ${['MESH_FIELD_REQUIRED', 'MESH_PERCENT_INVALID', 'MESH_LIMIT_INVALID'][index]}`, policy(`loadBalancer: {simple: ROUND_ROBIN, warmup: ${text}}`)])),
  },
  '1.3 tls': {
    good: [tls(`mode: MUTUAL, ${pem}`), tls('mode: SIMPLE, caCertificates: /c, subjectAltNames: [a.example]'), tls('mode: SIMPLE'), tls('mode: ISTIO_MUTUAL'),
      object('DestinationRule', '{host: web, workloadSelector: {matchLabels: {app: web}}, trafficPolicy: {tls: {mode: SIMPLE, credentialName: "configmap://authorities"}}}')],
    bad: [
      ['E MESH_TLS_INVALID', tls('mode: SIMPLE, credentialName: "configmap://"')],
      ['E MESH_TLS_INVALID', tls('mode: SIMPLE, credentialName: "configmap://other/authorities"')],
      ['E MESH_TLS_INVALID', tls('mode: SIMPLE, insecureSkipVerify: true, caCertificates: /c')],
      ['E MESH_TLS_INVALID', tls('mode: SIMPLE, insecureSkipVerify: true, credentialName: c')],
      ['E MESH_TLS_INVALID', tls('mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]')],
      ['E MESH_TLS_INVALID', tls(`mode: MUTUAL, insecureSkipVerify: true, ${pem}`)],
      ['E MESH_TLS_INVALID', tls('mode: MUTUAL, insecureSkipVerify: true, clientCertificate: /a, privateKey: /b, subjectAltNames: [a]')],
      ...['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'].map((field): [string, string] => ['E MESH_TLS_INVALID', tls(`mode: SIMPLE, credentialName: c, ${field}: /a`)]),
      ['E MESH_TLS_INVALID', tls('mode: MUTUAL, clientCertificate: /a')],
      ['E MESH_TLS_INVALID', tls('mode: MUTUAL, privateKey: /a')],
    ],
  },
  '1.3 tunnel, proxyProtocol': {
    good: [policy('tunnel: {protocol: POST, targetHost: a.example, targetPort: 80}', 'db'), policy('proxyProtocol: {version: V2}')],
    bad: [
      ['E MESH_TUNNEL_INVALID', policy('tunnel: {protocol: GET, targetHost: a.example, targetPort: 80}')],
      ['E MESH_TUNNEL_INVALID', policy('tunnel: {targetHost: a_b, targetPort: 80}')],
      ['E MESH_TUNNEL_INVALID', policy('tunnel: {targetHost: a.example, targetPort: 65536}')],
      ['E MESH_TUNNEL_INVALID', policy('tunnel: {targetHost: a.example, targetPort: 0}')],
      ['E MESH_ENUM_INVALID', policy('proxyProtocol: {version: V3}')],
    ],
  },
  '1.3 exportTo, workloadSelector': {
    good: [rule('host: web, exportTo: [".", other]'), rule('host: web, exportTo: ["*"]'), rule('host: web, workloadSelector: {matchLabels: {app: web}}, exportTo: ["."]')],
    bad: [
      ['E MESH_EXPORT_INVALID', rule('host: web, exportTo: [".", default]')],
      ['E MESH_EXPORT_INVALID', rule('host: web, exportTo: [a_b]')],
      ['E MESH_EXPORT_INVALID', rule('host: web, exportTo: ["*", other]')],
      ['E MESH_EXPORT_INVALID', rule('host: web, exportTo: ["~"]')],
      ['E MESH_EXPORT_INVALID', rule('host: web, workloadSelector: {matchLabels: {app: web}}, exportTo: ["*"]')],
      ['W MESH_SELECTOR_EMPTY', rule('host: web, workloadSelector: {matchLabels: {}}')],
      ['E MESH_SELECTOR_INVALID', rule('host: web, workloadSelector: {matchLabels: {app: "*"}}')],
    ],
  },
};

const TOKENS = security('RequestAuthentication', '{jwtRules: [{issuer: a, jwksUri: "https://a.example/keys"}]}');
const onEdge = (spec: string) => virtualService(`{hosts: [a.example], gateways: [edge], ${spec}}`);
const passed = (match: string, more = TO_WEB) => virtualService(`{hosts: ["*.passed"], gateways: [edge], tls: [{match: [${match}], ${more}}]}`);
const tcp = (text: string) => virtualService(`{hosts: [db], tcp: [{${text}}]}`);
const TO_DB = 'route: [{destination: {host: db}}]';
const two = (first: string, second: string) => virtualService(`{hosts: [web], http: [{${first}}, {${second}}]}`);

/** Section 1.4. */
export const VIRTUAL_SERVICES: Cases = {
  '1.4 hosts empty (= delegate)': {
    good: [object('VirtualService', `{http: [{${TO_WEB}}]}`, undefined, '', 'own') + onEdge('http: [{match: [{uri: {prefix: /a}}], delegate: {name: own}}]')],
    bad: [
      ['E MESH_DELEGATE_INVALID', virtualService(`{gateways: [edge], http: [{${TO_WEB}}]}`)],
      ['E MESH_DELEGATE_INVALID', virtualService(`{http: [{${TO_WEB}}], tcp: [{${TO_DB}}]}`)],
      ['E MESH_DELEGATE_INVALID', virtualService(`{http: [{${TO_WEB}}], tls: [{match: [{sniHosts: [a]}], ${TO_DB}}]}`)],
    ],
  },
  '1.4 gateways': {
    good: [onEdge(`http: [{${TO_WEB}}]`), onEdge(`http: [{${TO_WEB}}]`).replace('[edge]', '[default/edge]')],
    bad: [
      ['E MESH_GATEWAY_REFERENCE', onEdge(`http: [{${TO_WEB}}]`).replace('[edge]', '[a/b/c]')],
      ['E MESH_GATEWAY_REFERENCE', onEdge(`http: [{${TO_WEB}}]`).replace('[edge]', '[a_b]')],
      ['W MESH_GATEWAY_REFERENCE', onEdge(`http: [{${TO_WEB}}]`).replace('[edge]', '[edge.default.svc.cluster.local]')],
    ],
  },
  '1.4 hosts[]': {
    good: [http(TO_WEB), virtualService('{hosts: [outbound_.80_.v1_.web.default.svc.cluster.local, b.passed], gateways: [edge], '
      + `tls: [{match: [{sniHosts: [outbound_.80_.v1_.web.default.svc.cluster.local]}], ${TO_WEB}}]}`)],
    bad: [
      ['E MESH_HOST_INVALID', virtualService(`{hosts: ["http://web"], http: [{${TO_WEB}}]}`)],
      ['E MESH_HOST_INVALID', virtualService(`{hosts: ["outbound_.80_.v1_.web.default.svc.cluster.local"], http: [{${TO_WEB}}]}`)],
    ],
  },
  '1.4 hosts, rules': {
    good: [virtualService(`{hosts: [web, back], http: [{${TO_WEB}}]}`), virtualService(`{hosts: ["*"], gateways: [edge], http: [{${TO_WEB}}]}`)],
    bad: [
      ['E MESH_HOST_INVALID', virtualService(`{hosts: ["*"], http: [{${TO_WEB}}]}`)],
      ['E MESH_HOST_INVALID', virtualService(`{hosts: ["*"], gateways: [edge, mesh], http: [{${TO_WEB}}]}`)],
      ['E MESH_HOST_DUPLICATE', virtualService(`{hosts: [web, web], http: [{${TO_WEB}}]}`)],
      ['E MESH_HOST_DUPLICATE', virtualService(`{hosts: [a.example, "*.example"], gateways: [edge], http: [{${TO_WEB}}]}`)],
      ['E MESH_ROUTES_MISSING', virtualService('{hosts: [web]}')],
      ['E MESH_FIELD_TYPE', virtualService('{hosts: [web], http: [null]}')],
    ],
  },
  '1.4 header match key in JWT-claim form': {
    good: [TOKENS + onEdge(`http: [{match: [{headers: {"@request.auth.claims.sub": {exact: a}}}], ${TO_WEB}}]`)],
    bad: [
      ['E MESH_CLAIM_INVALID', matched('headers: {"@request.auth.claims.sub": {exact: a}}')],
      ['E MESH_CLAIM_INVALID', virtualService(`{hosts: [a.example], gateways: [edge, mesh], http: [{match: [{withoutHeaders: {"@request.auth.claims[sub]": {exact: a}}}], ${TO_WEB}}]}`)],
    ],
  },
  '1.4 http rule with delegate': {
    good: [onEdge('http: [{delegate: {name: own}}]') + object('VirtualService', `{http: [{${TO_WEB}}]}`, undefined, '', 'own')],
    bad: [
      ['E MESH_ACTION_CONFLICT', onEdge(`http: [{delegate: {name: a}, ${TO_WEB}}]`)],
      ['E MESH_ACTION_CONFLICT', onEdge('http: [{delegate: {name: a}, redirect: {uri: /}}]')],
      ['E MESH_DELEGATE_INVALID', virtualService('{http: [{delegate: {name: a}}]}')],
    ],
  },
  '1.4 http rule shape': {
    good: [http('redirect: {uri: /a}'), http('directResponse: {status: 200}'), http(TO_WEB)],
    bad: [
      ['E MESH_ACTION_CONFLICT', routed('redirect: {uri: /a}')],
      ['E MESH_ACTION_CONFLICT', http('redirect: {uri: /a}, fault: {abort: {httpStatus: 500}}')],
      ['E MESH_ACTION_CONFLICT', http('redirect: {uri: /a}, rewrite: {uri: /b}')],
      ['E MESH_ACTION_CONFLICT', http('redirect: {uri: /a}, directResponse: {status: 200}')],
      ['E MESH_ACTION_CONFLICT', routed('directResponse: {status: 200}')],
      ['E MESH_ACTION_CONFLICT', http('directResponse: {status: 200}, fault: {abort: {httpStatus: 500}}')],
      ['E MESH_ACTION_CONFLICT', http('directResponse: {status: 200}, rewrite: {uri: /b}')],
      ['E MESH_ROUTES_MISSING', http('timeout: 1s')],
      ['E MESH_ACTION_CONFLICT', routed('mirror: {host: back}, mirrors: [{destination: {host: back}}]')],
    ],
  },
  '1.4 match.uri': {
    good: [matched('uri: {regex: "/a.*"}'), matched('uri: {prefix: ""}'), matched('uri: {exact: /a}')],
    bad: [['E MESH_REGEX_INVALID', matched('uri: {regex: "/(?=a)"}')], ['E MESH_REGEX_INVALID', matched('uri: {regex: ""}')]],
  },
  '1.4 match.scheme, method, authority, queryParams, headers': {
    good: [matched('scheme: {exact: https}, method: {regex: "GET|PUT"}, authority: {prefix: web}, queryParams: {q: {exact: ""}}, headers: {x-a: {}, ":path": {prefix: /}}, withoutHeaders: {x-b: {}, x-c: {regex: "*"}}')],
    bad: [
      ...['scheme', 'method', 'authority'].flatMap((field): [string, string][] => [['E MESH_MATCH_INVALID', matched(`${field}: {prefix: ""}`)], ['E MESH_REGEX_INVALID', matched(`${field}: {regex: "("}`)]]),
      ['E MESH_REGEX_INVALID', matched('queryParams: {q: {regex: "("}}')],
      ['E MESH_MATCH_INVALID', matched('queryParams: {q: {prefix: ""}}')],
      ['E MESH_REGEX_INVALID', matched('headers: {x: {regex: "("}}')],
      ['E MESH_HEADER_INVALID', matched('headers: {"x y": {exact: a}}')],
      ['E MESH_HEADER_INVALID', matched('headers: {"@request.auth.other": {exact: a}}')],
      ['E MESH_REGEX_INVALID', matched('headers: {x: {regex: "*"}}')],
      ['E MESH_REGEX_INVALID', matched('withoutHeaders: {x: {regex: "("}}')],
      ['E MESH_FIELD_TYPE', matched('headers: {x: null}')],
    ],
  },
  '1.4 match.port / sourceLabels / gateways / sourceNamespace': {
    good: [matched('port: 80, sourceLabels: {app: back}, sourceNamespace: default'), onEdge(`http: [{match: [{gateways: [edge]}], ${TO_WEB}}]`)],
    bad: [
      ['E MESH_PORT_INVALID', matched('port: 65536')],
      ['E MESH_LABEL_INVALID', matched('sourceLabels: {"a b": c}')],
      ['E MESH_GATEWAY_REFERENCE', matched('gateways: [a/b/c]')],
      ['E MESH_NAME_INVALID', matched('sourceNamespace: a_b')],
    ],
  },
  '1.4 headers (rule and destination)': {
    good: [routed('headers: {request: {set: {host: a, x-a: "100%%", x-b: "%REQ(x)%"}, remove: [x-c]}, response: {add: {x-d: e}}}')],
    bad: [
      ['E MESH_HEADER_INVALID', routed('headers: {request: {set: {"": a}}}')],
      ['E MESH_HEADER_INVALID', routed('headers: {request: {add: {":path": a}}}')],
      ['E MESH_HEADER_INVALID', routed('headers: {request: {remove: [host]}}')],
      ['E MESH_HEADER_INVALID', routed('headers: {response: {set: {host: a}}}')],
      ['E MESH_HEADER_INVALID', routed('headers: {response: {remove: [":status"]}}')],
      ['E MESH_HEADER_INVALID', routed('headers: {request: {set: {x: "50%"}}}')],
      ['E MESH_HEADER_INVALID', routed('headers: {request: {set: {x: "a\\nb"}}}')],
      ['E MESH_HEADER_INVALID', http('route: [{destination: {host: web}, headers: {response: {remove: [""]}}}]')],
      ['E MESH_ACTION_CONFLICT', routed('rewrite: {authority: a}, headers: {request: {set: {host: b}}}')],
      ['E MESH_ACTION_CONFLICT', routed('headers: {request: {set: {host: b}, add: {":authority": c}}}')],
    ],
  },
  '1.4 corsPolicy': {
    good: [routed('corsPolicy: {allowOrigins: [{exact: "*"}, {regex: ".*"}], allowMethods: [GET, "*"], allowHeaders: [x-a, "*"], exposeHeaders: [x-b], maxAge: 24h}')],
    bad: [
      ['E MESH_CORS_INVALID', routed('corsPolicy: {allowOrigins: [{exact: ""}]}')],
      ['E MESH_CORS_INVALID', routed('corsPolicy: {allowOrigins: [{}]}')],
      ['E MESH_REGEX_INVALID', routed('corsPolicy: {allowOrigins: [{regex: "("}]}')],
      ['E MESH_CORS_INVALID', routed('corsPolicy: {allowMethods: [get]}')],
      ['E MESH_CORS_INVALID', routed('corsPolicy: {allowHeaders: ["a b"]}')],
      ['E MESH_CORS_INVALID', routed('corsPolicy: {exposeHeaders: [""]}')],
      ['E MESH_CORS_INVALID', routed('corsPolicy: {maxAge: 1500ms}')],
      ['E MESH_DURATION_INVALID', routed('corsPolicy: {maxAge: soon}')],
    ],
  },
  '1.4 fault': {
    good: [routed('fault: {abort: {httpStatus: 503, percentage: {value: 0.1}}}'), routed('fault: {delay: {fixedDelay: 1s}, abort: {grpcStatus: UNAVAILABLE}}')],
    bad: [
      ['E MESH_FAULT_INVALID', routed('fault: {}')],
      ['E MESH_PERCENT_INVALID', routed('fault: {abort: {httpStatus: 500, percentage: {value: 0.00001}}}')],
      ['E MESH_STATUS_INVALID', routed('fault: {abort: {httpStatus: 199}}')],
      ['E MESH_STATUS_INVALID', routed('fault: {abort: {grpcStatus: GONE}}')],
      ['E MESH_FAULT_INVALID', routed('fault: {abort: {http2Error: CANCEL}}')],
      ['E MESH_DURATION_INVALID', routed('fault: {delay: {fixedDelay: 0s}}')],
      ['E MESH_FAULT_INVALID', routed('fault: {delay: {exponentialDelay: 1s}}')],
      ['W MESH_FAULT_INVALID', routed('fault: {abort: {percentage: {value: 1}}}')],
    ],
  },
  '1.4 mirroring': {
    good: [routed('mirror: {host: back}, mirrorPercentage: {value: 0}'), routed('mirrors: [{destination: {host: back}, percentage: {value: 100}}]')],
    bad: [
      ['W MESH_FIELD_DEPRECATED', routed('mirror: {host: back}, mirrorPercent: 5')],
      ['E MESH_PERCENT_INVALID', routed('mirror: {host: back}, mirrorPercent: 101')],
      ['E MESH_PERCENT_INVALID', routed('mirror: {host: back}, mirrorPercentage: {value: 100.1}')],
      ['E MESH_PERCENT_INVALID', routed('mirrors: [{destination: {host: back}, percentage: {value: -1}}]')],
      ['E MESH_FIELD_TYPE', routed('mirrors: [null]')],
      ['E MESH_FIELD_REQUIRED', routed('mirrors: [{percentage: {value: 1}}]')],
    ],
  },
  '1.4 redirect fields': {
    good: [http('match: [{uri: {prefix: /a}}], redirect: {prefixRewrite: /b, redirectCode: 308}'), http('redirect: {scheme: https, port: 443, authority: a.example}')],
    bad: [
      ['E MESH_ACTION_CONFLICT', http('match: [{uri: {prefix: /a}}], redirect: {uri: /b, prefixRewrite: /c}')],
      ['E MESH_REDIRECT_INVALID', http('match: [{uri: {prefix: /a}}, {uri: {exact: /b}}], redirect: {prefixRewrite: /c}')],
      ['E MESH_REDIRECT_INVALID', http('redirect: {redirectCode: 301}')],
      ['E MESH_STATUS_INVALID', http('redirect: {uri: /a, redirectCode: 200}')],
      ['E MESH_REDIRECT_INVALID', http('redirect: {scheme: ftp}')],
      ['E MESH_PORT_INVALID', http('redirect: {port: 65536}')],
    ],
  },
  '1.4 directResponse': {
    good: [http('directResponse: {status: 600, body: {string: a}}')],
    bad: [
      ['E MESH_STATUS_INVALID', http('directResponse: {status: 199}')],
      ['E MESH_LIMIT_INVALID', http(`directResponse: {status: 200, body: {string: ${'a'.repeat(1024 * 1024 + 1)}}}`)],
      ['W MESH_LIMIT_INVALID', http(`directResponse: {status: 200, body: {string: ${'a'.repeat(100 * 1024 + 1)}}}`)],
    ],
  },
  '1.4 retries': {
    good: [routed('retries: {attempts: 0}'), routed('retries: {attempts: 3, perTryTimeout: 1s, backoff: 10ms, retryOn: "5xx,gateway-error,reset,503,retriable-4xx"}')],
    bad: [
      ['E MESH_RETRIES_INVALID', routed('retries: {attempts: -1}')],
      ['E MESH_RETRIES_INVALID', routed('retries: {attempts: 0, perTryTimeout: 1s}')],
      ['E MESH_RETRIES_INVALID', routed('retries: {attempts: 0, retryOn: 5xx}')],
      ['E MESH_RETRIES_INVALID', routed('retries: {attempts: 0, retryRemoteLocalities: true}')],
      ['E MESH_DURATION_INVALID', routed('retries: {attempts: 1, perTryTimeout: 0.1ms}')],
      ['E MESH_DURATION_INVALID', routed('retries: {attempts: 1, backoff: 0s}')],
      ['E MESH_RETRY_ON_INVALID', routed('retries: {attempts: 1, retryOn: "5xx, reset"}')],
      ['E MESH_RETRY_ON_INVALID', routed('retries: {attempts: 1, retryOn: "999"}')],
    ],
  },
  '1.4 rewrite': {
    good: [routed('rewrite: {uri: /a}'), routed('rewrite: {uriRegexRewrite: {match: "/a/(.*)", rewrite: "/\\\\1"}, authority: a.example}')],
    bad: [
      ['E MESH_ACTION_CONFLICT', routed('rewrite: {uri: /a, uriRegexRewrite: {match: a, rewrite: b}}')],
      ['E MESH_REWRITE_INVALID', routed('rewrite: {}')],
      ['E MESH_REGEX_INVALID', routed('rewrite: {uriRegexRewrite: {match: "(", rewrite: b}}')],
      ['E MESH_REWRITE_INVALID', routed('rewrite: {uriRegexRewrite: {match: a}}')],
      ['E MESH_REGEX_INVALID', routed('rewrite: {uriRegexRewrite: {rewrite: a}}')],
    ],
  },
  '1.4 route[] / tls,tcp route[]': {
    good: [http('route: [{destination: {host: web}, weight: 0}, {destination: {host: back}, weight: 1}]'), tcp(TO_DB)],
    bad: [
      ['E MESH_FIELD_TYPE', http('route: [null]')],
      ['E MESH_FIELD_REQUIRED', http('route: [{weight: 1}]')],
      ['E MESH_HOST_INVALID', http('route: [{destination: {host: "*"}}]')],
      ['E MESH_HOST_INVALID', tcp('route: [{destination: {host: "a/b"}}]')],
      ['E MESH_NAME_INVALID', http('route: [{destination: {host: web, subset: a_b}}]')],
      ['E MESH_PORT_INVALID', http('route: [{destination: {host: web, port: {number: 0}}}]')],
      ['E MESH_WEIGHT_INVALID', http('route: [{destination: {host: web}, weight: -1}]')],
      ['E MESH_WEIGHT_INVALID', tcp('route: [{destination: {host: db}}, {destination: {host: db}}]')],
    ],
  },
  '1.4 timeout': {
    good: [routed('timeout: 1ms')],
    bad: [['E MESH_DURATION_INVALID', routed('timeout: 0.5ms')], ['E MESH_DURATION_INVALID', routed('timeout: ten seconds')]],
  },
  '1.4 tls[]': {
    good: [passed('{sniHosts: [a.passed], destinationSubnets: [10.0.0.0/8], port: 443, gateways: [edge]}')],
    bad: [
      ['E MESH_MATCH_EMPTY', passed('')],
      ['E MESH_FIELD_TYPE', passed('null')],
      ['E MESH_HOST_MISSING', passed('{sniHosts: []}')],
      ['E MESH_HOST_INVALID', passed('{sniHosts: [a_b]}')],
      ['E MESH_HOST_INVALID', passed('{sniHosts: [other.example]}')],
      ['E MESH_ADDRESS_INVALID', passed('{sniHosts: [a.passed], destinationSubnets: [10.0.0.0/33]}')],
      ['E MESH_PORT_INVALID', passed('{sniHosts: [a.passed], port: 65536}')],
      ['E MESH_LABEL_INVALID', passed('{sniHosts: [a.passed], sourceLabels: {"a b": c}}')],
      ['E MESH_GATEWAY_REFERENCE', passed('{sniHosts: [a.passed], gateways: [a/b/c]}')],
      ['E MESH_ROUTES_MISSING', passed('{sniHosts: [a.passed]}', 'route: []')],
      ['W MESH_HOST_INVALID', virtualService(`{hosts: [1.2.3.4], gateways: [edge], tls: [{match: [{sniHosts: [1.2.3.4]}], ${TO_WEB}}]}`)],
    ],
  },
  '1.4 tcp[]': {
    good: [tcp(`match: [{port: 5432, destinationSubnets: [10.0.0.1], sourceLabels: {app: web}, gateways: [mesh]}], ${TO_DB}`)],
    bad: [
      ['E MESH_FIELD_TYPE', tcp(`match: [null], ${TO_DB}`)],
      ['E MESH_ADDRESS_INVALID', tcp(`match: [{destinationSubnets: [a]}], ${TO_DB}`)],
      ['E MESH_PORT_INVALID', tcp(`match: [{port: 65536}], ${TO_DB}`)],
      ['E MESH_LABEL_INVALID', tcp(`match: [{sourceLabels: {a: "b c"}}], ${TO_DB}`)],
      ['E MESH_GATEWAY_REFERENCE', tcp(`match: [{gateways: [a_b]}], ${TO_DB}`)],
      ['E MESH_ROUTES_MISSING', tcp('match: [{port: 5432}]')],
    ],
  },
  '1.4 unreachable rule (http, tcp, tls separately)': {
    good: [two(`match: [{uri: {prefix: /a}}], ${TO_WEB}`, TO_WEB)],
    bad: [
      ['W IST0130 MESH_RULE_UNREACHABLE', two(TO_WEB, `match: [{uri: {prefix: /a}}], ${TO_WEB}`)],
      ['W IST0130 MESH_RULE_UNREACHABLE', two(TO_WEB, TO_WEB)],
      ['W IST0130 MESH_RULE_UNREACHABLE', two(`match: [{uri: {prefix: /a}}], ${TO_WEB}`, `match: [{uri: {prefix: /a}}], ${TO_WEB}`)],
      ['W IST0130 MESH_RULE_UNREACHABLE', virtualService(`{hosts: [db], tcp: [{${TO_DB}}, {match: [{port: 5432}], ${TO_DB}}]}`)],
      ['W IST0130 MESH_RULE_UNREACHABLE', virtualService(`{hosts: ["*.passed"], gateways: [edge], tls: [{match: [{sniHosts: [a.passed]}], ${TO_WEB}}, {match: [{sniHosts: [a.passed]}], ${TO_WEB}}]}`)],
    ],
  },
  '1.4 ineffective match': {
    good: [two(`match: [{uri: {prefix: /a/b}}], ${TO_WEB}`, `match: [{uri: {prefix: /a}}], ${TO_WEB}`)],
    bad: [
      ['W IST0131 MESH_MATCH_INEFFECTIVE', two(`match: [{uri: {prefix: /a}}], ${TO_WEB}`, `match: [{name: b, uri: {prefix: /a}}, {uri: {prefix: /c}}], ${TO_WEB}`)],
      ['W IST0131 MESH_MATCH_INEFFECTIVE', two(`match: [{uri: {prefix: /a}}], ${TO_WEB}`, `match: [{uri: {prefix: /a/b}, port: 80}, {uri: {prefix: /c}}], ${TO_WEB}`)],
    ],
  },
  '1.4 exportTo': {
    good: [virtualService(`{hosts: [web], exportTo: ["."], http: [{${TO_WEB}}]}`)],
    bad: [['E MESH_EXPORT_INVALID', virtualService(`{hosts: [web], exportTo: ["~"], http: [{${TO_WEB}}]}`)], ['E MESH_EXPORT_INVALID', virtualService(`{hosts: [web], exportTo: [".", "*"], http: [{${TO_WEB}}]}`)]],
  },
};
