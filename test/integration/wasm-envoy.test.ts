import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chart, Testing, Yaml } from 'cdk8s';
import { Mesh, MeshPort, MeshService, WasmExtension, WasmModule, WasmPhase, WorkloadMode } from '../../src';
import { createCompiler } from '../../src/compiler/compiler';
import { SHOP } from '../compiler/support';
import { assertTaken } from '../support/envoy';
import { EnvoyMesh } from '../support/envoy-mesh';
import { get } from '../support/http-get';
import { describeReal } from '../support/real-parts';
import { answering } from '../support/wasm-module';

/** Stock Envoy reads modules that are files; the others no agent fetches for it. */
describeReal(['envoy'], 'a WasmPlugin in real Envoy', ({ envoy }) => {
  let mesh: EnvoyMesh;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wasm-'));
    writeFileSync(join(folder, 'teapot.wasm'), answering(418));
    mesh = await EnvoyMesh.start(envoy!, SHOP, { drainSeconds: 0 });
  }, 60_000);
  afterAll(async () => {
    await mesh?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  const plugin = (spec: object) => JSON.stringify({
    apiVersion: 'extensions.istio.io/v1alpha1', kind: 'WasmPlugin', metadata: { name: 'teapot', namespace: 'shop' }, spec: { selector: { matchLabels: { app: 'stock' } }, ...spec },
  });
  const serve = async (spec: object) => mesh.update([SHOP, plugin(spec)].join('\n---\n'));
  const status = async (): Promise<number> => {
    const { address: host, port } = mesh.address('cart', 'stock', 8000);
    return new Promise((resolve, reject) => {
      request({ host, port, agent: false, headers: { host: 'stock:8000' } }, response => {
        response.resume().on('end', () => resolve(response.statusCode!));
      }).on('error', reject).end();
    });
  };

  test('runs, for requests that come in', async () => {
    await serve({ url: `file://${join(folder, 'teapot.wasm')}`, match: [{ mode: 'SERVER' }] });
    expect(await status()).toBe(418);
    const dump = await mesh.envoys.get('stock-v1')!.admin('/config_dump?resource=ecds_filters');
    expect(dump.body).toContain('extensions.istio.io/trafficextension/shop.teapot~istio-translated-wasmplugin');
    expect(dump.body).toContain('teapot.wasm');
  }, 30_000);

  test('is taken away again', async () => {
    await mesh.update(SHOP);
    expect(await status()).toBe(200);
  }, 30_000);

  test('that nobody can fetch lets nobody pass, or everybody', async () => {
    await serve({ url: 'oci://registry.example/teapot:1' });
    expect(await status()).toBe(403);
    await serve({ url: 'oci://registry.example/teapot:1', failStrategy: 'FAIL_OPEN' });
    expect(await status()).toBe(200);
  }, 30_000);

  test('an EnvoyFilter brings a configuration of its own for a filter that asks for one', async () => {
    const script = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua', 'default_source_code': { inline_string: 'function envoy_on_request(h) h:respond({[":status"] = "402"}, "") end' } };
    const match = { context: 'SIDECAR_INBOUND', listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } } };
    const asked = { name: 'paid', config_discovery: { config_source: { ads: {}, resource_api_version: 'V3' }, type_urls: [script['@type']] } };
    await mesh.update([SHOP, JSON.stringify({
      apiVersion: 'networking.istio.io/v1alpha3',
      kind: 'EnvoyFilter',
      metadata: { name: 'paid', namespace: 'shop' },
      spec: {
        configPatches: [
          { applyTo: 'HTTP_FILTER', match, patch: { operation: 'INSERT_FIRST', value: asked } },
          { applyTo: 'EXTENSION_CONFIG', match: { context: 'SIDECAR_INBOUND' }, patch: { operation: 'ADD', value: { name: 'paid', typed_config: script } } },
        ],
      },
    })].join('\n---\n'));
    expect(await status()).toBe(402);
  }, 30_000);

  test('a change of its configuration reaches the filter that stands there', async () => {
    const file = `file://${join(folder, 'teapot.wasm')}`;
    await serve({ url: file, failStrategy: 'FAIL_OPEN', match: [{ mode: 'SERVER' }] });
    expect(await status()).toBe(418);
    writeFileSync(join(folder, 'other.wasm'), answering(503));
    await serve({ url: `file://${join(folder, 'other.wasm')}`, match: [{ mode: 'SERVER' }] });
    expect(await status()).toBe(503);
  }, 30_000);
});

/** The same by the construct, which is all that a chart writes. */
describeReal(['envoy'], 'a WasmExtension in real Envoy', ({ envoy }) => {
  let mesh: EnvoyMesh;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wasm-'));
    const file = (status: number) => {
      writeFileSync(join(folder, `${status}.wasm`), answering(status));
      return WasmModule.file(join(folder, `${status}.wasm`));
    };
    const chart = new Chart(Testing.app(), 'shop', { namespace: 'shop' });
    new Mesh(chart, 'mesh');
    const [front, stock] = ['front', 'stock'].map(name => new MeshService(chart, name, { ports: [MeshPort.http(18000)] })) as [MeshService, MeshService];
    for (const service of [front, stock]) service.addVersion('v1', { containers: [{ image: 'example' }] });
    const match = [{ mode: WorkloadMode.SERVER }];
    new WasmExtension(chart, 'second', { service: stock, module: file(503), phase: WasmPhase.AUTHN, priority: 0, match });
    new WasmExtension(chart, 'first', { service: stock, module: file(418), phase: WasmPhase.AUTHN, priority: 1, match, env: { A: '1' }, config: { a: 0 } });
    mesh = await EnvoyMesh.start(envoy!, Yaml.stringify(...Testing.synth(chart)));
  }, 60_000);
  afterAll(async () => {
    await mesh?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  test('all is taken, and the one with the higher priority answers', async () => {
    const compiler = createCompiler(mesh.controlPlane.model);
    for (const [name, proxy] of mesh.proxies) await assertTaken(mesh.envoys.get(name)!, compiler.compile(proxy));
    expect(await get({ ...mesh.address('front-v1', 'stock', 18000), path: '/', headers: { host: 'stock:18000' } })).toMatchObject({ status: 418 });
  }, 30_000);
});
