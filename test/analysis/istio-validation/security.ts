import type { Cases } from './manifests';
import { PROVIDER, security, targets, WEB } from './manifests';

const access = (text: string) => security('AuthorizationPolicy', `{${text}}`);
const rule = (text: string) => access(`selector: {matchLabels: {app: web}}, rules: [{${text}}]`);
const source = (text: string) => rule(`from: [{source: {${text}}}]`);
const operation = (text: string) => rule(`to: [{operation: {${text}}}]`);
const custom = (text: string) => access(`selector: {matchLabels: {app: web}}, action: CUSTOM, provider: {name: asked}, rules: [{${text}}]`);
/** Section 1.8. */
export const ACCESS: Cases = {
  '1.8 selector / targetRefs': targets(target => access(`${target}, rules: [{from: [{source: {namespaces: [default]}}]}]`)),
  '1.8 CUSTOM': {
    good: [PROVIDER + custom('')],
    bad: [
      ['E MESH_ACCESS_INVALID', access('action: CUSTOM, provider: {name: asked}')],
      ['E MESH_ACCESS_INVALID', access('action: CUSTOM, rules: [{}]')],
      ['E MESH_ACCESS_INVALID', access('action: CUSTOM, provider: {name: ""}, rules: [{}]')],
    ],
  },
  '1.8 CUSTOM source': {
    good: [PROVIDER + custom('from: [{source: {ipBlocks: [10.0.0.0/8]}}], to: [{operation: {paths: [/a]}}], when: [{key: "request.headers[x]", values: [a]}]')],
    bad: [
      ...['namespaces', 'serviceAccounts', 'trustDomains', 'principals', 'requestPrincipals'].flatMap(field => [field, `not${field[0].toUpperCase()}${field.slice(1)}`])
        .map((field): [string, string] => ['E MESH_ACCESS_INVALID', custom(`from: [{source: {${field}: [a]}}]`)]),
      ...['source.namespace', 'source.serviceAccount', 'source.trustDomain', 'source.principal', 'request.auth.principal', '"request.auth.claims[a]"']
        .map((key): [string, string] => ['E MESH_ACCESS_INVALID', custom(`when: [{key: ${key}, values: [a]}]`)]),
    ],
  },
  '1.8 provider with other action': { good: [access(`${WEB}, action: AUDIT, rules: [{}]`)], bad: [['E MESH_ACCESS_INVALID', access('provider: {name: asked}, rules: [{}]')], ['E MESH_ACCESS_INVALID', access('action: DENY, provider: {name: asked}, rules: [{}]')]] },
  '1.8 DENY without rules': { good: [access(`action: DENY, ${WEB}, rules: [{}]`)], bad: [['E MESH_ACCESS_INVALID', access('action: DENY')], ['E MESH_ACCESS_INVALID', access('action: DENY, rules: []')]] },
  '1.8 rule, from, to null; from / to empty list; source / operation null or empty': {
    // Istio reads an empty list as none.
    good: [rule(''), rule('from: []'), rule('to: []')],
    bad: [
      ['E MESH_FIELD_TYPE', access('rules: [null]')],
      ['E MESH_FIELD_TYPE', rule('from: [null]')],
      ['E MESH_FIELD_TYPE', rule('to: [null]')],
      ['E MESH_ACCESS_INVALID', rule('from: [{source: {principals: []}}]')],
      ['E MESH_ACCESS_INVALID', rule('to: [{operation: {methods: []}}]')],
      ['E MESH_FIELD_TYPE', rule('from: [{source: null}]')],
      ['E MESH_FIELD_TYPE', rule('to: [{operation: null}]')],
      ['E MESH_ACCESS_INVALID', rule('from: [{}]')],
      ['E MESH_ACCESS_INVALID', rule('to: [{}]')],
      ['E MESH_ACCESS_INVALID', rule('from: [{source: {}}]')],
      ['E MESH_ACCESS_INVALID', rule('to: [{operation: {}}]')],
    ],
  },
  '1.8 source.serviceAccounts with principals or namespaces': {
    good: [source('serviceAccounts: [web, default/back]')],
    bad: ['principals', 'notPrincipals', 'namespaces', 'notNamespaces'].map(field => ['E MESH_FIELD_EXCLUSIVE', source(`serviceAccounts: [web], ${field}: [default]`)]),
  },
  '1.8 ipBlocks family': {
    good: [source('ipBlocks: [10.0.0.0/8, 1.2.3.4, "::1/128"]')],
    bad: ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks'].map(field => ['E MESH_ADDRESS_INVALID', source(`${field}: [10.0.0.0/33]`)]),
  },
  '1.8 every value list': {
    good: [source('trustDomains: ["*.local", "a*", "*"]')],
    bad: [
      ...['principals', 'namespaces', 'requestPrincipals', 'notNamespaces'].map((field): [string, string] => ['E MESH_ACCESS_VALUE', source(`${field}: [""]`)]),
      ...['hosts', 'methods', 'paths', 'notPaths'].map((field): [string, string] => ['E MESH_ACCESS_VALUE', operation(`${field}: [""]`)]),
      ['E MESH_LIMIT_INVALID', source(`serviceAccounts: [${Array.from({ length: 17 }, (_, index) => `a${index}`).join(', ')}]`)],
      ['E MESH_ACCESS_VALUE', source('serviceAccounts: [a/b/c]')],
      ['E MESH_ACCESS_VALUE', source('serviceAccounts: ["a*"]')],
      ['E MESH_ACCESS_VALUE', source(`serviceAccounts: [${'a'.repeat(321)}]`)],
      ['E MESH_ACCESS_VALUE', source('trustDomains: [a/b]')],
      ['E MESH_ACCESS_VALUE', source('trustDomains: ["a*b"]')],
      ['E MESH_ACCESS_VALUE', source('trustDomains: ["*a*"]')],
    ],
  },
  '1.8 ports': { good: [operation('ports: ["80"]')], bad: [['E MESH_PORT_INVALID', operation('ports: ["65536"]')], ['E MESH_PORT_INVALID', operation('notPorts: [http]')]] },
  '1.8 paths': {
    good: [operation('paths: ["/a/{*}/b", "/a/{**}", "/a/*", "*/a"]')],
    bad: ['/{**}/{**}', '/{**}/{*}', '/a{b}', '/{a}', '/{*}/a b'].map(path => ['E MESH_ACCESS_VALUE', operation(`paths: ["${path}"]`)]),
  },
  '1.8 when': {
    good: [rule('when: [{key: source.ip, values: [10.0.0.0/8]}, {key: "request.auth.claims[a][b]", notValues: [c]}, {key: destination.port, values: ["80"]}]')],
    bad: [
      ['E MESH_ACCESS_KEY', rule('when: [{key: source.color, values: [a]}]')],
      ['E MESH_ACCESS_KEY', rule('when: [{key: request.headers, values: [a]}]')],
      ['E MESH_ACCESS_INVALID', rule('when: [{key: source.ip}]')],
      ['E MESH_ADDRESS_INVALID', rule('when: [{key: source.ip, values: [a]}]')],
      ['E MESH_ADDRESS_INVALID', rule('when: [{key: destination.ip, notValues: [a]}]')],
      ['E MESH_PORT_INVALID', rule('when: [{key: destination.port, values: [http]}]')],
      ['E MESH_ACCESS_VALUE', rule('when: [{key: source.serviceAccount, values: [a/b/c]}]')],
      ['E MESH_ACCESS_VALUE', rule('when: [{key: source.trustDomain, values: ["a*b"]}]')],
      ['E MESH_ACCESS_VALUE', rule('when: [{key: source.namespace, values: [""]}]')],
    ],
  },
  '1.8 DENY rule made only of HTTP attributes without ports': {
    good: [access(`${WEB}, action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]`), access('action: DENY, rules: [{to: [{operation: {methods: [GET], ports: ["80"]}}]}]'),
      access('selector: {matchLabels: {app: db}}, action: DENY, rules: [{from: [{source: {namespaces: [other]}}]}]'.replace('other', 'default'))],
    bad: [['W MESH_ACCESS_HTTP_ONLY', access('action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]')]],
  },
};

