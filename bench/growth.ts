/**
 * CPU that one changed VirtualService costs in a small mesh and in one ten times as large: model, compiler, and for each of 20 sidecars of
 * one scope its configuration ready for the wire. Sidecars are known by the node they sent when they connected. Nothing is sent.
 */
import { least, machine, meshOf, serviceName, timed, virtualServiceOf } from './mesh';
import { snapshotOf } from '../runtime/control-plane/store/snapshot';
import type { Compiler } from '../src/compiler/compiler';
import { createCompiler } from '../src/compiler/compiler';
import { findWorkload } from '../src/model/find-workload';
import type { Model } from '../src/model/model';
import { buildModel } from '../src/model/model';
import { resourcesOf } from '../src/model/parse';
import { proxyFromNode, proxyOf } from '../src/model/proxy';
import type { NodeLike } from '../src/model/proxy';
import type { Resource } from '../src/model/resource';

const SIZES = [100, 1000];
const SIDECARS = 20;
const CHANGES = 40;

interface Costs { readonly model: number; readonly compile: number; readonly wire: number; readonly made: number }

function costsOf(services: number): Costs & { readonly whole: number } {
  let resources: readonly Resource[] = resourcesOf(meshOf(services));
  let model: Model | undefined;
  let compiler: Compiler | undefined;
  let nodes: readonly NodeLike[] | undefined;
  const serve = (): Costs => {
    const built = timed(() => buildModel(resources, {}, model));
    model = built.result;
    const now = model;
    nodes ??= Array.from({ length: SIDECARS }, (_, index) => proxyOf(now, findWorkload(now, `${serviceName(index)}-v1`)));
    const asked = nodes;
    const compiled = timed(() => {
      compiler = createCompiler(now, compiler);
      const current = compiler;
      return asked.map(node => current.compile(proxyFromNode(node, now)));
    });
    const wire = timed(() => compiled.result.map(each => snapshotOf(each)));
    const made = [...compiler!.mesh.memo.made.values()].reduce((sum, count) => sum + count, 0);
    return { model: built.cpuMs, compile: compiled.cpuMs, wire: wire.cpuMs, made };
  };
  const first = serve();
  const changes = Array.from({ length: CHANGES }, (_, round) => {
    const [next] = resourcesOf([virtualServiceOf(round % services, `${round + 11}s`)]);
    resources = resources.map(resource => (resource.kind === next!.kind && resource.metadata.name === next!.metadata.name ? next! : resource));
    global.gc?.();
    return serve();
  }).slice(CHANGES / 2);
  const best = (of: (costs: Costs) => number) => least(changes.map(of));
  return {
    model: best(({ model: ms }) => ms),
    compile: best(({ compile }) => compile),
    wire: best(({ wire }) => wire),
    made: best(({ made }) => made),
    whole: first.model + first.compile + first.wire,
  };
}

const [small, large] = SIZES.map(costsOf) as [ReturnType<typeof costsOf>, ReturnType<typeof costsOf>];
const total = ({ model, compile, wire }: Costs): number => model + compile + wire;
const row = (what: string, of: (costs: typeof small) => number) => (
  `${what.padEnd(34)}${of(small).toFixed(1).padStart(9)}${of(large).toFixed(1).padStart(9)}${(of(large) / of(small)).toFixed(1).padStart(7)} x\n`);
process.stdout.write(`One VirtualService changes, ${SIDECARS} sidecars, ${machine()}\n${''.padEnd(34)}${SIZES.map(size => String(size).padStart(9)).join('')} services\n`);
process.stdout.write([
  row('from nothing, CPU ms', ({ whole }) => whole), row('model, CPU ms', ({ model }) => model), row('compile, CPU ms', ({ compile }) => compile),
  row('ready for the wire, CPU ms', ({ wire }) => wire), row('change, CPU ms', total), row('results made anew', ({ made }) => made),
].join(''));
process.stdout.write('target: a change costs at most 2 x the CPU in the mesh of ten times the services\n');
