import { Testing } from 'cdk8s';
import { CanaryRollout, CanaryStep, GatewayListener, Mesh, MeshGateway, MeshPort, MeshService, RolloutEngine, RouteTarget } from '../src';

const WAVE = 'argocd.argoproj.io/sync-wave';

/** A service whose route is written before the version that it has a rule for. */
function shop(syncWaves?: boolean) {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh', { syncWaves });
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  reviews.addRoute('all', { targets: [RouteTarget.to(reviews)] });
  reviews.addVersion('v1', { containers: [{ image: 'reviews' }] });
  const gateway = new MeshGateway(chart, 'gw', { listeners: [GatewayListener.http()] });
  reviews.exposeViaGateway(gateway);
  return { chart, gateway };
}
const waves = (chart: ReturnType<typeof shop>['chart']) => Testing.synth(chart)
  .filter(({ metadata }) => metadata.annotations?.[WAVE] !== undefined).map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.annotations[WAVE]}`).sort();

test('subsets are written before the routes that lead to them, in whatever order the code has them', () => {
  const kinds = Testing.synth(shop().chart).filter(({ metadata }) => metadata.name === 'reviews').map(({ kind }) => kind);
  expect(kinds.indexOf('DestinationRule')).toBeLessThan(kinds.indexOf('VirtualService'));
});

test('Argo CD is told to apply subsets and gateways, then routes, after the rest', () => {
  const { chart } = shop(true);
  expect(waves(chart)).toEqual(['DestinationRule reviews 1', 'Gateway gw 1', 'VirtualService gw-all 2', 'VirtualService reviews 2']);
  expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
});

test('a Rollout comes last, since it is not healthy until it ends', () => {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh', { syncWaves: true });
  const service = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  const [stable, canary] = ['v1', 'v2'].map((version) => service.addVersion(version, { containers: [{ image: 'reviews' }] }));
  new CanaryRollout(chart, 'to-v2', { service, stable, canary, steps: [CanaryStep.weight(5), CanaryStep.pause(), CanaryStep.weight(100)], engine: RolloutEngine.argo() });
  expect(waves(chart)).toEqual(['DestinationRule reviews 1', 'Rollout reviews 3', 'VirtualService reviews 2']);
});

test('a wave that is there stays', () => {
  const { chart, gateway } = shop(true);
  const object: any = gateway.node.findChild('Gateway');
  object.metadata.addAnnotation(WAVE, '-5');
  expect(waves(chart)).toContain('Gateway gw -5');
});

test.each([undefined, false])('nothing is said where syncWaves is %s', (syncWaves) => {
  expect(waves(shop(syncWaves).chart)).toEqual([]);
});
