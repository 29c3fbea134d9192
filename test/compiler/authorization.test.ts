import { compile, listenerJson, modelOf, SHOP, resourcesOfYaml } from './support';
import { buildModel } from '../../src/model/model';

const policy = (name: string, spec: string, metadata = 'namespace: shop'): string => (
  `apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: ${name}, ${metadata} }\nspec: ${spec}`);

/** HTTP filters of the port that others dial at stock, and network filters of its TCP port. */
function filtersAt(model: ReturnType<typeof modelOf>, workload = 'stock-v1.shop'): { http: any[]; tcp: any[] } {
  const { filterChains } = listenerJson(compile(model, workload), 'virtualInbound');
  const chain = (port: number): any => filterChains.find(({ filterChainMatch: match }: any) => match?.destinationPort === port);
  const manager = chain(8080).filters.find(({ typedConfig }: any) => typedConfig.httpFilters !== undefined);
  return { http: manager.typedConfig.httpFilters, tcp: chain(5432).filters };
}

const policiesOf = (filters: any[]): Record<string, string[]> => Object.fromEntries(filters.filter(({ name }) => name.endsWith('.rbac'))
  .map(({ typedConfig: { rules, shadowRules } }) => [(rules ?? shadowRules).action ?? 'ALLOW', Object.keys((rules ?? shadowRules).policies).sort()]));

/** The single principal, or permission, that a `from`, `when` or `to` becomes. */
function partsOf(rule: string, action = 'DENY'): { principals: any[]; permissions: any[] } {
  const { http } = filtersAt(modelOf(SHOP, policy('one', `{ action: ${action}, rules: [${rule}] }`)));
  const { principals, permissions } = http.find(({ name }) => name === 'envoy.filters.http.rbac').typedConfig.rules.policies['ns[shop]-policy[one]-rule[0]'];
  return { principals: principals[0].andIds.ids, permissions: permissions[0].andRules.rules };
}

const principal = (match: object): object => ({ orIds: { ids: [{ authenticated: { principalName: match } }] } });

test.each<[string, string, object]>([
  ['a principal', '{ principals: [cluster.local/ns/a/sa/b] }', principal({ exact: 'spiffe://cluster.local/ns/a/sa/b' })],
  ['any principal', "{ principals: ['*'] }", principal({ safeRegex: { regex: '.+' } })],
  ['the end of a principal', "{ principals: ['*/sa/b'] }", principal({ safeRegex: { regex: 'spiffe://.*/sa/b' } })],
  ['a service account of the policy\'s namespace', '{ serviceAccounts: [b] }', principal({ safeRegex: { regex: 'spiffe://.+/ns/shop/(.+/|)sa/b(/.+)?' } })],
  ['a service account elsewhere', '{ serviceAccounts: [a/b] }', principal({ safeRegex: { regex: 'spiffe://.+/ns/a/(.+/|)sa/b(/.+)?' } })],
  ['a trust domain', '{ trustDomains: [other.example] }', principal({ prefix: 'spiffe://other.example/' })],
  ['any trust domain', "{ trustDomains: ['*'] }", principal({ prefix: 'spiffe://' })],
  ['the end of a trust domain', "{ trustDomains: ['*.example'] }", principal({ safeRegex: { regex: 'spiffe://[^/]*\\.example/.*' } })],
  ['a namespace with a dot, which is no more than a dot', '{ namespaces: [a.b] }', principal({ safeRegex: { regex: '.*/ns/a\\.b/.*' } })],
  ['a namespace with a star', '{ namespaces: [team-*] }', principal({ safeRegex: { regex: '.*/ns/team-.*/.*' } })],
  ['an IPv6 range', "{ ipBlocks: ['2001:db8::/32'] }", { orIds: { ids: [{ directRemoteIp: { addressPrefix: '2001:db8::', prefixLen: 32 } }] } }],
])('a source by %s', (_what, source, expected) => {
  expect(partsOf(`{ from: [{ source: ${source} }] }`).principals).toEqual([expected]);
});

test.each<[string, object, object]>([
  ['*/alice', { safeRegex: { regex: '.+' } }, { exact: 'alice' }],
  ['https://issuer.example/*', { exact: 'https://issuer.example' }, { safeRegex: { regex: '.+' } }],
  ['*.example/alice', { suffix: '.example' }, { exact: 'alice' }],
  ['https://issuer.example/al*', { exact: 'https://issuer.example' }, { prefix: 'al' }],
  ['*', { safeRegex: { regex: '.+' } }, { safeRegex: { regex: '.+' } }],
])('a request principal %s is split at its last slash', (value, iss, sub) => {
  const claim = (key: string, stringMatch: object) => ({ metadata: { filter: 'envoy.filters.http.jwt_authn', path: [{ key: 'payload' }, { key }], value: { stringMatch } } });
  expect(partsOf(`{ from: [{ source: { requestPrincipals: ['${value}'] } }] }`).principals)
    .toEqual([{ andIds: { ids: [claim('iss', iss), claim('sub', sub)] } }]);
});

