import { Testing } from 'cdk8s';
import { MeshPort, MeshRequest, MeshService, MeshTesting, VirtualMachine, type VirtualMachineProps } from '../src';
import { all, only } from './support/synth';

function given(props: Partial<VirtualMachineProps> = {}) {
  const chart = Testing.chart();
  const db = new MeshService(chart, 'db', { ports: [MeshPort.http(80, { targetPort: 8080 }), MeshPort.tcp(3306)], namespace: 'data' });
  const vm = new VirtualMachine(chart, 'db-vm', { service: db, ...props });
  return { chart, db, vm };
}

test('renders a group, and an entry for each machine, with the identity and ports of the service', () => {
  const { chart, vm } = given({ addresses: ['10.0.0.5', '::1'], version: 'v2', labels: { tier: 'gold' }, network: 'vms', locality: 'us/a', weight: 0 });
  const labels = { app: 'db', version: 'v2', tier: 'gold' };
  const template = { serviceAccount: 'db', ports: { http: 8080, tcp: 3306 }, network: 'vms', locality: 'us/a', weight: 0 };
  expect(only(chart, 'WorkloadGroup')).toMatchObject({ metadata: { name: 'db-vm', namespace: 'data' }, spec: { metadata: { labels }, template } });
  expect(all(chart, 'WorkloadEntry').map(({ metadata, spec }) => [metadata.name, metadata.namespace, spec])).toEqual([
    ['db-vm-1', 'data', { address: '10.0.0.5', labels, ...template }], ['db-vm-2', 'data', { address: '::1', labels, ...template }],
  ]);
  expect(vm.labels).toEqual(labels);
  expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
});

test('simulated: the machine answers for the service', () => {
  const { chart, db } = given({ addresses: ['10.0.0.5'] });
  const shop = new MeshService(chart, 'shop', { ports: [MeshPort.http(80)], namespace: 'data' });
  shop.addVersion('v1', { containers: [{ image: 'shop' }] });
  const { targets } = MeshTesting.of(chart).send(MeshRequest.get('http://db/'), { from: shop }).expectTarget(db).toJson();
  expect(targets[0].endpoints).toMatchObject([{ address: '10.0.0.5', port: 8080, percent: 100 }]);
});

test.each([0, 4294967295])('takes the weight %d', (weight) => {
  expect(only(given({ weight }).chart, 'WorkloadGroup').spec.template.weight).toBe(weight);
});

test.each<[string, Partial<VirtualMachineProps>, string]>([
  ['a name as address', { addresses: ['db.example'] }, 'MESH_ADDRESS_INVALID: addresses must be distinct IP addresses, got "db.example"; list each address once'],
  ['an address twice', { addresses: ['::1', '::1'] }, 'MESH_ADDRESS_INVALID: addresses must be distinct IP addresses, got "::1"; list each address once'],
  ['a label of the service', { labels: { app: 'x' } }, 'MESH_LABEL_DIFFERENT: labels must not set "app", which follows from service and version, got app=x; leave it away'],
  ['a weight below 0', { weight: -1 }, 'MESH_WEIGHT_INVALID: weight must be a whole number from 0 to 4294967295, got -1; choose one in that range'],
  ['a weight too high', { weight: 4294967296 }, 'MESH_WEIGHT_INVALID: weight must be a whole number from 0 to 4294967295, got 4294967296; choose one in that range'],
])('rejects %s', (_case, props, message) => {
  expect(() => given(props)).toThrow(new Error(`[test/db-vm] ${message}`));
});
