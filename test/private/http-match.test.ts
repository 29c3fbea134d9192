import * as fc from 'fast-check';
import { both, compareMatches, covers, literalStart } from '../../src/private/http-match';
import { match, matches, related, request } from '../support/http-requests';

const runs = { numRuns: 4000, seed: 7 };

test('what covers a match takes each of its requests', () => {
  let seen = 0;
  fc.assert(fc.property(related, request, ([wide, narrow], one) => {
    if (!covers(wide, narrow) || !matches(narrow, one)) return;
    seen++;
    expect(matches(wide, one)).toBe(true);
  }), { ...runs, numRuns: 8000 });
  expect(seen).toBeGreaterThan(200);
});

test('a match covers itself, and all requests cover it', () => {
  fc.assert(fc.property(match, (one) => {
    expect([covers(one, one), covers({}, one)]).toEqual([true, true]);
  }), { ...runs, numRuns: 500 });
});

test('the match of both takes the requests that each takes, unless that cannot be said', () => {
  let said = 0;
  fc.assert(fc.property(fc.oneof(related, fc.tuple(match, match)), request, ([a, b], one) => {
    const together = both(a, b);
    if (together === 'unknown') return;
    said++;
    expect(together !== 'never' && matches(together, one)).toBe(matches(a, one) && matches(b, one));
  }), runs);
  expect(said).toBeGreaterThan(2000);
});

test('order does not depend on which of two comes first', () => {
  fc.assert(fc.property(match, match, (a, b) => {
    expect(Math.sign(compareMatches(a, b)) + Math.sign(compareMatches(b, a))).toBe(0);
  }), runs);
});

test.each([['/api/v[0-9]+', '/api/v'], ['/ab?', '/a'], ['/ab+', '/ab'], ['/a*', '/'], ['a|b', ''], ['.*', ''], ['/a{2}', '/'], ['', ''], ['/plain', '/plain']])(
  'each match of %s begins with "%s"', (regex, start) => {
    expect(literalStart(regex)).toBe(start);
  });
