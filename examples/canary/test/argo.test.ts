import { Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { ArgoCanary } from '../argo';

const request = MeshRequest.get('http://reviews:9080/reviews/0');
const chart = new ArgoCanary(Testing.app(), 'canary');
const rollout = MeshTesting.of(chart).rollout(chart.rollout);
/** What v2 answers of requests that front sends, in every state. */
const share = (asked: MeshRequest) => rollout.stages('front-v1', asked)
  .map(({ state, distribution }) => [state, distribution.find(({ target }) => target === 'reviews/canary')?.percent ?? 0] as const);

test('no request fails in any state that Argo brings about', () => {
  expect(rollout.failures()).toEqual([]);
  expect(rollout.failures(request.header('cookie', 'beta=on'))).toEqual([]);
});

test('the share of v2 grows, and is nothing before, after and when Argo gives up', () => {
  const shares = share(request);
  const growth = shares.filter(([state]) => state.includes('setWeight')).map(([, percent]) => percent);
  expect(growth).toEqual([5, 30, 100]);
  expect(shares.filter(([state]) => !state.startsWith('step'))).toEqual([['the canary is not ready yet', 0], ['given up', 0], ['promoted', 0]]);
});

test('testers get v2 from the first step to the last', () => {
  const shares = share(request.header('cookie', 'theme=dark; beta=on'));
  const from = shares.findIndex(([state]) => state.includes('setHeaderRoute'));
  const to = shares.findIndex(([state]) => state === 'given up');
  expect(new Set(shares.slice(from, to).map(([, percent]) => percent))).toEqual(new Set([100]));
  expect(shares.slice(to).map(([, percent]) => percent)).toEqual([0, 0]);
});

test('synthesizes', () => {
  expect(Testing.synth(chart)).toMatchSnapshot();
});
