import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { Testing } from 'cdk8s';
import * as fc from 'fast-check';
import { prepareHeaderMatcher } from '../../src/evaluator/condition';
import { headerConditions } from '../../src/private/header-conditions';
import type { HttpMatch } from '../../src/private/http-match';
import { HeaderMatcherSchema } from '../../src/xds/gen/envoy/config/route/v3/route_components_pb';
import { match, matches, request, type Request } from '../support/http-requests';

const chart = Testing.chart();

/** How many of the lists a request meets, as Envoy looks at it. */
function met(lists: readonly (readonly object[])[], { path, method, headers }: Request): number {
  const facts = { path: `${path}?q=1`, method, authority: 'a', scheme: 'http', headers: new Map(Object.entries(headers)) } as never;
  return lists.filter((list) => list.every((each) => prepareHeaderMatcher(fromJson(HeaderMatcherSchema, each as JsonValue)).test(facts))).length;
}

test('a request that meets any alternative meets one list, others none', () => {
  const alternative = match.map(({ queryParams: _none, ...rest }): HttpMatch => rest);
  fc.assert(fc.property(fc.array(alternative, { minLength: 1, maxLength: 3 }), request, (alternatives, sent) => {
    expect(met(headerConditions(chart, alternatives), sent)).toBe(alternatives.some((each) => matches(each, sent)) ? 1 : 0);
  }), { numRuns: 2000, seed: 1 });
});

test('alternatives that never meet stay as they are', () => {
  expect(headerConditions(chart, [{ uri: { exact: '/a' } }, { uri: { exact: '/b' } }])).toEqual([
    [{ name: ':path', string_match: { safe_regex: { regex: '(?:/a)(\\?.*)?' } } }], [{ name: ':path', string_match: { safe_regex: { regex: '(?:/b)(\\?.*)?' } } }],
  ]);
});

test.each([[7, true], [8, false]])('%i alternatives of two conditions that all overlap: taken is %s', (count, taken) => {
  const alternatives = Array.from({ length: count }, (_each, index): HttpMatch => ({ headers: { [`a${index}`]: { exact: '1' }, [`b${index}`]: { exact: '1' } } }));
  const made = () => headerConditions(chart, alternatives);
  if (taken) expect(made()).toHaveLength(127);
  else expect(made).toThrow(new Error('[test] MESH_MATCH_UNSUPPORTED: alternatives of match must overlap in fewer ways, got more than 128; write them so that a request meets one'));
});
