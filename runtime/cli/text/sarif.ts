import type { Finding, Severity } from '../../../src/analysis';
import { CODES } from '../../../src/model/codes';

const LEVEL: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** Findings as SARIF 2.1.0, which code hosts show beside the lines. */
export function sarif(findings: readonly Finding[]): object {
  const codes = [...new Set(findings.map(finding => finding.code))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [{
      tool: { driver: { name: 'cdk8s-mesh', rules: codes.map(id => ({ id, shortDescription: { text: CODES[id] ?? id } })) } },
      results: findings.map(finding => ({
        ruleId: finding.code,
        ruleIndex: codes.indexOf(finding.code),
        level: LEVEL[finding.severity],
        message: { text: `${finding.message}${finding.repair === undefined ? '' : `; ${finding.repair}`}` },
        locations: [location(finding)],
        properties: { istioCode: finding.istioCode, field: finding.field, path: finding.path },
      })),
    }],
  };
}

function location(finding: Finding): object {
  const logical = [finding.resource, finding.path].filter(name => name !== undefined).map(name => ({ fullyQualifiedName: name }));
  return {
    ...finding.file !== undefined && {
      physicalLocation: {
        artifactLocation: { uri: encodeURI(finding.file) },
        ...finding.line !== undefined && { region: { startLine: finding.line } },
      },
    },
    ...logical.length > 0 && { logicalLocations: logical },
  };
}
