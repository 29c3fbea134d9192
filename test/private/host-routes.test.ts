import { Construct, RootConstruct } from 'constructs';
import * as fc from 'fast-check';
import { HostRoutes } from '../../src/private/host-routes';
import type { HttpRule } from '../../src/private/http-rule';
import { match, matches, request, type Request } from '../support/http-requests';

const alternatives = fc.option(fc.array(match, { minLength: 1, maxLength: 2 }), { nil: undefined });
const routes = fc.array(fc.record({ match: alternatives, priority: fc.constantFrom(0, 1) }), { minLength: 1, maxLength: 4 });
const faults = fc.array(alternatives, { minLength: 1, maxLength: 2 });

const taken = (rules: HttpRule[], one: Request) => rules.find((rule) => rule.match?.some((alternative) => matches(alternative, one)) ?? true);
const targetOf = (rule: HttpRule | undefined) => rule?.route?.[0].destination?.host;

/** The rules of one host with these routes, each leading to a host of its own, and these faults, each of a delay of its own. */
function host(given: { match?: any[]; priority: number }[], struck: (any[] | undefined)[] = []) {
  const root = new RootConstruct();
  const hostRoutes = new HostRoutes('host');
  given.forEach((route, index) => hostRoutes.addRoute(root, `r${index}`, route.priority, {
    name: `r${index}`, match: route.match, route: [{ destination: { host: `h${index}` } }],
  }));
  const owners = struck.map((alternative, index) => {
    const owner = new Construct(root, `f${index}`);
    hostRoutes.addFault(owner, alternative, { delay: { fixedDelay: `${index}s`, percentage: { value: 100 } } }, false);
    return owner;
  });
  return { rules: hostRoutes.render(), findings: owners.flatMap((owner) => owner.node.validate()) };
}

test('a fault hits the requests that it is for, none else, and moves none', () => {
  let [hit, missed] = [0, 0];
  fc.assert(fc.property(routes, faults, fc.array(request, { minLength: 5, maxLength: 5 }), (given, struck, requests) => {
    const { rules, findings } = host(given, struck);
    if (findings.some((text) => text.startsWith('MESH_FAULT_MATCH'))) return;
    for (const one of requests) {
      const rule = taken(rules, one);
      expect(targetOf(rule)).toBe(targetOf(taken(host(given).rules, one)));
      if (rule === undefined) continue;
      const meant = struck.some((alternative) => alternative?.some((theirs) => matches(theirs, one)) ?? true);
      expect(rule.fault !== undefined).toBe(meant);
      if (meant) hit++;
      else missed++;
    }
  }), { numRuns: 600, seed: 11 });
  expect([hit > 200, missed > 200]).toEqual([true, true]);
});

test('the order in which routes and faults are written has no meaning', () => {
  fc.assert(fc.property(routes, (given) => {
    const named = given.map((route, index) => ({ ...route, index }));
    const byName = (list: typeof named) => {
      const hostRoutes = new HostRoutes('host');
      const root = new RootConstruct();
      list.forEach((route) => hostRoutes.addRoute(root, `r${route.index}`, route.priority, { name: `r${route.index}`, match: route.match }));
      return hostRoutes.render().map((rule) => rule.name);
    };
    expect(byName([...named].reverse())).toEqual(byName(named));
  }), { numRuns: 500, seed: 11 });
});

test('a route is reported as covered only if no request reaches it', () => {
  let reported = 0;
  fc.assert(fc.property(routes, fc.array(request, { minLength: 20, maxLength: 20 }), (given, requests) => {
    const root = new RootConstruct();
    const hostRoutes = new HostRoutes('host');
    const single = given.map((route) => ({ ...route, match: route.match?.slice(0, 1) }));
    single.forEach((route, index) => hostRoutes.addRoute(root, `r${index}`, route.priority, { name: `r${index}`, match: route.match }));
    const covered = root.node.validate().map((text) => /^MESH_RULE_UNREACHABLE: route "(r\d)"/.exec(text)?.[1]);
    reported += covered.length;
    for (const one of requests) expect(covered).not.toContain(taken(hostRoutes.render(), one)?.name);
  }), { numRuns: 500, seed: 11 });
  expect(reported).toBeGreaterThan(100);
});
