import { ApiObject, Duration, Testing } from 'cdk8s';
import { IstioVersion, Mesh, MeshPort, MeshService, PathMatch, Redirect, RetryOn, RetryPolicy, RouteMatch, RouteTarget } from '../src';
import { failures } from './support/synth';
import { ABSENT, OLDER } from '../src/analysis/schema/generated/since';
import { absentIn } from '../src/analysis/schema/since';
import { resourcesOf } from '../src/model/parse';

function withReviews(version: string) {
  const chart = Testing.chart();
  new Mesh(chart, 'mesh', { istioVersion: IstioVersion.of(version) });
  const reviews = new MeshService(chart, 'reviews', { ports: [MeshPort.http(9080)] });
  reviews.addVersion('v1', { containers: [{ image: 'x' }] });
  return { chart, reviews };
}

test.each([
  ['1.22', ['got a field that came after 1.25']],
  ['1.25', ['got a field that came after 1.25']],
  ['1.26', []],
  ['1.31', []],
  ['1.40', []],
])('for Istio %s: a retry with a backoff', (version, expected) => {
  const { chart, reviews } = withReviews(version);
  reviews.addRoute('all', { retry: RetryPolicy.on([RetryOn.RESET], { attempts: 1, backoff: Duration.millis(25) }), targets: [RouteTarget.to(reviews)] });
  expect(failures(chart)).toEqual(expected.map((got) =>
    `[test/reviews] MESH_ISTIO_VERSION: VirtualService/default/reviews spec.http[0].retries.backoff: must be known to the target, Istio ${version}, ${got}; leave it away, or raise istioVersion of the Mesh`));
});

test('a release whose CRDs were not looked at is judged by the one before it', () => {
  const { chart, reviews } = withReviews('1.30');
  reviews.addRoute('all', { targets: [RouteTarget.to(reviews)] });
  reviews.addRedirect('old', { match: [RouteMatch.http({ path: PathMatch.startsWith('/old') })], redirect: Redirect.toPrefix('/new') });
  expect(failures(chart)).toEqual([expect.stringContaining('spec.http[0].redirect.prefixRewrite: must be known to the target, Istio 1.30, got a field that came after 1.29')]);
});

test.each<[string, string, string, string, object, string]>([
  ['a value', 'networking.istio.io/v1', 'ServiceEntry', '1.27', { hosts: ['*.example.com'], ports: [{ number: 443, name: 'tls', protocol: 'TLS' }], resolution: 'DYNAMIC_DNS' },
    'spec.resolution: must be known to the target, Istio 1.27, got the value DYNAMIC_DNS that came after 1.27'],
  ['a field of a map', 'telemetry.istio.io/v1', 'Telemetry', '1.28', { tracing: [{ customTags: { a: { formatter: { value: '%PROTOCOL%' } } } }] },
    'spec.tracing[0].customTags.a.formatter: must be known to the target, Istio 1.28, got a field that came after 1.28'],
  ['a kind', 'extensions.istio.io/v1alpha1', 'TrafficExtension', '1.29', { lua: { inlineCode: '' } },
    'TrafficExtension/default/x: must be known to the target, Istio 1.29, got TrafficExtension that came after 1.29'],
])('by hand too: %s', (_case, apiVersion, kind, version, spec, expected) => {
  const { chart } = withReviews(version);
  new ApiObject(chart, 'x', { apiVersion, kind, metadata: { name: 'x' }, spec });
  expect(failures(chart).filter((line) => line.startsWith('[test/x] MESH_ISTIO_VERSION'))).toEqual([expect.stringContaining(expected)]);
});

const entries = Object.entries(ABSENT)
  .flatMap(([kind, paths]) => Object.entries(paths).map(([path, last]): [string, string, number] => [kind, path, last]));

test.each(entries)('%s %s is in no release up to 1.%i', (group, path, last) => {
  const [api, kind] = group.split('/');
  const [field, value] = path.split('=');
  const leaf: unknown = value ?? 'x';
  const spec = field.split(/(?=\.|\[\]|\{\})/).slice(1).reduceRight((inner, part) => (
    part === '[]' ? [inner] : part === '{}' ? { key: inner } : { [part.slice(1)]: inner }), leaf);
  const apiVersion = `${api}/${api.startsWith('ext') ? 'v1alpha1' : 'v1'}`;
  const resources = resourcesOf([{ apiVersion, kind, metadata: { name: 'x' }, spec }]);
  const absent = (minor: number) => absentIn(minor, resources).map(({ code }) => code);
  const next = OLDER.find((minor) => minor > last) ?? 31;
  expect([absent(OLDER[0]), absent(last), absent(next)]).toEqual([['MESH_ISTIO_VERSION'], ['MESH_ISTIO_VERSION'], []]);
});