const jwt = (text: string) => security('RequestAuthentication', `{${WEB}, jwtRules: [{${text}}]}`) + security('AuthorizationPolicy', `{${WEB}, rules: [{from: [{source: {requestPrincipals: ["*"]}}]}]}`);
const ISSUER = 'issuer: a, jwksUri: "https://a.example/keys"';
const key = (text: string) => jwt(`issuer: a, jwks: '{"keys": [{"kty": ${text}}]}'`);
const peer = (text: string) => security('PeerAuthentication', `{${text}}`);

/** Section 1.9. */
export const AUTHENTICATION: Cases = {
  '1.9 RequestAuthentication selector/targetRefs': targets(target => security('RequestAuthentication', `{${target}}`)),
  '1.9 jwtRules[]': {
    good: [jwt(ISSUER), jwt('jwksUri: "https://a.example/keys", audiences: [a], fromHeaders: [{name: x}], fromParams: [t], fromCookies: [c], outputClaimToHeaders: [{header: x-sub, claim: sub}], timeout: 5s')],
    bad: [
      ['E MESH_JWT_INVALID', jwt('audiences: [a]')],
      ['E MESH_JWT_INVALID', jwt(`${ISSUER}, audiences: [""]`)],
      ['E MESH_URL_INVALID', jwt('issuer: a, jwksUri: "ftp://a.example"')],
      ['E MESH_URL_INVALID', jwt('issuer: a, jwksUri: "a b"')],
      ['E MESH_JWT_INVALID', jwt('issuer: a, jwks: "no keys"')],
      ['E MESH_JWT_INVALID', jwt(`${ISSUER}, fromHeaders: [{name: ""}]`)],
      ['E MESH_JWT_INVALID', jwt(`${ISSUER}, fromParams: [""]`)],
      ['E MESH_JWT_INVALID', jwt(`${ISSUER}, fromCookies: [""]`)],
      ['E MESH_JWT_INVALID', jwt(`${ISSUER}, outputClaimToHeaders: [{header: x, claim: ""}]`)],
      ['E MESH_HEADER_INVALID', jwt(`${ISSUER}, outputClaimToHeaders: [{header: "x.y", claim: sub}]`)],
      ['E MESH_DURATION_INVALID', jwt(`${ISSUER}, timeout: 0s`)],
    ],
  },
  '1.9 jwks with private or symmetric key': {
    good: [key('"RSA", "n": "a", "e": "AQAB"')],
    bad: [['W MESH_JWT_SECRET', key('"oct", "k": "YQ"')], ['W MESH_JWT_SECRET', key('"RSA", "n": "a", "e": "AQAB", "d": "a"')]],
  },
  '1.9 PeerAuthentication.portLevelMtls': {
    good: [peer(`${WEB}, portLevelMtls: {80: {mode: STRICT}}`)],
    bad: [
      ['E MESH_FIELD_REQUIRED', peer('portLevelMtls: {80: {mode: STRICT}}')],
      ['E MESH_FIELD_REQUIRED', peer('selector: {matchLabels: {}}, portLevelMtls: {80: {mode: STRICT}}')],
      ['E MESH_POLICY_EMPTY', peer(`${WEB}, portLevelMtls: {}`)],
      ['E MESH_PORT_INVALID', peer(`${WEB}, portLevelMtls: {65536: {mode: STRICT}}`)],
    ],
  },
  '1.9 PeerAuthentication.selector': {
    good: [peer(`${WEB}, mtls: {mode: STRICT}`)],
    bad: [['E MESH_SELECTOR_INVALID', peer('selector: {matchLabels: {app: "*"}}')], ['W MESH_SELECTOR_EMPTY', peer('selector: {matchLabels: {}}')]],
  },
};
