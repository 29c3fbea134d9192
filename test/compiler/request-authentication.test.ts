import { compile, listenerJson, modelOf, SHOP } from './support';

const jwt = (rules: string, metadata = 'namespace: shop') => `apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: { name: tokens, ${metadata} }\nspec: { jwtRules: ${rules} }`;

function filterOf(...texts: string[]): any {
  const { filterChains } = listenerJson(compile(modelOf(SHOP, ...texts), 'stock-v1.shop'), 'virtualInbound');
  const chain = filterChains.find(({ filterChainMatch: match }: any) => match?.destinationPort === 8080);
  const manager = chain.filters.find(({ typedConfig }: any) => typedConfig.httpFilters !== undefined);
  return manager.typedConfig.httpFilters.find(({ name }: any) => name === 'envoy.filters.http.jwt_authn')?.typedConfig;
}

test('keys by URI are asked for where the mesh knows the host', () => {
  const entry = 'apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: issuer, namespace: shop }\nspec: { hosts: [issuer.example], resolution: DNS, ports: [{ number: 443, name: https, protocol: HTTPS }] }';
  expect(filterOf(entry, jwt('[{ issuer: https://issuer.example, jwksUri: "https://issuer.example/keys", timeout: 2s }]')).providers['origins-0'].remoteJwks).toEqual({
    httpUri: { uri: 'https://issuer.example/keys', cluster: 'outbound|443||issuer.example', timeout: '2s' }, cacheDuration: '300s',
  });
});

test('where no keys can be had every token is refused, not every request let in', () => {
  const { providers, rules } = filterOf(jwt('[{ issuer: https://issuer.example }]'));
  expect(JSON.parse(providers['origins-0'].localJwks.inlineString).keys).toEqual([expect.objectContaining({ kid: 'nobody', kty: 'RSA' })]);
  expect(rules[0].requires.requiresAny.requirements).toEqual([{ providerName: 'origins-0' }, { allowMissing: {} }]);
});

test('rules of the root namespace and of the own add up, by issuer', () => {
  const { providers } = filterOf(jwt('[{ issuer: b, jwks: "{}" }]', 'namespace: istio-system'), jwt('[{ issuer: a, jwks: "{}", spaceDelimitedClaims: [groups] }]'));
  expect(Object.values(providers).map(({ issuer }: any) => issuer)).toEqual(['a', 'b']);
  expect(providers['origins-0'].normalizePayloadInMetadata.spaceDelimitedClaims).toEqual(['groups', 'permission', 'scope']);
});

test('of one issuer the rule of the own namespace stands first', () => {
  const { providers } = filterOf(jwt('[{ issuer: a, jwks: "{}", forwardOriginalToken: true }]', 'namespace: istio-system'), jwt('[{ issuer: a, jwks: "{}" }]'));
  expect([providers['origins-0'].forward, providers['origins-1'].forward]).toEqual([undefined, true]);
});

test('a workload that no policy is about has no filter', () => {
  expect(filterOf(jwt('[{ issuer: a, jwks: "{}" }]', 'namespace: other'))).toBeUndefined();
});
