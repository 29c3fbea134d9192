import { Duration, Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { ExternalServices } from '../main';

const chart = new ExternalServices(Testing.app(), 'external-services');
const mesh = MeshTesting.of(chart);
const ask = (url: string) => mesh.send(MeshRequest.get(url), { from: chart.orders });

test('rates are asked for by HTTP and leave the pod as TLS, twice more where the answer is bad', () => {
  ask('http://rates.example/eur').expectTarget(chart.rates).expectTimeout(Duration.seconds(3)).expectRetries(2);
  const [{ spec }] = Testing.synth(chart).filter(({ kind, metadata }) => kind === 'DestinationRule' && metadata.name === 'rates');
  expect(spec.trafficPolicy.portLevelSettings).toEqual([{ port: { number: 80 }, tls: { mode: 'SIMPLE', sni: 'rates.example', caCertificates: '/etc/ssl/certs/ca-certificates.crt' } }]);
});

test('payments go to the egress gateway, and from there to the provider', () => {
  expect(ask('http://pay.example/charge').distribution()).toEqual([{ target: 'egress/payments', percent: 100 }]);
});

test('every bucket can be reached, by TLS of the application', () => {
  ask('https://photos.storage.example/').expectTarget(chart.storage);
});

test('the mainframe is reached by its address', () => {
  ask('http://mainframe.internal:7000/').expectTarget(chart.mainframe);
});

test.each(['http://unknown.example/', 'https://unknown.example/'])('nothing else can be reached: %s', (url) => {
  expect(ask(url).outcome).not.toBe('routed');
});

test('synthesizes', () => {
  expect(Testing.synth(chart)).toMatchSnapshot();
});
