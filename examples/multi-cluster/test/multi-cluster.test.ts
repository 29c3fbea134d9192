import { Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { Cluster } from '../main';

const east = new Cluster(Testing.app(), 'east');
const mesh = MeshTesting.of(east);

test('the shop gets its orders', () => {
  mesh.send(MeshRequest.get('http://orders:8080/'), { from: east.shop }).expectTarget(east.orders);
});

test('the door is for sidecars: whoever speaks TLS without the mesh does not come in', () => {
  const request = MeshRequest.get('https://outbound_.8080_._.orders.shop.svc.cluster.local:15443/');
  const result = mesh.send(request, { fromName: 'gateway:istio-eastwestgateway' });
  expect(result.outcome).toBe('failed');
  expect(result.trace()).toContain('application protocol is none of "istio"');
});

test('the door leads to every service of the mesh by the name in the handshake', () => {
  const [{ spec }] = Testing.synth(east).filter(({ kind }) => kind === 'Gateway');
  expect(spec.servers).toEqual([{ port: { number: 15443, name: 'tls', protocol: 'TLS' }, hosts: ['*.local'], tls: { mode: 'AUTO_PASSTHROUGH' } }]);
});

test('istiod finds the Secret of the other cluster', () => {
  const [secret] = Testing.synth(east).filter(({ kind }) => kind === 'Secret');
  expect(secret.metadata).toMatchObject({ name: 'istio-remote-secret-west', namespace: 'istio-system', labels: { 'istio/multiCluster': 'true' } });
});

test('synthesizes', () => {
  expect(Testing.synth(east)).toMatchSnapshot();
});
