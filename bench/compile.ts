/**
 * CPU time to make a model of a mesh and to compile its first sidecar, and a second one of the same scope. Each round begins from nothing, in
 * a program that runs on: the first round, where nothing is warm, is told apart.
 */
import { least, machine, meshOf, serviceName, timed } from './mesh';
import { createCompiler } from '../src/compiler/compiler';
import { findWorkload } from '../src/model/find-workload';
import { buildModel } from '../src/model/model';
import { resourcesOf } from '../src/model/parse';
import { proxyOf } from '../src/model/proxy';

const ROUNDS = 7;
const TARGET_MS = 100;

for (const services of [300, 1000]) {
  const resources = resourcesOf(meshOf(services));
  const rounds = Array.from({ length: ROUNDS }, () => {
    const model = timed(() => buildModel(resources));
    const proxyAt = (index: number) => proxyOf(model.result, findWorkload(model.result, `${serviceName(index)}-v1`));
    const compiler = createCompiler(model.result);
    const first = timed(() => compiler.compile(proxyAt(0)));
    const second = timed(() => compiler.compile(proxyAt(1)));
    return { model, first, second };
  });
  const row = (what: string, of: (round: typeof rounds[number]) => { ms: number; cpuMs: number }) => (
    `${what.padEnd(28)}${of(rounds[0]!).cpuMs.toFixed(0).padStart(6)} ms cold ${least(rounds.slice(1).map(round => of(round).cpuMs)).toFixed(1).padStart(7)} ms warm\n`);
  process.stdout.write(`${services} services, ${resources.length} resources, ${machine()}
${row('model', ({ model }) => model)}${row('first sidecar', ({ first }) => first)}${row('second sidecar, same scope', ({ second }) => second)}\n`);
}
process.stdout.write(`target: first sidecar of 1,000 services within ${TARGET_MS} ms; measured nowhere else, so no ratio\n`);
