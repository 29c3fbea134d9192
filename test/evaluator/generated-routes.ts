import * as fc from 'fast-check';

/** Virtual hosts and requests in a small world, so that rules meet requests often. JSON in Envoy's own form. */
const PATHS = ['/', '/a', '/ab', '/a/b', '/A/b', '/api/v1', '/a.b'];
const VALUES = ['', 'a', 'ab', 'A', 'jason', 'bob', 'a.b', '5'];
const REGEXES = ['.*', '/a.*', '/[ab]+', '.*b', '/a', '(?i)/A.*', '/a|/b', '/a.+', '^/a$', '/a\\.b', 'a|jason', '[a-z]+', 'j.*n', '.+'];
const HEADERS = ['x-a', 'x-b', ':method', ':authority', ':path'];

const pathSpecifier = fc.oneof(
  fc.constantFrom(...PATHS).map(prefix => ({ prefix })),
  fc.constantFrom(...PATHS).map(path => ({ path })),
  fc.constantFrom(...REGEXES).map(regex => ({ safe_regex: { regex } })),
  fc.constantFrom('/a', '/a/b', '/api').map(prefix => ({ path_separated_prefix: prefix })),
);
const stringMatch = fc.record({
  pattern: fc.oneof(
    fc.constantFrom(...VALUES).map(exact => ({ exact })),
    fc.constantFrom('a', 'ja', 'A').map(prefix => ({ prefix })),
    fc.constantFrom('b', 'n').map(suffix => ({ suffix })),
    fc.constantFrom('a', 's', '.').map(contains => ({ contains })),
    fc.constantFrom(...REGEXES).map(regex => ({ safe_regex: { regex } })),
  ),
  ignore: fc.boolean(),
}).map(({ pattern, ignore }) => ({ ...pattern, ...(ignore && !('safe_regex' in pattern) && { ignore_case: true }) }));
const header = fc.record({
  name: fc.constantFrom(...HEADERS),
  match: fc.oneof(
    stringMatch.map(string_match => ({ string_match })),
    fc.boolean().map(present_match => ({ present_match })),
    fc.constant({ range_match: { start: '1', end: '9' } }),
  ),
  invert: fc.boolean(),
  orEmpty: fc.boolean(),
}).map(({ name, match, invert, orEmpty }) => ({
  name,
  ...match,
  ...(invert && { invert_match: true }),
  ...(orEmpty && !('present_match' in match) && { treat_missing_header_as_empty: true }),
}));
const query = fc.record({
  name: fc.constantFrom('q', 'r'),
  match: fc.oneof(stringMatch.map(string_match => ({ string_match })), fc.boolean().map(present_match => ({ present_match }))),
}).map(({ name, match }) => ({ name, ...match }));
const match = fc.record({
  path: pathSpecifier,
  caseSensitive: fc.boolean(),
  headers: fc.array(header, { maxLength: 2 }),
  queries: fc.array(query, { maxLength: 1 }),
}).map(({ path, caseSensitive, headers, queries }) => ({
  ...path,
  ...('safe_regex' in path ? {} : { case_sensitive: caseSensitive }),
  headers,
  query_parameters: queries,
}));

