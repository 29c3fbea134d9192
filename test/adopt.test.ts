import { Testing } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { MeshPort, MeshRequest, MeshService, MeshTesting, RouteTarget } from '../src';
import { all, failures, only } from './support/synth';

/** A Deployment and a Service that know nothing of a mesh. */
function there(name?: string, port: number = 9080) {
  const chart = Testing.chart();
  const deployment = new kplus.Deployment(chart, 'old', { metadata: { name: 'old-reviews' }, containers: [{ image: 'reviews', portNumber: port }] });
  const service = new kplus.Service(chart, 'service', { metadata: { name: 'reviews' }, selector: deployment, ports: [{ port, name }] });
  return { chart, deployment, service };
}
const ports = [MeshPort.http(9080)];

test('a Service that is there stays as it is, and gets versions and routes', () => {
  const { chart, deployment, service } = there('http');
  const before = only(chart, 'Service');
  const reviews = MeshService.fromService(chart, 'reviews', service, { ports });
  const v1 = reviews.addVersionFrom('v1', deployment);
  reviews.addRoute('all', { targets: [RouteTarget.to(v1)] });
  expect(only(chart, 'Service')).toEqual(before);
  expect(only(chart, 'DestinationRule').spec).toEqual({ host: 'reviews', subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
  expect([reviews.name, reviews.service === service, all(chart, 'ServiceAccount').map(({ metadata }) => metadata.name)]).toEqual(['reviews', true, ['reviews']]);
  MeshTesting.of(chart).send(MeshRequest.get('http://reviews:9080/'), { from: reviews }).expectTarget(v1);
  expect(failures(chart)).toEqual([]);
  expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
});

test.each<[string, string | undefined, number, string]>([
  ['a port without a name', undefined, 9080, 'MESH_PORT_NAME: port 9080 of test/service must be named "http", or begin with "http-", got no name; Istio reads the protocol from it'],
  ['a name of another protocol', 'tcp-web', 9080, 'MESH_PORT_NAME: port 9080 of test/service must be named "http", or begin with "http-", got "tcp-web"; Istio reads the protocol from it'],
  ['other ports', 'http', 80, 'MESH_PORT_UNKNOWN: ports must be those that test/service has (80), got 9080'],
])('rejects %s', (_case, name, port, message) => {
  const { chart, service } = there(name, port);
  expect(() => MeshService.fromService(chart, 'reviews', service, { ports })).toThrow(new Error(`[test/reviews] ${message}`));
});
