import fc from 'fast-check';
import { bySpecificity, hostsIntersection, hostsMatch, hostSubsetOf, isWildcard, mostSpecificHost } from '../../src/model/hosts';

/** Hosts over a small alphabet, so that random pairs overlap often. */
const label = fc.constantFrom('a', 'b', 'ab');
const exact = fc.array(label, { minLength: 1, maxLength: 3 }).map(labels => labels.join('.'));
const host = fc.oneof(exact, exact.map(each => `*.${each}`), fc.constant('*'));

test.each([
  ['reviews.default.svc.cluster.local', 'reviews.default.svc.cluster.local', true],
  ['*.example.com', 'api.example.com', true],
  ['api.example.com', '*.example.com', true],
  ['*.example.com', 'example.com', false],
  ['*.com', '*.example.com', true],
  ['*.example.com', '*.example.org', false],
  ['*', 'anything', true],
  ['*', '*', true],
])('%s and %s overlap: %s', (a, b, overlap) => {
  expect(hostsMatch(a, b)).toBe(overlap);
});

test.each([
  ['api.example.com', '*.example.com', true],
  ['*.example.com', 'api.example.com', false],
  ['*.api.example.com', '*.example.com', true],
  ['*.com', '*.example.com', false],
  ['*', '*.com', false],
  ['*.com', '*', true],
])('every name of %s is one of %s: %s', (a, b, covered) => {
  expect(hostSubsetOf(a, b)).toBe(covered);
});

test('hosts common to two lists are the more specific of each pair, once', () => {
  expect(hostsIntersection(['*.example.com', 'a.org'], ['api.example.com', '*.org', 'api.example.com', '*'])).toEqual(['api.example.com', '*.example.com', 'a.org']);
});

test('the most specific rule speaks for a host', () => {
  const rules = new Set(['*', '*.example.com', '*.api.example.com', 'one.api.example.com']);
  expect(mostSpecificHost('one.api.example.com', rules)).toBe('one.api.example.com');
  expect(mostSpecificHost('TWO.api.example.com', rules)).toBe('*.api.example.com');
  expect(mostSpecificHost('example.com', rules)).toBe('*');
  expect(mostSpecificHost('example.com', new Set(['*.org']))).toBeUndefined();
});

test('overlap is symmetric, and holds between a host and all that it covers', () => {
  fc.assert(fc.property(host, host, (a, b) => {
    expect(hostsMatch(a, b)).toBe(hostsMatch(b, a));
    if (hostSubsetOf(a, b)) expect(hostsMatch(a, b)).toBe(true);
  }));
});

test('covering is an order: reflexive, transitive, and antisymmetric', () => {
  fc.assert(fc.property(host, host, host, (a, b, c) => {
    expect(hostSubsetOf(a, a)).toBe(true);
    if (hostSubsetOf(a, b) && hostSubsetOf(b, c)) expect(hostSubsetOf(a, c)).toBe(true);
    if (hostSubsetOf(a, b) && hostSubsetOf(b, a)) expect(a).toBe(b);
  }));
});

test('an exact name is covered by the common hosts exactly when both lists cover it', () => {
  const hosts = fc.array(host, { maxLength: 4 });
  const covers = (list: readonly string[], name: string): boolean => list.some(each => hostSubsetOf(name, each));
  fc.assert(fc.property(hosts, hosts, exact, (a, b, name) => {
    expect(covers(hostsIntersection(a, b), name)).toBe(covers(a, name) && covers(b, name));
  }));
});

test('the rule that speaks for a host covers it, and none of the others is more specific', () => {
  fc.assert(fc.property(exact, fc.array(host), (name, rules) => {
    const chosen = mostSpecificHost(name, new Set(rules));
    const covering = rules.filter(rule => (isWildcard(rule) ? hostSubsetOf(name, rule) : rule === name)).sort(bySpecificity);
    expect(chosen).toBe(covering[0]);
  }));
});
