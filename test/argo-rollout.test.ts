import { ApiObject, Duration, JsonPatch, Testing } from 'cdk8s';
import { Deployment, HorizontalPodAutoscaler, StatefulSet } from 'cdk8s-plus-27';
import {
  argo, CanaryAnalysis, CanaryRollout, type CanaryRolloutProps, CanaryStep, Fault, FaultInjection, HeaderMatch, Mesh, MeshPort, MeshRequest,
  MeshService, MeshTesting, RetryPolicy, RolloutEngine, RouteMatch, RouteTarget, Stickiness,
} from '../src';
import { prefix, reviewsWithCaller } from './support/reviews';
import { all, failures, only } from './support/synth';

type Base = ReturnType<typeof reviewsWithCaller>;

const shares = [CanaryStep.weight(5), CanaryStep.pause(Duration.minutes(5)), CanaryStep.weight(100)];
const cohorts = [
  CanaryStep.mirror({ percent: 20 }), CanaryStep.header('x-canary', 'true'), CanaryStep.pause(), CanaryStep.weight(5), CanaryStep.weight(0), CanaryStep.weight(30), CanaryStep.weight(100),
];

function rollout(props: Partial<CanaryRolloutProps> | ((base: Base) => Partial<CanaryRolloutProps>) = {}) {
  const base = reviewsWithCaller();
  const more = typeof props === 'function' ? props(base) : props;
  const built = new CanaryRollout(base.chart, 'to-v2', {
    service: base.reviews, stable: base.v1, canary: base.v2, steps: shares, engine: RolloutEngine.argo(), ...more,
  });
  return { ...base, rollout: built };
}
const canaryOf = (base: Base) => only(base.chart, 'Rollout').spec.strategy.canary;

test('a Rollout takes its pods from the canary, and the VirtualService has what Argo starts from', () => {
  const { chart } = rollout();
  expect(only(chart, 'Rollout')).toEqual({
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'reviews', annotations: { 'cdk8s-mesh.dev/path': 'test/to-v2' } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'reviews' } },
      workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'reviews-v2' },
      strategy: {
        canary: {
          trafficRouting: {
            istio: {
              virtualService: { name: 'reviews', routes: ['to-v2'] },
              destinationRule: { name: 'reviews', stableSubsetName: 'stable', canarySubsetName: 'canary' },
            },
          },
          steps: [{ setWeight: 5 }, { pause: { duration: '300s' } }, { setWeight: 100 }],
        },
      },
    },
  });
  expect(only(chart, 'VirtualService').spec.http).toEqual([{
    name: 'to-v2',
    route: [
      { destination: { host: 'reviews', subset: 'stable' }, weight: 100 },
      { destination: { host: 'reviews', subset: 'canary' }, weight: 0 },
    ],
  }]);
  expect(only(chart, 'DestinationRule', 'reviews').spec.subsets).toEqual([{ name: 'stable', labels: { app: 'reviews' } }, { name: 'canary', labels: { app: 'reviews' } }]);
  expect(['reviews-v1', 'reviews-v2'].map(name => only(chart, 'Deployment', name).spec.replicas)).toEqual([0, 0]);
});

test('cohorts and copies have pods before their routes, and keep them while the share is 0', () => {
  expect(canaryOf(rollout({ steps: cohorts }))).toMatchObject({
    trafficRouting: { managedRoutes: [{ name: 'to-v2-cohort-1' }, { name: 'to-v2-mirror' }] },
    steps: [
      { setCanaryScale: { weight: 20 } },
      { setMirrorRoute: { name: 'to-v2-mirror', percentage: 20, match: [{ path: { prefix: '/' } }] } },
      { setHeaderRoute: { name: 'to-v2-cohort-1', match: [{ headerName: 'x-canary', headerValue: { exact: 'true' } }] } },
      { pause: {} },
      { setMirrorRoute: { name: 'to-v2-mirror' } },
      { setCanaryScale: { weight: 5 } }, { setWeight: 5 }, { setCanaryScale: { matchTrafficWeight: true } },
      { setCanaryScale: { replicas: 1 } }, { setWeight: 0 },
      { setCanaryScale: { weight: 30 } }, { setWeight: 30 }, { setCanaryScale: { matchTrafficWeight: true } },
      { setWeight: 100 },
    ],
  });
});

