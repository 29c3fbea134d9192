import { Duration, Testing } from 'cdk8s';
import {
  CanaryRollout, type CanaryRolloutProps, CanaryStep, JwtAuthentication, Mesh, MeshPort, MeshRequest, MeshService, MeshTesting, Mirror, RouteTarget,
  Stickiness,
} from '../src';
import { jason, reviewsWithCaller, reviewsWithVersions } from './support/reviews';
import { failures, only } from './support/synth';

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
  expect(() => CanaryStep.weight(percent)).toThrow(new Error(`MESH_WEIGHT_INVALID: CanaryStep.weight() must be a whole number from 0 to 100, got ${percent}; choose one in that range`));
});

test.each<[string, (base: ReturnType<typeof reviewsWithVersions>) => Partial<CanaryRolloutProps>, string]>([
  ['no step', () => ({ steps: [] }), 'MESH_STEP_INVALID: steps must have at least one step, got []; add CanaryStep.weight(100)'],
  ['a step before the first', () => ({ at: -1 }), 'MESH_STEP_INVALID: at must be a whole number from 0 to 2, got -1; choose one in that range'],
  ['a step after the last', () => ({ at: 3 }), 'MESH_STEP_INVALID: at must be a whole number from 0 to 2, got 3; choose one in that range'],
  ['one version twice', ({ v1 }) => ({ canary: v1 }), 'MESH_CANARY_VERSION: stable and canary must differ, got test/reviews/v1 twice; give another version as canary'],
  ['a version of another service', ({ chart }) => ({ canary: new MeshService(chart, 'other', { ports: [MeshPort.http(80)] }).addVersion('v2', { containers: [{ image: 'x' }] }) }),
    'MESH_CANARY_VERSION: stable and canary must be versions of service test/reviews, got test/other/v2; give versions that addVersion() of that service returned'],
])('rejects %s', (_case, change, message) => {
  expect(() => rollout(change)).toThrow(new Error(`[test/to-v2] ${message}`));
});

