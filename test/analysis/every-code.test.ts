import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { analyzeManifests } from '../../src/analysis';
import { CODES } from '../../src/model/codes';
import { cli, folderOf, MESH } from '../cli/support';

/** What few other tests lead to: the manifests, and the code that they are told of. */
const POLICY = (kind: string, name: string, spec: object, apiVersion = 'security.istio.io/v1') => ({ apiVersion, kind, metadata: { name, namespace: 'shop' }, spec });
const NETWORKING = 'networking.istio.io/v1';
const namespace = (labels: Record<string, string>) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } });
const pod = (spec: object, more: object = {}) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'cart', namespace: 'shop', labels: { app: 'cart' } }, spec, ...more });
const running = { status: { phase: 'Running', podIP: '10.0.0.9' } };
const container = { name: 'cart', image: 'cart' };
const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'cart', namespace: 'shop' }, spec: { selector: { app: 'cart' }, ports: [{ name: 'http', port: 80 }] } };
const system = (kind: string, name: string, rest: object, apiVersion = 'v1') => ({ apiVersion, kind, metadata: { name, namespace: 'istio-system' }, ...rest });
const gateway = (name: string, host: string) => POLICY('Gateway', name, {
  selector: { istio: 'ingressgateway' },
  servers: [{ port: { number: 443, name: 'https', protocol: 'HTTPS' }, hosts: [host], tls: { mode: 'SIMPLE', credentialName: 'cert' } }],
}, NETWORKING);
const subsets = POLICY('DestinationRule', 'cart', {
  host: 'cart', subsets: [{ name: 'v1', labels: { version: 'v1' } }, { name: 'v2', labels: { version: 'v2' } }],
}, NETWORKING);

const MANIFESTS: Readonly<Record<string, readonly object[]>> = {
  MESH_AMBIENT_IGNORED: [namespace({ 'istio.io/dataplane-mode': 'ambient' }), POLICY('Sidecar', 'all', { egress: [{ hosts: ['./*'] }] }, NETWORKING)],
  MESH_ANNOTATION_UNKNOWN: [{ ...service, metadata: { ...service.metadata, annotations: { 'networking.istio.io/exportsTo': '.' } } }],
  MESH_CERTIFICATE_SHARED: [gateway('one', 'one.example'), gateway('two', 'two.example')],
  MESH_CONDITION_FALSE: [{ ...service, status: { conditions: [{ type: 'istio.io/WaypointBound', status: 'False', reason: 'None', message: 'no waypoint' }] } }],
  MESH_DELEGATE_UNUSED: [POLICY('VirtualService', 'part', { http: [{ route: [{ destination: { host: 'cart' } }] }] }, NETWORKING)],
  MESH_GATEWAY_SUBSET: [
    service, subsets, gateway('door', 'shop.example'),
    POLICY('VirtualService', 'inside', { hosts: ['cart'], http: [{ route: [{ destination: { host: 'cart', subset: 'v1' } }] }] }, NETWORKING),
    POLICY('VirtualService', 'outside', { hosts: ['shop.example'], gateways: ['door'], http: [{ route: [{ destination: { host: 'cart' } }] }] }, NETWORKING),
  ],
  MESH_INJECTION_CONFLICT: [namespace({ 'istio-injection': 'enabled', 'istio.io/rev': 'stable' }), pod({ containers: [container] })],
  MESH_INJECTION_MISSING: [namespace({ 'istio-injection': 'enabled' }), pod({ containers: [container] }, running)],
  MESH_INJECTION_OFF: [namespace({}), pod({ containers: [container] })],
  MESH_INJECTION_OUTDATED: [
    namespace({ 'istio-injection': 'enabled' }),
    pod({ containers: [container, { name: 'istio-proxy', image: 'registry.istio.io/release/proxyv2:1.20.0' }] }, running),
    system('ConfigMap', 'istio-sidecar-injector', { data: { values: JSON.stringify({ global: { hub: 'registry.istio.io/release', tag: '1.31.1', proxy: {} } }) } }),
  ],
  MESH_JWKS_OPEN: [
    system('Deployment', 'istiod', {
      metadata: { name: 'istiod', namespace: 'istio-system', labels: { app: 'istiod' } },
      spec: { selector: { matchLabels: { app: 'istiod' } }, template: { metadata: { labels: { app: 'istiod' } }, spec: { containers: [{ name: 'discovery', image: 'pilot' }] } } },
    }, 'apps/v1'),
    POLICY('RequestAuthentication', 'jwt', { jwtRules: [{ issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/keys' }] }),
  ],
  MESH_PATCH_UNMATCHED: [service, pod({ containers: [container] }), POLICY('EnvoyFilter', 'patch', {
    configPatches: [{ applyTo: 'CLUSTER', match: { cluster: { name: 'no-such' } }, patch: { operation: 'MERGE', value: { connect_timeout: '1s' } } }],
  }, 'networking.istio.io/v1alpha3')],
  MESH_REGISTRY_UNKNOWN: [system('ConfigMap', 'istio', {
    data: { mesh: '{}', meshNetworks: 'networks: {far: {endpoints: [{fromRegistry: nowhere}], gateways: [{address: 192.0.2.1, port: 15443}]}}' },
  })],
  MESH_SELECTOR_CONFLICT: ['one', 'two'].map((name) => POLICY('Sidecar', name, { egress: [{ hosts: ['./*'] }] }, NETWORKING)),
  MESH_UID_RESERVED: [pod({ containers: [{ ...container, securityContext: { runAsUser: 1337 } }] })],
  MESH_WEBHOOK_INVALID: [{
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'injector' },
    webhooks: [{ name: 'rev.sidecar-injector.istio.io', clientConfig: {} }],
  }],
};

test.each(Object.keys(MANIFESTS))('%s is told', (code) => {
  const found = analyzeManifests(structuredClone(MANIFESTS[code]) as any[]).filter((each) => each.code === code);
  expect(found).not.toEqual([]);
  for (const { message, resource, repair } of found) expect([message, resource, repair]).toEqual(Array(3).fill(expect.stringMatching(/\S/)));
});

test.each<[string, readonly string[]]>([
  ['MESH_PROXY_UNNAMED', ['compile', 'mesh.yaml']],
  ['MESH_DUMP_INVALID', ['proxy-config', 'clusters', '--file', 'odd.json']],
])('%s ends a command with 2', async (code, argv) => {
  const cwd = folderOf({ 'mesh.yaml': MESH, 'odd.json': '{"odd": 1}' });
  expect(await cli(argv, { cwd })).toMatchObject({ code: 2, stderr: expect.stringContaining(code) });
});

test('every code stands in a test', () => {
  const root = join(__dirname, '../..');
  const files = ['test', 'examples'].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(root, folder, file)));
  const text = files.filter((file) => /\.(ts|snap)$/.test(file)).map((file) => readFileSync(file, 'utf8')).join('\n');
  expect(Object.keys(CODES).filter((code) => !new RegExp(`\\b${code}\\b`).test(text))).toEqual([]);
});
