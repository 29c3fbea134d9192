import { Testing } from 'cdk8s';
import { MeshRequest, MeshTesting, PathMatch, Rewrite, RouteMatch, RouteTarget } from '../src';
import { prefix, reviewsWithCaller } from './support/reviews';
import { only } from './support/synth';

/** The path and host that the target sees. */
function seen(rewrite: Rewrite, match: RouteMatch[] | undefined, path: string) {
  const { chart, front, reviews, v1 } = reviewsWithCaller();
  reviews.addRoute('all', { match, rewrite, targets: [RouteTarget.to(v1)] });
  const result = MeshTesting.of(chart).send(MeshRequest.get(`http://reviews:9080${path}`), { from: front }).expectTarget(v1);
  return [result.path, result.host];
}

test.each<[string, Rewrite, string, string]>([
  ['a prefix is stripped with its slash', Rewrite.stripPrefix('/api'), '/api/x/y', '/x/y'],
  ['a prefix that is all leaves the root', Rewrite.stripPrefix('/api'), '/api', '/'],
  ['so it does with a slash at its end', Rewrite.stripPrefix('/api/'), '/api/', '/'],
  ['slashes are not doubled', Rewrite.stripPrefix('/api'), '/api//x', '/x'],
  ['a longer name is not a prefix', Rewrite.stripPrefix('/api'), '/apix', '/apix'],
  ['the query stays', Rewrite.stripPrefix('/api'), '/api?q=/api/x', '/?q=/api/x'],
  ['only the beginning counts', Rewrite.stripPrefix('/api'), '/x/api/y', '/x/api/y'],
  ['a dot is a dot', Rewrite.stripPrefix('/v1.0'), '/v1x0/y', '/v1x0/y'],
  ['a prefix is replaced', Rewrite.replacePrefix('/api', '/v1/'), '/api/x', '/v1/x'],
  ['a prefix that is all is replaced', Rewrite.replacePrefix('/api', '/v1'), '/api', '/v1'],
  ['a longer name is not replaced', Rewrite.replacePrefix('/api', '/v1'), '/apix', '/apix'],
  ['a backslash means itself, which the target\'s proxy reads as a slash', Rewrite.replacePrefix('/api', '/a\\1'), '/api/x', '/a/1/x'],
  ['a prefix is added', Rewrite.addPrefix('/v1'), '/x', '/v1/x'],
  ['a prefix is added to the root', Rewrite.addPrefix('/v1/'), '/', '/v1/'],
  ['every path becomes one', Rewrite.path('/health'), '/a/b?c=d', '/health?c=d'],
  ['groups are kept', Rewrite.regex('^/users/([0-9]+)/(.*)$', '/\\2/\\1'), '/users/7/cart', '/cart/7'],
])('%s', (_case, rewrite, path, expected) => {
  expect(seen(rewrite, undefined, path)).toEqual([expected, 'reviews:9080']);
});

test('the host changes alone, and with the path', () => {
  expect(seen(Rewrite.host('books.internal'), undefined, '/x')).toEqual(['/x', 'books.internal']);
  expect(seen(Rewrite.stripPrefix('/api').withHost('books.internal:8080'), [prefix('/api')], '/api/x')).toEqual(['/x', 'books.internal:8080']);
});

test('a prefix is found in any case where the match ignores case', () => {
  const match = [RouteMatch.http({ path: PathMatch.startsWith('/api', { ignoreCase: true }) })];
  expect(seen(Rewrite.stripPrefix('/api'), match, '/API/x')).toEqual(['/x', 'reviews:9080']);
});

test('renders a regular expression, so that Istio replaces what is meant, and renders the same twice', () => {
  const { chart, reviews, v1 } = reviewsWithCaller();
  reviews.addRoute('api', { match: [RouteMatch.http({ path: PathMatch.under('/api') })], rewrite: Rewrite.stripPrefix('/api'), targets: [RouteTarget.to(v1)] });
  expect(only(chart, 'VirtualService').spec.http[0]).toMatchObject({ match: [{ uri: { regex: '/api(/.*)?' } }], rewrite: { uriRegexRewrite: { match: '^/api(/+|$)', rewrite: '/' } } });
  expect(Testing.synth(chart)).toEqual(Testing.synth(chart));
});

test.each<[string, string, boolean]>([
  ['the path itself', '/api', true], ['the path with a slash', '/api/', true], ['what is below', '/api/x', true], ['not a longer name', '/apix', false],
])('PathMatch.under() takes %s', (_case, path, taken) => {
  const { chart, front, reviews, v1, v2 } = reviewsWithCaller();
  reviews.addRoute('api', { match: [RouteMatch.http({ path: PathMatch.under('/api') })], targets: [RouteTarget.to(v2)] });
  reviews.addRoute('rest', { targets: [RouteTarget.to(v1)] });
  MeshTesting.of(chart).send(MeshRequest.get(`http://reviews:9080${path}`), { from: front }).expectTarget(taken ? v2 : v1);
});

test.each<[string, () => unknown, string]>([
  ['the root as prefix', () => Rewrite.stripPrefix('/'), 'MESH_PATH_INVALID: Rewrite.stripPrefix() needs a path below "/", got "/"; add the first segment'],
  ['a path without slash', () => Rewrite.path('x'), 'MESH_PATH_INVALID: a path must begin with "/", got "x"; put "/" in front'],
  ['the root as replacement', () => Rewrite.replacePrefix('/a', '/'), 'MESH_PATH_INVALID: Rewrite.replacePrefix() needs a path below "/", got "/"; add the first segment'],
  ['the root as path to be under', () => PathMatch.under('/'), 'MESH_PATH_INVALID: PathMatch.under() needs a path below "/", got "/"; leave the path away for all'],
  ['a group that is not there', () => Rewrite.regex('^/(?:a|b)/(c)', '\\2'), 'MESH_REWRITE_INVALID: a substitution may name the 1 groups of "^/(?:a|b)/(c)" as \\1 and so on, got "\\2"; write a backslash as \\\\'],
  ['a lone backslash', () => Rewrite.regex('a', '\\'), 'MESH_REWRITE_INVALID: a substitution may name the 0 groups of "a" as \\1 and so on, got "\\"; write a backslash as \\\\'],
  ['a wildcard as host', () => Rewrite.host('*.a.com'), 'MESH_HOST_INVALID: the host of a rewrite must be one name, got "*.a.com"; write it without scheme, port and path'],
])('rejects %s', (_case, make, message) => {
  expect(make).toThrow(new Error(message));
});

test.each([[PathMatch.exactly('/apix')], [PathMatch.startsWith('/other')]])('rejects a prefix that the route never has', (path) => {
  const { reviews, v1 } = reviewsWithCaller();
  const add = () => reviews.addRoute('a', { match: [RouteMatch.http({ path })], rewrite: Rewrite.stripPrefix('/api'), targets: [RouteTarget.to(v1)] });
  expect(add).toThrow('[test/reviews] MESH_REWRITE_INVALID: the rewrite of route "a" must be for paths that it takes, got the prefix "/api" for {');
});