describe('cohorts, copies, pauses, stickiness', () => {
  const get = MeshRequest.get('http://reviews:9080/');
  const way = [
    CanaryStep.mirror({ percent: 20 }), CanaryStep.header('x-canary', 'true'), CanaryStep.cookie('beta', 'on'), CanaryStep.weight(5), CanaryStep.pause(Duration.minutes(5)),
    CanaryStep.weight(100),
  ];
  function at(step: number, props: Partial<CanaryRolloutProps> = {}) {
    const base = reviewsWithCaller();
    const built = new CanaryRollout(base.chart, 'to-v2', { service: base.reviews, stable: base.v1, canary: base.v2, steps: way, at: step, ...props });
    const t = MeshTesting.of(base.chart);
    return { ...base, rollout: built, send: (request: MeshRequest) => t.send(request, { from: base.front }) };
  }

  test.each([[0, 0, 20, 0, 0], [1, 0, 20, 100, 0], [2, 0, 20, 100, 100], [3, 5, 0, 100, 100], [4, 5, 0, 100, 100], [5, 100, 0, 100, 100]])(
    'at step %d, %d %% reach the canary and %d %% are copied; of the header cohort %d %%, of the cookie cohort %d %%', (step, share, copied, header, cookie) => {
      const { v2, send, rollout: built } = at(step);
      const result = send(get).expectShare(v2, share);
      if (copied > 0) result.expectMirror(v2, copied);
      else expect(result.toJson().mirrors).toEqual([]);
      send(get.header('x-canary', 'true')).expectShare(v2, header || share);
      for (const cookies of ['beta=on', 'a=b; beta=on', 'beta=on; c=d']) send(get.header('cookie', cookies)).expectShare(v2, cookie || share);
      for (const cookies of ['beta=onx', 'xbeta=on', 'beta=off']) send(get.header('cookie', cookies)).expectShare(v2, share);
      expect(built.percent).toBe(share);
    });

  test('copies of a canary that has a share go on until its next share', () => {
    const late = [CanaryStep.weight(5), CanaryStep.pause(), CanaryStep.mirror({ percent: 20 }), CanaryStep.weight(100)];
    for (const [step, share, copied] of [[1, 5, 0], [2, 5, 20], [3, 100, 0]] as const) {
      const { v2, send, rollout: built, chart } = at(step, { steps: late });
      const result = send(get).expectShare(v2, share);
      expect(result.toJson().mirrors).toHaveLength(copied > 0 ? 1 : 0);
      if (copied > 0) result.expectMirror(v2, copied);
      expect(MeshTesting.of(chart).rollout(built).failures()).toEqual([]);
    }
  });

  test('giving up sends all back, cohorts too', () => {
    const { v1, send, rollout: built } = at(4, { aborted: true, stickiness: Stickiness.cookie('canary') });
    for (const request of [get, get.header('x-canary', 'true'), get.header('cookie', 'canary=v2')]) send(request).expectTarget(v1);
    expect([built.percent, built.at]).toEqual([0, 4]);
  });

  test('who got the canary stays with it while it takes a share', () => {
    const stickiness = Stickiness.cookie('canary', { ttl: Duration.hours(1) });
    const { chart, v2, send } = at(3, { stickiness });
    send(get).expectShare(v2, 5);
    send(get.header('cookie', 'canary=v2')).expectTarget(v2);
    const add = { 'set-cookie': 'canary=v2; Path=/; HttpOnly; Max-Age=3600' };
    const http = only(chart, 'VirtualService').spec.http;
    expect(http.map((rule: any) => rule.name)).toEqual(['to-v2-cohort-1', 'to-v2-cohort-2', 'to-v2-sticky', 'to-v2']);
    expect(http[3].route.map((each: any) => each.headers)).toEqual([undefined, { response: { add } }]);
    expect(only(at(5, { stickiness }).chart, 'VirtualService').spec.http).toHaveLength(1);
  });

  test('keeps the route\'s own match and mirrors', () => {
    const { chart, front } = reviewsWithCaller();
    const base = { ...reviewsWithVersions(), front };
    new CanaryRollout(base.chart, 'to-v2', { service: base.reviews, stable: base.v1, canary: base.v2, steps: way, at: 1, match: [jason], mirror: [Mirror.to(base.v1, { percent: 0 })] });
    const [cohort, shared] = only(base.chart, 'VirtualService').spec.http;
    expect(cohort.match).toEqual([{ headers: { 'end-user': { exact: 'jason' }, 'x-canary': { exact: 'true' } } }]);
    expect(shared.mirrors.map((mirror: any) => mirror.percentage.value)).toEqual([0, 20]);
    expect(chart).toBeDefined();
  });

  test('the plan goes from pods over subsets to each step, and looking changes nothing', () => {
    const { chart, rollout: built } = at(3);
    const before = JSON.stringify(Testing.synth(chart));
    const plan = built.plan();
    expect(plan.map(({ name, manifests }) => [name, [...new Set(manifests.map(({ kind }) => kind))].sort().join()])).toEqual([
      ['workloads', 'Deployment,Service,ServiceAccount'], ['subsets', 'DestinationRule'], ['step 0: mirror 20 %', 'VirtualService'],
      ['step 1: header x-canary: true', 'VirtualService'], ['step 2: cookie beta=on', 'VirtualService'], ['step 3: weight 5 %', 'VirtualService'],
      ['step 4: pause 300s', 'VirtualService'], ['step 5: weight 100 %', 'VirtualService'],
    ]);
    expect(plan[7].manifests[0].spec.http[0].route.map((each: any) => each.weight)).toEqual([0, 100]);
    expect(plan[5].manifests).toEqual([only(chart, 'VirtualService')]);
    expect(JSON.stringify(Testing.synth(chart))).toBe(before);
  });

  test('each wave is served by what the waves before it brought', () => {
    const { v2, rollout: built, chart, front } = at(0);
    const applied: any[] = Testing.synth(chart).filter(({ metadata }) => metadata.name.startsWith('front'));
    const shares = built.plan().map(({ manifests }) => {
      const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      const kept = applied.filter(({ kind, metadata }) => !names.includes(`${kind}/${metadata.name}`));
      applied.splice(0, applied.length, ...kept, ...manifests);
      const result = MeshTesting.ofManifests([...applied]).send(get, { fromName: front.versions[0].workload.name });
      expect(result.outcome).toBe('routed');
      return result.distribution().filter(({ target }) => target === `reviews/${v2.version}`).map(({ percent }) => percent)[0] ?? 0;
    });
    expect(shares).toEqual([0, 0, 0, 0, 0, 5, 5, 100]);
  });

  test.each<[string, () => unknown, string]>([
    ['a cohort that the match excludes', () => at(0, { steps: [CanaryStep.header('end-user', 'bob')], match: [jason] }), '[test/to-v2] MESH_MATCH_INVALID: match must leave the header "end-user" to the cohorts, got {"exact":"jason"} for it; match another header, or let the cohort have another'],
    ['a cookie with a blank', () => CanaryStep.cookie('a b', 'c'), 'MESH_HEADER_INVALID: a cookie must have a name and a value that cookies may have, got "a b=c"; leave away spaces, quotes, commas, semicolons and backslashes'],
    ['a cookie with a semicolon', () => CanaryStep.cookie('a', 'b;c'), 'MESH_HEADER_INVALID: a cookie must have a name and a value that cookies may have, got "a=b;c"; leave away spaces, quotes, commas, semicolons and backslashes'],
    ['half a second of stickiness', () => Stickiness.cookie('a', { ttl: Duration.millis(500) }), 'MESH_DURATION_INVALID: ttl must be a whole number of seconds from 1 to 9223372036, got 0.5s; choose one of those'],
    ['no time of pause', () => CanaryStep.pause(Duration.millis(0)), 'MESH_DURATION_INVALID: duration must be at least 1ms and a whole number of milliseconds, got 0ms; choose one of those'],
    ['more than all copied', () => CanaryStep.mirror({ percent: 101 }), 'MESH_PERCENT_INVALID: percent must be 0, or from 0.0001 to 100, got 101; choose one in that range'],
  ])('rejects %s', (_case, make, message) => {
    expect(make).toThrow(new Error(message));
  });
});

