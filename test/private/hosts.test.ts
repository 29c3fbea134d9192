import { hostsMatch, widestHosts } from '../../src/private/hosts';

test.each([
  ['a.com', 'a.com', true], ['a.com', 'A.com', true], ['a.com', 'b.com', false],
  ['*', 'a.com', true], ['*.a.com', 'x.a.com', true], ['*.a.com', 'a.com', false], ['*.a.com', 'x.y.a.com', true],
  ['*.a.com', '*.x.a.com', true], ['*.a.com', '*.b.com', false], ['*', '*.a.com', true],
])('%s and %s can mean one request: %s', (a, b, expected) => {
  expect([hostsMatch(a, b), hostsMatch(b, a)]).toEqual([expected, expected]);
});

test('of hosts that cover others only the wide ones stay', () => {
  expect(widestHosts(['x.a.com', '*.a.com', 'b.com', 'b.com', '*.x.a.com'])).toEqual(['*.a.com', 'b.com']);
  expect(widestHosts(['b.com', '*'])).toEqual(['*']);
});
