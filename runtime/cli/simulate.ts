import type { Command } from 'commander';
import { Option } from 'commander';
import { createColors } from 'picocolors';
import { EXIT } from './exit';
import { readText } from './input';
import type { Io } from './io';
import { readMesh, type Mesh } from './model-input';
import { answersText, judge, judgeAnswers, Names, type Judged } from './simulate/judge';
import { readScenarios, type Step } from './simulate/scenario';
import { columns } from './text/columns';
import { UsageError } from './usage-error';
import { createExplainer, explanationText, type Explanation } from '../../src/analysis/explain';
import { MeshPlay, seededDraw, withReplicas } from '../../src/analysis/play';
import { MeshError } from '../../src/model/error';
import { buildModel, type Model } from '../../src/model/model';

interface Options {
  readonly output: 'text' | 'json';
  readonly trace?: boolean;
  readonly seed: number;
}

/** `simulate`: many requests from a file, each held against what is expected of it. */
export function registerSimulate(program: Command, io: Io, done: (code: number) => void): void {
  program.command('simulate')
    .description('send the requests of a file through the mesh that manifests describe, and check what is expected of them')
    .argument('<file>', 'YAML file of requests and expectations')
    .argument('<dir...>', 'folders or files of Kubernetes and Istio manifests')
    .option('--trace', 'print all that was tried for each request that fails')
    .addOption(new Option('--seed <number>', 'where chance begins on the clock; the same number gives the same answers').argParser(seedOf).default(1))
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

Entries also take namespace, address, at (the time, for tokens), externalAuthorizer (its status), sni and clientCertificate;
expect also takes flag, details, redirect, rule, retries, mirror, path, host and headers. Nothing is sent anywhere. Exit code 1
where an expectation fails.

A request with \`answer\` among its expectations is played on a clock that begins at 0. Between requests, time goes by and applications
change what they do:

  - behave: {reviews-v1: {does: hang, times: 3}, ratings: 503}   # a status, hang, reset, refuse, unreachable; also takes, until, then
  - from: productpage-v1
    request: http://reviews:9080/
    expect: {answer: {status: 504, flags: 'UT,URX', attempts: 4, atLeast: 8s, within: 10s}}
  - advance: 30s
  - from: productpage-v1
    request: http://reviews:9080/
    atOnce: 5
    expect: {answer: {statuses: {200: 3, 503: 2}}}

Examples:
  $ cdk8s-mesh simulate requests.yaml dist
  $ cdk8s-mesh simulate requests.yaml dist --trace
  $ cdk8s-mesh simulate requests.yaml base overlay -o json`)
    .action((file: string, paths: string[], { output, trace = false, seed }: Options) => {
      const scenarios = readScenarios(readText(file, io.cwd), file);
      const mesh = readMesh(paths, io);
      const judged = run(mesh, scenarios, seed);
      io.stdout.write(output === 'json' ? `${JSON.stringify(judged.map(record), undefined, 2)}\n` : report(mesh.model, judged, trace, io.color));
      done(judged.some(({ failures }) => failures.length > 0) ? EXIT.findings : EXIT.good);
    });
}

/** All of them; a request that names what does not exist is an error of the file. */
function run({ model, resources, compiler }: Mesh, scenarios: readonly Step[], seed: number): Judged[] {
  const explainer = createExplainer(model, { compiler });
  const errors: MeshError[] = [];
  let started: MeshPlay | undefined;
  const clock = (): MeshPlay => started ??= new MeshPlay(buildModel(withReplicas(resources, model)), seededDraw(seed));
  const judged = scenarios.flatMap((scenario): Judged[] => {
    try {
      if (!('spec' in scenario)) {
        for (const [name, phases] of Object.entries(scenario.behave ?? {})) clock().behave(name, undefined, phases);
        for (const [name, ready] of Object.entries(scenario.ready ?? {})) clock().setReady(name, undefined, ready);
        if (scenario.advance !== undefined) clock().clock.advance(scenario.advance * 1000);
        return [];
      }
      const judgment = judge(model, scenario, explainer.explain(scenario.spec));
      if (scenario.atOnce === undefined) return [judgment];
      const play = clock();
      const played = Array.from({ length: scenario.atOnce }, () => play.send(scenario.spec));
      let over = 0;
      play.clock.runUntil(() => {
        while (over < played.length && played[over]!.elapsedMs !== undefined) over++;
        return over === played.length;
      });
      return [{ ...judgment, played, failures: [...judgment.failures, ...judgeAnswers(model, scenario, played)] }];
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      errors.push(error.where === undefined ? new MeshError(error.code, error.rule, scenario.where) : error);
      return [];
    }
  });
  if (errors.length > 0) throw new UsageError(errors.map(({ message }) => message).join('\n'));
  return judged;
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 1 || seed > 2 ** 31 - 2) throw new UsageError(`--seed must be a whole number from 1 to ${2 ** 31 - 2}, got ${text}; leave it away for 1`);
  return seed;
}

function record({ scenario: { name, where, spec, expect }, explanation, failures, played }: Judged): object {
  const result = withoutTrace(explanation);
  return { name, where, passed: failures.length === 0, failures, request: spec, expect, result, ...(played && { answers: played }) };
}

function withoutTrace({ trace: _trace, ...result }: Explanation): Omit<Explanation, 'trace'> { return result; }

function report(model: Model, judged: readonly Judged[], trace: boolean, color: boolean): string {
  const paint = createColors(color);
  const failed = judged.filter(({ failures }) => failures.length > 0);
  const table = columns([
    ['', 'REQUEST', 'FROM', 'RESULT'],
    ...judged.map(({ scenario, explanation, failures, played }) => [
      failures.length === 0 ? '✓' : '✗', scenario.name, scenario.spec.from,
      played === undefined ? new Names(model, scenario).result(explanation) : answersText(played),
    ]),
  ], 2);
  const lines = failed.flatMap(({ scenario: { where, name }, explanation, failures }) => [
    ...failures.map(failure => `${paint.red('✗')} [${where}] ${name}: ${failure}`),
    ...(trace ? [explanationText(explanation).replace(/^/gm, '    ')] : []),
  ]);
  const total = `${judged.length - failed.length} passed, ${failed.length} failed`;
  return `${table}\n${lines.map(line => `${line}\n`).join('')}${lines.length > 0 ? '\n' : ''}${total}\n`;
}
