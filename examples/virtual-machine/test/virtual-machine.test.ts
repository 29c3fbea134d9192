import { Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { VirtualMachines } from '../main';

const chart = new VirtualMachines(Testing.app(), 'virtual-machine');
const mesh = MeshTesting.of(chart);
const ask = (url: string) => mesh.send(MeshRequest.get(url), { from: chart.catalog });

test('the catalog reaches the database on its machines', () => {
  ask('http://mysql:3306/').expectTarget(chart.db);
  expect(ask('http://mysql:3306/').trace()).toMatch(/10\.0\.3\.[78]:3306/);
});

test('prices come from pods and machines', () => {
  ask('http://pricing:8080/eur').expectTarget(chart.pricing);
});

test('the machines have the identity of their service', () => {
  const entries = Testing.synth(chart).filter(({ kind }) => kind === 'WorkloadEntry');
  expect(entries.map(({ spec }) => `${spec.address} ${spec.serviceAccount}`)).toEqual(['10.0.3.7 mysql', '10.0.3.8 mysql', '10.0.4.1 pricing', '10.0.4.2 pricing']);
});

test('synthesizes', () => {
  expect(Testing.synth(chart)).toMatchSnapshot();
});
