import { existsSync } from 'node:fs';
import { analyzerRows, codesElsewhere, REFERENCE } from './istio-validation/reference';
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

const MESH_CONFIG = (mesh: string) => doc('ConfigMap', 'istio', `data: {mesh: '{${mesh}}'}`, 'v1', ', namespace: istio-system');
const INJECTOR = doc('ConfigMap', 'istio-sidecar-injector', 'data: {values: \'{"global": {"hub": "docker.io/istio", "tag": "1.32.0", "proxy": {"image": "proxyv2"}}}\'}', 'v1', ', namespace: istio-system');
const withProxy = (image: string, more = '') => doc('Pod', 'web', spec(`{containers: [{name: a}, {name: istio-proxy, image: "${image}"}]}`), 'v1', more);
const patch = (patches: string, more = '') => doc('EnvoyFilter', 'it', spec(`{${more}configPatches: [${patches}]}`), 'networking.istio.io/v1alpha3');
const LUA = '{name: a, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}}';
const ANNOTATED = (annotation: string, value: string, kind = 'Pod') => doc(kind, 'web', spec('{containers: [{name: a}]}'), 'v1', `, annotations: {${annotation}: ${JSON.stringify(value)}}`);
const TWO_SUBSETS = doc('DestinationRule', 'd', spec('{host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v1}}]}'));
const rule = (name: string, text: string, metadata = '') => doc('VirtualService', name, spec(`{${text}}`), undefined, metadata);
const entry = (name: string, text: string) => doc('ServiceEntry', name, spec(`{hosts: [a.example], resolution: DNS, ${text}}`));
const PAIR = `tls.crt: ${Buffer.from('-----BEGIN CERTIFICATE-----').toString('base64')}, tls.key: ${Buffer.from('-----BEGIN PRIVATE KEY-----').toString('base64')}`;