test('canaryReplicas, delays and dynamicStableScale are rendered, 0 too', () => {
  const engine = RolloutEngine.argo({ canaryReplicas: 3, scaleDownDelay: Duration.seconds(0), abortScaleDownDelay: Duration.minutes(2) });
  const canary = canaryOf(rollout({ engine, steps: cohorts }));
  expect(canary).toMatchObject({ scaleDownDelaySeconds: 0, abortScaleDownDelaySeconds: 120 });
  expect(canary.steps[0]).toEqual({ setCanaryScale: { replicas: 3 } });
  expect(canaryOf(rollout({ engine: RolloutEngine.argo({ dynamicStableScale: true }) }))).toMatchObject({ dynamicStableScale: true });
});

test('an analysis asks Prometheus for the rate of the canary\'s answers that are no 5xx', () => {
  const base = rollout({ engine: RolloutEngine.argo({ analysis: CanaryAnalysis.successRate({ prometheus: 'http://prometheus:9090', atLeast: 99.5, failureLimit: 0, interval: Duration.seconds(30) }) }) });
  const [metric] = only(base.chart, 'AnalysisTemplate', 'reviews-success-rate').spec.metrics;
  const canary = 'reporter="source",destination_service_name="reviews",destination_service_namespace="{{args.namespace}}",destination_version="v2"';
  expect(metric).toEqual({
    name: 'success-rate',
    interval: '30s',
    failureLimit: 0,
    successCondition: 'len(result) == 0 || isNaN(result[0]) || result[0] >= 0.995',
    provider: {
      prometheus: {
        address: 'http://prometheus:9090',
        query: `sum(rate(istio_requests_total{${canary},response_code!~"5.."}[30s])) / sum(rate(istio_requests_total{${canary}}[30s]))`,
      },
    },
  });
  expect(canaryOf(base).analysis).toEqual({
    templates: [{ templateName: 'reviews-success-rate' }], args: [{ name: 'namespace', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
  });
});

test('given up, the Rollout takes its pods from the stable version again', () => {
  const { chart, rollout: built } = rollout({ aborted: true });
  expect(only(chart, 'Rollout').spec.workloadRef.name).toBe('reviews-v1');
  expect(built.percent).toBe(0);
});

test.each([[0, 0], [undefined, 1]])('a Deployment that somebody wrote is a template too, of %s replicas', (replicas, wanted) => {
  const labels = { app: 'reviews', version: 'v3' };
  const spec = { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'reviews', image: 'reviews:3' }] } } };
  const chart = Testing.chart();
  const service = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  const stable = service.addVersion('v1', { containers: [{ image: 'reviews:1' }] });
  const canary = service.addVersionFrom('v3', new ApiObject(chart, 'own', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'own' }, spec }));
  new CanaryRollout(chart, 'to-v3', { service, stable, canary, steps: shares, engine: RolloutEngine.argo() });
  expect(failures(chart)).toEqual([]);
  expect(only(chart, 'Deployment', 'own').spec.replicas).toBe(0);
  expect(only(chart, 'Rollout').spec).toMatchObject({ replicas: wanted, selector: { matchLabels: { app: 'reviews' } }, workloadRef: { name: 'own' } });
});

test('copies that a fault makes of the route are Argo\'s too', () => {
  const base = rollout();
  new FaultInjection(base.chart, 'slow', { service: base.reviews, fault: Fault.delay({ fixedDelay: Duration.seconds(1), percent: 10 }), match: [prefix('/slow')] });
  expect(canaryOf(base).trafficRouting.istio.virtualService.routes).toEqual(['slow-to-v2', 'to-v2']);
  expect(failures(base.chart)).toEqual([]);
});

