import { existsSync } from 'node:fs';
import { EXTENSIONS, MESH_CONFIG } from './istio-validation/extensions';
import { MESH } from './istio-validation/manifests';
import { REFERENCE, ruleRows } from './istio-validation/reference';
import { SERVICE_ENTRIES, SIDECARS, WORKLOADS } from './istio-validation/registry';
import { ACCESS, AUTHENTICATION } from './istio-validation/security';
import { DESTINATION_RULES, GATEWAYS, VIRTUAL_SERVICES } from './istio-validation/traffic';
import { analyzeResources } from '../../src/analysis';
import type { Finding } from '../../src/analysis';
import { parseManifests } from '../../src/model/parse';

const CASES = {
  ...GATEWAYS,
  ...DESTINATION_RULES,
  ...VIRTUAL_SERVICES,
  ...SERVICE_ENTRIES,
  ...SIDECARS,
  ...WORKLOADS,
  ...ACCESS,
  ...AUTHENTICATION,
  ...EXTENSIONS,
  ...MESH_CONFIG,
};

const findings = (yaml: string): Finding[] => {
  const { resources, errors } = parseManifests(MESH + yaml, 'f.yaml');
  return analyzeResources(resources, errors).filter(({ severity }) => severity !== 'info');
};

/** `E MESH_CODE`, or `W IST0130 MESH_CODE` where the code of Istio is not that of admission. */
function labelOf({ severity, istioCode, code }: Finding): string {
  const usual = severity === 'error' ? 'IST0106' : 'IST0133';
  return `${severity === 'error' ? 'E' : 'W'} ${istioCode === usual ? '' : `${istioCode ?? 'none'} `}${code}`;
}

const rows = existsSync(REFERENCE) ? ruleRows() : [];
const listed = rows.length === 0 ? test.skip : test;

listed('every rule of the list has its cases, and every case a rule (not run: the list is not beside the project)', () => {
  expect(Object.keys(CASES).sort()).toEqual(rows.map(({ name }) => name).sort());
});

listed.each(rows.map(({ name, level }): [string, string] => [name, level]))('severities of %s are those of the list', (name, level) => {
  const letters = [...new Set(CASES[name].bad.map(([expected]) => expected[0]))].sort();
  // Three rows tell their levels in words, and of one Istio only logs.
  if (/^[EW]/.test(level)) expect(letters).toEqual([...level.replace(/\(.*/, '').matchAll(/[EW]/g)].map(([letter]) => letter).sort());
});

test('nothing is wrong with the mesh of the cases', () => expect(findings('')).toEqual([]));

describe.each(Object.entries(CASES))('%s', (_name, { good, bad }) => {
  test.each(bad.map(([expected, yaml], index): [string, number, string] => [expected, index, yaml]))('%s (%s)', (expected, _index, yaml) => {
    const found = findings(yaml);
    expect(found.map(labelOf)).toContain(expected);
    const told = found.find(finding => labelOf(finding) === expected)!;
    expect(told).toMatchObject({ file: 'f.yaml', line: expect.any(Number), resource: expect.any(String), repair: expect.stringMatching(/./) });
  });

  test.each(good.map((yaml, index): [number, string] => [index, yaml]))('says nothing to what is right (%s)', (_index, yaml) => {
    // Each EnvoyFilter is doubted for being one; what is not compiled is no fault of the manifest.
    expect(findings(yaml).filter(({ code }) => code !== 'MESH_ENVOY_FILTER' && code !== 'MESH_FIELD_UNSUPPORTED')).toEqual([]);
  });
});