/** Row of the list of Istio's analyzers, manifests that earn its code, and where. */
const FOUND: readonly [string, string, string][] = [
  ['deprecation.DeprecationAnalyzer IST0002', WEB + doc('Sidecar', 'it', spec(`{${SIDECAR}, outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.example, port: {number: 80}}}}`)), 'warning Sidecar/default/it'],
  ['gateway.IngressGatewayPortAnalyzer IST0101', WEB + GATEWAY_POD + gateway('it', HTTP, 'istio: nobody'), 'error Gateway/default/it'],
  ['sidecar.SelectorAnalyzer IST0101', WEB + doc('Sidecar', 'it', spec(`{workloadSelector: {labels: {app: nobody}}, ${SIDECAR}}`)), 'error Sidecar/default/it'],
  ['auth.AuthorizationPoliciesAnalyzer IST0101', WEB + security('AuthorizationPolicy', 'it', '{rules: [{from: [{source: {namespaces: [nowhere]}}]}]}'), 'warning AuthorizationPolicy/default/it'],
  ['injection.Analyzer IST0102', doc('Namespace', 'default', '', 'v1') + WEB, 'info Namespace/default'],
  ['injection.Analyzer IST0103', `${doc('Namespace', 'default', '', 'v1', ', labels: {istio-injection: enabled}')}${WEB.replace(/(kind: Pod[^]*?)\n---/, '$1\nstatus: {phase: Running}\n---')}`, 'warning Pod/default/web'],
  ['annotations.K8sAnalyzer IST0107', doc('Service', 'web', spec('{ports: [{port: 80, name: http}]}'), 'v1', ', annotations: {sidecar.istio.io/proxyCPU: 100m}'), 'warning Service/default/web'],
  ['annotations.K8sAnalyzer IST0108', doc('Service', 'web', spec('{ports: [{port: 80, name: http}]}'), 'v1', ', annotations: {networking.istio.io/exportsTo: "*"}'), 'warning Service/default/web'],
  ['virtualservice.ConflictingMeshGatewayHostsAnalyzer IST0109', WEB + ['a', 'b'].map(name => doc('VirtualService', name, spec(`{hosts: [web], http: [{${TO_WEB}}]}`))).join(''), 'error VirtualService/default/b'],
  ['sidecar.SelectorAnalyzer IST0110', WEB + ['a', 'b'].map(name => doc('Sidecar', name, spec(`{workloadSelector: {labels: {app: web}}, ${SIDECAR}}`))).join(''), 'error Sidecar/default/b'],
  ['sidecar.SelectorAnalyzer IST0111', WEB + ['a', 'b'].map(name => doc('Sidecar', name, spec(`{${SIDECAR}}`))).join(''), 'error Sidecar/default/b'],
  ['virtualservice.DestinationHostAnalyzer IST0112', service('web', '{port: 80, name: http}, {port: 81, name: http-b}') + doc('VirtualService', 'it', spec(`{hosts: [web], http: [{${TO_WEB}}]}`)), 'error VirtualService/default/it'],
  ['deployment.MultiServiceAnalyzer IST0116', WEB + service('udp', '{port: 80, name: x, protocol: UDP}', 'web'), 'warning Pod/default/web'],
  ['service.PortNameAnalyzer IST0118', service('web', '{port: 80, name: foo}') + pod('web'), 'info Service/default/web'],
  ['injection.Analyzer IST0123', doc('Namespace', 'a', '', 'v1', ', labels: {istio-injection: enabled, istio.io/rev: x}'), 'warning Namespace/a'],
  ['annotations.K8sAnalyzer IST0125', doc('Pod', 'web', spec('{containers: [{name: a}]}'), 'v1', ', annotations: {traffic.sidecar.istio.io/excludeInboundPorts: "99999"}'), 'warning Pod/default/web'],
  ['auth.AuthorizationPoliciesAnalyzer IST0127', WEB + security('AuthorizationPolicy', 'it', '{selector: {matchLabels: {app: nobody}}, rules: [{}]}'), 'warning AuthorizationPolicy/default/it'],
  ['destinationrule.CaCertificateAnalyzer IST0128', WEB + doc('DestinationRule', 'it', spec('{host: web, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true}}}')), 'warning DestinationRule/default/it'],
  ['destinationrule.CaCertificateAnalyzer IST0129', WEB + doc('DestinationRule', 'it', spec('{host: web, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE, sni: a.example}}]}}')), 'warning DestinationRule/default/it'],
  ['virtualservice.GatewayAnalyzer IST0132', WEB + GATEWAY_POD + gateway('g', HTTP) + doc('VirtualService', 'it', spec(`{hosts: [b.example], gateways: [g], http: [{${TO_WEB}}]}`)), 'warning VirtualService/default/it'],
  ['serviceentry.Analyzer IST0134', doc('ServiceEntry', 'it', spec('{hosts: [a.example], resolution: NONE, ports: [{number: 80, name: tcp, protocol: TCP}]}')), 'warning ServiceEntry/default/it'],
  ['annotations.K8sAnalyzer IST0135', doc('Pod', 'web', spec('{containers: [{name: a}]}'), 'v1', ', annotations: {sidecar.istio.io/inject: "true"}'), 'info Pod/default/web'],
  ['deployment.MultiServiceAnalyzer IST0137', WEB + service('more', '{port: 90, name: http, targetPort: 80}', 'web'), 'warning Pod/default/web'],
  ['gateway.CertificateAnalyzer IST0138', GATEWAY_POD + gateway('a', https('a.example')) + gateway('b', https('b.example')), 'warning Gateway/default/b'],
  ['webhook.Analyzer IST0139', webhook('a', '{url: "https://a.example"}') + webhook('b', '{url: "https://b.example"}'), 'error MutatingWebhookConfiguration/b'],
  ['virtualservice.DestinationHostAnalyzer IST0140', WEB + GATEWAY_POD + gateway('g', HTTP) + doc('DestinationRule', 'd', spec('{host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v1}}]}'))
    + doc('VirtualService', 'a', spec('{hosts: [web], http: [{route: [{destination: {host: web, subset: v1}}]}]}'))
    + doc('VirtualService', 'it', spec(`{hosts: [a.example], gateways: [g], http: [{${TO_WEB}}]}`)), 'warning VirtualService/default/it'],
  ['applicationUID.Analyzer IST0144', doc('Pod', 'web', spec('{securityContext: {runAsUser: 1337}, containers: [{name: a}]}'), 'v1'), 'warning Pod/default/web'],
  ['gateway.ConflictingGatewayAnalyzer IST0145', GATEWAY_POD + gateway('a', https('a.example')) + gateway('b', https('a.example', 'd')), 'error Gateway/default/b'],
  ['injection.ImageAutoAnalyzer IST0146', doc('Namespace', 'default', '', 'v1', ', labels: {istio-injection: disabled}')
    + doc('Deployment', 'web', spec('{template: {spec: {containers: [{name: istio-proxy, image: auto}]}}}'), 'apps/v1'), 'warning Deployment/default/web'],
  ['injection.ImageAutoAnalyzer IST0147', doc('Pod', 'web', `${spec('{containers: [{name: istio-proxy, image: auto}]}')}\nstatus: {phase: Running}`, 'v1'), 'error Pod/default/web'],
  ['virtualservice.JWTClaimRouteAnalyzer IST0149', WEB + GATEWAY_POD + gateway('g', HTTP)
    + doc('VirtualService', 'it', spec(`{hosts: [a.example], gateways: [g], http: [{match: [{headers: {"@request.auth.claims.sub": {exact: a}}}], ${TO_WEB}}]}`)), 'error VirtualService/default/it'],
  ['service.PortNameAnalyzer IST0150', doc('Service', 'web', spec('{type: ExternalName, externalName: a.example, ports: [{port: 80, name: tcp}]}'), 'v1'), 'warning Service/default/web'],
  ['telemetry.ProviderAnalyzer IST0157', WEB + telemetry('it', '{accessLogging: [{}]}'), 'warning Telemetry/default/it'],
  ['telemetry.SelectorAnalyzer IST0159', WEB + telemetry('a', `{${OF_WEB}}`) + telemetry('b', `{${OF_WEB}}`), 'error Telemetry/default/b'],
  ['telemetry.DefaultSelectorAnalyzer IST0160', WEB + telemetry('a', '{tracing: [{}]}') + telemetry('b', '{tracing: [{}]}'), 'error Telemetry/default/b'],
  ['gateway.SecretAnalyzer IST0161', GATEWAY_POD + gateway('it', https('a.example')) + doc('Secret', 'c', 'data: {tls.crt: YQ==}', 'v1'), 'error Gateway/default/it'],
  ['gateway.IngressGatewayPortAnalyzer IST0162', GATEWAY_POD + gateway('it', '{port: {number: 81, name: http, protocol: HTTP}, hosts: [a.example]}'), 'warning Gateway/default/it'],
  ['externalcontrolplane.ExternalControlPlaneAnalyzer IST0163', webhook('a', '{url: "://"}'), 'warning MutatingWebhookConfiguration/a'],
  ['externalcontrolplane.ExternalControlPlaneAnalyzer IST0164', webhook('a', '{url: "https://10.0.0.1/inject"}'), 'info MutatingWebhookConfiguration/a'],
  ['virtualservice.GatewayAnalyzer IST0165', WEB + doc('VirtualService', 'it', spec(`{hosts: [web], gateways: [default/web-istio-autogenerated-k8s-gateway], http: [{${TO_WEB}}]}`)), 'warning VirtualService/default/it'],
  ['k8sgateway.SelectorAnalyzer IST0166', pod('g', '{app: g, gateway.networking.k8s.io/gateway-name: g}') + security('AuthorizationPolicy', 'it', '{selector: {matchLabels: {app: g}}, rules: [{}]}'), 'warning AuthorizationPolicy/default/it'],
  ['sidecar.SelectorAnalyzer IST0167', doc('Namespace', 'default', '', 'v1', ', labels: {istio.io/dataplane-mode: ambient}') + WEB + doc('Sidecar', 'it', spec(`{${SIDECAR}}`)), 'warning Sidecar/default/it'],
  ['conditions.ConditionAnalyzer IST0171', `${doc('ServiceEntry', 'it', `${spec('{hosts: [a.example], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}')}\nstatus: {conditions: [{type: istio.io/WaypointBound, status: "False"}]}`)}`, 'warning ServiceEntry/default/it'],
  ['destinationrule.SubsetSelectPodAnalyzer IST0173', WEB + doc('DestinationRule', 'it', spec('{host: web, subsets: [{name: v1, labels: {verson: v1}}]}')), 'warning DestinationRule/default/it'],
  ['destinationrule.SubsetSelectPodAnalyzer IST0174', WEB + doc('DestinationRule', 'it', spec('{host: wep}')), 'warning DestinationRule/default/it'],
  ['authn.BlockedCIDRsAnalyzer IST0175', doc('Deployment', 'istiod', spec('{template: {metadata: {labels: {app: istiod}}, spec: {containers: [{name: discovery}]}}}'), 'apps/v1', ', namespace: istio-system')
    + security('RequestAuthentication', 'r', '{jwtRules: [{issuer: a}]}'), 'warning Deployment/istio-system/istiod'],
  ['k8sgateway.CRDVersionAnalyzer IST0176', doc('CustomResourceDefinition', 'tlsroutes.gateway.networking.k8s.io', 'spec: {}', 'apiextensions.k8s.io/v1', ', annotations: {gateway.networking.k8s.io/bundle-version: v1.4.1}'),
    'warning CustomResourceDefinition/tlsroutes.gateway.networking.k8s.io'],
  ['serviceentry.ConflictingServiceEntryProtocolAnalyzer IST0177', ['a', 'b'].map((name, index) => doc('ServiceEntry', name, spec(`{hosts: [a.example], resolution: DNS, ports: [{number: 80, name: x, protocol: ${['HTTP', 'TLS'][index]}}]}`))).join(''), 'warning ServiceEntry/default/b'],
  ['meshnetworks.MeshNetworksAnalyzer IST0126', doc('ConfigMap', 'istio', 'data: {meshNetworks: "networks: {n: {endpoints: [{fromRegistry: nobody}], gateways: [{address: 1.2.3.4, port: 15443}]}}"}', 'v1', ', namespace: istio-system'), 'error ConfigMap/istio-system/istio'],
  ['gateway.SecretAnalyzer IST0101', GATEWAY_POD + gateway('it', https('a.example')) + doc('Secret', 'other', 'data: {}', 'v1'), 'warning Gateway/default/it'],
  ['telemetry.SelectorAnalyzer IST0101', WEB + telemetry('it', '{selector: {matchLabels: {app: nobody}}, tracing: [{}]}'), 'error Telemetry/default/it'],
  ['telemetry.LightstepAnalyzer IST0002', `${MESH_CONFIG('extensionProviders: [{name: old, lightstep: {service: a.example, port: 80}}]')}${WEB}${telemetry('it', '{tracing: [{providers: [{name: old}]}]}')}`, 'warning Telemetry/default/it'],
  ['injection.Analyzer IST0148', `${MESH_CONFIG('sidecarInjectorWebhook: {enableNamespacesByDefault: true}')}${doc('Namespace', 'default', '', 'v1')}${WEB}`, 'info Namespace/default'],
  ['injection.ImageAnalyzer IST0158', INJECTOR + withProxy('docker.io/istio/proxyv2:1.31.0'), 'warning Pod/default/web'],
  ['envoyfilter.EnvoyPatchAnalyzer IST0151', patch('{applyTo: HTTP_FILTER, patch: {operation: INSERT_BEFORE, value: {name: a}}}'), 'warning EnvoyFilter/default/it'],
  ['envoyfilter.EnvoyPatchAnalyzer IST0155', patch('{applyTo: HTTP_FILTER, match: {proxy: {proxyVersion: "1.3.*"}}, patch: {operation: INSERT_FIRST, value: {name: a}}}, {applyTo: HTTP_FILTER, patch: {operation: INSERT_BEFORE, value: {name: a}}}'), 'warning EnvoyFilter/default/it'],
  ['envoyfilter.EnvoyPatchAnalyzer IST0152', patch('{applyTo: CLUSTER, patch: {operation: REPLACE, value: {}}}'), 'error EnvoyFilter/default/it'],
  ['envoyfilter.EnvoyPatchAnalyzer IST0153', patch('{applyTo: HTTP_ROUTE, patch: {operation: ADD, value: {}}}'), 'error EnvoyFilter/default/it'],
  ['envoyfilter.EnvoyPatchAnalyzer IST0154', patch('{applyTo: ROUTE_CONFIGURATION, patch: {operation: REMOVE}}'), 'error EnvoyFilter/default/it'],
  ['schema.ValidationAnalyzer.KIND IST0106', doc('Gateway', 'it', spec('{servers: []}')), 'error Gateway/default/it'],
  ['schema.ValidationAnalyzer.KIND IST0133', WEB + doc('Sidecar', 'it', spec('{egress: [{hosts: ["./*", "./a.example"]}]}')), 'warning Sidecar/default/it'],
  ['schema.ValidationAnalyzer.KIND IST0130', WEB + doc('VirtualService', 'it', spec(`{hosts: [web], http: [{${TO_WEB}}, {${TO_WEB}}]}`)), 'warning VirtualService/default/it'],
  ['schema.ValidationAnalyzer.KIND IST0131', WEB + doc('VirtualService', 'it', spec(`{hosts: [web], http: [{match: [{uri: {prefix: /a}}, {uri: {prefix: /a/b}}], ${TO_WEB}}]}`)), 'info VirtualService/default/it'],
  ['virtualservice.DestinationHostAnalyzer IST0101', WEB + doc('VirtualService', 'it', spec('{hosts: [web], http: [{route: [{destination: {host: wep}}]}]}')), 'error VirtualService/default/it'],
  ['virtualservice.DestinationHostAnalyzer IST0101', WEB + doc('VirtualService', 'it', spec(`{hosts: [web], http: [{mirror: {host: wep}, ${TO_WEB}}]}`)), 'error VirtualService/default/it'],
  ['virtualservice.DestinationHostAnalyzer IST0101', WEB + doc('VirtualService', 'it', spec('{hosts: [web], http: [{route: [{destination: {host: web, port: {number: 81}}}]}]}')), 'error VirtualService/default/it'],
  ['virtualservice.DestinationRuleAnalyzer IST0101', WEB + doc('VirtualService', 'it', spec('{hosts: [web], http: [{route: [{destination: {host: web, subset: v1}}]}]}')), 'error VirtualService/default/it'],
  ['virtualservice.DestinationRuleAnalyzer IST0101', WEB + doc('VirtualService', 'it', spec(`{hosts: [web], http: [{mirror: {host: web, subset: v1}, ${TO_WEB}}]}`)), 'error VirtualService/default/it'],
  ['virtualservice.GatewayAnalyzer IST0101', WEB + doc('VirtualService', 'it', spec(`{hosts: [a.example], gateways: [nowhere], http: [{${TO_WEB}}]}`)), 'error VirtualService/default/it'],
];

