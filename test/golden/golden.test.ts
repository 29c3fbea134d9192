import { createCompiler } from '../../src/compiler/compiler';
import { buildModel } from '../../src/model/model';
import { proxyFromNode } from '../../src/model/proxy';
import { differences } from './compare';
import { loadScenario, scenarioNames } from './load';

/** Scenarios in which every proxy must be sent exactly what istiod sends. `GOLDEN_ALL=1` reports on all others as well. */
const REQUIRED: readonly string[] = ['base'];

const available = scenarioNames();
const all = process.env.GOLDEN_ALL === '1' ? available : [];
const wanted = [...new Set([...REQUIRED.filter(name => available.includes(name)), ...all])];

if (available.length === 0) {
  test.skip('the compiler sends what istiod sends — not run: ../shared/data is absent', () => undefined);
} else {
  describe('the compiler sends what istiod sends', () => {
    test.each(wanted)('%s', (name) => {
      expect(report(name)).toEqual([]);
    });

    test('no required scenario is missing from the data', () => {
      expect(REQUIRED.filter(name => !available.includes(name))).toEqual([]);
    });
  });
}

function report(name: string): string[] {
  const scenario = loadScenario(name);
  if (scenario === undefined) return [`${name} is absent`];
  const model = buildModel(scenario.resources, { meshConfig: scenario.meshConfig });
  const compiler = createCompiler(model);
  return scenario.proxies.flatMap(proxy => differences(proxy, compiler.compile(proxyFromNode(proxy.node, model))).map(found => `${proxy.name}: ${found}`));
}
