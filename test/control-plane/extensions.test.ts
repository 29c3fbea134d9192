import { fromBinary } from '@bufbuild/protobuf';
import { AdsClient } from './support/ads-client';
import type { Received } from './support/ads-client';
import { startControlPlane } from '../../runtime/control-plane/control-plane';
import { staticSource } from '../../runtime/control-plane/sources/static';
import { unpack } from '../../src/xds/any';
import { TypedExtensionConfigSchema } from '../../src/xds/gen/envoy/config/core/v3/extension_pb';
import { WasmSchema } from '../../src/xds/gen/envoy/extensions/filters/http/wasm/v3/wasm_pb';
import { NameTableSchema } from '../../src/xds/gen/istio/networking/nds/v1/nds_pb';
import { modelOf, SHOP } from '../compiler/support';

const NODE = {
  id: 'sidecar~10.0.0.1~cart-0.shop~shop.svc.cluster.local', metadata: { NAMESPACE: 'shop', LABELS: { app: 'cart' }, ISTIO_VERSION: '1.32.0', CLUSTER_ID: 'Kubernetes' },
};
const NAME = 'extensions.istio.io/trafficextension/shop.p~istio-translated-wasmplugin';
const plugin = (url: string) => JSON.stringify({ apiVersion: 'extensions.istio.io/v1alpha1', kind: 'WasmPlugin', metadata: { name: 'p', namespace: 'shop' }, spec: { url } });
const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: { name: late, namespace: shop }\nspec: { clusterIP: 10.96.9.9, ports: [{ name: http, port: 80 }] }';

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const open of opened.splice(0).reverse()) await open.close();
});

async function serve(...documents: string[]) {
  const source = staticSource(modelOf(SHOP, ...documents));
  const controlPlane = await startControlPlane({ source, port: 0 });
  const client = new AdsClient(controlPlane.port, NODE);
  opened.push(controlPlane, client);
  return { client, controlPlane, update: (...next: string[]) => source.update(modelOf(SHOP, ...next)) };
}

const moduleIn = ({ response }: Received) => {
  const wasm = unpack(fromBinary(TypedExtensionConfigSchema, response.resources[0].value).typedConfig, WasmSchema);
  const code = wasm?.config?.vm.case === 'vmConfig' ? wasm.config.vm.value.code?.specifier : undefined;
  return code?.case === 'remote' ? code.value.httpUri?.uri : undefined;
};
const stateOf = (controlPlane: Awaited<ReturnType<typeof serve>>['controlPlane'], type: string) => controlPlane.status()[0].types.find(each => each.type === type);

test('an extension is served to whoever asks for it by name, and again when it changes', async () => {
  const { client, controlPlane, update } = await serve(plugin('oci://reg.example/x:1'));
  client.ask('ECDS', [NAME]);
  const first = await client.next();
  expect([first.type, first.names, moduleIn(first)]).toEqual(['ECDS', [NAME], 'oci://reg.example/x:1']);
  client.ack(first, [NAME]);
  update(plugin('oci://reg.example/x:2'));
  const second = await client.next();
  expect([second.names, moduleIn(second), second.version === first.version]).toEqual([[NAME], 'oci://reg.example/x:2', false]);
  client.nack(second, 'no such module', [NAME]);
  // What was refused comes again only when it is another.
  update(plugin('oci://reg.example/x:2'), SERVICE);
  client.ask('NDS');
  expect((await client.next()).type).toBe('NDS');
  expect(stateOf(controlPlane, 'ECDS')).toMatchObject({ state: 'ERROR', error: 'no such module', acked: first.version });
  update(plugin('oci://reg.example/x:1'));
  const third = await client.next();
  expect([third.type, third.version]).toEqual(['ECDS', first.version]);
});

test('a name that nobody has is answered once there is something of that name', async () => {
  const { client, update } = await serve();
  client.ask('ECDS', [NAME]);
  update(plugin('oci://reg.example/x:1'));
  let received = await client.next();
  if (received.names.length === 0) {
    client.ack(received, [NAME]);
    received = await client.next();
  }
  expect(received.names).toEqual([NAME]);
});

test('the name table comes whole, and whole again when a service comes', async () => {
  const { client, controlPlane, update } = await serve();
  const tableIn = ({ response }: Received) => fromBinary(NameTableSchema, response.resources[0].value).table;
  client.ask('NDS');
  const first = await client.next();
  expect(first.response.typeUrl).toBe('type.googleapis.com/istio.networking.nds.v1.NameTable');
  expect(tableIn(first)['stock.shop.svc.cluster.local']).toMatchObject({ ips: ['10.96.1.2'], registry: 'Kubernetes', shortname: 'stock', namespace: 'shop' });
  client.ack(first);
  update(SERVICE);
  const second = await client.next();
  expect(second.version).not.toBe(first.version);
  expect(Object.keys(tableIn(second)).sort()).toEqual(['cart.shop.svc.cluster.local', 'late.shop.svc.cluster.local', 'stock.shop.svc.cluster.local']);
  client.ack(second);
  client.ask('CDS');
  await client.next();
  expect(stateOf(controlPlane, 'NDS')).toMatchObject({ state: 'SYNCED', acked: second.version });
});
