import { analyze } from '../../src/analysis';
import type { Finding } from '../../src/analysis';
import { fieldOf } from '../../src/analysis/finding';
import { refusals } from '../../src/compiler/refusals';
import { MeshError } from '../../src/model/error';
import type { Model } from '../../src/model/model';
import { resourceName, whereOf } from '../../src/model/resource';

/** A finding as an error that ends a command. */
export function errorOf(finding: Finding): MeshError {
  const subject = finding.resource === undefined ? '' : `${finding.resource}: `;
  const where = finding.path ?? (finding.file === undefined ? finding.resource : finding.line === undefined ? finding.file : `${finding.file}:${finding.line}`);
  return new MeshError(finding.code, `${subject}${finding.message}${finding.repair === undefined ? '' : `; ${finding.repair}`}`, where);
}

/**
 * What keeps a model from being compiled: what the API server and istiod would not take, and fields that are not compiled yet. A field
 * that no version of Istio has is told once, by its finding, which knows what was meant.
 */
export function refused(model: Model, findings: readonly Finding[] = analyze(model)): MeshError[] {
  const rejected = findings.filter(({ istioCode, severity }) => istioCode === ADMISSION && severity === 'error');
  const told = new Set(rejected.map(({ resource, field }) => `${resource} ${field}`));
  return [
    ...rejected.map(errorOf),
    ...refusals(model).filter(({ resource, path }) => !told.has(`${resourceName(resource)} ${fieldOf(path)}`))
      .map(({ code, message, resource, path }) => new MeshError(code, message, whereOf(resource, path))),
  ];
}

/** Istio's code for whatever its admission refuses. */
const ADMISSION = 'IST0106';
