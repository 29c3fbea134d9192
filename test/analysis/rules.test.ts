import { analyzeManifests, analyzeResources } from '../../src/analysis';
import { textOf } from '../../src/analysis/finding';
import { parseManifests } from '../../src/model/parse';

/** A mesh in which nothing is wrong. */
const REVIEWS = `
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {ports: [{port: 9080, name: http}], selector: {app: reviews}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
---
`;

const text = (yaml: string): string[] => {
  const { resources, errors } = parseManifests(REVIEWS + yaml, 'f.yaml');
  return analyzeResources(resources, errors).filter(({ severity }) => severity !== 'info').map(textOf);
};

const object = (kind: string, spec: string, group = 'networking.istio.io/v1') => `apiVersion: ${group}
kind: ${kind}
metadata: {name: it}
spec:
${spec.split('\n').map(line => `  ${line}`).join('\n')}`;
const rule = (http: string) => object('VirtualService', `hosts: [reviews]\nhttp:\n${http}`);
const TO_V1 = 'route: [{destination: {host: reviews, subset: v1}}]';

test('finds nothing in a correct mesh', () => expect(text(rule(`- ${TO_V1}`))).toEqual([]));

test.each<[string, string, string]>([
  ['an unknown field', object('DestinationRule', 'hosts: reviews'),
    '[f.yaml:19] MESH_FIELD_UNKNOWN (IST0106): DestinationRule/default/it: DestinationRule has no field spec.hosts; did you mean host?'],
  ['a misplaced field', rule('- route:\n  - destination: {host: reviews}\n    timeout: 10s'),
    '[f.yaml:23] MESH_FIELD_UNKNOWN (IST0106): VirtualService/default/it: VirtualService has no field spec.http[0].route[0].timeout; timeout belongs further out; check the indentation'],
  ['a missing required field', object('DestinationRule', 'subsets: []'),
    '[f.yaml:18] MESH_FIELD_REQUIRED (IST0106): DestinationRule/default/it: spec needs the field host, got only subsets; add host'],
  ['text for a list', object('VirtualService', `hosts: reviews\nhttp:\n- ${TO_V1}`),
    '[f.yaml:19] MESH_FIELD_TYPE (IST0106): VirtualService/default/it: spec.hosts is a list, got "reviews"; write a list'],
  ['a number for text', object('VirtualService', `hosts: [reviews]\nhttp:\n- match: [{headers: {x: {exact: 1}}}]\n  ${TO_V1}`),
    '[f.yaml:21] MESH_FIELD_TYPE (IST0106): VirtualService/default/it: spec.http[0].match[0].headers.x.exact is a string, got 1; write "1"'],
  ['a value outside an enumeration', object('DestinationRule', 'host: reviews\ntrafficPolicy: {loadBalancer: {simple: ROUND_ROBBIN}}'),
    '[f.yaml:20] MESH_ENUM_INVALID (IST0106): DestinationRule/default/it: spec.trafficPolicy.loadBalancer.simple is one of UNSPECIFIED, LEAST_CONN, RANDOM, PASSTHROUGH, ROUND_ROBIN, LEAST_REQUEST, got "ROUND_ROBBIN"; did you mean ROUND_ROBIN?'],
  ['two of a oneof', rule(`- match: [{uri: {exact: /a, prefix: /b}}]\n  ${TO_V1}`),
    '[f.yaml:21] MESH_FIELD_EXCLUSIVE (IST0106): VirtualService/default/it: spec.http[0].match[0].uri takes one of exact, prefix, regex, got exact and prefix; keep one of them'],
  ['a duration in words', rule(`- timeout: ten seconds\n  ${TO_V1}`),
    '[f.yaml:21] MESH_DURATION_INVALID (IST0106): VirtualService/default/it: spec.http[0].timeout is a duration such as 10s, 1.5s, 250ms or 1m30s, at least 1ms, got "ten seconds"; write a number and a unit of ms, s, m or h'],
  ['a duration without unit', rule(`- timeout: "10"\n  ${TO_V1}`),
    '[f.yaml:21] MESH_DURATION_INVALID (IST0106): VirtualService/default/it: spec.http[0].timeout is a duration such as 10s, 1.5s, 250ms or 1m30s, at least 1ms, got "10"; did you mean 10s?'],
  ['a negative weight', rule('- route: [{destination: {host: reviews, subset: v1}, weight: -5}]'),
    '[f.yaml:21] MESH_WEIGHT_INVALID (IST0106): VirtualService/default/it: spec.http[0].route[0].weight is 0 or more, got -5; write the share this destination takes'],
  ['weights of nothing', rule('- route: [{destination: {host: reviews}}, {destination: {host: reviews, subset: v1}}]'),
    '[f.yaml:21] MESH_WEIGHT_INVALID (IST0106): VirtualService/default/it: the weights of spec.http[0].route add up to more than 0, got 0 for all 2 destinations; give at least one a weight'],
  ['a VirtualService without rules', object('VirtualService', 'hosts: [reviews]'),
    '[f.yaml:18] MESH_ROUTES_MISSING (IST0106): VirtualService/default/it: a VirtualService has at least one rule under http, tls or tcp, got none; add http: [{route: [{destination: {host: …}}]}]'],
  ['a rule without action', rule('- timeout: 3s'),
    '[f.yaml:21] MESH_ROUTES_MISSING (IST0106): VirtualService/default/it: spec.http[0] has a route, a redirect or a directResponse, got none; add route: [{destination: {host: …}}]'],
  ['a redirect with a route', rule(`- redirect: {uri: /x}\n  ${TO_V1}`),
    '[f.yaml:21] MESH_ACTION_CONFLICT (IST0106): VirtualService/default/it: spec.http[0] takes redirect or route, not both, got both; keep one of them'],
  ['a missing subset', rule('- route: [{destination: {host: reviews, subset: v9}}]'),
    '[f.yaml:21] MESH_SUBSET_MISSING (IST0101): VirtualService/default/it: routes to the subset v9 of reviews, which no DestinationRule defines (it has v1); did you mean v1?'],
  ['a missing host', rule('- route: [{destination: {host: reveiws}}]'),
    '[f.yaml:21] MESH_HOST_UNKNOWN (IST0101): VirtualService/default/it: routes to the host reveiws, which is no Service or ServiceEntry (looked for reveiws.default.svc.cluster.local); did you mean reviews.default.svc.cluster.local?'],
  ['a port the host lacks', rule('- route: [{destination: {host: reviews, port: {number: 80}}}]'),
    '[f.yaml:21] MESH_PORT_UNKNOWN (IST0101): VirtualService/default/it: reviews has the ports 9080, got 80; write 9080'],
  ['a missing gateway', object('VirtualService', `hosts: ["*"]\ngateways: [front]\nhttp:\n- ${TO_V1}`),
    '[f.yaml:20] MESH_GATEWAY_MISSING (IST0101): VirtualService/default/it: is bound to the gateway front, which does not exist (looked for default/front); declare a Gateway of that name'],
  ['a wildcard host in the mesh', object('VirtualService', `hosts: ["*"]\nhttp:\n- ${TO_V1}`),
    '[f.yaml:19] MESH_HOST_INVALID (IST0106): VirtualService/default/it: the host * would take all traffic of the mesh, got "*"; name the hosts, or bind the rule to a gateway'],
  ['an expression that RE2 refuses', rule(`- match: [{uri: {regex: "/(?=a)"}}]\n  ${TO_V1}`),
    '[f.yaml:21] MESH_REGEX_INVALID (IST0106): VirtualService/default/it: spec.http[0].match[0].uri.regex is a regular expression of RE2, got "/(?=a)": error parsing regexp: invalid or unsupported Perl syntax: `(?=`; correct the expression'],
  ['retries without attempts', rule(`- retries: {perTryTimeout: 2s}\n  ${TO_V1}`),
    '[f.yaml:21] MESH_RETRIES_INVALID (IST0106): VirtualService/default/it: perTryTimeout needs attempts of 1 or more, got none; add attempts or remove perTryTimeout'],
  ['an unknown retry condition', rule(`- retries: {attempts: 3, retryOn: "5xx, reset"}\n  ${TO_V1}`), expect.stringContaining('MESH_RETRY_ON_INVALID (IST0106)') as unknown as string],
  ['a rule after a catch-all', rule(`- ${TO_V1}\n- ${TO_V1}`),
    '[f.yaml:22] MESH_RULE_UNREACHABLE (IST0130): VirtualService/default/it: spec.http[1] can never match, as spec.http[0] takes everything; move the general rule to the end'],
  ['a narrow match after a wide one', rule(`- match: [{uri: {prefix: /}}]\n  ${TO_V1}\n- match: [{uri: {prefix: /api}}]\n  ${TO_V1}`),
    '[f.yaml:23] MESH_RULE_UNREACHABLE (IST0131): VirtualService/default/it: spec.http[1] (prefix /api) can never match, as spec.http[0].match[0] (prefix /) takes its requests; move the narrower rule first'],
  ['a rule for a host nobody has', object('DestinationRule', 'host: nowhere'),
    '[f.yaml:19] MESH_HOST_UNKNOWN (IST0174): DestinationRule/default/it: is for the host nowhere, which is no Service or ServiceEntry (looked for nowhere.default.svc.cluster.local); declare it, or write the full name of a service of another namespace'],
  ['a gateway without servers', object('Gateway', 'selector: {istio: ingressgateway}'),
    '[f.yaml:18] MESH_SERVERS_MISSING (IST0106): Gateway/default/it: a Gateway has at least one server, got none; add servers: [{port: …, hosts: […]}]'],
  ['an HTTPS server without TLS', object('Gateway', 'servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"]}]'),
    '[f.yaml:19] MESH_TLS_MISSING (IST0106): Gateway/default/it: a server of protocol HTTPS has tls, got none; add tls: {mode: SIMPLE, credentialName: …}'],
  ['a short host of a gateway', object('Gateway', 'servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [reviews]}]'),
    '[f.yaml:19] MESH_HOST_INVALID (IST0106): Gateway/default/it: spec.servers[0].hosts[0] is *, *.suffix or a full DNS name, with an optional namespace/ before it, got "reviews"; write the full name, reviews.NAMESPACE.svc.cluster.local'],
  ['a wildcard that cannot be looked up', object('ServiceEntry', 'hosts: ["*.example.com"]\nresolution: DNS\nports: [{number: 443, name: tls, protocol: TLS}]'),
    '[f.yaml:19] MESH_HOST_WILDCARD (IST0106): ServiceEntry/default/it: resolution DNS without endpoints looks the host up, got *.example.com; name the host fully, add endpoints, or use resolution NONE'],
  ['two containers on one port', object('Pod', 'containers:\n- {name: a, ports: [{containerPort: 80}]}\n- {name: b, ports: [{containerPort: 80}]}', 'v1'),
    '[f.yaml:21] MESH_CONTAINER_PORT_DUPLICATE: Pod/default/it: containers of one Pod share its ports, got 80 in a and in b; give one of them another port'],
])('finds %s', (_case, yaml, expected) => expect(text(yaml)).toEqual([expected]));

test('says each thing once, worst first, in the order of the files', () => {
  const findings = text(rule(`- ${TO_V1}\n- route: [{destination: {host: reviews, subset: v9}, weight: -1}]`));
  expect(findings.map(finding => /MESH_\w+/.exec(finding)![0])).toEqual(['MESH_SUBSET_MISSING', 'MESH_WEIGHT_INVALID', 'MESH_RULE_UNREACHABLE']);
});

test('names the construct where the manifest does', () => {
  const [finding] = analyzeManifests([
    { apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name: 'x', annotations: { 'cdk8s-mesh.dev/path': 'app/X' } }, spec: { hosts: ['a.example'] } },
  ]);
  expect(finding).toEqual({
    code: 'MESH_ROUTES_MISSING',
    istioCode: 'IST0106',
    severity: 'error',
    resource: 'VirtualService/default/x',
    path: 'app/X',
    field: 'spec',
    message: 'a VirtualService has at least one rule under http, tls or tcp, got none',
    repair: 'add http: [{route: [{destination: {host: …}}]}]',
  });
  expect(textOf(finding)).toMatch(/^\[app\/X] MESH_ROUTES_MISSING/);
});
