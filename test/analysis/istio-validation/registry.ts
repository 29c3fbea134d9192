import type { Cases } from './manifests';
import { object } from './manifests';

const entry = (text: string, metadata = '') => object('ServiceEntry', `{${text}}`, undefined, metadata);
const outside = (text: string) => entry(`hosts: [a.example], ${text}`);
const HTTP = 'ports: [{number: 80, name: http, protocol: HTTP}]';
const TCP = 'ports: [{number: 6379, name: tcp, protocol: TCP}]';
const ports = (...list: string[]) => outside(`resolution: DNS, ports: [${list.join(', ')}]`);

/** Section 1.5. */
export const SERVICE_ENTRIES: Cases = {
  '1.5 workloadSelector': {
    good: [outside(`location: MESH_INTERNAL, resolution: STATIC, ${HTTP}, workloadSelector: {labels: {app: web}}`)],
    bad: [
      ['E MESH_FIELD_EXCLUSIVE', outside(`resolution: STATIC, ${HTTP}, workloadSelector: {labels: {app: web}}, endpoints: [{address: 1.2.3.4}]`)],
      ['E MESH_SELECTOR_INVALID', outside(`resolution: STATIC, ${HTTP}, workloadSelector: {labels: {app: "w*"}}`)],
      ['W MESH_SELECTOR_EMPTY', outside(`resolution: STATIC, ${HTTP}, workloadSelector: {labels: {}}`)],
    ],
  },
  '1.5 hosts': {
    good: [entry(`hosts: [a.example, b.example], resolution: DNS, ${HTTP}`), entry(`hosts: ["*.example"], resolution: NONE, ${HTTP}`)],
    bad: [
      ['E MESH_HOST_MISSING', entry(`hosts: [], resolution: DNS, ${HTTP}`)],
      ['E MESH_HOST_INVALID', entry(`hosts: ["*"], resolution: NONE, ${HTTP}`)],
      ['E MESH_HOST_INVALID', entry(`hosts: ["http://a.example"], resolution: NONE, ${HTTP}`)],
      ['W MESH_HOST_INVALID', entry(`hosts: ["*a.example"], resolution: NONE, ${HTTP}`)],
    ],
  },
  '1.5 addresses': {
    good: [outside(`addresses: [10.0.0.0/8], resolution: NONE, ${HTTP}`), outside(`addresses: [1.2.3.4], resolution: DNS, ${HTTP}`)],
    bad: [['E MESH_ADDRESS_INVALID', outside(`addresses: [a], resolution: DNS, ${HTTP}`)], ['E MESH_ADDRESS_INVALID', outside(`addresses: [10.0.0.0/8], resolution: DNS, ${HTTP}`)]],
  },
  '1.5 ports[]': {
    good: [ports('{number: 80, name: http, protocol: HTTP}', '{number: 8443, name: tls, protocol: TLS, targetPort: 443}')],
    bad: [
      ['E MESH_FIELD_TYPE', ports('null')],
      ['E MESH_PORT_DUPLICATE', ports('{number: 80, name: a, protocol: HTTP}', '{number: 80, name: b, protocol: HTTP}')],
      ['E MESH_PORT_DUPLICATE', ports('{number: 80, name: a, protocol: HTTP}', '{number: 81, name: a, protocol: HTTP}')],
      ['E MESH_NAME_INVALID', ports('{number: 80, name: a_b, protocol: HTTP}')],
      ['E MESH_PROTOCOL_UNKNOWN', ports('{number: 80, name: a, protocol: HTTTP}')],
      ['E MESH_PORT_INVALID', ports('{number: 65536, name: a, protocol: HTTP}')],
      ['E MESH_PORT_INVALID', ports('{number: 80, name: a, protocol: HTTP, targetPort: 65536}')],
    ],
  },
  '1.5 TCP or empty protocol port, no addresses, auto-allocation not applicable': {
    good: [outside(`resolution: DNS, ${TCP}`), outside(`resolution: NONE, addresses: [1.2.3.4], ${TCP}`)],
    bad: [['W IST0134 MESH_HOST_AMBIGUOUS', outside(`resolution: NONE, ${TCP}`)], ['W none MESH_HOST_AMBIGUOUS', entry(`hosts: ["*.example"], resolution: STATIC, endpoints: [{address: 1.2.3.4}], ${TCP}`)]],
  },
  '1.5 NONE': {
    good: [outside(`resolution: NONE, ${HTTP}`), outside(HTTP)],
    bad: [['E MESH_RESOLUTION_INVALID', outside(`resolution: NONE, ${HTTP}, endpoints: [{address: 1.2.3.4}]`)], ['W MESH_RESOLUTION_INVALID', outside(`resolution: NONE, ${HTTP}, workloadSelector: {labels: {app: web}}`)]],
  },
  '1.5 STATIC': {
    good: [outside(`resolution: STATIC, ${HTTP}, endpoints: [{address: 1.2.3.4, ports: {http: 8080}}, {address: "unix:///a"}]`)],
    bad: [
      ['E MESH_FIELD_TYPE', outside(`resolution: STATIC, ${HTTP}, endpoints: [null]`)],
      ['E MESH_ADDRESS_INVALID', outside(`resolution: STATIC, ${HTTP}, endpoints: [{address: b.example}]`)],
      ['E MESH_ADDRESS_INVALID', outside(`resolution: STATIC, ${HTTP}, endpoints: [{address: "unix://a/"}]`)],
      ['E MESH_ADDRESS_INVALID', outside(`resolution: STATIC, ${HTTP}, endpoints: [{labels: {a: b}}]`)],
      ['E MESH_PORT_UNKNOWN', outside(`resolution: STATIC, ${HTTP}, endpoints: [{address: 1.2.3.4, ports: {other: 80}}]`)],
      ['E MESH_PORT_INVALID', outside(`resolution: STATIC, ${HTTP}, endpoints: [{address: 1.2.3.4, ports: {http: 65536}}]`)],
      ['E MESH_PORT_INVALID', outside('resolution: STATIC, ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: b, protocol: HTTP}], endpoints: [{address: "unix:///a"}]')],
    ],
  },
  '1.5 DNS, DNS_ROUND_ROBIN': {
    good: [outside(`resolution: DNS, ${HTTP}`), entry(`hosts: ["*.example"], resolution: DNS, ${HTTP}, endpoints: [{address: b.example, labels: {a: b}, ports: {http: 8080}}]`)],
    bad: [
      ['E MESH_HOST_WILDCARD', entry(`hosts: ["*.example"], resolution: DNS, ${HTTP}`)],
      ['E MESH_HOST_WILDCARD', entry(`hosts: ["*.example"], resolution: DNS_ROUND_ROBIN, ${HTTP}`)],
      ['E MESH_RESOLUTION_INVALID', outside(`resolution: DNS_ROUND_ROBIN, ${HTTP}, endpoints: [{address: b.example}, {address: c.example}]`)],
      ['E MESH_ADDRESS_INVALID', outside(`resolution: DNS, ${HTTP}, endpoints: [{address: "unix:///a"}]`)],
      ['E MESH_LABEL_INVALID', outside(`resolution: DNS, ${HTTP}, endpoints: [{address: b.example, labels: {"a b": c}}]`)],
      ['E MESH_NAME_INVALID', outside(`resolution: DNS, ${HTTP}, endpoints: [{address: b.example, ports: {a_b: 80}}]`)],
      ['E MESH_PORT_UNKNOWN', outside(`resolution: DNS, ${HTTP}, endpoints: [{address: b.example, ports: {other: 80}}]`)],
      ['E MESH_PORT_INVALID', outside(`resolution: DNS, ${HTTP}, endpoints: [{address: b.example, ports: {http: 65536}}]`)],
    ],
  },
  '1.5 DNS types with addresses, a TCP port and several hosts': {
    good: [entry(`hosts: [a.example], addresses: [1.2.3.4], resolution: DNS, ${TCP}`), entry(`hosts: [a.example, b.example], addresses: [1.2.3.4], resolution: DNS, ${HTTP}`)],
    bad: [['W MESH_HOST_AMBIGUOUS', entry(`hosts: [a.example, b.example], addresses: [1.2.3.4], resolution: DNS, ${TCP}`)]],
  },
  '1.5 DYNAMIC_DNS': {
    good: [entry(`hosts: ["*.example"], resolution: DYNAMIC_DNS, ${HTTP}`)],
    bad: [
      ['E MESH_RESOLUTION_INVALID', entry(`hosts: [a.example], resolution: DYNAMIC_DNS, ${HTTP}`)],
      ['E MESH_RESOLUTION_INVALID', entry(`hosts: ["*.example"], addresses: [1.2.3.4], resolution: DYNAMIC_DNS, ${HTTP}`)],
      ['E MESH_RESOLUTION_INVALID', entry(`hosts: ["*.example"], resolution: DYNAMIC_DNS, ${HTTP}, endpoints: [{address: 1.2.3.4}]`)],
      ['E MESH_RESOLUTION_INVALID', entry(`hosts: ["*.example"], resolution: DYNAMIC_DNS, ${TCP}`)],
      ['E MESH_RESOLUTION_INVALID', entry(`hosts: ["*.example"], location: MESH_INTERNAL, resolution: DYNAMIC_DNS, ${HTTP}`, ', labels: {istio.io/use-waypoint: a}')],
    ],
  },
  '1.5 several hosts with a non-HTTP, non-TLS port (not NONE)': {
    good: [entry('hosts: [a.example, b.example], resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]')],
    bad: [['E MESH_HOST_AMBIGUOUS', entry(`hosts: [a.example, b.example], resolution: DNS, ${TCP}`)]],
  },
  '1.5 exportTo': {
    good: [outside(`resolution: DNS, ${HTTP}, exportTo: ["~"]`), outside(`resolution: DNS, ${HTTP}, exportTo: ["."]`)],
    bad: [['E MESH_EXPORT_INVALID', outside(`resolution: DNS, ${HTTP}, exportTo: ["~", "."]`)], ['E MESH_EXPORT_INVALID', outside(`resolution: DNS, ${HTTP}, exportTo: [a_b]`)]],
  },
};

