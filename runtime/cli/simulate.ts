import type { Command } from 'commander';
import { Option } from 'commander';
import { createColors } from 'picocolors';
import { EXIT } from './exit';
import { readText } from './input';
import type { Io } from './io';
import { readMesh } from './model-input';
import { judge, Names, type Judged } from './simulate/judge';
import { readScenarios, type Scenario } from './simulate/scenario';
import { columns } from './text/columns';
import { UsageError } from './usage-error';
import { createExplainer, explanationText, type Explainer, type Explanation } from '../../src/analysis/explain';
import { MeshError } from '../../src/model/error';
import type { Model } from '../../src/model/model';

interface Options {
  readonly output: 'text' | 'json';
  readonly trace?: boolean;
}

/** `simulate`: many requests from a file, each held against what is expected of it. */
export function registerSimulate(program: Command, io: Io, done: (code: number) => void): void {
  program.command('simulate')
    .description('send the requests of a file through the mesh that manifests describe, and check what is expected of them')
    .argument('<file>', 'YAML file of requests and expectations')
    .argument('<dir...>', 'folders or files of Kubernetes and Istio manifests')
    .option('--trace', 'print all that was tried for each request that fails')
    .addOption(new Option('-o, --output <format>', 'form of the output').choices(['text', 'json']).default('text'))
    .addHelpText('after', `
The file is a list. Each entry has a request, who sends it, and what is expected:

  - name: jason sees the new version
    from: productpage-v1               # WORKLOAD, gateway:NAME, or outside (default)
    request: GET http://reviews:9080/reviews/0
    headers: {end-user: jason}
    expect: {target: reviews/v2, timeout: 10s}
  - from: productpage-v1
    request: http://reviews:9080/
    expect: {distribution: {reviews/v1: 90, reviews/v2: 10}}
  - from: ratings-v1
    request: DELETE http://reviews:9080/reviews/0
    claims: {iss: https://issuer.example, sub: alice}   # a token that counts as signed
    expect: {outcome: denied, status: 403}

Entries also take namespace, address, at (the time, for tokens), externalAuthorizer (its status) and sni; expect also takes flag,
details, redirect, rule, retries, mirror, path, host and headers. Nothing is sent anywhere. Exit code 1 where an expectation fails.

Examples:
  $ cdk8s-mesh simulate requests.yaml dist
  $ cdk8s-mesh simulate requests.yaml dist --trace
  $ cdk8s-mesh simulate requests.yaml base overlay -o json`)
    .action((file: string, paths: string[], { output, trace = false }: Options) => {
      const scenarios = readScenarios(readText(file, io.cwd), file);
      const { model, compiler } = readMesh(paths, io);
      const judged = run(model, createExplainer(model, { compiler }), scenarios);
      io.stdout.write(output === 'json' ? `${JSON.stringify(judged.map(record), undefined, 2)}\n` : report(model, judged, trace, io.color));
      done(judged.some(({ failures }) => failures.length > 0) ? EXIT.findings : EXIT.good);
    });
}

/** All of them; a request that names what does not exist is an error of the file. */
function run(model: Model, explainer: Explainer, scenarios: readonly Scenario[]): Judged[] {
  const errors: MeshError[] = [];
  const judged = scenarios.flatMap((scenario): Judged[] => {
    try {
      return [judge(model, scenario, explainer.explain(scenario.spec))];
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      errors.push(error.where === undefined ? new MeshError(error.code, error.rule, scenario.where) : error);
      return [];
    }
  });
  if (errors.length > 0) throw new UsageError(errors.map(({ message }) => message).join('\n'));
  return judged;
}

function record({ scenario: { name, where, spec, expect }, explanation, failures }: Judged): object {
  return { name, where, passed: failures.length === 0, failures, request: spec, expect, result: withoutTrace(explanation) };
}

function withoutTrace({ trace: _trace, ...result }: Explanation): Omit<Explanation, 'trace'> { return result; }

function report(model: Model, judged: readonly Judged[], trace: boolean, color: boolean): string {
  const paint = createColors(color);
  const failed = judged.filter(({ failures }) => failures.length > 0);
  const table = columns([
    ['', 'REQUEST', 'FROM', 'RESULT'],
    ...judged.map(({ scenario, explanation, failures }) => [
      failures.length === 0 ? '✓' : '✗', scenario.name, scenario.spec.from, new Names(model, scenario).result(explanation),
    ]),
  ], 2);
  const lines = failed.flatMap(({ scenario: { where, name }, explanation, failures }) => [
    ...failures.map(failure => `${paint.red('✗')} [${where}] ${name}: ${failure}`),
    ...(trace ? [explanationText(explanation).replace(/^/gm, '    ')] : []),
  ]);
  const total = `${judged.length - failed.length} passed, ${failed.length} failed`;
  return `${table}\n${lines.map(line => `${line}\n`).join('')}${lines.length > 0 ? '\n' : ''}${total}\n`;
}