test('the plan has waves of what the repository applies; nothing is proved to fail, before and after each step', () => {
  const { chart, rollout: built } = rollout({ steps: cohorts });
  new Mesh(chart, 'mesh');
  expect(failures(chart)).toEqual([]);
  expect(built.plan().map(({ name, manifests }) => [name, ...manifests.map(({ kind }) => kind)])).toEqual([
    ['workloads', 'ServiceAccount', 'Service', 'Deployment', 'Deployment'], ['subsets', 'DestinationRule'], ['routes', 'VirtualService'], ['rollout', 'Rollout'],
  ]);
  const t = MeshTesting.of(chart).rollout(built);
  expect(t.failures()).toEqual([]);
  const target = (request?: MeshRequest) => t.stages('front-v1', request).map(({ state, distribution }) => [state, ...distribution.map(each => `${each.percent} ${each.target}`)]);
  expect(target()).toEqual([
    ['the canary is not ready yet', '100 reviews/stable'],
    ['step 0: setCanaryScale weight 20', '100 reviews/stable'],
    ['step 1: setMirrorRoute to-v2-mirror', '100 reviews/stable'],
    ['step 2: setHeaderRoute to-v2-cohort-1', '100 reviews/stable'],
    ['step 3: pause', '100 reviews/stable'],
    ['step 4: setMirrorRoute to-v2-mirror, away', '100 reviews/stable'],
    ['step 5: setCanaryScale weight 5', '100 reviews/stable'],
    ['step 6: setWeight 5', '95 reviews/stable', '5 reviews/canary'],
    ['step 7: setCanaryScale matchTrafficWeight', '95 reviews/stable', '5 reviews/canary'],
    ['step 8: setCanaryScale replicas 1', '95 reviews/stable', '5 reviews/canary'],
    ['step 9: setWeight 0', '100 reviews/stable'],
    ['step 10: setCanaryScale weight 30', '100 reviews/stable'],
    ['step 11: setWeight 30', '70 reviews/stable', '30 reviews/canary'],
    ['step 12: setCanaryScale matchTrafficWeight', '70 reviews/stable', '30 reviews/canary'],
    ['step 13: setWeight 100', '100 reviews/canary'],
    ['given up', '100 reviews/stable'],
    ['promoted', '100 reviews/stable'],
  ]);
  const cohort = target(MeshRequest.get('http://reviews:9080/').header('x-canary', 'true')).map(([, share]) => share);
  expect(cohort).toEqual([...Array(3).fill('100 reviews/stable'), ...Array(12).fill('100 reviews/canary'), '100 reviews/stable', '100 reviews/stable']);
});

test('a revision of Argo that could not be reached is found before anything is applied', () => {
  const { chart, v2 } = rollout();
  new Mesh(chart, 'mesh');
  ApiObject.of(v2.workload).addJsonPatch(JsonPatch.replace('/spec/template/metadata/labels/app', 'other')); // what the Service and both subsets ask for
  expect(failures(chart).filter(text => text.includes('MESH_CANARY_BREAKS'))[0]).toMatch(
    /^\[test\/to-v2\] MESH_CANARY_BREAKS: every step must serve all requests, got 5 % 503 UH for route "to-v2" in step 0: setWeight 5; see/);
});

test('Argo CD ignores exactly what Argo Rollouts writes', () => {
  const { rollout: built } = rollout({ steps: cohorts });
  expect(built.ignoreDifferences).toEqual([
    {
      group: 'networking.istio.io',
      kind: 'VirtualService',
      name: 'reviews',
      jqPathExpressions: [
        '.spec.http[] | select(.name == "to-v2") | .route[].weight', '.spec.http[] | select(.name == "to-v2-cohort-1" or .name == "to-v2-mirror")',
      ],
    },
    {
      group: 'networking.istio.io',
      kind: 'DestinationRule',
      name: 'reviews',
      jsonPointers: ['/metadata/annotations/argo-rollouts.argoproj.io~1managed-by-rollouts'],
      jqPathExpressions: ['.spec.subsets[].labels["rollouts-pod-template-hash"]'],
    },
  ]);
  expect(rollout({ engine: RolloutEngine.none() }).rollout.ignoreDifferences).toEqual([]);
  expect([RolloutEngine.none().name, RolloutEngine.argo().name]).toEqual(['none', 'argo']);
});