/** What each analyzer has nothing against, though it is near to what it finds. */
const RIGHT: Readonly<Record<string, string>> = {
  'annotations.K8sAnalyzer IST0108': ANNOTATED('sidecar.istio.io/logLevel', 'debug'),
  'annotations.K8sAnalyzer IST0135': ANNOTATED('sidecar.istio.io/logLevel', 'debug'),
  'annotations.K8sAnalyzer IST0107': ANNOTATED('sidecar.istio.io/proxyCPU', '100m'),
  'annotations.K8sAnalyzer IST0125': ANNOTATED('traffic.sidecar.istio.io/excludeInboundPorts', '80,81'),
  'authn.BlockedCIDRsAnalyzer IST0175': doc('Deployment', 'istiod', spec('{template: {metadata: {labels: {app: istiod}}, spec: {containers: [{name: discovery, env: [{name: BLOCKED_CIDRS_IN_JWKS_URIS, value: 10.0.0.0/8}]}]}}}'),
    'apps/v1', ', namespace: istio-system') + security('RequestAuthentication', 'r', '{jwtRules: [{issuer: a}]}'),
  'auth.AuthorizationPoliciesAnalyzer IST0127': WEB + security('AuthorizationPolicy', 'it', `{${OF_WEB}, rules: [{}]}`),
  'auth.AuthorizationPoliciesAnalyzer IST0101': WEB + security('AuthorizationPolicy', 'it', '{rules: [{from: [{source: {namespaces: [default, "def*"]}}]}]}'),
  'conditions.ConditionAnalyzer IST0171': `${entry('it', 'ports: [{number: 80, name: http, protocol: HTTP}]').replace(/\n---\n$/, '')}\nstatus: {conditions: [{type: istio.io/WaypointBound, status: "True"}]}\n---\n`,
  'deployment.MultiServiceAnalyzer IST0116': WEB + service('udp', '{port: 81, name: x, protocol: UDP}', 'web'),
  'deployment.MultiServiceAnalyzer IST0137': WEB + service('more', '{port: 80, name: http}', 'web'),
  'applicationUID.Analyzer IST0144': doc('Pod', 'web', spec('{containers: [{name: istio-proxy, securityContext: {runAsUser: 1337}}, {name: a, securityContext: {runAsUser: 1000}}]}'), 'v1'),
  'destinationrule.CaCertificateAnalyzer IST0128': WEB + doc('DestinationRule', 'it', spec('{host: web, trafficPolicy: {tls: {mode: SIMPLE}}}')),
  'destinationrule.CaCertificateAnalyzer IST0129': WEB + doc('DestinationRule', 'it', spec('{host: web, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE, sni: a.example, subjectAltNames: [a.example]}}]}}')),
  'destinationrule.SubsetSelectPodAnalyzer IST0174': WEB + doc('DestinationRule', 'it', spec('{host: "*.default.svc.cluster.local"}')),
  'destinationrule.SubsetSelectPodAnalyzer IST0173': WEB + doc('DestinationRule', 'it', spec('{host: web, subsets: [{name: v1, labels: {version: v1}}]}')),
  'deprecation.DeprecationAnalyzer IST0002': WEB + rule('it', `hosts: [web], http: [{fault: {delay: {fixedDelay: 1s, percentage: {value: 1}}}, ${TO_WEB}}]`),
  'envoyfilter.EnvoyPatchAnalyzer IST0151': patch(`{applyTo: HTTP_FILTER, patch: {operation: INSERT_BEFORE, value: ${LUA}}}`, 'priority: 1, '),
  'envoyfilter.EnvoyPatchAnalyzer IST0155': patch(`{applyTo: HTTP_FILTER, patch: {operation: INSERT_FIRST, value: ${LUA}}}`),
  'envoyfilter.EnvoyPatchAnalyzer IST0152': patch(`{applyTo: HTTP_FILTER, patch: {operation: REPLACE, value: ${LUA}}}`, 'priority: 1, '),
  'envoyfilter.EnvoyPatchAnalyzer IST0153': patch('{applyTo: CLUSTER, patch: {operation: ADD, value: {name: a}}}'),
  'envoyfilter.EnvoyPatchAnalyzer IST0154': patch('{applyTo: HTTP_FILTER, patch: {operation: REMOVE}}', 'priority: 1, '),
  'externalcontrolplane.ExternalControlPlaneAnalyzer IST0163': webhook('a', '{url: "https://a.example/inject"}'),
  'externalcontrolplane.ExternalControlPlaneAnalyzer IST0164': webhook('a', '{url: "https://a.example:15017/inject"}'),
  'gateway.IngressGatewayPortAnalyzer IST0101': GATEWAY_POD + gateway('it', HTTP),
  'gateway.IngressGatewayPortAnalyzer IST0162': GATEWAY_POD + gateway('it', HTTP),
  'gateway.CertificateAnalyzer IST0138': GATEWAY_POD + gateway('a', https('a.example')) + gateway('b', https('b.example').replace('credentialName: c', 'credentialName: d')),
  'gateway.SecretAnalyzer IST0101': GATEWAY_POD + gateway('it', https('a.example')) + doc('Secret', 'c', `data: {${PAIR}}`, 'v1'),
  'gateway.SecretAnalyzer IST0161': GATEWAY_POD + gateway('it', https('a.example')) + doc('Secret', 'c', `data: {${PAIR}}`, 'v1'),
  'gateway.ConflictingGatewayAnalyzer IST0145': GATEWAY_POD + gateway('a', HTTP) + gateway('b', HTTP.replace('a.example', 'b.example')),
  'injection.Analyzer IST0102': doc('Namespace', 'default', '', 'v1', ', labels: {istio-injection: enabled}') + WEB,
  'injection.Analyzer IST0148': MESH_CONFIG('sidecarInjectorWebhook: {enableNamespacesByDefault: true}') + doc('Namespace', 'default', '', 'v1', ', labels: {istio-injection: disabled}') + WEB,
  'injection.Analyzer IST0123': doc('Namespace', 'a', '', 'v1', ', labels: {istio-injection: disabled, istio.io/rev: x}'),
  'injection.Analyzer IST0103': doc('Namespace', 'default', '', 'v1', ', labels: {istio-injection: enabled}') + WEB,
  'injection.ImageAnalyzer IST0158': INJECTOR + withProxy('docker.io/istio/proxyv2:1.32.0-distroless') + withProxy('other', ', annotations: {sidecar.istio.io/proxyImage: other}').replace('name: web', 'name: own'),
  'injection.ImageAutoAnalyzer IST0147': doc('Pod', 'web', spec('{containers: [{name: istio-proxy, image: auto}]}'), 'v1', ', labels: {sidecar.istio.io/inject: "true"}'),
  'injection.ImageAutoAnalyzer IST0146': doc('Deployment', 'web', spec('{template: {metadata: {labels: {sidecar.istio.io/inject: "true"}}, spec: {containers: [{name: istio-proxy, image: auto}]}}}'), 'apps/v1'),
  'k8sgateway.SelectorAnalyzer IST0166': pod('g', '{app: g, gateway.networking.k8s.io/gateway-name: g}') + security('AuthorizationPolicy', 'it', '{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}], rules: [{}]}'),
  'k8sgateway.CRDVersionAnalyzer IST0176': [['tlsroutes', '1.5.0'], ['grpcroutes', '1.1.0'], ['gateways', '0.8.1']].map(([kind, version]) => doc('CustomResourceDefinition', `${kind}.gateway.networking.k8s.io`,
    'spec: {}', 'apiextensions.k8s.io/v1', `, annotations: {gateway.networking.k8s.io/bundle-version: v${version}}`)).join(''),
  'meshnetworks.MeshNetworksAnalyzer IST0126': doc('ConfigMap', 'istio', 'data: {meshNetworks: "networks: {n: {endpoints: [{fromRegistry: Kubernetes}], gateways: [{address: 1.2.3.4, port: 15443}]}}"}', 'v1', ', namespace: istio-system'),
  'service.PortNameAnalyzer IST0118': service('web', '{port: 80, name: foo, appProtocol: http}') + pod('web'),
  'service.PortNameAnalyzer IST0150': doc('Service', 'web', spec('{type: ExternalName, externalName: a.example, ports: [{port: 80, name: http}]}'), 'v1'),
  'sidecar.SelectorAnalyzer IST0101': WEB + doc('Sidecar', 'it', spec(`{workloadSelector: {labels: {app: web}}, ${SIDECAR}}`)),
  'sidecar.SelectorAnalyzer IST0110': WEB + service('back') + pod('back') + ['web', 'back'].map(name => doc('Sidecar', name, spec(`{workloadSelector: {labels: {app: ${name}}}, ${SIDECAR}}`))).join(''),
  'sidecar.SelectorAnalyzer IST0111': WEB + ['a', 'b'].map(name => doc('Sidecar', 'it', spec(`{${SIDECAR}}`), undefined, `, namespace: ${name}`)).join(''),
  'sidecar.SelectorAnalyzer IST0167': doc('Namespace', 'default', '', 'v1', ', labels: {istio.io/dataplane-mode: none, istio-injection: enabled}') + WEB + doc('Sidecar', 'it', spec(`{${SIDECAR}}`)),
  'virtualservice.ConflictingMeshGatewayHostsAnalyzer IST0109': WEB + GATEWAY_POD + gateway('g', HTTP.replace('a.example', '"*"')) + rule('a', `hosts: [web], http: [{${TO_WEB}}]`)
    + rule('b', `hosts: [web.default.svc.cluster.local], gateways: [g], http: [{${TO_WEB}}]`),
  'virtualservice.DestinationHostAnalyzer IST0101': WEB + rule('it', `hosts: [web], http: [{mirror: {host: web}, ${TO_WEB}}]`),
  'virtualservice.DestinationHostAnalyzer IST0112': service('web', '{port: 80, name: http}, {port: 81, name: http-b}') + pod('web') + rule('it', 'hosts: [web], http: [{route: [{destination: {host: web, port: {number: 81}}}]}]'),
  'virtualservice.DestinationHostAnalyzer IST0140': WEB + GATEWAY_POD + gateway('g', HTTP) + TWO_SUBSETS + rule('a', 'hosts: [web], http: [{route: [{destination: {host: web, subset: v1}}]}]')
    + rule('it', 'hosts: [a.example], gateways: [g], http: [{route: [{destination: {host: web, subset: v1}}]}]'),
  'virtualservice.DestinationRuleAnalyzer IST0101': WEB + TWO_SUBSETS + rule('it', 'hosts: [web], http: [{mirror: {host: web, subset: v2}, route: [{destination: {host: web, subset: v1}}]}]'),
  'virtualservice.GatewayAnalyzer IST0101': WEB + GATEWAY_POD + gateway('g', HTTP) + rule('it', `hosts: [a.example], gateways: [default/g], http: [{${TO_WEB}}]`),
  'virtualservice.GatewayAnalyzer IST0132': WEB + GATEWAY_POD + gateway('g', HTTP.replace('a.example', '"*.example"')) + rule('it', `hosts: [a.example], gateways: [g], http: [{${TO_WEB}}]`),
  'virtualservice.GatewayAnalyzer IST0165': WEB + GATEWAY_POD + gateway('g', HTTP) + rule('it', `hosts: [a.example], gateways: [g], http: [{${TO_WEB}}]`),
  'virtualservice.JWTClaimRouteAnalyzer IST0149': WEB + GATEWAY_POD + gateway('g', HTTP) + security('RequestAuthentication', 'r', '{jwtRules: [{issuer: a}]}')
    + rule('it', `hosts: [a.example], gateways: [g], http: [{match: [{headers: {"@request.auth.claims.sub": {exact: a}}}], ${TO_WEB}}]`),
  'serviceentry.Analyzer IST0134': doc('ServiceEntry', 'it', spec('{hosts: [a.example], resolution: NONE, addresses: [1.2.3.4], ports: [{number: 80, name: tcp, protocol: TCP}]}')),
  'serviceentry.ConflictingServiceEntryProtocolAnalyzer IST0177': ['a', 'b'].map((name, index) => entry(name, `ports: [{number: ${80 + index}, name: x, protocol: ${['HTTP', 'TLS'][index]}}]`)).join(''),
  'webhook.Analyzer IST0139': webhook('a', '{url: "https://a.example"}') + webhook('b', '{url: "https://b.example"}').replaceAll('istio-injection: enabled', 'istio.io/rev: b'),
  'telemetry.ProviderAnalyzer IST0157': WEB + telemetry('it', '{accessLogging: [{providers: [{name: envoy}]}]}') + telemetry('off', `{${OF_WEB}, accessLogging: [{disabled: true}]}`),
  'telemetry.SelectorAnalyzer IST0101': WEB + telemetry('it', `{${OF_WEB}, tracing: [{}]}`),
  'telemetry.SelectorAnalyzer IST0159': WEB + telemetry('a', `{${OF_WEB}}`) + telemetry('b', '{tracing: [{}]}'),
  'telemetry.DefaultSelectorAnalyzer IST0160': WEB + telemetry('a', '{tracing: [{}]}') + telemetry('b', '{tracing: [{}]}', ', namespace: other'),
  'telemetry.LightstepAnalyzer IST0002': MESH_CONFIG('extensionProviders: [{name: new, zipkin: {service: web.default.svc.cluster.local, port: 80}}]') + WEB + telemetry('it', '{tracing: [{providers: [{name: new}]}]}'),
  'schema.ValidationAnalyzer.KIND IST0106': GATEWAY_POD + gateway('it', HTTP),
  'schema.ValidationAnalyzer.KIND IST0133': WEB + doc('Sidecar', 'it', spec('{egress: [{hosts: ["./*", "other/a.example"]}]}')),
  'schema.ValidationAnalyzer.KIND IST0130': WEB + rule('it', `hosts: [web], http: [{match: [{uri: {prefix: /a}}], ${TO_WEB}}, {${TO_WEB}}]`),
  'schema.ValidationAnalyzer.KIND IST0131': WEB + rule('it', `hosts: [web], http: [{match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}], ${TO_WEB}}]`),
};