const sidecar = (text: string) => object('Sidecar', `{${text}}`);
const PORT = '{number: 80, name: http, protocol: HTTP}';
const LOCAL = 'defaultEndpoint: "127.0.0.1:80"';
const ingress = (text: string) => sidecar(`workloadSelector: {labels: {app: web}}, ingress: [${text}]`);
const egress = (...list: string[]) => sidecar(`egress: [${list.map(text => `{${text}}`).join(', ')}]`);
const ALL = 'hosts: ["./*"]';
const FILES = 'mode: SIMPLE, serverCertificate: /a, privateKey: /b';
const secure = (tls: string, protocol = 'HTTPS') => ingress(`{port: {number: 443, name: https, protocol: ${protocol}}, ${LOCAL}, tls: {${tls}}}`);

/** Section 1.6. */
export const SIDECARS: Cases = {
  '1.6 workloadSelector': {
    good: [sidecar(`workloadSelector: {labels: {app: web}}, egress: [{${ALL}}]`)],
    bad: [['E MESH_SELECTOR_INVALID', sidecar(`workloadSelector: {labels: {app: "*"}}, egress: [{${ALL}}]`)], ['W MESH_SELECTOR_EMPTY', sidecar(`workloadSelector: {labels: {}}, egress: [{${ALL}}]`)]],
  },
  '1.6 whole spec': {
    good: [sidecar('outboundTrafficPolicy: {mode: REGISTRY_ONLY}'), sidecar('inboundConnectionPool: {tcp: {maxConnections: 1}}')],
    bad: [['E MESH_POLICY_EMPTY', sidecar('')]],
  },
  '1.6 ingress[]': {
    good: [ingress(`{port: ${PORT}, ${LOCAL}, bind: 10.0.0.1}`)],
    bad: [
      ['E MESH_FIELD_TYPE', ingress('null')],
      ['E MESH_FIELD_REQUIRED', ingress(`{${LOCAL}}`)],
      ['E MESH_NAME_INVALID', ingress(`{port: {number: 80, name: a_b, protocol: HTTP}, ${LOCAL}}`)],
      ['E MESH_PROTOCOL_UNKNOWN', ingress(`{port: {number: 80, name: http, protocol: HTTTP}, ${LOCAL}}`)],
      ['E MESH_PORT_INVALID', ingress(`{port: {number: 0, name: http, protocol: HTTP}, ${LOCAL}}`)],
      ['E MESH_PORT_DUPLICATE', ingress(`{port: ${PORT}, ${LOCAL}}, {port: ${PORT}, ${LOCAL}}`)],
      ['E MESH_PORT_INVALID', ingress(`{port: {number: 80, name: http, protocol: HTTP, targetPort: 81}, ${LOCAL}}`)],
      ['E MESH_ADDRESS_INVALID', ingress(`{port: ${PORT}, ${LOCAL}, bind: a.example}`)],
    ],
  },
  '1.6 ingress.defaultEndpoint': {
    good: ['127.0.0.1:80', '0.0.0.0:80', '[::1]:80', '[::]:80', ':80', 'unix:///a'].map(text => ingress(`{port: ${PORT}, defaultEndpoint: "${text}"}`)),
    bad: ['10.0.0.1:80', 'localhost:80', '127.0.0.1', '127.0.0.1:0', 'unix://a/', 'unix://'].map(text => ['E MESH_ADDRESS_INVALID', ingress(`{port: ${PORT}, defaultEndpoint: "${text}"}`)]),
  },
  '1.6 ingress.tls': {
    good: [secure(FILES), secure(`${FILES}, caCertificates: /c`.replace('SIMPLE', 'MUTUAL'))],
    bad: [
      ['E MESH_TLS_INVALID', secure(`${FILES}, subjectAltNames: [a]`)],
      ['E MESH_TLS_INVALID', secure(`${FILES}, httpsRedirect: true`)],
      ['E MESH_TLS_INVALID', secure('mode: SIMPLE, credentialName: c')],
      ['E MESH_TLS_INVALID', secure('mode: SIMPLE, credentialNames: [c]')],
      ['E MESH_TLS_INVALID', secure('mode: SIMPLE, tlsCertificates: [{serverCertificate: /a, privateKey: /b}]')],
      ['E MESH_TLS_INVALID', secure('mode: ISTIO_MUTUAL')],
      ['E MESH_TLS_INVALID', secure('mode: AUTO_PASSTHROUGH')],
      ['E MESH_TLS_INVALID', secure(FILES, 'HTTP')],
      ['E MESH_TLS_INVALID', secure('mode: SIMPLE, serverCertificate: /a')],
    ],
  },
  '1.6 ingress.connectionPool, inboundConnectionPool': {
    good: [ingress(`{port: ${PORT}, ${LOCAL}, connectionPool: {http: {http2MaxRequests: 1}}}`)],
    bad: [
      ['E MESH_POLICY_EMPTY', ingress(`{port: ${PORT}, ${LOCAL}, connectionPool: {}}`)],
      ['E MESH_LIMIT_INVALID', sidecar('inboundConnectionPool: {tcp: {maxConnections: -1}}')],
      ['W MESH_PROTOCOL_DIFFERENT', ingress(`{port: {number: 80, name: tcp, protocol: TCP}, ${LOCAL}, connectionPool: {http: {http2MaxRequests: 1}}}`)],
    ],
  },
  '1.6 egress[]': {
    good: [egress(`port: ${PORT}, bind: 127.0.0.1, ${ALL}`, ALL), egress(`port: {number: 0, name: http, protocol: HTTP}, bind: "unix:///a", captureMode: NONE, ${ALL}`)],
    bad: [
      ['E MESH_FIELD_TYPE', sidecar('egress: [null]')],
      ['E MESH_PORT_MISSING', egress(ALL, `port: ${PORT}, ${ALL}`)],
      ['E MESH_PORT_MISSING', egress(ALL, ALL)],
      ['E MESH_ADDRESS_INVALID', egress(`port: {number: 0, name: http, protocol: HTTP}, ${ALL}`)],
      ['E MESH_FIELD_EXCLUSIVE', egress(`port: {number: 0, name: http, protocol: HTTP}, bind: "unix:///a", captureMode: IPTABLES, ${ALL}`)],
      ['E MESH_PORT_INVALID', egress(`port: {number: 65536, name: http, protocol: HTTP}, ${ALL}`)],
      ['E MESH_ADDRESS_INVALID', egress(`port: ${PORT}, bind: a.example, ${ALL}`)],
      ['E MESH_PORT_DUPLICATE', egress(`port: ${PORT}, ${ALL}`, `port: ${PORT}, ${ALL}`)],
      ['E MESH_PORT_DUPLICATE', egress(...Array<string>(2).fill(`port: {number: 0, name: http, protocol: HTTP}, bind: "unix:///a", ${ALL}`))],
      ['E MESH_PORT_INVALID', egress(`port: {number: 80, name: http, protocol: HTTP, targetPort: 81}, ${ALL}`)],
    ],
  },
  '1.6 egress.hosts': {
    good: [egress('hosts: ["*/*"]'), egress('hosts: ["./*", "istio-system/*", "~other/a.example", "*/web.default.svc.cluster.local"]'), egress('hosts: ["~/*"]')],
    bad: [
      ['E MESH_HOST_MISSING', egress('hosts: []')],
      ['E MESH_HOST_INVALID', egress('hosts: [a.example]')],
      ['E MESH_HOST_INVALID', egress('hosts: ["a_b/*"]')],
      ['E MESH_HOST_INVALID', egress('hosts: ["./1.2.3.4"]')],
      ['E MESH_HOST_INVALID', egress('hosts: ["./web"]')],
      ['W MESH_HOST_DUPLICATE', egress('hosts: ["./a.example", "./a.example"]')],
      ['W MESH_HOST_DUPLICATE', egress('hosts: ["./*", "./a.example"]')],
      ['W MESH_HOST_DUPLICATE', egress('hosts: ["*/*", "./a.example"]')],
    ],
  },
  '1.6 outboundTrafficPolicy': {
    good: [sidecar('outboundTrafficPolicy: {mode: ALLOW_ANY}')],
    bad: [
      ['E MESH_ENUM_INVALID', sidecar('outboundTrafficPolicy: {mode: ALLOW_ANY_DYNAMIC_DNS}')],
      ['E MESH_FIELD_EXCLUSIVE', sidecar('outboundTrafficPolicy: {mode: REGISTRY_ONLY, egressProxy: {host: a.example, port: {number: 80}}}')],
      ['E MESH_HOST_INVALID', sidecar('outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: "*.example", port: {number: 80}}}')],
      ['E MESH_PORT_MISSING', sidecar('outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.example}}')],
    ],
  },
};