const option = (side: string) => fc.record({
  key: fc.constantFrom('x-out', 'x-a', 'x-other'),
  value: fc.constantFrom('one', 'two', '50%%', '%REQ(x-b)%', '%REQ(x-none?x-a):2%'),
  action: fc.constantFrom('APPEND_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS'),
}).map(({ key, value, action }) => ({
  header: { key, value: side === 'response' && value.includes('REQ') ? 'three' : value },
  append_action: action,
}));
const headerChanges = fc.record({
  request_headers_to_add: fc.uniqueArray(option('request'), { maxLength: 2, selector: ({ header: { key } }) => key }),
  request_headers_to_remove: fc.subarray(['x-a', 'x-out'], { maxLength: 1 }),
  response_headers_to_add: fc.uniqueArray(option('response'), { maxLength: 2, selector: ({ header: { key } }) => key }),
  response_headers_to_remove: fc.subarray(['x-up', 'x-out'], { maxLength: 1 }),
});
const rewrite = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constantFrom('/', '/new', '/new/').map(prefix_rewrite => ({ prefix_rewrite })) },
  {
    weight: 1,
    arbitrary: fc.record({
      regex: fc.constantFrom('^/(a)(/?)', 'b', '[ab]*', '/'),
      substitution: fc.constantFrom('/x\\1', '\\0\\0', '/'),
    }).map(({ regex, substitution }) => ({ regex_rewrite: { pattern: { regex }, substitution } })),
  },
);
const clusterName = fc.constantFrom('up0', 'up1');
const cluster = fc.oneof(
  clusterName.map(name => ({ cluster: name })),
  fc.tuple(clusterName, headerChanges, fc.boolean()).map(([name, changes, host]) => ({
    // One entry has all the weight, so that no draw decides.
    weighted_clusters: {
      clusters: [
        { name: 'up0', weight: 0 },
        { name, weight: 7, ...changes, ...(host && { host_rewrite_literal: 'weighted.host' }) },
      ],
    },
  })),
);
const host = fc.constantFrom({}, {}, { host_rewrite_literal: 'rewritten.host' }, { host_rewrite_header: 'x-b' });
const action = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(cluster, rewrite, host).map(([a, b, c]) => ({ route: { ...a, ...b, ...c, timeout: '5s' } })) },
  { weight: 1, arbitrary: fc.constantFrom(200, 418, 503).map(status => ({ direct_response: { status, body: { inline_string: `direct ${status}` } } })) },
  {
    weight: 1,
    arbitrary: fc.record({
      host: fc.constantFrom({}, { host_redirect: 'else.where' }),
      path: fc.constantFrom({}, { path_redirect: '/gone' }, { path_redirect: '/gone?x=1' }, { prefix_rewrite: '/moved' }),
      scheme: fc.constantFrom({}, { https_redirect: true }, { scheme_redirect: 'https' }),
      port: fc.constantFrom({}, { port_redirect: 8443 }),
      code: fc.constantFrom({}, { response_code: 'FOUND' }, { response_code: 'PERMANENT_REDIRECT' }),
      strip: fc.boolean(),
    }).map(({ strip, ...parts }) => ({ redirect: { ...Object.assign({}, ...Object.values(parts)) as object, ...(strip && { strip_query: true }) } })),
  },
);
const fault = fc.record({
  '@type': fc.constant('type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault'),
  'abort': fc.constantFrom<object>({ http_status: 555, percentage: { numerator: 100 } }, { grpc_status: 14, percentage: { numerator: 1000000, denominator: 'MILLION' } }, { http_status: 400 }),
});
const cors = fc.record({
  '@type': fc.constant('type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy'),
  'allow_origin_string_match': fc.constantFrom([{ exact: 'http://a' }], [{ exact: '*' }], [{ prefix: 'http://' }, { suffix: 'z' }]),
  'allow_methods': fc.constantFrom('', 'GET,POST'),
  'max_age': fc.constantFrom('', '600'),
  'expose_headers': fc.constantFrom('', 'x-up'),
  'allow_credentials': fc.boolean(),
  'forward_not_matching_preflights': fc.boolean(),
});
const filters = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fault.map(config => ({ 'envoy.filters.http.fault': config })) },
  { weight: 1, arbitrary: cors.map(config => ({ 'envoy.filters.http.cors': config })) },
);
const route = fc.tuple(match, action, filters, headerChanges, fc.boolean())
  .map(([m, a, f, changes, changed]) => ({ match: m, ...a, typed_per_filter_config: f, ...(changed && changes) }));

export const routes = fc.record({
  routes: fc.array(route, { minLength: 1, maxLength: 5 }),
  changes: fc.oneof(fc.constant({}), headerChanges),
}).map(({ routes: list, changes }) => ({ routes: list, ...changes }));

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const odd = fc.constantFrom('/a/../b', '/a/./b', '//a', '/a//b', '/%61', '/a%2Fb', '/a\\b', '/a/%2e%2e/b', '/a/..', '/..', '/a"b', '/a%zz', '/a;p=1/b', '/a%41%7E');

export const requests: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'POST', 'OPTIONS'),
  path: fc.tuple(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...PATHS, '/b', '/api', '/apis') }, { weight: 1, arbitrary: odd }),
    fc.constantFrom('', '', '?q=a', '?q=jason&q=b', '?r', '?r=&q', '?x=/../y')).map(([path, tail]) => path + tail),
  headers: fc.record({
    'x-a': fc.option(fc.constantFrom(...VALUES)),
    'x-b': fc.option(fc.constantFrom(...VALUES)),
    'origin': fc.option(fc.constantFrom('http://a', 'http://b', 'xyz'), { freq: 1 }),
    'access-control-request-method': fc.option(fc.constant('GET'), { freq: 1 }),
    'content-type': fc.option(fc.constant('application/grpc'), { freq: 6 }),
  }).map(values => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as Record<string, string>),
});
