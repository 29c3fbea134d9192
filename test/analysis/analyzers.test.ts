import { analyzeResources } from '../../src/analysis';
import { parseManifests } from '../../src/model/parse';

const doc = (kind: string, name: string, body: string, apiVersion = 'networking.istio.io/v1', metadata = '') => (
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}${metadata}}\n${body}\n---\n`);
const spec = (text: string) => `spec: ${text}`;
const service = (name: string, ports = '{port: 80, name: http}', app = name, more = '') => doc('Service', name, spec(`{ports: [${ports}], selector: {app: ${app}}${more}}`), 'v1');
const pod = (name: string, labels = `{app: ${name}}`, more = '') => doc('Pod', name, `${spec(`{containers: [{name: a, ports: [{containerPort: 80}]}]${more}}`)}`, 'v1', `, labels: ${labels}`);
const WEB = service('web') + pod('web', '{app: web, version: v1}');
const GATEWAY_POD = doc('Service', 'edge', spec('{ports: [{port: 80, name: http}], selector: {istio: edge-gateway}}'), 'v1') + pod('edge-1', '{istio: edge-gateway}');
const gateway = (name: string, server: string, selector = 'istio: edge-gateway') => doc('Gateway', name, spec(`{selector: {${selector}}, servers: [${server}]}`));
const HTTP = '{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example]}';
const https = (host: string, more = '', number = 80) => `{port: {number: ${number}, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c${more}}, hosts: [${host}]}`;
const security = (kind: string, name: string, text: string, metadata = '') => doc(kind, name, spec(text), 'security.istio.io/v1', metadata);
const telemetry = (name: string, text: string, metadata = '') => doc('Telemetry', name, spec(text), 'telemetry.istio.io/v1', metadata);
const TO_WEB = 'route: [{destination: {host: web}}]';
const OF_WEB = 'selector: {matchLabels: {app: web}}';
const SIDECAR = 'egress: [{hosts: ["./*"]}]';
const webhook = (name: string, client: string) => doc('MutatingWebhookConfiguration', name,
  `webhooks: [{name: inject.istio.io, clientConfig: ${client}, rules: [{resources: [pods]}], namespaceSelector: {matchLabels: {istio-injection: enabled}}}]`, 'admissionregistration.k8s.io/v1');

/** `IST0101 error Gateway/default/g` of everything found. */
const found = (yaml: string) => {
  const { resources, errors } = parseManifests(yaml, 'f.yaml');
  return analyzeResources(resources, errors).map(({ istioCode, code, severity, resource }) => `${istioCode ?? code} ${severity} ${resource}`);
};

test.each<[string, string, string]>([
  ['IST0002', WEB + doc('Sidecar', 'it', spec(`{${SIDECAR}, outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.example, port: {number: 80}}}}`)), 'warning Sidecar/default/it'],
  ['IST0101', WEB + GATEWAY_POD + gateway('it', HTTP, 'istio: nobody'), 'error Gateway/default/it'],
  ['IST0101', WEB + doc('Sidecar', 'it', spec(`{workloadSelector: {labels: {app: nobody}}, ${SIDECAR}}`)), 'error Sidecar/default/it'],
  ['IST0101', WEB + security('AuthorizationPolicy', 'it', '{rules: [{from: [{source: {namespaces: [nowhere]}}]}]}'), 'warning AuthorizationPolicy/default/it'],
  ['IST0102', doc('Namespace', 'default', '', 'v1') + WEB, 'info Namespace/default'],
  ['IST0103', `${doc('Namespace', 'default', '', 'v1', ', labels: {istio-injection: enabled}')}${WEB.replace(/(kind: Pod[^]*?)\n---/, '$1\nstatus: {phase: Running}\n---')}`, 'warning Pod/default/web'],
  ['IST0107', doc('Service', 'web', spec('{ports: [{port: 80, name: http}]}'), 'v1', ', annotations: {sidecar.istio.io/proxyCPU: 100m}'), 'warning Service/default/web'],
  ['IST0108', doc('Service', 'web', spec('{ports: [{port: 80, name: http}]}'), 'v1', ', annotations: {networking.istio.io/exportsTo: "*"}'), 'warning Service/default/web'],
  ['IST0109', WEB + ['a', 'b'].map(name => doc('VirtualService', name, spec(`{hosts: [web], http: [{${TO_WEB}}]}`))).join(''), 'error VirtualService/default/b'],
  ['IST0110', WEB + ['a', 'b'].map(name => doc('Sidecar', name, spec(`{workloadSelector: {labels: {app: web}}, ${SIDECAR}}`))).join(''), 'error Sidecar/default/b'],
  ['IST0111', WEB + ['a', 'b'].map(name => doc('Sidecar', name, spec(`{${SIDECAR}}`))).join(''), 'error Sidecar/default/b'],
  ['IST0112', service('web', '{port: 80, name: http}, {port: 81, name: http-b}') + doc('VirtualService', 'it', spec(`{hosts: [web], http: [{${TO_WEB}}]}`)), 'error VirtualService/default/it'],
  ['IST0116', WEB + service('udp', '{port: 80, name: x, protocol: UDP}', 'web'), 'warning Pod/default/web'],
  ['IST0118', service('web', '{port: 80, name: foo}') + pod('web'), 'info Service/default/web'],
  ['IST0123', doc('Namespace', 'a', '', 'v1', ', labels: {istio-injection: enabled, istio.io/rev: x}'), 'warning Namespace/a'],
  ['IST0125', doc('Pod', 'web', spec('{containers: [{name: a}]}'), 'v1', ', annotations: {traffic.sidecar.istio.io/excludeInboundPorts: "99999"}'), 'warning Pod/default/web'],
  ['IST0127', WEB + security('AuthorizationPolicy', 'it', '{selector: {matchLabels: {app: nobody}}, rules: [{}]}'), 'warning AuthorizationPolicy/default/it'],
  ['IST0128', WEB + doc('DestinationRule', 'it', spec('{host: web, trafficPolicy: {tls: {mode: SIMPLE}}}')), 'warning DestinationRule/default/it'],
  ['IST0129', WEB + doc('DestinationRule', 'it', spec('{host: web, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}]}}')), 'warning DestinationRule/default/it'],
  ['IST0132', WEB + GATEWAY_POD + gateway('g', HTTP) + doc('VirtualService', 'it', spec(`{hosts: [b.example], gateways: [g], http: [{${TO_WEB}}]}`)), 'warning VirtualService/default/it'],
  ['IST0134', doc('ServiceEntry', 'it', spec('{hosts: [a.example], resolution: NONE, ports: [{number: 80, name: tcp, protocol: TCP}]}')), 'warning ServiceEntry/default/it'],
  ['IST0135', doc('Pod', 'web', spec('{containers: [{name: a}]}'), 'v1', ', annotations: {sidecar.istio.io/inject: "true"}'), 'info Pod/default/web'],
  ['IST0137', WEB + service('more', '{port: 90, name: http, targetPort: 80}', 'web'), 'warning Pod/default/web'],
  ['IST0138', GATEWAY_POD + gateway('a', https('a.example')) + gateway('b', https('b.example')), 'warning Gateway/default/b'],
  ['IST0139', webhook('a', '{url: "https://a.example"}') + webhook('b', '{url: "https://b.example"}'), 'error MutatingWebhookConfiguration/b'],
  ['IST0140', WEB + GATEWAY_POD + gateway('g', HTTP) + doc('DestinationRule', 'd', spec('{host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v1}}]}'))
    + doc('VirtualService', 'a', spec('{hosts: [web], http: [{route: [{destination: {host: web, subset: v1}}]}]}'))
    + doc('VirtualService', 'it', spec(`{hosts: [a.example], gateways: [g], http: [{${TO_WEB}}]}`)), 'warning VirtualService/default/it'],
  ['IST0144', doc('Pod', 'web', spec('{securityContext: {runAsUser: 1337}, containers: [{name: a}]}'), 'v1'), 'warning Pod/default/web'],
  ['IST0145', GATEWAY_POD + gateway('a', https('a.example')) + gateway('b', https('a.example', 'd')), 'error Gateway/default/b'],
  ['IST0146', doc('Namespace', 'default', '', 'v1', ', labels: {istio-injection: disabled}')
    + doc('Deployment', 'web', spec('{template: {spec: {containers: [{name: istio-proxy, image: auto}]}}}'), 'apps/v1'), 'warning Deployment/default/web'],
  ['IST0147', doc('Pod', 'web', `${spec('{containers: [{name: istio-proxy, image: auto}]}')}\nstatus: {phase: Running}`, 'v1'), 'error Pod/default/web'],
  ['IST0149', WEB + GATEWAY_POD + gateway('g', HTTP)
    + doc('VirtualService', 'it', spec(`{hosts: [a.example], gateways: [g], http: [{match: [{headers: {"@request.auth.claims.sub": {exact: a}}}], ${TO_WEB}}]}`)), 'error VirtualService/default/it'],
  ['IST0150', doc('Service', 'web', spec('{type: ExternalName, externalName: a.example, ports: [{port: 80, name: tcp}]}'), 'v1'), 'warning Service/default/web'],
  ['IST0157', WEB + telemetry('it', '{accessLogging: [{}]}'), 'warning Telemetry/default/it'],
  ['IST0159', WEB + telemetry('a', `{${OF_WEB}}`) + telemetry('b', `{${OF_WEB}}`), 'error Telemetry/default/b'],
  ['IST0160', WEB + telemetry('a', '{tracing: [{}]}') + telemetry('b', '{tracing: [{}]}'), 'error Telemetry/default/b'],
  ['IST0161', GATEWAY_POD + gateway('it', https('a.example')) + doc('Secret', 'c', 'data: {tls.crt: YQ==}', 'v1'), 'error Gateway/default/it'],
  ['IST0162', GATEWAY_POD + gateway('it', '{port: {number: 81, name: http, protocol: HTTP}, hosts: [a.example]}'), 'warning Gateway/default/it'],
  ['IST0163', webhook('a', '{url: "://"}'), 'warning MutatingWebhookConfiguration/a'],
  ['IST0164', webhook('a', '{url: "https://10.0.0.1/inject"}'), 'info MutatingWebhookConfiguration/a'],
  ['IST0165', WEB + doc('VirtualService', 'it', spec(`{hosts: [web], gateways: [default/web-istio-autogenerated-k8s-gateway], http: [{${TO_WEB}}]}`)), 'warning VirtualService/default/it'],
  ['IST0166', pod('g', '{app: g, gateway.networking.k8s.io/gateway-name: g}') + security('AuthorizationPolicy', 'it', '{selector: {matchLabels: {app: g}}, rules: [{}]}'), 'warning AuthorizationPolicy/default/it'],
  ['IST0167', doc('Namespace', 'default', '', 'v1', ', labels: {istio.io/dataplane-mode: ambient}') + WEB + doc('Sidecar', 'it', spec(`{${SIDECAR}}`)), 'warning Sidecar/default/it'],
  ['IST0171', `${doc('ServiceEntry', 'it', `${spec('{hosts: [a.example], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}')}\nstatus: {conditions: [{type: istio.io/WaypointBound, status: "False"}]}`)}`, 'warning ServiceEntry/default/it'],
  ['IST0173', WEB + doc('DestinationRule', 'it', spec('{host: web, subsets: [{name: v1, labels: {verson: v1}}]}')), 'warning DestinationRule/default/it'],
  ['IST0174', WEB + doc('DestinationRule', 'it', spec('{host: wep}')), 'warning DestinationRule/default/it'],
  ['IST0175', doc('Deployment', 'istiod', spec('{template: {metadata: {labels: {app: istiod}}, spec: {containers: [{name: discovery}]}}}'), 'apps/v1', ', namespace: istio-system')
    + security('RequestAuthentication', 'r', '{jwtRules: [{issuer: a}]}'), 'warning Deployment/istio-system/istiod'],
  ['IST0176', doc('CustomResourceDefinition', 'gateways.gateway.networking.k8s.io', 'spec: {}', 'apiextensions.k8s.io/v1', ', annotations: {gateway.networking.k8s.io/bundle-version: v0.8.1}'),
    'warning CustomResourceDefinition/gateways.gateway.networking.k8s.io'],
  ['IST0177', ['a', 'b'].map((name, index) => doc('ServiceEntry', name, spec(`{hosts: [a.example], resolution: DNS, ports: [{number: 80, name: x, protocol: ${['HTTP', 'TLS'][index]}}]}`))).join(''), 'warning ServiceEntry/default/b'],
  ['IST0126', doc('ConfigMap', 'istio', 'data: {meshNetworks: "networks: {n: {endpoints: [{fromRegistry: nobody}], gateways: [{address: 1.2.3.4, port: 15443}]}}"}', 'v1', ', namespace: istio-system'), 'error ConfigMap/istio-system/istio'],
])('finds %s', (code, yaml, expected) => expect(found(yaml)).toContain(`${code} ${expected}`));

test.each<[string, string]>([
  ['a gateway of an installation that is deployed elsewhere', WEB + gateway('it', HTTP, 'istio: ingressgateway')],
  ['two Gateways of different Pods with one host', WEB + gateway('a', HTTP, 'istio: ingressgateway') + gateway('b', HTTP, 'istio: egressgateway')],
  ['a Secret that the input does not show', GATEWAY_POD + gateway('it', https('a.example'))],
  ['a subset whose version comes later', WEB + doc('DestinationRule', 'it', spec('{host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}'))],
  ['a VirtualService of each namespace for its own', WEB + ['a', 'b'].map(name => doc('VirtualService', 'it', spec('{hosts: [web.default.svc.cluster.local], exportTo: ["."], http: [{route: [{destination: {host: web.default.svc.cluster.local}}]}]}'), undefined, `, namespace: ${name}`)).join('')],
  ['TLS origination for HTTP on 443', doc('ServiceEntry', 'it', spec('{hosts: [a.example], resolution: DNS, ports: [{number: 443, name: http, protocol: HTTP}]}'))
    + doc('DestinationRule', 'it', spec('{host: a.example, trafficPolicy: {tls: {mode: SIMPLE, caCertificates: system}}}'))],
])('does not blame %s', (_case, yaml) => expect(found(yaml)).toEqual([]));