const workload = (text: string) => object('WorkloadEntry', `{${text}}`);
const group = (text: string) => object('WorkloadGroup', `{${text}}`);
const probe = (text: string) => group(`template: {serviceAccount: a}, probe: {${text}}`);

/** Section 1.7. */
export const WORKLOADS: Cases = {
  '1.7 WE.address': {
    good: [workload('address: 1.2.3.4'), workload('address: a.example'), workload('address: "unix:///a"')],
    bad: [
      ['E MESH_ADDRESS_INVALID', workload('labels: {a: b}')],
      ['W MESH_ADDRESS_INVALID', workload('network: a')],
      ['E MESH_ADDRESS_INVALID', workload('address: a_b')],
      ['E MESH_ADDRESS_INVALID', workload('address: "unix://a/"')],
      ['E MESH_PORT_INVALID', workload('address: "unix:///a", ports: {http: 80}')],
    ],
  },
  '1.7 WE.ports, labels': {
    good: [workload('address: 1.2.3.4, ports: {http: 80}, labels: {app: a}')],
    bad: [
      ['E MESH_NAME_INVALID', workload('address: 1.2.3.4, ports: {a_b: 80}')],
      ['E MESH_PORT_INVALID', workload('address: 1.2.3.4, ports: {http: 65536}')],
      ['E MESH_LABEL_INVALID', workload('address: 1.2.3.4, labels: {app: "a b"}')],
    ],
  },
  '1.7 WG.template': {
    good: [group('template: {serviceAccount: a}, metadata: {labels: {app: a}}')],
    bad: [['E MESH_FIELD_REQUIRED', group('metadata: {labels: {app: a}}')], ['E MESH_LABEL_INVALID', group('template: {serviceAccount: a}, metadata: {labels: {app: "a b"}}')]],
  },
  '1.7 WG.probe': {
    good: [probe('httpGet: {port: 80, scheme: HTTPS, httpHeaders: [{name: x, value: y}]}, periodSeconds: 1'), probe('tcpSocket: {port: 80}'), probe('exec: {command: [a]}')],
    bad: [
      ['E MESH_FIELD_TYPE', probe('httpGet: {port: 80}, periodSeconds: -1')],
      ['E MESH_FIELD_TYPE', probe('httpGet: {port: 80}, initialDelaySeconds: -1')],
      ['E MESH_FIELD_TYPE', probe('httpGet: {port: 80}, timeoutSeconds: -1')],
      ['E MESH_FIELD_TYPE', probe('httpGet: {port: 80}, failureThreshold: -1')],
      ['E MESH_FIELD_REQUIRED', probe('periodSeconds: 1')],
      ['E MESH_FIELD_EXCLUSIVE', probe('httpGet: {port: 80}, tcpSocket: {port: 80}')],
      ['E MESH_PORT_INVALID', probe('httpGet: {port: 65536}')],
      ['E MESH_ENUM_INVALID', probe('httpGet: {port: 80, scheme: FTP}')],
      ['E MESH_HEADER_INVALID', probe('httpGet: {port: 80, httpHeaders: [{name: "a b", value: c}]}')],
      ['E MESH_PORT_INVALID', probe('tcpSocket: {port: 0}')],
      ['E MESH_FIELD_REQUIRED', probe('exec: {command: []}')],
    ],
  },
};
