import { analyzeResources } from '../../src/analysis';
import { parseManifests } from '../../src/model/parse';

/** A mesh of two HTTP services, a TCP service and a gateway, in which nothing is wrong. */
const MESH = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, name: http}], selector: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web, version: v1}}
spec: {serviceAccountName: web, containers: [{name: a, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{port: 5432, name: tcp}], selector: {app: db}}
---
apiVersion: v1
kind: Pod
metadata: {name: db-1, labels: {app: db}}
spec: {serviceAccountName: db, containers: [{name: a, ports: [{containerPort: 5432}]}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example]}
  - {port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [passed.example]}
  - {port: {number: 444, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}, hosts: [ended.example]}
---
`;

const object = (kind: string, name: string, spec: string, group = 'networking.istio.io/v1') => `apiVersion: ${group}\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n---\n`;
const security = (kind: string, name: string, spec: string) => object(kind, name, spec, 'security.istio.io/v1');
const TO_WEB = 'route: [{destination: {host: web}}]';
const rules = (http: string, hosts = 'web') => object('VirtualService', 'it', `{hosts: [${hosts}], http: [${http}]}`);
const onEdge = (name: string, http: string, host = 'a.example') => object('VirtualService', name, `{hosts: [${host}], gateways: [edge], http: [${http}]}`);
const OF_DB = 'selector: {matchLabels: {app: db}}';

const findings = (yaml: string) => {
  const { resources, errors } = parseManifests(MESH + yaml, 'f.yaml');
  return analyzeResources(resources, errors).map(({ code, severity, resource, field }) => [code, severity, resource, field]);
};

const VS = 'VirtualService/default/it';

test('finds nothing in the mesh itself', () => expect(findings('')).toEqual([]));

test.each<[string, string, (string | undefined)[][]]>([
  ['a prefix before a regular expression and a narrower prefix',
    rules(`{match: [{uri: {prefix: /a}}], ${TO_WEB}}, {match: [{uri: {prefix: /api}, headers: {x: {exact: y}}}], ${TO_WEB}}, {match: [{uri: {regex: /a.*}}], ${TO_WEB}}`),
    [['MESH_RULE_UNREACHABLE', 'warning', VS, 'spec.http[1]'], ['MESH_RULE_UNREACHABLE', 'warning', VS, 'spec.http[2]']]],
  ['a match on an unknown gateway', rules(`{match: [{gateways: [nowhere]}], ${TO_WEB}}`), [['MESH_GATEWAY_MISSING', 'error', VS, 'spec.http[0].match[0].gateways[0]']]],
  ['two VirtualServices of one host and gateway, of which the first takes everything', onEdge('a', `{${TO_WEB}}`) + onEdge('b', `{match: [{uri: {prefix: /api}}], ${TO_WEB}}`), [
    ['MESH_HOST_SHARED', 'info', 'VirtualService/default/b', 'spec.hosts'],
  ]],
  ['two VirtualServices of one host and gateway, of which the first covers the second',
    onEdge('a', `{match: [{uri: {prefix: /a}}], ${TO_WEB}}`) + onEdge('b', `{match: [{uri: {prefix: /a/b}}], ${TO_WEB}}`),
    [['MESH_RULE_UNREACHABLE', 'warning', 'VirtualService/default/b', 'spec.http[0]']]],
  ['a policy of a subset that no route uses',
    object('DestinationRule', 'it', '{host: web, subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}}]}'),
    [['MESH_SUBSET_UNUSED', 'warning', 'DestinationRule/default/it', 'spec.subsets[0].trafficPolicy']]],
  ['HTTP on port 443 of an external service', object('ServiceEntry', 'it', '{hosts: [b.example], resolution: DNS, ports: [{number: 443, name: http, protocol: HTTP}]}'),
    [['MESH_PROTOCOL_DIFFERENT', 'warning', 'ServiceEntry/default/it', 'spec.ports[0].protocol']]],
  ['plain connections to a server that takes mutual TLS alone',
    security('PeerAuthentication', 'p', '{mtls: {mode: STRICT}}') + object('DestinationRule', 'it', '{host: web, trafficPolicy: {tls: {mode: DISABLE}}}'),
    [['MESH_MTLS_CONFLICT', 'error', 'DestinationRule/default/it', 'spec.trafficPolicy.tls']]],
  ['methods asked of a TCP port', security('AuthorizationPolicy', 'it', `{${OF_DB}, rules: [{to: [{operation: {methods: [GET]}}]}]}`),
    [['MESH_ACCESS_PROTOCOL', 'error', 'AuthorizationPolicy/default/it', 'spec.rules[0]']]],
  ['retries that do not fit into the timeout', rules(`{timeout: 2s, retries: {attempts: 3, perTryTimeout: 2s}, ${TO_WEB}}`), [['MESH_RETRY_TIMEOUT', 'warning', VS, 'spec.http[0].timeout']]],
  ['a delegate that does not exist', onEdge('it', '{delegate: {name: nobody}}'), [['MESH_DELEGATE_MISSING', 'error', VS, 'spec.http[0].delegate']]],
  ['a delegate that contradicts its root',
    onEdge('it', '{match: [{uri: {prefix: /a}}], delegate: {name: own}}') + object('VirtualService', 'own', `{http: [{match: [{uri: {prefix: /b}}], ${TO_WEB}}]}`),
    [['MESH_DELEGATE_CONFLICT', 'warning', 'VirtualService/default/own', 'spec.http[0]']]],
  ['tokens that nobody asks for', security('RequestAuthentication', 'it', '{jwtRules: [{issuer: a, jwksUri: "https://a.example/keys"}]}'),
    [['MESH_JWT_OPTIONAL', 'warning', 'RequestAuthentication/default/it', 'spec.jwtRules']]],
  ['two DestinationRules of one host, short and full',
    object('DestinationRule', 'a', '{host: web, trafficPolicy: {loadBalancer: {simple: RANDOM}}}')
    + object('DestinationRule', 'b', '{host: web.default.svc.cluster.local, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}'),
    [['MESH_RULE_DUPLICATE', 'warning', 'DestinationRule/default/b', 'spec.host']]],
  ['outlierDetection that turns on locality failover', object('DestinationRule', 'it', '{host: web, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}}'),
    [['MESH_FAILOVER_IMPLIED', 'info', 'DestinationRule/default/it', 'spec.trafficPolicy.outlierDetection']]],
  ['http rules on a server that passes TLS on', onEdge('it', `{${TO_WEB}}`, 'passed.example'), [['MESH_ROUTE_PROTOCOL', 'error', VS, 'spec.http']]],
  ['tls rules on a server that ends TLS',
    object('VirtualService', 'it', `{hosts: [ended.example], gateways: [edge], tls: [{match: [{sniHosts: [ended.example]}], ${TO_WEB}}]}`),
    [['MESH_ROUTE_PROTOCOL', 'error', VS, 'spec.tls']]],
  ['a service account that does not exist', security('AuthorizationPolicy', 'it', '{rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/wep]}}]}]}'),
    [['MESH_ACCOUNT_UNKNOWN', 'warning', 'AuthorizationPolicy/default/it', 'spec.rules[0].from[0].source.principals[0]']]],
  ['principals where mutual TLS is off',
    security('PeerAuthentication', 'p', '{mtls: {mode: DISABLE}}') + security('AuthorizationPolicy', 'it', '{rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/web]}}]}]}'),
    [['MESH_ACCESS_IDENTITY', 'error', 'AuthorizationPolicy/default/it', 'spec.rules[0].from[0]']]],
  ['a provider that nobody registered', security('AuthorizationPolicy', 'it', '{action: CUSTOM, provider: {name: nobody}, rules: [{}]}'),
    [['MESH_PROVIDER_UNKNOWN', 'warning', 'AuthorizationPolicy/default/it', 'spec.provider.name']]],
  ['a short host that means another namespace', `${onEdge('it', `{${TO_WEB}}`).replace('name: it', 'name: it, namespace: other').replace('[edge]', '[default/edge]')}`,
    [['MESH_HOST_UNKNOWN', 'error', 'VirtualService/other/it', 'spec.http[0].route[0].destination.host']]],
  ['a port that the service lacks', rules('{route: [{destination: {host: web, port: {number: 81}}}]}'), [['MESH_PORT_UNKNOWN', 'error', VS, 'spec.http[0].route[0].destination.port.number']]],
  ['a host that is no service', rules(`{${TO_WEB}}`, 'wep'), [['MESH_HOST_UNKNOWN', 'warning', VS, 'spec.hosts[0]']]],
  ['http rules for a TCP port', rules('{route: [{destination: {host: db}}]}', 'db'), [['MESH_ROUTE_PROTOCOL', 'warning', VS, 'spec.http']]],
  ['a fault beside a timeout and retries', rules(`{fault: {delay: {fixedDelay: 5s, percentage: {value: 100}}}, timeout: 2s, retries: {attempts: 2}, ${TO_WEB}}`),
    [['MESH_FAULT_INERT', 'warning', VS, 'spec.http[0].fault']]],
])('finds %s', (_case, yaml, expected) => expect(findings(yaml)).toEqual(expected));

test('says what covers a rule, and clears it once the narrower one stands first', () => {
  const [a, api, regex] = ['{prefix: /a}', '{prefix: /api}, headers: {x: {exact: y}}', '{regex: /a.*}'].map(uri => `{match: [{uri: ${uri}}], ${TO_WEB}}`);
  const messages = (order: string[]) => {
    const { resources } = parseManifests(MESH + rules(order.join(', ')), 'f.yaml');
    return analyzeResources(resources).map(({ message }) => message);
  };
  expect(messages([a, api, regex])).toEqual([
    'spec.http[1] (prefix /api, header x y) can never match, as spec.http[0].match[0] (prefix /a) takes its requests',
    'spec.http[2] (regex /a.*) can never match, as spec.http[0].match[0] (prefix /a) takes its requests',
  ]);
  expect(messages([api, a, regex])).toEqual(['spec.http[2] (regex /a.*) can never match, as spec.http[1].match[0] (prefix /a) takes its requests']);
});
