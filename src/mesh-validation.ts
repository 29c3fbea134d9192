import { readFileSync } from 'fs';
import { guarded, requireProps } from './private/arguments';
import { findingsOf } from './private/verify';

/** Settings of `MeshValidation`, the `properties` of its entry in cdk8s.yaml. */
export interface MeshValidationProps {
  /**
   * Whether warnings fail the validation as errors do.
   * @default false
   */
  readonly failOnWarnings?: boolean;
}

/**
 * Analysis of everything an app synthesizes, as a plugin of `cdk8s synth --validate`: what Istio or Envoy would refuse, and what would
 * never work, before anything is applied. Findings carry the path of their construct.
 *
 * In cdk8s.yaml: `validations: [{package: cdk8s-mesh, version: X.Y.Z, class: MeshValidation}]`.
 */
export class MeshValidation {
  private readonly failOnWarnings: boolean;

  public constructor(props: MeshValidationProps = {}) {
    requireProps(undefined, 'MeshValidationProps', props); // of a YAML file
    this.failOnWarnings = props.failOnWarnings ?? false;
  }

  /**
   * Called by cdk8s-cli with its `ValidationContext`.
   * @param context what was synthesized, and the report to fill
   */
  public async validate(context: any): Promise<void> {
    const manifests: readonly string[] = context.manifests;
    const findings = findingsOf(new Map(manifests.map((file) => [file, readFileSync(file, 'utf-8')])));
    for (const found of findings) {
      const [name] = (found.resource ?? '').split('/').reverse();
      context.report.addViolation({
        ruleName: found.istioCode === undefined ? found.code : `${found.code} (${found.istioCode})`,
        recommendation: `${found.severity}: ${found.message}`,
        fix: found.repair ?? 'see docs/errors.md',
        violatingResources: [{ resourceName: name, locations: [found.field ?? 'metadata'], manifestPath: found.file ?? manifests[0] ?? '' }],
      });
    }
    const worst: readonly string[] = this.failOnWarnings ? ['error', 'warning'] : ['error'];
    context.report.submit(findings.some(({ severity }) => worst.includes(severity)) ? 'failure' : 'success');
  }
}

guarded('MeshValidation', MeshValidation);