/** Codes that cannot come of manifests, with the reason. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'services.MultiClusterServiceAnalyzer IST0170': 'compares the Services of several clusters; manifests are those of one',
  'IST0001': 'an error of istioctl itself',
  'IST0136': 'precheck: asks a cluster which of its annotations are alpha',
  'IST0141': 'precheck: asks a cluster for the permissions of the user',
  'IST0142': 'precheck: asks a cluster for the version of Kubernetes',
  'IST0143': 'precheck: looks at the sockets of running containers',
  'IST0156': 'precheck: asks a cluster for the CRDs of Gateway API; those in manifests are IST0176',
  'IST0168': 'upgrade: compares two versions of istiod',
  'IST0169': 'upgrade: compares two versions of istiod',
  'IST0172': 'precheck: asks a cluster for the CRDs of Gateway API; those in manifests are IST0176',
};

/** Severities that differ from Istio's, which looks at whole clusters. */
const MILDER: Readonly<Record<string, string>> = {
  'gateway.SecretAnalyzer IST0101': 'W: Secrets are often made in the cluster, by cert-manager or by hand',
  'auth.AuthorizationPoliciesAnalyzer IST0101': 'W: callers may live in a namespace that other manifests declare',
  'destinationrule.SubsetSelectPodAnalyzer IST0173': 'W: versions come and go, and a rollout declares the subset first',
};

