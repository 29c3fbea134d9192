import { toJson } from '@bufbuild/protobuf';
import { compile, modelOf, routesJson, SHOP } from './support';
import { virtualAddress } from '../../src/compiler/explicit';
import { findWorkload } from '../../src/model/find-workload';
import { proxyOf } from '../../src/model/proxy';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '../../src/xds/gen/envoy/config/listener/v3/listener_pb';
import { registry } from '../../src/xds/registry';

const model = modelOf(SHOP);
const stock = { hostname: 'stock.shop.svc.cluster.local', namespace: 'shop' };
const BLOCK = { capture: 'explicit', explicit: { addressBlock: '127.7.0.0/16', appPorts: { 8080: 41234 }, httpProxyPort: 15080 } } as const;
const PORTS = { capture: 'explicit', explicit: { addressBlock: '127.0.0.1:20000-20999' } } as const;

const proxy = (options: Parameters<typeof proxyOf>[2]) => proxyOf(model, findWorkload(model, 'cart.shop'), options);
const listeners = (options: Parameters<typeof proxyOf>[2]): any[] => (
  compile(model, 'cart.shop', options).listeners.map(listener => toJson(ListenerSchema, listener, { registry })));

test('every service port listens on an address of the proxy\'s own block, and really binds', () => {
  const found = listeners(BLOCK).filter(({ trafficDirection }) => trafficDirection === 'OUTBOUND');
  const { address } = virtualAddress(model, proxy(BLOCK), stock, 8000) ?? { address: '' };
  expect(address).toMatch(/^127\.7\.([1-9]\d*)\.\d+$/);
  expect(found.map(({ name }) => name)).toEqual(expect.arrayContaining([`${address}_8000`, `${address}_5432`, `${address}_9000`]));
  for (const listener of found) {
    expect(listener).toMatchObject({ enableReusePort: false });
    expect(listener.bindToPort).toBeUndefined();
    expect(listener.useOriginalDst).toBeUndefined();
  }
});

test('a second service moves no address', () => {
  const more = modelOf(SHOP, 'apiVersion: v1\nkind: Service\nmetadata: { name: aaa, namespace: shop }\nspec: { ports: [{ port: 80, name: http }] }');
  expect(virtualAddress(more, proxy(BLOCK), stock, 8000)).toEqual(virtualAddress(model, proxy(BLOCK), stock, 8000));
});

test('Host may be the address that was dialled: it means the service behind it', () => {
  const { address } = virtualAddress(model, proxy(BLOCK), stock, 8000) ?? { address: '' };
  const owner = routesJson(compile(model, 'cart.shop', BLOCK), '8000').virtualHosts.find(({ domains }) => domains.includes(address));
  expect(owner?.name).toBe('stock.shop.svc.cluster.local:8000');
});

test('with one address for all, each service port has a port, and localhost means its service', () => {
  const place = virtualAddress(model, proxy(PORTS), stock, 8000);
  expect(place?.address).toBe('127.0.0.1');
  expect(place?.port).toBeGreaterThanOrEqual(20000);
  expect(place?.port).toBeLessThanOrEqual(20999);
  const hosts = routesJson(compile(model, 'cart.shop', PORTS), 'stock.shop.svc.cluster.local:8000').virtualHosts;
  expect(hosts.filter(({ domains }) => domains.includes('localhost')).map(({ name }) => name)).toEqual(['stock.shop.svc.cluster.local:8000']);
  expect(hosts.map(({ name }) => name)).toContain('cart.shop.svc.cluster.local:8000');
});

test('a host that nobody declared is answered 502, since there is nowhere to let it through to', () => {
  const { virtualHosts } = routesJson(compile(model, 'cart.shop', BLOCK), '8000');
  expect(virtualHosts[virtualHosts.length - 1]).toMatchObject({ domains: ['*'], routes: [{ directResponse: { status: 502 } }] });
});

test('nothing depends on an original destination', () => {
  const compiled = compile(model, 'cart.shop', BLOCK);
  const clusters: any[] = compiled.clusters.map(cluster => toJson(ClusterSchema, cluster, { registry }));
  expect(clusters.filter(({ type }) => type === 'ORIGINAL_DST')).toEqual([]);
  expect(compiled.listeners.map(({ name }) => name).filter(name => name.startsWith('virtual'))).toEqual([]);
  expect(JSON.stringify(clusters)).not.toContain('PassthroughCluster');
});

test('inbound, the Pod\'s own address forwards to the application on 127.0.0.1', () => {
  const { ip } = findWorkload(model, 'cart.shop');
  const [inbound] = listeners(BLOCK).filter(({ trafficDirection }) => trafficDirection === 'INBOUND');
  expect(inbound).toMatchObject({ name: `${ip}_8080`, address: { socketAddress: { address: ip, portValue: 8080 } }, enableReusePort: false });
  const cluster: any = compile(model, 'cart.shop', BLOCK).clusters.map(found => toJson(ClusterSchema, found, { registry }))
    .find((found: any) => found.name === 'inbound|8080||');
  expect(cluster).toMatchObject({ type: 'STATIC', loadAssignment: { endpoints: [{ lbEndpoints: [{ endpoint: { address: { socketAddress: { address: '127.0.0.1', portValue: 41234 } } } }] }] } });
});

test('the HTTP proxy listener tells services apart by host and port', () => {
  const { ip } = findWorkload(model, 'cart.shop');
  expect(listeners(BLOCK).map(({ name }) => name)).toContain(`${ip}_15080`);
  const found: any = routesJson(compile(model, 'cart.shop', BLOCK), 'http_proxy');
  expect(found.ignorePortInHostMatching).toBeUndefined();
  expect(found.virtualHosts.map(({ domains }: any) => domains[0])).toContain('stock.shop.svc.cluster.local:8000');
});

test('without privilege, ports below 1024 move up by 10000', () => {
  const low = modelOf(SHOP.replaceAll('port: 8000', 'port: 80'));
  const unprivileged = proxyOf(low, findWorkload(low, 'cart.shop'), { ...BLOCK, metadata: { UNPRIVILEGED_POD: 'true' } });
  expect(virtualAddress(low, unprivileged, stock, 80)?.port).toBe(10080);
  expect(virtualAddress(low, unprivileged, stock, 5432)?.port).toBe(5432);
});

test('routes are the same messages for every proxy; only the addresses differ', () => {
  const other = { ...BLOCK, explicit: { ...BLOCK.explicit, addressBlock: '127.8.0.0/16' } };
  const strip = (options: Parameters<typeof proxyOf>[2]) => routesJson(compile(model, 'cart.shop', options), '8000').virtualHosts
    .map(({ domains, ...host }) => ({ ...host, domains: domains.filter(domain => !domain.startsWith('127.')) }));
  expect(strip(BLOCK)).toEqual(strip(other));
});

test('a block that is none is an error that says how one looks', () => {
  expect(() => compile(model, 'cart.shop', { capture: 'explicit', explicit: { addressBlock: '10.0.0.0/8' } }))
    .toThrow('MESH_ADDRESS_BLOCK: ADDRESS_BLOCK must be like 127.7.0.0/16 or 127.0.0.1:20000-20999, got "10.0.0.0/8"; correct the node metadata');
});
