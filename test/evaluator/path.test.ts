import { normalizePath } from '../../src/evaluator';

const normalize = (path: string, mergeSlashes = false, escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward' = 'keep') =>
  normalizePath(path, { normalize: true, mergeSlashes, escapedSlashes });

test.each([
  ['/', '/'], ['/a/b.css?x=/../y', '/a/b.css?x=/../y'], ['/a/./b', '/a/b'], ['/a/../b', '/b'], ['/..', '/'], ['/a/..', '/'], ['/a/b/..', '/a/'],
  ['/a//b', '/a//b'], ['/%61', '/a'], ['/a%2Fb', '/a%2Fb'], ['/a/%2e%2E/b', '/b'], ['/a\\b', '/a/b'], ['/a"b', '/a%22b'], ['/.hidden', '/.hidden'],
  ['/a%zz', '/a%zz'], ['/a%7e', '/a~'], ['/a?%2e', '/a?%2e'],
])('%s becomes %s', (path, result) => {
  expect(normalize(path)).toEqual({ kind: 'path', path: result });
});

test('slashes are merged, and escaped ones treated, as configured', () => {
  expect(normalize('/a//b///c?d//e', true)).toEqual({ kind: 'path', path: '/a/b/c?d//e' });
  expect(normalize('/a%2Fb', false, 'forward')).toEqual({ kind: 'path', path: '/a/b' });
  expect(normalize('/a%2F..%5cb?c', false, 'forward')).toEqual({ kind: 'path', path: '/b?c' });
  expect(normalize('/a%2fb', false, 'reject')).toMatchObject({ kind: 'rejected', status: 400 });
  expect(normalize('/a%2fb?c', false, 'redirect')).toMatchObject({ kind: 'redirect', status: 307, location: '/a/b?c' });
  expect(normalize('/a%00b')).toMatchObject({ kind: 'rejected', status: 400 });
  expect(normalizePath('/a/../b', { normalize: false, mergeSlashes: false, escapedSlashes: 'keep' })).toEqual({ kind: 'path', path: '/a/../b' });
});
