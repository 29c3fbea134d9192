import { Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { Gateways } from '../main';

const chart = new Gateways(Testing.app(), 'gateways');
const mesh = MeshTesting.of(chart);
const ask = (url: string) => mesh.send(MeshRequest.get(url));

test('plain HTTP to the shop is redirected to HTTPS, path and query included', () => {
  ask('http://shop.example/cart?item=1').expectRedirect('https://shop.example/cart?item=1').expectStatus(301);
});

test('the shop answers by HTTPS', () => {
  ask('https://shop.example/').expectTarget(chart.shop);
});

test('partners without a certificate do not come in', () => {
  const result = ask('https://partners.example/orders');
  expect(result.outcome).toBe('failed');
  expect(result.trace()).toContain('it asks for a certificate, and the caller shows none');
});

test('TLS for the vault passes through to it', () => {
  ask('https://vault.example/').expectTarget(chart.vault);
});

test('the certificate of partners must be one of the two', () => {
  const [{ spec }] = Testing.synth(chart).filter(({ kind }) => kind === 'Gateway');
  expect(spec.servers.map(({ tls }: any) => tls)).toEqual([
    { httpsRedirect: true },
    { mode: 'SIMPLE', credentialName: 'shop-cert', minProtocolVersion: 'TLSV1_3' },
    { mode: 'MUTUAL', credentialName: 'partners-cert', subjectAltNames: ['bakery.example', 'dairy.example'] },
    { mode: 'PASSTHROUGH' },
  ]);
});

test('a host that nobody serves gets no answer from the mesh', () => {
  expect(ask('https://other.example/').outcome).toBe('failed');
});

test('synthesizes', () => {
  expect(Testing.synth(chart)).toMatchSnapshot();
});