test('several values of a claim are alternatives, of one text or of a list', () => {
  const either = { orMatch: { valueMatchers: [{ stringMatch: { exact: 'a' } }, { stringMatch: { prefix: 'b' } }] } };
  expect(partsOf("{ when: [{ key: 'request.auth.claims[group]', values: [a, b*] }] }").principals[0].metadata.value)
    .toEqual({ orMatch: { valueMatchers: [{ listMatch: { oneOf: either } }, either] } });
});

test('metadata of other filters is asked for as a permission', () => {
  expect(partsOf("{ when: [{ key: 'experimental.envoy.filters.a.b[c]', values: ['[x]'] }] }").permissions)
    .toEqual([{ metadata: { filter: 'envoy.filters.a.b', path: [{ key: 'c' }], value: { listMatch: { oneOf: { stringMatch: { exact: 'x' } } } } } }]);
});

test('aliases of the trust domain are spread over principals, values and their negation', () => {
  const model = buildModel(resourcesOfYaml(SHOP, policy('one', '{ action: DENY, rules: [{ from: [{ source: { notPrincipals: [cluster.local/ns/a/sa/b, other/ns/a/sa/b] } }] }] }')), {
    meshConfig: { trustDomain: 'new.example', trustDomainAliases: ['old.example'] },
  });
  const { policies } = filtersAt(model).http.find(({ name }) => name === 'envoy.filters.http.rbac').typedConfig.rules;
  expect(policies['ns[shop]-policy[one]-rule[0]'].principals[0].andIds.ids[0].notId.orIds.ids.map(({ authenticated }: any) => authenticated.principalName.exact))
    .toEqual(['spiffe://new.example/ns/a/sa/b', 'spiffe://old.example/ns/a/sa/b', 'spiffe://other/ns/a/sa/b']);
});

test('on bytes an ALLOW rule about HTTP is dropped, and a DENY rule holds without that condition', () => {
  const rules = '[{ to: [{ operation: { methods: [GET] } }], from: [{ source: { namespaces: [a] } }] }, { to: [{ operation: { ports: ["5432"] } }] }]';
  const allow = filtersAt(modelOf(SHOP, policy('one', `{ action: ALLOW, rules: ${rules} }`)));
  expect([policiesOf(allow.http), policiesOf(allow.tcp)]).toEqual([
    { ALLOW: ['ns[shop]-policy[one]-rule[0]', 'ns[shop]-policy[one]-rule[1]'] }, { ALLOW: ['ns[shop]-policy[one]-rule[1]'] },
  ]);
  const deny = filtersAt(modelOf(SHOP, policy('one', `{ action: DENY, rules: ${rules} }`)));
  expect(deny.tcp.find(({ name }) => name.endsWith('rbac')).typedConfig.rules.policies['ns[shop]-policy[one]-rule[0]'].permissions)
    .toEqual([{ andRules: { rules: [{ any: true }] } }]);
});

test('policies come from the root namespace and the workload\'s own, by selector; those of targetRefs reach no sidecar', () => {
  const found = policiesOf(filtersAt(modelOf(SHOP,
    policy('mesh', '{ rules: [{}] }', 'namespace: istio-system'),
    policy('rooted', '{ selector: { matchLabels: { app: stock } }, rules: [{}] }', 'namespace: istio-system'),
    policy('others', '{ rules: [{}] }', 'namespace: other'),
    policy('cart', '{ selector: { matchLabels: { app: cart } }, rules: [{}] }'),
    policy('own', '{ rules: [{}] }'),
    policy('gate', '{ targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: gate }], rules: [{}] }'),
  )).http);
  expect(found).toEqual({ ALLOW: ['ns[istio-system]-policy[mesh]-rule[0]', 'ns[istio-system]-policy[rooted]-rule[0]', 'ns[shop]-policy[own]-rule[0]'] });
});

test('an ALLOW policy on trial enforces nothing', () => {
  const { http } = filtersAt(modelOf(SHOP, policy('trial', '{ rules: [{}] }', 'namespace: shop, annotations: { istio.io/dry-run: "true" }')));
  const { rules, shadowRules, shadowRulesStatPrefix } = http.find(({ name }) => name === 'envoy.filters.http.rbac').typedConfig;
  expect([rules, Object.keys(shadowRules.policies), shadowRulesStatPrefix]).toEqual([undefined, ['ns[shop]-policy[trial]-rule[0]'], 'istio_dry_run_allow_']);
});

