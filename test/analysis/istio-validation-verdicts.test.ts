import { MESH } from './istio-validation/manifests';
import type { Verdict } from './istio-validation/verdicts';
import { VERDICTS } from './istio-validation/verdicts';
import { analyzeResources } from '../../src/analysis';
import { parseManifests } from '../../src/model/parse';

/** Our verdict, by what bears the code of Istio's admission; any EnvoyFilter is warned of. */
function verdictOn(yaml: string): { verdict: Verdict; told: readonly string[] } {
  const { resources, errors } = parseManifests(MESH + yaml, 'f.yaml');
  const told = analyzeResources(resources, errors).filter(({ istioCode }) => istioCode === 'IST0106' || istioCode === 'IST0133');
  const verdict = told.some(({ severity }) => severity === 'error') ? 'refused' : told.length > 0 ? 'warned' : 'taken';
  return { verdict, told: told.map(({ code, message }) => `${code}: ${message}`) };
}

const cases = Object.entries(VERDICTS).flatMap(([theme, list]) => list.map(
  ([verdict, yaml], index): [string, number, Verdict, string] => [theme, index, verdict, yaml]));

test.each(cases)('%s (%s): %s as by istiod', (_theme, _index, verdict, yaml) => {
  expect({ ...verdictOn(yaml), yaml }).toMatchObject({ verdict, yaml });
});
