import { BASE, SUBSETS } from '../compiler/fields/base';
import { API_VERSIONS, DOCUMENTS } from '../compiler/fields/documents';
import { EnvoyMesh } from '../support/envoy-mesh';
import { describeReal } from '../support/real-parts';

/** Keys as somebody would have them; those of the other tests are only there to be seen. */
const JWKS = JSON.stringify({ keys: [{ kty: 'oct', kid: 'a', k: 'c2VjcmV0', alg: 'HS256' }] });

/** Documents that need no file and no Secret: Envoy would wait for those. */
const documents = Object.entries(DOCUMENTS).filter(([kind]) => kind !== 'Gateway').flatMap(([kind, specs]) => specs
  .filter(spec => !/"(credentialName|clientCertificate|insecureSkipVerify)"/.test(JSON.stringify(spec)))
  .map((spec, index) => [`${kind} ${index}`, {
    apiVersion: API_VERSIONS[kind] ?? 'networking.istio.io/v1',
    kind,
    // Envoy takes no configuration of requests under the name of one of bytes, while a listener with the latter drains.
    metadata: { name: `tested-${kind.toLowerCase()}-${index}`, namespace: 'shop' },
    spec: JSON.parse(JSON.stringify(spec).replaceAll('"jwks":"{}"', `"jwks":${JSON.stringify(JWKS)}`)),
  }] as const));

const FILTERS = `
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: filters, namespace: shop }
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: { context: ANY, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: envoy.filters.http.router } } } } }
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.lua
        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: { inline_string: "function envoy_on_request(h) end" } }
  - applyTo: HTTP_FILTER
    match: { context: SIDECAR_OUTBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name: envoy.filters.http.router } } } } }
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.buffer
        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 4096 }
  - applyTo: CLUSTER
    match: { context: SIDECAR_OUTBOUND, cluster: { service: stock.shop.svc.cluster.local } }
    patch: { operation: MERGE, value: { connect_timeout: 0.5s, lb_policy: RANDOM } }
  - applyTo: HTTP_ROUTE
    match: { context: SIDECAR_OUTBOUND, routeConfiguration: { vhost: { route: { action: ROUTE } } } }
    patch: { operation: MERGE, value: { route: { timeout: 6s } } }
`;

describeReal(['envoy'], 'real Envoy takes every field', ({ envoy }) => {
  let mesh: EnvoyMesh;
  beforeAll(async () => { mesh = await EnvoyMesh.start(envoy!, BASE, { drainSeconds: 0 }); }, 60_000);
  afterAll(async () => mesh?.stop(), 30_000);

  test.each(documents)('%s', async (_name, document) => {
    await mesh.update([BASE, SUBSETS, JSON.stringify(document)].join('\n---\n'));
  }, 30_000);

  test('the case of headers, which the mesh keeps', async () => {
    const config = JSON.stringify({ defaultConfig: { proxyHeaders: { preserveHttp1HeaderCase: true } } });
    await mesh.update([BASE, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' }, data: { mesh: config } })].join('\n---\n'));
  }, 30_000);

  test('patches of an EnvoyFilter, also with an extension whose messages are not known here', async () => {
    await mesh.update([BASE, FILTERS].join('\n---\n'));
  }, 30_000);

  test('what Envoy does not take would be told: a patch with an extension that nobody has', async () => {
    const one = FILTERS.replace('spec:\n', 'spec:\n  workloadSelector: { labels: { app: cart } }\n');
    const bad = one.replaceAll('filters.http.buffer', 'filters.http.nobody').replaceAll('Buffer', 'Nobody');
    await expect(mesh.update([BASE, bad].join('\n---\n'))).rejects.toThrow('MESH_XDS_REJECTED');
  }, 30_000);
});