const rows = existsSync(REFERENCE) ? analyzerRows() : [];
const listed = rows.length === 0 ? test.skip : test;

listed('every analyzer of the list is tested for what it finds and for what it does not, or cannot be met (not run: the list is not beside the project)', () => {
  const expected = rows.map(({ name }) => name).filter(name => !(name in ELSEWHERE)).sort();
  expect([...new Set(FOUND.map(([name]) => name))].sort()).toEqual(expected);
  expect(Object.keys(RIGHT).sort()).toEqual(expected);
  expect([...codesElsewhere(), ...rows.map(({ name }) => name).filter(name => name in ELSEWHERE)].sort()).toEqual(Object.keys(ELSEWHERE).sort());
});

listed.each(rows.filter(({ name }) => !(name in ELSEWHERE)).map(({ name, level }): [string, string] => [name, level]))('%s has the severity of the list', (name, level) => {
  const wanted = { E: 'error', W: 'warning', I: 'info' }[MILDER[name]?.[0] ?? level];
  expect(new Set(FOUND.filter(([row]) => row === name).map(([, , place]) => place.split(' ')[0]))).toEqual(new Set([wanted]));
});

test.each(FOUND)('%s is found', (name, yaml, expected) => expect(found(yaml)).toContain(`${name.split(' ')[1]} ${expected}`));

