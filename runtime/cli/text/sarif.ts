import type { Finding, Severity } from '../../../src/analysis';
import { CODES } from '../../../src/model/codes';

const LEVEL: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** Findings as SARIF 2.1.0 with all that code hosts ask for, which show them beside the lines. */
export function sarif(findings: readonly Finding[]): object {
  const codes = [...new Set(findings.map(finding => finding.code))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{
      tool: { driver: { name: 'cdk8s-mesh', rules: codes.map(id => ruleOf(id, findings)) } },
      columnKind: 'utf16CodeUnits',
      results: findings.map(finding => ({
        ruleId: finding.code,
        ruleIndex: codes.indexOf(finding.code),
        level: LEVEL[finding.severity],
        message: { text: `${finding.resource === undefined ? '' : `${finding.resource}: `}${finding.message}${finding.repair === undefined ? '' : `; ${finding.repair}`}` },
        locations: [location(finding)],
        properties: { istioCode: finding.istioCode, field: finding.field, path: finding.path },
      })),
    }],
  };
}

function ruleOf(id: string, findings: readonly Finding[]): object {
  const text = CODES[id] ?? id;
  const own = findings.filter(({ code }) => code === id);
  const istio = [...new Set(own.map(({ istioCode }) => istioCode).filter(code => code !== undefined))].sort();
  const whole = `${text}${istio.length === 0 ? '' : `; Istio: ${istio.join(', ')}`}`;
  return {
    id,
    shortDescription: { text },
    fullDescription: { text: whole },
    help: { text: `${whole}. Each finding names the place, the rule, the value received and a repair.` },
    // Findings come worst first.
    defaultConfiguration: { level: LEVEL[own[0].severity] },
    properties: { tags: ['istio', ...istio] },
  };
}

/** Code hosts show a result at a file and line; one that has none of its own stands at the first. */
function location(finding: Finding): object {
  const logical = [finding.resource, finding.path].filter(name => name !== undefined).map(name => ({ fullyQualifiedName: name }));
  return {
    physicalLocation: {
      artifactLocation: { uri: encodeURI(finding.file ?? 'input') },
      region: { startLine: finding.line ?? 1 },
    },
    ...logical.length > 0 && { logicalLocations: logical },
  };
}
