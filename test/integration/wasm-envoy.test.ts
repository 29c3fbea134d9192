import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHOP } from '../compiler/support';
import { EnvoyMesh } from '../support/envoy-mesh';
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

  test('a change of its configuration reaches the filter that stands there', async () => {
    const file = `file://${join(folder, 'teapot.wasm')}`;
    await serve({ url: file, failStrategy: 'FAIL_OPEN', match: [{ mode: 'SERVER' }] });
    expect(await status()).toBe(418);
    writeFileSync(join(folder, 'other.wasm'), answering(503));
    await serve({ url: `file://${join(folder, 'other.wasm')}`, match: [{ mode: 'SERVER' }] });
    expect(await status()).toBe(503);
  }, 30_000);
});
