import { Testing } from 'cdk8s';
import { CanaryRollout, CanaryStep, MeshPort, MeshRequest, MeshService, MeshTesting } from '../../src';

function shop() {
  const chart = Testing.chart();
  const service = (name: string) => new MeshService(chart, name, { ports: [MeshPort.http(9080)] });
  const version = (of: MeshService, name: string) => of.addVersion(name, { containers: [{ image: 'app' }] });
  const front = service('front');
  const reviews = service('reviews');
  const stable = version(reviews, 'v1');
  const canary = version(reviews, 'v2');
  version(front, 'v1');
  const steps = [CanaryStep.weight(5), CanaryStep.header('x-canary', 'true'), CanaryStep.weight(100)];
  return { chart, rollout: new CanaryRollout(chart, 'reviews-v2', { service: reviews, stable, canary, steps, at: 1 }) };
}

test('every step of a rollout is tried, whichever is emitted', () => {
  const { chart, rollout } = shop();
  const before = Testing.synth(chart);
  const t = MeshTesting.of(chart).rollout(rollout);
  expect(t.failures()).toEqual([]);
  expect(t.stages('front-v1').map(({ state, distribution }) => [state, ...distribution.map(({ target, percent }) => `${percent} ${target}`)])).toEqual([
    ['step 0: weight 5 %', '95 reviews/v1', '5 reviews/v2'],
    ['step 1: header x-canary: true', '95 reviews/v1', '5 reviews/v2'],
    ['step 2: weight 100 %', '100 reviews/v2'],
  ]);
  const cohort = t.stages('front-v1', MeshRequest.get('http://reviews:9080/').header('x-canary', 'true'));
  expect(cohort.map(({ distribution }) => distribution.map(({ target }) => target))).toEqual([['reviews/v1', 'reviews/v2'], ['reviews/v2'], ['reviews/v2']]);
  expect(Testing.synth(chart)).toEqual(before);
});

test('a step that leads to a version without pods fails, and says why', () => {
  const { chart, rollout } = shop();
  const manifests = Testing.synth(chart).filter(({ kind, metadata }) => kind !== 'Deployment' || !metadata.name.endsWith('v2'));
  const failures = MeshTesting.ofManifests(manifests).rollout(rollout).failures();
  expect(failures[0]).toEqual({ state: 'step 0: weight 5 %', from: 'front-v1.default', outcome: 'routed', because: 'it has no endpoint' });
  expect(failures.find(({ state }) => state.startsWith('step 2'))).toMatchObject({ outcome: 'failed' });
});
