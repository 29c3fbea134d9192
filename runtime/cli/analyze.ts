import type { Command } from 'commander';
import { Option } from 'commander';
import { EXIT, exitCodeOf } from './exit';
import { readInput } from './input';
import type { Io } from './io';
import { findingLine } from './text/finding-line';
import { sarif } from './text/sarif';
import type { Finding } from '../../src/analysis';
import { analyzeResources } from '../../src/analysis';

/** `analyze`: everything wrong with the manifests, for people, scripts or code hosts. */
export function registerAnalyze(program: Command, io: Io, done: (code: number) => void): void {
  program.command('analyze')
    .description('find what is wrong with manifests')
    .argument('<dir...>', 'folders or files of Kubernetes and Istio manifests, - for standard input')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['text', 'json', 'sarif']).default('text'))
    .addHelpText('after', `
Each finding names file and line (or the construct), the rule, the value received and a repair; where Istio has a code for it,
that too.
Of folders every .yaml, .yml and .json file is read; what is no manifest there is skipped, and told. A file that is named is judged.
Exit code 1 with any finding of severity warning or error, 2 where some of the input cannot be read.

Examples:
  $ cdk8s-mesh analyze dist
  $ cdk8s-mesh analyze bookinfo.yaml virtual-service.yaml -o json
  $ helm template chart | cdk8s-mesh analyze -
  $ cdk8s-mesh analyze dist -o sarif > findings.sarif`)
    .action((paths: string[], { output }: { output: 'text' | 'json' | 'sarif' }) => {
      const input = readInput(paths, io);
      const findings = analyzeResources(input.resources, input.errors);
      io.stdout.write(PRINT[output](findings, io));
      if (output === 'text' && findings.length === 0) io.stderr.write(`No findings in ${input.resources.length} resources of ${input.files.length} files.\n`);
      const told = findings.some(finding => finding.severity !== 'info') ? EXIT.findings : EXIT.good;
      done(Math.max(told, exitCodeOf(input.errors)));
    });
}

const PRINT: Readonly<Record<'text' | 'json' | 'sarif', (findings: readonly Finding[], io: Io) => string>> = {
  text: (findings, io) => findings.map(finding => `${findingLine(finding, io.color)}\n`).join(''),
  json: findings => `${JSON.stringify(findings, undefined, 2)}\n`,
  sarif: findings => `${JSON.stringify(sarif(findings), undefined, 2)}\n`,
};