describe('CUSTOM', () => {
  const ask = (...names: string[]): string => names.map(name => policy(`ask-${name}`, `{ action: CUSTOM, provider: { name: ${name} }, rules: [{ to: [{ operation: { paths: [/a] } }] }] }`)).join('\n---\n');
  const withProviders = (text: string) => buildModel(resourcesOfYaml(SHOP, text), {
    meshConfig: {
      extensionProviders: [
        { name: 'grpc', envoyExtAuthzGrpc: { service: 'shop/cart.shop.svc.cluster.local', port: 8000, failOpen: true, statusOnError: '503', includeRequestBodyInCheck: { maxRequestBytes: 10 } } },
        { name: 'http', envoyExtAuthzHttp: { service: 'cart.shop.svc.cluster.local', port: 8000, pathPrefix: '/check', headersToUpstreamOnAllow: ['x-*'], includeAdditionalHeadersInCheck: { b: '2', a: '1' } } },
        { name: 'lost', envoyExtAuthzHttp: { service: 'nowhere.example', port: 80 } },
      ],
    },
  });

  test('a gRPC authoriser is asked on HTTP and on bytes', () => {
    const { http, tcp } = filtersAt(withProviders(ask('grpc')));
    expect(http.find(({ name }) => name === 'envoy.filters.http.ext_authz').typedConfig).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz',
      'grpcService': {
        envoyGrpc: { clusterName: 'outbound|8000||cart.shop.svc.cluster.local', authority: 'outbound_.8000_._.cart.shop.svc.cluster.local' },
        timeout: '600s',
      },
      'transportApiVersion': 'V3',
      'failureModeAllow': true,
      'statusOnError': { code: 'ServiceUnavailable' },
      'withRequestBody': { maxRequestBytes: 10 },
      'filterEnabledMetadata': {
        filter: 'envoy.filters.http.rbac',
        path: [{ key: 'istio_ext_authz_shadow_effective_policy_id' }],
        value: { stringMatch: { prefix: 'istio-ext-authz-grpc' } },
      },
    });
    expect(tcp.map(({ name }) => name).slice(1, 3)).toEqual(['envoy.filters.network.rbac', 'envoy.filters.network.ext_authz']);
  });

  test('an HTTP authoriser is asked on HTTP only', () => {
    const { http, tcp } = filtersAt(withProviders(ask('http')));
    const { httpService } = http.find(({ name }) => name === 'envoy.filters.http.ext_authz').typedConfig;
    expect(httpService).toMatchObject({
      pathPrefix: '/check',
      authorizationRequest: { headersToAdd: [{ key: 'a', value: '1' }, { key: 'b', value: '2' }] },
      authorizationResponse: { allowedUpstreamHeaders: { patterns: [{ prefix: 'x-', ignoreCase: true }] } },
    });
    expect(tcp.filter(({ name }) => /rbac|authz/.test(name))).toEqual([]);
  });

  test.each([['a provider whose service is unknown', ['lost']], ['a provider that is not defined', ['none']], ['two providers', ['grpc', 'http']]])('%s denies what it would be asked about', (_what, names) => {
    const { http } = filtersAt(withProviders(ask(...names)));
    expect(policiesOf(http)).toEqual({ DENY: names.map(name => `istio-ext-authz-${name}-ns[shop]-policy[ask-${name}]-rule[0]-deny-due-to-bad-CUSTOM-action`) });
    expect(http.filter(({ name }) => name === 'envoy.filters.http.ext_authz')).toEqual([]);
  });
});

test('one of the mesh\'s trust domains stands for all of them; what is no whole identity stays as it is', () => {
  const source = '{ trustDomains: [old], principals: [cluster.local, old/ns/a/sa/b] }';
  const model = buildModel(resourcesOfYaml(SHOP, policy('one', `{ action: DENY, rules: [{ from: [{ source: ${source} }] }] }`)), {
    meshConfig: { trustDomainAliases: ['old'] },
  });
  const { rules } = filtersAt(model).http.find(({ name }) => name === 'envoy.filters.http.rbac').typedConfig;
  const { principals } = rules.policies['ns[shop]-policy[one]-rule[0]'];
  const nameOf = ({ authenticated }: any) => Object.values(authenticated.principalName)[0];
  const names = principals[0].andIds.ids.map(({ orIds }: any) => orIds.ids.map(nameOf));
  expect(names).toEqual([
    ['spiffe://cluster.local', 'spiffe://cluster.local/ns/a/sa/b', 'spiffe://old/ns/a/sa/b'], ['spiffe://cluster.local/', 'spiffe://old/'],
  ]);
});