describe('a rollout that breaks fails synthesis, naming the state', () => {
  function withReplicas(stableReplicas: number, canaryReplicas: number, props: Partial<CanaryRolloutProps> = {}) {
    const chart = Testing.chart();
    const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
    const version = (name: string, replicas: number) => reviews.addVersion(name, { replicas, containers: [{ image: 'reviews' }] });
    const [stable, canary] = [version('v1', stableReplicas), version('v2', canaryReplicas)];
    new Mesh(chart, 'mesh');
    new CanaryRollout(chart, 'to-v2', { service: reviews, stable, canary, steps: [CanaryStep.weight(0), CanaryStep.weight(20), CanaryStep.weight(100)], ...props });
    return failures(chart);
  }
  const rule = '[test/to-v2] MESH_CANARY_BREAKS: every step must serve all requests, got';
  const repair = 'see that both versions run and are ready before they get requests';

  test('both versions run', () => {
    expect(withReplicas(1, 1)).toEqual([]);
  });

  test('the canary does not run: told at step 0 already', () => {
    expect(withReplicas(1, 0)).toEqual([
      `${rule} 20 % 503 UH for route "to-v2" in step 1 (weight 20 %); ${repair}`, `${rule} 100 % 503 UH for route "to-v2" in step 2 (weight 100 %); ${repair}`,
    ]);
  });

  test('stable is gone: giving up would fail', () => {
    expect(withReplicas(0, 1, { steps: [CanaryStep.weight(20), CanaryStep.weight(100)], at: 1 }).slice(-1)).toEqual([`${rule} 100 % 503 UH for route "to-v2" in giving up; ${repair}`]);
  });

  test('a cohort alone', () => {
    expect(withReplicas(1, 0, { steps: [CanaryStep.cookie('beta', 'on')], match: [jason] })).toEqual([
      `${rule} 100 % 503 UH for route "to-v2-cohort-0" in step 0 (cookie beta=on); ${repair}`,
    ]);
  });
});

test('a service that lets nobody in but some is rolled out as any other', () => {
  const { chart, reviews, v1, v2 } = reviewsWithVersions();
  new Mesh(chart, 'mesh');
  new JwtAuthentication(chart, 'jwt', { service: reviews, issuer: 'https://issuer.example', jwks: '{"keys":[{"kty":"oct","k":"AQAB"}]}' });
  new CanaryRollout(chart, 'to-v2', { service: reviews, stable: v1, canary: v2, steps: [CanaryStep.weight(0), CanaryStep.weight(100)] });
  expect(failures(chart)).toEqual([]);
});
