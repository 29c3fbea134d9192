import { Chart, Duration, Testing } from 'cdk8s';
import {
  AuthorizationRule, EgressHosts, ExtAuthz, ExternalAuthorizer, Mesh, MeshPort, MeshService, RateLimit, RateLimitQuota, RateLimitService,
  SidecarScope, Telemetry, Tracing, TracingProvider,
} from '../../src';
import { analyzeManifests, textOf } from '../../src/analysis';
import { failures } from '../support/synth';

/** Somebody who is asked, by a service with a scope of these hosts. */
function findings(ask: (chart: Chart, mesh: Mesh, reviews: MeshService, asked: MeshService) => MeshService, known: boolean, scoped = true): string[] {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  const service = (name: string, namespace?: string) => {
    const made = new MeshService(chart, name, { ports: [MeshPort.grpc(9191)], namespace });
    made.addVersion('v1', { containers: [{ image: name }] });
    return made;
  };
  const [reviews, ratings, asked] = [service('reviews'), service('ratings'), service('asked', 'other')];
  const to = ask(chart, new Mesh(new Chart(Testing.app(), 'elsewhere'), 'mesh'), reviews, asked);
  if (scoped) new SidecarScope(chart, 'scope', { service: reviews, egress: [EgressHosts.service(ratings), ...known ? [EgressHosts.service(to)] : []] });
  return analyzeManifests([...Testing.synth(chart), ...meshConfig]).filter(({ code }) => code === 'MESH_PROVIDER_UNREACHABLE').map(textOf);
}
let meshConfig: any[] = [];
const provided = (mesh: Mesh): void => { meshConfig = Testing.synth(Chart.of(mesh)); };
beforeEach(() => { meshConfig = []; });

const CASES: Record<string, [Parameters<typeof findings>[0], string]> = {
  authorizer: [(chart, mesh, reviews, asked) => {
    new AuthorizationRule(chart, 'x', { to: reviews, authorizer: new ExternalAuthorizer(chart, 'opa', { mesh, ask: ExtAuthz.grpc(asked) }) });
    provided(mesh);
    return asked;
  }, 'the authorizer opa must be known to every proxy that asks it, got shop/reviews-v1, which knows no asked.other.svc.cluster.local:9191'],
  collector: [(chart, mesh, reviews, asked) => {
    new Telemetry(chart, 'x', { mesh, service: reviews, tracing: Tracing.to(TracingProvider.openTelemetry(asked)) });
    provided(mesh);
    return asked;
  }, 'the provider tracing must be known to every proxy that asks it, got shop/reviews-v1, which knows no asked.other.svc.cluster.local:9191'],
  quota: [(chart, _mesh, reviews) => {
    const service = new RateLimitService(chart, 'quotas', { redis: 'redis:6379', namespace: 'other' });
    new RateLimit(chart, 'x', { service: reviews, quota: RateLimitQuota.global({ service, requests: 1, per: Duration.seconds(1) }) });
    return service.service;
  }, 'a service that EnvoyFilter/shop/x names must be known to every proxy that asks it, got shop/reviews-v1, which knows no quotas.other.svc.cluster.local:8081'],
};

describe.each(Object.entries(CASES))('%s', (_name, [ask, message]) => {
  test('outside the scope of a proxy that asks', () => expect(findings(ask, false)).toEqual([expect.stringContaining(message)]));
  test('within it', () => expect(findings(ask, true)).toEqual([]));
  test('without any scope', () => expect(findings(ask, false, false)).toEqual([]));
});

test('a connection makes it known', () => {
  const chart = new Chart(Testing.app(), 'test', { namespace: 'shop' });
  const [reviews, opa, ratings] = ['reviews', 'opa', 'ratings'].map((name) => {
    const made = new MeshService(chart, name, { ports: [MeshPort.grpc(9191)] });
    made.addVersion('v1', { containers: [{ image: name }] });
    return made;
  }) as [MeshService, MeshService, MeshService];
  const mesh = new Mesh(chart, 'mesh');
  new AuthorizationRule(chart, 'x', { to: reviews, authorizer: new ExternalAuthorizer(chart, 'by-opa', { mesh, ask: ExtAuthz.grpc(opa) }) });
  reviews.connections.allowTo(ratings);
  expect(failures(chart)).toEqual([expect.stringMatching(/^\[test\/x\] MESH_PROVIDER_UNREACHABLE: .*; allow the connection, /)]);
  reviews.connections.allowTo(opa);
  expect(failures(chart)).toEqual([]);
});
