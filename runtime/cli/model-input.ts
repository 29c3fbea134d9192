import { readWholeInput } from './input';
import type { Io } from './io';
import type { Compiler } from '../../src/compiler/compiler';
import { createCompiler } from '../../src/compiler/compiler';
import { refusals } from '../../src/compiler/refusals';
import { withGatewayWorkloads } from '../../src/model/gateway-workloads';
import type { Model } from '../../src/model/model';
import { buildModel } from '../../src/model/model';
import { whereOf } from '../../src/model/resource';

/** A mesh read from DIRs, ready to be asked about its proxies. */
export interface Mesh {
  readonly model: Model;
  readonly compiler: Compiler;
  /** Whether some field of the input cannot be compiled yet; each was named on stderr. */
  readonly refused: boolean;
}

/** Reads DIRs into a compiler. Gateways without a workload get one, and the user is told. */
export function readMesh(paths: readonly string[], io: Io): Mesh {
  const { resources, added } = withGatewayWorkloads(readWholeInput(paths, io).resources);
  for (const name of added) io.stderr.write(`note: added ${name}, as no workload carries the labels that a Gateway selects\n`);
  const model = buildModel(resources);
  const refused = refusals(model);
  for (const refusal of refused) io.stderr.write(`[${whereOf(refusal.resource, refusal.path)}] ${refusal.code}: ${refusal.message}\n`);
  return { model, compiler: createCompiler(model), refused: refused.length > 0 };
}
