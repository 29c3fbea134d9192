import { loadScenario, scenarioNames, XDS_TYPES } from './load';

const names = scenarioNames();
const golden = names.length > 0 ? describe : describe.skip;

golden(names.length > 0 ? 'recorded answers of istiod' : 'not run: ../shared/data/istiod-golden is absent', () => {
  test.each(names.length > 0 ? names : ['base'])('%s is read whole', (name) => {
    const scenario = loadScenario(name);
    expect(scenario?.resources.length).toBeGreaterThan(20);
    expect(scenario?.proxies.length).toBeGreaterThan(0);
    for (const proxy of scenario?.proxies ?? []) {
      expect(proxy.node.id.split('~')).toHaveLength(4);
      for (const type of XDS_TYPES) expect([type, proxy.expected[type].every(resource => typeof resource['@type'] === 'string')]).toEqual([type, true]);
      expect(proxy.expected.cds.length).toBeGreaterThan(0);
    }
  });

  test('a scenario replaces objects of base and takes what the API server assigned', () => {
    const resources = loadScenario('base')?.resources ?? [];
    const details = resources.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'details');
    expect(details?.spec.clusterIP).toBe('10.96.1.1');
    expect(details?.metadata.creationTimestamp).toBe('2026-01-01T00:00:10Z');
  });
});

test('a scenario that is not there is undefined', () => {
  expect(loadScenario('no-such-scenario')).toBeUndefined();
});