test('synthesized twice, the same', () => {
  const { chart } = rollout({ steps: cohorts });
  expect(JSON.stringify(Testing.synth(chart))).toBe(JSON.stringify(Testing.synth(chart)));
});

test('the typed objects of Argo take its own words', () => {
  const chart = Testing.chart();
  new argo.Rollout(chart, 'Own', { spec: { selector: {}, template: { spec: { containers: [] } }, strategy: { canary: { steps: [{ setWeight: 0 }] } } } });
  expect(only(chart, 'Rollout').spec).toEqual({ selector: {}, template: { spec: { containers: [] } }, strategy: { canary: { steps: [{ setWeight: 0 }] } } });
  expect(all(chart, 'AnalysisTemplate')).toEqual([]);
});

const noPath = 'a rollout with steps for cohorts or copies must have no options of a route, since the routes that Argo makes for them have none, got';
test.each<[string, (base: Base) => Partial<CanaryRolloutProps>, string]>([
  ['a step to emit', () => ({ at: 0 }), 'at must be left away, since Argo goes from step to step, got 0; leave at away, or choose RolloutEngine.none()'],
  ['stickiness', () => ({ stickiness: Stickiness.cookie('canary') }), 'stickiness must be left away, since Argo would lead callers to pods that are gone, got a cookie; use RolloutEngine.none(), or a cohort'],
  ['cohorts on some paths', () => ({ steps: cohorts, match: [RouteMatch.http({ headers: [HeaderMatch.valueIs('a', 'b')] })] }), `${noPath} match; use steps of weight only, or RolloutEngine.none()`],
  ['cohorts with retries', () => ({ steps: cohorts, retry: RetryPolicy.none() }), `${noPath} retry; use steps of weight only, or RolloutEngine.none()`],
  ['an end before the end', () => ({ steps: shares.slice(0, 2) }), 'the last step must be weight 100 %, which is what Argo does after the last step, got pause 300s; add CanaryStep.weight(100)'],
  ['steps that rush', () => ({ steps: [CanaryStep.weight(5), CanaryStep.weight(100)] }), 'steps must have a pause, since Argo goes on as soon as pods are ready, got none; put CanaryStep.pause() after a step'],
  ['a mirror after a share', () => ({ steps: [CanaryStep.weight(5), CanaryStep.mirror({ percent: 20 }), CanaryStep.weight(100)] }),
    'a mirror must come before the canary takes a share, since the route that Argo makes for it leads to the stable version, got step 1 (mirror 20 %) at 5 %; put it first, or use RolloutEngine.none()'],
  ['a part of a percent', () => ({ steps: [CanaryStep.mirror({ percent: 0.5 }), ...shares] }), 'a mirror must be a whole number of percent, got mirror 0.5 %; round it'],
  ['a part of a second', () => ({ steps: [CanaryStep.pause(Duration.millis(1500)), ...shares] }), 'a pause must last whole seconds, got pause 1.5s; round it'],
  ['other pods than a Deployment\'s', ({ chart, reviews }) => ({
    canary: reviews.addVersionFrom('v3', new StatefulSet(chart, 'pods', { service: reviews.service, containers: [{ image: 'x' }] })),
  }), 'Argo takes pods from Deployments only, got StatefulSet test/pods/Resource; make the version of a Deployment, or choose RolloutEngine.none()'],
  ['pods of somebody else', ({ reviews }) => ({ canary: reviews.addVersionByLabels('v3', { build: '3' }) }),
    'Argo takes pods from Deployments only, got pods of test/reviews/v3 by their labels; make the version of a Deployment, or choose RolloutEngine.none()'],
])('rejects %s', (_case, change, message) => {
  expect(() => rollout(change)).toThrow(new Error(`[test/to-v2] MESH_ENGINE_LIMIT: ${message}`));
});

