import { Testing } from 'cdk8s';
import { LoadBalancing, MeshPort, MeshService } from '../src';
import { all, only } from './support/synth';

test.each([
  ['LEAST_REQUEST', LoadBalancing.leastRequest()],
  ['ROUND_ROBIN', LoadBalancing.roundRobin()],
  ['RANDOM', LoadBalancing.random()],
])('%s, in a DestinationRule without versions too', (simple, loadBalancing) => {
  const chart = Testing.chart();
  new MeshService(chart, 'a', { ports: [MeshPort.http(80)], traffic: { loadBalancing } });
  expect(only(chart, 'DestinationRule').spec).toEqual({ host: 'a', trafficPolicy: { loadBalancer: { simple } } });
});

test('an empty policy is none: Istio refuses it', () => {
  const chart = Testing.chart();
  new MeshService(chart, 'a', { ports: [MeshPort.http(80)], traffic: {} });
  expect(all(chart, 'DestinationRule')).toEqual([]);
});