test.each(Object.entries(RIGHT))('%s is not found where nothing is wrong', (name, yaml) => {
  const code = name.split(' ')[1];
  expect(found(yaml).filter(text => text.startsWith(code) || text.includes(' error '))).toEqual([]);
});

test.each<[string, string]>([
  ['a gateway of an installation that is deployed elsewhere', WEB + gateway('it', HTTP, 'istio: ingressgateway')],
  ['two Gateways of different Pods with one host', WEB + gateway('a', HTTP, 'istio: ingressgateway') + gateway('b', HTTP, 'istio: egressgateway')],
  ['a Secret that the input does not show', GATEWAY_POD + gateway('it', https('a.example'))],
  ['a subset whose version comes later', WEB + doc('DestinationRule', 'it', spec('{host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}'))],
  ['a VirtualService of each namespace for its own', WEB + ['a', 'b'].map(name => doc('VirtualService', 'it', spec('{hosts: [web.default.svc.cluster.local], exportTo: ["."], http: [{route: [{destination: {host: web.default.svc.cluster.local}}]}]}'), undefined, `, namespace: ${name}`)).join('')],
  ['TLS origination for HTTP on 443', doc('ServiceEntry', 'it', spec('{hosts: [a.example], resolution: DNS, ports: [{number: 443, name: http, protocol: HTTP}]}'))
    + doc('DestinationRule', 'it', spec('{host: a.example, trafficPolicy: {tls: {mode: SIMPLE, caCertificates: system}}}'))],
])('does not blame %s', (_case, yaml) => expect(found(yaml)).toEqual([]));

