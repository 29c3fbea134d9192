import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { clusterOutcome, pickEndpoint, prepare, prepareCluster, type TraceEvent } from '../../src/evaluator';
import { ClusterSchema } from '../../src/xds/gen/envoy/config/cluster/v3/cluster_pb';
import { registry } from '../../src/xds/registry';

interface Spec { readonly port: number; readonly weight?: number; readonly health?: string }

function cluster(priorities: Spec[][], more: object = {}) {
  const endpoints = priorities.map((hosts, priority) => ({
    priority,
    locality: { zone: `z${priority}` },
    lbEndpoints: hosts.map(({ port, weight, health }) => ({
      endpoint: { address: { socketAddress: { address: '10.0.0.1', portValue: port } } },
      ...(weight !== undefined && { loadBalancingWeight: weight }),
      ...(health !== undefined && { healthStatus: health }),
    })),
  }));
  const json = { name: 'c', type: 'STATIC', commonLbConfig: { healthyPanicThreshold: {} }, loadAssignment: { clusterName: 'c', endpoints }, ...more };
  return fromJson(ClusterSchema, json as unknown as JsonValue, { registry });
}

const shares = (message: ReturnType<typeof cluster>) =>
  Object.fromEntries(prepareCluster(message, undefined).shares.map(({ host, percent }) => [host.port, percent]));

test('hosts share by weight; unhealthy and draining ones take nothing', () => {
  expect(shares(cluster([[{ port: 1 }, { port: 2, weight: 3 }]]))).toEqual({ 1: 25, 2: 75 });
  expect(shares(cluster([[{ port: 1, health: 'HEALTHY' }, { port: 2, health: 'UNHEALTHY' }, { port: 3, health: 'DRAINING' }]]))).toEqual({ 1: 100 });
});

test('a priority spills over only as far as it is short of healthy hosts', () => {
  const sick = 'UNHEALTHY';
  expect(shares(cluster([[{ port: 1 }], [{ port: 2 }]]))).toEqual({ 1: 100 });
  // Half healthy at 140 % is 70 %.
  expect(shares(cluster([[{ port: 1 }, { port: 2, health: sick }], [{ port: 3 }]]))).toEqual({ 1: 70, 3: 30 });
  expect(shares(cluster([[{ port: 1, health: sick }], [{ port: 2 }]]))).toEqual({ 2: 100 });
});

test('without a healthy host it fails, or all take traffic where the panic threshold says so', () => {
  const sick = [[{ port: 1, health: 'UNHEALTHY' }, { port: 2, health: 'UNHEALTHY' }]];
  const proxy = (...clusters: ReturnType<typeof cluster>[]) => prepare({ listeners: [], routes: [], endpoints: [], clusters });
  const events: TraceEvent[] = [];
  expect(clusterOutcome(proxy(cluster(sick)), 'c', event => void events.push(event))).toMatchObject({ kind: 'failed', status: 503, flag: 'UH' });
  expect(events).toEqual([{ step: 'cluster', name: 'c', outcome: 'failed', because: 'none of its 2 endpoints is healthy' }]);
  expect(clusterOutcome(proxy(cluster([])), 'c')).toMatchObject({ because: 'it has no endpoint' });
  expect(clusterOutcome(proxy(cluster([])), 'd')).toMatchObject({ kind: 'failed', status: 503, flag: 'NC' });
  expect(shares(cluster(sick, { commonLbConfig: {} }))).toEqual({ 1: 50, 2: 50 });
});

test('locality weights count only where the cluster asks for them', () => {
  const message = cluster([[{ port: 1 }], [{ port: 2 }]], { commonLbConfig: { healthyPanicThreshold: {}, localityWeightedLbConfig: {} } });
  message.loadAssignment!.endpoints.forEach((group, i) => Object.assign(group, { priority: 0, loadBalancingWeight: i === 0 ? 1 : 4 }));
  expect(shares(message)).toEqual({ 1: 20, 2: 80 });
});

test('an endpoint is picked by its share', () => {
  const table = prepareCluster(cluster([[{ port: 1 }, { port: 2, weight: 3 }]]), undefined);
  expect(pickEndpoint(table, () => 0)!.port).toBe(1);
  expect(pickEndpoint(table, (_purpose, bound) => Math.floor(bound / 4))!.port).toBe(2);
  expect(pickEndpoint(table, (_purpose, bound) => bound - 1)!.port).toBe(2);
  expect(pickEndpoint(prepareCluster(cluster([]), undefined), () => 0)).toBeUndefined();
});
