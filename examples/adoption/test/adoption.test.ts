import { Duration, Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { Adoption } from '../main';

const chart = new Adoption(Testing.app(), 'adoption');
const mesh = MeshTesting.of(chart);

test('billing reaches the cart, for five seconds at most and twice more', () => {
  mesh.send(MeshRequest.get('http://cart/'), { fromName: 'billing' }).expectTarget(chart.cartV1).expectTimeout(Duration.seconds(5)).expectRetries(2);
});

test('the cart reaches billing, which nobody rewrote', () => {
  mesh.send(MeshRequest.get('http://billing/'), { from: chart.cart }).expectRule('all').expectTimeout(Duration.seconds(10)).expectTarget(chart.billingV3);
});

test('nobody reaches a host that no one declared', () => {
  mesh.send(MeshRequest.get('http://elsewhere.example/'), { from: chart.cart }).expectStatus(502);
});

test('Services and selectors are those that were there', () => {
  const manifests = Testing.synth(chart);
  expect(manifests.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name)).toEqual(['cart', 'billing']);
  const cart = manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'cart');
  expect(Object.keys(cart.spec.selector.matchLabels)).toEqual(['cdk8s.io/metadata.addr']);
  expect(cart.spec.template.metadata.labels).toMatchObject({ app: 'cart', version: 'v1' });
});

test('synthesizes', () => {
  expect(Testing.synth(chart)).toMatchSnapshot();
});
