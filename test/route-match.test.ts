import { HeaderMatch, HttpMethod, PathMatch, QueryParameterMatch, RouteMatch } from '../src';

const rendered = (match: RouteMatch) => JSON.parse(JSON.stringify(match._toKube()));

test.each([
  ['PathMatch.exactly', RouteMatch.http({ path: PathMatch.exactly('/a') }), { uri: { exact: '/a' } }],
  ['PathMatch.startsWith', RouteMatch.http({ path: PathMatch.startsWith('/a') }), { uri: { prefix: '/a' } }],
  ['PathMatch.matchesRegex', RouteMatch.http({ path: PathMatch.matchesRegex('/a[0-9]+') }), { uri: { regex: '/a[0-9]+' } }],
  ['ignoreCase', RouteMatch.http({ path: PathMatch.exactly('/a', { ignoreCase: true }) }), { uri: { exact: '/a' }, ignoreUriCase: true }],
  ['ignoreCase false', RouteMatch.http({ path: PathMatch.startsWith('/a', { ignoreCase: false }) }), { uri: { prefix: '/a' } }],
  ['HeaderMatch.valueIs', RouteMatch.http({ headers: [HeaderMatch.valueIs('End-User', 'jason')] }), { headers: { 'end-user': { exact: 'jason' } } }],
  ['HeaderMatch.valueIs empty', RouteMatch.http({ headers: [HeaderMatch.valueIs('x', '')] }), { headers: { x: { exact: '' } } }],
  ['HeaderMatch.valueStartsWith', RouteMatch.http({ headers: [HeaderMatch.valueStartsWith('x', 'a')] }), { headers: { x: { prefix: 'a' } } }],
  ['HeaderMatch.valueMatchesRegex', RouteMatch.http({ headers: [HeaderMatch.valueMatchesRegex('x', 'a|b')] }), { headers: { x: { regex: 'a|b' } } }],
  ['HeaderMatch.isPresent', RouteMatch.http({ headers: [HeaderMatch.isPresent('x')] }), { headers: { x: {} } }],
  ['HeaderMatch.negated', RouteMatch.http({ headers: [HeaderMatch.valueIs('x', 'a').negated(), HeaderMatch.isPresent('x')] }), { headers: { x: {} }, withoutHeaders: { x: { exact: 'a' } } }],
  ['HeaderMatch.negated twice', RouteMatch.http({ headers: [HeaderMatch.isPresent('x').negated().negated()] }), { headers: { x: {} } }],
  ['QueryParameterMatch.valueIs', RouteMatch.http({ queryParameters: [QueryParameterMatch.valueIs('Q', '')] }), { queryParams: { Q: { exact: '' } } }],
  ['QueryParameterMatch.valueStartsWith', RouteMatch.http({ queryParameters: [QueryParameterMatch.valueStartsWith('q', '1')] }), { queryParams: { q: { prefix: '1' } } }],
  ['QueryParameterMatch.valueMatchesRegex', RouteMatch.http({ queryParameters: [QueryParameterMatch.valueMatchesRegex('q', '.')] }), { queryParams: { q: { regex: '.' } } }],
  ['QueryParameterMatch.isPresent', RouteMatch.http({ queryParameters: [QueryParameterMatch.isPresent('q')] }), { queryParams: { q: {} } }],
  ['authority', RouteMatch.http({ authority: 'a.com:80' }), { authority: { exact: 'a.com:80' } }],
  ['port', RouteMatch.http({ port: 80 }), { port: 80 }],
])('%s', (_case, match, expected) => {
  expect(rendered(match)).toEqual(expected);
});

test.each(Object.values(HttpMethod))('method %s', (method) => {
  expect(rendered(RouteMatch.http({ method }))).toEqual({ method: { exact: method } });
});

test.each<[string, () => unknown, string]>([
  ['no condition', () => RouteMatch.http({}), 'MESH_MATCH_EMPTY: RouteMatch.http() needs at least one condition, got none; a route for all requests has no match'],
  ['empty lists of conditions', () => RouteMatch.http({ headers: [], queryParameters: [] }), 'MESH_MATCH_EMPTY: RouteMatch.http() needs at least one condition, got none; a route for all requests has no match'],
  ['two conditions on a header', () => RouteMatch.http({ headers: [HeaderMatch.isPresent('x'), HeaderMatch.valueIs('X', 'a')] }), 'MESH_MATCH_DUPLICATE: a match takes one condition per header, got "x" twice; use a regular expression'],
  ['two negated ones', () => RouteMatch.http({ headers: [HeaderMatch.isPresent('x').negated(), HeaderMatch.valueIs('x', 'a').negated()] }), 'MESH_MATCH_DUPLICATE: a match takes one condition per negated header, got "x" twice; use a regular expression'],
  ['two conditions on a parameter', () => RouteMatch.http({ queryParameters: [QueryParameterMatch.isPresent('x'), QueryParameterMatch.isPresent('x')] }), 'MESH_MATCH_DUPLICATE: a match takes one condition per query parameter, got "x" twice; use a regular expression'],
  ['a path without a slash', () => PathMatch.exactly('a'), 'MESH_PATH_INVALID: a path must begin with "/", got "a"; put "/" in front'],
  ['an empty prefix of the path', () => PathMatch.startsWith(''), 'MESH_PATH_INVALID: a path must begin with "/", got ""; put "/" in front'],
  ['a lookahead', () => PathMatch.matchesRegex('(?=a)'), 'MESH_REGEX_INVALID: a regular expression must be RE2 syntax, got "(?=a)": error parsing regexp: invalid or unsupported Perl syntax: `(?=`; write it as RE2 has it'],
  ['an empty expression', () => HeaderMatch.valueMatchesRegex('x', ''), 'MESH_REGEX_INVALID: a regular expression must be RE2 syntax, got "": it is empty; write it as RE2 has it'],
  ['a header without a name', () => HeaderMatch.isPresent(''), 'MESH_HEADER_INVALID: the name of a header may have letters, digits and !#$%&\'*+-.^_`|~, got ""; rename it'],
  ['a header with a blank', () => HeaderMatch.isPresent('a b'), 'MESH_HEADER_INVALID: the name of a header may have letters, digits and !#$%&\'*+-.^_`|~, got "a b"; rename it'],
  ['an empty prefix', () => HeaderMatch.valueStartsWith('x', ''), 'MESH_MATCH_EMPTY: a prefix must have at least one character, got ""; use isPresent() for any value'],
  ['a parameter without a name', () => QueryParameterMatch.isPresent(''), 'MESH_QUERY_NAME: the name of a query parameter must not be empty, got ""; give one'],
  ['port 0', () => RouteMatch.http({ port: 0 }), 'MESH_PORT_INVALID: port must be a whole number from 1 to 65535, got 0; choose one in that range'],
])('rejects %s', (_case, make, message) => {
  expect(make).toThrow(new Error(message));
});

test('an expression may have 1024 characters, not one more', () => {
  expect(() => PathMatch.matchesRegex('a'.repeat(1024))).not.toThrow();
  expect(() => PathMatch.matchesRegex('a'.repeat(1025))).toThrow('it has 1025 characters, Istio takes 1024');
});
