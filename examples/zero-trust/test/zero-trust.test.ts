import { Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { ISSUER, ZeroTrust } from '../main';

const chart = new ZeroTrust(Testing.app(), 'zero-trust');
const mesh = MeshTesting.of(chart);
const shop = MeshRequest.get('http://shop.example/');
const alice = { iss: ISSUER, sub: 'alice', aud: 'shop' };

test('only those calls are possible that the code allows', () => {
  const allowed = mesh.accessMatrix({ path: '/entries/7', claims: alice }).entries.filter((entry) => entry.allowed);
  expect(allowed.map(({ from, to }) => `${from} → ${to}`)).toEqual([
    'orders-v1.shop → ledger.shop.svc.cluster.local',
    'web-v1.shop → orders.shop.svc.cluster.local',
  ]);
});

test('customers come in with a token of the right issuer for the shop', () => {
  mesh.send(shop.withClaims(alice)).expectTarget(chart.web);
});

test.each([
  ['no token', shop, 403],
  ['a token for somebody else', shop.withClaims({ ...alice, aud: 'bank' }), 403],
  ['a token that was made up', shop.header('authorization', 'Bearer made.up.token'), 401],
])('customers with %s do not', (_case, request, status) => {
  mesh.send(request).expectDenied().expectStatus(status);
});

test('orders reads and writes entries of the ledger, and nothing else there', () => {
  const send = (request: MeshRequest) => mesh.send(request, { from: chart.orders });
  send(MeshRequest.get('http://ledger:8080/entries/7')).expectTarget(chart.ledger);
  send(MeshRequest.post('http://ledger:8080/entries')).expectTarget(chart.ledger);
  send(MeshRequest.of('DELETE', 'http://ledger:8080/entries/7')).expectDenied();
  send(MeshRequest.get('http://ledger:8080/metrics')).expectDenied();
  send(MeshRequest.get('http://ledger:8080/entries/admin/close')).expectDenied();
});

test('mutual TLS everywhere breaks nothing', () => {
  expect(mesh.brokenByStrict({ claims: alice })).toEqual([]);
});

test('synthesizes', () => {
  expect(Testing.synth(chart)).toMatchSnapshot();
});