/** VirtualServices for one host, each with its namespace and exportTo. */
const claiming = (...claims: readonly (readonly [string, string, string])[]) => claims.map(([namespace, host, exportTo]) => {
  const text = `{hosts: ["${host}"], exportTo: [${exportTo}], http: [{route: [{destination: {host: web.default.svc.cluster.local}}]}]}`;
  return doc('VirtualService', 'it', spec(text), undefined, `, namespace: ${namespace}`);
}).join('');

test.each<[string, string, readonly string[]]>([
  ['IST0109', WEB + ['a', 'b', 'c'].map(name => doc('VirtualService', name, spec(`{hosts: [web], http: [{${TO_WEB}}]}`))).join(''), ['default/a', 'default/b', 'default/c']],
  ['IST0109', claiming(['a', 'x.example', '"."'], ['b', 'x.example', '"*"'], ['c', 'x.example', '"."']), ['a/it', 'b/it', 'c/it']],
  ['IST0109', claiming(['a', 'x.y.example', '"."'], ['b', '*.example', '"*"']), ['a/it', 'b/it']],
  ['IST0109', claiming(['a', '*.y.example', '"."'], ['b', 'x.y.example', '"*"']), ['a/it', 'b/it']],
  ['IST0109', claiming(['a', 'x.example', '"."'], ['b', '*.example', 'c'], ['d', 'y.example', '"*"']), ['b/it', 'd/it']],
  ['IST0110', WEB + ['a', 'b'].map(name => doc('Sidecar', name, spec(`{workloadSelector: {labels: {app: web}}, ${SIDECAR}}`))).join(''), ['default/a', 'default/b']],
  ['IST0111', WEB + ['a', 'b', 'c'].map(name => doc('Sidecar', name, spec(`{${SIDECAR}}`))).join(''), ['default/a', 'default/b', 'default/c']],
  ['IST0138', GATEWAY_POD + gateway('a', https('a.example')) + gateway('b', https('b.example')), ['default/a', 'default/b']],
  ['IST0138', gateway('a', https('a.example')) + gateway('b', https('b.example'), 'istio: edge-gateway, app: b'), ['default/a']],
  ['IST0145', GATEWAY_POD + gateway('a', HTTP) + gateway('b', HTTP), ['default/a', 'default/b']],
  ['IST0160', WEB + ['a', 'b'].map(name => telemetry(name, '{tracing: [{}]}')).join(''), ['default/a', 'default/b']],
  ['IST0177', ['a', 'b', 'c'].map((name, index) => doc('ServiceEntry', name, spec(`{hosts: [a.example], resolution: DNS, ports: [{number: 80, name: x, protocol: ${['HTTP', 'TLS', 'TLS'][index]}}]}`))).join(''),
    ['default/a', 'default/b', 'default/c']],
])('%s is told of all sides (%#)', (code, yaml, places) => {
  const told = found(yaml).filter(text => text.startsWith(code)).map(text => text.split(' ')[2].split('/').slice(1).join('/'));
  expect([...new Set(told)].sort()).toEqual(places);
});

