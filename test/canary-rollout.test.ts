import { Duration, Testing } from 'cdk8s';
import { CanaryRollout, type CanaryRolloutProps, CanaryStep, MeshPort, MeshService, RouteTarget } from '../src';
import { jason, reviewsWithVersions } from './support/reviews';
import { only } from './support/synth';

const steps = [0, 5, 100].map((percent) => CanaryStep.weight(percent));

function rollout(change: (base: ReturnType<typeof reviewsWithVersions>) => Partial<CanaryRolloutProps> = () => ({})) {
  const base = reviewsWithVersions();
  const built = new CanaryRollout(base.chart, 'to-v2', { service: base.reviews, stable: base.v1, canary: base.v2, steps, ...change(base) });
  return { ...base, rollout: built };
}

test.each([[undefined, 100, 0], [0, 100, 0], [1, 95, 5], [2, 0, 100]])('at %s emits the step with both weights', (at, stable, canary) => {
  const { chart, rollout: built } = rollout(() => ({ at }));
  expect([built.at, built.step.percent, built.steps.length]).toEqual([at ?? 0, canary, 3]);
  expect(only(chart, 'VirtualService').spec).toEqual({
    hosts: ['reviews'],
    http: [{
      name: 'to-v2',
      route: [
        { destination: { host: 'reviews', subset: 'v1' }, weight: stable },
        { destination: { host: 'reviews', subset: 'v2' }, weight: canary },
      ],
    }],
  });
});

test('takes the options of a route, and stands among the other routes', () => {
  const { chart, reviews, v1 } = rollout(() => ({ match: [jason], priority: 5, timeout: Duration.seconds(3) }));
  reviews.addRoute('default', { targets: [RouteTarget.to(v1)] });
  const { http } = only(chart, 'VirtualService').spec;
  expect(http.map((rule: any) => rule.name)).toEqual(['to-v2', 'default']);
  expect(http[0]).toMatchObject({ match: [{ headers: { 'end-user': { exact: 'jason' } } }], timeout: '3s' });
});

test('synthesized twice, the same', () => {
  const { chart } = rollout();
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test.each([-1, 101, 0.5])('CanaryStep.weight() rejects %d', (percent) => {
  expect(() => CanaryStep.weight(percent)).toThrow(new Error(`MESH_WEIGHT_INVALID: CanaryStep.weight() must be a whole number from 0 to 100, got ${percent}`));
});

test.each<[string, (base: ReturnType<typeof reviewsWithVersions>) => Partial<CanaryRolloutProps>, string]>([
  ['no step', () => ({ steps: [] }), 'MESH_STEP_INVALID: steps must have at least one step, got []'],
  ['a step before the first', () => ({ at: -1 }), 'MESH_STEP_INVALID: at must be a whole number from 0 to 2, got -1'],
  ['a step after the last', () => ({ at: 3 }), 'MESH_STEP_INVALID: at must be a whole number from 0 to 2, got 3'],
  ['one version twice', ({ v1 }) => ({ canary: v1 }), 'MESH_CANARY_VERSION: stable and canary must differ, got test/reviews/v1 twice'],
  ['a version of another service', ({ chart }) => ({ canary: new MeshService(chart, 'other', { ports: [MeshPort.http(80)] }).addVersion('v2', { containers: [{ image: 'x' }] }) }),
    'MESH_CANARY_VERSION: stable and canary must be versions of service test/reviews, got test/other/v2'],
])('rejects %s', (_case, change, message) => {
  expect(() => rollout(change)).toThrow(new Error(`[test/to-v2] ${message}`));
});
