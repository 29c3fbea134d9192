import { Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { Canary } from '../main';

const request = MeshRequest.get('http://reviews:9080/reviews/0');

/** The example at a step, and what becomes of requests that front sends there. */
function at(step?: number) {
  const chart = new Canary(Testing.app(), 'canary', step);
  const mesh = MeshTesting.of(chart);
  return { chart, send: (asked: MeshRequest) => mesh.send(asked, { from: chart.front }) };
}

test('callers with the cookie get v2 from the first step on, all others v1', () => {
  const { chart, send } = at(0);
  send(request.header('cookie', 'theme=dark; beta=on')).expectTarget(chart.v2);
  send(request).expectTarget(chart.v1);
  send(request.header('cookie', 'beta=off')).expectTarget(chart.v1);
});

test('v2 gets a copy of every fifth request before it answers any', () => {
  const { chart, send } = at(1);
  send(request).expectTarget(chart.v1).expectMirror(chart.v2, 20);
});

test.each([[2, 5], [3, 30], [4, 30], [5, 100]])('at step %i v2 answers %i %% of the requests', (step, percent) => {
  const { chart, send } = at(step);
  send(request).expectShare(chart.v2, percent).expectShare(chart.v1, 100 - percent);
});

test('who got v2 once stays with it', () => {
  const { chart, send } = at();
  send(request.header('cookie', 'canary=v2')).expectTarget(chart.v2);
});

test('no request fails at any step', () => {
  const { chart } = at();
  expect(MeshTesting.of(chart).rollout(chart.rollout).failures()).toEqual([]);
});

test('synthesizes', () => {
  expect(Testing.synth(at().chart)).toMatchSnapshot();
});