test('hosts of a Gateway are for some namespaces', () => {
  const served = (host: string) => found(WEB + GATEWAY_POD + gateway('g', HTTP.replace('a.example', host)) + doc('VirtualService', 'it', spec(`{hosts: [a.example], gateways: [g], http: [{${TO_WEB}}]}`)))
    .includes('IST0132 warning VirtualService/default/it');
  expect(['a.example', '"*/a.example"', './a.example', 'default/a.example', 'other/a.example', '"other/*"'].map(served)).toEqual([false, false, false, false, true, true]);
});

test('operations of EnvoyFilters that do nothing do not depend on their order either', () => {
  const codes = (applyTo: string, operation: string) => found(doc('EnvoyFilter', 'it', spec(`{configPatches: [{applyTo: ${applyTo}, patch: {operation: ${operation}, value: {}}}]}`), 'networking.istio.io/v1alpha3'))
    .map(text => text.split(' ')[0])
    .filter(code => /^IST015/.test(code));
  expect([codes('HTTP_ROUTE', 'REMOVE'), codes('CLUSTER', 'REPLACE'), codes('CLUSTER', 'REMOVE'), codes('HTTP_FILTER', 'REPLACE')]).toEqual([['IST0154'], ['IST0152'], ['IST0151'], ['IST0151']]);
});

test('a Gateway that Istio makes is named by nobody, though it exists', () => {
  const codes = found(WEB + doc('VirtualService', 'it', spec(`{hosts: [a.example], gateways: [default/gateway-istio-autogenerated-k8s-gateway], http: [{${TO_WEB}}]}`)));
  expect(codes).toEqual(['IST0165 warning VirtualService/default/it']);
});
