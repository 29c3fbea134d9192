import { toJson } from '@bufbuild/protobuf';
import { compile, modelOf, SHOP } from './support';
import type { ProxyOptions } from '../../src/model/proxy';
import { NameTableSchema } from '../../src/xds/gen/istio/networking/nds/v1/nds_pb';

const DATABASE = `
apiVersion: v1
kind: Service
metadata: { name: db, namespace: shop }
spec: { clusterIP: None, selector: { app: db }, ports: [{ name: tcp, port: 3306 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: db-0, namespace: shop, labels: { app: db } }
spec: { hostname: db-0, subdomain: db, containers: [{ name: app, image: x }] }
status: { podIP: 10.244.1.1, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: db-1, namespace: shop, labels: { app: db } }
spec: { subdomain: db, containers: [{ name: app, image: x }] }
status: { podIP: 10.244.1.2, conditions: [{ type: Ready, status: 'False' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: db-far, namespace: shop, labels: { app: db, topology.istio.io/network: far } }
spec: { subdomain: db, containers: [{ name: app, image: x }] }
status: { podIP: 10.9.0.1, conditions: [{ type: Ready, status: 'True' }] }
`;
const entry = (name: string, spec: object) => JSON.stringify({
  apiVersion: 'networking.istio.io/v1', kind: 'ServiceEntry', metadata: { name, namespace: 'shop' }, spec: { ports: [{ number: 80, name: 'http', protocol: 'HTTP' }], ...spec },
});

function table(documents: readonly string[], options?: ProxyOptions, workload = 'cart.shop'): any {
  const names = compile(modelOf(SHOP, ...documents), workload, options).names?.();
  return names && (toJson(NameTableSchema, names) as { table?: object }).table;
}

test('a service of Kubernetes has its address, and what the agent makes its short names of', () => {
  expect(table([])['stock.shop.svc.cluster.local']).toEqual({ ips: ['10.96.1.2'], registry: 'Kubernetes', shortname: 'stock', namespace: 'shop' });
});

test('a headless service has its ready endpoints of the own network, and a name for each Pod with a subdomain', () => {
  const names = table([DATABASE], { metadata: { NETWORK: 'near' } });
  expect(names['db.shop.svc.cluster.local'].ips).toEqual(['10.244.1.1']);
  expect(names['db-0.db.shop.svc.cluster.local']).toEqual({ ips: ['10.244.1.1'], registry: 'Kubernetes', shortname: 'db-0.db', namespace: 'shop' });
  expect(Object.keys(names).filter(name => name.includes('db-'))).toEqual(['db-0.db.shop.svc.cluster.local']);
  const eager = table([DATABASE.replace('clusterIP: None', 'clusterIP: None, publishNotReadyAddresses: true')]);
  expect([...eager['db.shop.svc.cluster.local'].ips].sort()).toEqual(['10.244.1.1', '10.244.1.2', '10.9.0.1']);
  expect(eager['db-1.db.shop.svc.cluster.local'].ips).toEqual(['10.244.1.2']);
});

test('addresses of an entry add up, ranges say nothing, and without an address there is no name', () => {
  const names = table([
    entry('many', { hosts: ['many.example'], addresses: ['10.1.0.1', '10.1.0.2', '10.2.0.0/16'], resolution: 'STATIC', endpoints: [{ address: '10.3.0.1' }] }),
    entry('none', { hosts: ['none.example'], resolution: 'DNS' }), entry('direct', { hosts: ['direct.example'], resolution: 'NONE', endpoints: [{ address: '10.3.0.2' }] }),
  ]);
  expect(names['many.example']).toEqual({ ips: ['10.1.0.1', '10.1.0.2'], registry: 'External' });
  expect(names['direct.example'].ips).toEqual(['10.3.0.2']);
  expect(names['none.example']).toBeUndefined();
});

test('addresses that Istio gave out count where the agent resolves names', () => {
  const documents = [entry('auto', { hosts: ['auto.example'], resolution: 'DNS' })];
  expect(table(documents, { metadata: { DNS_CAPTURE: 'true' } })['auto.example'].ips).toHaveLength(1);
});

test('a service of Kubernetes beats an entry of the same name, whichever is older', () => {
  const names = table([entry('like', { hosts: ['stock.shop.svc.cluster.local'], addresses: ['10.7.7.7'], resolution: 'STATIC', endpoints: [{ address: '10.3.0.1' }] })]);
  expect(names['stock.shop.svc.cluster.local']).toMatchObject({ ips: ['10.96.1.2'], registry: 'Kubernetes' });
});

test('what a Sidecar does not import has no name', () => {
  const sidecar = 'apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: { name: s, namespace: shop }\nspec: { egress: [{ hosts: [./stock.shop.svc.cluster.local] }] }';
  expect(Object.keys(table([sidecar]))).toEqual(['stock.shop.svc.cluster.local']);
});

test('under explicit capture a name means the address to dial', () => {
  expect(table([], { capture: 'explicit', explicit: { addressBlock: '127.7.0.0/16' } })['stock.shop.svc.cluster.local'].ips[0]).toMatch(/^127\.7\./);
});