test.each<[string, () => unknown, string]>([
  ['no pod', () => RolloutEngine.argo({ canaryReplicas: 0 }), 'MESH_ENGINE_LIMIT: canaryReplicas must be a whole number from 1 to 10000, got 0; choose one in that range'],
  ['pods that are kept and not', () => RolloutEngine.argo({ dynamicStableScale: true, scaleDownDelay: Duration.seconds(1) }), 'MESH_ENGINE_LIMIT: scaleDownDelay must be left away with dynamicStableScale, which has no pods left to keep, got both; leave one of them away'],
  ['a part of a second', () => RolloutEngine.argo({ abortScaleDownDelay: Duration.millis(500) }), 'MESH_DURATION_INVALID: abortScaleDownDelay must be a whole number of seconds from 0 to 2147483647, got 0.5s; choose one of those'],
  ['no address', () => CanaryAnalysis.successRate({ prometheus: 'prometheus:9090' }), 'MESH_URL_INVALID: prometheus must be a URL that begins with http:// or https://, got "prometheus:9090"; write the whole URL'],
  ['success of nothing', () => CanaryAnalysis.successRate({ prometheus: 'http://p', atLeast: 0 }), 'MESH_PERCENT_INVALID: atLeast must be above 0 and at most 100, got 0; choose a share in that range'],
  ['more than all', () => CanaryAnalysis.successRate({ prometheus: 'http://p', atLeast: 100.5 }), 'MESH_PERCENT_INVALID: atLeast must be above 0 and at most 100, got 100.5; choose a share in that range'],
  ['fewer than no failures', () => CanaryAnalysis.successRate({ prometheus: 'http://p', failureLimit: -1 }), 'MESH_STEP_INVALID: failureLimit must be a whole number from 0 to 2147483647, got -1; choose one in that range'],
  ['an interval of half a second', () => CanaryAnalysis.successRate({ prometheus: 'http://p', interval: Duration.millis(500) }), 'MESH_DURATION_INVALID: interval must be a whole number of seconds from 1 to 9223372036, got 0.5s; choose one of those'],
])('rejects %s in the options', (_case, make, message) => {
  expect(make).toThrow(new Error(message));
});

test.each<[string, (base: Base) => unknown, string]>([
  ['a third version', ({ reviews }) => reviews.addVersion('v3', { containers: [{ image: 'x' }] }),
    'the service must have no versions but stable and canary, since Argo takes other subsets away, got v3; roll those out first, or choose RolloutEngine.none()'],
  ['a route that Argo would leave as it is', ({ reviews, v2 }) => reviews.addRoute('testers', { match: [prefix('/test')], targets: [RouteTarget.to(v2)] }),
    'no route but the rollout\'s may lead to a version, since Argo would not change it, got "testers" of VirtualService reviews to canary; lead it to the service'],
  ['a route of the name of one of Argo\'s', ({ reviews }) => reviews.addRoute('to-v2-mirror', { match: [prefix('/test')], targets: [RouteTarget.to(reviews)] }),
    'routes that Argo makes must not be there already, got "to-v2-mirror"; choose another id'],
  ['an autoscaler', ({ chart, v2 }) => new HorizontalPodAutoscaler(chart, 'hpa', { target: v2.workload as Deployment, maxReplicas: 5 }),
    'pods of Deployment reviews-v2 must not be scaled by an autoscaler of the Deployment, got test-hpa-c87b076f; let it scale the Rollout reviews'],
])('synthesis fails with %s', (_case, change, message) => {
  const base = rollout({ steps: cohorts });
  change(base);
  expect(failures(base.chart)).toContain(`[test/to-v2] MESH_ENGINE_LIMIT: ${message}`);
});
