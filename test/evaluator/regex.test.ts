import { fullMatch, globalReplace } from '../../src/evaluator/regex';

test.each<[string, string[], string[]]>([
  ['.*', ['', 'a'], []],
  ['.+', ['a'], ['']],
  ['/a', ['/a'], ['/ab', 'x/a']],
  ['/a.*', ['/a', '/ab'], ['/', 'x/a']],
  ['/a.+', ['/ab'], ['/a']],
  ['.*b', ['b', 'ab'], ['ba']],
  ['.*b.*', ['abc', 'b'], ['a']],
  ['^/a$', ['/a'], ['/a/']],
  ['a\\.b', ['a.b'], ['axb']],
  ['a\\.*', ['a', 'a..'], ['ab']],
  ['a|ab', ['a', 'ab'], ['b', 'abb']],
  ['(?i)jason', ['JASON'], ['jasonx']],
  ['a\\d', ['a1'], ['ad']],
  ['^(.*?;)?(user=jason)(;.*)?$', ['a=b;user=jason', 'user=jason;c'], ['user=jasonx']],
])('%s is matched in full', (pattern, yes, no) => {
  expect(yes.map(fullMatch(pattern))).toEqual(yes.map(() => true));
  expect(no.map(fullMatch(pattern))).toEqual(no.map(() => false));
});

test('what RE2 does not take is an error that names it', () => {
  expect(() => fullMatch('(?=a)')).toThrow('regex "(?=a)" is not RE2');
});

test.each([
  ['^/old/(.*)$', '/new/\\1', '/old/a', '/new/a'],
  ['b', '\\0\\0', '/abb', '/abbbb'],
  ['x*', '-', 'ab', '-a-b-'],
  ['a', '\\\\', 'ba', 'b\\'],
  ['a', '\\1', 'aa', 'aa'],
])('%s → %s rewrites %s to %s', (pattern, substitution, text, result) => {
  expect(globalReplace(pattern, substitution)(text)).toBe(result);
});
