import { SYSTEM_CLOCK } from '../../runtime/proxy';
import { Timers } from '../../runtime/proxy/timers';
import { clusterStats, Host } from '../../runtime/proxy/upstream/host';
import { loadBalancer, type BalancingPolicy, type Draw, type Weighted } from '../../src/evaluator';

const limits = {
  connectTimeoutMs: 1,
  maxConnections: 1,
  maxPending: 1,
  maxRequests: 1,
  maxRetries: 1,
  maxRequestsPerConnection: 0,
  connections: 0,
  pending: 0,
  requests: 0,
  retries: 0,
  stats: clusterStats(),
};

function hosts(...weights: number[]): Weighted<Host>[] {
  return weights.map((weight, i) => ({
    weight, host: new Host({ address: `10.0.0.${i}`, port: 1, weight, health: 'healthy', priority: 0, locality: '', tls: false }, limits, new Timers(SYSTEM_CLOCK)),
  }));
}

const never: Draw = () => { throw new Error('drawn'); };

function picks(policy: BalancingPolicy, takers: Weighted<Host>[], count: number, draw: Draw = never): number[] {
  const balancer = loadBalancer<Host>(policy);
  balancer.changed(takers);
  return Array.from({ length: count }, () => {
    const picked = balancer.pick(takers, draw);
    return takers.findIndex(({ host }) => host === picked);
  });
}

test('round robin takes turns, by weight and evenly spread', () => {
  expect(picks('round_robin', hosts(1, 1, 1), 6)).toEqual([0, 1, 2, 0, 1, 2]);
  expect(picks('round_robin', hosts(3, 1), 8)).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
});

test('random takes each host by its share', () => {
  const drawn: number[] = [];
  const takers = hosts(3, 1);
  picks('random', takers, 4, (_, bound) => {
    drawn.push(bound);
    return drawn.length - 1;
  });
  expect(drawn).toEqual([4, 4, 4, 4]);
  let next = 0;
  expect(picks('random', takers, 4, () => next++)).toEqual([0, 0, 0, 1]);
});

test('least request takes the less busy of two that are drawn', () => {
  const takers = hosts(1, 1);
  takers[0].host.active = 5;
  let next = 0;
  expect(picks('least_request', takers, 4, () => [0, 1, 1, 0, 0, 0, 1, 1][next++])).toEqual([1, 1, 0, 1]);
});

test('a single host needs no draw', () => {
  expect(picks('least_request', hosts(7), 2)).toEqual([0, 0]);
});
